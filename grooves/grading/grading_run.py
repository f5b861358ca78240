"""One run of grading over one lab: rehearsal, submissions, table, and what a person must look at.

Key idea: the places to write are tried first, and the table is written also where the run breaks.
Labs of every chapter.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from grooves.grading.course_files import CourseFiles
from grooves.grading.grader import read_checks, rehearse
from grooves.grading.masters import LabError
from grooves.grading.records import tables
from grooves.grading.records.results import SUBMISSION_STATES
from grooves.grading.records.standing import NOTHING, Standing, other_exercises, standings
from grooves.grading.records.store import Store
from grooves.grading.reference import Reference
from grooves.grading.sandbox import KernelFailed
from grooves.grading.submissions import Submission
from grooves.grading.supervisor import Options, Supervisor
from grooves.grading.term.term_file import Term


def grade_lab(
    master: Path,
    submissions: list[Submission],
    store: Store,
    args: argparse.Namespace,
    say: Callable[[str], None],
    term: Term,
) -> None:
    """Grade what was handed in to one lab, and write its table.

    `args` are the options of `grooves labs grade`; `say` prints a line; `term` says what counts.
    Raises: LabError where nothing can be graded, or results cannot be written.
    """
    with CourseFiles() as files:
        reference = Reference(master, term.plan(master.stem))
        _grade(reference, files, submissions, store, args, say, term)


def _grade(
    reference: Reference,
    files: CourseFiles,
    submissions: list[Submission],
    store: Store,
    args: argparse.Namespace,
    say: Callable[[str], None],
    term: Term,
) -> None:
    store.name_lab(reference.lab, reference.title)
    reference.course = files.folder
    if warning := tables.held_open(store.folder, reference.lab):
        say(warning)
    known = [exercise.name for exercise in reference.exercises]
    others = other_exercises(store, reference.lab, known)
    # what is left of another part of a lab would stop every table, be the rest graded again
    if others and (reference.plan.exercises or not args.again):
        instead = "" if reference.plan.exercises else "; or replace them with --again"
        raise LabError(
            f"{store.folder} holds results of other exercises of {reference.lab} "
            f"({', '.join(others)}), which this run would replace. Grade this part of the lab into "
            f"a folder of its own with --out{instead}."
        )
    try:
        read_checks(reference)
        files.add_checks(reference)
        options = Options(args.time_limit, args.jobs, args.again, term)
        supervisor = Supervisor(reference, files, store, options, say)
        to_do = supervisor.to_do(submissions)
        before = len(submissions) - len(to_do)
        kept = f", {before} of them graded before and unchanged" if before else ""
        say(f"{reference.lab}: {len(submissions)} handed in{kept}")
        if to_do and not args.no_rehearsal:
            say("the master's own solutions first")
            rehearse(reference, args.time_limit, os.cpu_count() or 1)
    except KernelFailed as error:
        raise LabError(f"{reference.lab}: {error}") from error
    try:
        supervisor.run(to_do)
    except KeyboardInterrupt:
        say(
            f"Stopped. {supervisor.done} of {len(to_do)} were graded and are kept in {store.path}; "
            "the same command goes on from there."
        )
        raise
    finally:
        everyone = write(store, reference.lab, term, say)
    _say_what_to_look_at(reference.lab, store, submissions, say, everyone)


def write(store: Store, lab: str, term: Term, say: Callable[[str], None]) -> list[Standing]:
    """Write the table and the pages of a lab; a file that fails costs no result.

    Returns: what counts for each person.
    """
    everyone = standings(store, lab, term.rules(lab))
    if not everyone:
        return everyone
    title = store.labs().get(lab, lab)
    if missing := tables.write_pages(store, lab, title, everyone, term.institution):
        say(f"{missing} feedback pages cannot be written; the next run tries them again.")
    try:
        table = tables.write_table(store, lab, everyone)
    except OSError as error:
        say(f"The table cannot be written ({error}). The results are kept in {store.path}.")
        return everyone
    people = "1 person" if len(everyone) == 1 else f"{len(everyone)} people"
    say(f"{table} written ({people}); pages are in {store.folder / lab}")
    return everyone


def _say_what_to_look_at(
    lab: str,
    store: Store,
    submissions: list[Submission],
    say: Callable[[str], None],
    everyone: list[Standing],
) -> None:
    """Name the submissions that a person must act on, and results of files that are gone."""
    counts = Counter(one.graded.state for one in everyone)
    say(", ".join(f"{counts[state]} {state}" for state in SUBMISSION_STATES if counts[state]))
    for state, what_to_do in SUBMISSION_STATES.items():
        same = [one for one in everyone if one.graded.state == state]
        names = [one.graded.submission or _without_submission(one) for one in same]
        if names and state != "graded":
            say(f"{state} ({what_to_do}): {', '.join(names)}")
    now = {submission.name for submission in submissions}
    for stored in store.all_of(lab):
        name = stored.graded.submission
        if name not in now and not _is_there(stored.path):
            page = tables.page_path(store.folder, lab, name)
            say(f"no longer handed in: {name}, graded {stored.at[:10]}; {page} is kept")
    for page in tables.pages_of_nobody(store, lab):
        say(f"an old page that belongs to no result: {page}")


def _without_submission(one: Standing) -> str:
    """A person on the list, and what was handed in in place of a notebook, if anything was."""
    said = one.graded.reason.rstrip(".")
    return one.person.name if one.graded.reason == NOTHING else f"{one.person.name} ({said})"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
