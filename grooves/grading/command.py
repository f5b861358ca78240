"""The command `grooves labs`: makes the students' notebooks and grades what they hand in.

Key idea: all actions start from the masters in `labs/solutions/`, so each lab is written once.
This module has the authors' actions; the other actions have modules of their own.
Labs of every chapter.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from grooves.grading.masters import (
    LabError,
    chosen,
    exercise_table,
    labs_folder,
    masters,
    read_master,
    release_text,
    stored,
)
from grooves.grading.teachers_page import updated

TABLE = "grooves/assets/exercises.json"  # what the checks know of points and titles
TEACHERS_PAGE = "labs/solutions/README.md"

ACTIONS = {  # each brings add_arguments(parser) and main(args)
    "grade": (
        "grooves.grading.grade_command",
        "grade a folder of submissions (runs students' code: read its --help)",
    ),
    "adjust": (
        "grooves.grading.records.adjust_command",
        "change points, give bonus points, comments and extensions",
    ),
    "remove": (
        "grooves.grading.records.remove_command",
        "remove a submission from the results",
    ),
    "export": (
        "grooves.grading.records.export_command",
        "write grades and feedback for Moodle, Canvas or a spreadsheet",
    ),
    "report": (
        "grooves.grading.records.report_command",
        "show how the class did in each exercise",
    ),
    "similar": (
        "grooves.grading.records.similar_command",
        "list submissions whose code is alike",
    ),
    "handout": (
        "grooves.grading.term.handout_command",
        "make the notebooks that term.toml hands out",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs`."""
    names = "|".join(("release", "new-exercise", *ACTIONS))
    actions = parser.add_subparsers(dest="labs_action", required=True, metavar=names)
    releasing = actions.add_parser(
        "release",
        help="make the students' notebooks from labs/solutions/",
        description="Make the students' notebooks in labs/ from the masters in labs/solutions/. "
        "Solutions and hidden tests are removed; nothing else changes.",
    )
    releasing.add_argument("name", nargs="*", help="only these labs, by name or number")
    releasing.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with status 1 if a lab is out of date",
    )
    new = actions.add_parser(
        "new-exercise",
        help="write the files that a new exercise needs",
        description="Add four cells to the master of a lab, a check, and two answers for tests, "
        "and list what is left to fill in. CONTRIBUTING.md explains each step.",
    )
    new.add_argument("lab", help="the lab, by name or number (04_transformer or 4)")
    new.add_argument("name", help="the function that students write, for example leaky_relu")
    new.add_argument(
        "--after", metavar="NAME", help="put it after this exercise (default: the last)"
    )
    new.add_argument("--points", type=int, default=1, help="its points (default 1)")
    new.add_argument("--minutes", type=int, default=6, help="the minutes that it takes (default 6)")
    for name, (module, what) in ACTIONS.items():
        brought = importlib.import_module(module)
        action = actions.add_parser(
            name,
            help=what,
            description=getattr(brought, "HELP", what[0].upper() + what[1:] + "."),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        brought.add_arguments(action)


def main(args: argparse.Namespace) -> int:
    """Run one of the commands `grooves labs ...`. Returns the exit status."""
    try:
        if args.labs_action == "release":
            return release_all(chosen(args.name), args.check)
        if args.labs_action == "new-exercise":
            from grooves.grading.new_exercise import create

            lab = next(iter(chosen([args.lab])))
            where = (lab, args.name, args.after, args.points, args.minutes)
            print("\n".join(create(labs_folder().parent, *where)))
            return 0
        return importlib.import_module(ACTIONS[args.labs_action][0]).main(args)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def release_all(labs: dict[str, Path], only_check: bool = False) -> int:
    """Write the students' notebook of each given master that has changed, and the tables.

    Masters are rewritten in the form in which JupyterLab saves them.

    Returns: the exit status; 1 if `only_check` is set and a file is out of date.
    """
    stale = 0
    made = [(m.parents[1] / m.name, release_text(m)) for m in labs.values()]
    made += [(m, stored(read_master(m))) for m in labs.values()]
    for target, text in made + tables(labs_folder().parent):
        same = target.exists() and target.read_bytes() == text.encode()
        stale += not same
        if only_check:
            print(
                f"{target}: {'up to date' if same else 'out of date; run `grooves labs release`'}"
            )
        elif same:
            print(f"{target}: unchanged")
        else:
            target.write_bytes(text.encode())
            print(f"{target}: written")
    return 1 if only_check and stale else 0


def tables(course: Path) -> list[tuple[Path, str]]:
    """The other files generated from the masters: the checks' table and the teachers' page."""
    known = exercise_table(masters(course / "labs"))
    found = []
    if (course / TABLE).parent.is_dir():
        found.append((course / TABLE, json.dumps(known, indent=1, ensure_ascii=False) + "\n"))
    if (page := course / TEACHERS_PAGE).is_file():
        found.append((page, updated(page.read_text(encoding="utf-8"), known)))
    return found
