"""Claims and their verdicts: what the course's sources say, and what a cell has found.

The key idea: a verdict belongs to the cell that earned it. The cell computes or measures, asserts,
and then states the verdict; the statement is stored in the cell's output, once for readers and once
in machine-readable form. The book's ledger collects the machine-readable copies from all executed
notebooks, so the table can state nothing that no cell has shown. Used in every chapter.
"""

import html
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grooves import assets
from grooves.plots.typeset import typeset

MIME = "application/vnd.grooves.claim+json"
HOLDS = "holds"
IN_PART = "holds in part"
WRONG = "does not hold"
NOT_CHECKABLE = "says nothing checkable"
WORDINGS = {True: HOLDS, False: WRONG, "in part": IN_PART, "not checkable": NOT_CHECKABLE}
_MARKS = {HOLDS: "✓", IN_PART: "◐", WRONG: "✗", NOT_CHECKABLE: "–"}


@dataclass(frozen=True)
class Chapter:
    """A chapter that claims are checked in."""

    key: str
    number: int
    title: str
    part: str  # "training", "inference" or "hardware"

    @property
    def name(self):
        """The name that the chapter's page, notebook and lab share: "04_transformer"."""
        return f"{self.number:02d}_{self.key}"


@dataclass(frozen=True)
class Claim:
    """One factual claim of the sources, in the course's words."""

    id: str
    text: str
    sources: tuple[str, ...]  # keys of book/references.bib
    kind: tuple[str, ...]  # what the check must be: "compute", "measure", "train" ...
    chapters: tuple[Chapter, ...]  # where it is checked, the first one first


@dataclass(frozen=True)
class Verdict:
    """What one cell found about one claim."""

    claim: str  # the claim's id
    verdict: str  # one of the values of WORDINGS
    found: str
    correction: str = ""
    notebook: str = ""  # path of the notebook it stands in, as given to `collect`

    @property
    def anchor(self):
        """The `id` of the verdict's element on its page."""
        return f"claim-{self.claim}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        record = {
            "claim": self.claim,
            "verdict": self.verdict,
            "found": self.found,
            "correction": self.correction,
        }
        return {"text/plain": _as_text(self), "text/html": _as_html(self), MIME: record}


def verdict(claim_id, holds, found, correction=""):
    """State what this cell has shown about a claim. Call it once per claim and notebook.

    claim_id: the claim's id in claims.toml, such as "C07".
    holds: True, False, "in part", or "not checkable" for a text that claims nothing.
    found: one or two sentences with the figures that the cell computed.
    correction: what the source should have said, where it is wrong or vague.

    Shows the verdict below the cell and stores it there for the ledger.
    Raises: ValueError for an unknown claim or verdict, TypeError for an argument of another type.
    """
    from IPython.display import display  # here, so that the ledger's reader needs no IPython

    display(_checked(claim_id, holds, found, correction))


def collect(notebooks: Iterable) -> list[Verdict]:
    """Read the verdicts out of executed notebooks.

    notebooks: paths of .ipynb files, or notebooks already read by nbformat.
    Returns: the verdicts in the order of the notebooks and their cells.
    Raises: ValueError where a notebook states two verdicts on one claim, or an invalid one.
    """
    verdicts = []
    for source in notebooks:
        name, notebook = _opened(source)
        found_here = set()
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                record = output.get("data", {}).get(MIME)
                if record is None:
                    continue
                stated = _from_record(record, name)
                if stated.claim in found_here:
                    raise ValueError(
                        f"{name or 'the notebook'} states two verdicts on {stated.claim}: "
                        "keep the one with the better evidence"
                    )
                found_here.add(stated.claim)
                verdicts.append(stated)
    return verdicts


@cache
def chapters() -> dict[str, Chapter]:
    """All chapters by key, in the order of the book."""
    table = _table()["chapters"]
    return {key: Chapter(key=key, **entry) for key, entry in table.items()}


@cache
def claims() -> dict[str, Claim]:
    """All claims by id, in the order of their ids."""
    found = {}
    for claim_id, entry in _table()["claims"].items():
        found[claim_id] = Claim(
            id=claim_id,
            text=entry["text"],
            sources=tuple(entry["sources"]),
            kind=tuple(entry["kind"]),
            chapters=tuple(chapters()[key] for key in entry["chapters"]),
        )
    return found


@cache
def _table():
    return tomllib.loads((assets.FOLDER / "claims.toml").read_text("utf-8"))


def _checked(claim_id, holds, found, correction):
    """A Verdict from a cell's arguments, or the error that says which of them is wrong."""
    known = claims()
    if claim_id not in known:
        last = list(known)[-1]
        raise ValueError(f"no claim has the id {claim_id!r}: claims.toml lists C01 to {last}")
    if hasattr(holds, "item"):  # a comparison of arrays or tensors gives a numpy or torch bool
        holds = holds.item()
    if not isinstance(holds, (bool, str)):
        raise TypeError(
            f"holds={holds!r} is neither a truth value nor a word: "
            'give True, False, "in part" or "not checkable"'
        )
    if holds not in WORDINGS:
        raise ValueError(f'{holds=} is unknown: give True, False, "in part" or "not checkable"')
    for name, text in (("found", found), ("correction", correction)):
        if not isinstance(text, str):
            raise TypeError(f"{name}={text!r} is not text: write a sentence with the figure in it")
    found, correction = " ".join(found.split()), " ".join(correction.split())
    if not re.search(r"\w", found):
        raise ValueError(f"{found=} says nothing: write what the cell has shown")
    return Verdict(claim_id, WORDINGS[holds], found, correction)


def _opened(source):
    """(name, notebook) of a path or of a notebook that has already been read."""
    import nbformat

    if hasattr(source, "cells"):
        return "", source
    return Path(source).as_posix(), nbformat.read(source, as_version=4)


def _from_record(record, notebook):
    try:
        stated = Verdict(notebook=notebook, **record)
    except TypeError:
        raise ValueError(f"{notebook} holds a verdict of another form: {record}") from None
    if stated.claim not in claims() or stated.verdict not in WORDINGS.values():
        raise ValueError(f"{notebook} holds a verdict that claims.toml does not know: {record}")
    return stated


def _as_text(stated):
    tail = f" Better: {stated.correction}" if stated.correction else ""
    return f"Claim {stated.claim} {stated.verdict}. Found: {stated.found}{tail}"


def _as_html(stated):
    claim = claims()[stated.claim]
    lines = [
        f'<strong><span aria-hidden="true">{_MARKS[stated.verdict]} </span>'
        f"Claim {stated.claim} {stated.verdict}.</strong> {html.escape(claim.text)}",
        f"<em>Found:</em> {typeset(stated.found)}",
    ]
    if stated.correction:
        lines.append(f"<em>Better:</em> {typeset(stated.correction)}")
    # The style is in the element, because JupyterLab does not read the book's style sheet.
    return (
        f'<div class="grooves-claim" id="{stated.anchor}" '
        'style="border-left: 0.25rem solid currentColor; padding: 0.1rem 0 0.1rem 0.8rem">'
        + "".join(f'<p style="margin: 0.2rem 0">{line}</p>' for line in lines)
        + "</div>"
    )
