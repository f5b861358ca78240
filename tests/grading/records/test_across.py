"""What a reviewer broke: lists of two labs, keys that change, odd tables, people without grades."""

import csv
import io
import zipfile
from dataclasses import replace

import pytest
from record_cases import EXERCISES, LAB, graded

from grooves import cli
from grooves.grading import submissions
from grooves.grading.masters import LabError
from grooves.grading.records import adjustments, class_list, exports, feedback, tables
from grooves.grading.records.people import Listed
from grooves.grading.records.results import Graded, Result
from grooves.grading.records.standing import Rules, standings
from grooves.grading.term.term_file import Plan, Term

ADA = "Ada Lovelace_{}_assignsubmission_file_/99_mini"


def put_in(put, lab, one):
    put.store.name_lab(lab, lab)
    put.store.put(lab, one, path="", content="x", checks="c", time_limit_s=60)


def adjust(put, tmp_path, text, name="changes.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    found, problems = adjustments.read(path, put.store)
    put.store.adjust(found)
    return problems


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_each_lab_has_a_list_of_its_own_and_one_row_a_person_in_the_table_of_all(put, tmp_path):
    put(graded(ADA.format(4103), *EXERCISES))
    put.store.expect(LAB, [Listed("moodle:4103", "Ada Lovelace", "ada@x.org", "2026-11-01T12:00")])
    put_in(put, "98_other", graded(ADA.format(5207), "double"))
    put.store.expect("98_other", [Listed("moodle:5207", "Ada Lovelace", "ada@x.org",
                                         "2026-11-26T12:00")])  # fmt: skip
    due = {"due": Rules().due, "labs": {LAB: Plan()}}
    assert due["due"] is None
    late = Rules(due=submissions.datetime.fromisoformat("2026-11-06T23:59:00+00:00"), per_day=0.1)
    (one,) = standings(put.store, LAB, late)
    assert (one.total, one.days_late) == (6, 0)  # the other lab's time is not this one's
    rows = rows_of(exports.all_labs(put.store, Term()))
    assert [row[:1] + row[3:6] for row in rows[1:]] == [["Ada Lovelace", "1", "6", "7"]]


def test_what_was_changed_before_there_was_a_list_still_counts(put, tmp_path):
    put(graded("Ada Lovelace", "double"))
    assert adjust(put, tmp_path, "student,points\nAda Lovelace,+2\n") == []
    put.store.expect(LAB, [Listed("s77", "ada lovelace", "ada@x.org")])
    (one,) = standings(put.store, LAB)
    assert (one.person.key, one.total) == ("s77", 3)


def test_moodles_number_is_one_person_whatever_the_name(put):
    put(graded("Ada King_4103_assignsubmission_file_/99_mini", "double"))
    put(graded("Ada Lovelace_4103_assignsubmission_file_/99_mini", *EXERCISES))
    assert len(standings(put.store, LAB)) == 1
    put(graded("team_123_4567_99_mini", "double"))
    put(graded("crew_123_9876_99_mini", "double"))
    assert len(standings(put.store, LAB)) == 3  # own names that only look like Canvas's


def test_points_by_hand_count_once_they_are_given_be_they_none(put, tmp_path):
    essay = Result("essay", 0, 5, "by hand", "A person grades this.")
    put(replace(graded("anna", "double"), results=[essay]))
    assert adjust(put, tmp_path, "student,exercise,comment\nanna,essay,See me.\n") == []
    (one,) = standings(put.store, LAB)
    assert one.out_of == 0
    assert adjust(put, tmp_path, "student,exercise,points\nanna,essay,0\n") == []
    (one,) = standings(put.store, LAB)
    assert (one.total, one.out_of) == (0, 5)


def test_a_number_in_another_name_does_not_beat_the_date(put):
    put(
        graded("Ada_7_assignsubmission_file_/99_mini-1", "double"), "file 2026-11-01T10:00:00+00:00"
    )
    put(graded("Ada_7_assignsubmission_file_/final", *EXERCISES), "file 2026-11-05T10:00:00+01:00")
    (one,) = standings(put.store, LAB)
    assert one.total == 6


def test_who_has_no_grade_gets_none_unless_the_instructor_gives_one(put, tmp_path):
    put(graded(ADA.format(4103), "double"))
    put(Graded("Bert Brot_5_assignsubmission_file_/99_mini", "not graded", [], [], "It failed."))
    put.store.expect(LAB, [Listed("moodle:4103", "Ada Lovelace"), Listed("moodle:5", "Bert Brot"),
                           Listed("moodle:6", "Cleo Clay")])  # fmt: skip
    said = []
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, said.append)
    rows = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert [row[1] for row in rows[1:]] == ["Ada Lovelace"]
    assert "without a grade, because nothing could be graded: Bert Brot" in said
    problems = adjust(put, tmp_path, "student,exercise,points\nCleo Clay,,5\nCleo Clay,double,1\n")
    assert len(problems) == 1
    assert "only for the lab as a whole" in problems[0]
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, said.append)
    rows = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert [(row[1], row[3]) for row in rows[1:]] == [("Ada Lovelace", "1"), ("Cleo Clay", "5")]


