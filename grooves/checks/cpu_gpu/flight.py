"""Check of lab 11, fifth part: requests in flight (chapter 11).

Key idea: Little's law, in whole requests. Some cases divide without a remainder, the others lie
above and below a half, so that every way of rounding shows.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge, seconds, show

# Latency, bandwidth, bytes per request: memory, a disk, a GPU, and a slow link without a remainder.
CASES = (
    (100e-9, 20.3e9, 64),
    (80e-6, 3.5e9, 4096),
    (480e-9, 3.35e12, 128),
    (0.5, 16384.0, 64),
    (1.7e-9, 650e9, 16),
    (250e-9, 18.6882e9, 64),  # 73.0008 requests
    (1e-9, 1e9, 48),
    (0.5, 16256.0, 64),  # 127 requests: odd, so that half more is no nearer
    (0.5, 128.0, 64),
    (0.5, 320.0, 64),  # 2.5
    (2, 100, 64),  # integers, 3.125
    (0.25, 64.0 * 4 * 19_001, 64),
)


def exactly(latency_s: float, bandwidth: float, bytes_each: float) -> float:
    """Requests in flight, not rounded."""
    return latency_s * bandwidth / bytes_each


MISTAKES = (
    Mistake(
        "not_rounded",
        exactly,
        "that is not an integer. A fraction of a request cannot be in flight, so round up.",
    ),
    Mistake(
        "rounded_down",
        lambda *a: math.floor(exactly(*a)),
        "you round down, so the memory is idle part of the time. Round up.",
    ),
    Mistake(
        "rounded_to_nearest",
        lambda *a: round(exactly(*a)),
        "you round to the nearest integer, which may be too few. Round up.",
    ),
    Mistake(
        "one_too_many",
        lambda *a: math.floor(exactly(*a)) + 1,
        "you return one request too many where the division leaves no remainder.",
    ),
    Mistake(
        "bytes_returned",
        lambda t, w, b: t * w,
        "those are bytes. Each request transfers bytes_each of them.",
    ),
    Mistake(
        "bytes_multiplied",
        lambda t, w, b: math.ceil(t * w * b),
        "you multiply by the bytes per request. The larger a request, the fewer are needed, so "
        "divide.",
    ),
    *(
        Mistake(
            "at_most_one",
            compute,
            "your result is at most 1, whatever the memory. Do you treat the latency as "
            "nanoseconds, or divide where you should multiply?",
        )
        for compute in (
            lambda t, w, b: 1,
            lambda t, w, b: 0,
            lambda t, w, b: math.ceil(t * w * 1e-9 / b),
            lambda t, w, b: t / w,
        )
    ),
    Mistake(
        "latency_divided",
        lambda t, w, b: math.ceil(w / t / b),
        "you divide by the latency. The longer the latency, the more requests must be in flight, "
        "so multiply.",
    ),
    Mistake(
        "inverted",
        lambda t, w, b: math.ceil(b / (t * w)),
        "the fraction is inverted. Divide the bytes in flight by the bytes per request.",
    ),
    Mistake(
        "nanoseconds",
        lambda t, w, b: math.ceil(exactly(1e9 * t, w, b)),
        "you convert the latency from nanoseconds. It is in seconds already.",
    ),
    Mistake(
        "latency_doubled",
        lambda t, w, b: math.ceil(2 * exactly(t, w, b)),
        "you double the latency. It covers the round trip already.",
    ),
)


@check(lab=LAB, exercise="in_flight")
def in_flight(answer):
    """in_flight(latency_s, bandwidth, bytes_each) -> smallest number of requests."""
    cases = [
        Case(
            inputs,
            {"requests": math.ceil(exactly(*inputs))},
            f"latency_s = {seconds(inputs[0])}, bandwidth = {show(inputs[1], 'bytes/s')}, "
            f"bytes_each = {inputs[2]}",
        )
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES)
