"""The settings of an edition, read from edition.toml at the course's root.

Key idea: one file holds an instructor's decisions about the book, and everything that depends on
them reads that file: the pages, the ledger, the launch lists, the labs' links. Without the file,
the edition is the original course. _toc.yml lists the chapters, and their numbers are those in the
files' names, so they do not change when other chapters are left out.
"""

from __future__ import annotations

import copy
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from grooves.grading.edition.addresses import site_address
from grooves.grading.edition.colours import schemes

NAME = "edition.toml"
NOT_HERE = "not in this edition"
LOGOS = (".svg", ".png", ".jpg", ".ico")
PAGES = (".md", ".ipynb")
FOLDERS = ("book", "notebooks")  # the folders in which _config.yml allows pages
_CHAPTER = re.compile(r"(?:book|notebooks|labs)/(\d\d)_\w+")
_TEXTS = ("name", "institution", "logo", "colour", "address")


@dataclass(frozen=True)
class Page:
    """An added page: its file without the ending, and the part of _toc.yml that it is added to."""

    file: str
    part: str


@dataclass(frozen=True)
class Edition:
    """The settings in edition.toml; the defaults describe the original course."""

    name: str = "Grooves"
    institution: str = ""
    logo: str = "book/_static/favicon.svg"
    colour: str = ""
    address: str = ""  # ends with "/" where it is not empty
    leave_out: tuple[int, ...] = ()  # numbers of chapters
    pages: tuple[Page, ...] = ()

    def lacks(self, document: str) -> int | None:
        """The number of the chapter that a page, notebook or lab belongs to, if it is left out.

        document: path below the course's root, with or without its ending.
        """
        found = _CHAPTER.match(document)
        number = int(found[1]) if found else 0
        return number if number and number in self.leave_out else None


def read_edition(root: Path) -> Edition:
    """The edition of the course in the folder `root`.

    Raises: ValueError, one sentence with the remedy, where edition.toml cannot be used.
    """
    path = Path(root) / NAME
    if not path.is_file():
        return Edition()
    try:
        told = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{NAME} is not TOML ({error}): correct that line") from None
    try:
        return _checked(told, Path(root))
    except ValueError as error:
        raise ValueError(f"{NAME}: {error}") from None


def contents(toc: dict, edition: Edition) -> dict:
    """The table of contents of an edition, from that of the whole course (_toc.yml as read).

    Raises: ValueError where the edition names a chapter or a part that does not exist.
    """
    there = sorted({int(found[1]) for found in map(_CHAPTER.fullmatch, _files(toc)) if found} - {0})
    for number in edition.leave_out:
        if number not in there:
            raise ValueError(
                f"{NAME}: leave_out names chapter {number}, which the course does not have: "
                f"choose from {', '.join(map(str, there))}"
            )
    if there and set(there) == set(edition.leave_out):
        raise ValueError(f"{NAME}: leave_out removes every chapter: keep at least one")
    made = copy.deepcopy(toc)
    _drop(made, edition)
    for page in edition.pages:
        parts = {part.get("caption", ""): part for part in made.get("parts", ())}
        if page.part not in parts:
            raise ValueError(
                f"{NAME}: the page {page.file!r} is meant for the part {page.part!r}, which this "
                f"edition does not have: choose from {', '.join(map(repr, parts)) or 'no parts'}"
            )
        if page.file in _files(made):
            raise ValueError(
                f"{NAME}: the page {page.file!r} is already in the book: remove it from [[pages]]"
            )
        parts[page.part]["chapters"].append({"file": page.file})
    return made


def _checked(told: dict, root: Path) -> Edition:
    known = (*_TEXTS, "leave_out", "pages")
    for key, value in told.items():
        if key not in known:
            raise ValueError(f"{key!r} is not a setting; the settings are {', '.join(known)}")
        if key in _TEXTS and not isinstance(value, str):
            raise ValueError(f"{key} is {value!r}: write it in quotes")
    edition = Edition(**{key: told[key].strip() for key in _TEXTS if key in told})
    if not edition.name:
        raise ValueError("name is empty: give the book a name, or remove the line")
    if edition.colour:
        schemes(edition.colour)
    _check_logo(edition.logo, root)
    return Edition(
        edition.name,
        edition.institution,
        edition.logo,
        edition.colour,
        site_address(edition.address, "address"),
        _numbers(told.get("leave_out", [])),
        _pages(told.get("pages", []), root),
    )


def _check_logo(logo: str, root: Path) -> None:
    if not logo.lower().endswith(LOGOS):
        raise ValueError(f"logo is {logo!r}: give a file that ends with {', '.join(LOGOS)}")
    if not (root / logo).is_file():
        raise ValueError(
            f"logo is {logo!r}, but there is no such file: give its path in the course's folder"
        )


def _numbers(told) -> tuple[int, ...]:
    whole = isinstance(told, list) and all(type(number) is int for number in told)
    if not whole:
        raise ValueError(f"leave_out is {told!r}: write a list of chapter numbers, such as [3, 11]")
    return tuple(sorted(set(told)))


def _pages(told, root: Path) -> tuple[Page, ...]:
    pages = []
    for entry in told if isinstance(told, list) else [told]:
        if not isinstance(entry, dict) or set(entry) != {"file", "part"}:
            raise ValueError(f"a page is {entry!r}: below [[pages]], give its file and its part")
        file = str(entry["file"])
        for ending in PAGES:
            file = file.removesuffix(ending)
        if file.split("/")[0] not in FOLDERS:
            raise ValueError(f"the page {file!r} must be in {' or '.join(FOLDERS)}: move it there")
        if not any((root / f"{file}{ending}").is_file() for ending in PAGES):
            raise ValueError(
                f"the page {file!r} is neither {file}.md nor {file}.ipynb: write the file, or "
                "correct its name"
            )
        pages.append(Page(file, str(entry["part"])))
    return tuple(pages)


def _files(toc: dict):
    """Every page named in a table of contents, in order."""
    found = [toc[key] for key in ("root", "file") if key in toc]
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, ()):
            found += _files(entry)
    return found


def _drop(toc: dict, edition: Edition) -> None:
    """Remove from a table of contents what an edition lacks, and parts that become empty."""
    for key in ("parts", "chapters", "sections"):
        if key not in toc:
            continue
        kept = [entry for entry in toc[key] if not edition.lacks(entry.get("file", ""))]
        for entry in kept:
            _drop(entry, edition)
        toc[key] = [e for e in kept if e.get("file") or e.get("chapters")]
        if not toc[key]:
            del toc[key]
