"""A new exercise starts with all of its files, and nothing of the lab around it is disturbed."""

import json
import re
import shutil
from pathlib import Path

import pytest

from grooves.grading import masters
from grooves.grading.new_exercise import create

ROOT = Path(__file__).resolve().parents[2]
LAB = "01_forward_propagation"


@pytest.fixture
def course(tmp_path):
    """What a new exercise of lab 1 touches, in a folder of its own."""
    for part in (
        f"labs/solutions/{LAB}.ipynb",
        "grooves/checks/forward_propagation",
        "tests/checks/answers/forward_propagation.py",
    ):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    return tmp_path


def headings(course):
    cells = json.loads((course / f"labs/solutions/{LAB}.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["id"].endswith("-text")]
    numbered = [text.splitlines()[0] for text in texts if re.match(r"## \d+\.", text)]
    return numbered, "".join(cells[0]["source"])


def test_a_new_exercise_has_its_cells_its_check_and_its_answers(course):
    before, title = headings(course)
    told = create(course, LAB, "leaky_relu", after="forward", points=2, minutes=7)
    master = masters.read_master(course / f"labs/solutions/{LAB}.ipynb")
    exercises = masters.exercises_of(master, LAB)
    names = [exercise.name for exercise in exercises]
    assert names[names.index("forward") + 1] == "leaky_relu"
    assert exercises[names.index("leaky_relu")].points == 2
    assert "raise NotImplementedError" in "".join(
        c.source for c in masters.release(master, LAB).cells
    )
    after, new_title = headings(course)
    assert [int(re.search(r"\d+", line)[0]) for line in after] == [*range(1, len(before) + 2)]
    assert f"for {len(before) + 1} exercises" in new_title != title
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


@pytest.mark.parametrize(
    ("lab", "name", "after", "says"),
    [
        ("99_nothing", "new", None, "no lab '99_nothing': there are 01_forward_propagation"),
        (LAB, "Leaky ReLU", None, "'Leaky ReLU' is no name for a function"),
        (LAB, "class", None, "'class' is no name for a function"),
        (LAB, "softmax", None, "has an exercise 'softmax' already"),
        (LAB, "new", "nowhere", "has no exercise 'nowhere': there are neuron, "),
        (LAB, "new", "relu", "give --after forward"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(course, lab, name, after, says):
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}
    with pytest.raises(masters.LabError, match=re.escape(says)):
        create(course, lab, name, after, points=1, minutes=5)
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before
