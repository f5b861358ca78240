"""How long will it take, and where will it end? Forecasts from the first part of a run.

Key idea: the scatter of a run's own steps says how exactly their mean is known, and nothing about
what comes later: a neighbour, an evaluation, a slower phase. Honest intervals are calibrated on how
wrong the same forecast was for earlier runs. Chapter 5.
Source: Vovk et al. 2005, Algorithmic Learning in a Random World (intervals from earlier errors).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


def total_seconds(seconds: Sequence[float], fraction: float) -> float:
    """The forecast of a run's duration when a fraction of its steps is done.

    seconds: since the start, at evenly spaced steps, the last at the end of the run; only the first
    part is looked at. Raises: ValueError where the fraction holds no stretch.
    """
    n = _stretches(seconds, fraction)
    return seconds[n - 1] * len(seconds) / n


def own_interval(
    seconds: Sequence[float], fraction: float, level: float = 0.8
) -> tuple[float, float]:
    """An interval from the scatter of the run's own stretches, as if they were independent.

    It is what one computes without earlier runs, and much too narrow.
    Raises: ValueError where fewer than two stretches are done.
    """
    n = _stretches(seconds, fraction)
    each = np.diff([0.0, *seconds[:n]])
    if n < 2:
        raise ValueError(f"{fraction=} is {n} stretch of {len(seconds)}: no scatter yet")
    rest = len(seconds) - n
    error = each.std(ddof=1) * math.sqrt(rest + rest**2 / n)
    wide = NormalDist().inv_cdf((1 + level) / 2) * error
    middle = seconds[n - 1] + rest * each.mean()
    return middle - wide, middle + wide


def calibrated(ratios: Sequence[float], level: float = 0.8) -> tuple[float, float]:
    """Factors on a forecast, between which the truth lay in `level` of the earlier runs.

    ratios: true over forecast value, of the earlier runs. The interval is a little wider than the
    quantiles, so that a new run is in it with probability `level`.
    Raises: ValueError for too few runs, or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"{level=} must be between 0 and 1")
    n, tail = len(ratios), (1 - level) / 2
    place = math.floor(tail * (n + 1) + 1e-9)
    if place < 1:
        needed = math.ceil(1 / tail - 1e-9) - 1
        raise ValueError(f"{n} earlier runs are too few for {level:.0%}: take at least {needed}")
    ordered = sorted(ratios)
    return ordered[place - 1], ordered[n - place]


def coverage(ratios: Sequence[float], level: float = 0.8) -> float:
    """How often a run's truth lies in the interval that the other runs give it."""
    inside = 0
    for i, ratio in enumerate(ratios):
        low, high = calibrated([*ratios[:i], *ratios[i + 1 :]], level)
        inside += low <= ratio <= high
    return inside / len(ratios)


def _stretches(seconds: Sequence[float], fraction: float) -> int:
    n = math.floor(fraction * len(seconds) + 1e-9)
    if not 1 <= n <= len(seconds):
        raise ValueError(
            f"{fraction=} of {len(seconds)} stretches holds none of them: wait, or measure finer"
        )
    return n
