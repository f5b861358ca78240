"""Measuring time without being fooled.

Key idea: the first call is not like the others, a call to a GPU returns before its work is done,
and a single measurement proves nothing. So: warm up, synchronise, repeat, and quote the median with
its spread. Chapters: 04, 09, 11.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    samples: tuple[float, ...] = ()  # of the later calls, in the order in which they ran

    @property
    def best_s(self) -> float:
        """The least sample: the run that others on the machine disturbed least."""
        return min(self.samples, default=self.median_s)

    def __str__(self) -> str:
        spread = f"{self.low_s * 1e3:.3g} and {self.high_s * 1e3:.3g}"
        return f"{self.median_s * 1e3:.3g} ms (half of {self.n} runs between {spread})"


def synchronize(place: torch.device | None = None) -> None:
    """Wait until a device has finished what it was given.

    place: the device; None is whichever this machine has. A CPU has always finished, and asking
    another device meanwhile would be counted in its time.
    """
    if torch.cuda.is_available() and (place is None or place.type == "cuda"):
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available() and (place is None or place.type == "mps"):
        torch.mps.synchronize()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within the block NumPy and PyTorch compute with one thread.

    A product that is shared out among threads waits for the slowest of them, so that on a busy
    machine large ones seem slow and small ones do not.
    """
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def processor_time() -> float:
    """Seconds that the processor has worked for this program, all its threads together.

    What other programs take is not counted, and neither is waiting, so it is no clock for a GPU.
    Where a system counts it too coarsely, this is the ordinary clock.
    """
    fine = time.get_clock_info("process_time").resolution < 1e-5
    return time.process_time() if fine else time.perf_counter()


def measure(
    function: Callable[[], object],
    min_s: float = 0.2,
    min_runs: int = 5,
    repeat: int = 1,
    place: torch.device | None = None,
    max_s: float = float("inf"),
    max_runs: float = float("inf"),
    clock: Callable[[], float] | None = None,
) -> Timing:
    """Time `function()` over and over, for at least `min_s` seconds and `min_runs` runs.

    The first call is kept apart: it pays for starting up.
    repeat: calls between two looks at the clock, for work that is short beside a look; a sample is
    then the mean of so many calls, which a device may queue. place: the device that works.
    max_s, max_runs: no further run begins once the runs have taken so long or are so many, and two
    of them are there. clock: in seconds; `processor_time` leaves out what other
    programs take, None is the ordinary one.
    Raises: ValueError where a number of runs or calls is too small.
    """
    if min_runs < 2 or repeat < 1:
        raise ValueError(f"{min_runs=} must be at least 2, and {repeat=} at least 1")

    now = clock or time.perf_counter

    def timed(calls: int) -> float:
        synchronize(place)
        started = now()
        for _ in range(calls):
            function()
        synchronize(place)
        return (now() - started) / calls

    samples = [timed(1)]
    while len(samples) < min_runs + 1 or sum(samples[1:]) * repeat < min_s:
        spent = sum(samples[1:]) * repeat
        if len(samples) > 2 and (spent >= max_s or len(samples) > max_runs):
            break
        samples.append(timed(repeat))
    low, _, high = quantiles(samples[1:], n=4)
    later = tuple(samples[1:])
    return Timing(samples[0], median(samples[1:]), low, high, len(later), later)


_COLD = """
import json, time
started = time.perf_counter()
import torch
imported = time.perf_counter()
from grooves import device
from grooves.hardware.timing import synchronize
asked = time.perf_counter()
a = torch.ones(1, 1, device=device())
synchronize()
woken = time.perf_counter()
a @ a
synchronize()
first = time.perf_counter()
for _ in range(1000):
    a @ a
    synchronize()
later = time.perf_counter()
print(json.dumps([imported - started, woken - asked, first - woken, (later - first) / 1000]))
"""


def cold_start() -> dict[str, float]:
    """Multiply two numbers in a Python of its own, where nothing has been started yet.

    Returns: seconds, in the order in which they pass: `import_s` of PyTorch, `wake_s` until the
    first number lies on `grooves.device()`, `first_s` of the first product, and `later_s`, the
    mean of a thousand more.
    """
    import json

    done = subprocess.run([sys.executable, "-c", _COLD], capture_output=True, text=True, check=True)
    names = ("import_s", "wake_s", "first_s", "later_s")
    return dict(zip(names, json.loads(done.stdout.splitlines()[-1]), strict=True))
