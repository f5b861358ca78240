"""Gradients against PyTorch's, against finite differences, and against sums worked by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grooves.language.corpora import IGNORED
from grooves.models import autograd
from grooves.models.autograd import Tensor, cross_entropy, finite_differences
from grooves.models.transformer import Config, Transformer

SHAPES = [(), (3,), (2, 1), (1, 3), (2, 3), (4, 1, 1), (4, 2, 3)]  # all broadcast with the last
MASK = np.random.default_rng(5).random((4, 2, 3)) < 0.6


def fits(*shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


# Each takes two values and a module of functions. Both kinds of tensor understand the rest alike.
OPERATIONS = {
    "add": lambda a, b, m: a + b,
    "subtract": lambda a, b, m: a - 0.7 * b,
    "multiply": lambda a, b, m: a * b,
    "divide": lambda a, b, m: a / (b * b + 1.0),
    "from the left": lambda a, b, m: 1.0 - 2.0 / (a * a + 1.0) + (-a),
    "power": lambda a, b, m: (a * a + 0.5) ** -0.5 + a**3,
    "exp": lambda a, b, m: a.exp(),
    "log": lambda a, b, m: (a * a + 1.0).log(),
    "tanh": lambda a, b, m: a.tanh(),
    "relu": lambda a, b, m: m.relu(a),
    "sum": lambda a, b, m: a.sum(-1, keepdims=True) if len(a.shape) else a,
    "sum of all": lambda a, b, m: a.sum() * 0.1,
    "mean": lambda a, b, m: a.mean(0) if len(a.shape) else a,
    "softmax": lambda a, b, m: m.softmax(a) if len(a.shape) else a,
    "log softmax": lambda a, b, m: m.log_softmax(a) if len(a.shape) else a,
    "reshape": lambda a, b, m: a.reshape(-1).reshape(*a.shape) if len(a.shape) else a,
    "turn over": lambda a, b, m: m.swap(a) if len(a.shape) > 1 else a,
    "pick twice": lambda a, b, m: a[[0, 0, -1]].sum(0) if len(a.shape) else a,
    "slice": lambda a, b, m: a[..., :1] if len(a.shape) else a,
    "matrix product": lambda a, b, m: a @ m.swap(b) if m.meet(a, b) else a,
    "where": lambda a, b, m: m.where(a, b) if fits(a.shape, b.shape, MASK.shape) else a,
}


class Ours:
    """The functions, for the course's tensors."""

    softmax, log_softmax = autograd.softmax, autograd.log_softmax

    def __init__(self):
        self.kinks = []  # how near a ReLU's input comes to where its slope is not defined

    def relu(self, a):
        self.kinks.append(np.abs(a.data).min())
        return a.relu()

    def swap(self, a):
        axes = list(range(len(a.shape)))
        return a.transpose(*axes[:-2], axes[-1], axes[-2])

    def meet(self, a, b):
        both_matrices = len(a.shape) > 1 and len(b.shape) > 1
        return both_matrices and a.shape[-1] == b.shape[-1] and fits(a.shape[:-2], b.shape[:-2])

    def where(self, a, b):
        return autograd.where(MASK, a, b)


Ours.softmax, Ours.log_softmax = staticmethod(Ours.softmax), staticmethod(Ours.log_softmax)


class Torchs(Ours):
    """The same for PyTorch's."""

    softmax = staticmethod(lambda a: a.softmax(-1))
    log_softmax = staticmethod(lambda a: a.log_softmax(-1))

    def relu(self, a):
        return a.relu()

    def swap(self, a):
        return a.mT

    def where(self, a, b):
        return torch.where(torch.from_numpy(MASK), a, b)


def evaluate(leaves, program, functions):
    """One number from a program: steps (operation, place of a, place of b), all values kept."""
    values = list(leaves)
    for name, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if name in ("add", "subtract", "multiply", "divide") and not fits(a.shape, b.shape):
            b = a  # as good a graph: a node that is used twice
        out = OPERATIONS[name](a, b, functions)
        values.append(out.tanh() * 2.0)  # keeps every number in a range where 1e-6 means something
    total = values[0].sum() * 0.1
    for value in values[1:]:
        total = total + value.mean()
    return total


