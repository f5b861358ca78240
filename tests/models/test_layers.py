"""A layer, a network and its loss are what PyTorch says they are, and templates are the nearest."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from grooves.language.corpora import digits
from grooves.models import layers

SIZES = (64, 32, 16, 10)


@pytest.fixture(scope="module")
def data():
    return digits()


def network(seed=0, sizes=SIZES):
    """A network with biases that are not 0, and a batch for it."""
    rng = np.random.default_rng(seed)
    net = layers.new_network(sizes, seed)
    net.biases = [rng.normal(size=b.shape) for b in net.biases]
    return net, rng.normal(size=(7, sizes[0])), rng.integers(0, sizes[-1], 7)


def in_pytorch(net):
    """The same network out of PyTorch's own layers."""
    parts = []
    for W, b in zip(net.weights, net.biases, strict=True):
        linear = nn.Linear(*W.shape).double()
        linear.weight.data, linear.bias.data = torch.from_numpy(W.T.copy()), torch.from_numpy(b)
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1]).requires_grad_(False)


def test_a_network_computes_what_pytorch_computes():
    net, x, labels = network()
    theirs = in_pytorch(net)
    out, target = theirs(torch.from_numpy(x)), torch.from_numpy(labels)
    assert np.allclose(net.forward(x), out.numpy(), atol=1e-12)
    assert math.isclose(layers.cross_entropy(net.forward(x), labels), F.cross_entropy(out, target))
    assert layers.accuracy(net.forward(x), labels) == (out.argmax(1) == target).double().mean()


def test_activations_are_those_of_every_layer_and_only_hidden_ones_are_bent():
    net, x, _ = network()
    passed = net.activations(x)
    theirs = in_pytorch(net)
    hidden = [theirs[: i + 2](torch.from_numpy(x)).numpy() for i in (0, 2)]
    assert passed[0] is x and len(passed) == len(SIZES)
    assert all(np.allclose(*pair) for pair in zip(passed[1:-1], hidden, strict=True))
    assert (passed[-1] < 0).any() and all((h >= 0).all() for h in passed[1:-1])


def test_one_picture_passes_as_it_does_in_a_batch():
    net, x, _ = network()
    assert np.allclose([net.forward(row) for row in x], net.forward(x))


def test_softmax_does_not_overflow_and_does_not_see_what_is_added_to_all():
    logits = np.random.default_rng(0).normal(size=(3, 4, 5))  # along the last axis, however many
    wanted = torch.from_numpy(logits).softmax(-1).numpy()
    for shift in (0, 1e4, -1e4):
        assert np.allclose(layers.softmax(logits + shift), wanted)


def test_a_share_too_small_for_a_float_still_has_its_loss():
    logits = np.array([[0.0, 1000.0], [1000.0, 0.0]])
    assert layers.cross_entropy(logits, np.array([0, 0])) == 500.0


def test_parameters_and_flops_are_those_that_pytorch_counts():
    net, x, _ = network()
    theirs = in_pytorch(net)
    counter = FlopCounterMode(display=False)
    with counter:
        theirs(torch.from_numpy(x))
    assert net.flops(len(x)) == counter.get_total_flops()
    assert net.n_parameters == sum(p.numel() for p in theirs.parameters())


def test_a_new_network_keeps_the_size_of_what_it_is_given():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 400))
    *hidden, _ = layers.new_network((400, 400, 400, 400, 10)).activations(x)
    sizes = [(h**2).mean() for h in hidden]
    assert sizes == pytest.approx([1] * 4, rel=0.25)


def test_a_seed_draws_one_network_and_another_seed_another():
    one, same, other = (layers.new_network(SIZES, seed).weights[0] for seed in (3, 3, 4))
    assert np.array_equal(one, same) and not np.allclose(one, other)


def test_templates_answer_with_the_nearest_mean(data):
    made = layers.templates(data.train_images, data.train_labels)
    means = np.array([data.train_images[data.train_labels == k].mean(0) for k in range(10)])
    distances = ((data.test_images[:, None] - means) ** 2).sum(-1)
    assert (made.forward(data.test_images).argmax(1) == distances.argmin(1)).all()


