"""The command `grooves labs grade`: its options, and the order of the labs.

Key idea: a run adds or replaces submissions; what counts for a person is derived from the store.
Labs of every chapter.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path, PurePosixPath

from grooves.grading import submissions
from grooves.grading.assign import Assigned, Labs, assign, without_other_parts
from grooves.grading.grading_run import grade_lab
from grooves.grading.masters import LabError, lab_named, labs_folder, masters
from grooves.grading.records import class_list, exports
from grooves.grading.records.options import add_term
from grooves.grading.records.people import person_of
from grooves.grading.records.store import Store
from grooves.grading.term import term_file, time_zone
from grooves.grading.terminal import say

HELP = """\
Grade the notebooks in FOLDER. Results are stored in one file, results.sqlite, in the folder given
with --out, together with a CSV file for each lab and a feedback page for each submission.

Each submission runs in a kernel of its own. The order and the checks are those of the course; only
the answer cells are the student's. An endless loop, a crash, a deleted cell or a syntax error costs
only the exercise that it is in.

A run adds or replaces submissions and never removes one. A submission whose file, lab and checks
have not changed is not graded again unless you add --again, so to continue an interrupted run, give
the same command again.

THIS RUNS STUDENTS' CODE on this machine, with your permissions.
Isolate it: use a disposable container or account without network access, without valuable files,
and with a memory limit. With Docker, and an image "grooves" that has the course installed, run this
in the course's folder:

    docker run --rm --network none --memory 4g --cpus 2 --pids-limit 512 --read-only \\
        --tmpfs /tmp --volume "$PWD:/course:ro" --volume "$PWD/feedback:/out" \\
        --workdir /course grooves grooves labs grade submissions --out /out

What grading protects against: checks edited in the notebook or replaced in memory; functions of
Python, NumPy, PyTorch and the course replaced in memory (the exercise does not count); tracing
switched off; calls of a check's reference answer; a printed "passed", a written progress file, or
data written into the grader's pipe without its key; changes to the course's files (kernels use a
copy, and the submission is named); a submission that ends its kernel, its parent or its process
group, or leaves processes behind; access to your environment variables (they are not passed on).
Settings (default types, seeds, printing, warnings) do not count as changes, because checks run
under the course's own settings. If Linux permits it, a submission sees only its own processes.

