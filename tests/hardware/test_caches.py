"""The simulators count what can be counted by hand, and tiles save what the formula says."""

import pytest

from grooves.hardware import caches
from grooves.hardware.tiling import product_traffic


def test_a_line_is_fetched_once_and_again_when_it_was_pushed_out():
    assert caches.lines_fetched([0, 1, 7, 8, 0], n_lines=2) == 2  # 8 numbers to a line
    assert caches.lines_fetched([0, 8, 16, 0], n_lines=2) == 4  # the oldest made room
    assert caches.lines_fetched([0, 8, 0, 16, 0], n_lines=2) == 3  # it was used last, so it stays
    assert caches.lines_fetched([0, 1, 2, 3], n_lines=1, line_values=1) == 4


def test_every_order_does_the_same_multiplications():
    asked = [sorted(zip(*[iter(caches.product_visits(6, order, tile))] * 3, strict=True))
             for order, tile in (("ijk", 1), ("ikj", 1), ("tiled", 3))]  # fmt: skip
    assert asked[0] == asked[1] == asked[2] and len(asked[0]) == len(set(asked[0])) == 6**3


@pytest.mark.parametrize("tile", [4, 8])
def test_a_simulated_cache_moves_what_the_formula_of_tiling_says(tile):
    """Three tiles fit, whole matrices do not; a line is one number, so lines are numbers."""
    n = 24
    fetched = caches.lines_fetched(caches.product_visits(n, "tiled", tile), 4 * tile**2, 1)
    assert fetched == pytest.approx(product_traffic(n, tile, tile), rel=0.02)
    whole = caches.lines_fetched(caches.product_visits(n, "ijk"), 4 * tile**2, 1)
    assert whole >= 2 * fetched


def test_the_order_of_the_loops_decides_how_many_lines_move():
    visits = {order: caches.product_visits(32, order) for order in ("ijk", "ikj")}
    moved = {order: caches.lines_fetched(steps, n_lines=24) for order, steps in visits.items()}
    assert moved["ijk"] > 0.9 * 32**3  # each step down a column meets another line
    assert moved["ikj"] == pytest.approx(32**3 / 8, rel=0.1)  # a line serves eight steps


def test_a_warp_touches_the_fewest_sectors_where_neighbours_load_neighbours():
    assert [caches.sectors(stride) for stride in (0, 1, 2, 4, 8, 32)] == [1, 4, 8, 16, 32, 32]
    assert caches.sectors(1, offset=1) == 5  # not aligned: one sector more
    assert caches.sectors(1, value_bytes=2) == 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: caches.lines_fetched([0], 0), "n_lines=0"),
        (lambda: list(caches.product_visits(4, "kji")), "order='kji' is unknown"),
        (lambda: list(caches.product_visits(4, "tiled", 3)), "tile=3 must divide n=4"),
        (lambda: caches.sectors(-1), "stride=-1"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
