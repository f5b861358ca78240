"""Measuring counts what it says: with a clock of our own, each figure is known beforehand."""

import pytest

from grooves import timing
from grooves.timing import Timing, measure


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the measured function moves."""

    class Clock:
        now = 100.0

        def takes(self, *durations):
            """A function that takes these seconds, call by call, then the last for ever."""
            left = list(durations)

            def function():
                self.calls += 1
                self.now += left.pop(0) if len(left) > 1 else left[0]

            return function

        calls = 0

    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    return clock


def test_the_first_call_is_kept_apart(clock):
    timing = measure(clock.takes(9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 3.0), min_s=0, min_runs=5)
    assert timing.first_s == 9.0
    assert timing.n == 5
    assert timing.median_s == 3.0
    assert timing.low_s <= 2.0 <= timing.median_s <= 4.0 <= timing.high_s


def test_short_functions_are_repeated_until_the_time_is_up(clock):
    assert measure(clock.takes(50.0, 0.25), min_s=3.0, min_runs=5).n == 12
    assert measure(clock.takes(50.0, 1.0), min_s=3.0, min_runs=5).n == 5


def test_one_slow_run_does_not_move_the_median(clock):
    timing = measure(clock.takes(1.0, 1.0, 1.0, 500.0, 1.0), min_s=0, min_runs=7)
    assert timing.median_s == 1.0


def test_the_device_has_finished_before_each_look_at_the_clock(clock, monkeypatch):
    """Without waiting, a GPU's work would be counted in somebody else's time."""
    waited = []
    monkeypatch.setattr(timing, "synchronize", lambda: waited.append(clock.calls))
    measure(clock.takes(1.0), min_s=0, min_runs=2)
    assert waited == [0, 1, 1, 2, 2, 3]


def test_a_timing_reads_as_a_median_with_its_spread():
    text = str(Timing(first_s=0.5, median_s=0.0123456, low_s=0.012, high_s=0.02, n=17))
    assert text == "12.3 ms (half of 17 runs between 12 and 20)"
