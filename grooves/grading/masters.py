"""Masters: the notebooks that authors edit, and the students' notebooks made from them.

Key idea: an author edits one file, `labs/solutions/NN_name.ipynb`, with nbgrader's markers and
metadata; everything else is made from it. `release` removes the solutions and the hidden tests. Its
output is the same every time, byte for byte, so a test can tell when a released lab is out of date.
Labs of every chapter; the command is in `grooves.grading.command`.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grooves.checks import term
from grooves.grading.edition.lab_links import fit_links
from grooves.grading.numbering import table, write_numbers

STUB = "raise NotImplementedError"
COLUMNS = (  # of every table
    "student", "id", "late", "extra", "total", "out_of", "state", "submission", "graded_at",
    "comment", "notes",
)  # fmt: skip
_BEGIN, _END = "### BEGIN {}", "### END {}"
_KEPT_CELL_METADATA = ("nbgrader", "tags", "editable", "deletable", "jupyter", "slideshow")


class LabError(ValueError):
    """A master notebook cannot be released or graded; the message says what to correct."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a master: its name, its points, and where in the notebook its cells are."""

    name: str
    points: float
    answers: tuple[int, ...]
    check: int | None  # None where a person grades it


def release(master: nbformat.NotebookNode, lab: str) -> nbformat.NotebookNode:
    """The students' notebook of a master: without solutions, hidden tests, outputs and counts.

    Cell ids and nbgrader's metadata stay, because grading finds the answers by them. The first line
    says from which file the notebook is generated. Numbers, points and the sum of the minutes are
    written into the text.

    Raises: LabError where the markers or the metadata are wrong (see `exercises_of`); ValueError
    where edition.toml, which says where links to the book lead, is invalid.
    """
    notebook = copy.deepcopy(master)
    number(notebook, lab)
    for cell in notebook.cells:
        settings = cell.metadata.get("nbgrader", {})
        is_answer = settings.get("solution", False)
        source = _cut(cell.source, "HIDDEN TESTS", "", lab, cell.id)
        source = _cut(source, "MARK SCHEME", "", lab, cell.id)
        if is_answer and cell.cell_type == "code":
            shown = _cut(source, "SOLUTION", STUB, lab, cell.id)
            source = STUB if shown == source else shown
        elif is_answer:
            source = "*Your answer here.*"
        elif _BEGIN.format("SOLUTION") in source:
            raise LabError(
                f"{lab}, cell {cell.id}: it contains a solution, but nbgrader's metadata do not "
                "say that it is an answer cell (solution: true)"
            )
        cell.source = source
        kept = {key: cell.metadata[key] for key in _KEPT_CELL_METADATA if key in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    fit_links(notebook, labs_folder().parent)
    _say_generated(notebook, lab)
    notebook.metadata = nbformat.from_dict(
        {
            "grooves": {"lab": lab},
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    return notebook


def number(notebook: nbformat.NotebookNode, lab: str, titles: dict | None = None) -> None:
    """Write numbers, points and minutes into a notebook's text; see `grooves.grading.numbering`.

    Raises: LabError.
    """
    exercises = exercises_of(notebook, lab)
    try:
        write_numbers(notebook.cells, exercises, titles)
    except ValueError as error:
        raise LabError(f"{lab}: {error}") from error


def release_text(path: Path) -> str:
    """The text of the students' notebook made from the master at `path`."""
    notebook = release(read_master(path), path.stem)
    nbformat.validate(notebook)
    return stored(notebook)


def stored(notebook: nbformat.NotebookNode) -> str:
    """The text of a notebook as JupyterLab saves it, so that saving it there changes nothing."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def exercise_table(labs: dict[str, Path]) -> dict[str, dict[str, dict]]:
    """Lab -> exercise -> {"title", "minutes", "points"}, as the masters say now."""
    found = {}
    for lab, path in labs.items():
        master = read_master(path)
        found[lab] = table(master.cells, exercises_of(master, lab))
    return found


def read_master(path: Path) -> nbformat.NotebookNode:
    """Read a master notebook.

    Raises: LabError where the file is not a notebook, or a cell has no id of its own: nbformat
    would draw a random one each time, and grading and release rely on ids that do not change.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _require_ids(json.loads(text)["cells"], path)
        return nbformat.reads(text, as_version=4)
    except LabError:
        raise
    except Exception as error:  # nbformat's errors have no common base class
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise LabError(f"{path} cannot be read as a notebook: {said}") from error


def exercises_of(master: nbformat.NotebookNode, lab: str) -> list[Exercise]:
    """The exercises of a master, in its order.

    An exercise is a check cell (nbgrader: grade true, solution false), named by its grade_id
    without "-check", with the answer cells (solution true) between it and the previous check. An
    answer that a person grades (both true) is an exercise without a check.

    Raises: LabError where an id is missing or used twice, points are missing, or a check has no
    answer cell.
    """
    found: list[Exercise] = []
    answers: list[int] = []
    seen: set[str] = set()
    for index, cell in enumerate(master.cells):
        settings = cell.metadata.get("nbgrader", {})
        solution, graded = settings.get("solution", False), settings.get("grade", False)
        if not (solution or graded):
            continue
        name = settings.get("grade_id")
        if name in COLUMNS:
            raise LabError(
                f"{lab}, cell {cell.id}: {name!r} is already a column of the grades; rename it"
            )
        if not name or name in seen:
            problem = "has no grade_id" if not name else f"uses the grade_id {name!r} again"
            raise LabError(f"{lab}, cell {cell.id}: it {problem}")
        seen.add(name)
        points = settings.get("points")
        if graded and not isinstance(points, (int, float)):
            raise LabError(
                f"{lab}, cell {cell.id}: a graded cell needs a number of points, not {points!r}"
            )
        if solution and graded:
            found.append(Exercise(name, points, (index,), None))
        elif solution:
            answers.append(index)
        elif not answers:
            raise LabError(f"{lab}, cell {cell.id}: no answer cell stands before this check")
        else:
            found.append(Exercise(name.removesuffix("-check"), points, tuple(answers), index))
            answers = []
    if not found:
        raise LabError(f"{lab}: no cell is marked as a check (nbgrader: grade true, points)")
    return found


def masters(labs: Path) -> dict[str, Path]:
    """The masters in a labs folder by name. Raises: LabError where there are none."""
    found = {path.stem: path for path in sorted((labs / "solutions").glob("[0-9]*.ipynb"))}
    if not found:
        raise LabError(f"there is no lab in {labs / 'solutions'}. Run this in the course's folder.")
    return found


def labs_folder() -> Path:
    """The course's `labs/`: in the current folder, otherwise in the installed checkout."""
    here = Path("labs")
    return here if (here / "solutions").is_dir() else Path(__file__).resolve().parents[2] / "labs"


def chosen(names: list[str]) -> dict[str, Path]:
    """The masters of the named labs, or all. Raises: LabError for an unknown name."""
    known = masters(labs_folder())
    return {lab: known[lab] for lab in (lab_named(n, known) for n in names)} if names else known


def lab_named(name: str, known: Collection[str], none: str = "is not a lab") -> str:
    """The lab of that name, as `grooves.checks.term.lab_named` finds it. Raises: LabError."""
    try:
        return term.lab_named(name, known, none)
    except ValueError as error:
        raise LabError(str(error)) from error


def _require_ids(cells: list[dict], path: Path) -> None:
    numbers: dict[str, int] = {}
    for number, cell in enumerate(cells, 1):
        name = cell.get("id")
        if not isinstance(name, str) or not name:
            problem = f"cell {number} has no id"
        elif name in numbers:
            problem = f"cells {numbers[name]} and {number} have the same id {name!r}"
        else:
            numbers[name] = number
            continue
        raise LabError(
            f"{path}: {problem}. Restore it from git, or open the master in JupyterLab and save "
            "it, which gives each cell an id."
        )


def _cut(source: str, what: str, put: str, lab: str, cell_id: str) -> str:
    """Replace each region between the markers of `what` with `put`, at the region's indentation."""
    begin, end = _BEGIN.format(what), _END.format(what)
    if begin not in source and end not in source:
        return source
    kept, inside = [], False
    for line in source.split("\n"):
        if begin in line:
            if inside:
                raise LabError(f"{lab}, cell {cell_id}: {begin} is inside another such region")
            inside = True
            if put:
                kept.append(re.match(r"\s*", line).group() + put)
        elif end in line:
            if not inside:
                raise LabError(f"{lab}, cell {cell_id}: {end} has no {begin} above it")
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise LabError(f"{lab}, cell {cell_id}: {begin} has no {end} below it")
    return "\n".join(kept).rstrip()


def _say_generated(notebook: nbformat.NotebookNode, lab: str) -> None:
    """Insert a comment as the first line, which is visible only while the cell is edited."""
    line = (
        "<!-- For instructors: generated by `grooves labs release`; edit "
        f"labs/solutions/{lab}.ipynb instead. -->"
    )
    first = notebook.cells[0]
    if first.cell_type != "markdown":
        raise LabError(f"{lab}: the first cell must be the title, in Markdown")
    first.source = f"{line}\n{first.source}"
