"""The tables of `labs/solutions/README.md`: numbers, minutes and points follow the masters.

Key idea: a person writes what students get wrong; the other columns and the sums above each table
are generated. Labs of every chapter.
"""

from __future__ import annotations

import re

_ROW = re.compile(r"^\| (?:\d+ )?(\w+) \| \d* \| [\d.]* \|")
_SUMS = re.compile(r"^\d+ minutes, [\d.]+ points\b")
_LAB = re.compile(r"^### Lab (\d+): ")


def updated(text: str, labs: dict[str, dict[str, dict]]) -> str:
    """The page with up-to-date numbers.

    labs: lab -> exercise -> {"minutes", "points", ...}, both in the order of the course. A row
    about an exercise that the lab does not have is left unchanged.
    """
    by_number = {int(lab[:2]): exercises for lab, exercises in labs.items()}
    exercises: dict[str, dict] = {}
    lines = []
    for line in text.split("\n"):
        if heading := _LAB.match(line):
            exercises = by_number.get(int(heading[1]), {})
        if exercises:
            minutes, points = (
                sum(one[what] for one in exercises.values()) for what in ("minutes", "points")
            )
            line = _SUMS.sub(f"{minutes} minutes, {points:g} points", line)
            row = _ROW.match(line)
            if row and row[1] in exercises:
                number, one = list(exercises).index(row[1]) + 1, exercises[row[1]]
                told = f"| {number} {row[1]} | {one['minutes']} | {one['points']:g} |"
                line = told + line[row.end() :]
        lines.append(line)
    return "\n".join(lines)
