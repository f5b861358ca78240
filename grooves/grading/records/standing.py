"""Standing: what counts for each person in a lab, of all that was handed in, graded and changed.

Key idea: nothing here is stored. The store has the results and the instructor's changes, and what
follows from both is computed whenever a table, a page or an export is made, so that they always
agree with each other. Labs of every chapter.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from grooves.grading.masters import LabError
from grooves.grading.records.people import Listed, Person, person_of, series_of
from grooves.grading.records.results import Adjustment, Graded, Result, Stored
from grooves.grading.records.store import Store

DAY_S = 86_400
NO_RESULT = ("unreadable", "not the lab", "not graded")
NOTHING = "Nothing was handed in."


@dataclass(frozen=True)
class Rules:
    """What counts in a lab.

    attempts: "latest" or "best", of several files of one person. due: when the lab is due, None
    for never. per_day: the fraction of the points earned that is taken off for each day begun after
    it, up to the fraction at_most. grace_minutes: how long after it a file is still in time. time:
    "platform" takes submission times only from the platform's list, nbgrader or the instructor,
    "file" also from the files' dates, which unpacking and copying may change. exercises: those that
    are set, None for all. zone: for dates without an offset, None for the machine's.
    """

    attempts: str = "latest"
    due: datetime | None = None
    per_day: float = 0.0
    at_most: float = 1.0
    grace_minutes: float = 0.0
    time: str = "platform"
    exercises: tuple[str, ...] | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True)
class Score:
    """One exercise as it counts: the result, the final points, and the reason."""

    result: Result
    points: float
    comment: str = ""
    reason: str = ""
    given: bool = False  # whether the instructor gave points, even if they equal the check's

    @property
    def changed(self) -> bool:
        """Whether the instructor's points differ from the check's, or there is no check."""
        by_hand = self.result.state == "by hand"
        return self.given and (by_hand or self.points != self.result.points)


@dataclass(frozen=True)
class Standing:
    """What counts for one person in one lab.

    `graded` is the submission that counts; `others` are sentences about the rest. `days_late` is in
    days begun, `penalty` in points; `extra` is what the instructor added to the exercises' points.
    """

    person: Person
    graded: Graded
    scores: list[Score]
    email: str = ""
    graded_at: str = ""
    days_late: int = 0
    penalty: float = 0.0
    extra: float = 0.0
    comment: str = ""
    reason: str = ""
    others: list[str] = field(default_factory=list)
    set_total: float | None = None  # by the instructor, instead of the sum
    due: str = ""  # a due date for this person only
    worth: float = 0.0  # of the lab, where nothing was handed in

    @property
    def total(self) -> float:
        """The total of the points, at least 0."""
        if self.set_total is not None:
            return self.set_total
        earned = sum(score.points for score in self.scores)
        return max(0.0, round(earned - self.penalty + self.extra, 4))

    @property
    def out_of(self) -> float:
        """The points of all exercises that a check or the instructor has judged."""
        return self.worth or sum(
            score.result.out_of
            for score in self.scores
            if score.result.state != "by hand" or score.changed
        )

    @property
    def remarks(self) -> list[str]:
        """The remarks that table, terminal and page show beside the points."""
        said = list(self.graded.remarks)
        if self.due:
            said.append(f"Extended: due {self.due[:16].replace('T', ' ')}.")
        if self.days_late and self.set_total is None:
            days = "1 day" if self.days_late == 1 else f"{self.days_late} days"
            said.append(f"Handed in {days} late: {self.penalty:g} points deducted.")
        return said + self.others


def standings(store: Store, lab: str, rules: Rules = Rules()) -> list[Standing]:
    """What counts for each person in a lab, by name, including those who handed in nothing."""
    changes: dict[str, dict[str, Adjustment]] = {}
    for change in store.adjustments(lab):
        changes.setdefault(change.person, {})[change.exercise] = change
    listed = {one.key: one for one in store.expected(lab)}
    handed_in: dict[str, list[tuple[Person, Stored]]] = {}
    for stored in store.all_of(lab):
        person = _as_listed(person_of(stored.graded.submission, lab), listed)
        handed_in.setdefault(person.key, []).append((person, stored))
    if rules.exercises is not None and (others := other_exercises(store, lab, rules.exercises)):
        raise LabError(
            f"{store.folder} has results of exercises of {lab} that the term does not set "
            f"({', '.join(others)}). Name the term file with which they were graded with --term, "
            "or another folder with --out."
        )
    found = []
    for key, files in handed_in.items():
        for person, same in _told_apart(key, files):
            one = listed.get(person.key)
            # changes made before there was a list are stored under the key from the file's name
            keys = (*(other.raw or other.key for other, _ in same), key, person.key)
            own = {e: c for k in keys for e, c in changes.get(k, {}).items()}
            found.append(_standing(person, same, one, own, rules))
    instead: dict[str, list[str]] = {}
    for name, what in store.instead(lab).items():
        instead.setdefault(_as_listed(person_of(name, lab), listed).key, []).append(what)
    for key in listed.keys() - handed_in.keys():
        what = f"Handed in instead: {', '.join(instead[key])}." if key in instead else NOTHING
        nothing = Graded("", "not handed in", [], [], what)
        worth = max((one.out_of for one in found), default=0.0)
        person = Person(key, listed[key].name)
        standing = Standing(person, nothing, [], listed[key].email, worth=worth)
        found.append(_with_whole(standing, changes.get(key, {}).get("")))
    return sorted(found, key=lambda s: (s.person.name.casefold(), s.person.key))


def other_exercises(store: Store, lab: str, known: Collection[str]) -> list[str]:
    """Exercises that have results in the store but are not among the known ones."""
    results = (r.exercise for stored in store.all_of(lab) for r in stored.graded.results)
    return list(dict.fromkeys(name for name in results if name not in known))


def alone(stored: Stored, lab: str, listed: dict[str, Listed] | None = None) -> Standing:
    """A submission that does not count, by itself and without the instructor's changes."""
    scores = [Score(result, result.points) for result in stored.graded.results]
    person = _as_listed(person_of(stored.graded.submission, lab), listed or {})
    return Standing(person, stored.graded, scores, graded_at=stored.at)


