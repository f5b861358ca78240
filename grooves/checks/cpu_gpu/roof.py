"""Check of lab 11, third part: the roofline (chapter 11).

Key idea: three results belong together, the rate, the ridge point and the name of the limit. The
cases lie on either side of the ridge point, and one machine has a ridge point below 1.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge, show

# Intensity, peak, bandwidth: a CPU, two GPUs, a machine with a high bandwidth, and a copy.
CASES = (
    (0.5, 90e9, 25e9),
    (40.0, 90e9, 25e9),
    (170.0, 3e14, 2e12),
    (2.0, 19.5e12, 1.5e12),
    (0.7, 3e9, 5e9),
    (0.0, 90e9, 25e9),
    (2.999, 21e9, 7e9),
    (3.001, 21e9, 7e9),
    (17, 300, 20),
    (3.2, 100, 30),  # a ridge point of 3.333, no integer
    (4, 100, 30),
    (1e-12, 9e15, 3e9),
    (5e8, 9e15, 3e9),
    (0.4, 2.0, 8.0),
    (0.5, 7.0, 7.0),
)
NAMES = ("the rate", "the ridge point", "the limit")
UNITS = ("FLOP/s", "FLOPs per byte")


def right(intensity: float, peak: float, bandwidth: float) -> tuple[float, float, str]:
    """Rate in FLOP/s, ridge point in FLOPs per byte, and the limit that applies."""
    slope, ridge = intensity * bandwidth, peak / bandwidth
    return min(peak, slope), ridge, "memory" if intensity < ridge else "arithmetic"


def _limit(memory_binds: bool) -> str:
    return "memory" if memory_binds else "arithmetic"


def _with(rate=None, ridge=None, limit=None):
    """The right three, some of them exchanged."""

    def compute(i, p, w):
        parts = right(i, p, w)
        changed = (f and f(i, p, w) for f in (rate, ridge, limit))
        return tuple(r if c is None else c for r, c in zip(parts, changed, strict=True))

    return compute


def _upside_down(i, p, w):
    return w / p


OTHER = (
    "compare the intensity with the ridge point, peak / bandwidth, to choose the word: both are in "
    "FLOPs per byte."
)
MISTAKES = (
    Mistake(
        "larger_limit",
        _with(rate=lambda i, p, w: max(p, i * w)),
        "you take the larger of the two limits. Both hold, so the smaller one decides.",
    ),
    Mistake(
        "peak_only",
        _with(rate=lambda i, p, w: p),
        "that is the peak, whatever the operation. Below the ridge point memory is slower.",
    ),
    Mistake(
        "slope_only",
        _with(rate=lambda i, p, w: i * w),
        "that is the limit set by memory. Above the ridge point the rate cannot exceed the peak.",
    ),
    Mistake(
        "times_added",
        _with(rate=lambda i, p, w: 1 / (1 / p + 1 / (i * w)) if i else 0.0),
        "you add the times for memory and arithmetic. In the roofline model they overlap, so the "
        "slower one alone decides.",
    ),
    Mistake(
        "slope_divided",
        _with(rate=lambda i, p, w: min(p, w / i) if i else p),
        "the slope is intensity times bandwidth: FLOPs per byte times bytes per second.",
    ),
    Mistake(
        "bandwidth_as_limit",
        _with(rate=lambda i, p, w: min(p, w)),
        "you compare FLOP/s with bytes/s. Multiply the bandwidth by the intensity first.",
    ),
    Mistake(
        "ridge_point_inverted",
        _with(ridge=_upside_down),
        "your ridge point is bandwidth / peak, in bytes per FLOP. It is peak / bandwidth, in "
        "FLOPs per byte.",
    ),
    Mistake(
        "limits_swapped",
        _with(limit=lambda i, p, w: _limit(i >= p / w)),
        "the two words are swapped. With few FLOPs per byte, memory is the limit.",
    ),
    *(
        Mistake(
            "fixed_threshold",
            _with(limit=lambda i, p, w, fixed=fixed: _limit(i < fixed)),
            "you compare the intensity with a fixed number. Each machine has its own ridge point.",
        )
        for fixed in (1, 2, 5, 10, 100)
    ),
    *(
        Mistake("wrong_comparison", _with(limit=compute), OTHER)
        for compute in (
            lambda i, p, w: _limit(i < w),
            lambda i, p, w: _limit(w < p),
            lambda i, p, w: _limit(i < p),
        )
    ),
    Mistake(
        "order_swapped",
        lambda i, p, w: (p / w, right(i, p, w)[0], right(i, p, w)[2]),
        "the order is wrong. Return the rate first, then the ridge point.",
    ),
    Mistake(
        "slope_divided",
        _with(rate=lambda i, p, w: min(p, i / w)),
        "the slope is intensity times bandwidth: FLOPs per byte times bytes per second.",
    ),
    Mistake(
        "ridge_point_inverted",
        _with(ridge=_upside_down, limit=lambda i, p, w: _limit(i < w / p)),
        "your ridge point is bandwidth / peak, in bytes per FLOP. It is peak / bandwidth, in "
        "FLOPs per byte.",
    ),
)


@check(lab=LAB, exercise="attainable", returns=(tuple, list))
def attainable(answer):
    """attainable(intensity, peak, bandwidth) -> rate, ridge, "memory" or "arithmetic"."""
    cases = [
        Case(
            (i, peak, bandwidth),
            dict(zip(NAMES, right(i, peak, bandwidth), strict=True)),
            f"intensity = {i:g}, peak = {show(peak, 'FLOP/s')}, bandwidth = "
            f"{show(bandwidth, 'bytes/s')}",
            ("memory", "arithmetic"),
        )
        for i, peak, bandwidth in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, UNITS)