def test_templates_read_nine_digits_in_ten_and_untrained_networks_one(data):
    x, y = data.test_images, data.test_labels
    made = layers.templates(data.train_images, data.train_labels)
    drawn = [layers.accuracy(layers.new_network(SIZES, s).forward(x), y) for s in range(20)]
    assert layers.accuracy(made.forward(x), y) > 0.85
    assert 0.05 < np.mean(drawn) < 0.15


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: layers.affine(np.ones((2, 3)), np.ones((4, 5)), np.ones(5)),
            r"\(2, 3\).*\(4, 5\)",
        ),
        (lambda: layers.affine(np.ones((2, 3)), np.ones((3, 5)), np.ones(1)), r"b \(1,\)"),
        (lambda: layers.affine(np.ones((2, 2, 3)), np.ones((3, 5)), np.ones(5)), r"\(2, 2, 3\)"),
        (lambda: layers.cross_entropy(np.ones((2, 3)), np.array([0, 3])), "0 to 3 for 3 classes"),
        (lambda: layers.cross_entropy(np.ones((2, 3)), np.array([-1, 0])), "-1 to 0 for 3"),
        (lambda: layers.accuracy(np.ones((2, 3)), np.array([1])), r"labels \(1,\)"),
        (lambda: layers.accuracy(np.ones((0, 3)), np.array([], dtype=int)), r"logits \(0, 3\)"),
        (lambda: layers.new_network((64,)), r"\(64,\)"),
        (lambda: layers.new_network((64, 0, 10)), r"\(64, 0, 10\)"),
        (lambda: layers.Network([], []), "0 weights"),
        (lambda: layers.Network([np.ones((2, 3))], [np.ones(2)]), r"layer 0.*\(2, 3\).*\(2,\)"),
        (
            lambda: layers.Network([np.ones((2, 3)), np.ones((4, 1))], [np.ones(3), np.ones(1)]),
            "takes 4 inputs, but the layer before has 3 outputs",
        ),
        (lambda: layers.templates(np.ones((2, 4)), np.array([0, 2])), r"no picture of \[1\]"),
        (lambda: layers.templates(np.ones((2, 4)), np.array([0])), r"labels \(1,\)"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_shape(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- layers in closed form ------------------------------------------------------------------------


def test_least_squares_solves_the_penalised_problem():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(40, 6)), np.arange(40) % 3
    layer = layers.least_squares(x, labels, penalty=0.5)
    ones = np.column_stack([x, np.ones(40)])
    A = np.concatenate([ones, math.sqrt(0.5) * np.eye(7)])  # the penalty as more rows
    Y = np.concatenate([np.eye(3)[labels], np.zeros((7, 3))])
    expected = np.linalg.lstsq(A, Y, rcond=None)[0]
    assert np.allclose(layer.weights[0], expected[:-1])
    assert np.allclose(layer.biases[0], expected[-1])


@pytest.mark.parametrize("penalty", [0.0, -1.0, math.nan])
def test_least_squares_refuses_a_penalty_that_is_not_positive(penalty):
    with pytest.raises(ValueError, match="must be above 0"):
        layers.least_squares(np.eye(3), np.arange(3), penalty)


@pytest.mark.parametrize("make", [layers.templates, layers.least_squares])
def test_layers_in_closed_form_need_an_example_of_every_class(make):
    with pytest.raises(ValueError, match=r"no picture of \[1\]"):
        make(np.eye(3), np.array([0, 2, 2]))
    with pytest.raises(ValueError, match="one label a row"):
        make(np.eye(3), np.array([0, 1]))


def test_random_features_have_random_biases_and_are_the_same_for_a_seed():
    one, again, other = (layers.random_features((2, 30), seed) for seed in (3, 3, 4))
    assert np.array_equal(one.biases[0], again.biases[0])
    assert not np.allclose(one.biases[0], other.biases[0])
    assert np.array_equal(one.weights[0], layers.new_network((2, 30), 3).weights[0])
    assert one.biases[0].std() > 0.3 and abs(one.biases[0]).max() <= 1


def test_a_piecewise_linear_network_joins_its_points():
    rng = np.random.default_rng(0)
    knots, values = np.sort(rng.uniform(-2, 2, 9)), rng.normal(size=9)
    net = layers.piecewise_linear(knots, values)
    x = np.linspace(knots[0] - 1, knots[-1], 501)
    assert np.allclose(net.forward(x[:, None])[:, 0], np.interp(x, knots, values))
    assert net.sizes == (1, 8, 1)


@pytest.mark.parametrize(
    "knots, values, complaint",
    [
        ([0.0], [1.0], "two or more of each"),
        ([0.0, 1.0], [1.0], "two or more of each"),
        ([0.0, 0.0], [1.0, 2.0], "must increase"),
    ],
)
def test_points_that_cannot_be_joined_are_refused(knots, values, complaint):
    with pytest.raises(ValueError, match=complaint):
        layers.piecewise_linear(np.array(knots), np.array(values))
