"""The command `grooves student-copy`: the course as students get it. Labs of every chapter."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grooves.grading.masters import LabError, labs_folder
from grooves.grading.records.options import add_term
from grooves.grading.term import term_file
from grooves.grading.term.copy_targets import to_branch, to_folder, to_zip
from grooves.grading.term.student_copy import files
from grooves.grading.terminal import say

HELP = """\
Copy the course for students: without solutions, tests, benchmarks, teaching notes and answers to
exam questions, with the labs as term.toml sets them. Publish the copy as a repository of its own
and give its address in _config.yml (launch_copy); never publish a folder from which solutions were
only deleted, since its history still holds them.
The copy includes the checks, and the checks include the results that they compare with. Students
who look for them can find them, so talk with your students about their code.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves student-copy`."""
    parser.epilog, parser.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--to", type=Path, metavar="FOLDER", help="a new folder (default: student-copy/)"
    )
    where.add_argument(
        "--zip",
        type=Path,
        metavar="FILE",
        help="a zip file; the same course always gives the same bytes",
    )
    where.add_argument(
        "--branch", metavar="NAME", help="a branch of this repository, with a history of its own"
    )
    add_term(parser)


def main(args: argparse.Namespace) -> int:
    """Make the copy. Returns the exit status."""
    course = labs_folder().resolve().parent
    try:
        made = files(course, term_file.find(args.term, course))
        n = f"{len(made)} files"
        if args.branch:
            changed = to_branch(made, course, args.branch)
            say(f"branch {args.branch}: " + (f"{n} committed" if changed else "nothing changed"))
        elif args.zip:
            to_zip(made, args.zip)
            say(f"{args.zip}: {n}")
        else:
            folder = args.to or Path("student-copy")
            to_folder(made, folder)
            say(f"{folder}: {n}")
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
