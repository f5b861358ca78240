"""The welcome page is made of the course that there is, and the launch page is no dead end."""

import re
from types import SimpleNamespace

import book_welcome
import pytest
import yaml
from bs4 import BeautifulSoup
from built_book import ROOT
from chapter_data import chapter_names, read_chapters
from playwright.sync_api import expect
from sample_book import REPOSITORY, chapter
from test_edition import article, soup
from test_ledger import said

from grooves.grading.edition.settings import contents as edition_contents
from grooves.grading.edition.settings import read_edition


def card_of(card):
    """What a card shows: link, its text, and the paragraphs below it."""
    link = card.find("a")
    return link["href"], said(link), [said(line) for line in card("p")[1:]]


def test_each_chapter_of_an_edition_has_a_card_and_none_that_is_left_out(edition):
    page = article(edition, "book/welcome.html")
    cards = [card_of(card) for card in page.select("ul.chapter-cards > li")]
    assert cards == [
        (
            "01_forward_propagation.html",
            "1. Multiply",
            ["How does Multiply work?", "11 min to read, 13 to run, 5 for the lab"],
        ),
        (
            "06_fine_tuning.html",
            "6. Begin elsewhere",
            ["How does Begin elsewhere work?", "23 min to read, 29 to run, 15 for the lab"],
        ),
    ]


def test_a_card_shows_its_chapters_own_picture(edition):
    page = article(edition, "book/welcome.html")
    shown = [str(card.svg.find("path")) for card in page.select("ul.chapter-cards > li")]
    for picture, name in zip(shown, ("01_forward_propagation", "06_fine_tuning"), strict=True):
        svg = (ROOT / "book" / "_static" / "cards" / f"{name}.svg").read_text("utf-8")
        assert picture == str(BeautifulSoup(svg, "html.parser").find("path"))
    hidden = page.select("ul.chapter-cards svg[aria-hidden=true]")
    assert len(hidden) == 2, "the title beside it says as much"


def test_cards_stand_under_their_parts(edition):
    page = article(edition, "book/welcome.html")
    shown = page.select("h3.part, ul.chapter-cards > li")
    words = [said(one) if one.name == "h3" else said(one.find("a")) for one in shown]
    assert words == ["First", "1. Multiply", "6. Begin elsewhere"]


def test_the_way_to_read_leads_to_the_editions_first_chapter(edition):
    ways = article(edition, "book/welcome.html").select("ul.ways > li")
    assert [(said(way.a), way.a["href"]) for way in ways] == [
        ("Read", "01_forward_propagation.html"),
        ("Run", "../notebooks/00_start.html"),
    ]


def test_ways_can_be_read_where_scripts_are_off(browser, edition):
    """Without scripts the theme sets no scheme, and with it no colours."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((edition.site / "book/welcome.html").as_uri())
    way = page.locator("ul.ways > li").first
    expect(way).to_have_css("background-color", "rgb(0, 90, 143)")
    expect(way).to_have_css("color", "rgb(255, 255, 255)")
    context.close()


def test_every_chapter_of_the_course_has_a_picture_and_a_question():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = chapter_names(edition_contents(toc, read_edition(ROOT)))
    drawn = {path.stem for path in (ROOT / book_welcome.CARDS).glob("*.svg")}
    assert set(names) <= drawn
    assert all(one.question.endswith("?") for one in read_chapters(ROOT, names))
    for name in drawn:  # what is not a colour of the page would not change with the scheme
        text = (ROOT / book_welcome.CARDS / f"{name}.svg").read_text("utf-8")
        assert not re.search(r'(?:fill|stroke)="', text), name


def test_a_chapter_without_a_picture_is_named(tmp_path):
    env = SimpleNamespace(srcdir=tmp_path, note_dependency=lambda path: None)
    cards = SimpleNamespace(env=env)
    with pytest.raises(ValueError, match=r"13_many.* has no picture.*: draw book"):
        book_welcome.ChapterCards.picture(cards, "13_many_devices")


def test_a_chapter_whose_lab_a_students_copy_leaves_out_keeps_its_card(tmp_path):
    for path, text in chapter("01_forward_propagation", "Multiply", 11, 13, (4, 1)).items():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text, "utf-8")
    (tmp_path / "labs" / "01_forward_propagation.ipynb").unlink()
    (read,) = read_chapters(tmp_path, ["01_forward_propagation"], all_labs=False)
    assert ">11 min to read, 13 to run</p>" in book_welcome._card(read, "<svg />")
    with pytest.raises(FileNotFoundError):
        read_chapters(tmp_path, ["01_forward_propagation"])


def test_a_chapter_that_opens_without_a_question_is_named():
    one = SimpleNamespace(name="05_scaling", question="", read_min=1, run_min=1, exercise_min=())
    with pytest.raises(ValueError, match=r"book/05_scaling\.md has no question"):
        book_welcome._card(one, "<svg />")


@pytest.mark.parametrize(
    "copy, branch, lines, zipped",
    [
        (REPOSITORY, "main", f"git clone {REPOSITORY}\nmake -C grooves-copy lab", ".zip"),
        (
            "https://gitlab.com/a/b/c",
            "2027",
            "git clone --branch 2027 https://gitlab.com/a/b/c\nmake -C c lab",
            "https://gitlab.com/a/b/c/-/archive/2027/c-2027.zip",
        ),
        ("https://git.example.edu/a/b", "main", "make -C b lab", None),
    ],
)
def test_two_lines_fetch_the_course_and_start_it(copy, branch, lines, zipped):
    text = book_welcome._with_copy(copy, branch)
    assert lines in text
    assert (zipped in text) if zipped else ("zip" not in text)


def test_a_students_copy_is_offered_where_there_is_one(edition):
    page = article(edition, "book/welcome.html")
    assert f"git clone {REPOSITORY}" in page.get_text()
    assert page.find("a", string="download the zip file")["href"].startswith(REPOSITORY)
    launch = said(article(edition, "book/launch.html"))
    assert "A menu offers Binder." in launch
    assert "Unpack the folder." not in launch


def test_without_a_students_copy_the_pages_say_what_to_do_with_a_folder(taught):
    launch = said(article(taught, "book/launch.html"))
    assert "Unpack the folder." in launch
    assert "A menu offers Binder." not in launch
    page = article(taught, "book/welcome.html")
    assert "make lab" in page.get_text()
    assert "git clone" not in page.get_text()


def test_the_books_own_welcome_lists_its_chapters_and_fits_a_telephone(page, book):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = chapter_names(edition_contents(toc, read_edition(ROOT)))
    cards = soup(book, "book/welcome.html").select("article ul.chapter-cards > li a")
    assert [card["href"] for card in cards] == [f"{name}.html" for name in names]
    listed = soup(book, "notebooks/00_start.html").select("article td a")
    assert [link["href"] for link in listed] == [f"../book/{name}.html" for name in names]
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto((book.site / "book/welcome.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # one screen shows what the course is: the model at work, and the beginning of a story
    teller = page.get_by_role("region", name="A trained model tells a story")
    expect(teller).to_be_in_viewport()


def test_neither_the_readme_nor_the_first_notebook_lists_chapters_by_hand():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    for file in ("README.md", "notebooks/00_start.ipynb", "book/welcome.md"):
        text = (ROOT / file).read_text("utf-8")
        named = [name for name in chapter_names(toc) if name in text]
        assert len(named) <= 1, f"{file} names {named}"
