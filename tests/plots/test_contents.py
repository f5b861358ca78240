"""The first notebook lists the chapters of the edition that it belongs to."""

import re

import pytest
from built_book import ROOT

from grooves.plots import contents

TOC = """\
root: book/welcome
parts:
  - caption: One
    chapters:
      - file: book/11_second
        sections:
          - file: labs/11_second
      - file: book/02_first
      - file: book/notation
"""


@pytest.fixture
def course(tmp_path):
    (tmp_path / "_toc.yml").write_text(TOC, "utf-8")
    (tmp_path / "book").mkdir()
    for name, title in (("02_first", "First"), ("11_second", "Second")):
        page = f"(label)=\n# {title}\n\nIs it {title}?\n\nYes.\n"
        (tmp_path / "book" / f"{name}.md").write_text(page, "utf-8")
    return tmp_path


def test_chapters_are_read_from_the_table_of_contents_and_their_pages(course):
    assert contents.chapters(course) == [
        contents.Chapter(11, "11_second", "Second", "Is it Second?"),
        contents.Chapter(2, "02_first", "First", "Is it First?"),
    ]
    named = re.findall(r"book/(\d\d_\w+)", (ROOT / "_toc.yml").read_text("utf-8"))
    assert [chapter.name for chapter in contents.chapters(ROOT)] == named


def test_a_chapter_that_the_edition_leaves_out_is_not_listed(course):
    (course / "edition.toml").write_text("leave_out = [11]\n", "utf-8")
    assert [chapter.number for chapter in contents.chapters(course)] == [2]


def test_the_list_links_each_chapter_or_says_where_they_are(course):
    table = contents.linked(contents.chapters(course)).data
    assert "| [11. Second](../book/11_second.md) | Is it Second? |" in table.splitlines()
    assert contents.chapters(course / "book") == []
    assert "first page of the book" in contents.linked([]).data


def test_a_page_that_opens_without_a_question_is_named(course):
    (course / "book" / "02_first.md").write_text("# First\n\nNo question.\n", "utf-8")
    with pytest.raises(ValueError, match=r"book/02_first\.md does not open with"):
        contents.chapters(course)
