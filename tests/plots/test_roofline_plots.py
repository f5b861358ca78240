"""A picture of rooflines has its corner at the ridge and tells published from measured."""

import itertools
import re

import pytest

from grooves.plots import roofline_plots
from grooves.plots.roofline_plots import Roof


@pytest.fixture
def axes(monkeypatch):
    """The axes that were drawn on last."""
    kept = {}
    real = roofline_plots.figures.canvas

    def canvas(*size, **settings):
        kept["figure"], kept["axes"] = real(*size, **settings)
        return kept["figure"], kept["axes"]

    monkeypatch.setattr(roofline_plots.figures, "canvas", canvas)
    return kept


def test_a_roof_bends_at_its_ridge_and_only_a_published_one_is_dashed(axes):
    mine, theirs = Roof("mine", 100e9, 10e9), Roof("theirs", 1e12, 50e9, published=True)
    drawn = roofline_plots.draw([mine, theirs], [("product", 30.0, 60e9)], "words", "caption")
    first, second, point = axes["axes"].lines
    assert first.get_xdata()[1] == 10 and first.get_ydata()[1] == 100e9 == first.get_ydata()[2]
    assert first.get_ydata()[0] == first.get_xdata()[0] * 10e9
    assert (first.get_linestyle(), second.get_linestyle()) == ("-", "--")
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (30, 60e9)
    assert "theirs (published)" in drawn.markup and "mine (published)" not in drawn.markup
    assert (axes["axes"].get_xscale(), axes["axes"].get_yscale()) == ("log", "log")


def test_names_of_points_that_lie_close_stand_clear_of_each_other(axes):
    points = [("a step", 6.08, 14.7e9), ("64 digits", 6.74, 13.5e9), ("a third", 6.4, 14e9)]
    roofline_plots.draw([Roof("here", 1e11, 1e10)], points, "alt", "caption")
    names = [text for text in axes["axes"].texts if text.get_text() != "here"]
    boxes = [text.get_window_extent() for text in names]
    assert [text.get_text() for text in names] == [name for name, _, _ in points]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_each_curve_of_a_sweep_keeps_its_own_sizes_and_its_name(axes):
    drawn = roofline_plots.sweeps(
        {"near": ([1, 2], [3, 4]), "far": ([10, 20, 30], [3, 4, 4])},
        ("size", "rate"), "words", "caption", faint=("far",),
    )  # fmt: skip
    near, far = axes["axes"].lines
    assert list(near.get_xdata()) == [1, 2] and list(far.get_xdata()) == [10, 20, 30]
    assert far.get_linewidth() < near.get_linewidth()
    assert "near" in drawn.markup and "far" in drawn.markup


def test_a_picture_of_numbers_carries_its_words():
    seen = roofline_plots.shown([[[0.0, 0.5, 1.0]] * 2] * 2, "two by two", "caption")
    assert re.search(r'src="data:image/png;base64,\w+[^"]*" alt="two by two"', seen.markup)


def test_what_logarithms_cannot_show_is_refused():
    with pytest.raises(ValueError, match="needs at least one roof"):
        roofline_plots.draw([], [], "", "")
    with pytest.raises(ValueError, match="copy: intensity=0 and rate=1 must be positive"):
        roofline_plots.draw([Roof("mine", 1e9, 1e9)], [("copy", 0, 1)], "", "")
