"""Grading: a submission gets the points it earned, whatever else it does.

One folder of misbehaving submissions is graded once, through the command, and every test looks at
its own row and page.
"""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
from pathlib import Path

import mini_lab
import nbformat
import pytest

from grooves import cli
from grooves.grading import course_files, grader, masters, submissions
from grooves.grading.reference import Reference

REAL = masters.masters(Path(__file__).parents[2] / "labs")
# nbval holds every solution against its checks; the weekly run has all of them graded, too.
GRADED = list(REAL) if os.environ.get("GROOVES_WHOLE") else ["04_transformer"]
TIME_LIMIT_S = 6
SECRET = "a token of the instructor"

# name -> (answers that differ from the solution, points expected for double, twice_sum, longest)
BY_ANSWER = {
    "right": ({}, (1, 2, 3)),
    "hangs_in_its_cell": ({"twice_sum": "while True:\n    pass"}, (1, 0, 3)),
    "hangs_when_called": (
        {"twice_sum": "import time\ndef twice_sum(values):\n"
                      "    while True:\n        time.sleep(1)"},
        (1, 0, 3),
    ),
    "ends_python": ({"twice_sum": "import os\nos._exit(0)"}, (1, 0, 3)),
    "crashes_when_called": (
        {"twice_sum": "import ctypes\ndef twice_sum(values):\n    ctypes.string_at(0)"},
        (1, 0, 3),
    ),
    "syntax_error": ({"twice_sum": "def twice_sum(values:\n    return 14"}, (1, 0, 3)),
    "empty_cell": ({"twice_sum": " \n"}, (1, 0, 3)),
    "exits": ({"twice_sum": "def twice_sum(values):\n    return 14\nexit()"}, (1, 2, 3)),
    "exits_when_called": (
        {"twice_sum": "def twice_sum(values):\n    raise SystemExit(0)"},
        (1, 0, 3),
    ),
    "fails_the_hidden_test": ({"double": "def double(x):\n    return 2 * x if x < 99 else 0"},
                              (0, 2, 3)),
    "claims_to_have_passed": (
        {"twice_sum": "import os\nos.environ.pop('GROOVES_GRADING')\n"
                      "from grooves.checks import progress\n"
                      "progress.record('99_mini', 'twice_sum', 2)\n"
                      "def twice_sum(values):\n"
                      "    print('passed: twice_sum (2 points).')\n    return 0"},
        (1, 0, 3),
    ),
    "replaces_the_check": (
        {"twice_sum": "import mini_checks\nmini_checks.twice_sum = lambda answer: None\n"
                      "import grooves.checks as c\n"
                      "c.CheckFailed.__init__ = lambda *a, **k: None\n"
                      "c.check = lambda **k: lambda body: lambda answer: None\n"
                      "def twice_sum(values):\n    return 0"},
        (1, 0, 3),
    ),
    "replaces_the_module": (
        {"twice_sum": "import sys, types\n"
                      "check = types.SimpleNamespace(twice_sum=print, longest=print)\n"
                      "sys.modules['mini_checks'] = check\n"
                      "def twice_sum(values):\n    return 0"},
        (1, 0, 3),
    ),
    "replaces_isclose": (
        {"twice_sum": "import math\nmath.isclose = lambda *a, **k: True\n"
                  "def twice_sum(values):\n    return 0"},
        (1, 0, 3),
    ),
    "replaces_isclose_when_called": (
        {"twice_sum": "import math\ndef twice_sum(values):\n"
                  "    math.isclose = lambda *a, **k: True\n    return 0"},
        (1, 0, 3),
    ),
    "equal_to_everything": (
        {"longest": "class Any:\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n"
                    "def longest(words):\n    return Any()"},
        (1, 2, 0),
    ),
    "reads_the_environment": (
        {"twice_sum": "import os\ndef twice_sum(values):\n"
                      "    raise ValueError(str(dict(os.environ)))"},
        (1, 0, 3),
    ),
    "writes_html": (
        {"twice_sum": "def twice_sum(values):\n    raise ValueError('<script>alert(1)</script>')"},
        (1, 0, 3),
    ),
    "=formula": ({}, (1, 2, 3)),
}  # fmt: skip