STEP = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 30), st.integers(0, 30))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    shapes=st.lists(st.sampled_from(SHAPES), min_size=2, max_size=4),
    program=st.lists(STEP, min_size=1, max_size=12),
    seed=st.integers(0, 2**20),
)
def test_gradients_of_random_graphs_equal_pytorchs_and_finite_differences(shapes, program, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in shapes]
    leaves, functions = [Tensor(a) for a in arrays], Ours()
    result = evaluate(leaves, program, functions)
    assume(all(distance > 1e-4 for distance in functions.kinks))
    result.backward()

    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = evaluate(theirs, program, Torchs())
    expected.backward()
    assert abs(float(result) - expected.item()) < 1e-9
    for leaf, their in zip(leaves, theirs, strict=True):
        assert leaf.grad.shape == leaf.shape
        assert np.abs(leaf.grad - their.grad.numpy()).max() < 1e-6

    def moved(x, place):
        changed = [x if i == place else a for i, a in enumerate(arrays)]
        return evaluate(list(map(Tensor, changed)), program, Ours())

    place = seed % len(leaves)
    slopes = finite_differences(lambda x: moved(x, place), arrays[place], step=1e-5)
    assert np.abs(leaves[place].grad - slopes).max() < 1e-6


def normed(x):
    """`grooves.models.transformer.norm`, written with the course's tensors."""
    x = x - x.mean(-1, keepdims=True)
    return x * ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5


def transformer_of_one_block(p, ids, n_head):
    """`grooves.models.transformer.Transformer` with one block and learned positions: logits (B, T,
    V)."""
    B, T = ids.shape
    x = normed(p["embedding.weight"][ids] + p["position.weight"][:T])  # (B, T, C)
    begins = np.arange(T)[:, None] == 0
    x = x + p["mix"] * autograd.where(begins, 0.0, x[:, np.arange(T) - 1])
    qkv = normed(x) @ p["blocks.0.attention.qkv.weight"].transpose()  # (B, T, 3C)
    qkv = qkv.reshape(B, T, 3, n_head, -1).transpose(2, 0, 3, 1, 4)  # (3, B, H, T, D)
    q, k, v = normed(qkv[0]), normed(qkv[1]), qkv[2]
    scores = q @ k.transpose(0, 1, 3, 2) * q.shape[-1] ** -0.5  # (B, H, T, T)
    scores = autograd.where(np.tri(T, dtype=bool), scores, -np.inf)
    mixed = (autograd.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(B, T, -1)
    x = x + mixed @ p["blocks.0.attention.out.weight"].transpose()
    wide = (normed(x) @ p["blocks.0.mlp.up.weight"].transpose()).relu() ** 2
    x = x + wide @ p["blocks.0.mlp.down.weight"].transpose()
    return normed(x) @ p["embedding.weight"].transpose()


def test_a_block_of_the_transformer_has_pytorchs_gradients():
    config = Config(11, context=6, n_layer=1, n_head=2, n_embd=8, mlp_from=0, positions="learned")
    model = Transformer(config).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # also those that begin as zeros
        parameter.data.normal_(std=0.5, generator=generator)
    ids = torch.randint(0, 11, (3, 5), generator=generator)
    targets = torch.randint(0, 11, (3, 5), generator=generator)
    targets[1, 3:] = IGNORED
    loss = model.loss(ids, targets)
    # `loss` computes in 32 bits; this one does not.
    loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
    loss.backward()

    p = {name: Tensor(w.detach().numpy()) for name, w in model.named_parameters()}
    logits = transformer_of_one_block(p, ids.numpy(), n_head=2)
    ours = cross_entropy(logits, targets.numpy())
    ours.backward()
    assert np.abs(logits.data - model(ids).detach().numpy()).max() < 1e-9
    assert abs(float(ours) - loss.item()) < 1e-9
    for name, w in model.named_parameters():
        assert np.abs(w.grad.numpy()).max() > 1e-3, "a gradient of zeros would prove nothing"
        assert np.abs(p[name].grad - w.grad.numpy()).max() < 1e-6, name


def test_paths_that_meet_add_up_as_worked_by_hand():
    """y = x * x + x * z at x = 3, z = 2: dy/dx = 2x + z = 8, dy/dz = x = 3."""
    x, z = Tensor(3.0), Tensor(2.0)
    y = x * x + x * z
    y.backward()
    assert (float(y), x.grad, z.grad) == (15, 8, 3)


def test_a_second_backward_adds_to_the_first():
    x = Tensor([1.0, 2.0])
    shared = x * x
    (shared.sum()).backward()
    (shared * 3.0).sum().backward()
    assert x.grad.tolist() == [2 + 6, 4 + 12]


def test_gradients_share_no_memory():
    """One gradient arrives at both terms of a sum; changing one must leave the other alone."""
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    (x + y).sum().backward()
    x.grad *= 0
    assert y.grad.tolist() == [1, 1]


def test_ten_thousand_operations_in_a_row_are_no_problem():
    x = y = Tensor(1.0)
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert len(autograd.in_order(y)) == 10_001
    assert x.grad == pytest.approx(1.0001**10_000)


def test_the_order_puts_every_tensor_after_its_parents():
    rng = np.random.default_rng(0)
    nodes = [Tensor(1.0), Tensor(2.0)]
    for _ in range(60):
        i, j = rng.integers(0, len(nodes), 2)
        nodes.append(nodes[i] * 0.5 + nodes[j])
    order = autograd.in_order(nodes[-1])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order) > 10
    assert all(place[parent] < place[node] for node in order for parent, _ in node.parents)


