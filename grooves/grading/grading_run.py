"""One grading run over one lab: rehearsal, submissions, table, and what needs a person's attention.

Key idea: the run first tries whether it can write its files, and it writes the table even if it is
interrupted. Labs of every chapter.
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
    """Grade the submissions to one lab and write its table.

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
    # leftovers of another part of the lab would prevent every table, even if the rest is regraded
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
        kept = f", {before} of them already graded and unchanged" if before else ""
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
            f"Stopped. {supervisor.done} of {len(to_do)} were graded, and their results are in "
            f"{store.path}; the same command continues from there."
        )
        raise
    finally:
        everyone = write(store, reference.lab, term, say)
    _say_what_to_look_at(reference.lab, store, submissions, say, everyone)


def write(store: Store, lab: str, term: Term, say: Callable[[str], None]) -> list[Standing]:
    """Write the table and the pages of a lab; no result is lost if a file cannot be written.

    Returns: what counts for each person.
    """
    everyone = standings(store, lab, term.rules(lab))
    if not everyone:
        return everyone
    title = store.labs().get(lab, lab)
    if missing := tables.write_pages(store, lab, title, everyone, term.institution):
        say(f"{missing} feedback pages could not be written; the next run tries again.")
    try:
        table = tables.write_table(store, lab, everyone)
    except OSError as error:
        say(f"The table could not be written ({error}). The results are in {store.path}.")
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
    """Name the submissions that need a person's attention, and results whose files are gone."""
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
        say(f"an old page without a result: {page}")


def _without_submission(one: Standing) -> str:
    """A person on the list, and what they handed in instead of a notebook, if anything."""
    said = one.graded.reason.rstrip(".")
    return one.person.name if one.graded.reason == NOTHING else f"{one.person.name} ({said})"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
