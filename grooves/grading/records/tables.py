"""Tables and pages, written from the store.

Key idea: each file is first written under a temporary name and then renamed, so an interrupted run
leaves no incomplete file. A table that another program has open is written under another name,
because losing results would be worse. Labs of every chapter.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from grooves.grading.records import feedback
from grooves.grading.records.standing import Rules, Standing, alone, standings
from grooves.grading.records.store import Store

_LONGEST_PART = 100  # characters of a file name; UTF-8 may need four bytes for each
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def page_path(folder: Path, lab: str, submission: str) -> Path:
    """The path of a submission's page, whatever the submission is called.

    Characters that some file systems do not allow are replaced, and a short digest keeps the name
    unique.
    """
    parts = [_file_name(part) for part in submission.split("/")]
    if len("/".join(parts)) > 2 * _LONGEST_PART:
        parts = [_file_name("_".join(parts))]
    *folders, last = parts
    return folder.joinpath(lab, *folders, f"{last}.html")


def write_page(folder: Path, lab: str, title: str, standing: Standing, institution: str = "",
               counts: bool = True) -> None:  # fmt: skip
    """Write the feedback page of one submission. Raises: OSError."""
    path = page_path(folder, lab, standing.graded.submission)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, feedback.page(standing, title, institution, counts))


def write_page_of(store: Store, reference, submission: str, rules: Rules, institution: str) -> None:
    """Write the page of one submission from the store; `reference` is its lab. Raises: OSError."""
    everyone = standings(store, reference.lab, rules)
    for standing, counts in _shown(store, reference.lab, everyone):
        if standing.graded.submission == submission:
            lab, title = reference.lab, reference.title
            write_page(store.folder, lab, title, standing, institution, counts)


def write_pages(
    store: Store, lab: str, title: str, everyone: list[Standing], institution: str = ""
) -> int:
    """Write the page of every submission in the store; `everyone` is what counts for each person.

    Returns: how many could not be written.
    """
    missing = 0
    for standing, counts in _shown(store, lab, everyone):
        try:
            write_page(store.folder, lab, title, standing, institution, counts)
        except OSError:
            missing += 1
    return missing


def _shown(store: Store, lab: str, everyone: list[Standing]) -> Iterator[tuple[Standing, bool]]:
    """The standing that each submission's page shows, and whether it is the one that counts."""
    count = {standing.graded.submission: standing for standing in everyone}
    listed = {one.key: one for one in store.expected(lab)}
    for stored in store.all_of(lab):
        standing = count.get(stored.graded.submission)
        yield standing or alone(stored, lab, listed), standing is not None


def write_table(store: Store, lab: str, everyone: list[Standing]) -> Path:
    """Write the table of a lab: a row for each person, a column for each exercise.

    An exercise that a person grades has an empty cell and is not in the total until it is adjusted.
    The BOM at the beginning tells Excel that the file is UTF-8.
    Returns: the path, which is another one if the table is open elsewhere. Raises: OSError.
    """
    names = list(dict.fromkeys(s.result.exercise for one in everyone for s in one.scores))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(["student", "id", *names, "late", "extra", "total", "out_of", "state",
                     "submission", "graded_at", "comment", "notes"])  # fmt: skip
    for one in everyone:
        points = {
            s.result.exercise: f"{s.points:g}"
            for s in one.scores
            if s.result.state != "by hand" or s.changed
        }
        row = [one.person.name, one.person.id, *(points.get(name, "") for name in names)]
        row += [f"{-one.penalty:g}" if one.penalty else "", f"{one.extra:+g}" if one.extra else ""]
        row += [f"{one.total:g}", f"{one.out_of:g}", one.graded.state, one.graded.submission]
        row += [one.graded_at, one.comment, " ".join(one.remarks)]
        writer.writerow(map(no_formula, row))
    path = table_path(store.folder, lab)
    text = "\ufeff" + table.getvalue()
    try:
        put(path, text)
    except OSError:
        path = path.with_name(f"{lab}-new.csv")
        put(path, text)
    return path


def table_path(folder: Path, lab: str) -> Path:
    """The path of a lab's table."""
    return folder / f"{lab}.csv"


def held_open(folder: Path, lab: str) -> str:
    """A sentence if the table cannot be replaced or is open in a spreadsheet; otherwise empty."""
    path = table_path(folder, lab)
    if path.with_name(f".~lock.{path.name}#").exists():
        return f"{path} is open in a spreadsheet: close it there without saving."
    try:
        if path.exists():
            with path.open("r+b"):
                pass
    except OSError as error:
        return (
            f"{path} cannot be written ({error.strerror}). Close the program that has it open; "
            f"until then the table is written to {lab}-new.csv."
        )
    return ""


def pages_of_nobody(store: Store, lab: str) -> list[Path]:
    """Feedback pages in the lab's folder that belong to no submission in the store."""
    known = {page_path(store.folder, lab, s.graded.submission) for s in store.all_of(lab)}
    return sorted(set((store.folder / lab).rglob("*.html")) - known)


def put(path: Path, text: str) -> None:
    """Write a text under a temporary name, then rename the file. Raises: OSError."""
    beside = path.with_name(f".{os.getpid()}.part")
    try:
        beside.write_bytes(text.encode("utf-8", "replace"))
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _file_name(part: str) -> str:
    clean = re.sub(r'[<>:"\\|?*\x00-\x1f\x7f]', "_", part).rstrip(". ")
    if clean == part and len(part) <= _LONGEST_PART and not _RESERVED.fullmatch(part):
        return part
    return f"{clean[: _LONGEST_PART // 2]}-{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def no_formula(cell: str) -> str:
    """A cell that a spreadsheet does not run as a formula, because a quote comes first."""
    number = re.fullmatch(r"[+-]\d+(\.\d+)?", cell)
    starts = cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if starts and not number else cell
