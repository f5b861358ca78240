"""Training in 16 bits: what is rounded and what is not, a scale that adapts, sums that survive."""

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.training.mixed_precision import (
    LossScaler,
    MixedTransformer,
    round_stochastically,
    round_weights,
)


def gradients(model, ids):
    model.loss(ids[:, :-1], ids[:, 1:]).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def test_products_are_rounded_and_weights_are_not():
    exact, ids = tiny(), some_ids(4, 20)
    mixed = MixedTransformer(exact.config)
    mixed.load_state_dict(exact.state_dict())
    assert all(
        torch.equal(a, b) for a, b in zip(exact.parameters(), mixed.parameters(), strict=True)
    )
    g, h = gradients(exact, ids), gradients(mixed, ids)
    assert g.dtype == h.dtype == torch.float32
    wrong = float((g - h).norm() / g.norm())
    assert 0.001 < wrong < 0.05  # bf16 has 8 bits of mantissa: 0.4 % a product


def test_the_scale_is_taken_off_again_before_the_step():
    weights = [torch.nn.Parameter(torch.tensor([3.0, -2.0])) for _ in range(2)]
    optimizers = [[torch.optim.SGD([w], lr=0.1)] for w in weights]
    scaler = LossScaler(2.0**10)
    scaler.backward((weights[0] ** 2).sum())
    assert scaler.step([weights[0]], optimizers[0])
    (weights[1] ** 2).sum().backward()
    optimizers[1][0].step()
    assert torch.equal(weights[0], weights[1])
    assert weights[0].grad is None


def test_a_step_that_overflows_is_left_out_and_the_scale_halved():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler, steps = LossScaler(2.0**18, patience=3), []
    for _ in range(8):
        before = weight.detach().clone()
        scaler.backward(weight.half().float().sum())  # the gradient goes through fp16
        steps.append(scaler.step([weight], [optimizer]))
        assert torch.equal(weight, before if not steps[-1] else before - 0.5)
    # 2^18, 2^17 and 2^16 are beyond fp16, 2^15 is not; after three good steps 2^16 is tried again.
    assert steps == [False, False, False, True, True, True, False, True]
    assert scaler.scale == 2.0**15


def test_weights_and_gradients_have_32_bits_and_a_gradient_of_16_is_refused():
    model, ids = MixedTransformer(tiny().config, dtype=torch.float16), some_ids(4, 20)
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1)]
    scaler = LossScaler(2.0**4)
    scaler.backward(model.loss(ids[:, :-1], ids[:, 1:]))
    assert {t.dtype for p in model.parameters() for t in (p, p.grad)} == {torch.float32}
    assert scaler.step(model.parameters(), optimizers)
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float16))
    scaler.backward(weight.float().sum())
    with pytest.raises(ValueError, match=r"torch\.float16 cannot be unscaled without loss"):
        scaler.step([weight], [torch.optim.SGD([weight], lr=0.1)])


def test_stochastic_rounding_is_right_on_average_and_a_neighbour_each_time():
    x = torch.tensor([1 + 1 / 512, -3.01, 1e-30, 0.0, 1.5])
    many = round_stochastically(x.repeat(40_000, 1), torch.Generator().manual_seed(1)).float()
    near = x.bfloat16().float()
    spacing = (many.amax(0) - many.amin(0)).double()
    assert torch.equal(many[:, 3:], x[3:].expand(40_000, 2))  # what bf16 represents stays
    assert ((many[:, :3] - x[:3]).abs() < spacing[:3] + 1e-38).all()
    assert all((near[i] == many[:, i]).any() for i in range(5))
    error = (many.double().mean(0) - x.double()).abs()
    assert (error[:3] < 5 * spacing[:3] / 2 / 40_000**0.5).all()  # five standard errors


def test_small_steps_are_lost_when_rounded_to_nearest_and_kept_by_chance():
    generator, ends = torch.Generator().manual_seed(2), {}
    for stochastic in (False, True):
        model = torch.nn.Linear(2_000, 1, bias=False)
        torch.nn.init.ones_(model.weight)
        for _ in range(100):
            with torch.no_grad():
                model.weight += 0.001
            round_weights(model, stochastic, generator)
        ends[stochastic] = model.weight.detach()
        assert torch.equal(model.weight, model.weight.bfloat16().float())
    assert torch.equal(ends[False], torch.ones(1, 2_000))
    assert abs(float(ends[True].mean()) - 1.1) < 0.005
