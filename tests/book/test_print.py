"""A printed page is whole and light: code wraps, folds are open, explorables are pictures."""

import re
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from built_book import ROOT
from read_pages import edition_pages, settle

# A4 without 15 mm at each side, at 96 dots per inch: what Chromium lays a page out for.
WIDTH = 680
MARGINS = dict.fromkeys(("top", "right", "bottom", "left"), "15mm")
CHAPTER = next(page for page in edition_pages(ROOT) if re.match(r"book/\d\d_", page))
PAGES = [f"{folder}/{Path(CHAPTER).name}.html" for folder in ("book", "notebooks", "labs")]

# How far the lines of code stick out of what shows them, by block: out of the paper, or out of a
# box that cuts off what is wider.
CUT_OFF = """() => [...document.querySelectorAll("pre")].filter((pre) => pre.checkVisibility())
  .map((pre) => {
    let edge = innerWidth;
    for (let box = pre; box; box = box.parentElement) {
        if (getComputedStyle(box).overflowX === "visible") continue;
        edge = Math.min(edge, box.getBoundingClientRect().left + box.clientLeft + box.clientWidth);
    }
    const lines = document.createRange();
    lines.selectNodeContents(pre);
    const out = Math.max(...[...lines.getClientRects()].map((line) => line.right - edge));
    return [pre.textContent.slice(0, 60), out];
  })"""


@pytest.fixture
def sheet(browser):
    """A function that opens a page as wide as the paper, in a scheme."""
    contexts = []

    def open_page(address, scheme):
        viewport = {"width": WIDTH, "height": 960}
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        settle(page)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_line_of_code_is_cut_off_on_paper(sheet, book_address, path):
    page = sheet(book_address + path, "light")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # folds open on paper
    printed = page.evaluate(CUT_OFF)
    assert len(printed) > 3
    assert [block for block in printed if block[1] > 1] == []


def test_what_scrolls_on_the_screen_wraps_on_paper(sheet, sample_address):
    page = sheet(sample_address + "notebooks/plumbing.html", "light")
    assert any(out > 1 for _, out in page.evaluate(CUT_OFF)), "nothing is wider than the paper"
    page.emulate_media(media="print")
    assert [block for block in page.evaluate(CUT_OFF) if block[1] > 1] == []


def colours(pdf):
    """The colours that a PDF paints with, in order: the operands of rg and RG, as bytes.

    The files of two prints of one page differ now and then in names that Chromium counts up, and
    in nothing that is painted.
    """
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with suppress(zlib.error):  # short ones are not packed, pictures are packed otherwise
            stream = zlib.decompress(stream)
        found += re.findall(rb"([\d.]+ [\d.]+ [\d.]+) (?:rg|RG)\b", stream)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_the_dark_scheme_prints_what_the_light_one_prints(sheet, book_address, path):
    painted = []
    for scheme in ("light", "dark"):
        page = sheet(book_address + path, scheme)
        painted.append(colours(page.pdf(format="A4", margin=MARGINS, print_background=True)))
        assert page.evaluate("document.documentElement.dataset.theme") == scheme, "not put back"
    assert len(painted[0]) > 100
    assert painted[0] == painted[1]


def shown_on_paper(page, *texts):
    """Of these texts, those that are seen when the page is printed."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    return [text for text in texts if page.get_by_text(text).first.is_visible()]


def test_every_fold_is_open_on_paper_and_closed_again_afterwards(sheet, sample_address):
    page = sheet(sample_address + "book/folds.html", "light")
    texts = ("The answer is 42.", "The hint is to divide.")
    folded = [text for text in texts if page.get_by_text(text).is_visible()]
    assert folded == []
    assert shown_on_paper(page, *texts) == list(texts)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.get_by_text("The hint is to divide.").is_visible()


def test_an_explorable_is_its_still_picture_on_paper(sheet, sample_address):
    page = sheet(sample_address + "book/explorables.html", "light")
    still = page.locator("img[alt='A still picture of a counter']")
    mount = page.locator(".explorable-mount").first
    assert mount.is_visible() and not still.is_visible()
    shown_on_paper(page)
    assert still.is_visible() and not mount.is_visible()
    assert still.evaluate("(image) => image.complete && image.naturalWidth") > 0


def test_paper_has_neither_menus_nor_plumbing(sheet, sample_address):
    page = sheet(sample_address + "notebooks/plumbing.html", "light")
    for part in (".folded-code", ".bd-header-article"):
        assert page.locator(part).first.is_visible(), part
    shown_on_paper(page)
    hidden = ".folded-code, .bd-header-article, .bd-sidebar-primary, .prev-next-footer, .copybtn"
    assert page.locator(hidden).locator("visible=true").count() == 0


NUMBERS = ["96", "12,288", "96 / 96", "4.0 C", "128,256", "4,719 kB", "73,728"]
HEADS = ["L", "C", "heads", *["bytes that the cache takes for each token"] * 4]


def test_the_title_on_paper_begins_where_the_text_begins(sheet, sample_address):
    page = sheet(sample_address + "book/folds.html", "light")
    page.emulate_media(media="print")
    title = page.locator("#jb-print-docs-body h1")
    assert title.evaluate("title => getComputedStyle(title).textAlign") in ("left", "start")


def test_no_number_in_a_table_is_torn_on_paper(sheet, sample_address):
    page = sheet(sample_address + "book/folds.html", "light")
    rows = [f"<tr><th>model</th>{''.join(f'<th>{head}</th>' for head in HEADS)}</tr>"]
    rows += [f"<tr><th>GPT-3 175B</th>{''.join(f'<td>{one}</td>' for one in NUMBERS)}</tr>"]
    table = f"<table class='table'><tbody>{''.join(rows)}</tbody></table>"
    add = "(table) => document.querySelector('.bd-article').insertAdjacentHTML('beforeend', table)"
    page.evaluate(add, table)
    shown_on_paper(page)
    lines = page.evaluate(
        """() => [...document.querySelectorAll("table.table td")].map((cell) => {
             const words = document.createRange();
             words.selectNodeContents(cell);
             return [cell.textContent, new Set([...words.getClientRects()].map((r) => r.top)).size];
           })"""
    )
    assert [number for number, n in lines if n > 1 and " " not in number] == []
    assert len(lines) == len(NUMBERS)
