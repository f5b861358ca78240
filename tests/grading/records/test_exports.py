"""Exports, report and similar code, from results that no kernel had to find."""

import csv
import io
import json
import re
import zipfile

import pytest
from record_cases import EXERCISES, LAB, graded
from test_people import CANVAS, GERMAN, MOODLE, UNKNOWN

from grooves import cli
from grooves.grading.masters import LabError
from grooves.grading.records import exports, report, similar, tables
from grooves.grading.records.results import Adjustment, Graded, Result
from grooves.grading.records.standing import Rules, standings
from grooves.grading.term.term_file import Term

ADA = "Ada Lovelace_4103_assignsubmission_file_/99_mini"
FLAT = "Cleo Clay_12_assignsubmission_file_99_mini"
CANVAS_ADA = "lovelaceada_12345_678901_99_mini-2"


def rows_of(path):
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def write(put, kind, people=None, column=None):
    said = []
    tables.write_pages(put.store, LAB, "A lab of three", standings(put.store, LAB))
    exports.write(kind, put.store, LAB, Term(), people, put.store.folder, said.append, column)
    return said


def test_moodles_worksheet_is_filled_in_and_its_other_columns_stay(put, tmp_path):
    put(graded(ADA, "double", "longest"))
    put(graded("dora", "double"))
    (tmp_path / "m.csv").write_text(MOODLE, encoding="utf-8")
    (said,) = write(put, "moodle", tmp_path / "m.csv")
    before = list(csv.reader(io.StringIO(MOODLE)))
    after = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert after[0] == before[0]
    grade = before[0].index("Grade")
    assert after[1] == [*before[1][:grade], "4", *before[1][grade + 1 :]]
    assert after[2] == before[2]  # handed in nothing: no grade is made up
    assert "1 people who are not in Moodle" in said


def test_another_maximum_in_moodle_is_told_and_can_be_scaled_to(put, tmp_path):
    put(graded(ADA, "double", "longest"))
    path = tmp_path / "m.csv"
    path.write_text(MOODLE.replace("6.00", "100.00"), encoding="utf-8")
    warning, _ = write(put, "moodle", path)
    assert "the lab is worth 6 points, but Moodle's maximum is 100" in warning
    words = ["labs", "export", "moodle", "--people", str(path), "--scale"]
    assert cli.main([*words, "--out", str(put.store.folder)]) == 0
    rows = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert rows[1][rows[0].index("Grade")] == "66.67"


def test_without_a_worksheet_moodle_gets_what_it_needs(put):
    put(graded(ADA, "double"))
    put(graded(FLAT, *EXERCISES))
    write(put, "moodle")
    rows = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert rows[0] == list(exports.MOODLE)
    assert [row[:2] + row[3:5] for row in rows[1:]] == [
        ["Participant 4103", "Ada Lovelace", "1", "6"],
        ["Participant 12", "Cleo Clay", "6", "6"],
    ]


def test_the_zip_names_each_page_as_the_platform_named_the_submission(put):
    put(graded(ADA, "double"))
    put(graded(FLAT, "double"))
    put(graded(CANVAS_ADA, "double"))
    for kind, names in (
        ("moodle", ["Ada Lovelace_4103_assignsubmission_file_/99_mini.html",
                    "Cleo Clay_12_assignsubmission_file_99_mini.html"]),
        ("canvas", [f"{CANVAS_ADA}.html"]),
    ):  # fmt: skip
        write(put, kind)
        with zipfile.ZipFile(put.store.folder / f"{LAB}-{kind}-feedback.zip") as packed:
            assert sorted(packed.namelist()) == names
            assert "Feedback for" in packed.read(names[0]).decode()


def test_canvas_gets_its_column_filled_in(put, tmp_path):
    put(graded(CANVAS_ADA, "twice_sum"))
    (tmp_path / "c.csv").write_text(CANVAS, encoding="utf-8")
    write(put, "canvas", tmp_path / "c.csv")
    rows = rows_of(put.store.folder / f"{LAB}-canvas.csv")
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section",
                       "A lab of three (77)"]  # fmt: skip
    assert rows[1][-1] == "6"
    assert rows[2] == ["Lovelace, Ada", "12345", "s1", "ada", "Monday", "2"]
    with pytest.raises(LabError, match="has no column 'Lab 9'"):
        write(put, "canvas", tmp_path / "c.csv", "Lab 9")


