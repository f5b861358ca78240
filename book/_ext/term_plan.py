"""Plans for a term or a workshop, made from the chapters' data.

Key idea: a plan is one list of parts (read, run, discuss, lab) in the order of the book, cut into
weeks. Among all cuts that respect the hours, the one with the most even weeks is chosen, and a cut
between two chapters is preferred to one within a chapter. Where not all chapters fit, those marked
"core" are planned first, each with the chapters that it needs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from chapter_data import Chapter, halves, in_fives

# Someone new to NumPy or PyTorch takes longer than a lab states.
LAB_ALLOWANCE = 1.2
MOST_WEEKS = 2  # that one chapter is spread over; further weeks stay free


@dataclass(frozen=True)
class Part:
    """One piece of work on one chapter."""

    chapter: Chapter
    what: str
    minutes: int


@dataclass(frozen=True)
class Plan:
    """A list of parts for each week (or day), and the chapters that did not fit."""

    weeks: tuple[tuple[Part, ...], ...]  # may be fewer than asked for, where there is less to do
    left_out: tuple[Chapter, ...]


def term_parts(chapter: Chapter) -> list[Part]:
    """A student's work on a chapter in a term: all of it."""
    return [
        Part(chapter, "read", chapter.read_min),
        Part(chapter, "run the notebook", chapter.run_min),
        Part(chapter, "discuss", chapter.discuss_min),
        *lab_parts(chapter),
    ]


def workshop_parts(chapter: Chapter) -> list[Part]:
    """The work that fits into a workshop: the instructor presents the page, and half of the lab.

    No time is added to the lab, because the instructor is there to help.
    """
    return [
        Part(chapter, "presentation", chapter.read_min),
        Part(chapter, "run the notebook", chapter.run_min),
        lab_parts(chapter, allowance=1.0)[0],
    ]


def make_plan(chapters: list[Chapter], weeks: int, hours: float, parts=term_parts) -> Plan:
    """Divide the chapters among the weeks, with at most this many hours in each.

    chapters: in the order of the book. weeks: how many (for a workshop, days).
    hours: the most that one week may take. parts: what is done with a chapter.
    Raises: ValueError where weeks or hours are not positive, or no chapter fits.
    """
    if weeks < 1 or hours <= 0:
        raise ValueError(f"{weeks=} and {hours=} must be positive")
    if not chapters:
        raise ValueError("there is no chapter to plan: _toc.yml lists none")
    by_name = {chapter.name: chapter for chapter in chapters}
    chosen: set[str] = set()
    found: tuple[tuple[Part, ...], ...] = ()
    for chapter in sorted(chapters, key=lambda c: c.place != "core"):  # stable: core first
        wanted = chosen | _with_needs(chapter, by_name)
        work = [part for c in chapters if c.name in wanted for part in parts(c)]
        if cut := cut_into_weeks(work, min(weeks, MOST_WEEKS * len(wanted)), round(60 * hours)):
            chosen, found = wanted, cut
    if not found:
        raise ValueError(f"no chapter fits into {weeks=} of {hours=}: give more of either")
    return Plan(found, tuple(c for c in chapters if c.name not in chosen))


def cut_into_weeks(work: list[Part], weeks: int, limit: int) -> tuple[tuple[Part, ...], ...]:
    """Cut a list of parts into as many runs as there are weeks, none above `limit` minutes.

    Returns: the runs, the most even ones; an empty tuple where no cut respects the limit.
    """
    weeks = min(weeks, len(work))
    mean = sum(part.minutes for part in work) / weeks

    @functools.cache
    def best(start: int, left: int) -> tuple[float, tuple[int, ...]]:
        """Lowest cost of cutting work[start:] into `left` runs, and where the runs end."""
        if left == 0:
            return (0.0, ()) if start == len(work) else (float("inf"), ())
        lowest: tuple[float, tuple[int, ...]] = (float("inf"), ())
        minutes = 0
        for end in range(start + 1, len(work) - left + 2):
            minutes += work[end - 1].minutes
            if minutes > limit:
                break
            inside = end < len(work) and work[end - 1].chapter is work[end].chapter
            rest, ends = best(end, left - 1)
            cost = (minutes - mean) ** 2 + (mean / 2) ** 2 * inside + rest
            if cost < lowest[0]:
                lowest = (cost, (end, *ends))
        return lowest

    cost, ends = best(0, weeks)
    if cost == float("inf"):
        return ()
    starts = (0, *ends[:-1])
    return tuple(tuple(work[start:end]) for start, end in zip(starts, ends, strict=True))


def _with_needs(chapter: Chapter, by_name: dict[str, Chapter]) -> set[str]:
    """The chapter's name and those of all chapters that must come before it, as far as present."""
    names = {chapter.name}
    for need in chapter.needs:
        if need in by_name:
            names |= _with_needs(by_name[need], by_name)
    return names


def lab_parts(chapter: Chapter, allowance: float = LAB_ALLOWANCE) -> list[Part]:
    """The two halves of a lab, or the one part where it has a single exercise.

    allowance: by which the stated minutes are multiplied.
    """
    last, end = len(chapter.exercise_min), halves(chapter.exercise_min)
    found = []
    for start, stop in ((0, end), (end, last)):
        minutes = in_fives(allowance * sum(chapter.exercise_min[start:stop]))
        which = f"exercise {stop}" if stop - start == 1 else f"exercises {start + 1} to {stop}"
        if stop > start:
            found.append(Part(chapter, f"lab {which}", minutes))
    return found
