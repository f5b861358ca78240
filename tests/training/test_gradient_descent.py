"""Optimizers against PyTorch's, the training loop by what it draws, and the digits learned."""

import numpy as np
import pytest
import torch

from grooves.language import corpora
from grooves.models import layers
from grooves.models.autograd import Tensor
from grooves.training.gradient_descent import (
    SGD,
    Adam,
    AdamW,
    Momentum,
    descend,
    logits,
    network,
    parameters,
    train_digits,
)

PAIRS = {  # ours, PyTorch's, and the settings of both
    "SGD": (SGD, torch.optim.SGD, {"lr": 0.05}),
    "momentum": (Momentum, torch.optim.SGD, {"lr": 0.03, "momentum": 0.8}),
    "Adam": (Adam, torch.optim.Adam, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6}),
    "Adam as the paper sets it": (Adam, torch.optim.Adam, {}),
}


def test_weight_decay_shrinks_matrices_as_pytorch_does_and_leaves_biases():
    rng = np.random.default_rng(1)
    W, b, pushes = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(50, 3, 2))
    ours = [Tensor(W.copy()), Tensor(b.copy())]
    theirs = [torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)]
    rule = AdamW(ours, lr=0.03, weight_decay=2.0)
    groups = [
        {"params": theirs[:1], "weight_decay": 2.0},
        {"params": theirs[1:], "weight_decay": 0},
    ]
    expected = torch.optim.AdamW(groups, lr=0.03)
    for push in pushes:
        for p, their, g in zip(ours, theirs, (push, push[0]), strict=True):
            p.grad, their.grad = g, torch.tensor(g)
        rule.step()
        expected.step()
    for p, their in zip(ours, theirs, strict=True):
        assert np.abs(p.data - their.detach().numpy()).max() < 1e-10
    with pytest.raises(ValueError, match="weight_decay=-1"):
        AdamW(ours, 0.1, -1)


@pytest.mark.parametrize("name", PAIRS)
def test_three_hundred_steps_end_where_pytorchs_end(name):
    """The second weight gets no gradient in every third step."""
    ours_kind, theirs_kind, settings = PAIRS[name]
    rng = np.random.default_rng(0)
    starts, pushes = [rng.normal(size=(3, 2)), rng.normal(size=4)], rng.normal(size=(300, 3, 2))
    ours = [Tensor(start.copy()) for start in starts]
    theirs = [torch.tensor(start, requires_grad=True) for start in starts]
    optimizer, expected = ours_kind(ours, **settings), theirs_kind(theirs, **settings)
    for step in range(300):
        optimizer.zero_grad()
        expected.zero_grad()
        assert all(p.grad is None for p in ours)
        ours[0].grad = np.tanh(ours[0].data * 3) + pushes[step]
        theirs[0].grad = torch.tanh(theirs[0].data * 3) + torch.tensor(pushes[step])
        if step % 3:
            ours[1].grad = ours[1].data + pushes[step][0, 0]
            theirs[1].grad = theirs[1].data + pushes[step][0, 0]
        optimizer.step()
        expected.step()
    for p, their, start in zip(ours, theirs, starts, strict=True):
        assert np.abs(p.data - start).max() > 0.01
        assert np.abs(p.data - their.detach().numpy()).max() < 1e-10


def test_a_step_leaves_the_old_array_as_it_was():
    """Graphs that were made with the old numbers, and the caller's own arrays, stay right."""
    start = np.ones(3)
    w = Tensor(start)
    (w * w).sum().backward()
    SGD([w], lr=0.1).step()
    assert start.tolist() == [1, 1, 1] and w.data.tolist() == [0.8, 0.8, 0.8]


def test_a_network_and_its_tensors_give_the_same_logits():
    net = layers.new_network((6, 5, 4, 3), seed=1)
    x, learned = np.random.default_rng(0).random((7, 6)), parameters(net)
    assert np.allclose(logits(learned, x).data, net.forward(x), atol=1e-12)
    back = network(learned)
    for old, new in zip(net.weights + net.biases, back.weights + back.biases, strict=True):
        assert np.array_equal(old, new) and not np.shares_memory(old, new)
    SGD(learned, lr=1.0).step()
    assert np.array_equal(network(parameters(net)).weights[0], net.weights[0])


def test_every_picture_comes_up_once_an_epoch_in_an_order_of_its_own():
    """Picture i has ink at pixel i alone, so the gradient's rows tell which pictures were seen."""
    W, b = Tensor(np.zeros((12, 3))), Tensor(np.zeros(3))
    seen = []

    def look(step, loss):
        seen.extend(np.flatnonzero(np.abs(W.grad).sum(axis=1)))

    labels = np.arange(12) % 3
    descend([W, b], SGD([W, b], lr=1e-6), np.eye(12), labels, 6, batch_size=4, watch=look)
    first, second = seen[:12], seen[12:]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_forgetting_to_zero_cannot_happen_to_the_loop():
    """Two steps of plain descent are as worked by hand: each follows its own gradient alone."""
    x, labels = np.array([[1.0]]), np.array([0])
    W, b = Tensor(np.zeros((1, 2))), Tensor(np.zeros(2))
    losses = descend([W, b], SGD([W, b], lr=0.5), x, labels, 2, batch_size=1)
    w, bias, expected = np.zeros(2), np.zeros(2), []
    for _ in range(2):
        scores = w + bias
        shares = np.exp(scores) / np.exp(scores).sum()
        expected.append(-np.log(shares[0]))
        slope = shares - [1, 0]
        w, bias = w - 0.5 * slope, bias - 0.5 * slope
    assert np.allclose(losses, expected) and np.allclose(W.data[0], w) and np.allclose(b.data, bias)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_digits_are_learned_to_97_percent(seed):
    digits, losses = corpora.digits(), []
    net = train_digits(digits, seed=seed, losses=losses)
    assert net.sizes == (64, 32, 10)
    assert layers.accuracy(net.forward(digits.test_images), digits.test_labels) >= 0.97
    assert losses[0] > 1.5 and np.mean(losses[-50:]) < 0.1


BAD_SETTINGS = {
    "uphill": (lambda w: SGD([w], lr=-0.1), "downhill"),
    "endless momentum": (lambda w: Momentum([w], lr=0.1, momentum=1.0), "slows down"),
    "betas": (lambda w: Adam([w], betas=(0.9, 1.0)), "betas"),
    "batch": (
        lambda w: descend([w, w], SGD([w], 0.1), np.eye(2), np.zeros(2, int), 1),
        "one batch of 64",
    ),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings_are_refused_in_one_sentence(name):
    act, says = BAD_SETTINGS[name]
    with pytest.raises(ValueError, match=says) as caught:
        act(Tensor(np.ones(2)))
    assert "\n" not in str(caught.value)
