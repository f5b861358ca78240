"""Pictures of a choice: costs in thousands, bars from the usual outcome, a cell per winner."""

import pytest

from grooves.plots import choosing_plots


def test_total_costs_are_drawn_in_thousands(drawn):
    choosing_plots.over_time([0, 1], {"rent": [0, 5000], "buy": [9000, 9500]}, "alt", "caption")
    lines = [line.get_xydata().tolist() for line in drawn[0].axes[0].lines]
    assert lines == [[[0, 0], [1, 5]], [[0, 9], [1, 9.5]]]


def test_a_bar_goes_from_the_usual_outcome_to_the_one_at_its_end(drawn):
    rows = [{"name": "price", "at_low": 9000.0, "at_high": -2000.0}]
    choosing_plots.tornado(rows, {"price": "Price"}, 4000.0, "alt", "caption")
    bars = drawn[0].axes[0].patches
    ends = sorted(bar.get_x() + bar.get_width() for bar in bars)
    assert [bar.get_x() for bar in bars] == [4, 4] and ends == [-2, 9]


def test_each_point_of_the_map_is_a_cell_of_its_winner(drawn):
    found = [["a", "b", ""], ["a", "a", "b"]]
    choosing_plots.winner_map([1, 10, 100], [1, 100], found, ("x", "y"), "alt", "caption")
    cells = {}
    for patch in drawn[0].axes[0].collections:
        box = patch.get_paths()[0].get_extents()
        cells[box.x0, box.y0] = box.x1, box.y1, tuple(patch.get_facecolor()[0])
    assert len(cells) == 5
    start = cells[1, 1]
    assert start[:2] == (pytest.approx(10**0.5), pytest.approx(10))
    assert len({one[2] for one in cells.values()}) == 2
