"""Follow-through: one wrong answer costs its own points and not those of what builds on it.

A class hands in once, under Moodle's names, and is graded through the command.
"""

import copy
import csv
import os
import re
import shutil
import types
from pathlib import Path

import mini_lab
import nbformat
import pytest

from grooves import cli
from grooves.grading import masters
from grooves.grading.follow_through import _stand_in

WRONG = {"double": "def double(x):\n    return 2 * x + 1"}
SUBMISSIONS = {  # name -> (answers, points expected, what the page says)
    "right": ({}, (1, 2, 3), []),
    "one wrong": (WRONG, (0, 2, 3), ["Judged with the course&#x27;s own double"]),
    "both wrong": (
        {**WRONG, "twice_sum": "def twice_sum(values):\n    return double(values[0])"},
        (0, 0, 3),
        ["Judged again with the course&#x27;s own double", "yours is 2."],
    ),
    "not built on it": (
        {**WRONG, "twice_sum": "def twice_sum(values):\n    return 2 * sum(values)"},
        (0, 2, 3),
        [],
    ),
    "wrong by itself": (
        {**WRONG, "twice_sum": "def twice_sum(values):\n    return 3 * sum(values)"},
        (0, 0, 3),
        ["yours is 21."],
    ),
    "ends python then": (
        {
            **WRONG,
            "twice_sum": "import os\ndef twice_sum(values):\n"
            "    return os._exit(0) if double(1) == 2 else sum(map(double, values))",
        },
        (0, 0, 3),
        ["yours is 17.", "It builds on double, which did not pass."],
    ),
}


