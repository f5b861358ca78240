"""A new exercise starts with all of its files, and nothing of the lab around it is disturbed."""

import re
import shutil
from pathlib import Path

import pytest

from grooves.grading import command, masters
from grooves.grading.new_exercise import create

ROOT = Path(__file__).resolve().parents[2]
LAB = "01_forward_propagation"


@pytest.fixture
def course(tmp_path):
    """What a new exercise of lab 1 touches, in a folder of its own."""
    for part in (
        f"labs/solutions/{LAB}.ipynb",
        "labs/solutions/README.md",
        "grooves/checks/forward_propagation",
        "tests/checks/answers/forward_propagation.py",
    ):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    return tmp_path


def test_a_new_exercise_has_its_cells_its_check_and_its_answers(course):
    told = create(course, LAB, "leaky_relu", after="forward", points=2, minutes=7)
    path = course / f"labs/solutions/{LAB}.ipynb"
    master = masters.read_master(path)
    exercises = masters.exercises_of(master, LAB)
    names = [exercise.name for exercise in exercises]
    assert names[names.index("forward") + 1] == "leaky_relu"
    assert exercises[names.index("leaky_relu")].points == 2
    assert masters.stored(master) == path.read_text("utf-8")
    package = course / "grooves/checks/forward_propagation"
    imports = re.findall(
        r"^from .* import (.+)$", (package / "__init__.py").read_text("utf-8"), re.M
    )
    listed = [name for line in imports for name in line.split(", ") if name in names]
    assert listed == names
    for path in (
        package / "check_leaky_relu.py",
        course / "tests/checks/answers/forward_propagation.py",
    ):
        compile(path.read_text("utf-8"), path.name, "exec")
    assert sum("leaky_relu" in line for line in told) >= 3


def test_numbers_points_and_minutes_follow_a_new_exercise_everywhere(course):
    def numbered():
        cells = masters.release(masters.read_master(master), LAB).cells
        found = [re.match(r"## (\d+)\. ", cell.source) for cell in cells]
        return [int(one[1]) for one in found if one], cells

    master = course / f"labs/solutions/{LAB}.ipynb"
    before, _ = numbered()
    create(course, LAB, "leaky_relu", after="forward", points=2, minutes=7)
    after, cells = numbered()
    assert after == [*range(1, len(before) + 2)]
    assert "**Time**: 111 minutes for 12 exercises" in cells[0].source
    shown = {cell.id: cell.source for cell in cells}
    assert shown["leaky_relu-text"].startswith("## 5. Leaky relu\n")
    assert "(2 of 5). **Points**: 2.\n" in shown["leaky_relu-text"]
    assert "raise NotImplementedError" in shown["leaky_relu-answer"]
    assert "In exercises 6, 7, 8 and 12 you may call anything." in shown["how"]
    ((_, page),) = command.tables(course)
    first = page.split("### Lab 2")[0]
    assert "\n111 minutes, 21 points.\n" in first
    assert "| 5 leaky_relu | 7 | 2 | TODO" in first
    assert "| 12 reader | 23 | 3 |" in first


@pytest.mark.parametrize(
    ("lab", "name", "after", "says"),
    [
        ("99_nothing", "new", None, "no lab '99_nothing'; the labs are 01_forward_propagation"),
        (LAB, "Leaky ReLU", None, "'Leaky ReLU' is not a valid name for a function"),
        (LAB, "class", None, "'class' is not a valid name for a function"),
        (LAB, "softmax", None, "already has an exercise 'softmax'"),
        (LAB, "new", "nowhere", "has no exercise 'nowhere'; its exercises are neuron, "),
        (LAB, "new", "relu", "give --after forward"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(course, lab, name, after, says):
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    with pytest.raises(masters.LabError, match=re.escape(says)):
        create(course, lab, name, after, points=1, minutes=5)
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before
