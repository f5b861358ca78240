"""Check of lab 14: the shortest schedule of twelve operations (chapter 14).

Key idea: in each of these puzzles every rule that starts what is ready misses the shortest
schedule, and so does the best of all schedules in which no unit ever waits on purpose.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.dataflow.check_two_units import SIX
from grooves.checks.dataflow.rules import LAB, Operation, Schedule, end_of, read_schedule
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

# Listed so that values are computed before they are read.
PUZZLES = (
    (
        ("a", "vector", 3, 5, ()),
        ("b", "vector", 2, 3, ("a",)),
        ("c", "matrix", 2, 3, ("a", "b")),
        ("d", "vector", 3, 4, ("a",)),
        ("e", "vector", 1, 3, ("b",)),
        ("f", "vector", 1, 5, ("e",)),
        ("g", "matrix", 2, 6, ("b", "e")),
        ("h", "vector", 1, 3, ("b", "d")),
        ("i", "vector", 3, 4, ("f", "h")),
        ("j", "vector", 3, 5, ("d",)),
        ("k", "vector", 3, 4, ("g", "h")),
        ("l", "matrix", 1, 2, ("i",)),
    ),
    (
        ("a", "matrix", 2, 3, ()),
        ("b", "vector", 3, 5, ("a",)),
        ("c", "vector", 3, 4, ("a", "b")),
        ("d", "vector", 3, 5, ()),
        ("e", "vector", 3, 5, ("a", "b")),
        ("f", "vector", 3, 4, ()),
        ("g", "matrix", 3, 9, ("a", "d")),
        ("h", "vector", 1, 5, ("b",)),
        ("i", "matrix", 1, 3, ("c",)),
        ("j", "matrix", 2, 8, ("e", "h")),
        ("k", "matrix", 3, 9, ()),
        ("l", "matrix", 1, 5, ()),
    ),
    (
        ("a", "matrix", 3, 9, ()),
        ("b", "switch", 3, 5, ("a",)),
        ("c", "vector", 3, 5, ("a",)),
        ("d", "matrix", 1, 3, ("a",)),
        ("e", "matrix", 3, 5, ()),
        ("f", "matrix", 2, 6, ()),
        ("g", "matrix", 2, 4, ()),
        ("h", "vector", 1, 2, ("e", "f")),
        ("i", "matrix", 1, 7, ("h",)),
        ("j", "matrix", 2, 4, ()),
        ("k", "switch", 3, 5, ("g", "h")),
        ("l", "switch", 1, 5, ("f", "h")),
    ),
    (
        ("a", "matrix", 1, 2, ()),
        ("b", "vector", 1, 2, ("a",)),
        ("c", "matrix", 1, 7, ()),
        ("d", "matrix", 3, 4, ("a", "b")),
        ("e", "matrix", 3, 9, ("a", "d")),
        ("f", "matrix", 3, 7, ("d",)),
        ("g", "vector", 2, 6, ("a", "e")),
        ("h", "vector", 3, 4, ("c", "e")),
        ("i", "matrix", 2, 4, ()),
        ("j", "vector", 2, 6, ("i",)),
        ("k", "matrix", 3, 4, ()),
        ("l", "vector", 3, 5, ()),
    ),
    (
        ("a", "switch", 3, 4, ()),
        ("b", "switch", 3, 4, ("a",)),
        ("c", "switch", 3, 5, ("a", "b")),
        ("d", "switch", 1, 2, ("a",)),
        ("e", "matrix", 3, 5, ("a", "c")),
        ("f", "switch", 3, 4, ()),
        ("g", "switch", 1, 3, ("c",)),
        ("h", "switch", 3, 7, ("c",)),
        ("i", "matrix", 1, 7, ("c", "h")),
        ("j", "switch", 2, 6, ()),
        ("k", "matrix", 2, 4, ("h", "i")),
        ("l", "vector", 1, 5, ()),
    ),
)
SHORTEST = (13, 24, 22, 19, 23, 31)  # of SIX and of these, found by a search over all schedules


def cases() -> list[tuple[tuple[Operation, ...], int]]:
    """The puzzles, and the earliest cycle in which all results can be there."""
    return list(zip((SIX, *PUZZLES), SHORTEST, strict=True))


def longest_path(operations) -> dict[str, int]:
    """Of each operation, the cycles from its start to the end of whatever waits for it."""
    left: dict[str, int] = {}
    for name, _, _, latency, _ in reversed(operations):
        behind = (left[other] for other, *_, reads in operations if name in reads)
        left[name] = latency + max(behind, default=0)
    return left


def greedy(operations, key, until_landed: bool = False, alone: bool = False) -> Schedule:
    """Cycle by cycle, what is ready starts, in the order of `key`.

    until_landed: a unit is occupied until the result lands. alone: one operation at a time.
    """
    starts: Schedule = {}
    free: dict[str, int] = {}
    lands: dict[str, float] = {}
    cycle = 0
    while len(starts) < len(operations):
        ready = [
            one
            for one in operations
            if one[0] not in starts and all(lands.get(r, math.inf) <= cycle for r in one[4])
        ]
        for name, unit, busy, latency, _ in sorted(ready, key=key):
            unit = "all" if alone else unit
            if free.get(unit, 0) <= cycle:
                starts[name], lands[name] = cycle, cycle + latency
                free[unit] = cycle + (latency if until_landed or alone else busy)
        cycle += 1
    return starts


def never_waiting(operations) -> Schedule:
    """The best schedule in which no unit waits while it could start something."""
    left = longest_path(operations)
    best: tuple[float, Schedule] = (math.inf, {})

    def extend(starts: Schedule, free: dict[str, int]) -> None:
        nonlocal best
        if len(starts) == len(operations):
            end = end_of(operations, starts)
            best = min(best, (end, starts), key=lambda found: found[0])
            return
        ready = {}
        for name, unit, busy, _, reads in operations:
            if name not in starts and all(r in starts for r in reads):
                landed = [starts[o] + latency for o, _, _, latency, _ in operations if o in reads]
                start = max([free.get(unit, 0), *landed])
                if start + left[name] >= best[0]:
                    return
                ready[name] = (start, unit, busy)
        first, on = min((start, unit) for start, unit, _ in ready.values())
        for name, (start, unit, busy) in ready.items():
            if start == first and unit == on:
                extend({**starts, name: start}, {**free, unit: start + busy})

    extend({}, {})
    return best[1]


def _by_longest_path(operations) -> Schedule:
    left = longest_path(operations)
    return greedy(operations, lambda one: -left[one[0]])


MISTAKES = (
    Mistake(
        "greedy_longest_path",
        _by_longest_path,
        "whatever is ready starts, the operation with the longest path to the end first. That is a "
        "good rule and no more: sometimes a unit has to wait for an operation that is ready soon. "
        "Compare schedules, and keep the shortest.",
    ),
    *in_forms(
        "greedy_other",
        "whatever is ready starts, in an order that ignores what waits for it. Begin with the "
        "longest path to the end; then compare schedules, and keep the shortest.",
        lambda operations: greedy(operations, lambda one: 0),
        lambda operations: greedy(operations, lambda one: one[2]),
        lambda operations: greedy(operations, lambda one: -one[2]),
        lambda operations: greedy(operations, lambda one: one[3]),
        lambda operations: greedy(operations, lambda one: -one[3]),
    ),
    *in_forms(
        "until_landed",
        "a unit waits until its result lands. After `busy` cycles it is free.",
        lambda operations: greedy(operations, lambda one: 0, until_landed=True),
        lambda operations: greedy(
            operations, lambda one: -longest_path(operations)[one[0]], until_landed=True
        ),
    ),
    Mistake(
        "one_at_a_time",
        lambda operations: greedy(operations, lambda one: 0, alone=True),
        "one operation runs at a time. Different units can work in the same cycle.",
    ),
    Mistake(
        "never_waiting",
        never_waiting,
        "you find the best schedule among those in which a unit never waits while it could start "
        "something. Some of the shortest schedules leave a unit idle on purpose: when you choose "
        "the next operation of a unit, consider also those that are ready before the first of them "
        "would be done.",
    ),
)


@check(lab=LAB, exercise="puzzle", returns=dict)
def puzzle(answer):
    """puzzle(operations) -> {name: start}, a schedule that no other one beats."""
    for i, (operations, shortest) in enumerate(cases()):
        call = by_hand(answer) if i == 0 else answer
        given = f"{len(operations)} operations, {operations[0]}, {operations[1]} and so on"
        given = "the 6 operations of `two_units`" if i == 0 else given
        end = end_of(operations, read_schedule(call(list(operations)), operations, given))
        told = f"for {given}, your result ends in cycle {end}; {shortest} is possible."

        def agrees(mistake, operations=operations, end=end):
            return end_of(operations, mistake.compute(operations)) == end

        note(Finding(end > shortest, told, MISTAKES, agrees, inputs=(operations,)))
    return f"No schedule of these {len(SHORTEST)} puzzles is shorter than yours."
