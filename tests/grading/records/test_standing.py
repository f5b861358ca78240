"""What counts: attempts, lateness, and what an instructor changes, which grading again keeps."""

import sys
import time
from datetime import datetime, timedelta

import pytest
from record_cases import EXERCISES, LAB, graded

from grooves.grading.masters import LabError
from grooves.grading.records import adjustments, feedback
from grooves.grading.records.people import Listed
from grooves.grading.records.standing import Rules, standings
from grooves.grading.term import term_file, time_zone

DUE = datetime.fromisoformat("2026-11-29T12:00:00+00:00")


def total_of(put, **rules):
    return {one.person.key: one.total for one in standings(put.store, LAB, Rules(**rules))}


def test_of_several_files_of_one_person_the_latest_counts_or_the_best(put):
    put(graded("Ada L_7_assignsubmission_file_/99_mini", "double", "longest"))
    put(graded("Ada L_7_assignsubmission_file_/99_mini-2", "double"))
    assert total_of(put) == {"moodle:7": 1}
    assert total_of(put, attempts="best") == {"moodle:7": 4}
    (one,) = standings(put.store, LAB)
    assert "99_mini, also handed in (4 points), does not count" in one.remarks[-1]


def test_a_file_that_cannot_be_read_does_not_take_the_place_of_one_that_can(put):
    from dataclasses import replace

    put(graded("anna/99_mini", "double"))
    broken = replace(graded("anna/99_mini-2"), state="unreadable", reason="The file is empty.")
    put(broken)
    (one,) = standings(put.store, LAB)
    assert (one.total, one.graded.state) == (1, "graded")
    assert "could not be graded: The file is empty." in one.remarks[-1]


def test_a_day_begun_costs_its_share_and_the_grace_costs_nothing(put):
    put(graded("anna", "longest", "double"), "2026-11-29T12:09:00+00:00")
    put(graded("bert", "longest", "double"), "2026-11-29T12:11:00+00:00")
    put(graded("cleo", "longest", "double"), "2026-12-24T12:11:00+00:00")
    put(graded("dora", "longest", "double"), "file 2026-12-24T12:11:00+00:00")
    rules = dict(due=DUE, per_day=0.25, at_most=0.5, grace_minutes=10)
    assert total_of(put, **rules) == {"anna": 4, "bert": 3, "cleo": 2, "dora": 4}
    assert total_of(put, **rules, time="file")["dora"] == 2
    late = next(s for s in standings(put.store, LAB, Rules(**rules)) if s.person.key == "bert")
    assert late.remarks == ["Handed in 1 day late: 1 points deducted."]


def test_canvas_says_late_where_nothing_else_tells_when(put):
    put(graded("lovelaceada_LATE_12345_678901_99_mini", "longest", "double"))
    assert total_of(put, due=DUE, per_day=0.25) == {"canvas:12345": 3}


