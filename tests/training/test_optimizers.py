"""Optimizers against a singular value decomposition and steps worked by hand."""

import math
from itertools import pairwise

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.training.optimizers import Muon, build_optimizers, orthogonalize, schedule


def random_matrices(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 64), (1, 64, 64)])
def test_orthogonalizing_brings_all_singular_values_near_one(shape):
    matrices = random_matrices(*shape) * 100
    before, after = (torch.linalg.svdvals(m) for m in (matrices, orthogonalize(matrices)))
    assert before.max() / before.min() > 2
    usual = before / before.amax(-1, keepdim=True) > 0.05
    assert after[usual].min() > 0.6
    assert after.max() < 1.25


def test_orthogonalizing_keeps_the_directions():
    """The result is U f(S) V^T for the same U and V: in their frame it is diagonal."""
    matrix = random_matrices(1, 12, 20)
    u, _, vh = torch.linalg.svd(matrix[0], full_matrices=False)
    inside = u.T @ orthogonalize(matrix)[0] @ vh.T
    assert torch.allclose(inside, torch.diag(inside.diag()), atol=1e-4)
    assert inside.diag().min() > 0.6


def test_a_muon_step_is_as_worked_by_hand():
    """Twice: momentum, Nesterov's look ahead, orthogonalize, scale by sqrt(rows / columns)."""
    start = random_matrices(8, 4)
    weight = torch.nn.Parameter(start.clone())
    muon = Muon([weight], lr=0.1, momentum=0.9, n_iterations=5)
    expected, buffer = start.clone(), torch.zeros(8, 4)
    for seed in (1, 2):
        gradient = random_matrices(8, 4, seed=seed)
        weight.grad = gradient.clone()
        muon.step()
        buffer = 0.9 * buffer + 0.1 * gradient
        ahead = 0.9 * buffer + 0.1 * gradient
        expected -= 0.1 * math.sqrt(8 / 4) * orthogonalize(ahead.T[None])[0].T
        assert torch.allclose(weight.data, expected, atol=1e-5)
        assert torch.equal(weight.grad, gradient), "the gradient is the caller's"


def steps_of(*weights):
    """What one Muon step changes, for weights whose gradients are set."""
    before = [w.detach().clone() for w in weights]
    Muon(weights, lr=1.0).step()
    return [b - w.detach() for b, w in zip(before, weights, strict=True)]


def with_gradient(matrix):
    weight = torch.nn.Parameter(torch.zeros_like(matrix))
    weight.grad = matrix
    return weight


def test_matrices_stepped_together_step_as_if_alone():
    gradients = [
        random_matrices(*s, seed=i) for i, s in enumerate([(8, 8), (8, 8), (16, 8), (8, 16)])
    ]
    together = steps_of(*map(with_gradient, gradients))
    alone = [steps_of(with_gradient(g))[0] for g in gradients]
    for a, b in zip(together, alone, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_fused_query_key_value_matrix_is_stepped_as_three():
    parts = [random_matrices(8, 8, seed=i) * 10.0**i for i in range(3)]
    fused = steps_of(with_gradient(torch.cat(parts)))[0]
    for step, part in zip(fused.chunk(3), parts, strict=True):
        assert torch.allclose(step, steps_of(with_gradient(part))[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), ()])
def test_muon_refuses_what_is_not_a_matrix(shape):
    with pytest.raises(ValueError, match=r"Muon takes matrices, not a tensor of shape \("):
        Muon([torch.nn.Parameter(torch.zeros(shape))])


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_has_exactly_one_optimizer(kind):
    model = tiny()
    optimizers = build_optimizers(model, kind)
    owned = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(map(id, model.parameters()))
    muons = [o for o in optimizers if isinstance(o, Muon)]
    assert len(muons) == (kind == "muon")
    if muons:
        blocks = {id(p) for p in model.blocks.parameters() if p.ndim == 2}
        assert {id(p) for group in muons[0].param_groups for p in group["params"]} == blocks


def test_an_unknown_optimizer_is_refused_by_name():
    with pytest.raises(ValueError, match="kind='sgd' must be 'muon', 'adamw' or 'scaled adamw'"):
        build_optimizers(tiny(), "sgd")


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_hundred_steps_learn_a_text_by_heart(kind):
    model, ids = tiny(), some_ids(2, 20)
    optimizers = build_optimizers(model, kind, matrix_lr=0.05, lr=0.02)
    for _ in range(100):
        loss = model.loss(ids, ids.roll(-1, 1))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    assert loss.item() < 0.1, "of ln 23 = 3.1 to begin with"


def test_the_schedule_rises_stays_and_falls_to_nothing():
    values = [schedule(i / 1000) for i in range(1001)]
    top = [i for i, value in enumerate(values) if value == 1.0]
    assert 0 < values[0] < 0.2, "the first step is small, but not nothing"
    assert all(a < b for a, b in pairwise(values[: top[0] + 1]))
    assert top == list(range(top[0], top[-1] + 1))
    assert all(a > b for a, b in pairwise(values[top[-1] :]))
    assert values[-1] == 0.0
    assert max(values) == 1.0
    assert schedule(1.3) == 0.0, "a step that began in time and ended late"


def test_scaled_adamw_shortens_the_steps_of_wide_matrices_only():
    for width, factor in ((32, 2.0), (64, 1.0), (128, 0.5)):
        model = tiny(n_embd=width)
        inside, rest = build_optimizers(model, "scaled adamw", lr=0.01)
        assert inside.param_groups[0]["lr"] == pytest.approx(0.01 * factor)
        assert rest.param_groups[0]["lr"] == 0.01
        held = [p for each in (inside, rest) for p in each.param_groups[0]["params"]]
        assert {id(p) for p in held} == {id(p) for p in model.parameters()}
        blocks = {id(p) for p in model.blocks.parameters()}
        assert {id(p) for p in inside.param_groups[0]["params"]} == blocks
