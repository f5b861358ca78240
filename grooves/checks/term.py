"""Which exercises are set, and what each is worth: the masters' table, changed by a term file.

Key idea: points are written once, in the masters. `grooves labs release` copies them into
`grooves/assets/exercises.json`, which is read here. If an instructor hands out a `term.toml`, its
exercises and points replace them. A term file that cannot be read never stops a student.
Labs of every chapter.
"""

from __future__ import annotations

import functools
import json
import os
import tomllib
from collections.abc import Collection
from pathlib import Path

from grooves import assets
from grooves.checks.references import MARKER, resolve

NAME = "term.toml"
_told: set[str] = set()  # warnings about a term file, each of which is printed once


@functools.cache
def lab_table() -> dict[str, dict[str, dict]]:
    """Lab -> exercise -> {"title", "minutes", "points"}, both in the order of the course."""
    return json.loads((assets.FOLDER / "exercises.json").read_text(encoding="utf-8"))


def exercises_set(lab: str, defined: list[str] | None = None) -> dict[str, float]:
    """The exercises of a lab that count here, with their points, in the lab's order.

    defined: the exercises that the checks have; None takes those of the table. An exercise that no
    master has is worth 1 point. If no term file applies, all of them count.
    """
    table = lab_table().get(lab, {})
    names = list(table) if defined is None else defined
    own = {name: table[name]["points"] if name in table else 1 for name in names}
    path = find(Path(".")) if own else None
    if path is None:
        return own
    try:
        chosen, points = plan(path, lab)
    except (OSError, ValueError) as error:
        _tell(f"{path} cannot be used ({error}), so every exercise counts with its usual points.")
        return own
    worth = {name: points.get(name, own[name]) for name in own if chosen is None or name in chosen}
    return worth or own


def lab_named(name: str, known: Collection[str], none: str = "is not a lab") -> str:
    """The lab with this name, number, name without the number, or beginning of a name.

    none: what the error says about a name that is not a lab's.
    Raises: ValueError listing the labs where none matches, or several do.
    """
    wanted = name.strip().casefold()
    number = int(wanted) if wanted.isdecimal() else None
    for means in (
        lambda lab: lab == wanted,
        lambda lab: number is not None and lab.split("_")[0].isdecimal()
        and int(lab.split("_")[0]) == number,
        lambda lab: lab.partition("_")[2] == wanted,
        lambda lab: wanted and (lab.startswith(wanted) or lab.partition("_")[2].startswith(wanted)),
    ):  # fmt: skip
        found = [lab for lab in known if means(lab.casefold())]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{name!r} could be {' or '.join(found)}: write more of the name")
    raise ValueError(f"{name!r} {none}; the labs are {', '.join(known) or 'none'}")


def numbered(lab: str, text: str) -> str:
    """A message with exercise numbers in place of {{exercise name}}; see `references`."""
    if not MARKER.search(text):
        return text
    titles = {name: entry["title"] for name, entry in lab_table().get(lab, {}).items()}
    return resolve(text, list(exercises_set(lab)), titles)


def find(folder: Path) -> Path | None:
    """The term file of a folder, or of one above it up to the course's root, which has `labs/`.

    During grading, kernels run in other folders, and the environment names the file.
    """
    if told := os.environ.get("GROOVES_TERM"):
        return Path(told)
    try:
        folder = folder.resolve(strict=True)
        for one in (folder, *folder.parents):
            if (one / NAME).is_file():
                return one / NAME
            if (one / "labs").is_dir():
                return None
    except OSError:  # a folder above that must not be read, or that was deleted
        pass
    return None


def tell_missing(counted: int) -> None:
    """Say once that a notebook which was handed out with a term file has lost it.

    counted: how many exercises count now.
    """
    if find(Path(".")) is None:
        _tell(
            f"{NAME}, which belongs to this notebook, was not found, so all {counted} exercises of "
            "the lab count here. Put the file beside the notebook and run this cell again."
        )


def plan(path: Path, lab: str) -> tuple[list[str] | None, dict[str, float]]:
    """A term file's entry for a lab: the chosen exercises (None: all) and points that differ.

    Only what students need is read; `grooves labs handout` examines the whole file.
    Raises: OSError, or ValueError where it cannot be understood.
    """
    said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    labs = said.get("labs", {})
    if not isinstance(labs, dict):
        raise ValueError(f"labs is {labs!r}; it must be a table")
    return lab_entry(labs.get(lab, {}), f"labs.{lab}")


def lab_entry(said, at: str) -> tuple[list[str] | None, dict[str, float]]:
    """The chosen exercises (None: all) and the points that differ, from one lab's table.

    at: the table's name in the file. The grader reads the same entries with this function.
    Raises: ValueError naming the entry that is wrong, and what is allowed there.
    """
    if not isinstance(said, dict):
        raise ValueError(f"{at} is {said!r}; it must be a table, [{at}]")
    chosen, points = said.get("exercises"), said.get("points", {})
    if chosen is not None:
        named = isinstance(chosen, list) and all(isinstance(name, str) for name in chosen)
        if not named or not chosen:
            raise ValueError(f"{at}.exercises must be a list of names; leave it out for all")
        if twice := {name for name in chosen if chosen.count(name) > 1}:
            raise ValueError(f"{at}.exercises names {min(twice)!r} twice")
    if not isinstance(points, dict):
        raise ValueError(f"{at}.points is {points!r}; it must be a table")
    for name, value in points.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e4:
            raise ValueError(
                f"{at}.points.{name} is {value!r}; it must be a number from 0 to 10000"
            )
    return chosen, points


def _tell(complaint: str) -> None:
    if complaint not in _told:
        _told.add(complaint)
        print(complaint)
