"""Who handed in: names as Moodle, Canvas, nbgrader and people write them."""

from datetime import datetime

import pytest

from grooves.grading.masters import LabError
from grooves.grading.records import class_list, moodle
from grooves.grading.records.people import person_of

LAB = "04_transformer"
NAMES = {
    "Ada Lovelace_4103_assignsubmission_file_/04_transformer": ("moodle:4103", "Ada Lovelace", 0),
    "Ada Lovelace_4103_assignsubmission_file/solution": ("moodle:4103", "Ada Lovelace", 0),
    "Ada Lovelace_4103_assignsubmission_file_04_transformer": ("moodle:4103", "Ada Lovelace", 0),
    "Participant_77_assignsubmission_file_/x": ("moodle:77", "Participant 77", 0),
    "Zoë O'Neil-Smith_12_assignsubmission_file_/04_transformer-2": (
        "moodle:12", "Zoë O'Neil-Smith", 2,
    ),
    "lovelaceada_12345_678901_04_transformer": ("canvas:12345", "lovelaceada", 0),
    "lovelaceada_12345_678999_04_transformer-2": ("canvas:12345", "lovelaceada", 2),
    "anna": ("anna", "anna", 0),
    "04_transformer_anna": ("anna", "anna", 0),
    "anna/04_transformer": ("anna", "anna", 0),
    "anna/04_transformer (1)": ("anna", "anna", 1),
    "submitted/anna_b/04_transformer/04_transformer": ("anna_b", "anna b", 0),
    "monday/anna": ("monday/anna", "anna", 0),
    "student-1": ("student-1", "student-1", 0),
    "student-2": ("student-2", "student-2", 0),
    "20261130": ("20261130", "20261130", 0),
    "04_transformer": ("04_transformer", "04_transformer", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_tells_who_handed_in_and_which_attempt_it_is(name):
    person = person_of(name, LAB)
    assert (person.key, person.name, person.attempt) == NAMES[name]


def test_canvas_marks_what_is_late():
    assert person_of("lovelaceada_LATE_12345_678901_04_transformer", LAB).late
    assert not person_of("lovelaceada_12345_678901_LATE", LAB).late


MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    "Participant 4103,Ada Lovelace,ada@example.org,Submitted,,6.00,Yes,"
    '"Sunday, 29 November 2026, 11:05 PM",-,\n'
    "Participant 5,Bert Brot,bert@example.org,No submission,,6.00,Yes,-,-,\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,A lab of three (77)\n"
    "    Points Possible,,,,,6\n"
    '"Lovelace, Ada",12345,s1,ada,Monday,\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_class_list_is_read_as_moodle_and_canvas_write_it(tmp_path, encoding):
    (tmp_path / "m.csv").write_text(MOODLE, encoding=encoding)
    (tmp_path / "c.csv").write_text(CANVAS.replace(",", ";").replace("Lovelace; ", "Lovelace, "),
                                    encoding=encoding)  # fmt: skip
    moodle, problems = class_list.read(tmp_path / "m.csv")
    assert problems == []
    assert [(p.key, p.name, p.email) for p in moodle] == [
        ("moodle:4103", "Ada Lovelace", "ada@example.org"),
        ("moodle:5", "Bert Brot", "bert@example.org"),
    ]
    assert [p.handed_in[:16] for p in moodle] == ["2026-11-29T23:05", ""]
    canvas, problems = class_list.read(tmp_path / "c.csv")
    assert [(p.key, p.name) for p in canvas] == [("canvas:12345", "Ada Lovelace")]


def test_a_row_of_a_class_list_that_is_not_understood_costs_the_others_nothing(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(MOODLE.replace("Sunday, 29 November", "Sunnuntai, 29. marraskuuta"), "utf-8")
    people, problems = class_list.read(path)
    assert [(one.key, one.handed_in) for one in people] == [("moodle:4103", ""), ("moodle:5", "")]
    assert len(problems) == 1
    assert "line 2" in problems[0]
    assert "marraskuuta" in problems[0]
    path.write_text("colour,size\nred,3\n", "utf-8")
    with pytest.raises(LabError, match="lists nobody"):
        class_list.read(path)


GERMAN = (
    "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert "
    "werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar\n"
    'Teilnehmer/in 4103,Ada Lovelace,ada@example.org,Abgegeben,,"6,00",Ja,'
    '"Sonntag, 29. November 2026, 23:05",-,\n'
    'Teilnehmer/in 5,Bert Brot,bert@example.org,Keine Abgabe,,"6,00",Ja,-,-,\n'
)
UNKNOWN = (  # no name of a column is known here: cells and places tell
    "Osallistuja,Koko nimi,Sähköposti,Tila,Arvosana,Enimmäisarvosana,Muutettavissa,Muokattu,"
    "Arvioitu,Palaute\n"
    "Osallistuja 4103,Ada Lovelace,ada@example.org,Palautettu,,6.00,Kyllä,2026-11-29 23:05,-,\n"
    "Osallistuja 5,Bert Brot,bert@example.org,Ei palautettu,,6.00,Kyllä,-,-,\n"
)


@pytest.mark.parametrize("text", [GERMAN, UNKNOWN], ids=["German", "unknown"])
def test_moodles_worksheet_is_read_in_every_language(tmp_path, text):
    path = tmp_path / "m.csv"
    path.write_text(text, encoding="utf-8")
    people, problems = class_list.read(path)
    assert problems == []
    assert [(p.key, p.name, p.email, p.handed_in[:16]) for p in people] == [
        ("moodle:4103", "Ada Lovelace", "ada@example.org", "2026-11-29T23:05"),
        ("moodle:5", "Bert Brot", "bert@example.org", ""),
    ]
    path.write_text("id,name,email\nstudent 7,Ada,ada@x.org\n", encoding="utf-8")
    assert class_list.read(path)[0][0].key == "student 7"  # a list of one's own is none of Moodle's


def test_dates_are_read_as_moodle_writes_them_in_several_languages():
    for text in (
        "Sunday, 29 November 2026, 11:05\u202fPM",
        "Sonntag, 29. November 2026, 23:05",
        "dimanche 29 novembre 2026, 23:05",
        "domingo, 29 de noviembre de 2026, 23:05",
        "November 29, 2026, 11:05 PM",
        "29/11/2026, 23:05",
        "29.11.2026 23:05",
        "2026-11-29 23:05",
    ):
        assert moodle.moment(text) == datetime(2026, 11, 29, 23, 5), text
    assert moodle.moment("Sunday, 29 November 2026, 12:05 AM").hour == 0
    assert moodle.moment("29 marraskuuta 2026, 23:05") is None
    assert moodle.moment("11/29/2026, 23:05") is None  # a month and a day that cannot be told apart
