"""Check of lab 14: six operations on two units, scheduled by hand (chapter 14).

Key idea: starting whatever is ready gives 16 cycles in any order, because the long operation then
occupies the matrix unit when the urgent one needs it. The shortest schedule leaves the unit idle
for a cycle and takes 13.
"""

from __future__ import annotations

import itertools

from grooves.checks import CheckFailed, check
from grooves.checks.dataflow.rules import LAB, end_of, read_schedule

SIX = (
    ("a", "vector", 2, 5, ()),
    ("b", "vector", 1, 1, ("a",)),
    ("c", "matrix", 4, 6, ("a",)),
    ("d", "matrix", 1, 2, ("b",)),
    ("e", "matrix", 2, 3, ()),
    ("f", "vector", 2, 5, ("b", "d")),
)
SHORTEST, GREEDY = 13, 16


@check(lab=LAB, exercise="two_units", returns=dict)
def two_units(answer):
    """two_units() -> {name: the cycle in which the operation starts}."""
    given = "these 6 operations"
    starts = read_schedule(answer(), SIX, given)
    end = end_of(SIX, starts)
    if end > SHORTEST:
        name, why = _why(end, starts)
        raise CheckFailed(
            f"for {given}, your result ends in cycle {end}; {SHORTEST} is possible.\n"
            f"Likely mistake: {why}",
            hint=name,
        )
    return f"All results are there in cycle {end}, the earliest possible."


def _why(end: int, starts: dict[str, int]) -> tuple[str, str]:
    spans = sorted((starts[name], starts[name] + latency) for name, _, _, latency, _ in SIX)
    if all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(spans)):
        return "one_at_a_time", (
            "each operation waits for the one before, even where it reads nothing of it and needs "
            "another unit. Two units can work in the same cycle, and a unit is free again after "
            "`occupies` cycles, before its result lands."
        )
    if min(starts.values()) > 0:
        return "late_beginning", "nothing starts in cycle 0, the first one."
    if starts["e"] >= starts["c"]:
        return "late_e", (
            "`e` reads nothing, so it can start while the matrix unit has nothing else to do. "
            "Later it delays others."
        )
    if starts["c"] < starts["d"]:
        return "greedy", (
            "`c` starts as soon as it is ready, and `d`, on which `f` waits, finds the matrix unit "
            "occupied. Which of them is on the longest path to the end? Sometimes a unit should "
            "wait for an operation that is ready a cycle later."
        )
    return "idle", "an operation could start earlier: its unit is free, and what it reads is there."
