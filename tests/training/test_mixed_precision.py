"""Training in 16 bits: what is rounded and what is not, and a scale that finds its place."""

import torch
from tiny_models import some_ids, tiny

from grooves.training.mixed_precision import LossScaler, MixedTransformer


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
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float16))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler, steps = LossScaler(2.0**18, patience=3), []
    for _ in range(8):
        before = weight.detach().clone()
        scaler.backward(weight.float().sum())
        steps.append(scaler.step([weight], [optimizer]))
        assert torch.equal(weight, before if not steps[-1] else before - 0.5)
    # 2^18, 2^17 and 2^16 are beyond fp16, 2^15 is not; after three good steps 2^16 is tried again.
    assert steps == [False, False, False, True, True, True, False, True]
    assert scaler.scale == 2.0**15
