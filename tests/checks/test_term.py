"""The term file as the checks read it: choice and points follow it, no student is stopped."""

import numpy as np
import pytest

from grooves.checks import CheckFailed, check, exercises, progress, term
from grooves.checks.transformer import softmax

LAB = "04_transformer"


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    """A student's folder, with the working folder where its labs are."""
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(term, "_told", set())
    monkeypatch.setattr(progress, "_widgets", {})
    (tmp_path / "course" / "labs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "course" / "labs")
    return tmp_path / "course"


def set_term(course, text):
    (course / "term.toml").write_text(text, encoding="utf-8")


def stable_softmax(x):
    powers = (x - x.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def test_without_a_term_every_exercise_counts_with_the_masters_points():
    counted, table = exercises(LAB), term.lab_table()[LAB]
    assert len(counted) == len(table) == 11
    assert dict(counted)["causal_attention"] == table["causal_attention"]["points"] == 3


def test_choice_and_points_are_those_of_the_term(course, capsys):
    set_term(
        course,
        f'[labs.{LAB}]\nexercises = ["rotate", "softmax"]\npoints = {{softmax = 2.5}}\n',
    )
    assert exercises(LAB) == [("softmax", 2.5), ("rotate", 2)]
    assert exercises("01_forward_propagation")[0] == ("neuron", 1)
    softmax(stable_softmax)
    assert capsys.readouterr().out.startswith("passed: softmax (2.5 points).")
    view = progress.widget(LAB, exercises(LAB))
    assert "1 of 2 exercises, 2.5 of 4.5 points" in view.value


def test_an_exercise_that_is_not_set_passes_and_counts_for_nothing(course, capsys):
    set_term(course, f'[labs.{LAB}]\nexercises = ["rotate"]\n')
    view = progress.widget(LAB, exercises(LAB))
    softmax(stable_softmax)
    assert capsys.readouterr().out.startswith("passed: softmax (not among the exercises set).")
    assert "0 of 1 exercises, 0 of 2 points" in view.value


def test_a_term_file_that_was_left_behind_is_missed_once(course, capsys):
    for _ in range(2):
        term.tell_missing(13)
    said = capsys.readouterr().out
    assert said.startswith("term.toml, which belongs to this notebook, was not found, so all 13 ")
    assert len(said.splitlines()) == 1
    set_term(course, "")
    term.tell_missing(12)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    [
        "[labs\n",
        "labs = 3\n",
        f"labs = {{{LAB} = 3}}\n",
        f"[labs.{LAB}]\nexercises = 3\n",
        f'[labs.{LAB}]\npoints.softmax = "many"\n',
        f"[labs.{LAB}]\npoints = 2\n",
    ],
)
def test_a_term_file_that_cannot_be_read_costs_one_sentence(course, capsys, text):
    set_term(course, text)
    for _ in range(2):
        assert len(exercises(LAB)) == 11
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"{course / 'term.toml'} cannot be used (" in said


def test_a_term_file_above_the_courses_root_is_not_the_courses(course):
    (course.parent / "term.toml").write_text(f'[labs.{LAB}]\nexercises = ["rotate"]\n')
    assert len(exercises(LAB)) == 11
    (course / "labs" / "term.toml").write_text(f'[labs.{LAB}]\nexercises = ["softmax"]\n')
    assert exercises(LAB) == [("softmax", 1)]


def test_a_message_names_exercises_by_the_numbers_of_the_term(course):
    @check(lab=LAB, exercise="rotate")
    def refusing(answer):
        answer(np.zeros(1))
        raise CheckFailed("see {{exercise causal_attention}} and {{exercise costs}}.", hint="x")

    set_term(course, f'[labs.{LAB}]\nexercises = ["causal_attention", "rotate"]\n')
    with pytest.raises(CheckFailed) as caught:
        refusing(lambda x: x)
    assert str(caught.value) == (
        "rotate: see exercise 1 and the exercise “Count the costs” (not set)."
    )
