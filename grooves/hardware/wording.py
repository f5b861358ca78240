"""Sentences that a measurement chooses, so that a text cannot contradict its figure.

Key idea: a machine may be busy, or of a kind that nobody thought of. A sentence about a measured
time is therefore not written before the time is known: what holds by a clear margin is said, and
otherwise that it does not. Chapters: 01, 02, 03, 04, 11, 12.
"""

from __future__ import annotations

import math

CLEAR = 1.5  # a ratio nearer to 1 is not called a difference


def by_ratio(ratio: float, more: str, alike: str, less: str, margin: float = CLEAR) -> str:
    """The sentence that a measured ratio of two times or rates allows.

    more: said where the ratio is above the margin; less: where it is below its inverse; alike:
    in between.
    Raises: ValueError where the ratio is no positive number or the margin is below 1.
    """
    if not 0 < ratio < math.inf or margin < 1:
        raise ValueError(f"{ratio=} must be positive and {margin=} at least 1")
    return more if ratio > margin else less if ratio < 1 / margin else alike


def two_digits(number: float) -> str:
    """A number with the two digits that count: 0.031, 0.40, 7.2, 130."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    digits = 1 - math.floor(math.log10(abs(number)))
    rounded = round(number, digits)
    return f"{rounded:,.{max(0, digits)}f}" if rounded < 10 else f"{rounded:,.0f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them: "2.3 hours", "41 seconds", "7.5 milliseconds".

    Raises: ValueError where the seconds are negative.
    """
    if seconds < 0:
        raise ValueError(f"{seconds=} must not be negative")
    for unit, size in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * size:
            return f"{two_digits(seconds / size)} {unit}"
    for unit, size in (("minutes", 60), ("seconds", 1), ("milliseconds", 1e-3)):
        if seconds >= 1.5 * size:
            return f"{two_digits(seconds / size)} {unit}"
    return f"{two_digits(seconds / 1e-6)} microseconds"