def test_a_file_by_mail_and_a_list_with_other_numbers_are_exported_too(put):
    put(graded(ADA.format(4103), "double"))
    put(graded("Bert Brot", "double"))
    put.store.expect(LAB, [Listed("s1", "Ada Lovelace"), Listed("moodle:5", "Bert Brot")])
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, lambda line: None)
    rows = rows_of(put.store.folder / f"{LAB}-moodle.csv")
    assert [row[0] for row in rows[1:]] == ["Participant 4103", "Participant 5"]
    with zipfile.ZipFile(put.store.folder / f"{LAB}-moodle-feedback.zip") as packed:
        assert "Bert Brot_5_assignsubmission_file_/99_mini.html" in packed.namelist()


def test_pages_of_an_export_say_what_its_table_says(put, tmp_path):
    put(graded(ADA.format(4103), "double"))
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, lambda line: None)
    adjust(put, tmp_path, "student,points,reason\nAda Lovelace,+1,asked well\n")
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, lambda line: None)
    with zipfile.ZipFile(put.store.folder / f"{LAB}-moodle-feedback.zip") as packed:
        (name,) = packed.namelist()
        assert "2 of 6 points" in packed.read(name).decode()


TABLES = {
    "student,points\ranna,+1\r": 4,  # as Excel for the Macintosh writes it
    "\n\nstudent,points\nanna,+1\n": 4,
    "sep=;\nstudent;points\nanna;+1\n": 4,
}


@pytest.mark.parametrize("text", TABLES)
def test_tables_are_read_however_a_spreadsheet_writes_them(put, tmp_path, text):
    put(graded("anna", "longest"))
    assert adjust(put, tmp_path, text) == []
    assert standings(put.store, LAB)[0].total == TABLES[text]


REFUSED = {
    ("name,points\nanna,1\n", "changes.csv"): "has no column `student`",
    ("", "changes.csv"): "has no column `student`",
    ("[adjust]\nstudent = 'anna'\n", "changes.toml"): "with double brackets",
    ("[[adjust]]\nstudent = 'anna'\npoints = +1\n", "changes.toml"): "write points in quotes",
}


@pytest.mark.parametrize(("text", "name"), REFUSED)
def test_a_table_that_would_be_misread_is_refused(put, tmp_path, text, name):
    put(graded("anna", "longest"))
    with pytest.raises(LabError, match=REFUSED[text, name]):
        adjust(put, tmp_path, text, name)


def test_a_comma_without_quotes_and_a_reason_alone_are_named(put, tmp_path):
    put(graded("anna", "longest"))
    adjust(put, tmp_path, "student,points,reason\nanna,+1,first\n")
    text = "student,comment\nanna,well done, but late\n"
    assert "more cells than columns" in adjust(put, tmp_path, text)[0]
    text = "student,reason\nanna,second thoughts\n"
    assert "a reason alone" in adjust(put, tmp_path, text)[0]
    assert standings(put.store, LAB)[0].total == 4  # nothing was taken back


def test_a_page_says_the_reason_of_an_extension_and_no_untrue_penalty(put, tmp_path):
    put(graded("anna", "longest"), "2026-11-08T12:00:00+00:00")
    rules = Rules(due=submissions.datetime.fromisoformat("2026-11-06T12:00:00+00:00"), per_day=0.1)
    adjust(put, tmp_path, "student,due,reason\nanna,2026-11-07,ill\n")
    page = feedback.page(standings(put.store, LAB, rules)[0], "A lab")
    assert "Reason: ill" in page
    assert "points deducted" in page
    adjust(put, tmp_path, "student,points\nanna,3\n")
    page = feedback.page(standings(put.store, LAB, rules)[0], "A lab")
    assert "points deducted" not in page


