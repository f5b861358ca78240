"""The latency of memory, and what it delivers when many loads are in flight.

Key idea: in pointer chasing each load returns the address of the next, so one load is in flight at
any moment and each takes the full latency. Many chains followed at once wait together. How many
loads are in flight is latency times bandwidth, by Little's law. Of the host's memory only: on a GPU
this needs a kernel of its own. Chapter 11.
"""

from __future__ import annotations

import array

import numpy as np

from grooves.hardware.microbench import CPU, Measurement
from grooves.hardware.roofline import Operation
from grooves.hardware.timing import Timing, measure

LINE_BYTES = 64  # a cache line of most CPUs; Apple's have 128
_HOW = {"min_s": 0.05, "min_runs": 20, "max_s": 1.0, "max_runs": 200, "place": CPU}


def ring(n_lines: int, seed: int = 0) -> np.ndarray:
    """A closed chain of pointers through `n_lines` cache lines in random order.

    Returns: int64 (8 n_lines,): each line begins with the index at which the next line begins.
    The order is random, so that no hardware can guess the next line and fetch it beforehand.
    """
    if n_lines < 2:
        raise ValueError(f"{n_lines=} must be at least 2, so that one can point to another")
    order = np.random.default_rng(seed).permutation(n_lines)
    words = LINE_BYTES // 8
    steps = np.zeros(n_lines * words, dtype=np.int64)
    steps[order * words] = np.roll(order, -1) * words
    return steps


def pointer_chase(n_lines: int, n_steps: int = 2_000, **how) -> Measurement:
    """Follow a `ring`: each load gives the address of the next, so only one is ever in flight.

    The samples are seconds per load and contain Python's own work, which a ring that fits into the
    nearest cache shows. Samples are short, so that on a busy machine some are not interrupted.
    """
    steps = array.array("q", ring(n_lines).tobytes())
    at = 0

    def walk():
        nonlocal at
        here = at
        for _ in range(n_steps):
            here = steps[here]
        at = here  # go on from here, in lines that were not touched for long

    timing = measure(walk, **(_HOW | how))
    return _a_step("chase", n_lines, timing, n_steps)


def scattered(n_lines: int, n_together: int = 8192, **how) -> Measurement:
    """Follow a `ring` from many places at once: as many loads in flight as the CPU can hold.

    The samples are seconds per load of one chain.
    """
    steps = ring(n_lines)
    starts = np.random.default_rng(1).integers(0, n_lines, n_together)
    at = starts * (LINE_BYTES // 8)

    def walk():
        nonlocal at
        for _ in range(8):
            at = steps.take(at)

    timing = measure(walk, **(_HOW | how))
    return _a_step("scattered", n_lines, timing, 8 * n_together)


def _a_step(kind: str, n_lines: int, timing: Timing, n: int) -> Measurement:
    """A measurement of n steps as one of a single step."""
    each = (timing.first_s, timing.median_s, timing.low_s, timing.high_s)
    samples = tuple(sample / n for sample in timing.samples)
    a_step = Timing(*(seconds / n for seconds in each), timing.n, samples)
    operation = Operation("one line", 0, LINE_BYTES)
    return Measurement(kind, n_lines * LINE_BYTES, "int64", "cpu", 1, operation, a_step)
