"""The command `grooves labs adjust`: an instructor's changes to grades. Labs of every chapter."""

from __future__ import annotations

import argparse
from pathlib import Path

from grooves.grading.grading_run import write
from grooves.grading.masters import labs_folder
from grooves.grading.records import adjustments, options
from grooves.grading.records.results import Adjustment
from grooves.grading.records.store import Store
from grooves.grading.term import term_file, time_zone
from grooves.grading.terminal import say

HELP = """\
Change points, give bonus points, comments and extensions. Changes are kept when a submission is
graded again; the table and the feedback pages are rewritten.

FILE is a table (CSV) with the column student and any of these, or TOML with [[adjust]] tables:

    student    name, number, e-mail or file, as in the class's table
    lab        name or number; may be left out if only one lab was graded
    exercise   name or number; empty for the lab as a whole
    points     3 replaces the points earned; +1 or -1 is added to them
    due        the due date for this student, such as 2026-11-30 23:59
    handed_in  when it was handed in, if the files do not say so
    comment    shown on the student's page
    reason     shown beside changed points

A later row for the same student and exercise changes only the columns that it fills in; a row that
fills in none of them undoes all earlier changes. Rows that cannot be understood are reported, and
the others take effect. In TOML, write points in quotes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs adjust`."""
    parser.add_argument("file", type=Path, help="the changes: .csv or .toml")
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Store the changes. Returns the exit status; 1 where a row was not understood."""
    term = term_file.find(args.term, labs_folder().parent)
    with Store.there(args.out) as store:
        time_zone.compare(store, term.zone, False, say)
        found, problems = adjustments.read(args.file, store)
        taken_back = store.adjust(found)
        for problem in problems:
            say(problem)
        kept = sum(not one.says_nothing for one in found)
        say(f"{'1 change' if kept == 1 else f'{kept} changes'} stored in {store.path}")
        for lab in sorted({one.lab for one in found}):
            totals = {one.person for one in found if one.lab == lab and not one.exercise
                      and one.points and one.points[0] not in "+-"}  # fmt: skip
            everyone = write(store, lab, term, say)
            names = {one.person.key: one.person.name for one in everyone}
            was = {(one.person, one.exercise): one for one in taken_back if one.lab == lab}
            for one in found:
                if one.lab == lab and one.says_nothing:
                    name = names.get(one.person, one.person)
                    say(_taken_back(name, one, was.pop((one.person, one.exercise), None)))
            for one in everyone:
                if one.person.key in totals:
                    say(
                        f"{one.person.name}: the total is now {one.total:g}, whatever the checks "
                        f"say; write +{one.total:g} to add points instead"
                    )
    return 1 if problems else 0


def _taken_back(name: str, row: Adjustment, was: Adjustment | None) -> str:
    """A sentence about a row without changes. was: what it undid, None if there was nothing."""
    of = f"{name}, {row.lab}, {row.exercise or 'the lab as a whole'}"
    if was is None:
        return f"nothing to undo: {of}; this row has no effect"
    columns = ("points", "due", "handed_in", "comment", "reason")
    said = [f"{column} {getattr(was, column)}" for column in columns if getattr(was, column)]
    return f"undone: {of} ({', '.join(said)})"
