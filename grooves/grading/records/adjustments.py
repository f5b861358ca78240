"""Adjustments: an instructor's changes to grades, read from a table (CSV) or from TOML.

Key idea: one row is one change for one person. It uses the words of the class's table: the person's
name or number, and the exercise's name or number. A row that cannot be understood is reported with
its line number, and the others take effect. Labs of every chapter.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from datetime import datetime, time
from pathlib import Path

from grooves.grading.masters import LabError, lab_named
from grooves.grading.records.results import Adjustment
from grooves.grading.records.standing import Standing, standings
from grooves.grading.records.store import Store

COLUMNS = ("student", "lab", "exercise", "points", "due", "handed_in", "comment", "reason")
_DATES = {"due", "handed_in"}


def read(path: Path, store: Store) -> tuple[list[Adjustment], list[str]]:
    """The changes in a file, and a sentence for each row that cannot be understood.

    A row has `student` (key, name, e-mail or file), `lab` (may be left out if only one was graded),
    `exercise` (name or number; empty for the lab as a whole), `points` ("3" replaces the points
    earned, "+1" or "-1" is added), `due` and `handed_in` (dates), `comment` and `reason`.
    Raises: LabError where the file cannot be read, or has other columns.
    """
    adjustments, problems, known = [], [], {}
    for where, row in _rows(path):
        try:
            lab = _lab(row.get("lab", ""), store)
            if lab not in known:
                known[lab] = standings(store, lab)
            adjustments.append(_adjustment(row, lab, known[lab]))
        except LabError as error:
            problems.append(f"{path.name}, {where}: {error}")
    return adjustments, problems


def _rows(path: Path):
    """(where it is, the row as texts) for each row of the file."""
    text = read_text(path)
    if path.suffix.lower() == ".toml":
        try:
            entries = tomllib.loads(text).get("adjust", [])
        except tomllib.TOMLDecodeError as error:
            raise LabError(f"{path} is not TOML: {error}") from error
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise LabError(f"{path}: write [[adjust]], with double brackets, above each change")
        if any(not isinstance(entry.get("points", ""), str) for entry in entries):
            # TOML does not distinguish +1 from 1
            raise LabError(f'{path}: write points in quotes, "3", "+1" or "-1"')
        rows = [
            (f"entry {n}", {k: _as_text(k, v) for k, v in entry.items()})
            for n, entry in enumerate(entries, 1)
        ]
        if not rows:
            raise LabError(f"{path} has no [[adjust]] table")
    else:
        reader = table(text)
        rows = [
            (
                f"line {reader.line_num}",
                {
                    (k or "").strip().lower(): (v or "").strip()
                    for k, v in row.items()
                    if isinstance(v, str)
                }
                | ({"": "more"} if None in row else {}),
            )
            for row in reader
        ]
        if "student" not in [(name or "").strip().lower() for name in reader.fieldnames or ()]:
            raise LabError(f"{path} has no column `student`; the first line must name the columns")
    unknown = sorted({name for _, row in rows for name in row} - {"", *COLUMNS})
    if unknown:
        raise LabError(
            f"{path}: {', '.join(map(repr, unknown))} is not a known column; the columns are "
            f"{', '.join(COLUMNS)}"
        )
    return [(where, row) for where, row in rows if any(row.values())]


def read_text(path: Path) -> str:
    """A text file as spreadsheets write it: UTF-8 with or without a BOM, UTF-16, or Windows-1252.

    Raises: LabError where it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path} cannot be read ({error.strerror})") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def table(text: str) -> csv.DictReader:
    """The rows of a CSV file, whose columns are separated by commas, semicolons or tabs."""
    text = "\n".join(text.splitlines()).lstrip()
    if re.match(r"sep=.\n", text):  # a hint for Excel; the names of the columns follow
        text = text.split("\n", 1)[1]
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    return csv.DictReader(io.StringIO(text), delimiter=delimiter)


def _as_text(key: str, value) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value).strip()


def _lab(name: str, store: Store) -> str:
    labs = store.labs()
    if not name and len(labs) == 1:
        return next(iter(labs))
    if not name:
        raise LabError(
            f"the column `lab` is empty, but several labs were graded: {', '.join(labs)}"
        )
    return lab_named(name, labs, "was not graded into this folder")


def _adjustment(row: dict[str, str], lab: str, known: list[Standing]) -> Adjustment:
    if "" in row:
        raise LabError(
            "there are more cells than columns: put texts that contain a comma in quotes"
        )
    standing = _person(row.get("student", ""), known)
    exercise = _exercise(row.get("exercise", ""), standing, known)
    points = row.get("points", "").replace(",", ".").replace("\u2212", "-")
    if points:
        try:
            value = float(points)
        except ValueError:
            value = float("nan")
        if not abs(value) < 1e6:
            raise LabError(f"points {row['points']!r} is no number, such as 3, +1 or -0.5")
        if value < 0 and points[0] != "-":
            raise LabError(f"points {row['points']!r} is no number, such as 3, +1 or -0.5")
    if row.get("reason") and not any(row.get(n) for n in (*_DATES, "points", "comment")):
        raise LabError(
            "a reason alone has no effect: fill in points, due, handed_in or comment as well"
        )
    dates = {name: _date(row.get(name, ""), name) for name in sorted(_DATES)}
    if exercise and any(dates.values()):
        raise LabError(
            "due and handed_in apply to the lab as a whole: leave `exercise` empty in that row"
        )
    return Adjustment(
        lab=lab,
        person=standing.person.key,
        exercise=exercise,
        points=points,
        comment=row.get("comment", ""),
        reason=row.get("reason", ""),
        **dates,
    )


def _person(name: str, known: list[Standing]) -> Standing:
    if not name:
        raise LabError("the column student is empty")
    wanted = name.casefold()
    for tell in (
        lambda s: s.person.key,
        lambda s: s.graded.submission,
        lambda s: s.person.id,
        lambda s: s.email,
        lambda s: s.person.name,
    ):
        found = [standing for standing in known if tell(standing).casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            keys = ", ".join(s.person.key for s in found)
            raise LabError(f"student {name!r} could be several people: write one of {keys}")
    raise LabError(
        f"student {name!r} neither handed in nor is on the class list; write the name, the number "
        "or the e-mail as in the table"
    )


def _exercise(name: str, standing: Standing, known: list[Standing]) -> str:
    if not name:
        return ""
    if not standing.graded.submission:
        raise LabError("nothing was handed in, so points can be given only for the lab as a whole")
    rows = standing.scores or max((s.scores for s in known), key=len, default=[])
    names = [score.result.exercise for score in rows]
    if name in names:
        return name
    if name.isdecimal() and 1 <= int(name) <= len(names):
        return names[int(name) - 1]
    raise LabError(
        f"exercise {name!r} is not one of {', '.join(names)}, nor a number up to {len(names)}"
    )


def _date(text: str, name: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        if name == "due" and len(text) == len("2026-11-30"):
            moment = datetime.combine(moment, time(23, 59, 59))  # a day lasts until its end
        return moment.isoformat(timespec="seconds")  # without an offset it is local time
    except ValueError:
        raise LabError(
            f"{name} {text!r} is not a date; write 2026-11-30 or 2026-11-30 23:59"
        ) from None
