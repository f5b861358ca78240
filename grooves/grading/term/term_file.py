"""The term file: which labs and exercises count, for how many points, and when they are due.

Key idea: one file, `term.toml`, holds all of an instructor's decisions, and the handout, the checks
and the grader read the same file. Without it, every exercise of every lab counts.
Labs of every chapter.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, tzinfo
from pathlib import Path

from grooves.checks.term import NAME, lab_entry
from grooves.grading.masters import LabError, exercises_of, read_master
from grooves.grading.records.standing import Rules, in_zone
from grooves.grading.term.time_zone import zone_named

_TOP = {"title", "institution", "time_zone", "attempts", "follow_through", "late", "links", "labs"}
_LATE = {"per_day", "at_most", "grace_minutes", "time"}
_LAB = {"exercises", "points", "due"}


@dataclass(frozen=True)
class Plan:
    """A term's plan for one lab. exercises: the chosen ones, None for all; points: those that
    differ from the lab's own, by exercise; due: None if there is no due date."""

    exercises: tuple[str, ...] | None = None
    points: dict[str, float] = field(default_factory=dict)
    due: datetime | None = None


@dataclass(frozen=True)
class Term:
    """A term. `labs` maps the labs that are set to their plans; None sets every lab completely."""

    title: str = ""
    institution: str = ""
    attempts: str = "latest"
    follow_through: bool = True
    late: dict = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    labs: dict[str, Plan] | None = None
    path: Path | None = None
    zone: tzinfo | None = None  # for dates without an offset; None means the machine's time zone

    def plan(self, lab: str) -> Plan:
        """The plan for a lab, which is all of it if the term does not name labs."""
        return (self.labs or {}).get(lab, Plan())

    def rules(self, lab: str) -> Rules:
        """What counts in a lab: attempts, and what being late costs."""
        plan = self.plan(lab)
        rules = Rules(attempts=self.attempts, due=plan.due, zone=self.zone, **self.late)
        return replace(rules, exercises=plan.exercises)


def find(path: Path | None, course: Path) -> Term:
    """The term in the given file, or in the course's `term.toml`, or else the default.

    Raises: LabError where the file cannot be read or has an entry that is not allowed.
    """
    if path is None:
        path = course / NAME
        if not path.is_file():
            return Term()
    return read(path)


def read(path: Path) -> Term:
    """Read a term file.

    Raises: LabError naming the entry that is wrong, and what is allowed there.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise LabError(f"{path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not TOML: {error}") from error
    try:
        return _term(said, path)
    except ValueError as error:
        raise LabError(f"{path}: {error}") from error


def _term(said: dict, path: Path) -> Term:
    _only(said, _TOP, "")
    late = _table(said, "late")
    _only(late, _LATE, "late.")
    late = {
        name: _number(late, name, "late.", 1 if name in ("per_day", "at_most") else 1e6)
        for name in late
        if name != "time"
    } | ({"time": _one_of(late, "time", ("platform", "file"))} if "time" in late else {})
    zone = zone_named(_text(said, "time_zone")) if "time_zone" in said else None
    labs = None
    if "labs" in said:
        labs = {name: _plan(name, plan, zone) for name, plan in _table(said, "labs").items()}
    links = _table(said, "links")
    for name, address in links.items():
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise ValueError(f"links.{name} is {address!r}; it must be an address with https://")
    follow_through = said.get("follow_through", True)
    if not isinstance(follow_through, bool):
        raise ValueError(f"follow_through is {follow_through!r}; it must be true or false")
    return Term(
        title=_text(said, "title"),
        institution=_text(said, "institution"),
        attempts=_one_of(said, "attempts", ("latest", "best")) if "attempts" in said else "latest",
        follow_through=follow_through,
        late=late,
        links=links,
        labs=labs,
        path=path,
        zone=zone,
    )


def _plan(name: str, said, zone: tzinfo | None) -> Plan:
    at = f"labs.{name}"
    exercises, points = lab_entry(said, at)
    _only(said, _LAB, f"{at}.")
    due = said.get("due")
    if isinstance(due, date) and not isinstance(due, datetime):
        due = datetime.combine(due, time(23, 59, 59))  # a day lasts until its end
    if due is not None and not isinstance(due, datetime):
        raise ValueError(f"{at}.due is {due!r}; write a date without quotes, due = 2026-11-30")
    return Plan(tuple(exercises) if exercises else None, points, due and in_zone(due, zone))


def check_labs(term: Term, masters: dict[str, Path]) -> None:
    """Compare a term's labs with their masters.

    Raises: LabError naming a lab that does not exist, or an exercise that its lab does not have.
    """
    for lab in term.labs or {}:
        if lab not in masters:
            raise LabError(
                f"{term.path}: labs.{lab} is not a lab; the labs are {', '.join(masters)}"
            )
        exercises = exercises_of(read_master(masters[lab]), lab)
        check_against(term, lab, [exercise.name for exercise in exercises])


def check_against(term: Term, lab: str, exercises: list[str]) -> None:
    """Compare a term's plan for one lab with the lab's exercises. Raises: LabError."""
    plan = term.plan(lab)
    for what, names in (("exercises", plan.exercises or ()), ("points", plan.points)):
        for name in names:
            if name not in exercises:
                raise LabError(
                    f"{term.path}: labs.{lab}.{what} names {name!r}; the lab's exercises are "
                    f"{', '.join(exercises)}"
                )
            if plan.exercises and name not in plan.exercises:
                raise LabError(
                    f"{term.path}: labs.{lab}.points names {name!r}, which is not one of the "
                    "exercises that are set"
                )


def _only(table: dict, known: set[str], at: str) -> None:
    for name in table:
        if name not in known:
            raise ValueError(f"{at}{name} is not known; the entries are {', '.join(sorted(known))}")


def _table(said: dict, name: str, at: str = "") -> dict:
    value = said.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{at}{name} is {value!r}; it must be a table")
    return value


def _text(said: dict, name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be a text in quotes")
    return value


def _one_of(said: dict, name: str, allowed: tuple[str, ...]) -> str:
    if said[name] not in allowed:
        raise ValueError(f"{name} is {said[name]!r}; it must be one of {', '.join(allowed)}")
    return said[name]


def _number(said: dict, name: str, at: str, most: float) -> float:
    value = said[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError(f"{at}{name} is {value!r}; it must be a number from 0 to {most:g}")
    return value
