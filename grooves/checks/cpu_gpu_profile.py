"""Check of lab 11, seventh part: reading a profile (chapter 11).

Key idea: a profile is a table, and the check makes up two, so that no clock has a part in it. Each
column misleads once: own time, calls, time a call, and single rows of a part that has two.
"""

from __future__ import annotations

from collections import defaultdict

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import Slip
from grooves.checks.cpu_gpu_rules import LAB, Case, judge

PARTS = ("fetch", "augment", "forward", "loss", "backward", "update", "log")
# Name, calls, milliseconds of its own, milliseconds with all that it calls.
FIRST = (
    ("step", 1, 0.2, 120.0),
    ("aten::item", 400, 15.0, 60.0),
    ("fetch", 1, 9.0, 12.0),
    ("augment", 1, 1.0, 17.0),
    ("forward", 3, 0.5, 20.0),
    ("loss", 40, 0.3, 4.0),
    ("aten::mm", 12, 30.0, 30.0),
    ("backward", 2, 0.4, 24.0),
    ("augment", 1, 0.8, 16.0),
    ("update", 1, 0.6, 2.0),
    ("log", 1, 0.7, 18.0),
)
SECOND = (
    ("aten::addmm", 30, 41.0, 44.0),
    ("update", 2, 2.0, 31.0),
    ("log", 90, 1.0, 8.0),
    ("fetch", 1, 0.1, 25.0),
    ("forward", 1, 3.0, 11.0),
    ("backward", 1, 0.3, 10.0),
    ("step", 1, 0.1, 90.0),
)


def _in_seconds(rows):
    return [(name, n, own / 1e3, total / 1e3) for name, n, own, total in rows]


def _greatest(value, of=None):
    """The part whose rows add up to most, by some value of a row."""

    def compute(rows, parts):
        sums: dict[str, float] = defaultdict(float)
        for row in rows:
            if of or row[0] in parts:
                sums[row[0]] += value(row)
        return max(sums, key=sums.get)

    return compute


right = _greatest(lambda row: row[3])


def _per_call(rows, parts):
    calls, total = defaultdict(int), defaultdict(float)
    for name, n, _, seconds in rows:
        if name in parts:
            calls[name] += n
            total[name] += seconds
    return max(total, key=lambda name: total[name] / calls[name])


SLIPS = (
    Slip(
        "own_time",
        _greatest(lambda row: row[2]),
        "that part has the greatest time of its own. A part spends nearly all its time in what it "
        "calls: take the total.",
    ),
    Slip(
        "rows_not_added",
        lambda rows, parts: max((r for r in rows if r[0] in parts), key=lambda r: r[3])[0],
        "that part has the greatest single row. A part may have several: add them up.",
    ),
    Slip(
        "most_calls",
        _greatest(lambda row: row[1]),
        "that part is called most often, for a short time each.",
    ),
    Slip(
        "longest_call",
        _per_call,
        "that part takes longest for one call. What you wait for is all its calls together.",
    ),
    Slip(
        "whole_step",
        _greatest(lambda row: row[3], of="all"),
        "the step holds all parts, so its time is the greatest, and it tells nothing. Look at "
        "`parts` alone.",
    ),
    Slip(
        "an_operation",
        _greatest(lambda row: row[2], of="all"),
        "that is one of PyTorch's operations, which many parts may call. Which part is to blame?",
    ),
    Slip(
        "an_operation_by_total",
        lambda rows, parts: max(
            (r for r in rows if r[0] not in parts and r[0] != "step"), key=lambda r: r[3]
        )[0],
        "that is an operation by its total. Among `parts` is the one that calls it.",
    ),
    Slip(
        "quickest_part",
        lambda rows, parts: min((r for r in rows if r[0] in parts), key=lambda r: r[3])[0],
        "that is the quickest part: you sorted upwards.",
    ),
)


@check(lab=LAB, exercise="slowest_part", points=1)
def slowest_part(answer):
    """slowest_part(rows, parts) -> the name of the part that takes most of the time."""
    cases = [
        Case(
            (_in_seconds(rows), PARTS),
            {"the part": right(rows, PARTS)},
            f"profile {number}, with {len(rows)} rows and {len(PARTS)} parts",
        )
        for number, rows in enumerate((FIRST, SECOND), 1)
    ]

    def called(rows, parts):
        got = answer(rows, parts)
        if not isinstance(got, str) or got not in {row[0] for row in rows}:
            raise CheckFailed(
                f"for a profile with {len(rows)} rows, your result must be the name of a part. It "
                f"is {describe(got)}.",
                hint="wrong_type",
            )
        return got

    judge(called, cases, SLIPS)
