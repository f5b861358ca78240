"""The command `grooves labs`: make the students' notebooks, and grade what comes back.

Key idea: both start from the masters in `labs/solutions/`, so a lab is written once.
`grooves.grading.masters` makes the students' notebooks, `grooves.grading.grader` grades one
submission; here is the order in which a whole folder is done. Labs of every chapter.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from grooves.grading.masters import LabError, chosen, release_text

GRADE_HELP = """\
Grade the notebooks in FOLDER: one CSV file a lab, one feedback page a submission.

Each submission gets a kernel of its own. The master gives the order and the checks; only the
answer cells are the student's. An endless loop, a crash, a deleted cell or a syntax error costs
the exercise it is in and no other.

THIS RUNS STUDENTS' CODE on this machine, with the rights of whoever starts it.
Contain it: a throw-away container or user, no network, nothing of value to read, a limit on
memory. With Docker, in the course's folder, where an image "grooves" has the course installed:

    docker run --rm --network none --memory 4g --cpus 2 --pids-limit 512 --read-only \\
        --tmpfs /tmp --volume "$PWD:/course:ro" --volume "$PWD/feedback:/out" \\
        --workdir /course grooves grooves labs grade submissions --out /out

Defended: checks edited in the notebook or replaced in memory; functions of Python, NumPy, PyTorch
and the course replaced in memory (the exercise does not count); a printed "passed"; a written
progress file; changes to the course's files (grading stops); the instructor's environment
variables (not passed on).
Not defended: answer and check share one process, so a determined student can read a check's
expectations while it runs, or forge its result. The code can read files, the masters' solutions
among them. It can fill memory and disk, use the network, start processes that outlive it, and
disturb the submission graded beside it (--jobs 1 avoids that one). Each feedback page shows the
code that was graded: read it where a score surprises.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs`."""
    actions = parser.add_subparsers(dest="labs_action", required=True, metavar="release|grade")
    releasing = actions.add_parser(
        "release",
        help="make the students' notebooks from labs/solutions/",
        description="Make the students' notebooks in labs/ from the masters in labs/solutions/: "
        "solutions and hidden tests are taken out, nothing else changes.",
    )
    releasing.add_argument("name", nargs="*", help="only these labs (for example 04_transformer)")
    releasing.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where a lab is stale"
    )
    grader = actions.add_parser(
        "grade",
        help="grade a folder of submissions (runs students' code: read its --help)",
        description=GRADE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    grader.add_argument("folder", type=Path, help="the submissions: .ipynb files, nested or not")
    grader.add_argument("--lab", help="grade only this lab; otherwise each notebook tells its own")
    grader.add_argument(
        "--time-limit", type=_positive, default=60, metavar="S", help="seconds a cell (default 60)"
    )
    grader.add_argument(
        "--out", type=Path, default=Path("feedback"), help="where to write (default feedback/)"
    )
    grader.add_argument(
        "--jobs", type=int, choices=range(1, 65), default=2, metavar="N",
        help="submissions graded at the same time (default 2)",
    )  # fmt: skip
    grader.add_argument(
        "--no-rehearsal", action="store_true",
        help="do not grade the master's own solutions first, which shows that all works here",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Run `grooves labs release` or `grooves labs grade`. Returns the exit status."""
    try:
        if args.labs_action == "release":
            return release_all(chosen(args.name), args.check)
        return grade_all(args)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def release_all(masters: dict[str, Path], only_check: bool = False) -> int:
    """Write the students' notebook of every master given that changed.

    Returns: the exit status; 1 where `only_check` is set and one is stale.
    """
    stale = 0
    for master in masters.values():
        target = master.parents[1] / master.name
        text = release_text(master)
        same = target.exists() and target.read_bytes() == text.encode()
        stale += not same
        if only_check:
            print(f"{target}: {'up to date' if same else 'stale; run `grooves labs release`'}")
        elif same:
            print(f"{target}: unchanged")
        else:
            target.write_bytes(text.encode())
            print(f"{target}: written")
    return 1 if only_check and stale else 0


def grade_all(args: argparse.Namespace) -> int:
    """Grade a folder; see GRADE_HELP. Returns the exit status. Raises: LabError."""
    from grooves.grading import (  # late: they bring the kernel's client
        feedback,
        grader,
        submissions,
    )
    from grooves.grading.sandbox import KernelFailed

    known = chosen([args.lab] if args.lab else [])
    found, passed_over = submissions.find(args.folder)
    for name in passed_over:
        print(f"passed over, not a notebook: {name}")
    for lab, handed_in in submissions.by_lab(found, list(known), args.lab).items():
        master = grader.Master(known[lab])
        first = "" if args.no_rehearsal else "the master's own solutions first, then "
        print(f"{lab}: {first}{len(handed_in)} handed in", flush=True)
        try:
            if not args.no_rehearsal:
                _rehearse(master, args.time_limit)
            graded = _grade_lab(master, handed_in, args)
        except KernelFailed as error:
            raise LabError(f"{lab}: {error}") from error
        table = args.out / f"{lab}.csv"
        for one in graded:
            path = args.out / lab / f"{one.submission}.html"
            feedback.write_page(path, one, master.title)
        feedback.write_csv(table, graded)
        width = max(len(one.submission) for one in graded)
        for one in sorted(graded, key=lambda g: g.submission):
            print(f"{one.submission:<{width}}  {one.total:g} of {one.out_of:g}")
        print(f"{table} and {len(graded)} feedback pages in {args.out / lab} written")
    return 0


def _grade_lab(master, handed_in: list, args: argparse.Namespace) -> list:
    """Grade all submissions to one lab, `args.jobs` at a time."""
    from tqdm import tqdm

    from grooves.grading import grader

    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    stop = threading.Event()
    package = _package_digest()
    graded = []
    with ThreadPoolExecutor(args.jobs) as pool:
        pending = [
            pool.submit(grader.grade, one, master, args.time_limit, threads, stop)
            for one in handed_in
        ]
        try:
            for done in tqdm(
                as_completed(pending), total=len(pending), desc=master.lab, disable=None
            ):
                graded.append(done.result())
                if _package_digest() != package or not master.sources_are_kept():
                    raise LabError(
                        f"the course's own files were changed while {graded[-1].submission} ran, "
                        "or a submission beside it. No grade was written. Restore the files "
                        "(git status shows which) and grade again in a container."
                    )
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return graded


def _rehearse(master, time_limit_s: float) -> None:
    """Grade the master's own solutions: who fails them would fail everyone."""
    from grooves.grading import grader

    rehearsal = grader.grade(master.as_submission(), master, time_limit_s, os.cpu_count() or 1)
    for result in rehearsal.results:
        if result.state not in ("passed", "by hand"):
            raise LabError(
                f"{master.lab}: the master's own solution of {result.exercise} does not pass here, "
                f"so nothing was graded. {result.message}"
            )


def _package_digest() -> str:
    """A digest of the package's code, which grading relies on and a submission could change."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _positive(text: str) -> float:
    if not (value := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value
