"""The class list: who takes part, from the table that Moodle or Canvas lets an instructor download.

Key idea: the platform's own table goes in and, filled in, out again (`exports`), so names, numbers
and addresses are typed nowhere. Labs of every chapter.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.records.adjustments import read_text, table
from grooves.grading.records.people import Listed

# "Sunday, 29 November 2026, 11:05 PM" as Moodle writes it in English, and usual other forms.
_FORMS = (
    "%A, %d %B %Y, %I:%M %p",
    "%A, %d %B %Y, %H:%M",
    "%d %B %Y, %I:%M %p",
    "%d %B %Y, %H:%M",
    "%d/%m/%Y, %H:%M",
    "%d.%m.%Y, %H:%M",
    "%d.%m.%Y %H:%M",
)


def read(path: Path) -> tuple[list[Listed], list[str]]:
    """Who takes part, from Moodle's grading worksheet, Canvas's gradebook, or id, name, email.

    Returns: the people, and a sentence for each row that cannot be used.
    Raises: LabError where the file cannot be read or is none of these.
    """
    reader = table(read_text(path))
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    people, problems = [], []
    for row in reader:
        row = {
            k: (row[name] or "").strip()
            for k, name in columns.items()
            if isinstance(row[name], (str, type(None)))
        }
        try:
            if one := _listed(row):
                people.append(replace(one, handed_in=""))
                people[-1] = replace(one, handed_in=_moment(one.handed_in))
        except LabError as error:
            problems.append(f"{path.name}, line {reader.line_num}: {error}")
    keys = [one.key for one in people]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        problems.append(f"{path.name}: {key!r} is there more than once; the last row counts")
    if not people:
        raise LabError(
            f"{path} lists nobody. It must be Moodle's grading worksheet (columns Identifier, Full "
            "name), Canvas's gradebook (columns Student, ID), or have the columns id, name, email"
        )
    return people, problems


def key_of(row: dict[str, str]) -> str:
    """The key of the person in a row of a platform's table, as it stands there; else empty."""
    if number := re.search(r"(\d+)$", row.get("Identifier") or ""):
        return f"moodle:{number[1]}"
    number = (row.get("ID") or "").strip()
    return f"canvas:{number}" if number.isdigit() else ""


def _listed(row: dict[str, str]) -> Listed | None:
    if "identifier" in row:  # Moodle
        number = re.search(r"(\d+)$", row["identifier"])
        if not number:
            raise LabError(f"the identifier {row['identifier']!r} has no number")
        when = row.get("last modified (submission)", "").strip(" -")
        name = row.get("full name") or row["identifier"]
        return Listed(f"moodle:{number[1]}", name, row.get("email address", ""), when)
    if "student" in row and "id" in row and "section" in row:
        # Canvas; the row of the points possible has no ID
        if not row["id"].isdigit():
            return None
        last, comma, first = row["student"].partition(", ")
        return Listed(f"canvas:{row['id']}", f"{first} {last}" if comma else last)
    name, email = row.get("name") or row.get("student", ""), row.get("email", "")
    key = row.get("id") or email or name
    return Listed(key, name or key, email) if key else None


def _moment(text: str) -> str:
    """A moment as Moodle writes it, in ISO 8601 and local time; empty where there is none.

    Raises: LabError where the form is not known.
    """
    if not text:
        return ""
    plain = text.replace("\u202f", " ").replace("\u00a0", " ")
    for form in _FORMS:
        try:
            return datetime.strptime(plain, form).isoformat(timespec="seconds")
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(plain).isoformat(timespec="seconds")
    except ValueError:
        raise LabError(
            f"{text!r} is no date that is understood here, so nobody knows when this was handed "
            "in: set Moodle's language to English, or write it as 2026-11-30 23:59"
        ) from None
