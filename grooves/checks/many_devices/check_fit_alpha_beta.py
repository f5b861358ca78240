"""Check of lab 13: latency and bandwidth fitted to measured times (chapter 13).

Key idea: times with errors, so that every way of weighing them gives another line; sizes over
several powers of ten, where a fit of absolute errors makes the latency noise.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms


def _measured(seed: int, alpha_s: float, beta: float, sizes: tuple) -> tuple:
    rng = np.random.default_rng(seed)
    times = [(alpha_s + n / beta) * float(rng.uniform(0.93, 1.07)) for n in sizes]
    return list(sizes), [float(f"{t:.3g}") for t in times]


CASES = (
    ([1_000, 100_000], [0.0021, 0.0030]),  # a line through two points
    _measured(1, 2e-3, 12e6, (1_000, 10_000, 100_000, 1_000_000)),
    _measured(2, 3e-4, 1e9, (4_096, 65_536, 1_048_576, 16_777_216)),
    _measured(3, 5e-6, 3e11, (2**12, 2**16, 2**20, 2**24, 2**28)),
    _measured(4, 9e-3, 1.25e8, (10_000_000, 1_000, 100_000)),  # in no order
)


def _line(sizes, times, weights) -> tuple[float, float]:
    """Alpha and the slope that minimise the weighted sum of squares."""
    a = np.stack([weights, weights * np.asarray(sizes, float)], 1)
    (alpha, slope), *_ = np.linalg.lstsq(
        a / a.max(0), weights * np.asarray(times, float), rcond=None
    )
    return alpha / a[:, 0].max(), slope / a[:, 1].max()


def right(sizes, times, power=1.0, alpha=None, beta=None):
    """Seconds and bytes per second, with a place for each mistake. power: of the weights 1 / t."""
    line = _line(sizes, times, 1 / np.asarray(times, float) ** power)
    first, slope = line
    return (
        first if alpha is None else alpha(sizes, times, line),
        1 / slope if beta is None else beta(sizes, times, line),
    )


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _ends(sizes, times):
    low, high = int(np.argmin(sizes)), int(np.argmax(sizes))
    slope = (times[high] - times[low]) / (sizes[high] - sizes[low])
    return times[low] - slope * sizes[low], 1 / slope


def _logarithms(sizes, times):
    slope, first = np.polyfit(np.log(sizes), np.log(times), 1)
    return np.exp(first), 1 / slope


MISTAKES = (
    *in_forms(
        "absolute_errors",
        "you minimise absolute errors. The longest message takes thousands of times as long as "
        "the shortest and then decides alone: divide each error by its own time.",
        _with(power=0.0),
    ),
    *in_forms(
        "root_weights",
        "your errors are divided by the root of the time, or by its square. Divide each error by "
        "its time before you square it.",
        _with(power=0.5),
        _with(power=2.0),
    ),
    Mistake(
        "two_points",
        _ends,
        "you use two of the points. All of them are asked for, since each has an error.",
    ),
    *in_forms(
        "slope_for_bandwidth",
        "your second figure is the slope, seconds per byte. The bandwidth is its inverse.",
        _with(beta=lambda s, t, line: line[1]),
    ),
    *in_forms(
        "bits_for_bytes",
        "your bandwidth is in bits per second. Bytes per second are asked for.",
        _with(beta=lambda s, t, line: 8 / line[1]),
        _with(beta=lambda s, t, line: 1 / line[1] / 8),
    ),
    *in_forms(
        "other_units",
        "seconds and bytes per second are asked for, not milliseconds or megabytes.",
        _with(alpha=lambda s, t, line: 1e3 * line[0]),
        _with(alpha=lambda s, t, line: 1e6 * line[0]),
        _with(beta=lambda s, t, line: 1e-6 / line[1]),
        _with(beta=lambda s, t, line: 1e-9 / line[1]),
    ),
    *in_forms(
        "shortest_for_latency",
        "you take the shortest message's time for the latency. It contains that message's bytes "
        "and its error.",
        _with(alpha=lambda s, t, line: min(t)),
        _with(alpha=lambda s, t, line: t[0]),
    ),
    *in_forms(
        "through_the_origin",
        "your line has no latency. Fit both numbers together.",
        lambda s, t: (0.0, float(np.dot(s, s) / np.dot(s, t))),
        _with(alpha=lambda *_: 0.0),
    ),
    *in_forms(
        "longest_for_bandwidth",
        "you take the longest message's bytes over its time for the bandwidth. That time contains "
        "the latency.",
        _with(beta=lambda s, t, line: max(s) / t[int(np.argmax(s))]),
        _with(beta=lambda s, t, line: float(np.mean([n / x for n, x in zip(s, t, strict=True)]))),
    ),
    Mistake(
        "logarithms",
        _logarithms,
        "you fit a line to logarithms, which is a power law. Time is alpha plus bytes over beta.",
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "the latency comes first."),
)


@check(lab=LAB, exercise="fit_alpha_beta", returns=(tuple, list, np.ndarray))
def fit_alpha_beta(answer):
    """fit_alpha_beta(sizes, times) -> seconds of latency, bytes per second."""
    parts = ("the latency", "the bandwidth")
    judge_figures(
        answer, ("sizes", "times"), CASES, right, parts, MISTAKES, ("s", "bytes per second")
    )
