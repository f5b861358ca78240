"""Failures of large clusters, and checkpoints."""

import math

import pytest

from grooves.hardware.many_devices import failures, published_runs


def test_devices_that_fail_alone_fail_often_together():
    hours = failures.device_hours(
        published_runs.LLAMA_3_DEVICES,
        published_runs.LLAMA_3_DAYS,
        published_runs.LLAMA_3_FAILURES,
    )
    assert failures.mean_seconds_between(16_384, hours) / 3600 == pytest.approx(54 * 24 / 419)
    assert hours / 24 / 365 == pytest.approx(5.8, abs=0.05)  # years
    assert failures.mean_seconds_between(100_000, hours) / 60 == pytest.approx(30.4, abs=0.1)


def test_youngs_interval_is_the_root_of_twice_the_product():
    assert failures.young(50, 10_000) == pytest.approx(1000)


def test_dalys_interval_is_nearly_the_best_and_youngs_is_too_long():
    for save in (1, 60, 600):
        best = failures.best_interval(save, 300, 7200)
        assert failures.daly(save, 7200) == pytest.approx(best, rel=0.01)
        assert failures.young(save, 7200) > best
    assert failures.daly(600, 300) == 300


def test_a_simulated_run_keeps_as_much_as_the_formula_says():
    for interval, save, restart, failure in ((900, 30, 120, 7200), (400, 60, 300, 1800)):
        expected = failures.goodput(interval, save, restart, failure)
        found = failures.simulate(interval, save, restart, failure, intervals=20_000)
        assert found == pytest.approx(expected, rel=0.015)
        # a formula without the work that is lost, or without restarts, would be far off
        assert abs(interval / (interval + save) - expected) > 0.05


def test_goodput_has_its_limits():
    assert failures.goodput(100, 10, 0, 1e12) == pytest.approx(100 / 110)
    assert failures.goodput(1e6, 1, 0, 1) == 0
    with pytest.raises(ValueError, match="save more often"):
        failures.simulate(1e6, 1, 0, 1)
    with pytest.raises(ValueError, match="save_s=0"):
        failures.young(0, 1)


def test_the_best_interval_is_flat():
    """A third too long or too short costs almost nothing, so estimates are good enough."""
    best = failures.best_interval(60, 300, 11_000)
    top = failures.goodput(best, 60, 300, 11_000)
    for factor in (2 / 3, 4 / 3):
        assert 0.99 < failures.goodput(factor * best, 60, 300, 11_000) / top < 1
    assert failures.goodput(best / 10, 60, 300, 11_000) < 0.8 * top
    assert math.isclose(best, failures.daly(60, 11_000), rel_tol=0.01)
