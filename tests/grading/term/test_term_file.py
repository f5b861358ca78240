"""The term file: what it may say, what it means, and a sentence for everything else."""

import re
from datetime import timedelta
from pathlib import Path

import mini_lab
import pytest

from grooves import cli
from grooves.checks import term as checks_term
from grooves.grading.masters import LabError, masters
from grooves.grading.term import term_file
from grooves.grading.term.term_file import Plan, Term

GOOD = """
title = "Generative AI, winter 2026"
institution = "A university"
attempts = "best"

[late]
per_day = 0.1
at_most = 0.5
grace_minutes = 15

[links]
hub = "https://hub.example.org"

[labs.04_transformer]
due = 2026-12-06
exercises = ["softmax", "attention"]
points = {softmax = 2.5}

[labs.06_fine_tuning]
due = 2026-12-13T12:00:00+01:00
"""


def read(tmp_path, text):
    path = tmp_path / "term.toml"
    path.write_text(text, encoding="utf-8")
    return term_file.find(None, tmp_path)


def test_a_term_file_says_what_is_set_and_what_counts(tmp_path):
    term = read(tmp_path, GOOD)
    plan = term.plan("04_transformer")
    assert (plan.exercises, plan.points) == (("softmax", "attention"), {"softmax": 2.5})
    assert (plan.due.day, plan.due.hour, plan.due.minute) == (6, 23, 59)  # a day lasts to its end
    rules = term.rules("06_fine_tuning")
    assert rules.due.utcoffset() is not None
    assert rules.due - term.plan("04_transformer").due < timedelta(days=7)
    assert (rules.attempts, rules.per_day, rules.grace_minutes) == ("best", 0.1, 15)
    assert term.follow_through


def test_without_a_term_file_every_exercise_of_every_lab_is_set(tmp_path):
    assert term_file.find(None, tmp_path) == Term()
    assert Term().plan("04_transformer") == Plan()
    with pytest.raises(LabError, match="cannot be read"):
        term_file.find(tmp_path / "other.toml", tmp_path)


WRONG = {
    "attempts = 'last'": "attempts is 'last'; it must be one of latest, best",
    "follow_through = 1": "follow_through is 1; it must be true or false",
    "title = 3": "title is 3; it must be a text in quotes",
    "tittle = 'x'": "tittle is not known; the entries are attempts",
    "late = 3": "late is 3; it must be a table",
    "[late]\nper_day = 10": "late.per_day is 10; it must be a number from 0 to 1",
    "[late]\nper_day = true": "late.per_day is True",
    "[late]\ntime = 'now'": "time is 'now'; it must be one of platform, file",
    "[links]\nhub = 'hub'": "links.hub is 'hub'; it must be an address",
    "[labs]\nx = 3": "labs.x is 3; it must be a table",
    "[labs.x]\ndue = 'soon'": "labs.x.due is 'soon'; write a date without quotes",
    "[labs.x]\nexercises = []": "labs.x.exercises must be a list of names",
    "[labs.x]\nexercises = ['a', 'a']": "labs.x.exercises names 'a' twice",
    "[labs.x]\npoints = {a = -1}": "labs.x.points.a is -1",
    "title = ": "is not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_a_term_file_may_not_say_is_named_with_what_it_may(tmp_path, text):
    with pytest.raises(LabError) as caught:
        read(tmp_path, text)
    assert WRONG[text] in str(caught.value)
    assert "term.toml" in str(caught.value)


def test_a_lab_or_an_exercise_that_there_is_not_is_named(tmp_path):
    term = read(tmp_path, GOOD)
    with pytest.raises(LabError, match=r"labs\.04_transformer is not a lab; the labs are 01_first"):
        term_file.check_labs(term, {"01_first": tmp_path})
    term_file.check_against(term, "04_transformer", ["softmax", "attention", "block"])
    with pytest.raises(LabError, match="exercises names 'attention'"):
        term_file.check_against(term, "04_transformer", ["softmax", "block"])
    term = read(tmp_path, GOOD.replace("points = {softmax", "points = {block"))
    with pytest.raises(LabError, match="points names 'block', which is not one of"):
        term_file.check_against(term, "04_transformer", ["softmax", "attention", "block"])


def test_the_term_file_of_the_teaching_page_is_one(tmp_path):
    root = Path(__file__).parents[3]
    page = (root / "book/teaching.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1]
    term = read(tmp_path, example)
    term_file.check_labs(term, masters(root / "labs"))
    assert term.plan("04_transformer").points == {"softmax": 2, "rotate": 4}


def test_a_handout_never_mixes_two_terms_nor_deletes_a_file(tmp_path, monkeypatch, capsys):
    mini_lab.make(tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    assert cli.main(["labs", "handout"]) == 0
    old = Path("handout/labs/98_older.ipynb")
    old.write_text("{}", encoding="utf-8")
    before = Path("handout/labs/99_mini.ipynb").read_bytes()
    Path("term.toml").write_text("[labs.99_mini]\nexercises = ['double']\n", encoding="utf-8")
    assert cli.main(["labs", "handout"]) == 2
    assert f"this term does not hand out {old}. Remove what" in capsys.readouterr().err
    assert old.is_file()
    assert Path("handout/labs/99_mini.ipynb").read_bytes() == before
    old.unlink()
    assert cli.main(["labs", "handout"]) == 2  # the whole lab was handed out there
    assert Path("handout/labs/99_mini.ipynb").read_bytes() == before
    Path("handout/labs/99_mini.ipynb").unlink()
    assert cli.main(["labs", "handout"]) == 0
    assert Path("handout/term.toml").is_file()
    Path("term.toml").unlink()
    assert cli.main(["labs", "handout"]) == 2  # the checks would follow the other term's choice
    assert "handout/term.toml" in capsys.readouterr().err


def test_the_second_half_of_a_lab_does_not_overwrite_the_first(tmp_path, monkeypatch, capsys):
    mini_lab.make(tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    first = "title = 'Winter'\n[labs.99_mini]\nexercises = ['double']\ndue = 2026-11-30\n"
    Path("term.toml").write_text(first, encoding="utf-8")
    assert cli.main(["labs", "handout"]) == 0
    files = [Path("handout/labs/99_mini.ipynb"), Path("handout/term.toml")]
    before = [path.read_bytes() for path in files]
    assert cli.main(["labs", "handout"]) == 0  # the same term again
    assert [path.read_bytes() for path in files] == before
    capsys.readouterr()
    for other, said in (
        (first.replace("'double'", "'longest'"), "the exercises double; here, longest"),
        (first.replace("Winter", "Summer"), "has the title 'Winter', and this term 'Summer'"),
    ):
        Path("t2.toml").write_text(other, encoding="utf-8")
        assert cli.main(["labs", "handout", "--term", "t2.toml"]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert "--out" in error
        assert [path.read_bytes() for path in files] == before
    Path("term.toml").write_text(first.replace("11-30", "12-07"), encoding="utf-8")
    assert cli.main(["labs", "handout"]) == 0  # a later due date is the same term
    assert "7 December 2026" in files[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", [text for text in WRONG if "exercises" in text or "points" in text]
)
def test_students_and_the_grader_read_the_same_entries_alike(tmp_path, text):
    path = tmp_path / "term.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(WRONG[text])):
        checks_term.plan(path, "x")
    path.write_text(GOOD, encoding="utf-8")
    plan = term_file.read(path).plan("04_transformer")
    chosen, points = checks_term.plan(path, "04_transformer")
    assert (tuple(chosen), points) == (plan.exercises, plan.points)