What it does not protect against: answer and check share one process, so code that searches the
interpreter's memory or frames (gc, ctypes, sys._getframe) can read what a check expects, or the
key, and forge a result. The code can read and write files, including the masters' solutions and the
results. It can fill memory and disk, use the network, and disturb the submission graded at the same
time (--jobs 1 avoids this). If it sees other processes, it can end the grader; the next run then
continues and grades the suspects last, each alone. Each feedback page shows the code that was
graded: read it if a score surprises you.
"""


def add_arguments(grader: argparse.ArgumentParser) -> None:
    """The options of `grooves labs grade`."""
    grader.add_argument("folder", type=Path, help="the submissions: .ipynb files, nested or not")
    grader.add_argument("--lab", help="only this lab, by name or number (default: "
                        "the lab to which each notebook belongs)")  # fmt: skip
    add_term(grader)
    grader.add_argument(
        "--people", type=Path, metavar="FILE",
        help="the class list: Moodle's grading worksheet, Canvas's gradebook, or id, name, email",
    )  # fmt: skip
    grader.add_argument(
        "--time-limit", type=_positive, default=60, metavar="S",
        help="time limit for each cell (default 60)",
    )  # fmt: skip
    grader.add_argument(
        "--out",
        type=Path,
        default=Path("feedback"),
        help="the folder for the results (default feedback/)",
    )
    grader.add_argument(
        "--jobs", type=int, choices=range(1, 65), default=2, metavar="N",
        help="submissions graded at the same time (default 2)",
    )  # fmt: skip
    grader.add_argument("--again", action="store_true", help="grade unchanged submissions again")
    grader.add_argument(
        "--export", choices=exports.KINDS, metavar="KIND",
        help=f"also write grades and feedback for {', '.join(exports.KINDS)}",
    )  # fmt: skip
    grader.add_argument(
        "--no-rehearsal", action="store_true",
        help="do not test this machine first by grading the course's own solutions",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Grade a folder; see HELP. Returns the exit status. Raises: LabError."""
    known = masters(labs_folder())
    args.lab = lab_named(args.lab, known) if args.lab else None
    term = term_file.find(args.term, labs_folder().parent)
    term_file.check_labs(term, known)
    with _told_to_kernels(term), Store(args.out) as store:
        time_zone.compare(store, term.zone, True, say)
        people, problems = class_list.read(args.people) if args.people else ([], [])
        for problem in problems:
            say(problem)
        found, passed_over = submissions.find(args.folder)
        found = submissions.named_as_before(found, store.paths())
        for name in passed_over:
            say(f"skipped, not a notebook: {name}")
        assigned = assign(found, Labs(known, labs_folder().parent / "notebooks"), args.lab)
        assigned = without_other_parts(assigned, known, term)
        for sentence in assigned.left_out:
            say(f"left out: {sentence}")
        to_grade = [one for handed_in in assigned.by_lab.values() for one in handed_in]
        for sentence in submissions.replaced(to_grade, store.paths()):
            say(sentence)
        status = 0
        others = (
            [] if term.labs is None else [lab for lab in assigned.by_lab if lab not in term.labs]
        )
        instead = _handed_in_instead(passed_over, assigned, others)
        for lab, handed_in in assigned.by_lab.items():
            if lab in others:
                continue
            store.note_instead(lab, instead)
            if people:
                store.expect(lab, people)
            try:
                grade_lab(known[lab], handed_in, store, args, say, term)
                if args.export:
                    exports.write(args.export, store, lab, term, args.people, store.folder, say)
            except LabError as error:
                print(error, file=sys.stderr)
                status = 2
        for lab in others:
            names = ", ".join(one.name for one in assigned.by_lab[lab])
            say(f"left out, because {term.path} does not set {lab}: {names}")
        _say_who_is_missing(passed_over, found, people)
    return status


def _handed_in_instead(
    passed_over: list[str], assigned: Assigned, others: list[str]
) -> dict[str, str]:
    """What each file is that is not graded, by names like those of submissions."""
    found = {str(PurePosixPath(name).with_suffix("")): name.split("/")[-1] for name in passed_over}
    for lab in others:
        found |= {one.name: f"a notebook of the lab {lab}" for one in assigned.by_lab[lab]}
    return found | assigned.instead


def _say_who_is_missing(passed_over: list[str], found: list, people: list) -> None:
    """Name those who handed in files but no notebook; warn if nobody on the list handed in."""
    graded = {person_of(one.name, "") for one in found}
    keys = {person.key for person in graded}
    for name in passed_over:
        person = person_of(name, "")
        if person.platform and person.key not in keys:
            say(f"handed in, but not a notebook: {name}")
    names = {person.name.casefold() for person in graded} | keys
    if people and not any({one.key, one.name.casefold()} & names for one in people):
        say(
            "Nobody on the list has handed in. Check that it belongs to this assignment. If it is "
            "from Moodle and not in English, set Moodle's language to English and download it "
            "again."
        )


@contextlib.contextmanager
def _told_to_kernels(term: term_file.Term):
    """Kernels run in other folders, so the checks find the term file by the environment."""
    before = os.environ.pop("GROOVES_TERM", None)
    if term.path:
        os.environ["GROOVES_TERM"] = str(term.path.resolve())
    try:
        yield
    finally:
        os.environ.pop("GROOVES_TERM", None)
        if before is not None:
            os.environ["GROOVES_TERM"] = before


def _positive(text: str) -> float:
    if not (value := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value
