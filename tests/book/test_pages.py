"""Every page is readable by everyone, asks nobody for anything, and complains of nothing."""

import re

import pytest
from built_book import ROOT, Watch
from read_pages import (
    AXE,
    ONE_OF_EACH_COLOUR,
    axe,
    edition_pages,
    faults,
    look_at_new_colours,
    settle,
)

from grooves.grading.edition.settings import read_edition

PAGES = [f"{page}.html" for page in edition_pages(ROOT)] + ["genindex.html", "search.html"]
# One page of each kind, because the menus of a narrow page are the same on all of them. Of the
# book and the notebooks it is the first chapter's, in which formulas, tables and code scroll.
CHAPTERS = [page for page in PAGES if re.search(r"/(?!00)\d\d_", page)]
KINDS = {page.partition("/")[0]: page for page in [*reversed(PAGES), *reversed(CHAPTERS)]}
MOUNT = 'class="explorable-mount"'
LOOKS = set()  # of text, that a page of this process was read with: its colours


@pytest.fixture(scope="module")
def only_page(browser):
    """One for all pages: what they have in common is fetched once, as it is for a reader."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def page(only_page, watch):
    """The only page, empty and watched."""
    only_page.goto("about:blank")
    yield watch.on(only_page)
    watch.off(only_page)


def test_every_page_is_read(book):
    assert sorted(PAGES) == book.pages()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_everyone_and_asks_nobody_else(page, watch, book, book_address, path):
    assert faults(page, book_address + path, LOOKS) == []
    assert watch.outside == []
    assert watch.complaints == []


@pytest.mark.parametrize("path", KINDS.values())
def test_axe_finds_nothing_in_what_a_telephone_alone_shows(page, book, book_address, path):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(book_address + path)
    settle(page)
    page.evaluate(ONE_OF_EACH_COLOUR)
    page.evaluate(AXE)
    look_at_new_colours(page, LOOKS)
    assert axe(page) == []


def test_no_page_asks_outside_or_complains_from_a_disk(page, watch, book):
    """One page of each kind, and all with an explorable, which loads in another way there."""
    moving = {path for path in book.pages() if MOUNT in (book.site / path).read_text("utf-8")}
    assert moving
    for path in sorted(moving.union(KINDS.values())):
        page.goto(book.site.as_uri() + "/" + path)
        settle(page)
    assert watch.outside == []
    assert watch.complaints == []


def test_the_door_leads_to_the_first_page(page, book_address):
    page.goto(book_address)
    page.wait_for_url("**/book/welcome.html")
    assert page.get_by_role("heading", level=1).inner_text().startswith(read_edition(ROOT).name)


def test_what_is_wrong_on_a_page_is_noticed(page, watch, tmp_path):
    (tmp_path / "page.html").write_text(
        "<html><body><img src='x.png'><p>black</p><p style='color:#999;background:#888'>grey</p>"
        "<script src='https://example.com/x.js'></script>"
        "<script>console.error('oh'); undefined.x</script></body></html>"
    )
    page.goto((tmp_path / "page.html").as_uri())
    page.evaluate(AXE)
    rules = {fault.partition(":")[0] for fault in axe(page)}
    assert {"image-alt", "color-contrast", "document-title"} <= rules
    assert watch.outside == ["https://example.com/x.js"]
    assert sum("oh" in text for text in watch.complaints) == 1
    assert sum("Cannot read properties" in text for text in watch.complaints) == 1
    assert any("x.png" in text for text in watch.complaints)