def change(put, tmp_path, text, name="changes.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    found, problems = adjustments.read(path, put.store)
    put.store.adjust(found)
    return problems


def test_what_an_instructor_changes_counts_is_shown_and_survives_grading_again(put, tmp_path):
    put(graded("Ada L_7_assignsubmission_file_/99_mini", "double"))
    put(graded("bert", "double"))
    problems = change(
        put, tmp_path,
        "student;exercise;points;comment;reason\n"
        "Ada L;2;1,5;Good idea.;half of it\n"
        "7;longest;+1;;nearly\n"
        "bert;;+2;Well asked in class.;bonus\n",
    )  # fmt: skip
    assert problems == []
    for _ in range(2):
        ada, bert = standings(put.store, LAB)
        assert (ada.total, bert.total) == (1 + 1.5 + 1, 1 + 2)
        page = feedback.page(ada, "A lab")
        assert "1.5 of 2 (the check: 0)" in page
        assert "Good idea." in page
        assert "Reason: half of it" in page
        assert "Well asked in class." in feedback.page(bert, "A lab")
        put(graded("Ada L_7_assignsubmission_file_/99_mini", "double"))  # graded again
    change(put, tmp_path, "student,exercise,points\nbert,,\n")  # taken back
    assert standings(put.store, LAB)[1].total == 1


def test_an_extension_and_a_time_of_handing_in_move_what_is_late(put, tmp_path):
    put(graded("anna", "double"), "2026-11-30T12:00:00+00:00")
    put(graded("bert", "double"))
    rules = dict(due=DUE, per_day=0.5)
    assert total_of(put, **rules) == {"anna": 0.5, "bert": 1}
    text = '[[adjust]]\nstudent = "anna"\ndue = 2026-12-01\n'
    put(graded("cleo", "double"), "2026-12-01T12:00:00+00:00")  # in time on her last day
    text += '[[adjust]]\nstudent = "cleo"\ndue = 2026-12-01\n'
    text += '[[adjust]]\nstudent = "bert"\nhanded_in = 2026-11-29T13:00:00+00:00\n'
    assert change(put, tmp_path, text, "changes.toml") == []
    assert total_of(put, **rules) == {"anna": 1, "bert": 0.5, "cleo": 1}


ROWS = {
    "nobody,double,1": "student 'nobody' neither handed in nor",
    ",double,1": "student is empty",
    "anna,divide,1": "exercise 'divide' is not one of double, twice_sum, longest",
    "anna,9,1": "exercise '9'",
    "anna,double,many": "points 'many' is no number",
    "anna,double,nan": "points 'nan' is no number",
}


def test_a_row_that_is_not_understood_is_named_and_costs_the_others_nothing(put, tmp_path):
    put(graded("anna"))
    text = "student,exercise,points\n" + "\n".join(ROWS) + "\nanna,double,1\n"
    problems = change(put, tmp_path, text)
    assert len(problems) == len(ROWS)
    for line, (problem, expected) in enumerate(zip(problems, ROWS.values(), strict=True), 2):
        assert f"line {line}" in problem
        assert expected in problem
    assert total_of(put) == {"anna": 1}
    with pytest.raises(LabError, match="'note' is not a known column"):
        change(put, tmp_path, "student,note\nanna,x\n")


def test_who_is_on_the_list_and_handed_in_nothing_is_in_the_table(put):
    put(graded("Ada L_7_assignsubmission_file_/99_mini", *EXERCISES))
    put.store.expect(LAB, [Listed("moodle:7", "Ada Lovelace"), Listed("moodle:8", "Bert Brot")])
    ada, bert = standings(put.store, LAB)
    assert (ada.person.name, ada.total) == ("Ada Lovelace", 6)
    assert (bert.person.name, bert.total, bert.graded.state) == ("Bert Brot", 0, "not handed in")


@pytest.mark.skipif(sys.platform == "win32", reason="no tzset")
def test_dates_without_an_offset_are_read_in_the_terms_time_zone(put, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # the machine on which the results are exported
    time.tzset()
    try:
        path = tmp_path / "term.toml"
        text = (
            'time_zone = "Europe/Berlin"\n[late]\nper_day = 0.5\n[labs.99_mini]\ndue = 2026-11-29'
        )
        path.write_text(text, encoding="utf-8")
        term = term_file.read(path)
        assert term.plan(LAB).due.utcoffset() == timedelta(hours=1)
        put(graded("anna", *EXERCISES))
        put(graded("bert", *EXERCISES), "2026-11-29T22:30:00+00:00")  # 23:30 in Berlin
        put.store.expect(LAB, [Listed("anna", "anna", "", "2026-11-29T23:50:00")])
        assert total_of(put, **vars(term.rules(LAB))) == {"anna": 6, "bert": 6}
        put.store.expect(LAB, [Listed("anna", "anna", "", "2026-11-30T00:10:00")])
        assert total_of(put, **vars(term.rules(LAB))) == {"anna": 3, "bert": 6}
        said = []
        time_zone.compare(put.store, term.zone, True, said.append)
        time_zone.compare(put.store, term.zone, True, said.append)
        assert said == []
        time_zone.compare(put.store, None, False, said.append)
        assert "another time zone, Europe/Berlin; this run uses local time" in said[0]
        path.write_text('time_zone = "Berlin"\n', encoding="utf-8")
        with pytest.raises(LabError, match="time_zone is 'Berlin'; it must be a name such as"):
            term_file.read(path)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_advice_on_time_zones_is_not_to_write_what_is_written(put):
    said = []
    for name in ("Europe/Berlin", "Asia/Tokyo"):
        time_zone.compare(put.store, time_zone.zone_named(name), True, said.append)
    (sentence,) = said
    assert sentence.endswith(
        "If Asia/Tokyo is not what you want, change time_zone in the term file."
    )
    assert "Write" not in sentence
