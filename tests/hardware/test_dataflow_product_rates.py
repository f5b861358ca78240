"""Rates of products with one matrix: counted right, and refused where there is no such format."""

import pytest
import torch

from grooves.hardware.dataflow import product_rates as rates


def test_operations_and_bytes_are_those_of_the_product(monkeypatch):
    ticks = iter(range(100_000))
    monkeypatch.setattr(rates, "processor_time", lambda: next(ticks))  # one second a call
    for one in rates.product_rates(64, (1, 32)):
        n_bytes = rates.FORMATS[one.precision][1]
        values = one.batch * 64 + 64 * 64 + one.batch * 64
        assert one.seconds == 1 and one.ops_per_s == 2 * one.batch * 64 * 64
        assert one.bytes_per_s == values * n_bytes
        assert one.intensity == one.ops_per_s / one.bytes_per_s
        assert one.utilisation(one.ops_per_s * 4) == 0.25


def test_a_weight_takes_part_in_as_many_operations_as_there_are_users(monkeypatch):
    ticks = iter(range(100_000))
    monkeypatch.setattr(rates, "processor_time", lambda: next(ticks))
    one = {r.precision: r.intensity for r in rates.product_rates(1024, (1,))}
    for precision, expected in (("fp32", 0.5), ("bf16", 1), ("int8", 2)):
        assert one[precision] == pytest.approx(expected, rel=0.01)


def test_int8_is_multiplied_as_integers(monkeypatch):
    seen = []
    real = torch._int_mm
    monkeypatch.setattr(torch, "_int_mm", lambda x, w: seen.append(x.dtype) or real(x, w))
    rates.product_rates(64, (1,), ("int8",), min_s=0)
    assert set(seen) == {torch.int8}


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="'fp64' is unknown"):
        rates.product_rates(64, (1,), ("fp64",))
