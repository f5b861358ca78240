"""Latencies: percentiles by their definition, goodput, Little's law and the M/M/1 formula."""

import math

import numpy as np
import pytest

from grooves.inference.latency import (
    Goal,
    Timing,
    mean_in_system,
    mm1_percentile,
    percentile,
    summarise,
)


@pytest.mark.parametrize("n", [1, 4, 20, 100, 137])
def test_a_percentile_is_the_nearest_rank(n):
    values = np.random.default_rng(n).exponential(size=n)
    for p in (1, 5, 50, 95, 99, 99.9, 100):
        expected = np.percentile(values, p, method="inverted_cdf")
        assert percentile(values.tolist(), p) == expected
    assert percentile([3, 1, 10, 2], 95) == 10 and percentile([3, 1, 10, 2], 50) == 2


def test_latencies_are_counted_from_the_arrival():
    timing = Timing(10.0, (10.5, 10.75, 12.0))
    assert (timing.first_token_s, timing.end_to_end_s) == (0.5, 2.0)
    assert timing.between_tokens_s == [0.25, 1.25]


def test_goodput_counts_requests_that_met_every_part_of_the_goal():
    timings = [
        Timing(0.0, (1.0, 2.0, 3.0)),
        Timing(1.0, (4.0, 4.5)),  # its first token comes late
        Timing(2.0, (2.5, 6.0, 6.5, 10.0)),  # its gaps are long
        Timing(3.0, (4.0,)),
    ]
    summary = summarise(timings, Goal(first_token_s=1.0, between_tokens_s=1.0))
    assert (summary.throughput_per_s, summary.goodput_per_s) == (0.4, 0.2)
    assert summary.tokens_per_s == 1.0
    assert summary.first_token_s == {50: 1.0, 95: 3.0, 99: 3.0}
    assert summary.between_tokens_s == {50: 1.0, 95: 3.5, 99: 3.5}
    assert summary.end_to_end_s[50] == 3.0
    assert summarise(timings, last_s=20.0).goodput_per_s == 0.2, "without a goal all are good"


def test_the_mean_number_in_the_system_is_integrated_over_events():
    # 1 from 0 to 1, 2 from 1 to 3, 1 from 3 to 4, none until 6, 1 from 6 to 8: 8 in 8 seconds
    assert mean_in_system([0, 1, 6], [4, 3, 8]) == 1.0
    rng = np.random.default_rng(4)
    arrivals = np.cumsum(rng.exponential(1, 500))
    departures = arrivals + rng.exponential(3, 500)
    times = departures.max() - arrivals[0]
    by_littles_law = 500 / times * (departures - arrivals).mean()
    measured = mean_in_system(arrivals.tolist(), departures.tolist())
    assert measured == pytest.approx(by_littles_law, rel=1e-12)


def test_the_mm1_percentile_is_that_of_the_exponential_distribution():
    assert mm1_percentile(0.0, 1.0, 50) == pytest.approx(math.log(2))
    assert mm1_percentile(8.0, 10.0, 99) == pytest.approx(-math.log(0.01) / 2)


def test_bad_requests_are_refused():
    for values, p in (([], 50), ([1], 0), ([1], 101)):
        with pytest.raises(ValueError, match="above 0 and at most 100"):
            percentile(values, p)
    with pytest.raises(ValueError, match="in order"):
        Timing(2.0, (1.0,))
    with pytest.raises(ValueError, match="served_per_s=1"):
        mm1_percentile(1, 1, 50)
    with pytest.raises(ValueError, match="nothing to summarise"):
        summarise([])
    with pytest.raises(ValueError, match="2 arrivals and 1 departures"):
        mean_in_system([1, 2], [3])
