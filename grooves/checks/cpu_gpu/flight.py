"""Check of lab 11, fifth part: how much must be on its way (chapter 11).

Key idea: Little's law, in whole requests. One case divides without a rest, the others lie above
and below a half, so that every way of rounding shows.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge, seconds, show

# Latency, bandwidth, bytes a request: memory, a disk, a card, and a slow line that divides evenly.
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
        "not_whole",
        exactly,
        "a part of a request cannot be on its way. Take the next integer.",
    ),
    Mistake(
        "rounded_down",
        lambda *a: math.floor(exactly(*a)),
        "you round down, so the memory idles for a moment. Take the next integer above.",
    ),
    Mistake(
        "rounded_to_nearest",
        lambda *a: round(exactly(*a)),
        "you take the nearest integer, which may be too few. Take the next one above.",
    ),
    Mistake(
        "one_too_many",
        lambda *a: math.floor(exactly(*a)) + 1,
        "where it divides without a rest, no further request is needed.",
    ),
    Mistake(
        "bytes_for_requests",
        lambda t, w, b: t * w,
        "those are bytes. Each request brings bytes_each of them.",
    ),
    Mistake(
        "bytes_multiplied",
        lambda t, w, b: math.ceil(t * w * b),
        "you multiply by the bytes of a request. The more one brings, the fewer are needed.",
    ),
    *(
        Mistake(
            "one_request",
            compute,
            "your number before rounding is far below 1, whatever the memory. Is the latency taken "
            "for nanoseconds, or divided where it should multiply?",
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
        "you divide by the latency. The longer each one takes, the more must be in flight.",
    ),
    Mistake(
        "upside_down",
        lambda t, w, b: math.ceil(b / (t * w)),
        "that is upside down: bytes in flight, by the bytes of one request.",
    ),
    *(
        Mistake(
            "latency_rounded",
            lambda t, w, b, f=f: math.ceil(exactly(f(t * 1e9) / 1e9, w, b)),
            "you round the latency before you use it. Round once, at the end.",
        )
        for f in (math.ceil, round)
    ),
    *(
        Mistake(
            "nearly_up",
            lambda t, w, b, more=more: math.floor(exactly(t, w, b) + more),
            "a number that is a little above an integer is rounded down. Take the next integer "
            "above it, math.ceil of the number as it is.",
        )
        for more in (0.9, 0.95, 0.99, 0.999)
    ),
    Mistake(
        "nanoseconds",
        lambda t, w, b: math.ceil(exactly(1e9 * t, w, b)),
        "the latency is in seconds already.",
    ),
    Mistake(
        "bits",
        lambda t, w, b: math.ceil(8 * exactly(t, w, b)),
        "the bandwidth is in bytes a second, not in bits.",
    ),
    Mistake(
        "there_and_back",
        lambda t, w, b: math.ceil(2 * exactly(t, w, b)),
        "the latency is the whole wait, there and back: do not double it.",
    ),
)


@check(lab=LAB, exercise="in_flight")
def in_flight(answer):
    """in_flight(latency_s, bandwidth, bytes_each) -> least number of requests."""
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
