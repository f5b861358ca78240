"""Measuring counts what it says: with a clock of our own, each figure is known beforehand."""

import time

import pytest
import torch

from grooves.hardware import timing
from grooves.hardware.timing import Timing, measure


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
    monkeypatch.setattr(timing, "synchronize", lambda place: waited.append(clock.calls))
    measure(clock.takes(1.0), min_s=0, min_runs=2)
    assert waited == [0, 1, 1, 2, 2, 3]


def test_a_timing_reads_as_a_median_with_its_spread():
    text = str(Timing(first_s=0.5, median_s=0.0123456, low_s=0.012, high_s=0.02, n=17))
    assert text == "12.3 ms (half of 17 runs between 12 and 20)"


def test_a_sample_of_many_calls_is_the_mean_of_them(clock):
    timing = measure(clock.takes(9.0, 1.0, 3.0, 1.0, 3.0), min_s=0, min_runs=2, repeat=2)
    assert timing.first_s == 9.0 and clock.calls == 5
    assert timing.samples == (2.0, 2.0)


def test_runs_end_at_the_longest_time_or_greatest_number_that_was_given(clock):
    assert measure(clock.takes(1.0), min_s=100, min_runs=50, max_s=7.0).n == 7
    assert measure(clock.takes(1.0), min_s=100, min_runs=50, max_runs=9).n == 9
    assert measure(clock.takes(1.0), min_s=100, min_runs=50, max_s=0.5).n == 2


def test_the_least_disturbed_run_is_known_and_no_later_call_is_lost(clock):
    timing = measure(clock.takes(0.5, 3.0, 1.0, 2.0), min_s=0, min_runs=3)
    assert timing.samples == (3.0, 1.0, 2.0) and timing.best_s == 1.0


def test_a_measurement_of_too_few_runs_is_refused():
    with pytest.raises(ValueError, match="min_runs=1 must be at least 2"):
        measure(lambda: None, min_runs=1)
    with pytest.raises(ValueError, match="repeat=0 at least 1"):
        measure(lambda: None, repeat=0)


def test_a_cpu_is_not_kept_waiting_for_another_device(monkeypatch):
    """Asking a graphics card whether it is done takes microseconds, and the CPU's are few."""
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: asked.append("cuda"))
    measure(lambda: None, min_s=0, min_runs=2, place=torch.device("cpu"))
    assert asked == []
    measure(lambda: None, min_s=0, min_runs=2, place=torch.device("cuda"))
    measure(lambda: None, min_s=0, min_runs=2)
    assert len(asked) == 12


def test_a_cold_start_says_what_each_of_its_parts_took():
    cold = timing.cold_start()
    assert list(cold) == ["import_s", "wake_s", "first_s", "later_s"]
    assert all(seconds > 0 for seconds in cold.values())
    assert cold["import_s"] > 100 * cold["later_s"]


def test_one_thread_is_all_that_works_within_the_block():
    from threadpoolctl import threadpool_info

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with timing.one_thread():
            assert torch.get_num_threads() == 1
            assert all(pool["num_threads"] == 1 for pool in threadpool_info())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_processor_time_leaves_out_waiting():
    """Half a second of sleep is no work, whatever else the machine does."""
    slept = timing.measure(lambda: time.sleep(0.1), 0, 2, clock=timing.processor_time)
    worked = timing.measure(lambda: sum(range(300_000)), 0, 2, clock=timing.processor_time)
    assert slept.best_s < 0.05 and worked.best_s > 5 * slept.best_s
    assert timing.measure(lambda: time.sleep(0.05), 0, 2).best_s > 0.04
