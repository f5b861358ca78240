"""What is computed is typeset like the text around it, and a formula like the rest of its line."""

import functools
import re

import book_typography
import pytest
from book_math import to_mathml
from bs4 import BeautifulSoup

SPACE = '<mspace width="0.1667em" />'


@pytest.mark.parametrize(
    "tex, expected",
    [
        (r"\ln 2", f"<mi>ln</mi><mo>\u2061</mo>{SPACE}<mn>2</mn>"),
        (r"0.1 \ln(x)", f"<mn>0.1</mn>{SPACE}<mi>ln</mi><mo>\u2061</mo><mo"),
        (r"\log_2 n", f"</msub>{SPACE}<mi>n</mi>"),
        (r"y = \max(0, z)", '<mo>=</mo><mo lspace="0" rspace="0">max</mo><mo stretchy="false">('),
    ],
)
def test_a_function_stands_apart_from_its_argument_and_not_from_a_bracket(tex, expected):
    assert expected in to_mathml(tex)


@pytest.mark.parametrize(
    "tex, forms",
    [
        ("|x - m|^2 = |x|^2", ["prefix", "postfix"] * 2),
        (r"\frac{a}{2} |W|^2", ["prefix", "postfix"]),
        (r"\eta g / |g|", ["prefix", "postfix"]),
        ("p(a | b)", [None]),
        (r"[Y_1 | Y_2 | \cdots | Y_H]", [None] * 3),
    ],
)
def test_bars_around_something_are_told_from_bars_between(tex, forms):
    bars = [
        mo for mo in BeautifulSoup(to_mathml(tex), "html.parser").find_all("mo") if mo.text == "|"
    ]
    assert [bar.get("form") for bar in bars] == forms


@pytest.mark.parametrize(
    "computed, shown",
    [
        ("-0.71", "\u22120.71"),
        ("5e-10", "5\u00a0×\u00a010<sup>\u221210</sup>"),
        ("-0.5 to -0.0.", "\u22120.5 to 0.0."),
        ("the next word&#x27;s", "the next word’s"),
    ],
)
def test_a_number_from_a_notebook_reads_like_one_in_a_table(computed, shown):
    assert book_typography.pasted(computed) == shown


def test_quotation_marks_are_curly_but_for_code_and_formulas():
    markup = "the 'hut' isn&#x27;t <code>'a'</code> <math><mo>'</mo></math>"
    expected = "the ‘hut’ isn’t <code>'a'</code> <math><mo>'</mo></math>"
    assert book_typography.worded(markup) == expected


def test_no_line_begins_with_the_comma_after_a_formula(page):
    math = f'<span class="math">{to_mathml("k")}</span>'
    text = book_typography.unbroken(f"the sum of {math}, {math}, {math}, and ({math}).")
    lines = [f"<p style='width: {width}px'>{text}</p>" for width in range(60, 160)]
    page.set_content(f"<style>.unbroken {{ white-space: nowrap }}</style>{''.join(lines)}")
    torn = page.evaluate(
        """() => [...document.querySelectorAll("math")].filter((math) => {
             const after = document.createRange();
             const text = math.parentElement.nextSibling;
             if (!text || /^\\s/.test(text.textContent)) return false;
             after.setStart(text, 0); after.setEnd(text, 1);
             return after.getBoundingClientRect().top > math.getBoundingClientRect().bottom;
           }).length"""
    )
    assert torn == 0


def test_a_claim_in_a_notebook_has_curly_quotation_marks(book):
    pages = [path for path in book.pages() if path.startswith("notebooks/")]
    soups = (BeautifulSoup((book.site / path).read_text("utf-8"), "html.parser") for path in pages)
    said = [claim.get_text() for soup in soups for claim in soup.select(".grooves-claim")]
    assert said and [text for text in said if '"' in text or "'" in text] == []


def test_a_date_stays_on_one_line():
    markup = '<a href="/2026-11-30/">read on 2026-11-30</a> <code>2026-11-30</code>'
    held = 'read on <span class="unbroken">2026-11-30</span>'
    assert book_typography.unbroken(markup) == markup.replace("read on 2026-11-30", held)


def test_a_number_in_running_text_is_typeset_and_one_in_code_is_not():
    markup = '<p id="a-1">from -7 to 7, 1e-6, 10^9; GPT-3, (-0.5) <code>-7, 1e-6</code></p>'
    shown = "from −7 to 7, 10<sup>−6</sup>, 10<sup>9</sup>; GPT-3, (−0.5) <code>-7, 1e-6</code></p>"
    assert book_typography.unbroken(markup) == f'<p id="a-1">{shown}'


@functools.cache
def seen(html):
    """A page's text without code, formulas and pictures."""
    soup = BeautifulSoup(html, "html.parser")
    article = soup.select_one("article") or soup  # the page that searches has none
    for part in article.select("pre, code, math, svg, script, style"):
        part.decompose()
    return article.get_text()


def test_a_per_cent_sign_stands_beside_its_number(book):
    found = {
        p: re.findall(r".{9}\d[ \u00a0]%.{9}", seen((book.site / p).read_text("utf-8")))
        for p in book.pages()
    }
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_one_spelling_of_quantise_in_all_pages(book):
    cited = {"book/bibliography.html"}  # titles of papers
    found = {
        path: re.findall(
            r"(?i)\w*quantiz\w*\b(?!\.py)", seen((book.site / path).read_text("utf-8"))
        )
        for path in set(book.pages()) - cited
    }
    assert {path: words for path, words in found.items() if words} == {}


def test_the_link_of_a_solution_does_not_begin_with_a_space(book):
    pages = [(book.site / path).read_text("utf-8") for path in book.pages()]
    titles = [title for html in pages for title in re.findall(r">Solution to(.*?)</p>", html)]
    assert titles and [title for title in titles if not title.startswith(" <a")] == []
