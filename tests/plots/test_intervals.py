"""Intervals say as much as the numbers allow, and no more."""

import re

import numpy as np

from grooves.plots.colours import SERIES
from grooves.plots.intervals import forest, in_words, interval, mean_curves


def test_an_interval_is_as_worked_by_hand():
    middle, low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776 * np.sqrt(2.5) / np.sqrt(5)
    assert middle == 3 and abs(high - 3 - half) < 1e-3 and abs(3 - low - half) < 1e-3


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        _, low, high = interval(rng.normal(1.0, 2.0, size=4))
        held += low < 1 < high
    assert abs(held / 600 - 0.95) < 0.035  # four standard errors; 1.96 for t would hold 0.86


def test_a_sentence_says_what_the_interval_allows():
    assert in_words("a", "b", [1.0, 1.1, 0.9]).startswith("a ahead of b: +1.0 points")
    assert in_words("a", "b", [-1.0, -1.1, -0.9]).startswith("a behind b: -1.0 points")
    assert in_words("a", "b", [1.0, -1.0, 0.5]).startswith("a and b cannot be told apart: +0.2")


def test_curves_show_means_names_and_axes():
    runs = np.array([[50.0, 60.0, 55.0], [80.0, 82.0, 81.0]])
    picture = mean_curves(
        (10, 1000), {"one way": runs, "another": runs + 0.1}, ("labels", "%"), "Two.", "Notice."
    )
    for text in ("one way", "another", ">10<", ">1,000<", "labels", "Notice."):
        assert text in picture.markup, text
    heights = r'y="([\d.]+)"[^>]*>%s<'
    places = {
        name: float(re.search(heights % name, picture.markup)[1]) for name in ("one way", "another")
    }
    assert abs(places["one way"] - places["another"]) > 11, "names of close lines overlap"
    same = mean_curves((10, 1000), {"another": runs}, ("labels", "%"), "One.", "Notice.", skip=1)
    assert SERIES[1] in same.markup and SERIES[0] not in same.markup


def test_a_band_of_ranges_reaches_from_the_least_to_the_greatest_run():
    """With two runs the interval is far wider than the range: the axis must not show it."""
    runs = np.array([[50.0, 60.0], [80.0, 82.0]])
    wide, narrow = (
        mean_curves((10, 1000), {"a way": runs}, ("labels", "%"), "One.", "Notice.", band=band)
        for band in ("interval", "range")
    )
    largest = [max(map(float, re.findall(r">(\d+)<", p.markup))) for p in (wide, narrow)]
    assert largest[0] > 100 > 82 >= largest[1]


def test_marks_of_a_forest_plot_are_filled_where_the_interval_excludes_zero():
    sure, unsure = [1.0, 1.1, 0.9], [1.0, -1.0, 0.5]
    marks = []
    for runs in (sure, unsure):
        picture = forest({"at 10 labels": {"augmented": runs}}, "points", "A.", "N.")
        assert ">augmented</text>" in picture.markup and ">at 10 labels</text>" in picture.markup
        marks.append(re.findall(r"<use [^>]*style=\"([^\"]*)\"", picture.markup))
    assert any("fill: #d55e00" in style for style in marks[0])
    assert not any("fill: #d55e00" in style for style in marks[1])


def test_single_results_are_drawn_beside_the_curves_with_their_names():
    runs = np.array([[50.0, 60.0], [80.0, 82.0]])
    points = {"named clusters": (10, 95.0)}
    plain, marked = (
        mean_curves((10, 1000), {"both": runs}, ("labels", "%"), "One.", "Notice.", points=these)
        for these in (None, points)
    )
    assert ">named clusters</text>" in marked.markup and "named clusters" not in plain.markup
