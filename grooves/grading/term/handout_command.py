"""The command `grooves labs handout`: the students' notebooks of a term. Labs of every chapter."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import nbformat

from grooves.grading.masters import LabError, labs_folder, masters, read_master, release, stored
from grooves.grading.records.options import add_term
from grooves.grading.records.tables import put
from grooves.grading.term import term_file
from grooves.grading.term.planned import planned
from grooves.grading.terminal import say

HELP = """\
Make the students' notebooks of a term from term.toml: the labs and exercises that are set, with
their numbers, points and minutes. The term file goes with them, because the checks and the progress
widget read it. If files of another term are in the folder, they are named and nothing is written.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs handout`."""
    add_term(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("handout"), help="where to write (default handout/)"
    )


def main(args: argparse.Namespace) -> int:
    """Write the folder. Returns the exit status. Raises: LabError."""
    course = labs_folder().parent
    term = term_file.find(args.term, course)
    known = masters(labs_folder())
    term_file.check_labs(term, known)
    _refuse_other_terms(args.out, term, known)
    try:
        for lab, text, notes in notebooks(term, known):
            path = args.out / "labs" / f"{lab}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            put(path, text)
            say(f"{path} written")
            for note in notes:
                say(f"  {note}")
        if term.path:
            shutil.copyfile(term.path, args.out / term_file.NAME)
    except OSError as error:
        raise LabError(f"{args.out} cannot be written ({error.strerror}): name another") from error
    return 0


def _refuse_other_terms(folder: Path, term: term_file.Term, known: dict[str, Path]) -> None:
    """Raises: LabError where files lie in the folder that this term does not hand out."""
    names = {lab for lab in known if term.labs is None or lab in term.labs}
    stale = sorted(p for p in (folder / "labs").glob("*.ipynb") if p.stem not in names)
    if not term.path and (left := folder / term_file.NAME).exists():
        stale.append(left)
    if stale:
        raise LabError(
            f"{', '.join(map(str, stale))}: this term does not hand that out. Remove it, or name "
            "another folder with --out; nothing was written."
        )


def notebooks(term: term_file.Term, known: dict[str, Path]):
    """(lab, the students' notebook as text, what the instructor should know) of each lab set."""
    for lab, path in known.items():
        if term.labs is None or lab in term.labs:
            notebook, notes = planned(read_master(path), lab, term.plan(lab))
            released = release(notebook, lab)
            nbformat.validate(released)
            yield lab, stored(released), notes
