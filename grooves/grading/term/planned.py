"""A lab as a term sets it: the master with the chosen exercises, their points and new numbers.

Key idea: a plan turns one master into another, so the handout, the grader and nbgrader need to know
nothing of plans. An exercise that is not set goes with all of its section; where a later one builds
on it, the course's own answer is given in its place. Labs of every chapter.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass

import nbformat
from nbformat.v4 import new_markdown_cell

from grooves.grading.masters import exercises_of
from grooves.grading.term.term_file import Plan
from grooves.grading.term.uses import Uses

_SECTION = re.compile(r"^## (?:\d+\. )?(.+)$", re.MULTILINE)
_MINUTES = re.compile(r"\*\*Time\*\*: (\d+) minutes")
_POINTS = re.compile(r"\*\*Points\*\*: \d+(?:\.\d+)?")
_SUMMED = re.compile(r"\*\*Time\*\*: \d+ minutes for \d+ exercises?")


@dataclass
class _Section:
    """Cells from one "## " heading to the next; `exercises` are the positions of those in it."""

    cells: list[int]
    exercises: list[int]


def planned(
    master: nbformat.NotebookNode, lab: str, plan: Plan
) -> tuple[nbformat.NotebookNode, list[str]]:
    """The master that a plan makes of a master, and sentences on what an instructor should know.

    Raises: LabError where the master is not fit.
    """
    notebook, said = copy.deepcopy(master), []
    exercises = exercises_of(notebook, lab)
    chosen = [e.name in plan.exercises if plan.exercises else True for e in exercises]
    if not all(chosen):
        said = _keep(notebook, exercises, chosen)
    _set_points(notebook, lab, plan)
    _number(notebook, lab)
    return notebook, said


def _keep(notebook, exercises, chosen) -> list[str]:
    """Leave only what the chosen exercises need. Returns: what was given, what was left out."""
    cells = notebook.cells
    sections = _sections(cells, exercises)
    names = {i: e.name for e in exercises for i in e.answers}
    # an exercise that is not chosen goes, with its section where no other one is in there
    gone = {j for k, e in enumerate(exercises) if not chosen[k] for j in (*e.answers, e.check)}
    for section in sections:
        if section.exercises and not any(chosen[k] for k in section.exercises):
            gone |= set(section.cells)
    free = [s for s in sections[1:] if not s.exercises]
    uses = Uses([cell.source if cell.cell_type == "code" else "" for cell in cells])
    kept = set(range(len(cells))) - gone - {i for s in free for i in s.cells}
    given = uses.needed(kept) & gone - {e.check for e in exercises}
    left = []
    for section in free:
        if uses.needed(set(section.cells)) & gone - given:
            left.append(_SECTION.search(cells[section.cells[0]].source)[1])
            gone |= set(section.cells)
    made, said = [], []
    for index, cell in enumerate(cells):
        if index in given and index in names:
            made.append(_remark(names[index]))
            said.append(f"{names[index]} is not set, and its answer is given: others need it.")
            cell = _as_given(cell)
        if index in given or index not in gone:
            made.append(cell)
    notebook.cells = made
    if left:
        said.append(f"Left out, because exercises are missing that it needs: {', '.join(left)}.")
    return said


def _sections(cells, exercises) -> list[_Section]:
    """The parts of a notebook: before the first heading, then one for each."""
    sections = [_Section([], [])]
    for index, cell in enumerate(cells):
        if cell.cell_type == "markdown" and _SECTION.match(cell.source):
            sections.append(_Section([], []))
        sections[-1].cells.append(index)
    for number, exercise in enumerate(exercises):
        own = next(s for s in sections if exercise.answers[0] in s.cells)
        own.exercises.append(number)
    return sections


def _remark(name: str):
    text = f"**Given**: `{name}` is not among your exercises; what follows needs it."
    return new_markdown_cell(text, id=f"{name}-given-text"[:64])


def _as_given(cell):
    """An answer cell as one that students are given: without markers, and none of theirs."""
    lines = cell.source.split("\n")
    cell.source = "\n".join(line for line in lines if not line.strip().startswith("### "))
    cell.metadata.pop("nbgrader", None)
    return cell


def _set_points(notebook, lab, plan) -> None:
    """Put the plan's points where nbgrader's metadata have them."""
    for exercise in exercises_of(notebook, lab):
        if exercise.name in plan.points:
            at = exercise.answers[0] if exercise.check is None else exercise.check
            notebook.cells[at].metadata["nbgrader"]["points"] = plan.points[exercise.name]


def _number(notebook, lab) -> None:
    """Write numbers, points and the sum of the minutes into the text, as the exercises are now."""
    minutes = number = 0
    exercises = exercises_of(notebook, lab)
    sections = _sections(notebook.cells, exercises)
    for section in sections:
        for position in section.exercises:
            number += 1
            first = notebook.cells[section.cells[0]]
            if section.exercises[0] == position:
                first.source = _SECTION.sub(rf"## {number}. \1", first.source, count=1)
            points = f"{exercises[position].points:g}"
            if found := _MINUTES.search(first.source):
                minutes += int(found[1])
            first.source = _POINTS.sub(f"**Points**: {points}", first.source)
    title = notebook.cells[0]
    if minutes and _SUMMED.search(title.source):
        exercise = "exercise" if number == 1 else "exercises"
        told = int(_SUMMED.search(title.source).group().split()[1])
        whole = told if _is_whole(title.source, number) else minutes
        title.source = _SUMMED.sub(
            f"**Time**: {whole} minutes for {number} {exercise}", title.source, count=1
        )


def _is_whole(title: str, number: int) -> bool:
    """Whether the title counts as many exercises as there are: then its minutes stay as told."""
    return f"for {number} exercise" in _SUMMED.search(title).group()
