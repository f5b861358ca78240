"""One step: the rate that it uses, and the clipped gradient."""

import pytest
import torch
from tiny_models import tiny

from grooves.fine_tuning.updates import Updater


def test_the_rate_rises_over_the_warm_up_and_takes_a_factor():
    model = tiny()
    updater, rates = Updater(model, "muon", lr=0.01, warmup=4), []
    for factor in (1, 1, 1, 1, 1, 0.5):
        updater.step(model(torch.tensor([[1, 2]])).square().mean(), factor)
        rates.append(updater.optimizers[0].param_groups[0]["lr"])
        assert all(o.param_groups[0]["lr"] == rates[-1] for o in updater.optimizers)
    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.005])


def test_a_long_gradient_is_clipped_and_none_is_kept_from_the_step_before():
    model = tiny()
    updater = Updater(model)
    for _ in range(2):
        updater.step(1e6 * model(torch.tensor([[1, 2]])).square().mean())
        total = sum(p.grad.square().sum() for p in model.parameters()).sqrt()
        assert total.item() == pytest.approx(1, abs=1e-3)
    updater.step(0 * model(torch.tensor([[1, 2]])).sum())
    assert all((p.grad == 0).all() for p in model.parameters())


def test_a_rate_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="lr=0"):
        Updater(tiny(), lr=0)
