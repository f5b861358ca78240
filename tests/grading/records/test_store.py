"""Results are never lost: stored as they come, resumed after a break, replaced one by one."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time

import mini_lab
import psutil
import pytest

from grooves import cli
from grooves.grading import masters, supervisor
from grooves.grading.records import tables
from grooves.grading.records.results import Graded, Result, Stored
from grooves.grading.records.standing import alone
from grooves.grading.records.store import NAME, Store

WRONG = {"twice_sum": "def twice_sum(v):\n    return 0"}
SQUARE = {"double": "def double(x):\n    return x * x"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The small lab in a folder that is the working directory, and a way to hand in."""
    path = mini_lab.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    released = masters.release(masters.read_master(path), mini_lab.LAB)

    def hand_in(name, **answers):
        mini_lab.hand_in(released, tmp_path / "s" / f"{name}.ipynb", **answers)

    return hand_in


def _grade(*words):
    return cli.main(["labs", "grade", "s", "--no-rehearsal", "--jobs", "1", *words])


def _rows(table=f"{mini_lab.LAB}.csv"):
    with open(f"feedback/{table}", encoding="utf-8-sig", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def test_grading_one_again_changes_one_row_and_dates_the_change(course):
    course("anna")
    course("bert", **WRONG)
    assert _grade() == 0
    before = _rows()
    course("bert")
    assert cli.main(["labs", "grade", "s/bert.ipynb", "--no-rehearsal"]) == 0
    after = _rows()
    assert after["anna"] == before["anna"]
    assert (before["bert"]["total"], after["bert"]["total"]) == ("4", "6")
    with Store(tables.Path("feedback")) as store:
        changed = [row[1:] for row in store.changes(mini_lab.LAB, "bert") if row[2] is not None]
        dates = [row[0] for row in store.changes(mini_lab.LAB, "bert")]
    assert changed == [("twice_sum", 0.0, 2.0)]
    assert all(date[:2] == "20" and "T" in date for date in dates)


def test_one_folder_of_a_class_is_graded_again_under_its_name(course):
    course("anna/99_mini")
    course("bert/99_mini", **WRONG)
    assert _grade() == 0
    course("bert/99_mini")
    assert cli.main(["labs", "grade", "s/bert", "--no-rehearsal"]) == 0
    assert {name: row["total"] for name, row in _rows().items()} == {
        "anna/99_mini": "6",
        "bert/99_mini": "6",
    }


def test_what_did_not_change_is_not_graded_again_and_all_else_is(course, capsys, tmp_path):
    course("anna")
    course("bert", **WRONG)
    faster = tmp_path / "faster"  # a file: only until it is there does cleo take too long
    wait = f"import os, time\nif not os.path.exists({str(faster)!r}):\n    time.sleep(60)\n"
    course("cleo", twice_sum=wait + "def twice_sum(v):\n    return 14")

    def graded(*words):
        assert _grade(*words) == 0
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        return [words[1].rstrip(":") for words in lines if words and "/" in words[0][:4]]

    assert graded("--time-limit", "2") == ["anna", "bert", "cleo"]
    assert graded("--time-limit", "2") == []
    faster.touch()
    assert graded("--time-limit", "20") == ["cleo"]  # it was stopped, and has more time now
    assert graded("--time-limit", "20", "--again") == ["anna", "bert", "cleo"]
    course("bert")
    assert graded() == ["bert"]
    checks = tables.Path("mini_checks.py")
    checks.write_text(checks.read_text("utf-8") + "\n# another check\n", "utf-8")
    assert graded() == ["anna", "bert", "cleo"]


def test_the_name_of_the_mistake_is_stored(course):
    course("anna", **SQUARE)
    assert _grade() == 0
    base = sqlite3.connect(f"feedback/{NAME}")
    found = base.execute("SELECT exercise, hint FROM exercises WHERE hint != ''").fetchall()
    base.close()
    assert found == [("double", "square")]


def test_each_result_and_page_is_there_when_it_is_graded(course, monkeypatch):
    for name in ("anna", "bert", "cleo"):
        course(name)
    graded = supervisor.grade
    seen = []

    def grade(submission, *more):
        if submission.name == "cleo":
            seen.extend(sorted(path.name for path in tables.Path("feedback").rglob("*.html")))
            raise KeyboardInterrupt
        return graded(submission, *more)

    monkeypatch.setattr(supervisor, "grade", grade)
    assert _grade() == 130
    assert seen == ["anna.html", "bert.html"]
    assert set(_rows()) == {"anna", "bert"}  # the table, too, after a break
    monkeypatch.setattr(supervisor, "grade", graded)
    assert _grade() == 0
    assert set(_rows()) == {"anna", "bert", "cleo"}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_grader_that_was_killed_goes_on_and_grades_the_suspect_last_and_alone(
    course, capsys, tmp_path
):
    course("anna", double="import time\ntime.sleep(600)")
    course("bert")
    code = "import sys\nfrom grooves.cli import main\nmain(sys.argv[1:])"
    words = ["labs", "grade", "s", "--no-rehearsal", "--jobs", "1", "--time-limit", "600"]
    for times in (1, 2):
        run = subprocess.Popen([sys.executable, "-c", code, *words], start_new_session=True)
        _wait_until_begun(run, times)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        assert _all_end(tmp_path)  # a kernel ends with its grader
    assert _grade("--time-limit", "600") == 0
    said = capsys.readouterr().out
    assert "anna: 0 of 6, not graded. The grader was ended twice while this submission ran" in said
    assert _rows()["bert"]["total"] == "6"


def _all_end(folder):
    """Whether no process that belongs to a folder's course is left after a while."""
    for _ in range(100):
        left = 0
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environment = process.environ()
                left += "GROOVES_GRADING" in environment and (
                    environment.get("PYTHONPATH", "").startswith(str(folder))
                )
        if not left:
            return True
        time.sleep(0.2)
    return False


def _wait_until_begun(run, times):
    """Until a submission has begun to run for the given time, as the store says."""
    for _ in range(600):
        time.sleep(0.2)
        if not tables.Path("feedback", NAME).exists():
            continue
        base = sqlite3.connect(f"feedback/{NAME}")
        try:
            if base.execute("SELECT begun FROM running WHERE begun=?", (times,)).fetchone():
                return
        except sqlite3.Error:
            pass
        finally:
            base.close()
    run.kill()
    raise AssertionError("nothing was begun")


@pytest.mark.parametrize("place", ["file", "other"])
def test_a_place_that_cannot_be_written_is_named_before_anything_is_graded(course, capsys, place):
    course("anna")
    if place == "file":
        tables.Path("feedback").touch()
    else:
        tables.Path("feedback").mkdir()
        tables.Path("feedback", NAME).write_bytes(b"this is no data base" * 100)
    assert _grade() == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("results cannot be written to feedback")
    assert "--out" in shown.err
    assert "anna" not in shown.out


def test_a_table_that_is_held_open_is_written_beside(course, capsys):
    course("anna")
    tables.Path("feedback", f"{mini_lab.LAB}.csv").mkdir(parents=True)
    assert _grade() == 0
    said = capsys.readouterr().out
    assert said.index("cannot be written") < said.index("anna: 6 of 6")
    assert _rows(f"{mini_lab.LAB}-new.csv")["anna"]["total"] == "6"


def test_a_table_that_a_spreadsheet_has_open_is_told_at_once(tmp_path):
    (tmp_path / ".~lock.99_mini.csv#").touch()
    assert "close it there without saving" in tables.held_open(tmp_path, "99_mini")
    assert tables.held_open(tmp_path, "98_other") == ""


def test_results_and_pages_of_those_who_left_are_named(course, capsys):
    course("anna")
    course("bert")
    assert _grade() == 0
    tables.Path("s/bert.ipynb").unlink()
    tables.Path(f"feedback/{mini_lab.LAB}/old.html").touch()
    capsys.readouterr()
    assert _grade() == 0
    said = capsys.readouterr().out
    assert "no longer handed in: bert" in said
    assert "old.html" in said
    assert "anna.html" not in said
    assert set(_rows()) == {"anna", "bert"}


NAMES = [
    "a" * 249,
    "CON",
    "what?",
    "a:b",
    "line\nbreak",
    "trailing.",
    "Łukasz",
    "\\xe9",
    "emoji 😀",
    "/".join("d" * 60 for _ in range(5)),
]


def test_every_name_gets_a_page_of_its_own_that_every_system_can_store(tmp_path):
    paths = set()
    for name in NAMES:
        graded = Graded(name, "graded", [Result("double", 1, 1, "passed", "Passed.")], [])
        stored = Stored(graded, "2026-11-30", tmp_path, "")
        tables.write_page(tmp_path, "99_mini", "A lab", alone(stored, "99_mini"))
        path = tables.page_path(tmp_path, "99_mini", name)
        assert path.is_file()
        assert len(path.name.encode()) < 250
        assert not set(path.name) & set('<>:"\\|?*\n')
        paths.add(str(path).lower())
    assert len(paths) == len(NAMES)
