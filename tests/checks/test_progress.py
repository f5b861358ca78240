"""Progress: kept whole or not at all, shown in a terminal and in the lab, never a grade."""

from __future__ import annotations

import json
import os
import re

import pytest

from grooves import cli
from grooves.checks import exercise, progress

LAB = "99_mini"
EXERCISES = [("double", 1), ("twice_sum", 2), ("longest", 3)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path))
    for name in ("GROOVES_GRADING", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(progress, "_widgets", {})
    return tmp_path


def _files(cache):
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


def test_a_pass_is_kept_for_the_next_session(cache):
    progress.record(LAB, "double", 1)
    progress.record(LAB, "longest", 3)
    kept = progress.load(LAB)
    assert set(kept["passed"]) == {"double", "longest"}
    assert kept["exercises"] == {"double": 1, "longest": 3}
    assert _files(cache) == ["99_mini.json"]


def test_passing_again_changes_no_points():
    progress.widget(LAB, EXERCISES)
    for _ in range(3):
        progress.record(LAB, "twice_sum", 2)
    assert "2 of 6 points" in progress.text(LAB, progress.load(LAB))


def test_a_write_that_fails_leaves_the_old_file_whole(cache, monkeypatch, capsys):
    progress.record(LAB, "double", 1)
    before = (cache / "progress" / "99_mini.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    progress.record(LAB, "longest", 3)
    said = capsys.readouterr().out
    assert "could not be saved ([Errno 28] No space left on device)" in said
    assert "The check passed, but your progress could not be saved" in said
    assert (cache / "progress" / "99_mini.json").read_bytes() == before
    assert _files(cache) == ["99_mini.json"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b'{"exercises": {"double"',
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b'{"exercises": {"double": "many"}, "passed": {}}',
        b'{"exercises": {}, "passed": ["double"]}',
    ],
)
def test_a_damaged_file_is_set_aside_with_a_sentence_and_not_lost(cache, capsys, damaged):
    path = cache / "progress" / "99_mini.json"
    path.parent.mkdir()
    for number in (1, 2):
        path.write_bytes(damaged)
        progress.record(LAB, "double", 1)
        said = capsys.readouterr().out
        assert said.startswith("The progress of 99_mini could not be read and starts from zero")
        assert said.count("\n") == 1
        aside = path.with_name(f"99_mini.json.damaged-{number}")
        assert str(aside) in said
        assert aside.read_bytes() == damaged
        assert set(progress.load(LAB)["passed"]) == {"double"}


def test_a_notebook_that_writes_in_between_leaves_a_file_that_can_be_read(
    cache, monkeypatch, capsys
):
    rename = os.replace

    def interrupted(beside, path):
        monkeypatch.setattr(os, "replace", rename)
        progress.record(LAB, "longest", 3)  # another notebook, after ours has written its part
        rename(beside, path)

    monkeypatch.setattr(os, "replace", interrupted)
    progress.record(LAB, "double", 1)
    assert capsys.readouterr().out == ""
    assert "double" in progress.load(LAB)["passed"]
    assert _files(cache) == ["99_mini.json"]


@pytest.mark.parametrize(
    ("name", "value"), [("GROOVES_GRADING", "1"), ("NBGRADER_EXECUTION", "autograde")]
)
def test_nothing_is_kept_while_grading(cache, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    progress.record(LAB, "double", 1)
    assert progress.widget(LAB, EXERCISES) is None
    assert _files(cache) == []


def test_a_name_that_leaves_the_folder_is_refused():
    for name in ("../other", "a/b", "", ".hidden"):
        with pytest.raises(ValueError, match="is not the name of a lab"):
            progress.load(name)


def test_the_widget_changes_when_a_check_passes():
    view = progress.widget(LAB, EXERCISES)
    assert "0 of 3 exercises, 0 of 6 points" in view.value
    progress.record(LAB, "longest", 3)
    assert "1 of 3 exercises, 3 of 6 points" in view.value
    progress.record("98_other", "double", 1)
    assert "1 of 3 exercises, 3 of 6 points" in view.value


def test_the_widget_is_a_progress_bar_to_a_screen_reader():
    progress.widget(LAB, EXERCISES)
    progress.record(LAB, "twice_sum", 2)
    shown = progress.markup(LAB, progress.load(LAB))
    bar = re.search(r"<progress ([^>]*)>", shown).group(1)
    assert 'max="6"' in bar
    assert 'value="2"' in bar
    assert 'aria-label="Progress in 99_mini: 1 of 3 exercises, 2 of 6 points"' in bar
    # each exercise says its state in a word, not by sign or colour alone
    assert re.search(r"twice sum <span[^>]*>\(2 points, passed\)", shown)
    assert re.search(r"double <span[^>]*>\(1 point, to do\)", shown)


def test_a_pass_says_how_far_one_is_and_what_comes_next():
    names = ["softmax", "attention", "rotate"]

    def said(*passed, after=""):
        return progress.standing("04_transformer", names, set(passed), after)

    assert said().startswith("0 of 3 passed, next: exercise 1, ")
    title = progress.lab_table()["04_transformer"]["rotate"]["title"]
    assert said("attention", after="attention") == f"1 of 3 passed, next: exercise 3, {title}"
    assert said("attention", "rotate", after="rotate").startswith("2 of 3 passed, next: exercise 1")
    assert said(*names) == "3 of 3 passed: the lab is complete"
    assert (
        progress.standing("99_mini", ["twice_sum"], ())
        == "0 of 1 passed, next: exercise 1, twice sum"
    )


def test_a_title_that_asks_keeps_its_question_mark_alone(capsys):
    exercise._tell("passed: shapes.", "1 of 2 passed, next: exercise 2, Will it fit?")
    exercise._tell("passed: fit.", "2 of 2 passed: the lab is complete")
    first, last = capsys.readouterr().out.splitlines()
    assert first.endswith("Will it fit?") and last.endswith("complete.")


def test_the_widget_has_the_labs_name():
    assert progress.title("04_transformer") == "Lab 4: The transformer"
    assert progress.title(LAB) == LAB
    view = progress.widget("04_transformer", [("softmax", 1), ("attention", 2)])
    assert view.title in view.value
    progress.record("04_transformer", "softmax", 1)
    assert view.points == [1, 3]
    assert view.standing.startswith("1 of 2 passed, next: exercise 2, ")


def test_a_lab_started_again_keeps_what_was_passed_and_follows_the_new_exercises():
    progress.widget(LAB, EXERCISES)
    progress.record(LAB, "double", 1)
    view = progress.widget(LAB, [("double", 2), ("another", 5)])
    assert "1 of 2 exercises, 2 of 7 points" in view.value


def test_the_terminal_shows_every_lab_that_was_started(capsys):
    progress.widget(LAB, EXERCISES)
    progress.record(LAB, "longest", 3)
    progress.record("04_transformer", "attention", 2)
    capsys.readouterr()
    assert cli.main(["progress"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"99_mini +\[#+\.+\] +3 of 6 points", shown)
    assert re.search(r"longest +3 +passed \d{4}-\d\d-\d\d", shown)
    assert re.search(r"double +1 +to do", shown)
    assert "04_transformer" in shown
    assert cli.main(["progress", "99_mini", "01_forward_propagation"]) == 0
    shown = capsys.readouterr().out
    assert "04_transformer" not in shown
    assert "01_forward_propagation: not started yet" in shown


@pytest.mark.parametrize("name", ["4", "04", "transformer", "Transf", "04_transformer"])
def test_progress_takes_short_names_of_labs(capsys, name):
    assert cli.main(["progress", name]) == 0
    shown = capsys.readouterr().out
    assert "04_transformer: not started yet" in shown
    assert "softmax" in shown  # its exercises are listed


def test_progress_refuses_what_is_no_lab_with_the_list_of_labs(capsys):
    assert cli.main(["progress", "4", "foobar"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "'foobar' is not a lab; the labs are 01_" in shown.err
    assert "04_transformer" in shown.err


def test_the_terminal_says_so_when_nothing_was_started(capsys):
    assert cli.main(["progress"]) == 0
    assert "No lab has been started yet." in capsys.readouterr().out


def test_the_file_is_plain_json_that_a_person_can_read(cache):
    progress.record(LAB, "double", 1)
    kept = json.loads((cache / "progress" / "99_mini.json").read_text("utf-8"))
    assert kept["exercises"] == {"double": 1}
    assert re.match(r"\d{4}-\d\d-\d\dT", kept["passed"]["double"])


def test_the_terminal_counts_what_the_term_sets(tmp_path, monkeypatch, capsys):
    progress.widget("04_transformer", [("softmax", 1), ("causal_attention", 2), ("rotate", 2)])
    progress.record("04_transformer", "causal_attention", 2)
    (tmp_path / "term.toml").write_text(
        '[labs.04_transformer]\nexercises = ["softmax", "causal_attention"]\n'
        "points.causal_attention = 2.5\n"
    )
    monkeypatch.chdir(tmp_path)
    assert cli.main(["progress", "04_transformer"]) == 0
    shown = capsys.readouterr().out
    assert "2.5 of 3.5 points" in shown
    assert "rotate" not in shown
