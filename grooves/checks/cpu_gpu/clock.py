"""Check of lab 11, first part: a reliable timer (chapter 11).

Key idea: nothing here depends on how fast this machine is. The timer is given a clock, a work
function and a synchronise function of a simulated device, which works asynchronously, is slow at
first, and has outliers. What the timer did is recorded: W for a call of work, S for one of
synchronize, C for a reading of the clock.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from grooves.checks import CheckFailed, check
from grooves.checks.compare import written_by_hand
from grooves.checks.cpu_gpu.rules import LAB, figure, same, seconds

NEAR = 0.015  # ordinary runs differ by one per cent

# Later runs, relative to a typical one: some are near 1, some slower, some faster. Of the first
# nine the first, the middle and the last one mislead, and so do the three smallest.
LATER = (3.0, 0.55, 0.998, 9.0, 0.6, 1.01, 0.7, 0.992, 5.0, 1.002, 6.0, 0.65, 1.003)
# First, middle and last are neither least, greatest, nor next to the middle one by size.
UNWARMED = (5.0, 0.8, 1.0, 9.0, 0.6, 0.5, 1.2, 0.7, 3.0)
FEW = (1.01, 7.0, 0.5, 0.99, 1.0)
STEADY = (1.0, 1.004, 0.996)
BUSY = "a GPU that is still busy with earlier work"
# A set keeps one of each, and its median, 5, is not the middle one in time.
EQUAL = (1.0, 3.0, 1.0, 1.0, 6.0, 1.0, 4.0, 1.0, 5.0, 1.0, 7.0, 1.0, 8.0)


@dataclass
class Simulated:
    """A device that executes calls: seconds to enqueue one, and to execute each.

    `queues`: a call returns before the work is done. The first calls are slow.
    """

    kind: str
    warm_ups: int
    runs: int
    ordinary_s: float
    launch_s: float
    later: tuple[float, ...]
    queues: bool = True
    begins_s: float = 1024.0  # the clock's first reading
    busy_s: float = 0.0  # how long earlier work still takes
    log: str = ""  # what was done, a letter each
    took_s: list[float] = field(default_factory=list)  # of each call of the work

    @property
    def given(self) -> str:
        return f"{self.kind}, warm_ups = {self.warm_ups} and runs = {self.runs}"

    def start(self) -> tuple[Callable, Callable, Callable]:
        """work(), synchronize() and clock(), as the timer gets them.

        They call nothing of the course's, so an answer that does is seen by its calls.
        """
        now = self.begins_s  # the clock's time
        free = now + self.busy_s  # when the device will be done
        slow = [(40 - 20 * i / self.warm_ups) * self.ordinary_s for i in range(self.warm_ups)]
        ahead = itertools.chain(slow, itertools.cycle([f * self.ordinary_s for f in self.later]))

        def work():
            nonlocal now, free
            self.log += "W"
            self.took_s.append(next(ahead))
            now += self.launch_s
            free = max(now, free) + self.took_s[-1]
            if not self.queues:
                now = free

        def synchronize():
            nonlocal now
            self.log += "S"
            now = max(now, free)

        def clock():
            self.log += "C"
            return now

        return work, synchronize, clock


def devices() -> tuple[Simulated, ...]:
    """The devices on which a timer is examined, each fresh."""
    return (
        Simulated("a GPU that queues its work", 6, 9, 2e-3, 12e-6, LATER),
        Simulated("a CPU that queues nothing", 1, 4, 0.73e-6, 0.0, FEW, queues=False),
        Simulated("a GPU that queues its work", 3, 1, 0.4e-3, 4e-6, STEADY),
        # more of both than before; powers of two, so that equal runs are equal on the clock
        Simulated("a GPU that queues its work", 8, 13, 2.0**-10, 2.0**-16, EQUAL),
        Simulated("a GPU that queues its work", 131, 271, 3e-3, 9e-6, LATER, begins_s=0.0),
        Simulated("a CPU that queues nothing", 0, 9, 2e-3, 0.0, UNWARMED, False, 0.0),
        Simulated(BUSY, 0, 1, 1e-3, 5e-6, STEADY, busy_s=0.5),
        Simulated(BUSY, 2, 5, 1e-3, 5e-6, FEW, busy_s=9.0),
    )


@check(lab=LAB, exercise="median_time")
def median_time(answer):
    """median_time(work, synchronize, clock, warm_ups, runs) -> seconds of a typical run."""
    for device in devices():
        work, synchronize, clock = device.start()
        got = written_by_hand(answer, work, synchronize, clock, device.warm_ups, device.runs)
        _judge(figure(got, device.given), device)
    return "Cold starts, unfinished work and outliers do not affect it."


def _judge(got: float, device: Simulated) -> None:
    needed = device.warm_ups + device.runs
    if "W" not in device.log or "C" not in device.log:
        raise CheckFailed(
            f"for {device.given}, your result was computed without "
            + ("calling work()." if "W" not in device.log else "calling the clock() you got.")
            + " Call the three functions that are passed, and no others.",
            hint="nothing_called" if "W" not in device.log else "other_clock",
        )
    later = [device.launch_s + s for s in device.took_s[device.warm_ups :]]
    expected = statistics.median(later) if later else device.ordinary_s + device.launch_s
    right = same(got, expected, NEAR)
    if right and len(device.took_s) == needed:
        return
    called = (
        f"you called work() {len(device.took_s)}, synchronize() {device.log.count('S')} and "
        f"clock() {device.log.count('C')} times"
    )
    if len(device.took_s) > needed:
        raise CheckFailed(
            f"for {device.given}, your result comes from too many calls: {called}. work() is "
            f"called {needed} times, {device.warm_ups} to warm up and {device.runs} to be timed.",
            hint="called_too_often",
        )
    if len(device.took_s) < needed:
        told = f"{seconds(got)}, from too few calls ({called}); work() is called {needed} times."
    else:
        told = f"{seconds(got)}, expected {seconds(expected)} ({called})."
    name, says = _why(got, device)
    raise CheckFailed(
        f"for {device.given}, your result is {told}\nLikely mistake: {says}", hint=name
    )


def _why(got: float, device: Simulated) -> tuple[str, str]:
    """The likely mistake: from what was done and from what came out."""
    log, launch = device.log, device.launch_s
    samples = [launch + s for s in device.took_s]
    timed = samples[-device.runs :]
    n_before = log.index("C") if "C" in log else len(log)
    warmed = log[:n_before].count("W")
    if device.queues and got < 2 * launch and got > 0:
        return _not_awaited(log)
    behind = samples[device.warm_ups :]
    dropped = bool(behind) and same(got, statistics.median(behind), NEAR)
    if warmed == 0 and len(samples) < device.warm_ups + device.runs and not dropped:
        return "cold_start", (
            "the slow first calls are among your runs. Call work() `warm_ups` times before you "
            "start to time."
        )
    if len(samples) < device.warm_ups + device.runs:
        return "too_few_calls", (
            f"you warm up {warmed} time(s) and time {len(samples) - warmed} run(s). There should "
            f"be {device.warm_ups} and {device.runs}."
        )
    n = len(timed)
    value_mistakes = (
        ("total", sum(timed), "that is the time of all runs together. Return that of one run."),
        (
            "cold_runs_kept",
            statistics.median(samples),
            "the warm-ups are among the samples whose median you take.",
        ),
        (
            "unsorted",
            timed[n // 2],
            "that is the middle sample in the order of the runs. Sort the samples first: the "
            "median is the middle one by size.",
        ),
        ("minimum", min(timed), "that is the fastest run. Return the median."),
    )
    if device.runs > 1:
        for name, value, says in value_mistakes:
            if same(got, value, 1e-3) and (name == "cold_runs_kept") <= (warmed == 0):
                return name, says
        between = log[log.index("C") : log.rindex("C")].count("W")
        if log.count("C") == 2 and between == device.runs:
            return "timed_together", (
                "you read the clock only before and after all runs, so you know only their sum, "
                "outliers included. Read it before and after each run, and take the median."
            )
        if same(got, statistics.mean(timed), 1e-3):
            return "mean", "that is the mean, which is sensitive to outliers. Return the median."
    first = log[:n_before].rfind("W")
    if device.queues and "S" not in log[max(first, 0) : n_before]:
        return "warm_ups_unfinished", (
            f"{'the warm-ups are' if warmed else 'earlier work is'} still running when you first "
            "read the clock, and your run waits for that. Call synchronize() before you start to "
            "time."
        )
    return "unrecognised", (
        "none of the usual ones. Write down what happens between two readings of the clock."
    )


def _not_awaited(log: str) -> tuple[str, str]:
    """Which missing synchronisation leaves only the time to enqueue the work."""
    if "S" not in log:
        return "never_synchronised", (
            "the call returns before the work is done, so you measure how long it takes to "
            "enqueue it. Call synchronize(), with parentheses, before you read the clock again."
        )
    timed = log[log.index("C") :]
    if timed.count("S") <= 1 < timed.count("W"):
        return "synchronised_once", (
            "you synchronise once for all runs, so you read the clock too early in most of them. "
            "Synchronise in each run."
        )
    return "synchronised_outside", (
        "you synchronise between the runs, not within them, so you read the clock while the "
        "device is still working. Call synchronize() after work() and before you read the clock."
    )
