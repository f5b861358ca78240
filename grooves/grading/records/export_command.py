"""The command `grooves labs export`: grades for other programs. Labs of every chapter."""

from __future__ import annotations

import argparse
from pathlib import Path

from grooves.grading.masters import LabError, labs_folder
from grooves.grading.records import exports, options
from grooves.grading.records.store import Store
from grooves.grading.term import term_file, time_zone
from grooves.grading.terminal import say

HELP = """\
Write grades and feedback in a form that another program can import.

    moodle  grades for "Upload grading worksheet", and a zip for "Upload multiple feedback files"
    canvas  grades for the gradebook's import, and a zip for "Upload submissions"
    csv     one table of all labs with a row for each student, which Excel can open

With --people, the table that you downloaded from Moodle or Canvas is filled in, and its other
columns are left unchanged. That is the safest choice.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs export`."""
    parser.add_argument("kind", choices=exports.KINDS, help="for which program")
    options.add_lab(parser)
    parser.add_argument(
        "--people", type=Path, metavar="FILE", help="Moodle's worksheet or Canvas's gradebook"
    )
    parser.add_argument(
        "--column", help="the gradebook's column to fill in (default: the lab's title)"
    )
    parser.add_argument(
        "--scale", action="store_true",
        help="scale the points to the maximum in Moodle's worksheet (moodle only)",
    )  # fmt: skip
    parser.add_argument(
        "--semicolons", action="store_true",
        help="for a version of Excel that uses decimal commas (csv only)",
    )  # fmt: skip
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Write the exports. Returns the exit status."""
    term = term_file.find(args.term, labs_folder().parent)
    with Store.there(args.out) as store:
        time_zone.compare(store, term.zone, False, say)
        labs = options.labs_of(store, args.lab)
        if args.kind == "csv":
            say(f"{exports.all_labs(store, term, args.semicolons)} written")
            return 0
        status = 0
        for lab in labs:
            try:
                exports.write(
                    args.kind, store, lab, term, args.people, store.folder, say, args.column,
                    args.scale,
                )  # fmt: skip
            except LabError as error:  # the other labs are exported all the same
                say(str(error))
                status = 2
    return status
