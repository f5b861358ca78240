"""Answers are found and labs told whatever was done to ids, metadata, order and names."""

from __future__ import annotations

import copy
import os
import sys

import mini_lab
import nbformat
import pytest

from grooves import cli
from grooves.grading import masters, submissions
from grooves.grading.assign import Labs, assign
from grooves.grading.identify import Identified
from grooves.grading.reference import Reference


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The small lab in a folder that is the working directory: its master, what was released."""
    path = mini_lab.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return Reference(path), masters.release(masters.read_master(path), mini_lab.LAB)


def _solved(lab, tmp_path):
    return mini_lab.hand_in(lab[1], tmp_path / "x.ipynb")


def _answers(lab, notebook, tmp_path):
    """What is found of each exercise, as the last source handed in for it; and the notes."""
    mini_lab.write(notebook, tmp_path / "x.ipynb")
    found = Identified(submissions.read(tmp_path / "x.ipynb", "x"), lab[0])
    return {e.name: (found.answers_to(e.answers[0]) or [None])[-1] for e in lab[0].exercises}, (
        found.notes()
    )


def _without_ids(notebook):
    for cell in notebook.cells:
        del cell["id"]


def _without_marks(notebook):
    _without_ids(notebook)
    for cell in notebook.cells:
        cell["metadata"] = {}
    notebook["metadata"] = {}


def _new_ids(notebook):
    _without_marks(notebook)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"new-{number}"


def _reordered(notebook):
    _without_marks(notebook)
    notebook.cells.reverse()


def _exchanged(notebook):
    """Two answers, each pasted into the other's cell."""
    one, two = (mini_lab.cell(notebook, f"{name}-answer") for name in ("double", "longest"))
    one.source, two.source = two.source, one.source


def _colab(notebook):
    """As Colab saves it, with the install cell that the book asks for."""
    _without_ids(notebook)
    install = nbformat.v4.new_code_cell("%pip install --quiet git+https://example.org/course")
    del install["id"]
    notebook.cells.insert(0, install)
    notebook["nbformat_minor"] = 0


@pytest.mark.parametrize(
    "change", [_without_ids, _without_marks, _new_ids, _reordered, _exchanged, _colab]
)
def test_answers_are_found_without_the_marks(lab, tmp_path, change):
    notebook = _solved(lab, tmp_path)
    change(notebook)
    answers, notes = _answers(lab, notebook, tmp_path)
    assert answers == mini_lab.SOLUTIONS
    assert notes == []  # the lab's own cells and an install are nobody's addition


def test_a_trial_elsewhere_does_not_replace_an_answer_in_its_cell(lab, tmp_path):
    notebook = _solved(lab, tmp_path)
    trial = nbformat.v4.new_code_cell("def double(x):\n    return x + 'a trial'")
    notebook.cells.append(trial)
    answers, notes = _answers(lab, notebook, tmp_path)
    assert answers == mini_lab.SOLUTIONS
    assert notes and notes[0].startswith("One cell that you added did not run")
    mini_lab.cell(notebook, "double-answer").source = mini_lab.cell(lab[1], "double-answer").source
    answers, _ = _answers(lab, notebook, tmp_path)
    assert answers["double"] == trial.source  # nothing stands in its cell: this is the answer


def test_a_cell_that_was_split_is_no_addition(lab, tmp_path):
    notebook = _solved(lab, tmp_path)
    setup = mini_lab.cell(notebook, "setup")
    rest = copy.deepcopy(setup)
    setup.source, _, rest["source"] = setup.source.partition("\n\n")
    rest["id"] = "new"
    notebook.cells.insert(2, rest)
    assert _answers(lab, notebook, tmp_path)[1] == []


def _named(**labs):
    """Submissions that say which lab they are; None says nothing."""
    return [submissions.Submission(name, lab=lab) for name, lab in labs.items()]


def test_only_the_lab_asked_for_is_graded_and_the_others_are_named(tmp_path):
    labs = Labs(dict.fromkeys(("01_one", "02_two"), tmp_path / "none"), tmp_path)
    found = assign(_named(anna="01_one", bert="02_two", cleo=None), labs, "01_one")
    assert [s.name for s in found.by_lab["01_one"]] == ["anna", "cleo"]
    assert list(found.by_lab) == ["01_one"]
    assert found.left_out == ["bert: a notebook of the lab 02_two."]


