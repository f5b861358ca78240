"""Pictures of serving: every request in a slot of its own, every measure on its axis."""

import numpy as np
import pytest

from grooves.inference.latency import Timing
from grooves.inference.scheduler import Request
from grooves.plots import serving_plots


def served(name, *times_s):
    """A finished request that wrote its words at these times."""
    return Request(name, 0.0, [0], len(times_s), [1] * len(times_s), list(times_s))


def test_a_request_takes_a_slot_that_is_free():
    requests = [served("a", 1.0, 4.0), served("b", 1.0, 2.0), served("c", 3.0, 5.0)]
    bars = serving_plots.slots_of(requests, 2)
    assert bars == [(0, 1.0, 4.0, "a"), (1, 1.0, 2.0, "b"), (1, 3.0, 5.0, "c")]


def test_more_requests_at_once_than_slots_are_refused():
    requests = [served("a", 1.0, 4.0), served("b", 1.0, 2.0)]
    with pytest.raises(ValueError, match="n_slots=1"):
        serving_plots.slots_of(requests, 1)


def test_a_bar_lasts_from_the_first_word_to_the_last(drawn):
    runs = {"static": [served("a", 1.0, 4.0)], "continuous": [served("a", 1.0, 3.0)]}
    picture = serving_plots.timetable(runs, 2, "caption")
    spans = [
        [
            tuple(path.get_extents().intervalx)
            for bar in axes.collections
            for path in bar.get_paths()
        ]
        for axes in drawn[0].axes
    ]
    assert spans == [[(1.0, 4.0)], [(1.0, 3.0)]]
    assert "static batching ends after 4.00 s" in picture.words


def test_words_per_second_stand_above_the_time_of_a_step(drawn):
    picture = serving_plots.batching([1, 4], {"base": [0.002, 0.004]}, "caption")
    upper, lower = drawn[0].axes
    assert np.allclose(upper.lines[0].get_ydata(), [500, 1000])
    assert np.allclose(lower.lines[0].get_ydata(), [2, 4])
    assert "1,000 at 4" in picture.words


def test_a_gap_stands_where_its_word_was_written(drawn):
    picture = serving_plots.gaps({"whole": Timing(0.0, (0.1, 0.2, 0.5))}, "caption")
    (line,) = drawn[0].axes[0].lines
    assert np.allclose(line.get_xdata(), [0.2, 0.5])
    assert np.allclose(line.get_ydata(), [100, 300])
    assert "whole 300 ms" in picture.words
