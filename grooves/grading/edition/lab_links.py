"""Links of a released lab to chapters: to the published book, where there is one.

Key idea: a lab lies in many places (a hub, Colab, a folder of downloads), and `../book/NN_name.md`
leads to the page only in the course's own folder. So a course that is published writes the address
of the page into the labs that it hands out. Labs of every chapter.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from grooves.grading.edition.settings import NOT_HERE, Edition, read_edition

_LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\(\.\./(book/\w+)\.md(#[^)\s]*)?\)")


def fit_links(notebook: nbformat.NotebookNode, course: Path) -> None:
    """Make the links in a lab's Markdown cells fit the edition of the course in that folder.

    Raises: ValueError where edition.toml cannot be used.
    """
    edition = read_edition(course)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = lead_to_the_book(cell.source, edition)


def lead_to_the_book(text: str, edition: Edition) -> str:
    """Markdown of a lab's cell, with the links to the book's pages that this edition has.

    A link to a chapter that is left out becomes text; without a published address the others stay
    as they are, and JupyterLab opens the pages that `make book` has built.
    """

    def fitted(found: re.Match) -> str:
        words, page, anchor = found[1], found[2], found[3] or ""
        if number := edition.lacks(page):
            return f"{words} ({without(number, words)})"
        return f"[{words}]({edition.address}{page}.html{anchor})" if edition.address else found[0]

    return _LINK.sub(fitted, text)


def without(number: int, words: str) -> str:
    """What stands in brackets where a link was: the chapter's number unless the words have it."""
    named = re.search(rf"\bchapter {number}\b", words, re.IGNORECASE)
    return NOT_HERE if named else f"chapter {number}, {NOT_HERE}"
