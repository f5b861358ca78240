"""Check of lab 9: percentiles of latencies that were measured on several servers (chapter 9).

Key idea: groups of different sizes, unsorted, some of them empty; ranks that are whole and ranks
that are not; requests without an answer, whose latency is infinite.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, SHOULD


def _drawn(seed: int, *sizes: int) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return [(rng.exponential(1 + 2 * i, n) + 0.1).round(3).tolist() for i, n in enumerate(sizes)]


LOST = [[0.4, math.inf, 0.9, 0.2], [1.5, 0.3, 0.7]]
CASES = (
    ([[2.0, 10.0], [1.0, 3.0]], 95),
    ([[0.3, 0.1], [4.0, 2.0, 8.0]], 50),
    ([[2.0, 10.0, 1.0, 3.0]], 50),
    ([[5.0, 1.0, 4.0], [2.0], [9.0, 3.0]], 90),
    ([[5.0, 1.0, 4.0], [2.0], [9.0, 3.0]], 50),
    ([[0.7, 0.2], [], [0.4]], 50),
    ([[1.5]], 99),
    (_drawn(1, 12, 8), 25),
    (_drawn(2, 10, 30), 95),
    (_drawn(3, 40, 9, 1), 90),
    (_drawn(5, 3, 8), 1),
    (_drawn(6, 30, 7), 99),
    (_drawn(7, 150, 100), 99),
    (_drawn(8, 60, 150), 62.5),
    (_drawn(9, 600, 900), 99.9),
    ([[3.0, 1.0, 2.0], [2.0, 2.0, 1.0, 1.0]], 75),
    (LOST, 50),
    (LOST, 80),
    (LOST, 99),
    (_drawn(4, 7, 6), 100),  # last: an index that is one too high ends the check here
)


def nearest_rank(groups, p, rank=lambda n, p: math.ceil(n * p / 100), ordered=True):
    """The smallest value such that at least p % of all values are not above it."""
    values = [value for group in groups for value in group]
    place = min(max(rank(len(values), p), 1), len(values)) - 1
    return (sorted(values) if ordered else values)[place]


def _each(combine):
    return lambda groups, p: combine([nearest_rank([g], p) for g in groups if g])


def _rank(rank):
    return lambda groups, p: nearest_rank(groups, p, rank)


def _as_indexed(rank):
    """A rank of 0 leads to index -1, the largest value."""

    def found(groups, p):
        values = sorted(value for group in groups for value in group)
        return values[rank(len(values), p) - 1]

    return found


def _interpolated(groups, p, **how):
    return np.percentile([value for group in groups for value in group], p, **how)


def _weighted(groups, p):
    return sum(len(g) * nearest_rank([g], p) for g in groups if g) / sum(map(len, groups))


def _answered(groups):
    return [[value for value in group if math.isfinite(value)] for group in groups]


MISTAKES = (
    *in_forms(
        "mean_of_percentiles",
        "that is the mean of the servers' percentiles, which is no percentile of anything. Put all "
        "latencies together first.",
        _each(np.mean),
        _weighted,
        lambda groups, p: np.mean([_interpolated([g], p) for g in groups if g]),
    ),
    *in_forms(
        "percentile_of_percentiles",
        "you take a percentile of each server first. A server with few requests would count as "
        "much as one with many: put all latencies together first.",
        _each(max),
        _each(np.median),
        lambda groups, p: nearest_rank([_each(list)(groups, p)], p),
    ),
    *in_forms(
        "interpolated",
        "that lies between two latencies: NumPy's default interpolates. With the nearest rank, the "
        "result is always one of the latencies.",
        _interpolated,
        lambda groups, p: _interpolated(groups, p, method="weibull"),
        lambda groups, p: _interpolated(groups, p, method="hazen"),
    ),
    *in_forms(
        "rank_rounded_down",
        "the rank is rounded down, so fewer than p % of the latencies are at or below the result. "
        "Round it up.",
        _rank(lambda n, p: math.floor(n * p / 100)),
        _as_indexed(lambda n, p: int(n * p // 100)),
    ),
    *in_forms(
        "rank_rounded",
        "the rank is rounded to the nearest integer. Round it up, so that at least p % of the "
        "latencies are at or below the result.",
        _rank(lambda n, p: round(n * p / 100)),
        _rank(lambda n, p: math.floor(n * p / 100 + 0.5)),
        _as_indexed(lambda n, p: round(n * p / 100)),
        _as_indexed(lambda n, p: math.floor(n * p / 100 + 0.5)),
    ),
    *in_forms(
        "one_too_high",
        "the result is one place too high where p % of n is an integer: the value with rank r is "
        "at index r - 1 of the sorted list.",
        _rank(lambda n, p: math.floor(n * p / 100) + 1),
        _rank(lambda n, p: math.ceil(n * p / 100) + 1),
    ),
    *in_forms(
        "counts_gaps",
        "p % of n - 1 is taken. Of n latencies, the rank is p % of n, rounded up.",
        _rank(lambda n, p: math.floor((n - 1) * p / 100) + 1),
        _rank(lambda n, p: math.ceil((n - 1) * p / 100) + 1),
        _rank(lambda n, p: math.ceil((n - 1) * p / 100)),
        _rank(lambda n, p: round((n - 1) * p / 100) + 1),
    ),
    *in_forms(
        "unsorted",
        "the latencies are not sorted. Sort all of them together, and not those of each server.",
        lambda groups, p: nearest_rank(groups, p, ordered=False),
        lambda groups, p: nearest_rank([sorted(g) for g in groups], p, ordered=False),
    ),
    Mistake(
        "from_the_top",
        lambda groups, p: -nearest_rank([[-v for v in g] for g in groups], p),
        "you count from the largest latency. 99% of the latencies are at or below the 99th "
        "percentile.",
    ),
    *in_forms(
        "p_as_share",
        "p is used as a number from 0 to 1. It is in per cent: divide by 100.",
        _rank(lambda n, p: math.ceil(n * p)),
        _rank(lambda n, p: math.ceil(p)),
    ),
    Mistake(
        "lost_left_out",
        lambda groups, p: nearest_rank(_answered(groups), p),
        "requests without an answer, whose latency is infinite, are left out. The server would "
        "look the better, the more requests it loses.",
    ),
    Mistake(
        "once_each",
        lambda groups, p: nearest_rank([list({v for g in groups for v in g})], p),
        "equal latencies are counted once, as a set does. Each request counts.",
    ),
)


RAISED = (
    (
        r"IndexError: (?:list index out of range|index \d+ is out of bounds)",
        "the value with rank r is at index r - 1 of the sorted list.",
    ),
)


@check(lab=LAB, exercise="percentile", raised=RAISED)
def percentile(answer):
    """percentile(groups, p): latencies of each server, per cent -> the percentile of all."""
    for i, inputs in enumerate(CASES):
        groups, p = inputs
        n = sum(map(len, groups))
        listed = groups if n <= 20 else f"{n} latencies of {len(groups)} servers"
        call = by_hand(answer) if i == 0 else answer
        judge(call, inputs, nearest_rank(*inputs), MISTAKES, f"{listed} and p = {p}", SHOULD, 1e-6)
