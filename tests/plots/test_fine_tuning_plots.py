"""Pictures of fine-tuning: every run is a dot, and the curve goes through the means."""

import numpy as np

from grooves.plots import fine_tuning_plots

RUNS = {"LoRA": np.random.default_rng(0).random((4, 5, 2)), "full": np.full((3, 2, 2), 0.5)}


def test_a_frontier_shows_each_run_and_a_curve_of_means(drawn):
    fine_tuning_plots.frontier(RUNS, ("learned", "forgotten"), "alt", "caption")
    (axes,) = drawn[0].axes
    lines = [np.transpose(line.get_data()) for line in axes.lines]
    assert [len(line) for line in lines] == [20, 4, 6, 3]
    assert np.allclose(lines[1], RUNS["LoRA"].mean(1))


def test_each_condition_has_a_line_with_every_run_and_its_interval(drawn):
    fine_tuning_plots.every_run({"a": [1, 2, 3], "b": [4, 6]}, "gap", "alt", "caption")
    (axes,) = drawn[0].axes
    spans = [line.get_xdata() for line in axes.lines]
    assert list(spans[1]) == [1, 2, 3] and list(spans[3]) == [4, 6]
    assert spans[0][0] < 1 < 3 < spans[0][1]  # t for two degrees of freedom is 4.3
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first condition stands at the bottom"
