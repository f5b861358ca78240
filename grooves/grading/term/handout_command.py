"""The command `grooves labs handout`: the students' notebooks of a term. Labs of every chapter."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import nbformat

from grooves.grading.masters import (
    LabError,
    exercises_of,
    labs_folder,
    masters,
    read_master,
    release,
    stored,
)
from grooves.grading.records.options import add_term
from grooves.grading.records.tables import put
from grooves.grading.term import term_file
from grooves.grading.term.planned import planned
from grooves.grading.terminal import say

HELP = """\
Make the students' notebooks of a term from term.toml: the labs and exercises that are set, with
their numbers, points and minutes. The term file is copied with them, because the checks and the
progress widget read it; give it to the students, too. If the folder contains files of another term,
they are named and nothing is written. The same term can be handed out again with other dates, other
points or further labs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs handout`."""
    add_term(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("handout"),
        help="the folder to write to (default handout/)",
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
        raise LabError(
            f"{args.out} cannot be written ({error.strerror}): name another folder"
        ) from error
    return 0


def _refuse_other_terms(folder: Path, term: term_file.Term, known: dict[str, Path]) -> None:
    """Raises: LabError where the folder has files that this term does not hand out."""
    names = {lab for lab in known if term.labs is None or lab in term.labs}
    stale = sorted(p for p in (folder / "labs").glob("*.ipynb") if p.stem not in names)
    if not term.path and (left := folder / term_file.NAME).exists():
        stale.append(left)
    if stale:
        raise LabError(
            f"this term does not hand out {', '.join(map(str, stale))}. Remove what is left over, "
            "or name another folder with --out; nothing was written."
        )
    if difference := _difference(folder, term, known):
        raise LabError(
            f"{folder} holds the handout of another term ({difference}): name another folder with "
            "--out, or remove it; nothing was written."
        )


def _difference(folder: Path, term: term_file.Term, known: dict[str, Path]) -> str:
    """How the handout in a folder differs from this term; empty if it is the same term.

    Within a term, dates and points may change and labs may be added, but its title and the
    exercises of a lab that was handed out may not change.
    Raises: LabError where the term file there cannot be read.
    """
    path = folder / term_file.NAME
    there = [lab for lab in known if (folder / "labs" / f"{lab}.ipynb").exists()]
    if not path.exists() and not there:
        return ""
    old = term_file.read(path) if path.exists() else term_file.Term()
    if path.exists() and old.title != term.title:
        return f"{path} has the title {old.title!r}, and this term {term.title!r}"
    for lab in there:
        before, now = (_exercises(one.plan(lab), known[lab]) for one in (old, term))
        if before != now:
            return f"there, {lab} has the exercises {', '.join(before)}; here, {', '.join(now)}"
    return ""


def _exercises(plan: term_file.Plan, master: Path) -> list[str]:
    """The exercises that a plan sets of a lab, in the lab's order."""
    names = [exercise.name for exercise in exercises_of(read_master(master), master.stem)]
    return [name for name in names if plan.exercises is None or name in plan.exercises]


def notebooks(term: term_file.Term, known: dict[str, Path]):
    """(lab, the students' notebook as text, what the instructor should know) of each lab set."""
    for lab, path in known.items():
        if term.labs is None or lab in term.labs:
            notebook, notes = planned(read_master(path), lab, term.plan(lab))
            released = release(notebook, lab)
            nbformat.validate(released)
            yield lab, stored(released), notes
