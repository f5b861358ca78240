"""Pictures of a chip without caches: bars where operations run, paths that add up, a tail."""

import numpy as np
import pytest

from grooves.plots import dataflow_plots, figures

ROWS = [
    {"unit": "vector 1", "start": 20, "end": 24, "name": "relu", "inputs": ["W"]},
    {"unit": "memory 0", "start": 0, "end": 5, "name": "x", "inputs": []},
    {"unit": "matrix 0", "start": 10, "end": 42, "name": "W", "inputs": ["x"]},
    {"unit": "vector 0", "start": 10, "end": 14, "name": "square", "inputs": ["x"]},
]


def spans(axes):
    """(row from the top, first cycle, last cycle) of every bar, with its colour."""
    found = {}
    for bar in axes.collections:
        (path,) = bar.get_paths()
        (left, right), (low, high) = path.get_extents().intervalx, path.get_extents().intervaly
        colour = tuple(np.round(bar.get_facecolor()[0][:3], 2))
        found[-round((low + high) / 2), left, right] = colour
    return found


@pytest.mark.parametrize("named, vectors", [(False, (2, 2)), (True, (2, 3))])
def test_an_operation_is_a_bar_in_the_row_of_its_unit(drawn, named, vectors):
    dataflow_plots.timetable(ROWS, {"x", "W"}, "alt", "caption", named)
    (axes,) = drawn[0].axes
    places = set(spans(axes))
    assert {(0, 0.0, 5.0), (1, 10.0, 42.0)} <= places
    assert {(vectors[0], 10.0, 14.0), (vectors[1], 20.0, 24.0)} <= places


def test_the_critical_path_has_the_colour_of_the_chip(drawn):
    dataflow_plots.timetable(ROWS, {"x", "W"}, "alt", "caption")
    colours = {span[1:]: colour for span, colour in spans(drawn[0].axes[0]).items()}
    assert colours[0.0, 5.0] == colours[10.0, 42.0] != colours[20.0, 24.0]


def test_the_parts_of_a_path_lie_end_to_end_and_its_sum_is_written_beside_it(drawn):
    steps = {"long": {"matrix": 64, "travel": 28, "vector": 8}, "short": {"matrix": 32}}
    dataflow_plots.paths(steps, "alt", "caption")
    (axes,) = drawn[0].axes
    ends = {}
    for bar in axes.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        ends[row] = max(ends.get(row, 0), bar.get_x() + bar.get_width())
    assert ends == {0: 100, -1: 32}
    assert {text.get_text().strip() for text in axes.texts} == {"100", "32"}


def test_a_tail_falls_to_the_slowest_word(drawn):
    relative = np.array([1.0, 4.0, 1.0, 2.0])
    dataflow_plots.tails({"static schedule": np.ones(4), "cache": relative}, "alt", "caption")
    axes = drawn[0].axes[0]
    static, cache = (line.get_xydata() for line in axes.lines)
    assert (static[:, 0] == 1).all()
    assert cache[-1].tolist() == [4.0, 0.25] and cache[0].tolist() == [1.0, 1.0]
    assert axes.lines[0].get_color() == figures.BLUE