def _other_submissions(folder, released):
    """Submissions that differ in more than an answer; returns the points expected of each."""
    mini_lab.write(released, folder / "untouched.ipynb")
    deleted = mini_lab.hand_in(released, folder / "x.ipynb")
    deleted.cells.remove(mini_lab.cell(deleted, "twice_sum-answer"))
    mini_lab.write(deleted, folder / "deleted_cell.ipynb")

    reordered = mini_lab.hand_in(released, folder / "x.ipynb")
    reordered.cells.reverse()
    mini_lab.write(reordered, folder / "nested" / "reordered.ipynb")

    copied = mini_lab.hand_in(released, folder / "x.ipynb")
    for name, in_the_copy in (("twice_sum", True), ("double", False)):
        original, stub = (mini_lab.cell(nb, f"{name}-answer") for nb in (copied, released))
        copy = nbformat.from_dict(dict(original) | {"id": f"{name}-copied-by-jupyterlab"})
        (original if in_the_copy else copy).source = stub.source
        copied.cells.append(copy)
    mini_lab.write(copied, folder / "copied_cell.ipynb")

    edited = mini_lab.hand_in(
        released, folder / "x.ipynb", twice_sum="def twice_sum(v):\n    return 0"
    )
    mini_lab.cell(edited, "twice_sum-check").source = "print('passed')"
    mini_lab.write(edited, folder / "edited_check.ipynb")

    helped = mini_lab.hand_in(
        released, folder / "x.ipynb", twice_sum="def twice_sum(v):\n    return helper(v)"
    )
    extra = nbformat.v4.new_code_cell("def helper(v):\n    return 2 * sum(v)")
    helped.cells.insert(2, extra)
    mini_lab.write(helped, folder / "own_cell.ipynb")

    (folder / "x.ipynb").write_bytes(b"%PDF-1.7 \xff\xfe not a notebook")
    (folder / "x.ipynb").rename(folder / "not_a_notebook.ipynb")
    (folder / "nothing.ipynb").write_bytes(b"")
    (folder / "strange.ipynb").write_text(json.dumps({"cells": [{"source": 5}, 3]}))
    (folder / "essay.txt").write_text("my answer")
    (folder / ".ipynb_checkpoints").mkdir()
    mini_lab.write(released, folder / ".ipynb_checkpoints" / "right-checkpoint.ipynb")
    return {
        "untouched": (0, 0, 0),
        "deleted_cell": (1, 0, 3),
        "nested/reordered": (1, 2, 3),
        "copied_cell": (1, 2, 3),
        "edited_check": (1, 0, 3),
        "own_cell": (1, 0, 3),
        "not_a_notebook": (0, 0, 0),
        "nothing": (0, 0, 0),
        "strange": (0, 0, 0),
    }


