"""What a chapter costs is read from the reports as it stands there."""

import chapter_cost
import pytest

REPORT = """<testsuites><testsuite time="{time}">{cases}</testsuite></testsuites>"""
CASE = '<testcase classname="{}" name="{}" time="{}"/>'


@pytest.fixture
def reports(tmp_path):
    """Reports of three stages, of a course of two chapters."""
    cases = {
        "unit": [("tests.checks.test_checks_labs", "a[01_x]", 8), ("tests.repository.t", "b", 9)],
        "notebooks": [("notebooks.01_x.ipynb", "Cell 0", 20),
                      ("notebooks.00_start.ipynb", "Cell 0", 10),
                      ("labs.solutions.01_x.ipynb", "Cell 0", 4)],
        "site": [("tests.book.test_pages", "test_p[notebooks/01_x.html]", 2),
                 ("tests.book.test_links", "test_every_link_inside", 1),
                 ("tests.book.test_print", "test_p[book/01_x.html]", 40),
                 ("tests.book.test_build", "test_clean", 60)],
    }  # fmt: skip
    for stage, found in cases.items():
        inside = "".join(CASE.format(*case) for case in found)
        (tmp_path / f"{stage}.xml").write_text(REPORT.format(time=100, cases=inside))
    return tmp_path


def test_what_a_chapter_brings_is_shared_by_chapters_and_processes(reports, monkeypatch):
    monkeypatch.setattr(chapter_cost, "CHAPTERS", ["01_x", "02_y"])
    found = {stage: (whole, one) for stage, whole, one in chapter_cost.costs(reports, 2)}
    assert found["unit"] == (100, 8 / 2 / 2)
    assert found["notebooks"] == (100, (20 + 4) / 2 / 2)
    assert found["site"] == (100, (2 + 1) / 2 / 2)  # the book runs no notebook again


def test_the_table_says_what_the_planned_chapters_will_take():
    table = chapter_cost.table([("unit", 100.0, 5.0), ("site", 50.0, 2.5)], 7, 15)
    assert "| `unit` | 100 | 5.0 | 140 |" in table
    assert table.endswith("| `together` | 150 | 7.5 | 210 |")
