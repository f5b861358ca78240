"""Links from a released lab to chapters lead to the published book, if there is one.

Key idea: labs are opened in many places (a hub, Colab, a downloads folder), but
`../book/NN_name.md` leads to the page only in the course's own folder. Once the book is published,
the labs that are handed out therefore contain the page's web address. Labs of every chapter.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from grooves.grading.edition.settings import NOT_HERE, Edition, read_edition

_LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\(\.\./(book/\w+)\.md(#[^)\s]*)?\)")


def fit_links(notebook: nbformat.NotebookNode, course: Path) -> None:
    """Adapt the links in a lab's Markdown cells to the edition of the course in that folder.

    Raises: ValueError where edition.toml cannot be used.
    """
    edition = read_edition(course)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = lead_to_the_book(cell.source, edition)


def lead_to_the_book(text: str, edition: Edition) -> str:
    """A cell's Markdown with links to the pages that this edition has.

    A link to a chapter that is left out becomes text. Without a published address, the other links
    are left unchanged, and JupyterLab opens the pages that `make book` has built.
    """

    def fitted(found: re.Match) -> str:
        words, page, anchor = found[1], found[2], found[3] or ""
        if number := edition.lacks(page):
            return f"{words} ({without(number, words)})"
        return f"[{words}]({edition.address}{page}.html{anchor})" if edition.address else found[0]

    return _LINK.sub(fitted, text)


def without(number: int, words: str) -> str:
    """The text in brackets that replaces a link; names the chapter unless the words do."""
    named = re.search(rf"\bchapter {number}\b", words, re.IGNORECASE)
    return NOT_HERE if named else f"chapter {number}, {NOT_HERE}"