def test_a_file_of_no_lab_is_named_and_costs_the_others_nothing(tmp_path):
    labs = Labs(dict.fromkeys(("01_one", "02_two"), tmp_path / "none"), tmp_path)
    empty = submissions.Submission("empty", problem="The file is empty.")
    found = assign([*_named(anna="01_one", bert="02_two", stray=None), empty], labs, None)
    assert {lab: [s.name for s in them] for lab, them in found.by_lab.items()} == {
        "01_one": ["anna"],
        "02_two": ["bert"],
    }
    assert [line.split(":")[0] for line in found.left_out] == ["stray", "empty"]


def test_a_notebook_without_metadata_is_told_by_what_it_holds(lab, tmp_path):
    notebook = _solved(lab, tmp_path)
    _without_marks(notebook)
    mini_lab.write(notebook, tmp_path / "x.ipynb")
    submission = submissions.read(tmp_path / "x.ipynb", "x")
    other = mini_lab.make(tmp_path / "other").rename(tmp_path / "98_other.ipynb")
    text = other.read_text("utf-8")
    for name in mini_lab.POINTS:
        text = text.replace(name, f"other_{name}")
    other.write_text(text, "utf-8")
    known = {"98_other": other, mini_lab.LAB: lab[0].path}
    assert Labs(known, tmp_path / "none").lab_of(submission) == (mini_lab.LAB, "")


def test_the_chapters_experiment_is_told_from_its_lab(lab, tmp_path, capsys):
    cells = [nbformat.v4.new_code_cell(f"experiment({n})") for n in range(5)]
    for folder in ("notebooks", "s"):
        mini_lab.write(nbformat.v4.new_notebook(cells=cells), tmp_path / folder / "99_mini.ipynb")
    mini_lab.hand_in(lab[1], tmp_path / "s" / "anna.ipynb")
    assert cli.main(["labs", "grade", "s", "--no-rehearsal"]) == 0
    said = capsys.readouterr().out
    assert "99_mini: 0 of 6, not the lab. This is a chapter's experiment" in said
    page = (tmp_path / "feedback/99_mini/99_mini.html").read_text("utf-8")
    assert "no code cell" not in page
    assert "anna: 6 of 6" in said


def test_a_notebook_of_something_else_is_not_graded_as_an_emptied_lab(lab, tmp_path, capsys):
    essay = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("my_thesis = 1")])
    mini_lab.write(essay, tmp_path / "s" / "essay.ipynb")
    assert cli.main(["labs", "grade", "s", "--no-rehearsal"]) == 0
    assert "essay: 0 of 6, not the lab. No cell of the lab 99_mini" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_strange_names_and_files_are_graded_beside_the_others(lab, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "s"
    for name in ("alice", "Łukasz", "x" * 240, "odd ?:*'\""):
        mini_lab.hand_in(lab[1], folder / f"{name}.ipynb")
    (folder / "alice.IPYNB").write_bytes((folder / "alice.ipynb").read_bytes())
    with open(os.fsencode(folder) + b"/Andr\xe9.ipynb", "wb") as file:
        file.write((folder / "alice.ipynb").read_bytes())
    half = (folder / "alice.ipynb").read_text("utf-8").replace("2 * x", "2 * x  # \\ud83d")
    (folder / "half.ipynb").write_text(half, "utf-8")
    (folder / "empty.ipynb").touch()
    (folder / "folder.ipynb").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(type(sys.stdout), "encoding", "cp1252", raising=False)
        assert cli.main(["labs", "grade", "s", "--no-rehearsal"]) == 0
    lines = [
        line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines() if "6 of 6" in line
    ]
    names = sorted(line.split(": ")[0] for line in lines)
    assert len(names) == 7
    assert {"alice", "alice.IPYNB", "half", "Andr\\xe9"} <= set(names)
    assert len(list((tmp_path / "feedback/99_mini").glob("*.html"))) == 8  # the empty file, too


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda cells: cells[1].pop("id"), "cell 2 has no id"),
        (lambda cells: cells[2].update(id="title"), "cells 1 and 3 have the same id 'title'"),
    ],
)
def test_a_master_whose_cells_have_no_ids_of_their_own_gets_one_sentence(
    lab, capsys, change, sentence
):
    notebook = masters.read_master(lab[0].path)
    change(notebook.cells)
    mini_lab.write(notebook, lab[0].path)
    assert cli.main(["labs", "release"]) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said and "JupyterLab" in said and "\n" not in said
