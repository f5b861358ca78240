"""Measuring time without being fooled.

Key idea: the first call is not like the others, a GPU answers before it has finished, and one
measurement is none. So: warm up, synchronize, repeat, and quote the median with its spread.
Chapters: 04, 09, 11.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

import torch


@dataclass(frozen=True)
class Timing:
    """Seconds of the first call, and of the later ones: median and quartiles."""

    first_s: float
    median_s: float
    low_s: float
    high_s: float
    n: int

    def __str__(self) -> str:
        spread = f"{self.low_s * 1e3:.3g} and {self.high_s * 1e3:.3g}"
        return f"{self.median_s * 1e3:.3g} ms (half of {self.n} runs between {spread})"


def synchronize() -> None:
    """Wait until the device has finished what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def measure(function: Callable[[], object], min_s: float = 0.2, min_runs: int = 5) -> Timing:
    """Time `function()` over and over, for at least `min_s` seconds and `min_runs` runs.

    The first call is kept apart: it pays for starting up.
    """
    samples = []
    while len(samples) < min_runs + 1 or sum(samples[1:]) < min_s:
        synchronize()
        started = time.perf_counter()
        function()
        synchronize()
        samples.append(time.perf_counter() - started)
    low, _, high = quantiles(samples[1:], n=4)
    return Timing(samples[0], median(samples[1:]), low, high, len(samples) - 1)
