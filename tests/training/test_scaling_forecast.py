"""Forecasts of a run's time: from its own first part, and calibrated on earlier runs."""

import numpy as np
import pytest

from grooves.training.scaling import forecast


def test_an_even_run_is_forecast_exactly_from_any_part():
    seconds = [0.5 * (i + 1) for i in range(100)]
    for fraction in (0.01, 0.05, 0.2, 1):
        assert forecast.total_seconds(seconds, fraction) == pytest.approx(50)
    assert forecast.own_interval(seconds, 0.05) == pytest.approx((50, 50))


def test_only_the_first_part_is_looked_at():
    slow_later = [*np.arange(1, 21), *(20 + 10 * np.arange(1, 81))]
    assert forecast.total_seconds(slow_later, 0.2) == pytest.approx(100)
    low, high = forecast.own_interval(slow_later, 0.2)
    assert low <= 100 <= high < slow_later[-1] / 5


def test_the_own_interval_is_right_where_stretches_are_independent():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        seconds = np.cumsum(rng.normal(1, 0.1, 50))
        low, high = forecast.own_interval(seconds, 0.2)
        inside += low <= seconds[-1] <= high
    assert 0.72 < inside / 400 < 0.86


def test_calibrated_intervals_cover_what_they_promise_whatever_the_errors():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(400):
        *earlier, new = np.exp(rng.standard_t(2, 25))  # heavy tails
        low, high = forecast.calibrated(earlier)
        inside += low <= new <= high
    assert 0.74 < inside / 400 < 0.86
    assert forecast.calibrated(list(range(1, 10)), 0.8) == (1, 9)
    assert forecast.calibrated(list(range(1, 20)), 0.8) == (2, 18)


def test_coverage_leaves_each_run_out_of_its_own_interval():
    assert forecast.coverage([1.0] * 20) == 1
    spread = list(np.linspace(0.5, 1.5, 40))
    assert 0.7 < forecast.coverage(spread) < 0.9
    assert forecast.coverage([*spread, 99.0]) < 1


def test_forecasts_that_cannot_be_made_are_refused():
    with pytest.raises(ValueError, match=r"fraction=0\.01 of 40 stretches holds none"):
        forecast.total_seconds(list(range(1, 41)), 0.01)
    with pytest.raises(ValueError, match="no scatter yet"):
        forecast.own_interval(list(range(1, 101)), 0.01)
    with pytest.raises(ValueError, match="5 earlier runs are too few for 80%: take at least 9"):
        forecast.calibrated([1.0] * 5)
    with pytest.raises(ValueError, match="level=2 must be between 0 and 1"):
        forecast.calibrated([1.0] * 50, level=2)