def test_names_that_no_platform_gave_are_told_and_not_exported(put):
    put(graded("anna", "double"))
    with pytest.raises(LabError, match="has a file name of Moodle's"):
        write(put, "moodle")


def test_excel_opens_the_tables_as_they_are(put):
    put(graded("Łukasz", "double"))
    put(graded("=1+1", "double"))
    table = tables.write_table(put.store, LAB, standings(put.store, LAB))
    for path in (table, exports.all_labs(put.store, Term())):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # how Excel knows UTF-8
        names = [row[0] for row in rows_of(path)]
        assert "Łukasz" in names
        assert "'=1+1" in names
    semicolons = exports.all_labs(put.store, Term(), semicolons=True).read_text("utf-8-sig")
    assert semicolons.splitlines()[0] == f"student;id;email;{LAB};total;out_of"


def test_the_report_counts_named_mistakes_and_groups_the_others(put, monkeypatch, capsys):
    put(graded("anna", *EXERCISES))
    put(graded("bert", "double", longest="yours is 3", twice_sum="You squared it: 16."))
    put(graded("cleo", "double", longest="yours is 7", twice_sum="You squared it: 9."))
    for name, said in (("dora", "got 4 for 2"), ("emil", "got 10.5 for 2"), ("fritz", "a text")):
        results = [Result(e, 0, n, "not right yet", said, "") for e, n in EXERCISES.items()]
        put(Graded(name, "graded", results, []))
    put(Graded("gone", "unreadable", [Result("double", 0, 1, "unreadable", "")], [], "Empty."))
    found = report.report(put.store, LAB, Rules())
    assert found["people"] == 7
    assert found["states"] == {"graded": 6, "unreadable": 1}
    double, twice, _ = found["exercises"]
    assert (double["passed"], double["people"]) == (3, 6)
    assert [(m["mistake"], m["people"]) for m in twice["mistakes"]] == [("twice_sum", 2)]
    assert [(u["people"], u["example"]) for u in double["unnamed"]] == [
        (2, "got 4 for 2"),
        (1, "a text"),
    ]
    assert found["points"]["median"] == 0.5
    assert cli.main(["labs", "report", "--out", str(put.store.folder)]) == 0
    printed = capsys.readouterr().out
    assert " 2. Twice_Sum: 1 of 6 passed; most often (2): You squared it: 16." in printed
    stored = json.loads((put.store.folder / f"{LAB}-report.json").read_text("utf-8"))
    assert stored == found
    page = (put.store.folder / f"{LAB}-report.html").read_text("utf-8")
    assert "You squared it: 16." in page
    assert not re.search("<script|https?:", page)


ANNA = """
def running_mean(values, size):
    # my way
    result = []
    for start in range(len(values) - size + 1):
        window = values[start:start + size]
        total = 0.0
        for value in window:
            total += value * 1.0
        result.append(total / size)
    return result
"""
RENAMED = (
    ANNA.replace("# my way", '"""All by myself."""')
    .replace("values", "xs")
    .replace("result", "out")
    .replace("window", "part")
    .replace("total", "acc")
    .replace("start", "i")
    .replace("value ", "x ")
    .replace("value\n", "x\n")
)
OTHER = """
def running_mean(values, size):
    sums = [0]
    for value in values:
        sums.append(sums[-1] + value)
    return [(high - low) / size for low, high in zip(sums, sums[size:])]
"""


def hand_in(put, name, code):
    put(Graded(name, "graded", [Result("running_mean", 1, 1, "passed", "", code=code)], []))


def test_renamed_code_is_found_and_other_code_is_not(put):
    hand_in(put, "anna", ANNA)
    hand_in(put, "bert", RENAMED)
    hand_in(put, "cleo", OTHER)
    (pair,) = similar.groups(put.store, LAB, Rules())
    assert pair.names == "anna and bert"
    assert pair.share > 0.9
    assert pair.exercises == ("running_mean",)
    assert "<pre>" in similar.page([pair], "A lab")


