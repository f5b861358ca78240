"""The chapters of this edition, as the first notebook lists them.

Key idea: the chapters are listed once, in _toc.yml, and each page states its own title and
question. So the list in `00_start` is generated, and a new chapter appears in it automatically.
Chapters: all.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from IPython.display import Markdown

_FILE = re.compile(r"^\s*(?:- )?file: book/((\d\d)_\w+)\s*$", re.MULTILINE)
_HEAD = re.compile(r"^# (.+)\n+(.+\?)$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Chapter:
    """A chapter's number, the name of its files, its title, and the question that it opens with."""

    number: int
    name: str
    title: str
    question: str


def chapters(root: Path | str = "..") -> list[Chapter]:
    """The chapters of the edition in the order of _toc.yml.

    root: the course's folder, as seen from a notebook. Without a course there, as on a server that
    has only the package, the list is empty.
    Raises: ValueError where a page lacks a title with a question below it.
    """
    root = Path(root)
    if not (root / "_toc.yml").is_file():
        return []
    edition = root / "edition.toml"
    told = tomllib.loads(edition.read_text("utf-8-sig")) if edition.is_file() else {}
    found = []
    for name, digits in _FILE.findall((root / "_toc.yml").read_text("utf-8")):
        if int(digits) in told.get("leave_out", []):
            continue
        head = _HEAD.search((root / "book" / f"{name}.md").read_text("utf-8"))
        if head is None:
            raise ValueError(f"book/{name}.md does not open with a title and a question below it")
        found.append(Chapter(int(digits), name, head[1], head[2]))
    return found


def linked(listed: list[Chapter]) -> Markdown:
    """The chapters as a table with links to their pages, for the end of a cell."""
    if not listed:
        return Markdown("The chapters are listed on the first page of the book.")
    rows = [f"| [{c.number}. {c.title}](../book/{c.name}.md) | {c.question} |" for c in listed]
    return Markdown("\n".join(["| chapter | its question |", "|---|---|", *rows]))
