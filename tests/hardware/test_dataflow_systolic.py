"""Cycles of a systolic array: simulated cell by cell, by formula, and by SCALE-Sim."""

import json

import numpy as np
import pytest

from grooves.assets import MEASUREMENTS
from grooves.hardware.dataflow import systolic


@pytest.mark.parametrize("shape", [(1, 5, 3), (7, 4, 6), (12, 1, 1)])
def test_the_array_multiplies_and_takes_as_many_cycles_as_counted(shape):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    x, weights = rng.integers(-9, 9, (rows, inner)), rng.integers(-9, 9, (inner, columns))
    product, cycles = systolic.simulate(x, weights)
    np.testing.assert_array_equal(product, x @ weights)
    count = systolic.weight_stationary(*shape, height=inner, width=columns)
    assert cycles == count.cycles and count.tiles == 1
    assert count.utilisation == pytest.approx(rows / cycles)


def test_scale_sim_counts_the_same_cycles_less_one():
    recorded = json.loads((MEASUREMENTS / "dataflow.json").read_text("utf-8"))["systolic"]
    assert len(recorded) >= 20
    ways = {"ws": systolic.weight_stationary, "os": systolic.output_stationary}
    for one in recorded:
        sizes = (one[n] for n in ("rows", "inner", "columns", "height", "width"))
        assert ways[one["dataflow"]](*sizes).cycles == one["scalesim"] + 1


def test_one_row_of_input_uses_nearly_nothing_of_the_array():
    one = systolic.weight_stationary(1, 320, 320, 320, 320)
    many = systolic.weight_stationary(3200, 320, 320, 320, 320)
    assert one.utilisation < 0.002 and many.utilisation > 0.7
    assert systolic.weight_stationary(1, 321, 321, 320, 320).cycles == 4 * one.cycles


def test_a_size_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="inner=0"):
        systolic.weight_stationary(1, 0, 3, 8, 8)