def _as_listed(person: Person, listed: dict[str, Listed]) -> Person:
    """The person with the key and the name from the instructor's list."""
    key = person.key.casefold()
    everyone = listed.values()
    keys = [one for one in everyone if one.key.casefold() == key]
    names = [one for one in everyone if one.name.casefold() == person.name.casefold()]
    mails = [one for one in everyone if one.email and one.email.casefold() == key]
    if len(same := keys or mails or names) == 1:
        return replace(person, key=same[0].key, name=same[0].name, raw=person.key)
    return person


def _told_apart(key: str, files: list[tuple[Person, Stored]]):
    """Files under one key as one person; as several if the names contradict each other.

    Moodle's numbers are certain; what looks like Canvas's may be a person's own naming scheme.
    """
    sure = not key.startswith("canvas:")
    names = {files[-1][0].name} if sure else {person.name for person, _ in files}
    for name in sorted(names):
        same = [(person, stored) for person, stored in files if sure or person.name == name]
        own = key if len(names) == 1 else f"{key} {name}"
        yield replace(same[0][0], key=own, name=name), same


def _standing(
    person: Person,
    files: list[tuple[Person, Stored]],
    listed: Listed | None,
    changes: dict[str, Adjustment],
    rules: Rules,
) -> Standing:
    whole = changes.get("")
    candidates = []
    numbered = len({series_of(stored.graded.submission) for _, stored in files}) == 1
    for one, stored in files:
        late = _days_late(one, stored, listed, whole, rules)
        scores = [_score(result, changes.get(result.exercise)) for result in stored.graded.results]
        share = min(rules.at_most, rules.per_day * late)
        penalty = round(share * sum(score.points for score in scores), 2)
        email = listed.email if listed else ""
        standing = Standing(person, stored.graded, scores, email, stored.at, late, penalty)
        order = _order(one, stored, standing, rules, numbered)
        candidates.append((order, _with_whole(standing, whole)))
    candidates.sort(key=lambda pair: pair[0])
    *rest, (_, counts) = candidates
    return replace(counts, others=[_about(other, counts, rules) for _, other in rest])


def _score(result: Result, change: Adjustment | None) -> Score:
    if change is None:
        return Score(result, result.points)
    points = result.points
    if change.points:
        value = float(change.points)
        points = points + value if change.points[0] in "+-" else value
    given = bool(change.points)
    return Score(result, max(0.0, points), change.comment, change.reason, given)


def _with_whole(standing: Standing, change: Adjustment | None) -> Standing:
    """The standing with the instructor's changes to the lab as a whole."""
    if change is None:
        return standing
    extra, total = 0.0, None
    if change.points:
        on_top = change.points[0] in "+-"
        extra, total = (float(change.points), None) if on_top else (0.0, float(change.points))
    return replace(
        standing,
        extra=extra,
        set_total=total,
        comment=change.comment,
        reason=change.reason,
        due=change.due,
    )


def _order(
    person: Person, stored: Stored, standing: Standing, rules: Rules, numbered: bool
) -> tuple:
    """A sort key by which the submission that counts is last: the best or the latest graded one.

    numbered: whether the files' names differ only in a number, which then decides before the date.
    """
    graded = stored.graded.state not in NO_RESULT
    told = stored.handed_in.removeprefix("file ")
    when = datetime.fromisoformat(told).timestamp() if told else 0.0
    latest = (person.attempt if numbered else 0, when, person.attempt, stored.graded.submission)
    return (graded, standing.total, latest) if rules.attempts == "best" else (graded, latest)


def _about(other: Standing, counts: Standing, rules: Rules) -> str:
    name = other.graded.submission
    if other.graded.state in NO_RESULT:
        return f"{name}, also handed in, could not be graded: {other.graded.reason}"
    points = f"{sum(score.result.points for score in other.scores):g} points"
    return f"{name}, also handed in ({points}), does not count; the {rules.attempts} one does."


def _days_late(
    person: Person,
    stored: Stored,
    listed: Listed | None,
    whole: Adjustment | None,
    rules: Rules,
) -> int:
    """Days begun since the lab was due, as far as is known."""
    own = whole.due if whole else ""
    due = in_zone(datetime.fromisoformat(own), rules.zone) if own else rules.due
    if due is None:
        return 0
    told = whole.handed_in if whole else ""
    if not told and stored.handed_in and not stored.handed_in.startswith("file "):
        told = stored.handed_in
    if not told and listed:
        told = listed.handed_in
    if not told and rules.time == "file":
        told = stored.handed_in.removeprefix("file ")
    if not told:
        return 1 if person.late and not (whole and whole.due) else 0
    after = in_zone(datetime.fromisoformat(told), rules.zone) - due
    after -= timedelta(minutes=rules.grace_minutes)
    return max(0, math.ceil(after.total_seconds() / DAY_S))


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """A time with its offset; without one, it is read in the zone, None for the machine's."""
    if moment.tzinfo is None and zone is not None:
        return moment.replace(tzinfo=zone)
    return moment.astimezone(zone)
