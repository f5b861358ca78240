"""How long memory keeps one waiting, and how much it brings to those who ask for much at once.

Key idea: a walk in which each step says where the next one goes has one load on its way at any
moment, so it waits the full latency each time. Many such walks side by side wait together. How many
loads are on their way is latency times bandwidth, Little's law, for Ferraris and trucks alike.
The host's memory only: on a GPU this takes a kernel of one's own. Chapter 11.
"""

from __future__ import annotations

import array

import numpy as np

from grooves.hardware.microbench import CPU, Measurement
from grooves.hardware.roofline import Operation
from grooves.hardware.timing import Timing, measure

LINE_BYTES = 64  # what a CPU fetches from memory at once; Apple's take 128
_HOW = {"min_s": 0.05, "min_runs": 20, "max_s": 1.0, "max_runs": 200, "place": CPU}


def ring(n_lines: int, seed: int = 0) -> np.ndarray:
    """A round trip through `n_lines` lines of memory in random order.

    Returns: int64 (8 n_lines,): at the beginning of each line stands where the next one begins.
    The order is random, so that no hardware can guess the next line and fetch it beforehand.
    """
    if n_lines < 2:
        raise ValueError(f"{n_lines=} must be at least 2 to walk from one to another")
    order = np.random.default_rng(seed).permutation(n_lines)
    words = LINE_BYTES // 8
    steps = np.zeros(n_lines * words, dtype=np.int64)
    steps[order * words] = np.roll(order, -1) * words
    return steps


def pointer_chase(n_lines: int, n_steps: int = 2_000, **how) -> Measurement:
    """Walk a `ring`: each load says where the next one goes, so only one is ever on its way.

    The samples are seconds a step, and Python's own work is in them: walk a ring that lies in the
    nearest cache to see how much that is. Samples are short, so that on a busy machine some of them
    are not interrupted.
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
    """Walk a `ring` from many places side by side: as many loads on their way as the CPU can hold.

    The samples are seconds a step of one walk.
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
