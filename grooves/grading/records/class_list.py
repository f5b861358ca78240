"""The class list: the participants, from the table that Moodle or Canvas offers for download.

Key idea: the platform's own table is read here and returned filled in (`exports`), so nobody has to
type names, numbers and addresses. Labs of every chapter.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.records import moodle
from grooves.grading.records.adjustments import read_text, table
from grooves.grading.records.people import Listed


def read(path: Path) -> tuple[list[Listed], list[str]]:
    """The class, from Moodle's grading worksheet, Canvas's gradebook, or id, name, email.

    Returns: the people, and a sentence for each row that cannot be used.
    Raises: LabError where the file cannot be read or is none of these.
    """
    reader = table(read_text(path))
    names = [name or "" for name in reader.fieldnames or ()]
    rows = [(reader.line_num, {k: _cell(v) for k, v in row.items() if k}) for row in reader]
    worksheet = moodle.columns(names, [row for _, row in rows])
    people, problems = [], []
    for line, row in rows:
        try:
            one = _of_moodle(row, worksheet) if worksheet else _listed(row)
            if one:
                people.append(replace(one, handed_in=""))
                people[-1] = replace(one, handed_in=_moment(one.handed_in))
        except LabError as error:
            problems.append(f"{path.name}, line {line}: {error}")
    keys = [one.key for one in people]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        problems.append(f"{path.name}: {key!r} occurs more than once; the last row counts")
    if not people:
        raise LabError(
            f"{path} lists nobody. It must be Moodle's grading worksheet (in any language), "
            "Canvas's gradebook (columns Student, ID), or a table with the columns id, name, email"
        )
    return people, problems


def _cell(value) -> str:
    return value.strip() if isinstance(value, str) else ""


def _of_moodle(row: dict[str, str], worksheet: dict[str, str]) -> Listed:
    said = {what: row.get(name, "") for what, name in worksheet.items()}
    if not (key := moodle.key_of(said["identifier"])):
        raise LabError(f"the identifier {said['identifier']!r} contains no number")
    name = said.get("name") or said["identifier"]
    return Listed(key, name, said.get("email", ""), said.get("handed_in", "").strip(" -"))


def _listed(row: dict[str, str]) -> Listed | None:
    row = {name.strip().lower(): cell for name, cell in row.items()}
    if "student" in row and "id" in row and "section" in row:
        # Canvas; the row "Points Possible" has no ID
        if not row["id"].isdigit():
            return None
        last, comma, first = row["student"].partition(", ")
        return Listed(f"canvas:{row['id']}", f"{first} {last}" if comma else last)
    name, email = row.get("name") or row.get("student", ""), row.get("email", "")
    key = row.get("id") or email or name
    return Listed(key, name or key, email) if key else None


def _moment(text: str) -> str:
    """A date and time as Moodle writes it, in ISO 8601 without a time zone; empty if there is none.

    Raises: LabError where it is not understood.
    """
    if not text:
        return ""
    if (found := moodle.moment(text)) is None:
        raise LabError(
            f"the date {text!r} cannot be read, so the submission time is unknown: set Moodle's "
            "language to English, or write the date as 2026-11-30 23:59"
        )
    return found.isoformat(timespec="seconds")
