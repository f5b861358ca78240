"""Numbers, points and minutes in the text of a lab, as its exercises are now.

Key idea: none of them is typed twice. Numbers follow from the order of the exercises, points come
from nbgrader's metadata, and the lab's time is the sum of its exercises' times.
Labs of every chapter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grooves.checks.references import resolve

SECTION = re.compile(r"^## (?:\d+\. )?(.+)$", re.MULTILINE)
TIME = "{{minutes}}"  # in the title: "90 minutes for 12 exercises"
_MINUTES = re.compile(r"^\*\*Time\*\*: (\d+) minutes.*$", re.MULTILINE)
_POINTS = re.compile(r" \*\*Points\*\*: \d+(?:\.\d+)?\.")


@dataclass
class Section:
    """Cells from one "## " heading to the next; `exercises` are the positions of those in it."""

    cells: list[int]
    exercises: list[int]


def sections(cells, exercises) -> list[Section]:
    """The parts of a notebook: what precedes the first heading, then one part per heading."""
    found = [Section([], [])]
    for index, cell in enumerate(cells):
        if cell.cell_type == "markdown" and SECTION.match(cell.source):
            found.append(Section([], []))
        found[-1].cells.append(index)
    for number, exercise in enumerate(exercises):
        own = next(s for s in found if exercise.answers[0] in s.cells)
        own.exercises.append(number)
    return found


def table(cells, exercises) -> dict[str, dict]:
    """Exercise -> {"title", "minutes", "points"}, in order; minutes are 0 where none are stated."""
    found = {}
    for section in sections(cells, exercises):
        text = cells[section.cells[0]].source if section.cells else ""
        heading, minutes = SECTION.match(text), _MINUTES.search(text)
        for position in section.exercises:
            exercise = exercises[position]
            found[exercise.name] = {
                "title": heading[1] if heading else exercise.name.replace("_", " "),
                "minutes": int(minutes[1]) if minutes and position == section.exercises[0] else 0,
                "points": exercise.points,
            }
    return found


def write_numbers(cells, exercises, titles: dict[str, str] | None = None) -> None:
    """Write numbers, points and the sum of minutes into the text of a notebook's cells.

    titles: of all exercises of the lab, if only some of them are set.
    Raises: ValueError where a text refers to an exercise that the lab does not have.
    """
    known = table(cells, exercises)
    order = list(known)
    titles = titles or {name: entry["title"] for name, entry in known.items()}
    for section in sections(cells, exercises):
        if section.exercises:
            first = cells[section.cells[0]]
            number = section.exercises[0] + 1
            points = sum(exercises[position].points for position in section.exercises)
            first.source = SECTION.sub(rf"## {number}. \1", first.source, count=1)
            first.source = _MINUTES.sub(
                lambda line, points=points: f"{_POINTS.sub('', line[0])} **Points**: {points:g}.",
                first.source,
                count=1,
            )
    minutes = sum(entry["minutes"] for entry in known.values())
    time = f"{minutes} minutes for {len(order)} exercise{'s' if len(order) > 1 else ''}"
    for cell in cells:
        cell.source = resolve(cell.source.replace(TIME, time), order, titles)
