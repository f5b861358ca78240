"""No table is wider than the page, and no table shows what only a program would write."""

import re

import book_tables
import pytest
from bs4 import BeautifulSoup

# What a format string leaves in a cell: 10^9, 1.4e-45, -0.0000, and a ± that may stand on the next
# line; and a bare address.
PROGRAM = re.compile(r"\d\^|\d[eE][-+]\d|(?<![\w.])-0(?:\.0+)?(?![\d.])|[ \n]±|±[ \n]|https?://")

# Boxes and tables that go on beyond an edge where nothing says so.
UNSIGNED = """() => [...document.querySelectorAll(".bd-article :is(table, div)")]
  .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)
  .filter((box) => box.matches("table") || getComputedStyle(box).overflowX !== "visible")
  .filter((box) => !box.closest(".explorable"))
  .filter((box) => !box.closest("[data-more]"))
  .map((box) => [box.className, box.textContent.slice(0, 60)])"""


def cells(html):
    """Texts of a page's cells and captions, without formulas, which have their own markup."""
    tables = re.findall(r"<table\b.*?</table>", html, re.DOTALL)  # to read all else takes seconds
    soup = BeautifulSoup("".join(tables), "html.parser")
    for math in soup.find_all("math"):
        math.decompose()
    found = soup.select("td, th, caption")
    return [cell.get_text() for cell in found if not cell.find_parent("table", class_="ledger")]


def test_no_table_shows_what_a_program_writes(book):
    found = {
        path: [
            text for text in cells((book.site / path).read_text("utf-8")) if PROGRAM.search(text)
        ]
        for path in book.pages()
    }
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "text", ["10^9", "2^-6", "3.4e+38", "-0.0000", "1.0 ± 0.1", "see https://a.example"]
)
def test_what_a_program_writes_is_noticed(text):
    (cell,) = cells(f"<article><table><tr><td>{text}</td></tr></table></article>")
    assert PROGRAM.search(cell)


def test_a_preprint_gives_its_number_once(book):
    text = BeautifulSoup((book.site / "book/bibliography.html").read_text("utf-8"), "html.parser")
    entries = [entry.get_text() for entry in text.select("article div.citation")]
    numbers = [re.findall(r"arXiv:[\d.]+\d", entry) for entry in entries]
    assert sum(map(bool, numbers)) > 20
    assert [found for found in numbers if len(found) > 1] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_wide_table_scrolls_inside_the_page_with_a_sign(page, sample_address, width):
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("book/tables.html", "notebooks/tables.html"):
        page.goto(sample_address + path)
        assert page.locator(".bd-article table").count() > 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(UNSIGNED) == []
        boxes = page.locator(".bd-article [data-more='right']")
        assert boxes.count() > 0 and all(
            box.get_attribute("tabindex") == "0" for box in boxes.all()
        )


def test_the_caption_of_a_wide_table_stays_in_sight_and_wraps(page, sample_address):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(sample_address + "notebooks/tables.html")
    box = page.locator(".table-scroll[data-more]")
    caption = box.locator("caption")
    line = caption.evaluate("(caption) => parseFloat(getComputedStyle(caption).lineHeight)")
    for left in (0, 500):
        box.evaluate("(box, left) => box.scrollTo({ left, behavior: 'instant' })", left)
        frame, words = box.bounding_box(), caption.bounding_box()
        assert frame["x"] <= words["x"]
        assert words["x"] + words["width"] <= frame["x"] + frame["width"] + 1
        assert words["height"] > 1.5 * line


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_link_in_a_table_looks_like_one_in_the_text(page, sample_address, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(sample_address + "book/tables.html")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    colour = page.locator("td a").first.evaluate("(link) => getComputedStyle(link).color")
    wanted = page.evaluate(
        """() => {
             const link = document.createElement("a");
             link.style.color = "var(--pst-color-link)";
             document.querySelector(".bd-article").append(link);
             return getComputedStyle(link).color;
           }"""
    )
    assert colour == wanted


def test_a_bare_address_gets_the_name_of_its_site(sample):
    page = BeautifulSoup((sample.site / "book/ledger.html").read_text("utf-8"), "html.parser")
    links = {link["href"]: link.get_text() for link in page.select("article a.external")}
    assert links["https://arxiv.org/abs/1706.03762"] == "arXiv:1706.03762"
    assert links["https://jmlr.org/papers/v18/17-468.html"] == "jmlr.org"
    assert not any(text.startswith("http") for text in links.values())


def test_a_table_in_a_box_gets_no_second_one():
    table = "<table><tr><td>1</td></tr></table>"
    boxed = f"<div {book_tables.SCROLLING}\n{table}</div>"
    assert book_tables.box_tables(boxed) == boxed
    assert book_tables.box_tables(table) == f'<div class="table-scroll">{table}</div>'
    ledger = '<table class="ledger"><tr></tr></table>'
    assert book_tables.box_tables(ledger) == ledger
