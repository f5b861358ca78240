"""A lab of three small exercises, made in a temporary folder, for the tests of the labs' tools.

Key idea: it has what a real lab has (masters with nbgrader's metadata, hidden tests, a module of
checks) and needs neither NumPy nor PyTorch, so that a submission is graded in a second.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import nbformat
from nbformat import v4

LAB = "99_mini"
POINTS = {"double": 1, "twice_sum": 2, "longest": 3}

CHECKS = """\
import functools
import math
import statistics
import sys

import grooves.checks
from grooves.checks import CheckFailed, check

start = functools.partial(grooves.checks.start, "99_mini")


@check(lab="99_mini", exercise="double", returns=(int, float))
def double(answer):
    for x in (0, 3, -2.5):
        got = answer(x)
        if not math.isclose(got, 2 * x):
            hint = "square" if math.isclose(got, x * x) else None
            raise CheckFailed(f"double({x}) must be {2 * x}, yours is {got}.", hint=hint)


@check(lab="99_mini", exercise="twice_sum", returns=(int, float))
def twice_sum(answer):
    got = answer([1, 2, 4])
    if not math.isclose(statistics.median([got, got, got]), 14):
        raise CheckFailed(f"twice_sum([1, 2, 4]) must be 14, yours is {got}.")


@check(lab="99_mini", exercise="longest", returns=str)
def longest(answer):
    words = ["a", "kite", "owl"] * 20
    if answer(words) != right(words):
        raise CheckFailed("the longest of a, kite, owl is kite.")
    if lines_run(answer, words) > 5000:
        raise CheckFailed("that takes too many steps.", hint="too_slow")


def right(words):
    # what the course would hand in
    return max(words, key=len)


def lines_run(answer, words):
    # how many lines run until the answer is there
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "line"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        answer(words)
    finally:
        sys.settrace(before)
    return count
"""

SOLUTIONS = {
    "double": "def double(x):\n    return 2 * x",
    "twice_sum": "def twice_sum(values):\n    return sum(double(v) for v in values)",
    "longest": "def longest(words):\n    return max(words, key=len)",
}
MASTERED = {
    "double": "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
    "twice_sum": "def twice_sum(values):\n    # Twice the sum.\n    ### BEGIN SOLUTION\n"
    "    return sum(double(v) for v in values)\n    ### END SOLUTION",
    "longest": SOLUTIONS["longest"],  # no markers: the whole cell is the solution
}


def make(folder: Path) -> Path:
    """Write the course of one lab into `folder`: its checks, its master. Returns the master."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mini_checks.py").write_text(CHECKS, encoding="utf-8")
    solutions = folder / "labs" / "solutions"
    solutions.mkdir(parents=True)
    path = solutions / f"{LAB}.ipynb"
    nbformat.write(master(), path)
    return path


def master() -> nbformat.NotebookNode:
    """The master notebook."""
    cells = [
        v4.new_markdown_cell("# A lab of three\n\nTen minutes.", id="title"),
        v4.new_code_cell("import mini_checks as check\n\ncheck.start()", id="setup"),
    ]
    for name, points in POINTS.items():
        cells.append(v4.new_markdown_cell(f"## {name}", id=f"{name}-text"))
        answer = v4.new_code_cell(MASTERED[name], id=f"{name}-answer")
        answer.metadata["nbgrader"] = _settings(name, solution=True)
        hidden = "" if name != "double" else (
            "\n### BEGIN HIDDEN TESTS\nassert double(10**9) == 2 * 10**9, 'big numbers too'"
            "\n### END HIDDEN TESTS"
        )  # fmt: skip
        check = v4.new_code_cell(f"check.{name}({name}){hidden}", id=f"{name}-check")
        check.metadata["nbgrader"] = _settings(f"{name}-check", grade=True, points=points)
        cells += [answer, check]
    cells[3].outputs = [v4.new_output("stream", text="left over")]
    cells[3].execution_count = 7
    cells[3].metadata["execution"] = {"iopub.execute_input": "2024-01-01T00:00:00Z"}
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    )
    return notebook


def hand_in(released: nbformat.NotebookNode, path: Path, **answers: str) -> nbformat.NotebookNode:
    """Write a submission: the released notebook, all solved, but for the answers given.

    Returns: the notebook, to be changed and written again with `write`.
    """
    notebook = copy.deepcopy(released)
    for name, solution in (SOLUTIONS | answers).items():
        cell(notebook, f"{name}-answer").source = solution
    write(notebook, path)
    return notebook


def cell(notebook: nbformat.NotebookNode, cell_id: str) -> nbformat.NotebookNode:
    """The cell of that id."""
    return next(one for one in notebook.cells if one.id == cell_id)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook as it is, valid or not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _settings(grade_id: str, **more) -> dict:
    settings = {"grade": False, "solution": False, "locked": False, "task": False}
    settings |= {"grade_id": grade_id, "schema_version": 3} | more
    settings["locked"] = settings["grade"]
    return settings
