"""The command `grooves labs`: make the students' notebooks, and grade what comes back.

Key idea: both start from the masters in `labs/solutions/`, so a lab is written once.
`grooves.grading.masters` makes the students' notebooks, `grooves.grading.grading_run` grades what
was handed in to one lab; here are the options, and the order of the labs. Labs of every chapter.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grooves.grading.masters import LabError, chosen, labs_folder, masters, release_text

GRADE_HELP = """\
Grade the notebooks in FOLDER. Results go into one file, results.sqlite, in the folder of --out, and
from it are made a CSV file for each lab and a feedback page for each submission.

Each submission gets a kernel of its own. The master gives the order and the checks; only the
answer cells are the student's. An endless loop, a crash, a deleted cell or a syntax error costs
the exercise it is in and no other.

A run adds submissions or replaces them and never removes one. A submission whose file, lab and
checks did not change is not graded again (--again does it all the same); so a run that was broken
off goes on when the same command is given again.

THIS RUNS STUDENTS' CODE on this machine, with the rights of whoever starts it.
Contain it: a throw-away container or user, no network, nothing of value to read, a limit on
memory. With Docker, in the course's folder, where an image "grooves" has the course installed:

    docker run --rm --network none --memory 4g --cpus 2 --pids-limit 512 --read-only \\
        --tmpfs /tmp --volume "$PWD:/course:ro" --volume "$PWD/feedback:/out" \\
        --workdir /course grooves grooves labs grade submissions --out /out

Defended: checks edited in the notebook or replaced in memory; functions of Python, NumPy, PyTorch
and the course replaced in memory (the exercise does not count); tracing switched off; a reference
answer called in the checks; a printed "passed", a written progress file, anything written into the
grader's pipe without its key; changes to the course's files (each runs from a copy, and the
submission is named); a submission that ends its kernel, its parent or its process group, or leaves
processes behind; the instructor's environment variables (not passed on). Settings (default types,
seeds, printing, warnings) do not count as changes: checks run under the course's own. Where Linux
allows it, a submission sees no processes but its own.

Not defended: answer and check share one process, so code that searches the interpreter's memory or
frames (gc, ctypes, sys._getframe) can read a check's expectations, or the key, and forge a result.
The code can read and write files, the masters' solutions and the results among them. It can fill
memory and disk, use the network, disturb the submission graded beside it (--jobs 1 avoids that
one), and, where it sees other processes, end the grader: the next run then goes on and grades the
suspects last, alone. Each feedback page shows the code that was graded: read it where a score
surprises.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs`."""
    names = "release|grade|new-exercise"
    actions = parser.add_subparsers(dest="labs_action", required=True, metavar=names)
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
    new = actions.add_parser(
        "new-exercise",
        help="write the files that a new exercise needs",
        description="Write four cells into the master of a lab, a check and two answers for the "
        "tests, and say what is left to fill in. CONTRIBUTING.md explains each step.",
    )
    new.add_argument("lab", help="the lab, for example 04_transformer")
    new.add_argument("name", help="the function that students write, for example leaky_relu")
    new.add_argument("--after", metavar="NAME", help="behind this exercise (default: the last)")
    new.add_argument("--points", type=int, default=1, help="what it is worth (default 1)")
    new.add_argument("--minutes", type=int, default=6, help="how long it takes (default 6)")
    grader = actions.add_parser(
        "grade",
        help="grade a folder of submissions (runs students' code: read its --help)",
        description=GRADE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    grader.add_argument("folder", type=Path, help="the submissions: .ipynb files, nested or not")
    grader.add_argument("--lab", help="grade only this lab; otherwise each notebook tells its own")
    grader.add_argument(
        "--time-limit", type=_positive, default=60, metavar="S",
        help="seconds for each cell (default 60)",
    )  # fmt: skip
    grader.add_argument(
        "--out", type=Path, default=Path("feedback"), help="where to write (default feedback/)"
    )
    grader.add_argument(
        "--jobs", type=int, choices=range(1, 65), default=2, metavar="N",
        help="submissions graded at the same time (default 2)",
    )  # fmt: skip
    grader.add_argument(
        "--again", action="store_true", help="grade also what was graded before and did not change"
    )
    grader.add_argument(
        "--no-rehearsal", action="store_true",
        help="do not grade the master's own solutions first, which shows that all works here",
    )  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Run one of the commands `grooves labs ...`. Returns the exit status."""
    try:
        if args.labs_action == "release":
            return release_all(chosen(args.name), args.check)
        if args.labs_action == "new-exercise":
            from grooves.grading.new_exercise import create

            where = (args.lab, args.name, args.after, args.points, args.minutes)
            print("\n".join(create(labs_folder().parent, *where)))
            return 0
        return grade_all(args)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def release_all(labs: dict[str, Path], only_check: bool = False) -> int:
    """Write the students' notebook of every master given that changed.

    Returns: the exit status; 1 where `only_check` is set and one is stale.
    """
    stale = 0
    for master in labs.values():
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
    # late: releasing a lab needs none of this
    from grooves.grading import submissions
    from grooves.grading.assign import Labs, assign
    from grooves.grading.grading_run import grade_lab
    from grooves.grading.records.store import Store

    known = masters(labs_folder())
    chosen([args.lab] if args.lab else [])
    with Store(args.out) as store:
        found, passed_over = submissions.find(args.folder)
        for name in passed_over:
            _say(f"passed over, not a notebook: {name}")
        assigned = assign(found, Labs(known, labs_folder().parent / "notebooks"), args.lab)
        for sentence in assigned.left_out:
            _say(f"left out: {sentence}")
        status = 0
        for lab, handed_in in assigned.by_lab.items():
            try:
                grade_lab(known[lab], handed_in, store, args, _say)
            except LabError as error:
                print(error, file=sys.stderr)
                status = 2
    return status


def _say(line: str) -> None:
    """Print a line that may hold anything that a student can write, on any terminal."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _positive(text: str) -> float:
    if not (value := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value