def hand_in(folder, **more):
    released = masters.release(masters.read_master(mini_lab.make(folder)), mini_lab.LAB)
    for number, (name, (answers, _, _)) in enumerate(SUBMISSIONS.items(), 1):
        moodle = f"{name}_{number}_assignsubmission_file_"
        mini_lab.hand_in(released, folder / "s" / moodle / f"{mini_lab.LAB}.ipynb", **answers)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder in which everyone was graded, once."""
    folder = tmp_path_factory.mktemp("course")
    hand_in(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        words = ["--no-rehearsal", "--export", "moodle"]
        assert cli.main(["labs", "grade", "s", *words]) == 0
    return folder


def rows_of(folder):
    with open(folder / f"feedback/{mini_lab.LAB}.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_what_builds_on_a_wrong_answer_is_judged_with_the_reference(graded, name):
    _, points, says = SUBMISSIONS[name]
    row = rows_of(graded)[name]
    assert tuple(int(row[e]) for e in mini_lab.POINTS) == points
    page = (graded / "feedback" / mini_lab.LAB / f"{row['submission']}.html").read_text("utf-8")
    for sentence in says:
        assert sentence in page
    if not says:
        assert "course&#x27;s own" not in page
        assert "builds on" not in page
    assert (graded / f"feedback/{mini_lab.LAB}-moodle-feedback.zip").is_file()


TERM = f"""
institution = "A university"
follow_through = false
[labs.{mini_lab.LAB}]
exercises = ["twice_sum", "double"]
points = {{twice_sum = 10}}
"""


def test_a_term_says_what_is_graded_for_how_much_and_whether_to_follow_through(
    tmp_path, monkeypatch, capsys
):
    hand_in(tmp_path)
    (tmp_path / "term.toml").write_text(TERM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    folder = "s/one wrong_2_assignsubmission_file_"
    notebook = tmp_path / folder / f"{mini_lab.LAB}.ipynb"
    handed_in = notebook.read_text("utf-8")
    asks = handed_in.replace(
        "return 2 * x + 1",
        "raise ValueError(__import__('grooves.checks').checks.exercises('99_mini'))",
    )
    assert asks != handed_in
    notebook.write_text(asks, "utf-8")
    assert cli.main(["labs", "grade", folder, "--no-rehearsal"]) == 0
    (row,) = rows_of(tmp_path).values()
    assert (row["twice_sum"], row["total"], row["out_of"]) == ("0", "0", "11")
    assert "longest" not in row
    (page,) = (tmp_path / "feedback").rglob("*.html")
    said = page.read_text("utf-8")
    assert "It builds on double, which did not pass." in said
    counted = "[(&#x27;double&#x27;, 1), (&#x27;twice_sum&#x27;, 10)]"
    assert counted in said  # the checks know the term, too
    assert "<p>A university</p>" in said
    # the other part of the lab, next week
    other = TERM.replace('["twice_sum", "double"]', '["longest"]').replace("twice_sum = 10", "")
    (tmp_path / "term.toml").write_text(other, encoding="utf-8")
    before = rows_of(tmp_path)
    assert cli.main(["labs", "grade", folder, "--no-rehearsal"]) == 2
    assert "results of other exercises of 99_mini (double, twice_sum)" in capsys.readouterr().err
    assert cli.main(["labs", "grade", folder, "--no-rehearsal", "--again"]) == 2
    assert "which this run would replace" in capsys.readouterr().err
    assert rows_of(tmp_path) == before
    (tmp_path / "term.toml").write_text(TERM, encoding="utf-8")
    (tmp_path / "changes.csv").write_text("student,exercise,points,reason\n"
                                          "one wrong,2,8,follow-through\n", "utf-8")  # fmt: skip
    assert cli.main(["labs", "adjust", "changes.csv"]) == 0
    assert rows_of(tmp_path)["one wrong"]["total"] == "8"
    assert "8 of 10 (the check: 0)" in page.read_text("utf-8")
    capsys.readouterr()
    (tmp_path / "changes.csv").write_text("student,points\nnobody,1\n", "utf-8")
    assert cli.main(["labs", "adjust", "changes.csv"]) == 1
    assert "line 2: student 'nobody' neither handed in nor" in capsys.readouterr().out
    assert cli.main(["labs", "report", "--out", "elsewhere"]) == 2
    assert "there are no results in elsewhere" in capsys.readouterr().err


def test_another_part_of_the_lab_does_not_replace_what_was_graded(tmp_path, monkeypatch, capsys):
    mini_lab.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    for term, chosen in (("term.toml", ["double"]), ("t2.toml", ["twice_sum", "longest"])):
        (tmp_path / term).write_text(f"[labs.99_mini]\nexercises = {chosen}\n", "utf-8")
        # the second part holds the answer to double, too: as a given cell, under the same id
        assert cli.main(["labs", "handout", "--term", term, "--out", f"of_{term}"]) == 0
        released = nbformat.read(tmp_path / f"of_{term}/labs/99_mini.ipynb", as_version=4)
        for cell in released.cells:
            name = cell.id.removesuffix("-answer")
            cell.source = mini_lab.SOLUTIONS.get(name, cell.source)
        ada = f"s_{term}/Ada Lovelace_7_assignsubmission_file_"
        mini_lab.write(released, tmp_path / ada / "99_mini.ipynb")
    assert cli.main(["labs", "grade", "s_term.toml", "--no-rehearsal"]) == 0
    before = rows_of(tmp_path)
    assert (before["Ada Lovelace"]["double"], before["Ada Lovelace"]["out_of"]) == ("1", "1")
    capsys.readouterr()
    assert cli.main(["labs", "grade", "s_t2.toml", "--no-rehearsal"]) == 0
    said = capsys.readouterr().out
    assert "another part of the lab 99_mini: the notebook has twice_sum, longest" in said
    assert "(--term)" in said
    assert "replaces" not in said
    assert rows_of(tmp_path) == before


def test_what_was_handed_in_instead_is_said_and_kept(tmp_path, monkeypatch, capsys):
    mini_lab.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "term.toml").write_text("[labs.99_mini]\n", encoding="utf-8")
    released = masters.release(masters.read_master(Path("labs/solutions/99_mini.ipynb")), "99_mini")
    other = copy.deepcopy(released)
    shutil.copy("labs/solutions/99_mini.ipynb", "labs/solutions/98_other.ipynb")
    other.metadata["grooves"]["lab"] = "98_other"
    of = "s/{}_assignsubmission_file_"
    mini_lab.hand_in(released, tmp_path / of.format("Ada_1") / "99_mini.ipynb")
    mini_lab.write(other, tmp_path / of.format("Xena_2") / "98_other.ipynb")
    pdf = tmp_path / of.format("Will_3") / "essay.pdf"
    pdf.parent.mkdir()
    pdf.write_bytes(b"%PDF-")
    (tmp_path / "p.csv").write_text(
        "id,name,email\n" + "".join(f"{n},{name},\n" for n, name in enumerate(
            ("Ada", "Xena", "Will", "Zoe"), 1)), "utf-8")  # fmt: skip
    for words in (["s", "--people", "p.csv"], [of.format("Ada_1"), "--again"]):
        assert cli.main(["labs", "grade", *words, "--no-rehearsal"]) == 0
        said = capsys.readouterr().out
        assert "Xena (Handed in instead: a notebook of the lab 98_other)" in said
        assert "Will (Handed in instead: essay.pdf)" in said
        assert re.search(r"not handed in \(.*Zoe$", said, re.MULTILINE)
        notes = {name: row["notes"] for name, row in rows_of(tmp_path).items()}
        assert notes["Xena"] == "Handed in instead: a notebook of the lab 98_other."
        assert notes["Will"] == "Handed in instead: essay.pdf."
        assert notes["Zoe"] == "Nothing was handed in."


def test_the_reference_stands_in_with_the_helpers_that_it_calls():
    sources = {
        "softmax": "def softmax(x): return x",
        "attention": "def attention(q): return softmax(q)",
        "masked": "def masked(q): return attention(q)",
        "other": "def other(q): return q",
    }
    cells = [types.SimpleNamespace(is_code=True, source=text) for text in sources.values()]
    exercises = [masters.Exercise(name, 1, (i,), None) for i, name in enumerate(sources)]
    states = {"softmax": "passed", "attention": "error", "masked": "error", "other": "passed"}
    run = types.SimpleNamespace(
        reference=types.SimpleNamespace(cells=cells, exercises=exercises),
        results={name: types.SimpleNamespace(state=state) for name, state in states.items()},
    )
    assert _stand_in(run, {"masked": ["attention"]}) == {"attention", "softmax"}
