"""The book of an edition: what is left out is gone, what is set shows, what is wrong is refused."""

import re
import shutil
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup
from read_pages import faults
from sample_book import ADDRESS
from test_ledger import rows, said
from test_links import dead_links

from grooves.grading.edition.colours import schemes
from grooves.plots import claims

LEFT_OUT = "04_transformer"


def soup(built, page):
    return BeautifulSoup((built.site / page).read_text("utf-8"), "html.parser")


def article(built, page):
    return soup(built, page).select_one("article")


def rebuilt(edition, folder, text):
    """Exit code and complaints of a build of the same course with another edition.toml."""
    course = edition.site.parents[1]
    if not folder.exists():
        shutil.copytree(course, folder)
    (folder / "edition.toml").write_text(text, "utf-8")
    command = [sys.executable, str(folder / "book" / "build.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_the_edition_builds_without_a_warning_and_without_a_dead_link(edition):
    assert edition.returncode == 0, edition.log[-4000:]
    assert "WARNING:" not in edition.log
    assert list(dead_links(edition.site)) == []


def test_nothing_of_a_chapter_that_is_left_out_is_in_the_site(edition):
    found = [path for path in edition.site.rglob("*") if LEFT_OUT in path.name]
    assert found == []
    # the notebook of the page itself can be downloaded, links and all
    pages = [path for path in edition.site.rglob("*.html") if LEFT_OUT in path.read_text("utf-8")]
    assert pages == []
    assert {"book/01_forward_propagation.html", "labs/06_fine_tuning.html"} <= set(edition.pages())


def test_links_to_what_is_left_out_say_so(edition):
    text = " ".join(article(edition, "book/welcome.html").get_text().split())
    assert "Read chapter 4 (not in this edition)," in text
    assert "how it looks back (chapter 4, not in this edition)" in text
    assert "its notebook (chapter 4, not in this edition), or" in text


def test_lists_leave_out_what_is_left_out(edition):
    lists = [
        [said(item) for item in found("li")]
        for found in article(edition, "book/welcome.html").select("ul:not(.ways, .chapter-cards)")
    ]
    assert lists == [["Multiply"]]
    cells = [said(cell) for cell in article(edition, "notebooks/00_start.html")("td")]
    assert cells == ["products", "Multiply"]
    offered = [said(option) for option in article(edition, "book/launch.html")("option")]
    assert "labs/01_forward_propagation.ipynb" in offered
    assert not [name for name in offered if LEFT_OUT in name]


def test_the_ledger_says_which_claims_are_not_in_this_edition(edition):
    away = 0
    for name, (_, verdict, finding) in rows(edition.site, "book/ledger.html").items():
        chapters = claims.claims()[name].chapters
        if any(chapter.number == 4 for chapter in chapters):
            away += 1
            assert said(verdict) == "not in this edition"
            assert said(finding).startswith("Checked in chapter")
        else:
            assert said(verdict) == "not yet checked"
    assert away > 1
    summary = said(article(edition, "book/ledger.html"))
    assert f"{away} claims belong to chapters that are not in this edition." in summary


def test_name_logo_and_institution_show(edition):
    page = soup(edition, "book/welcome.html")
    assert page.title.text == "Ridges — Ridges"
    assert said(page.select_one(".navbar-brand")) == "Ridges"
    assert page.select_one(".navbar-brand img")["src"].endswith("_static/still.svg")
    assert page.select_one("link[rel~=icon]")["href"].endswith("_static/still.svg")
    assert said(page.h1).startswith("Ridges")
    assert said(page.select_one(".edition-line")) == "An edition of Grooves for Example School"
    assert "<title>Ridges</title>" in (edition.site / "index.html").read_text("utf-8")


def test_a_page_that_is_added_stands_in_its_part(edition):
    sidebar = said(soup(edition, "book/welcome.html").select_one(".bd-links"))
    assert sidebar.index("Second") < sidebar.index("Our rooms")
    assert sidebar.index("First") < sidebar.index("Second")


def test_links_to_the_published_book_stay_inside_the_one_that_is_read(edition):
    link = article(edition, "labs/01_forward_propagation.html").find("a", string="the page")
    assert link["href"] == "../book/01_forward_propagation.html#multiply"
    head = soup(edition, "book/launch.html").select_one("link[rel=canonical]")
    assert head["href"] == f"{ADDRESS}book/launch.html"


def test_the_colour_of_an_edition_is_that_of_its_links_and_is_readable(page, edition):
    address = (edition.site / "book/welcome.html").as_uri()
    assert faults(page, address, set()) == []
    for scheme, wanted in zip(("light", "dark"), schemes("#8a1538"), strict=True):
        page.emulate_media(color_scheme=scheme)
        page.goto(address)
        link = page.locator("article ul:not(.ways) a.reference").first
        shown = link.evaluate("link => getComputedStyle(link).color")
        channels = re.findall(r"\d+", shown)
        assert "#" + "".join(f"{int(c):02x}" for c in channels) == wanted


def test_the_form_that_leads_to_a_hub_fits_a_telephone(page, edition):
    """The edition's longest option is wider than the form."""
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto((edition.site / "book/launch.html").as_uri())
    page.locator(".hub-form option").first.evaluate("one => { one.text = 'x'.repeat(200) }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box, form = page.locator("select").bounding_box(), page.locator(".hub-form").bounding_box()
    assert box["x"] + box["width"] <= form["x"] + form["width"]


def test_pages_serve_the_site_as_it_is(edition):
    """GitHub Pages would leave out folders that begin with an underscore."""
    assert (edition.site / ".nojekyll").read_bytes() == b""


def test_pages_of_a_former_edition_go_and_a_refused_one_leaves_them(edition, tmp_path):
    course = tmp_path / "course"
    left = course / "_build" / "html" / "book" / "06_fine_tuning.html"
    code, refused = rebuilt(edition, course, "leave_out = [5]\n")
    assert code == 1
    assert refused.strip().endswith("choose from 1, 4, 6.")
    assert left.is_file()
    code, refused = rebuilt(edition, course, "leave_out = [6]\n")
    assert code == 0, refused
    assert not left.exists()
    assert not (course / "_build" / "jupyter_execute" / "notebooks" / left.name).exists()
    assert (left.parent / f"{LEFT_OUT}.html").is_file()


@pytest.mark.parametrize(
    "text", ['colour = "#ffcc00"', 'logo = "none.svg"', "leave_out = [1, 4, 6]"]
)
def test_a_wrong_setting_stops_the_build_with_one_sentence(edition, tmp_path, text):
    code, refused = rebuilt(edition, tmp_path / "course", text)
    assert code == 1
    (line,) = refused.strip().splitlines()
    assert line.startswith("edition.toml: ") and ": " in line.removeprefix("edition.toml: ")
