"""nbgrader, unmodified, takes the masters as they are: it releases them and grades what comes back.

It runs in a course of its own in a temporary folder. The lab is a small one, and a real one where
GROOVES_WHOLE is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mini_lab
import nbformat
import pytest

from grooves.grading import masters

REPOSITORY = Path(__file__).parents[2]
LAB = "04_transformer" if os.environ.get("GROOVES_WHOLE") else None


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose only assignment is the lab, released by nbgrader. Returns (folder, lab)."""
    folder = tmp_path_factory.mktemp("nbgrader")
    master = REPOSITORY / f"labs/solutions/{LAB}.ipynb" if LAB else mini_lab.make(folder)
    lab = master.stem
    (folder / "source" / lab).mkdir(parents=True)
    shutil.copy(master, folder / "source" / lab)
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.course_id = 'grooves'\n"
        f"c.CourseDirectory.root = {str(folder)!r}\n"
        "c.ExecutePreprocessor.timeout = 300\n",
        encoding="utf-8",
    )
    _nbgrader(folder, "generate_assignment", lab)
    return folder, lab


def _nbgrader(folder, command, lab):
    """Run nbgrader the way an activated environment does: with this Python's folder on PATH."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        "HOME": str(folder / "home"),
        "GROOVES_CACHE": str(folder / "cache"),
        **{f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")},
    }
    for name in ("home", "CONFIG", "DATA", "RUNTIME"):
        (folder / name).mkdir(exist_ok=True)
    done = subprocess.run(
        ["nbgrader", command, lab],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_nbgrader_releases_a_master_without_solutions_and_hidden_tests(course):
    folder, lab = course
    released = (folder / "release" / lab / f"{lab}.ipynb").read_text("utf-8")
    assert "SOLUTION" in (folder / "source" / lab / f"{lab}.ipynb").read_text("utf-8")
    assert "SOLUTION" not in released
    assert "HIDDEN TESTS" not in released
    assert "raise NotImplementedError" in released


def test_nbgrader_finds_the_exercises_and_points_that_we_find(course):
    folder, lab = course
    released = masters.read_master(folder / "release" / lab / f"{lab}.ipynb")
    source = masters.read_master(folder / "source" / lab / f"{lab}.ipynb")
    theirs = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    ours = masters.exercises_of(source, lab)
    assert theirs == {source.cells[e.check].metadata.nbgrader.grade_id: e.points for e in ours}


def test_nbgrader_grades_our_release_and_the_solutions_as_it_should(course):
    """`ours` is the untouched lab of `grooves labs release`; `solved` is the master's own."""
    folder, lab = course
    source = folder / "source" / lab / f"{lab}.ipynb"
    for student in ("ours", "solved"):
        (folder / "submitted" / student / lab).mkdir(parents=True)
    ours = folder / "submitted" / "ours" / lab / source.name
    ours.write_text(masters.release_text(source), encoding="utf-8")
    nbformat.write(_solved(folder, lab), folder / "submitted" / "solved" / lab / source.name)
    _nbgrader(folder, "autograde", lab)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        total = book.find_assignment(lab).max_score
        scores = {
            student: book.find_submission(lab, student).score for student in ("ours", "solved")
        }
    assert total == sum(
        exercise.points for exercise in masters.exercises_of(masters.read_master(source), lab)
    )
    assert scores == {"ours": 0, "solved": total}


def _solved(folder, lab):
    """nbgrader's release with the master's answers filled in, as a student would."""
    released = masters.read_master(folder / "release" / lab / f"{lab}.ipynb")
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in masters.read_master(folder / "source" / lab / f"{lab}.ipynb").cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    for cell in released.cells:
        settings = cell.metadata.get("nbgrader", {})
        if settings.get("solution"):
            cell.source = answers[settings["grade_id"]]
    return released
