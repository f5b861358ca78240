"""Check of lab 11, seventh part: reading a profile (chapter 11).

Key idea: a profile is a table, and the check makes some up, so that no time is measured.
Each column misleads once: own time, calls, time per call, and single rows of a part that has two.
So do an operation that is named like a part, and sums of columns of which one contains the other.
"""

from __future__ import annotations

from collections import defaultdict

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge

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
    ("update", 1, 0.6, 5.0),
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
THIRD = (
    ("fetch", 2, 14.0, 21.0),
    ("log", 3, 0.1, 22.0),
    ("forward", 5, 0.5, 12.0),
    ("aten::nll_loss_forward", 4, 8.0, 28.0),
    ("loss", 2, 0.4, 19.0),
    ("log", 1, 0.1, 4.0),
    ("update", 2, 0.3, 2.0),
)
# other parts, one of them all its own time, and names that differ in a letter's size alone
FOURTH = (
    ("Score", 2, 5.0, 40.0),
    ("score", 1, 2.0, 14.0),
    ("fetch", 1, 0.2, 90.0),
    ("clip", 7, 33.0, 33.0),
    ("score", 1, 0.5, 11.0),
    ("clip_grad", 1, 1.0, 60.0),
    ("decode", 3, 1.0, 30.0),
    ("score", 1, 0.5, 6.0),
)
FIFTH = (
    ("score", 1, 0.2, 4.0),
    ("decode", 1, 2.0, 15.0),
    ("decode_all", 2, 1.0, 50.0),
    ("score", 1, 0.0, 6.0),
    ("score", 1, 0.0, 15.5),
    ("clip", 9, 8.0, 8.5),
)
# a part of many rows among many operations, and one that takes no time
SIXTH = (
    *(
        row
        for i in range(31)
        for row in (("read", 1, 0.1, 1 + i % 3 / 8), (f"aten::op{i}", 1 + 40 * i, 2.0, 50.0 - i))
    ),
    ("write", 3, 20.0, 30.0),
    ("rest", 1, 0.0, 0.0),
    ("close", 900, 0.3, 29.0),
)
PROFILES = (
    (FIRST, PARTS),
    (SECOND, PARTS),
    (THIRD, PARTS),
    (FOURTH, ("decode", "clip", "score")),
    (FIFTH, ("clip", "decode", "score")),
    (SIXTH, ("close", "read", "rest", "write")),
    ((("only", 1, 0.0, 1e-7), ("aten::mm", 1, 5.0, 5.0)), ("only",)),
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


def _last_row(rows, parts):
    totals = {name: total for name, _, _, total in rows if name in parts}
    return max(totals, key=totals.get)


def _by_substring(rows, parts):
    return max(parts, key=lambda part: sum(row[3] for row in rows if part in row[0]))


def _by_substring_in_full(rows, parts):
    found = [row for row in rows if any(part in row[0] for part in parts)]
    return right(found, {row[0] for row in found})


LIKE_A_PART = (
    "you match parts of names, but the name of an operation may contain that of a part. Compare "
    "whole names: `name in parts`."
)
MISTAKES = (
    Mistake(
        "own_time",
        _greatest(lambda row: row[2]),
        "that part has the largest own time. A part spends nearly all its time in what it calls, "
        "so compare totals.",
    ),
    Mistake(
        "rows_not_added",
        lambda rows, parts: max((r for r in rows if r[0] in parts), key=lambda r: r[3])[0],
        "that part has the largest single row. A part may have several rows, so add them up.",
    ),
    Mistake(
        "last_row_only",
        _last_row,
        "you keep only the last row of a part that has several: each overwrites the one before. "
        "Add them up.",
    ),
    Mistake(
        "own_time_added",
        _greatest(lambda row: row[2] + row[3]),
        "you add own time and total. The total includes the own time already.",
    ),
    Mistake(
        "calls_times_total",
        _greatest(lambda row: row[1] * row[3]),
        "you multiply by the number of calls. The total covers all calls already.",
    ),
    Mistake("substring", _by_substring, LIKE_A_PART),
    Mistake("substring", _by_substring_in_full, LIKE_A_PART),
    Mistake(
        "alphabetical_maximum",
        lambda rows, parts: max(parts),
        "that is the last name in alphabetical order. `max` of a dict compares its keys unless "
        "you pass `key=`.",
    ),
    Mistake(
        "most_calls",
        _greatest(lambda row: row[1]),
        "that part has the most calls, but each of them is short. Compare totals.",
    ),
    Mistake(
        "longest_call",
        _per_call,
        "that part has the longest single call. Compare the totals of all calls.",
    ),
    Mistake(
        "whole_step",
        _greatest(lambda row: row[3], of="all"),
        "that row is the whole step, which includes all parts. Only names in `parts` count.",
    ),
    Mistake(
        "operation_returned",
        _greatest(lambda row: row[2], of="all"),
        "that is one of PyTorch's operations, which several parts may call. Only names in `parts` "
        "count.",
    ),
)


@check(lab=LAB, exercise="slowest_part")
def slowest_part(answer):
    """slowest_part(rows, parts) -> the name of the part that takes most of the time."""
    cases = [
        Case(
            (_in_seconds(rows), parts),
            {"the part": right(rows, parts)},
            _given(rows, parts),
        )
        for rows, parts in PROFILES
    ]

    def called(rows, parts):
        got = answer(rows, parts)
        if not isinstance(got, str) or got not in {*parts, *(row[0] for row in rows)}:
            raise CheckFailed(
                f"for a profile with {len(rows)} rows, your result must be the name of a part. It "
                f"is {describe(got)}.",
                hint="wrong_type",
            )
        return got

    judge(called, cases, MISTAKES)


def _given(rows, parts) -> str:
    """Rows and parts in words that a student can copy into a cell."""
    lines = [f"    ({name!r}, {n}, {own:g}, {t:g})," for name, n, own, t in _in_seconds(rows)]
    return "\n".join(["rows = [", *lines, f"]\nand parts = {parts}"])
