"""Moodle's grading worksheet, in any of Moodle's languages.

Key idea: the names of a worksheet's columns depend on the language of the person who downloads it,
but their order and their contents do not. So English and German names are recognised, and in every
other language a column is recognised by its cells and its position. Labs of every chapter.
"""

from __future__ import annotations

import re
from datetime import datetime

# A column's contents -> its English and its German name.
NAMES = {
    "identifier": ("Identifier", "ID"),
    "name": ("Full name", "Vollständiger Name"),
    "email": ("Email address", "E-Mail-Adresse"),
    "grade": ("Grade", "Bewertung"),
    "maximum": ("Maximum Grade", "Bestwertung"),
    "handed_in": ("Last modified (submission)", "Zuletzt geändert (Abgabe)"),
    "comments": ("Feedback comments", "Feedback als Kommentar"),
}
_FEWEST = 5  # columns of the smallest worksheet
_PARTICIPANT = re.compile(r"[^\W\d].*?\s*(\d+)")  # "Participant 4103", "Teilnehmer/in 4103"
_MONTHS = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
)
_MONTH = {name: n for names in _MONTHS for n, name in enumerate(names.split(), 1)}
_TIME = r"(?P<year>\d{4}),? +(?P<hour>\d{1,2})[:.](?P<minute>\d\d) *(?P<half>[AaPp]\.? ?[Mm])?"
_DATES = (  # "29 November 2026, 11:05 PM", "29/11/2026, 23:05", "November 29, 2026, 11:05 PM"
    re.compile(rf"(?P<day>\d{{1,2}})\.? +(?:de )?(?P<month>[^\W\d]+)\.? +(?:de )?{_TIME}"),
    re.compile(rf"(?P<day>\d{{1,2}})[/.](?P<month>\d{{1,2}})[/.]{_TIME}"),
    re.compile(rf"(?P<month>[^\W\d]+) +(?P<day>\d{{1,2}}), +{_TIME}"),
)


def columns(names: list[str], rows: list[dict]) -> dict[str, str]:
    """The columns of a worksheet: a key of NAMES -> the column's name there.

    names: of the columns, in their order. rows: name -> cell.
    Returns: nothing where the table is not a worksheet from Moodle.
    """
    cells = {n: [(row.get(n) or "").strip() for row in rows] for n in names}
    same = {name.strip().casefold(): name for name in names}
    found = {
        what: same[known.casefold()]
        for what, both in NAMES.items()
        for known in both
        if known.casefold() in same
    }
    numbered = [n for n in names if cells[n] and all(map(_PARTICIPANT.fullmatch, cells[n]))]
    if NAMES["identifier"][0].casefold() not in same:
        if not numbered or len(names) < _FEWEST:
            return {}
        found["identifier"] = numbered[0]
    at = names.index(found["identifier"])
    maximum = [n for n in names[at + 3 :] if len(set(cells[n])) == 1 and (number(cells[n][0]) or 0)]
    if "maximum" not in found and "grade" not in found and maximum:
        found |= {"maximum": maximum[0], "grade": names[names.index(maximum[0]) - 1]}
    if "grade" not in found and NAMES["identifier"][0].casefold() not in same:
        return {}  # a list that somebody made
    guesses = {
        "name": at + 1,
        "email": next((i for i, n in enumerate(names) if _mails(cells[n])), -1),
    }
    if (
        "maximum" in found
    ):  # the columns after it: can be changed, submission changed, ..., comments
        place = names.index(found["maximum"])
        guesses |= {"handed_in": place + 2, "comments": len(names) - 1}
    for what, i in guesses.items():
        if what not in found and 0 <= i < len(names) and names[i] not in found.values():
            found[what] = names[i]
    return found


def key_of(identifier: str) -> str:
    """The key of the person in a row, "moodle:4103"; empty where the cell has no number."""
    digits = re.search(r"(\d+)$", identifier.strip())
    return f"moodle:{digits[1]}" if digits else ""


def number(text: str) -> float | None:
    """A number as Moodle writes it, with a point or a comma; None where there is none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """A date and time as Moodle writes it, without a time zone; None where it is not understood."""
    plain = " ".join(text.split())  # Moodle puts narrow spaces before AM and PM
    for form in _DATES:
        if not (found := form.search(plain)):
            continue
        month, hour = found["month"].casefold(), int(found["hour"])
        if found["half"]:
            hour = hour % 12 + (12 if found["half"][0] in "Pp" else 0)
        try:
            month_number = int(month) if month.isdecimal() else _MONTH[month]
            date = (int(found["year"]), month_number, int(found["day"]))
            return datetime(*date, hour, int(found["minute"]))
        except (KeyError, ValueError):
            continue
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return None


def _mails(cells: list[str]) -> bool:
    return any(cells) and all("@" in cell for cell in cells if cell)
