"""Pictures of scaling: dots where runs are, lines where laws are."""

import numpy as np

from grooves.plots import scaling_plots


def law(x):
    return 3 / np.asarray(x)


def test_a_law_is_solid_over_its_runs_and_dashed_beyond(drawn):
    series = {"known floor": (([1.0, 10.0], [3.1, 0.29]), law)}
    scaling_plots.laws(series, ("x", "y"), "alt", "caption", beyond=([100.0], [0.05]))
    dots, solid, dashed, later = drawn[0].axes[0].lines
    assert dots.get_xydata().tolist() == [[1.0, 3.1], [10.0, 0.29]]
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert solid.get_xdata()[-1] == dashed.get_xdata()[0] == 10 and dashed.get_xdata()[-1] > 100
    assert np.allclose(dashed.get_ydata(), law(dashed.get_xdata()))
    assert later.get_xydata().tolist() == [[100.0, 0.05]]
    assert drawn[0].axes[0].get_xscale() == drawn[0].axes[0].get_yscale() == "log"


def test_each_budget_is_a_curve_and_each_minimum_a_diamond(drawn):
    curves = {"small": ([1, 2, 4], [3, 2, 3]), "large": ([1, 2, 4], [2.5, 1.5, 1.4])}
    scaling_plots.budgets(curves, ([2, 3], [2, 1.3]), ("N", "gap"), "alt", "caption")
    *both, best = drawn[0].axes[0].lines
    assert [line.get_ydata().tolist() for line in both] == [[3, 2, 3], [2.5, 1.5, 1.4]]
    assert best.get_marker() == "D" and best.get_xydata().tolist() == [[2, 2], [3, 1.3]]


def test_surprise_is_averaged_over_neighbouring_ranks(drawn):
    by_rank = np.repeat([0.0, 2.0], [10, 90])
    scaling_plots.fame({"model": by_rank}, 2.77, "alt", "caption", bins=8)
    line, guess = drawn[0].axes[0].lines
    x, y = line.get_xdata(), line.get_ydata()
    assert (np.diff(y) >= 0).all() and y[0] == 0 and y[-1] == 2
    assert 1 <= x[0] < 2 and x[-1] <= 100 and guess.get_ydata()[0] == 2.77
    assert y[np.searchsorted(x, 5)] < 1 < y[np.searchsorted(x, 15)]
