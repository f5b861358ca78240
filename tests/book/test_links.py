"""Every link inside the book leads somewhere, anchors included, and no id is used twice."""

import functools
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest


class Anchors(HTMLParser):
    """The ids on a page, in order, and where its links and sources lead."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links = [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")


@functools.cache
def read(site):
    """Of every page: the ids on it, in order, and where its links and sources lead."""
    ids, links = {}, {}
    for path in site.rglob("*.html"):
        if "_static" in path.parts:  # templates of the theme, which no page shows
            continue
        page = Anchors(path)
        ids[path], links[path] = page.ids, page.links
    return ids, links


def dead_links(site):
    """(page, link, reason) for every link that leads nowhere."""
    ids, links = read(site)
    for page, targets in links.items():
        for link in targets:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.is_file():
                yield page.name, link, "no such file"
            elif parts.fragment and target in ids and unquote(parts.fragment) not in ids[target]:
                yield page.name, link, "no such anchor"


def test_every_link_inside_the_book_leads_somewhere(book):
    assert list(dead_links(book.site)) == []


def test_no_id_is_used_twice_on_a_page(book):
    ids, _ = read(book.site)
    for page, found in ids.items():
        assert [name for name, uses in Counter(found).items() if uses > 1] == [], page


def test_every_page_can_be_reached_from_the_first(book):
    _, links = read(book.site)
    known, waiting = set(), [book.site / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in known or page not in links:
            continue
        known.add(page)
        waiting += [
            (page.parent / unquote(urlsplit(link).path)).resolve()
            for link in links[page]
            if not urlsplit(link).netloc
        ]
    reached = {path.relative_to(book.site).as_posix() for path in known}
    assert set(book.pages()) <= reached


@pytest.mark.parametrize(
    "markup, reason",
    [
        ('<a href="gone.html">x</a>', "no such file"),
        ('<a href="other.html#gone">x</a>', "no such anchor"),
        ('<a href="#gone">x</a>', "no such anchor"),
        ('<img src="gone.png">', "no such file"),
    ],
)
def test_a_dead_link_is_found(tmp_path, markup, reason):
    (tmp_path / "other.html").write_text('<p id="here">x</p>')
    (tmp_path / "page.html").write_text(markup + '<a href="other.html#here">fine</a>')
    ((_, _, found),) = dead_links(tmp_path)
    assert found == reason
