"""Code on a page is whole, shows what the page is about, and hides no end without a sign."""

import re

import book_code
import pytest
from bs4 import BeautifulSoup

PAGES = ["book/code.html", "notebooks/plumbing.html"]

# Boxes whose content goes on beyond an edge where nothing says so.
UNSIGNED = """() => [...document.querySelectorAll(".bd-article pre, .bd-article .table-scroll")]
  .filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)
  .filter((box) => getComputedStyle(box).maskImage === "none" || box.tabIndex !== 0)
  .map((box) => box.textContent.slice(0, 60))"""
WRAPPED = """() => [...document.querySelectorAll("div[class^=highlight-] pre")]
  .filter((box) => !box.closest(".cell_output") && box.scrollWidth > box.clientWidth + 1).length"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_no_line_ends_at_an_edge_without_a_sign(page, sample_address, path, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(sample_address + path)
    assert "very_long_name" in page.locator(".bd-article").inner_text()
    assert page.evaluate(WRAPPED) == 0
    assert page.evaluate(UNSIGNED) == []


def test_what_scrolls_fades_at_the_edge_behind_which_there_is_more(page, sample_address):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(sample_address + "notebooks/plumbing.html")
    box = page.locator(".cell_output pre").filter(has_text="column 29")
    seen = [box.get_attribute("data-more")]
    for left in (30, 10_000):
        box.evaluate("(box, left) => box.scrollTo({ left, behavior: 'instant' })", left)
        page.wait_for_timeout(100)
        seen.append(box.get_attribute("data-more"))
    assert seen == ["right", "left right", "left"]


def test_what_scrolls_once_it_is_shown_takes_the_focus_then(page, sample_address):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(sample_address + "notebooks/plumbing.html")
    box = page.locator(".cell_output pre").filter(has_text="column 29")
    box.evaluate("(box) => (box.closest('.cell').hidden = true)")
    page.wait_for_function("(box) => box.dataset.more === undefined", arg=box.element_handle())
    box.evaluate("(box) => (box.closest('.cell').hidden = false)")
    page.wait_for_function(
        "(box) => box.dataset.more === 'right' && box.tabIndex === 0", arg=box.element_handle()
    )


def test_a_sentence_that_a_cell_prints_wraps_and_columns_scroll(page, sample_address):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(sample_address + "notebooks/plumbing.html")
    printed = page.locator(".cell_output pre")
    for text, scrolls in (("There was a fox.", False), ("column 29", True)):
        box = printed.filter(has_text=text)
        assert box.evaluate("(box) => box.scrollWidth > box.clientWidth + 1") is scrolls


def test_a_wrapped_line_is_copied_as_one_line(page, sample_address):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(sample_address + "notebooks/plumbing.html")
    block = page.locator(".cell_input pre").filter(has_text="very_long_name").first
    copied = block.evaluate(
        "(block) => { getSelection().selectAllChildren(block); return getSelection().toString(); }"
    )
    assert copied.strip("\n").split("\n") == [
        "def scaled(x, factor=2):",
        '    """x, scaled."""',
        "",
        "    very_long_name = " + " + ".join(["x * factor"] * 12),
        "    return very_long_name",
    ]


def code_of(site, path):
    soup = BeautifulSoup((site / path).read_text("utf-8"), "html.parser")
    return soup.select("div[class^=highlight-]")


def test_a_listing_keeps_the_first_sentence_of_a_docstring(sample):
    short, whole = (block.get_text() for block in code_of(sample.site, "book/code.html"))
    assert '    """Scale a number."""\n' in short
    assert "Raises" not in short and "return very_long_name" in short
    assert "Raises: TypeError" in whole


def test_no_comment_for_a_tool_is_on_a_page(sample):
    shown = [block.get_text() for path in PAGES for block in code_of(sample.site, path)]
    assert any("kept = 1" in code for code in shown)
    assert [code for code in shown if re.search("noqa|fmt:", code)] == []


def test_plumbing_is_folded_and_the_notebook_that_is_offered_is_whole(sample):
    page = (sample.site / "notebooks/plumbing.html").read_text("utf-8")
    soup = BeautifulSoup(page, "html.parser")
    folded = {fold.summary.get_text(): fold.pre.get_text() for fold in soup.select(".folded-code")}
    assert "from grooves.plots import figures" in folded["Imports"]
    both = folded["Words for a figure, results kept for the chapter"]
    assert both.startswith("alt = ") and "# for the page\nfigures.keep(" in both
    for fold in soup.select(".folded-code"):
        fold.decompose()
    shown = [block.get_text() for block in soup.select(".cell_input pre")]
    assert "numbers = [1, 2]\n" in shown
    assert not any(word in code for code in shown for word in ("import", "figures.keep", "alt ="))
    source = (sample.site / "_sources/notebooks/plumbing.ipynb").read_text("utf-8")
    assert "figures.keep(" in source and "noqa" in source


def test_code_that_is_no_python_is_left_alone():
    assert book_code.divided("%load x\nimport os") == ("%load x\nimport os", "", "")
    assert book_code.short_docstrings("def (") == "def ("
    assert book_code.wrap_lines('<span class="a">x\ny</span>\n') == '<span class="a">x\ny</span>\n'
