"""The training loop with validation: against PyTorch, step by step, and on a task with a floor."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grooves.models import layers
from grooves.models.autograd import Tensor
from grooves.training.gradient_descent import SGD, AdamW, parameters
from grooves.training.validation import NoisyDigits, dropout, fit, forward, mean_loss


@pytest.fixture(scope="module")
def task():
    return NoisyDigits()


def test_an_epoch_uses_every_example_once_and_agrees_with_pytorch(task):
    """Seven pictures in batches of three: the last batch is smaller, and none is left out."""
    train, validation = task.draw(7, 1), task.draw(5, 2)
    start = layers.new_network((64, 6, 10), 0)
    learned = parameters(start)
    found = fit(learned, SGD(learned, 0.3), train, validation, 2, batch_size=3, seed=4)
    theirs = [torch.tensor(p.data, requires_grad=True) for p in parameters(start)]
    optimizer, rng = torch.optim.SGD(theirs, lr=0.3), np.random.default_rng(4)
    losses = []
    for _ in range(2):
        order = rng.permutation(7)
        for batch in (order[:3], order[3:6], order[6:]):
            optimizer.zero_grad()
            _torch_loss(theirs, train[0][batch], train[1][batch]).backward()
            optimizer.step()
        losses.append(_torch_loss(theirs, *validation).item())
    assert np.allclose(learned[0].data, theirs[0].detach().numpy())
    assert np.allclose(found.validation_losses, losses)


def _torch_loss(weights, images, labels):
    W1, b1, W2, b2 = weights
    hidden = (torch.tensor(images) @ W1 + b1).relu()
    return F.cross_entropy(hidden @ W2 + b2, torch.tensor(labels))


def test_the_best_network_is_that_of_the_lowest_validation_loss(task):
    train, validation = task.draw(60, 1), task.draw(200, 2)
    learned = parameters(layers.new_network((64, 64, 10), 0))
    found = fit(learned, AdamW(learned, 0.01, 0.0), train, validation, n_epochs=60)
    lowest = min(found.validation_losses)
    assert found.validation_losses[found.best_epoch - 1] == lowest
    assert math.isclose(
        layers.cross_entropy(found.best.forward(validation[0]), validation[1]), lowest
    )
    assert found.validation_losses[-1] > lowest + 0.05  # so the last would not do
    assert math.isclose(mean_loss(learned, train), found.train_losses[-1])


def test_dropout_keeps_the_mean_and_drops_the_stated_fraction():
    rng, h = np.random.default_rng(0), Tensor(np.full((400, 500), 2.0))
    out = dropout(h, 0.3, rng).data
    assert abs((out == 0).mean() - 0.3) < 0.01 and abs(out.mean() - 2) < 0.02
    assert np.allclose(out[out != 0], 2 / 0.7)


def test_dropout_is_after_each_relu_and_only_where_it_is_asked_for():
    learned = parameters(layers.new_network((4, 50, 50, 3), 0))
    x = np.random.default_rng(1).random((20, 4))
    plain = forward(learned, x).data
    assert np.array_equal(plain, forward(learned, x, 0.0, np.random.default_rng(2)).data)
    rng, masks = np.random.default_rng(2), np.random.default_rng(2)
    h = x
    for W, b in zip(learned[:4:2], learned[1:4:2], strict=True):
        h = np.maximum(h @ W.data + b.data, 0) * (masks.random((20, 50)) >= 0.5) / 0.5
    expected = h @ learned[4].data + learned[5].data
    assert np.allclose(forward(learned, x, 0.5, rng).data, expected)


def test_the_true_probabilities_are_those_of_bayes_rule(task):
    """Against the densities themselves, for pictures with large and with small probabilities."""
    images, _ = task.draw(50, 3)
    log_p = task.log_posterior(images)
    exponents = -((images[:, None, None] - task.prototypes) ** 2).sum(-1) / (2 * task.sigma**2)
    joint = np.exp(exponents - exponents.max((1, 2), keepdims=True)).mean(axis=2)
    expected = joint / joint.sum(axis=1, keepdims=True)
    assert np.allclose(np.exp(log_p), expected) and np.ptp(expected) > 0.9


def test_no_prediction_beats_the_floor_on_new_pictures(task):
    floor, error = task.floor(n=40_000, seed=7)
    images, labels = task.draw(40_000, seed=8)
    log_p = task.log_posterior(images)

    def loss(log_p):
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        return -log_p[np.arange(len(labels)), labels].mean()

    assert error < 0.002 and abs(loss(log_p) - floor) < 5 * error
    assert min(loss(0.7 * log_p), loss(1.4 * log_p)) > loss(log_p) + error
