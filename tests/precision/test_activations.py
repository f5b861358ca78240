"""W8A8: integer products by definition, outliers that hurt, and remedies that keep the function."""

import copy

import torch
from tiny_models import some_ids, tiny

from grooves.precision import activations
from grooves.precision.calibrated import layer_inputs


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def trained_like(seed=0):
    """A small model whose blocks do something: the usual start leaves `out` and `down` at zero."""
    model = tiny()
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            if not p.any():
                p.copy_(random(*p.shape, seed=seed + i) * 0.2)
    return model


def test_the_product_is_that_of_the_integers():
    x, weight = random(5, 24), random(7, 24, seed=1)
    layer = activations.Int8Linear(weight)
    x_scale = x.abs().amax(1) / 127
    w_scale = (weight.abs().amax(1) / 127).bfloat16().float()
    x_codes = (x / x_scale[:, None]).round().long()
    w_codes = (weight / w_scale[:, None]).round().clamp(-127, 127).long()
    wanted = (x_codes @ w_codes.mT).double() * x_scale[:, None].double() * w_scale.double()
    assert torch.allclose(layer(x).double(), wanted, rtol=1e-5)
    assert (layer(x) - x @ weight.mT).abs().max() < 0.2


def test_sums_of_integers_are_exact_in_32_bit_floats():
    codes = torch.full((1, 1_040), float(activations.LIMIT))
    codes[0, 1] = 1  # an odd sum, which a float beyond 2^24 cannot hold
    exact = sum(int(code) ** 2 for code in codes[0])
    assert float(codes @ codes.mT) == exact < 2**24


def test_a_loud_channel_costs_all_others_unless_it_is_kept_apart():
    x, weight = random(40, 24), random(7, 24, seed=1)
    x[:, 3] *= 2_000
    weight[:, 3] /= 2_000
    exact = x @ weight.mT
    loud = x.abs().amax(0) > 100
    off = {
        name: float((layer(x) - exact).norm() / exact.norm())
        for name, layer in {
            "plain": activations.Int8Linear(weight),
            "kept": activations.Int8Linear(weight, kept=loud),
            "static": activations.Int8Linear(weight, float(x.abs().max()) / 127),
        }.items()
    }
    assert off["kept"] < 0.02 < 0.3 < min(off["plain"], off["static"]), off


def test_equalisation_keeps_the_function_and_evens_the_activations():
    model, ids = trained_like(), some_ids(6, 20)
    down = model.blocks[1].mlp.down
    busiest = int(layer_inputs(model, down, ids).amax(0).argmax())
    loud = copy.deepcopy(model)
    with torch.no_grad():
        loud.blocks[1].mlp.up.weight[busiest] *= 16
        loud.blocks[1].mlp.down.weight[:, busiest] /= 256
    even = activations.equalised(loud, ids)
    assert torch.allclose(even(ids), loud(ids), rtol=1e-3, atol=1e-4)
    spread = [
        float(x.amax(0).max() / x.amax(0).median())
        for x in (layer_inputs(m, m.blocks[1].mlp.down, ids) for m in (loud, even))
    ]
    assert spread[1] < spread[0] / 5


def test_a_model_in_int8_answers_nearly_as_before():
    model, ids = trained_like(), some_ids(6, 20)
    exact = model(ids).detach()
    for how in ({}, {"per_token": False}, {"activations_only": True}, {"keep_above": 2.0}):
        small = activations.w8a8(model, ids, **how)(ids).detach()
        off = float((small - exact).norm() / exact.norm())
        assert 1e-5 < off < 0.05, (how, off)
