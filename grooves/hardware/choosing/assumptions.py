"""How uncertain a break-even is, and which assumption matters most.

Key idea: every input is a range and not a number. Drawing all of them at once gives an interval for
the result; moving one at a time gives a tornado table, whose longest bar is the input that is worth
looking up. Chapter: 15.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from grooves.hardware.choosing.rent_or_buy import Choice, advantage, break_even_hours

Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Interval:
    """What became of many draws. low, median, high: infinite where that quantile is "never".

    never: the fraction of draws in which buying never pays.
    """

    low: float
    median: float
    high: float
    never: float

    def __str__(self) -> str:
        low, median, high = ("never" if math.isinf(h) else f"{h:,.0f} h" for h in
                             (self.low, self.median, self.high))  # fmt: skip
        return f"{median} ({low} to {high}); never in {self.never:.0%} of the draws"


def break_even_interval(
    choice: Choice, ranges: Ranges, draws: int = 2000, seed: int = 0, level: float = 0.9
) -> Interval:
    """The break-even when every input in `ranges` is drawn uniformly between its ends.

    choice: gives the inputs that are not drawn. level: the fraction of draws inside the interval.
    The same seed gives the same interval. Quantiles are draws and not means of two, so "never" is
    never averaged with a number.
    Raises: ValueError for an unknown input, a range the wrong way round, or a level outside (0, 1).
    """
    _check(ranges)
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"{draws=} must be positive and {level=} between 0 and 1")
    rng = np.random.default_rng(seed)
    hours = []
    for _ in range(draws):
        drawn = {name: float(rng.uniform(*ends)) for name, ends in ranges.items()}
        hours.append(break_even_hours(replace(choice, **drawn)))
    tails = ((1 - level) / 2, 0.5, (1 + level) / 2)
    low, median, high = np.quantile(hours, tails, method="inverted_cdf").tolist()
    return Interval(low, median, high, float(np.mean(np.isinf(hours))))


def tornado(
    choice: Choice, ranges: Ranges, outcome: Callable[[Choice], float] = advantage
) -> list[dict]:
    """The outcome at both ends of each range, all other inputs as in `choice`; widest first.

    outcome: by default, the euros that buying saves over the machine's life.
    Returns: for each input its name, low and high, at_low and at_high (the outcomes), and effect
    (their distance, infinite where exactly one of them is).
    Raises: ValueError as `break_even_interval` does.
    """
    _check(ranges)
    rows = []
    for name, (low, high) in ranges.items():
        at_low, at_high = (outcome(replace(choice, **{name: end})) for end in (low, high))
        effect = 0.0 if at_low == at_high else abs(at_high - at_low)
        rows.append({"name": name, "low": low, "high": high, "at_low": at_low, "at_high": at_high,
                     "effect": effect})  # fmt: skip
    return sorted(rows, key=lambda row: -row["effect"])


def _check(ranges: Ranges) -> None:
    known = [field.name for field in fields(Choice)]
    for name, (low, high) in ranges.items():
        if name not in known:
            raise ValueError(f"{name!r} is no input of a choice; there are {', '.join(known)}")
        if not low <= high:
            raise ValueError(f"the range of {name}, {low} to {high}, is the wrong way round")
