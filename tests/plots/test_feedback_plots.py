"""Pictures of learning from feedback: every run where its numbers are."""

import numpy as np

from grooves.plots import feedback_plots


def test_every_run_is_a_mark_beside_the_curve_of_the_best(drawn):
    runs = {"best of n": [(0.2, 0.4), (0.6, 0.6)], "DPO, offline": [(1.0, 0.5), (1.2, 0.7)]}
    picture = feedback_plots.frontier([(0, 0.3), (1, 0.9)], runs, "caption")
    (axes,) = drawn[0].axes
    found = [line.get_xydata().tolist() for line in axes.lines]
    assert found == [[[0, 0.3], [1, 0.9]], [[0.2, 0.4], [0.6, 0.6]], [[1.0, 0.5], [1.2, 0.7]]]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-", "None"]
    assert "DPO, offline 0.60 at 1.10" in picture.words


def test_each_measure_has_a_panel_with_the_mean_and_the_range_of_the_runs(drawn):
    series = {"IPO": [[0.2, 0.4, 0.9], [0.4, 0.6, 0.7]], "DPO": [[0.1, 0.1, 0.0]]}
    picture = feedback_plots.step_by_step([0, 10, 20], {"happy": series}, "step", "caption")
    (axes,) = drawn[0].axes
    assert np.allclose(axes.lines[0].get_ydata(), [0.3, 0.5, 0.8])
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.2, 0.9)
    assert "happy at 20: IPO 0.80, DPO 0.00" in picture.words


def test_each_way_has_a_mark_for_accepted_and_plots(drawn):
    points = {"start": [(0.04, 5.9)], "policy gradient": [(0.8, 1.2), (0.9, 1.0)]}
    picture = feedback_plots.accepted_and_varied(points, "caption")
    (axes,) = drawn[0].axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [
        [[0.04, 5.9]],
        [[0.8, 1.2], [0.9, 1.0]],
    ]
    assert "policy gradient 1.1 plots at 85%" in picture.words