def test_what_the_reference_or_the_class_has_makes_nobody_alike(put):
    hand_in(put, "anna", ANNA)
    hand_in(put, "bert", RENAMED)
    cell = type("Cell", (), {"source": ANNA, "released": ""})
    reference = type("Reference", (), {"cells": [cell]})
    assert similar.groups(put.store, LAB, Rules(), reference) == []
    for n in range(10):
        hand_in(put, f"student{n}", OTHER)
    found = similar.groups(put.store, LAB, Rules())
    assert [group.names for group in found] == ["anna and bert"]


LONG = (
    ANNA
    + """
    for left in range(len(values)):
        right = left + size
        if right < len(values) and values[left] > values[right]:
            result[left], result[right - size] = values[left] ** 2, values[right] / 3
        while right > left:
            right = right // 2 - left % 5 + len(result)
"""
)


def test_people_who_share_one_solution_are_one_entry_whatever_part_of_the_class(put):
    for n in range(12):
        hand_in(put, f"forum{n:02}", LONG.replace("result", f"r{n}").replace("3", str(n + 20)))
    hand_in(put, "bert", OTHER)
    hand_in(put, "cleo", OTHER.replace("high - low", "low * 2 + high"))
    hand_in(put, "dora", "def running_mean(values, size):\n    return [sum(values) / size]")
    found = similar.groups(put.store, LAB, Rules())
    assert [len(group.people) for group in found] == [12, 2]  # not 66 pairs
    assert not found[0].is_weak
    assert found[0].tokens > found[1].tokens
    assert "12 people: forum00, forum01" in similar.page(found, "A lab")


def test_two_short_answers_that_are_alike_are_weak_evidence_and_come_last(put):
    short = "def f(x, y):\n    z = x * 3 + y\n    w = z - 7 * y / 2\n    return w ** z"
    hand_in(put, "anna", short)
    hand_in(put, "bert", short.replace("z", "q"))
    hand_in(put, "cleo", LONG)
    hand_in(put, "dora", LONG.replace("% 5", "% 7"))
    strong, weak = similar.groups(put.store, LAB, Rules())
    assert strong.share < weak.share == 1
    assert (strong.is_weak, weak.is_weak) == (False, True)
    assert "weak evidence: anna and bert" in similar.page([strong, weak], "A lab")


def test_the_report_counts_who_was_stopped_and_where(put, capsys):
    stuck = Result(
        "longest",
        0,
        3,
        "stopped",
        "It was stopped because it had not finished after 60 s.",
        title="Longest",
    )
    put(Graded("anna", "stopped", [stuck], []))
    put(Graded("bert", "stopped", [stuck], []))
    found = report.report(put.store, LAB, Rules())
    assert found["exercises"][0]["stopped"] == 2
    assert found["exercises"][0]["unnamed"] == []
    assert "Stopped: 2 in Longest." in report.page(found)
    assert cli.main(["labs", "report", "--lab", "99", "--out", str(put.store.folder)]) == 0
    assert "0 of 2 passed, 2 stopped" in capsys.readouterr().out


def test_a_named_mistake_is_shown_with_the_sentence_that_students_read():
    said = "You squared it: 3.5 is wrong. Take it twice.\n\n  more"
    assert report.shortened(said) == "You squared it: 3.5 is wrong."
    said = "power(2) is wrong: it should be 4.\nLikely mistake: you doubled it. Square it."
    assert report.shortened(said) == "you doubled it."
    assert report.shortened("a " * 100).endswith(" a…")
    assert len(report.shortened("word " * 100)) <= 120


@pytest.mark.parametrize("text", [GERMAN, UNKNOWN], ids=["German", "unknown"])
def test_moodles_worksheet_goes_back_in_the_language_in_which_it_came(put, tmp_path, text):
    put(graded(ADA, "double", "longest"))
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    adjusted = Adjustment(LAB, "moodle:4103", points="-1.5", comment="Gut.")
    put.store.adjust([adjusted])
    write(put, "moodle", path)
    before, after = rows_of(path), rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert after[0] == before[0]
    grade = "2,5" if text == GERMAN else "2.5"
    assert after[1] == [*before[1][:4], grade, *before[1][5:9], "Gut."]
    assert after[2] == before[2]
