"""A lab as a term sets it: the master with the chosen exercises, their points and new numbers.

Key idea: a plan turns one master into another, so neither the handout nor the grader nor nbgrader
has to deal with plans. An exercise that is not set is removed with its section; if a later exercise
builds on it, the reference solution is given in its place. Labs of every chapter.
"""

from __future__ import annotations

import copy

import nbformat
from nbformat.v4 import new_markdown_cell

from grooves.grading.masters import exercises_of, number
from grooves.grading.numbering import SECTION, sections, table
from grooves.grading.term.term_file import Plan
from grooves.grading.term.uses import Uses, without


def planned(
    master: nbformat.NotebookNode, lab: str, plan: Plan
) -> tuple[nbformat.NotebookNode, list[str]]:
    """The master that results from applying a plan, and sentences for the instructor.

    Raises: LabError where the master is invalid.
    """
    notebook, said = copy.deepcopy(master), []
    exercises = exercises_of(notebook, lab)
    known = table(notebook.cells, exercises)
    titles = {name: entry["title"] for name, entry in known.items()}
    chosen = [e.name in plan.exercises if plan.exercises else True for e in exercises]
    if not all(chosen):
        said = _keep(notebook, exercises, chosen)
    _set_points(notebook, lab, plan)
    if plan.exercises or plan.points:
        _expect_term_file(notebook)
    number(notebook, lab, titles)
    if plan.due:
        day = f"{plan.due:%A}, {plan.due.day} {plan.due:%B %Y, %H:%M}"
        notebook.cells[0].source += f"\n- **Due**: {day}"
    return notebook, said


def _keep(notebook, exercises, chosen) -> list[str]:
    """Keep only what the chosen exercises need. Returns: what was given, what was left out."""
    cells = notebook.cells
    parts = sections(cells, exercises)
    names = {i: e.name for e in exercises for i in e.answers}
    # an exercise that is not chosen is removed, with its section if no other one is in it
    gone = {j for k, e in enumerate(exercises) if not chosen[k] for j in (*e.answers, e.check)}
    for section in parts:
        if section.exercises and not any(chosen[k] for k in section.exercises):
            gone |= set(section.cells)
    free = [s for s in parts[1:] if not s.exercises]
    gone |= {i for i, cell in enumerate(cells) if cell.id == "end"}  # it looks back on the whole
    uses = _uses(cells)
    kept = set(range(len(cells))) - gone - {i for s in free for i in s.cells}
    given = uses.needed(kept) & gone - {e.check for e in exercises}
    left, said = [], []
    for section in free:
        needed = uses.needed(set(section.cells))
        if missing := needed & gone - given:
            title = SECTION.search(cells[section.cells[0]].source)[1]
            ours = {i for k, e in enumerate(exercises) if chosen[k] for i in e.answers}
            # most of it is set: the lines about the rest are removed, and no answer is given away
            if len(needed & ours) > len(missing) and _cut(cells, section, missing, uses):
                said.append(
                    f"In “{title}”, the lines that need exercises that are not set are left out."
                )
                uses = _uses(cells)
            else:
                left.append(title)
                gone |= set(section.cells)
    made = []
    for index, cell in enumerate(cells):
        if index in given and index in names:
            made.append(_remark(names[index]))
            said.append(f"{names[index]} is not set, but others need it, so its answer is given.")
            cell = _as_given(cell)
        if index in given or index not in gone:
            made.append(cell)
    notebook.cells = made
    if left:
        said.append(f"Left out, because they need exercises that are not set: {', '.join(left)}.")
    return said


def _uses(cells) -> Uses:
    return Uses([cell.source if cell.cell_type == "code" else "" for cell in cells])


def _cut(cells, section, missing: set[int], uses: Uses) -> bool:
    """Remove the lines of a section that need missing cells. Returns: whether that was enough."""
    names = {name for i in missing for name in uses.defines[i]}
    code = [i for i in section.cells if cells[i].cell_type == "code" and uses.reads[i] & names]
    cut = {i: without(cells[i].source, names) for i in code}
    if not cut or None in cut.values():
        return False
    for i, source in cut.items():
        cells[i].source = source
    return not _uses(cells).needed(section.cells) & missing


def _remark(name: str):
    text = f"**Given**: `{name}` is not one of your exercises, but what follows needs it."
    return new_markdown_cell(text, id=f"{name}-given-text"[:64])


def _as_given(cell):
    """An answer cell turned into a given cell, without markers."""
    lines = cell.source.split("\n")
    cell.source = "\n".join(line for line in lines if not line.strip().startswith("### "))
    cell.metadata.pop("nbgrader", None)
    return cell


def _set_points(notebook, lab, plan) -> None:
    """Write the plan's points into nbgrader's metadata."""
    for exercise in exercises_of(notebook, lab):
        if exercise.name in plan.points:
            at = exercise.answers[0] if exercise.check is None else exercise.check
            notebook.cells[at].metadata["nbgrader"]["points"] = plan.points[exercise.name]


def _expect_term_file(notebook) -> None:
    """Have the notebook's checks say so if the term file does not lie beside it."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace("check.start()", "check.start(with_term=True)")