def test_data_are_constants_and_get_no_gradient():
    x, W = np.ones((2, 3)), Tensor(np.full((3, 1), 2.0))
    product = x @ W
    assert isinstance(product, Tensor) and [p for p, _ in product.parents] == [W]
    assert isinstance(x - W.transpose(), Tensor)
    with pytest.raises(ValueError, match="constant"):
        (autograd.constant_unless_tensor(2.0) * 3.0).backward()


def test_cross_entropy_of_extreme_scores_is_finite():
    scores = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0], [5.0, 1.0, 2.0]])
    targets = np.array([2, 1, IGNORED])
    ours, theirs = Tensor(scores), torch.tensor(scores, requires_grad=True)
    loss, expected = cross_entropy(ours, targets), F.cross_entropy(theirs, torch.tensor(targets))
    loss.backward()
    expected.backward()
    assert float(loss) == pytest.approx(expected.item())
    assert np.allclose(ours.grad, theirs.grad.numpy())


BAD_INPUT = {
    "whole numbers": (lambda: Tensor([1, 2]), TypeError, "give floats"),
    "many numbers": (lambda: Tensor([1.0, 2.0]).backward(), ValueError, r"not from shape \(2,\)"),
    "shapes": (lambda: Tensor(np.ones(2)) + np.ones(3), ValueError, r"add: \(2,\) .* \(3,\)"),
    "a vector": (lambda: Tensor(np.ones(2)) @ np.ones((2, 1)), ValueError, "matrix of one row"),
    "exponent": (lambda: Tensor(2.0) ** Tensor(2.0), TypeError, "log"),
    "targets": (lambda: cross_entropy(Tensor(np.ones((1, 3))), [3]), ValueError, "classes 0 to 2"),
    "how many": (lambda: cross_entropy(Tensor(np.ones((2, 3))), [1]), ValueError, "fit logits"),
    "none": (lambda: cross_entropy(Tensor(np.ones((1, 3))), [IGNORED]), ValueError, "ignored"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_refused_in_one_sentence(name):
    act, kind, says = BAD_INPUT[name]
    with pytest.raises(kind, match=says) as caught:
        act()
    assert "\n" not in str(caught.value)
