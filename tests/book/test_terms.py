"""A term is linked to the glossary where it first occurs on a page, and nowhere else."""

import json
import re

import pytest
from book_terms import pattern, terms_of
from bs4 import BeautifulSoup
from built_book import ROOT


def links(path):
    """The links to the glossary in the article of a page: [(text, fragment)]."""
    page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    found = page.select("article a.internal[href*='#term-']")
    return [(link.get_text(), link["href"].partition("#")[2]) for link in found]


def test_a_term_is_linked_where_a_page_first_says_it(sample):
    assert links(sample.site / "book" / "terms.html") == [
        ("losses", "term-loss"),
        ("Gradient-descent", "term-gradient-descent"),
        ("a unit", "term-ReLU"),
    ]


def test_the_glossary_links_only_what_its_entries_mark(sample):
    assert links(sample.site / "book" / "glossary.html") == [
        ("gradient descent", "term-gradient-descent"),
        ("loss", "term-loss"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the loss", ["loss"]),
        ("lossless and pre-loss", []),
        ("KV caches and a kv cache", ["KV caches"]),
        ("back propagation", ["back propagation"]),
        ("self-supervised learning", ["self-supervised learning"]),
        ("a\nfrozen\nlearning\nrate", ["learning\nrate"]),
        ("the key value of a step", []),
    ],
)
def test_terms_are_found_as_they_are_written(text, found):
    find = pattern(terms_of((ROOT / "book" / "glossary.md").read_text("utf-8")))
    assert [match[0] for match in find.finditer(text)] == found


def test_the_glossary_is_in_order_and_says_each_term_once():
    """An entry of several names stands where its first name belongs."""
    text = (ROOT / "book" / "glossary.md").read_text("utf-8")
    terms = terms_of(text)
    assert len(set(terms)) == len(terms)
    entries = re.findall(
        r"(?:^```\{glossary\}|^)\n(\S[^\n]*)\n", text.partition("```{glossary}")[2], re.M
    )
    first = [entry.lower() for entry in entries if entry in terms]
    assert len(first) > 100
    assert first == sorted(first)


def test_every_term_that_the_house_made_up_says_so():
    text = (ROOT / "book" / "glossary.md").read_text("utf-8")
    for word in ("dialect", "explorable", "gap", "ledger", "lineage", "Stories"):
        assert re.search(rf"^{word}\n  \*Our word\.\* ", text, re.M), word


def shown_texts(path):
    """What a file of the book or of a lab shows: its text, or the sources of a notebook's cells."""
    if path.suffix != ".ipynb":
        return path.read_text("utf-8")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells)


def test_a_percent_sign_stands_close_to_its_number_everywhere():
    """No code in these files takes a literal number's remainder, which would look the same."""
    wide = re.compile(r"[0-9}][ \u00a0\u202f]%(?=[\s.,;:)\"'<*-]|$)", re.M)
    folders = ("book/*.md", "book/quizzes/*.toml", "notebooks/*.ipynb", "labs/*.ipynb")
    files = [path for pattern in folders for path in ROOT.glob(pattern)]
    assert len(files) > 30
    found = [f"{path.name}: {m[0]}" for path in files for m in wide.finditer(shown_texts(path))]
    assert not found
