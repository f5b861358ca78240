"""Tables and pages, written from the store.

Key idea: each file is written beside its place and then put there as a whole, so a run that breaks
leaves no half of one; and a table that another program holds open is written under another name,
because results are more important than names. Labs of every chapter.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import re
from pathlib import Path

from grooves.grading import feedback
from grooves.grading.results import Graded
from grooves.grading.store import Store

_LONGEST_PART = 100  # characters of a file name; UTF-8 may need four bytes for each
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def page_path(folder: Path, lab: str, submission: str) -> Path:
    """Where the page of a submission lies, whatever the submission is called.

    What some file system does not take is replaced, and a short digest keeps the name unique.
    """
    parts = [_file_name(part) for part in submission.split("/")]
    if len("/".join(parts)) > 2 * _LONGEST_PART:
        parts = [_file_name("_".join(parts))]
    *folders, last = parts
    return folder.joinpath(lab, *folders, f"{last}.html")


def write_page(folder: Path, lab: str, title: str, graded: Graded) -> None:
    """Write the feedback page of one submission. Raises: OSError."""
    path = page_path(folder, lab, graded.submission)
    path.parent.mkdir(parents=True, exist_ok=True)
    _put(path, feedback.page(graded, title))


def write_table(store: Store, lab: str) -> Path:
    """Write the table of a lab: a row for each submission in the store, a column an exercise.

    An exercise that a person grades has an empty cell and is not in the total.
    Returns: the path, which is another one where the table is held open. Raises: OSError.
    """
    everyone = store.all_of(lab)
    names = list(dict.fromkeys(r.exercise for graded, *_ in everyone for r in graded.results))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["submission", *names, "total", "out_of", "state", "graded_at", "notes"])
    for graded, at, _ in everyone:
        points = {r.exercise: f"{r.points:g}" for r in graded.results if r.state != "by hand"}
        row = [graded.submission, *(points.get(name, "") for name in names)]
        row += [f"{graded.total:g}", f"{graded.out_of:g}", graded.state, at]
        writer.writerow(map(_no_formula, [*row, " ".join(graded.remarks)]))
    path = table_path(store.folder, lab)
    try:
        _put(path, table.getvalue())
    except OSError:
        path = path.with_name(f"{lab}-new.csv")
        _put(path, table.getvalue())
    return path


def table_path(folder: Path, lab: str) -> Path:
    """Where the table of a lab lies."""
    return folder / f"{lab}.csv"


def held_open(folder: Path, lab: str) -> str:
    """A sentence where the table cannot be replaced, or is open in a spreadsheet; else nothing."""
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
            f"until then the table goes to {lab}-new.csv."
        )
    return ""


def pages_of_nobody(store: Store, lab: str) -> list[Path]:
    """Feedback pages in the lab's folder that belong to no submission in the store."""
    known = {page_path(store.folder, lab, graded.submission) for graded, *_ in store.all_of(lab)}
    return sorted(set((store.folder / lab).rglob("*.html")) - known)


def _put(path: Path, text: str) -> None:
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


def _no_formula(cell: str) -> str:
    """A spreadsheet runs a cell that starts like a formula; a leading quote stops that."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
