"""Check of lab 14: addresses for values, by first fit (chapter 14).

Key idea: small memories in which one rule decides, then random ones in which values of many sizes
come and go.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.dataflow.rules import LAB, integer, judge_table
from grooves.checks.mistakes import Mistake, in_forms

# name, first, last, size
CASES = (
    [("a", 0, 4, 3), ("b", 1, 2, 2), ("c", 3, 6, 1), ("d", 4, 5, 2)],
    [("a", 0, 3, 2), ("b", 3, 5, 2), ("c", 4, 6, 2)],
    [("b", 3, 9, 2), ("a", 0, 4, 3), ("c", 2, 7, 1)],
    [("a", 0, 2, 1), ("b", 0, 9, 2), ("c", 3, 5, 2), ("d", 4, 6, 1), ("e", 6, 8, 3)],
)


def random_case(seed: int) -> list[tuple[str, int, int, int]]:
    """Ten values, listed in no order."""
    rng, values = np.random.default_rng(seed), []
    for name in "abcdefghij":
        first = int(rng.integers(0, 14))
        values.append((name, first, first + int(rng.integers(0, 8)), int(rng.integers(1, 7))))
    return [values[i] for i in rng.permutation(len(values))]


def _together(a, b, early=0, late=0) -> bool:
    return a[1] <= b[2] + late - early and b[1] <= a[2] + late - early


def right(
    values, order=lambda value: value[1], early=0, late=0, sized=True, fit="first", alive=None
):  # fmt: skip
    """Addresses by name, with a place for each mistake.

    early, late: cycles by which a place is given up too soon or too late. sized: whether the whole
    size must fit, not its first place alone. alive: which values count, of those placed before.
    """
    placed: list[tuple[tuple, int]] = []
    for value in sorted(values, key=order) if order else values:
        taken = sorted(
            (address, address + other[3])
            for other, address in placed
            if (_together(value, other, early, late) if alive is None else alive(value, other))
        )
        size = value[3] if sized else 1
        address = {"first": _first_gap, "best": _best_gap, "top": _top}[fit](taken, size)
        placed.append((value, address))
    return {value[0]: address for value, address in placed}


def _first_gap(taken, size) -> int:
    address = 0
    for begin, end in taken:
        if address + size <= begin:
            break
        address = max(address, end)
    return address


def _best_gap(taken, size) -> int:
    """The smallest gap that is large enough."""
    gaps, at = [], 0
    for begin, end in taken:
        if begin - at >= size:
            gaps.append((begin - at, at))
        at = max(at, end)
    return min(gaps)[1] if gaps else at


def _top(taken, _size) -> int:
    return max((end for _, end in taken), default=0)


def _with(**changes):
    return lambda values: right(values, **changes)


def _touching(values):
    """A place stays free between two values."""
    wider = [(name, first, last, size + 1) for name, first, last, size in values]
    return right(wider)


MISTAKES = (
    Mistake(
        "never_reused",
        _with(alive=lambda *_: True),
        "no place is used twice. Once a value is dead, another may take its place.",
    ),
    *in_forms(
        "reused_while_alive",
        "a place is given away in the cycle in which its value is read for the last time. In that "
        "cycle it is still alive: it is free in the next one.",
        _with(early=1),
        _with(alive=lambda a, b: b[2] > a[1]),
    ),
    Mistake(
        "freed_too_late",
        _with(late=1),
        "a place stays empty for a cycle after its value was last read. It is free in the next "
        "cycle.",
    ),
    Mistake(
        "size_ignored",
        _with(sized=False),
        "you look for one free place. All `size` places from the address on must be free.",
    ),
    Mistake(
        "above_all",
        _with(fit="top"),
        "you place a value above all that are alive. A gap below that is large enough comes first.",
    ),
    Mistake(
        "best_fit",
        _with(fit="best"),
        "you take the smallest gap that is large enough. Here it is the lowest.",
    ),
    Mistake(
        "listed_order",
        _with(order=None),
        "you place the values in the order of the list. Begin with the one whose `first` is the "
        "smallest.",
    ),
    *in_forms(
        "another_order",
        "you place the values in an order of your own. Sort them by the cycle in which they "
        "become alive; Python's `sorted` keeps the order of the list where that is the same.",
        _with(order=lambda value: -value[3]),
        _with(order=lambda value: value[3]),
        _with(order=lambda value: value[2]),
        _with(order=lambda value: (value[1], value[2])),
        _with(order=lambda value: (value[1], -value[3])),
        _with(order=lambda value: (value[1], value[0])),
        _with(order=lambda value: value[0]),
    ),
    Mistake(
        "gap_between",
        _touching,
        "one place stays free between two values. A value of size s at address p ends with place "
        "p + s - 1.",
    ),
    Mistake(
        "from_one",
        lambda values: {name: at + 1 for name, at in right(values).items()},
        "your addresses begin at 1. The first is 0.",
    ),
)


@check(lab=LAB, exercise="addresses", returns=dict)
def addresses(answer):
    """addresses(values) -> {name: address}. values: a list of (name, first, last, size)."""
    for i, values in enumerate([*CASES, *(random_case(seed) for seed in range(16))]):
        call = by_hand(answer) if i == 0 else answer
        given = f"values = {values}"
        judge_table(call, (values,), right(values), MISTAKES, given, integer)
