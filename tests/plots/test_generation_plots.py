"""Pictures of generation: all settings, all models, every mark where its number is."""

import numpy as np

from grooves.inference.calibration import Bin
from grooves.plots import generation_plots


def rows(*numbers):
    """A sweep of as many settings as there are triples."""
    keys = ("jensen_shannon", "accepted", "entropy")
    names = ["temperature 1", "top-k 5", "top-p 0.9"]
    return [{"setting": s} | dict(zip(keys, n, strict=True)) for s, n in zip(names, numbers)]  # noqa: B905


def test_each_setting_is_a_row_with_the_mean_of_its_runs_in_three_columns(drawn):
    runs = [rows((0.1, 0.5, 0.4), (0.2, 0.6, 0.3)), rows((0.3, 0.7, 0.4), (0.2, 0.8, 0.5))]
    picture = generation_plots.three_way({"base": runs}, 0.39, "caption")
    columns = drawn[0].axes
    marks = [axes.lines[0].get_xdata() for axes in columns]
    assert np.allclose(marks, [[0.2, 0.2], [0.6, 0.7], [0.4, 0.4]])
    assert list(columns[0].lines[0].get_ydata()) == [0, -1], "the first setting stands at the top"
    assert [t.get_text() for t in columns[0].get_yticklabels()] == ["T 1", "top-k 5"]
    assert "base, temperature 1: 0.10, 50%" in picture.words


def test_likely_stories_are_named_lines_beside_the_bars(drawn):
    picture = generation_plots.typical(np.arange(-45.0, -36), {"mode": -34.0, "beam": -35.5}, "c")
    (axes,) = drawn[0].axes
    assert [line.get_xdata()[0] for line in axes.lines] == [-34.0, -35.5]
    assert sum(bar.get_height() for bar in axes.patches) == 9
    assert "mode -34.0" in picture.words


def test_each_measure_has_a_panel_with_the_mean_of_the_runs(drawn):
    series = {"parser": [[0.2, 0.4], [0.4, 0.6]], "mean": [[0.1, 0.1], [0.1, 0.3]]}
    picture = generation_plots.two_panels([1, 4], {"accepted": series, "plots": series}, "n", "c")
    upper, lower = drawn[0].axes
    for axes in (upper, lower):
        assert np.allclose([line.get_ydata() for line in axes.lines], [[0.3, 0.5], [0.1, 0.2]])
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == (
        "accepted",
        "plots",
        "n",
    )
    assert "parser 0.50" in picture.words


def test_calibration_is_accuracy_over_confidence_beside_the_diagonal(drawn):
    bins = [Bin(0.0, 0.5, 10, 0.25, 0.5), Bin(0.5, 1.0, 30, 0.75, 0.8)]
    picture = generation_plots.reliability({"base": bins}, "caption")
    diagonal, line = drawn[0].axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert list(line.get_xdata()) == [0.25, 0.75] and list(line.get_ydata()) == [0.5, 0.8]
    assert "base by 0.25" in picture.words