def test_a_class_list_without_numbers_keeps_everybody(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("student,email\nAnna Schmidt,a1@x.org\nAnna Schmidt,a2@x.org\n", "utf-8")
    people, problems = class_list.read(path)
    assert [one.key for one in people] == ["a1@x.org", "a2@x.org"]
    assert problems == []


def test_one_file_or_folder_is_named_after_its_person(tmp_path):
    for name in (
        "dl/Ada L_41_assignsubmission_file_/99_mini.ipynb",
        "dl/Bo K_42_assignsubmission_file_/my_homework.ipynb",
        "submitted/anna/lab_9/99_mini.ipynb",
        "submitted/bert/lab_9/99_mini.ipynb",
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}", "utf-8")  # fmt: skip

    def names(path):
        return [one.name for one in submissions.find(tmp_path / path)[0]]

    moodle = "Ada L_41_assignsubmission_file_/99_mini"
    homework = "Bo K_42_assignsubmission_file_/my_homework"
    assert names("dl") == [moodle, homework]
    assert names(f"dl/{moodle}.ipynb") == [moodle]
    assert names("dl/Bo K_42_assignsubmission_file_") == [homework]
    assert names("dl/Ada L_41_assignsubmission_file_") == [moodle]
    assert names("submitted/anna") == names("submitted/anna/lab_9") == ["anna/lab_9/99_mini"]
    assert names("submitted") == ["anna/lab_9/99_mini", "bert/lab_9/99_mini"]


def test_two_files_never_get_one_name_and_a_replaced_result_is_told(tmp_path):
    for group in ("g1", "g2"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "anna.ipynb").write_text("{}", "utf-8")
    paths = {str(tmp_path / "g1/anna.ipynb"): "anna"}
    found, _ = submissions.find(tmp_path / "g2")
    (said,) = submissions.replaced(found, paths)
    assert "was graded before, from" in said
    (tmp_path / "zoe.ipynb").write_text("{}", "utf-8")
    paths[str(tmp_path / "g2/anna.ipynb")] = "zoe"  # as it was called when it was graded alone
    found, _ = submissions.find(tmp_path)
    named = [one.name for one in submissions.named_as_before(found, paths)]
    assert named[:2] == ["anna", "zoe"]
    assert len(set(named)) == 3


def test_a_later_row_changes_only_what_it_fills(put, tmp_path):
    put(graded("anna", "longest"), "2026-11-07T12:00:00+00:00")
    rules = Rules(due=submissions.datetime.fromisoformat("2026-11-06T12:00:00+00:00"), per_day=0.1)
    adjust(put, tmp_path, "student,due,points,comment\nanna,2026-11-08,,ill\nanna,,+1,\n")
    (one,) = standings(put.store, LAB, rules)
    assert (one.total, one.days_late, one.comment) == (4, 0, "ill")
    assert "Extended: due 2026-11-08 23:59." in one.remarks
    adjust(put, tmp_path, "student,points\nanna,\n")
    (one,) = standings(put.store, LAB, rules)
    assert (one.total, one.days_late, one.comment) == (2.7, 1, "")


def test_a_row_with_only_a_name_says_what_it_takes_back(put, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    put(graded(ADA.format(4103), *EXERCISES))
    put(graded(ADA.format(4104).replace("Ada Lovelace", "Bert Brot"), "double"))
    path = tmp_path / "changes.csv"
    words = ["labs", "adjust", str(path), "--out", str(put.store.folder)]
    path.write_text("student;exercise;points;comment\nAda Lovelace;;+2;good\n"
                    "Ada Lovelace;double;0;\n", "utf-8")  # fmt: skip
    assert cli.main(words) == 0
    assert "take" not in (said := capsys.readouterr().out), said
    path.write_text("student;exercise;points\nAda Lovelace;;\nAda Lovelace;1;\n"
                    "Bert Brot;;\n", "utf-8")  # fmt: skip
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "undone: Ada Lovelace, 99_mini, the lab as a whole (points +2, comment good)" in said
    assert "undone: Ada Lovelace, 99_mini, double (points 0)" in said
    assert "nothing to undo: Bert Brot, 99_mini, the lab as a whole" in said
    assert "0 changes stored" in said
    assert put.store.adjustments(LAB) == []


def test_one_part_of_a_lab_is_not_judged_by_the_rules_of_another(put):
    put(graded("anna", "longest"))
    assert len(standings(put.store, LAB, Rules(exercises=tuple(EXERCISES)))) == 1
    with pytest.raises(LabError, match=r"that the term does not set \(double, twice_sum\)"):
        standings(put.store, LAB, Rules(exercises=("longest",)))


def test_grades_above_the_maximum_are_named(put, tmp_path):
    put(graded(ADA.format(4103), *EXERCISES))
    adjust(put, tmp_path, "student,points\nAda Lovelace,+2\n")
    said = []
    exports.write("moodle", put.store, LAB, Term(), None, put.store.folder, said.append)
    assert "above the maximum: Ada Lovelace (8 of 6)" in said


def test_a_submission_that_is_removed_is_gone_from_all_but_the_dated_changes(
    put, monkeypatch, capsys
):
    out = ["--out", str(put.store.folder)]
    put(graded(ADA.format(4103), "double"))
    put(graded("bert", "longest"))
    assert cli.main(["labs", "adjust", str(put.store.folder / "none.csv"), *out]) == 2
    tables.write_pages(put.store, LAB, "A lab", standings(put.store, LAB))
    page = tables.page_path(put.store.folder, LAB, "bert")
    assert page.is_file()
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert cli.main(["labs", "remove", "bert", *out]) == 1
    assert len(standings(put.store, LAB)) == 2
    assert cli.main(["labs", "remove", "bert", "--yes", *out]) == 0
    assert [one.person.name for one in standings(put.store, LAB)] == ["Ada Lovelace"]
    assert not page.exists()
    assert [row[0] for row in rows_of(put.store.folder / f"{LAB}.csv")[1:]] == ["Ada Lovelace"]
    *_, (when, exercise, before, now) = put.store.changes(LAB, "bert")
    assert (exercise, before, now) == ("longest", 3, 0)
    assert when.startswith("20")
    capsys.readouterr()
    assert cli.main(["labs", "remove", "bert", "--yes", *out]) == 2
    assert "is not a submission" in capsys.readouterr().err
    assert cli.main(["labs", "remove", "Ada Lovelace", "--lab", "99", "--yes", *out]) == 0
    assert standings(put.store, LAB) == []


def test_a_name_of_several_submissions_removes_none(put, capsys):
    put(graded(ADA.format(4103), "double"))
    put(graded(ADA.format(4103) + "-2", "double"))
    out = ["--yes", "--out", str(put.store.folder)]
    assert cli.main(["labs", "remove", "Ada Lovelace", *out]) == 2
    assert "write the submission's name" in capsys.readouterr().err
    assert len(put.store.all_of(LAB)) == 2
    assert cli.main(["labs", "remove", ADA.format(4103), *out]) == 0
    assert [one.graded.submission for one in put.store.all_of(LAB)] == [ADA.format(4103) + "-2"]


def test_removing_leaves_no_empty_folder_and_never_names_a_lab_that_was_given(put, capsys):
    put(graded(ADA.format(4103), "double"))
    put(graded(ADA.format(4103) + "-2", "double"))
    put(graded("bert", "double"))
    tables.write_pages(put.store, LAB, "A lab", standings(put.store, LAB))
    out = ["--lab", "99", "--yes", "--out", str(put.store.folder)]
    assert cli.main(["labs", "remove", "Ada Lovelace", *out]) == 2
    assert capsys.readouterr().err.endswith("write the submission's name\n")
    page = tables.page_path(put.store.folder, LAB, ADA.format(4103))
    assert cli.main(["labs", "remove", ADA.format(4103), *out]) == 0
    assert page.parent.is_dir()  # the other page is in it
    assert cli.main(["labs", "remove", "Ada Lovelace", *out]) == 0
    assert not page.parent.exists()
    assert tables.page_path(put.store.folder, LAB, "bert").is_file()