class Graded:
    """The graded folder: rows by submission, pages by submission, what the command printed."""

    def __init__(self, out, expected, cache):
        self.expected, self.cache = expected, cache
        with open(out / f"{mini_lab.LAB}.csv", encoding="utf-8", newline="") as file:
            self.rows = {row["submission"].lstrip("'"): row for row in csv.DictReader(file)}
        pages = (out / mini_lab.LAB).rglob("*.html")
        self.pages = {
            path.relative_to(out / mini_lab.LAB).with_suffix("").as_posix(): path.read_text("utf-8")
            for path in pages
        }

    def page(self, name):
        """The text of a page without its tags, the graded code left out."""
        body = re.sub(r"<(details|style)>.*?</\1>", "", self.pages[name], flags=re.DOTALL)
        return re.sub(r"<[^>]+>", "", body)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A folder with the small lab, which is the working directory; its released notebook."""
    folder = tmp_path_factory.mktemp("course")
    path = mini_lab.make(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("GROOVES_CACHE", str(folder / "cache"))
        patch.setenv("GRADER_TOKEN", SECRET)
        yield folder, masters.release(masters.read_master(path), mini_lab.LAB)


@pytest.fixture(scope="module")
def graded(course):
    folder, released = course
    handed_in = folder / "submissions"
    for name, (answers, _) in BY_ANSWER.items():
        mini_lab.hand_in(released, handed_in / f"{name}.ipynb", **answers)
    expected = {name: points for name, (_, points) in BY_ANSWER.items()}
    expected |= _other_submissions(handed_in, released)
    words = ["labs", "grade", str(handed_in), "--time-limit", str(TIME_LIMIT_S)]
    status = cli.main([*words, "--out", "feedback"])
    assert status == 0, "grading stopped; its sentence is above"
    return Graded(folder / "feedback", expected, folder / "cache")


def test_every_submission_has_a_row_and_a_page(graded):
    assert set(graded.rows) == set(graded.expected) == set(graded.pages)


NAMES = [*BY_ANSWER, "untouched", "deleted_cell", "nested/reordered", "copied_cell"]
NAMES += ["edited_check", "own_cell", "not_a_notebook", "nothing", "strange"]


STATES = {
    "hangs_in_its_cell": "stopped",
    "hangs_when_called": "stopped",
    "ends_python": "stopped",
    "crashes_when_called": "stopped",
    "untouched": "not started",
    "not_a_notebook": "unreadable",
    "nothing": "unreadable",
    "strange": "unreadable",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_submission_gets_the_points_it_earned(graded, name):
    row = graded.rows[name]
    assert row["state"] == STATES.get(name, "graded"), row
    points = tuple(int(row[exercise]) for exercise in mini_lab.POINTS)
    assert points == graded.expected[name], graded.page(name)
    assert int(row["total"]) == sum(points)
    assert row["out_of"] == "6"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("untouched", "Not started."),
        ("empty_cell", "Not started."),
        (
            "hangs_in_its_cell",
            f"It was stopped because it had not finished after {TIME_LIMIT_S} s.",
        ),
        (
            "hangs_when_called",
            f"It was stopped because it had not finished after {TIME_LIMIT_S} s.",
        ),
        ("ends_python", "It ended Python or cut the connection"),
        ("crashes_when_called", "It ended Python or cut the connection"),
        ("syntax_error", "Its cell stopped with an error. SyntaxError: "),
        ("exits_when_called", "SystemExit"),
        ("fails_the_hidden_test", "big numbers too"),
        ("claims_to_have_passed", "twice_sum([1, 2, 4]) must be 14, yours is 0."),
        ("replaces_the_check", "twice_sum([1, 2, 4]) must be 14, yours is 0."),
        ("replaces_isclose", "It changed math.isclose"),
        ("replaces_isclose_when_called", "It changed math.isclose"),
        ("equal_to_everything", "Your function must return a str. It returned an Any."),
        ("deleted_cell", "The notebook no longer has a code cell for it."),
        ("edited_check", "The check of twice_sum was edited. The original one was used."),
        ("own_cell", "One cell that you added did not run"),
        ("own_cell", "NameError: name &#x27;helper&#x27; is not defined"),
        ("not_a_notebook", "The file is not a Jupyter notebook"),
        ("nothing", "The file is empty."),
        ("strange", "The file is not a Jupyter notebook"),
    ],
)
def test_a_page_says_why_points_are_missing(graded, name, sentence):
    assert sentence in graded.page(name)


def test_only_the_cell_that_changed_something_is_blamed_for_it(graded):
    page = graded.page("replaces_isclose")
    assert page.count("It changed") == 1


def test_the_instructors_environment_is_not_passed_on(graded):
    assert "GROOVES_GRADING" in graded.pages["reads_the_environment"]  # the page shows it at all
    assert SECRET not in "".join(graded.pages.values())
    assert "GRADER_TOKEN" not in "".join(graded.pages.values())


def test_what_a_student_wrote_is_escaped(graded):
    page = graded.pages["writes_html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_page_needs_nothing_from_outside(graded):
    for page in graded.pages.values():
        assert not re.search(r"""(src|href)\s*=|url\(|@import|<script""", page)


def test_no_cell_of_the_csv_is_a_formula(graded, course):
    text = (course[0] / "feedback" / f"{mini_lab.LAB}.csv").read_text("utf-8")
    assert "\n'=formula," in text
    assert "\n=" not in text


def test_grading_records_no_progress(graded):
    assert not list(graded.cache.rglob("*.json"))


def test_a_submission_that_changes_the_checks_costs_itself_alone(course, capsys):
    folder, released = course
    checks = folder / "mini_checks.py"
    text = checks.read_text("utf-8")
    change = "open({}, 'a').write('\\nraise OSError')\ndef twice_sum(v):\n    return 2 * sum(v)"
    for name, place in (("one", "__import__('mini_checks').__file__"), ("zero", repr(str(checks)))):
        path = folder / "hostile" / f"{name}.ipynb"
        mini_lab.hand_in(released, path, twice_sum=change.format(place))
    mini_lab.hand_in(released, folder / "hostile" / "two.ipynb")
    try:
        words = ["labs", "grade", "hostile", "--out", "hostile_out", "--no-rehearsal"]
        assert cli.main(words) == 0
        # it runs a second time if the other one changed files while it ran
        assert checks.read_text("utf-8") in [text + n * "\nraise OSError" for n in (1, 2)], (
            "what it was given to write to"
        )
    finally:
        checks.write_text(text, "utf-8")
    said = capsys.readouterr().out
    assert "one: 0 of 6, not graded. It changed files of the course (mini_checks.py)" in said
    assert "two: 6 of 6, graded." in said and "zero: 6 of 6, graded." in said
    assert "mini_checks.py changed in the course's folder while " in said


def test_what_an_author_edits_while_grading_runs_is_left_alone(tmp_path, monkeypatch):
    package = tmp_path / "grooves"
    package.mkdir()
    (package / "module.py").write_text("x = 1\n")
    monkeypatch.setattr(course_files, "PACKAGE", package)
    with course_files.CourseFiles() as files:
        (package / "module.py").write_text("x = 2\n")
        (files.folder / "grooves" / "module.py").write_text("x = 3\n")
        assert [path.parts[-2:] for path in files.put_back()] == [("grooves", "module.py")]
        assert files.put_back() == []
        assert files.edited() == [package / "module.py"] and files.edited() == []
        assert (files.folder / "grooves" / "module.py").read_text() == "x = 1\n"
    assert (package / "module.py").read_text() == "x = 2\n"


def test_the_masters_own_solutions_are_graded_first(course, capsys, monkeypatch):
    folder, released = course
    broken = folder / "broken"
    path = mini_lab.make(broken)
    notebook = masters.read_master(path)
    answer = mini_lab.cell(notebook, "twice_sum-answer")
    answer.source = answer.source.replace("sum(", "max(")
    nbformat.write(notebook, path)
    mini_lab.hand_in(released, broken / "submissions" / "one.ipynb")
    monkeypatch.chdir(broken)
    assert cli.main(["labs", "grade", "submissions"]) == 2
    assert "the master's own solution of twice_sum does not pass here" in capsys.readouterr().err
    assert not list((broken / "feedback").glob("*.csv"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no_such_folder"], "there is no folder no_such_folder"),
        (["labs"], None),
        (["packed.zip"], "packed.zip is a zip file: unpack it and give the folder"),
        (["mini_checks.py", "--lab", "98_other"], "'98_other' is not a lab; the labs are 99_mini"),
        (["labs", "--out", "mini_checks.py"], "results cannot be written to mini_checks.py"),
    ],
)
def test_a_wrong_call_gets_one_sentence(course, capsys, words, sentence):
    if sentence is None:
        (course[0] / "empty").mkdir(exist_ok=True)
        words, sentence = ["empty"], "there is no notebook (.ipynb) in empty"
    with zipfile.ZipFile(course[0] / "packed.zip", "w") as packed:
        packed.writestr("anna.ipynb", "{}")
    assert cli.main(["labs", "grade", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(sentence) and "\n" not in said


def test_the_help_says_that_students_code_is_run_and_how_to_contain_it(capsys):
    with pytest.raises(SystemExit):
        cli.main(["labs", "grade", "--help"])
    shown = capsys.readouterr().out
    assert "THIS RUNS STUDENTS' CODE" in shown
    assert "--network none" in shown
    assert "What it does not protect against" in shown


def test_pytorch_may_be_used_in_every_way_but_not_replaced(tmp_path, monkeypatch):
    path = mini_lab.make(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    notebook = masters.read_master(path)
    mini_lab.cell(
        notebook, "setup"
    ).source += "\nimport torch\nfrom grooves.training.optimizers import Muon"
    nbformat.write(notebook, path)
    answers = {
        # the first optimizer of a class makes PyTorch replace functions, the class's own among them
        "double": "w = torch.nn.Parameter(torch.ones(2, 2))\n"
        "torch.nn.functional.relu(w @ w).sum().backward()\n"
        "for kind in (torch.optim.AdamW, Muon):\n    kind([w]).step()\n"
        "torch.manual_seed(1)\ntorch.set_num_threads(1)\n"
        "torch.set_default_dtype(torch.float64)\ntorch.set_default_device('cpu')\n"
        "torch.set_grad_enabled(False)\ntorch.set_printoptions(precision=2)\n"
        "torch.use_deterministic_algorithms(True)\n"
        "def double(x):\n    return 2 * x",
        "twice_sum": "torch.allclose = lambda *a, **k: True\ndef twice_sum(v):\n    return 14",
        "longest": "torch.Tensor.equal = lambda *a: True\ndef longest(w):\n    return 'kite'",
    }
    released = masters.release(notebook, mini_lab.LAB)
    mini_lab.hand_in(released, tmp_path / "one.ipynb", **answers)
    handed_in = submissions.read(tmp_path / "one.ipynb", "one")
    double, twice_sum, longest = grader.grade(handed_in, Reference(path)).results
    assert double.state == "passed", double.message
    assert "It changed torch.allclose," in twice_sum.message
    assert "It changed torch.Tensor.equal," in longest.message


@pytest.mark.parametrize("lab", GRADED)
def test_the_solutions_of_a_real_lab_get_full_marks(lab):
    grader.rehearse(Reference(REAL[lab]), time_limit_s=200, threads=1)
