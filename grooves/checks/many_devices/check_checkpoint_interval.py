"""Check of lab 13: how often to save, and what is lost (chapter 13).

Key idea: hours of one device, seconds of a cluster. Clusters of one device and of thousands, so
that a failure rate of one device in place of all shows.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# device_hours, n_devices, save_s, restart_s
CASES = (
    (50_000, 1_000, 40, 300),
    (50_677, 16_384, 30, 300),
    (100_000, 8, 5, 60),
    (20_000, 1, 90, 120),
    (8_000, 400, 10, 33),
    (50_000, 512, 120, 900),
)


def right(
    device_hours, n_devices, save_s, restart_s, hour=3600, divide=None, two=2, root=math.sqrt,
    half=2, restart=True, save=True,
):  # fmt: skip
    """Young's interval and the fraction of the time lost, with a place for each mistake."""
    between = device_hours * hour / (n_devices if divide is None else divide(n_devices))
    interval = root(two * save_s * between)
    lost = save * save_s / interval + (interval / half + restart * restart_s) / between
    return interval, lost


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _lost(change):
    return lambda *inputs: (right(*inputs)[0], change(*inputs, *right(*inputs)))


MISTAKES = (
    *in_forms(
        "one_device",
        "you take the time between failures of one device. Any of the n devices stops the run, so "
        "the cluster fails n times as often.",
        _with(divide=lambda n: 1),
    ),
    *in_forms(
        "multiplied",
        "more devices fail more often: divide by their number.",
        _with(divide=lambda n: 1 / n),
        _with(divide=math.sqrt),
    ),
    *in_forms(
        "hours_for_seconds",
        "`device_hours` is in hours, and everything else is in seconds.",
        _with(hour=1),
        _with(hour=60),
    ),
    *in_forms(
        "factor_two",
        "Young's interval is the root of *twice* the product.",
        _with(two=1),
        _with(two=4),
        _with(two=0.5),
    ),
    *in_forms(
        "no_root",
        "the root is missing: save_s times the time between failures is a square of seconds.",
        _with(root=lambda x: x),
    ),
    *in_forms(
        "whole_interval_lost",
        "on average, half an interval has passed since the last checkpoint when a failure comes.",
        _with(half=1),
    ),
    *in_forms(
        "restart_forgotten",
        "each failure costs the restart as well.",
        _with(restart=False),
    ),
    *in_forms(
        "half_forgotten",
        "either the time for saving is missing, save_s per interval, or the work since the last "
        "checkpoint, half an interval per failure. At Young's interval the two are equal.",
        _with(save=False),
        _with(half=math.inf),
    ),
    *in_forms(
        "saved_time_in_the_interval",
        "divide save_s by the interval itself: it is the time of training between two checkpoints.",
        _lost(lambda h, n, s, r, i, lost: lost - s / i + s / (i + s)),
    ),
    *in_forms(
        "kept_for_lost",
        "that is the fraction that is kept. The fraction that is lost is asked for.",
        _lost(lambda h, n, s, r, i, lost: 1 - lost),
    ),
    *in_forms(
        "in_percent",
        "your second number is in per cent. A fraction between 0 and 1 is asked for.",
        _lost(lambda h, n, s, r, i, lost: 100 * lost),
        _lost(lambda h, n, s, r, i, lost: 100 * (1 - lost)),
    ),
    *in_forms(
        "per_failure_in_seconds",
        "half an interval and a restart are seconds *per failure*. Divide them by M, since there "
        "is one failure in M seconds.",
        _lost(lambda h, n, s, r, i, lost: s / i + i / 2 / (h * 3600 / n) + r),
        _lost(lambda h, n, s, r, i, lost: s / i + i / 2 + r),
    ),
    *in_forms(
        "other_units",
        "the interval is asked for in seconds.",
        lambda *inputs: (right(*inputs)[0] / 60, right(*inputs)[1]),
        lambda *inputs: (right(*inputs)[0] / 3600, right(*inputs)[1]),
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "the interval comes first."),
)


@check(lab=LAB, exercise="checkpoint_interval", returns=(tuple, list))
def checkpoint_interval(answer):
    """checkpoint_interval(device_hours, n_devices, save_s, restart_s) -> seconds, fraction lost."""
    names = ("device_hours", "n_devices", "save_s", "restart_s")
    parts = ("the interval", "the fraction that is lost")
    judge_figures(answer, names, CASES, right, parts, MISTAKES, ("s",))
