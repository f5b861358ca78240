"""Answers to lab 01, forward propagation: right ones in several ways, wrong ones named by
mistake, and rare wrong ones that a check refuses without naming their mistake."""

import itertools
import math

import numpy as np
import scipy.special
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from grooves.language import corpora
from grooves.models import layers

CHALLENGE = ("class_means", "bias", "single_pictures", "alike", "below_bar", "missing_digit")
CHALLENGE_SHAPES = ("too_many", "weights_transposed", "weights_shape", "one_each", "no_digit")
ANSWERS = Answers(
    "01_forward_propagation",
    needs={
        "forward": ["layer-answer", "relu-answer"],
    },
    plain_hints=(
        *CHALLENGE,
        *CHALLENGE_SHAPES,
        "not_three",
        "not_finite",
        "test_pictures",
        "changed_input",
        "no_comma",
        "not_two",
        "not_four",
        "first_shape",
        "bias_shape",
        "second_shape",
        "nested",
        "raised",
        "steps",
        "one_case_missing",
        "with_bias",
        "rounded_to_0",
    ),
    harmless={
        "xor": {
            "cached by shape": "it has no arguments",
            "rounded to two digits": "answers within 0.01 are accepted",
            "integers of one byte": "the reference's weights are small",
            "one buffer for all results": "every call returns the same",
        },
        "reader": {
            "cached by shape": "there is one set of pictures",
            "rounded to two digits": "the bar is a fraction of the pictures",
            "a thousandth too much": "the bar is a fraction of the pictures",
            "integers of one byte": "digits are 0 to 9",
            "one buffer for all results": "there is one set of pictures",
        },
    },
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- neuron ----------------------------------------------------------------------------------


@right("neuron", "a loop in plain Python")
def _(x, w, b):
    total = b
    for pixel, weight in zip(x.tolist(), w.tolist(), strict=True):
        total += pixel * weight
    return total


@right("neuron", "in single precision, as an array of one")
def _(x, w, b):
    return np.einsum("p,p->", x.astype("f4"), w.astype("f4")).reshape(1) + np.float32(b)


@right("neuron", "the bias as one more weight, in place on a copy")
def _(x, w, b):
    x = x.copy()
    x *= w
    return np.append(x, b).sum()


@right("neuron", "a tensor without axes")
def _(x, w, b):
    return (torch.tensor(x) * torch.tensor(w)).double().sum() + b


@wrong("neuron", "no_bias")
def _(x, w, b):
    return x @ w


@wrong("neuron", "bias_for_each")
def _(x, w, b):
    return sum(p * v + b for p, v in zip(x, w, strict=True))


@rare("neuron", "bias subtracted")
def _(x, w, b):
    return np.dot(x, w) - b


@wrong("neuron", "not_summed")
def _(x, w, b):
    return x * w + b


@rare("neuron", "products only", "not_summed")
def _(x, w, b):
    return x * w


@wrong("neuron", "first_product")
def _(x, w, b):
    total = b
    for pixel, weight in zip(x, w, strict=True):
        total += pixel * weight
        return total


@wrong("neuron", "last_product")
def _(x, w, b):
    for pixel, weight in zip(x, w, strict=True):
        total = pixel * weight
    return total + b


@wrong("neuron", "averaged")
def _(x, w, b):
    return np.mean(x * w) + b


@wrong("neuron", "sums_multiplied")
def _(x, w, b):
    return np.sum(x) * np.sum(w) + b


@wrong("neuron", "relu_applied")
def _(x, w, b):
    return max(0.0, x @ w + b)


@wrong("neuron", "course_code")
def _(x, w, b):
    return layers.affine(x, w[:, None], np.array([b]))[0]


@wrong("neuron", "unrecognised")
def _(x, w, b):
    return (x * w)[:64].sum() + b


@wrong("neuron", "remembers")
def _(x, w, b, sums=[]):  # noqa: B006 (the mistake)
    sums.append((x * w).sum())
    return sum(sums) + b


# ---- layer -----------------------------------------------------------------------------------


@right("layer", "einsum")
def _(x, W, b):
    return np.einsum("bi,in->bn", x, W) + b[None]


@right("layer", "three loops, as lists")
def _(x, W, b):
    fan_in, fan_out = W.shape
    return [
        [sum(row[i] * W[i, n] for i in range(fan_in)) + b[n] for n in range(fan_out)] for row in x
    ]


@right("layer", "neuron by neuron, in single precision")
def _(x, W, b):
    x, W, b = (part.astype(np.float32) for part in (x, W, b))
    return np.column_stack([x @ W[:, n] + b[n] for n in range(len(b))])


@right("layer", "the bias as a row of weights")
def _(x, W, b):
    return np.c_[x, np.ones(len(x))] @ np.r_[W, b[None]]


@wrong("layer", "no_bias")
def _(x, W, b):
    return x @ W


@wrong("layer", "weights_transposed")
def _(x, W, b):
    return x @ W.T + b


@wrong("layer", "swapped")
def _(x, W, b):
    return W @ x + b


@wrong("layer", "bias_down")
def _(x, W, b):
    return x @ W + b[:, None]


@wrong("layer", "element_by_element")
def _(x, W, b):
    return x * W + b


@wrong("layer", "result_transposed")
def _(x, W, b):
    return W.T @ x.T + b[:, None]


@wrong("layer", "relu_applied")
def _(x, W, b):
    return np.maximum(x @ W + b, 0)


@rare("layer", "pictures added")
def _(x, W, b):
    return sum(row @ W + b for row in x)


@wrong("layer", "first_picture")
def _(x, W, b):
    for row in x:
        return row @ W + b


@wrong("layer", "bias_for_each")
def _(x, W, b):
    return (x[:, :, None] * W + b).sum(1)


@rare("layer", "bias in first row")
def _(x, W, b):
    sums = x @ W
    sums[0] = sums[0] + b
    return sums


@wrong("layer", "truncated")
def _(x, W, b):
    out = np.empty((len(x), len(b)), dtype=W.dtype)  # W may hold integers
    out[:] = x @ W + b
    return out


@wrong("layer", "course_code")
def _(x, W, b):
    return layers.affine(x, W, b)


@wrong("layer", "ready_made")
def _(x, W, b):
    return F.linear(*map(torch.as_tensor, (x, W.T, b)))


@wrong("layer", "unrecognised")
def _(x, W, b):
    return x @ (W + b)


# ---- relu ------------------------------------------------------------------------------------


@right("relu", "where")
def _(z):
    return np.where(z > 0, z, 0)


@right("relu", "half of z and its absolute value")
def _(z):
    return (z + np.abs(z)) / 2


@right("relu", "in place, on a copy")
def _(z):
    z = z.copy()
    z[z < 0] = 0
    return z


@right("relu", "number by number, as lists in lists")
def _(z):
    def each(part):
        return [each(one) for one in part] if isinstance(part, list) else max(part, 0)

    return each(z.tolist())


@wrong("relu", "raised")
def _(z):  # two axes only
    return np.array([[max(value, 0) for value in row] for row in z])


@rare("relu", "threshold", "replaced")
def _(z):
    return np.where(z > 1, z, 0)


@rare("relu", "ceiling", "clipped")
def _(z):
    return np.clip(z, 0, 6)


@wrong("relu", "overwritten")
def _(z, buffers={}):  # noqa: B006 (the mistake)
    return np.maximum(z, 0, out=buffers.setdefault((z.shape, z.dtype), np.empty_like(z)))


@wrong("relu", "no_activation")
def _(z):
    return z


@wrong("relu", "absolute")
def _(z):
    return np.abs(z)


@wrong("relu", "step")
def _(z):
    return (z > 0).astype(float)


@wrong("relu", "clipped")
def _(z):
    return np.clip(z, 0, 1)


@wrong("relu", "max_along_axis")
def _(z):
    return np.max(z, 0)


@wrong("relu", "sign_swapped")
def _(z):
    return np.minimum(z, 0)


@wrong("relu", "dropped")
def _(z):
    return z[z > 0]


@wrong("relu", "leaky")
def _(z):
    return np.maximum(z, 0.01 * z)


@wrong("relu", "sigmoid")
def _(z):
    return 1 / (1 + np.exp(-z))


@rare("relu", "tanh")
def _(z):
    return np.tanh(z)


@rare("relu", "an axis for a number", "extra_axis")
def _(z):
    return np.maximum(np.atleast_1d(z), 0)


@wrong("relu", "changed_input")
def _(z):
    kept = z.copy()
    z[z < 0] = 0
    result = z.copy()
    z[...] = kept  # set back, which those who look meanwhile do not see
    return result


@wrong("relu", "course_code")
def _(z):
    return layers.relu(z)


@wrong("relu", "ready_made")
def _(z):
    return F.relu(torch.from_numpy(z)).numpy()


@wrong("relu", "unrecognised")
def _(z):
    return np.maximum(z, 1)


# ---- forward ---------------------------------------------------------------------------------


@right("forward", "in one line")
def _(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0) @ W2 + b2


@right("forward", "in PyTorch, in single precision")
def _(x, W1, b1, W2, b2):
    x, W1, b1, W2, b2 = (torch.tensor(part).float() for part in (x, W1, b1, W2, b2))
    return ((x @ W1 + b1).clamp(min=0) @ W2 + b2).numpy()


@right("forward", "picture by picture, neuron by neuron")
def _(x, W1, b1, W2, b2):
    logits = []
    for picture in x:
        h = [max(0.0, float(picture @ w) + c) for w, c in zip(W1.T, b1, strict=True)]
        logits.append([float(np.dot(h, w)) + c for w, c in zip(W2.T, b2, strict=True)])
    return logits


@right("forward", "in place")
def _(x, W1, b1, W2, b2):
    h = x @ W1
    h += b1
    h[h < 0] = 0
    return np.add(h @ W2, b2, out=np.empty((len(x), len(b2))))


@wrong("forward", "no_activation")
def _(x, W1, b1, W2, b2):
    return (x @ W1 + b1) @ W2 + b2


@wrong("forward", "relu_on_logits")
def _(x, W1, b1, W2, b2):
    for W, b in ((W1, b1), (W2, b2)):
        x = np.maximum(x @ W + b, 0)
    return x


@wrong("forward", "relu_after_second_layer")
def _(x, W1, b1, W2, b2):
    return np.maximum((x @ W1 + b1) @ W2 + b2, 0)


@rare("forward", "bent input too")
def _(x, W1, b1, W2, b2):
    for W, b in ((W1, b1), (W2, b2)):
        x = np.maximum(x, 0) @ W + b
    return x


@rare("forward", "bent apart")
def _(x, W1, b1, W2, b2):
    return (np.maximum(x @ W1, 0) + np.maximum(b1, 0)) @ W2 + b2


@wrong("forward", "bias_after_relu")
def _(x, W1, b1, W2, b2):
    return (np.maximum(x @ W1, 0) + b1) @ W2 + b2


@wrong("forward", "no_first_bias")
def _(x, W1, b1, W2, b2):
    return np.maximum(x @ W1, 0) @ W2 + b2


@wrong("forward", "no_second_bias")
def _(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0) @ W2


@wrong("forward", "probabilities")
def _(x, W1, b1, W2, b2):
    return scipy.special.softmax(np.maximum(x @ W1 + b1, 0) @ W2 + b2, axis=1)


@wrong("forward", "hidden_returned")
def _(x, W1, b1, W2, b2):
    return np.maximum(x @ W1 + b1, 0)


@wrong("forward", "sigmoid")
def _(x, W1, b1, W2, b2):
    return scipy.special.expit(x @ W1 + b1) @ W2 + b2


@rare("forward", "tanh")
def _(x, W1, b1, W2, b2):
    return np.tanh(x @ W1 + b1) @ W2 + b2


@wrong("forward", "course_code")
def _(x, W1, b1, W2, b2):
    return layers.Network([W1, W2], [b1, b2]).forward(x)


@wrong("forward", "unrecognised")
def _(x, W1, b1, W2, b2):
    return np.abs(x @ W1 + b1) @ W2 + b2


# ---- xor -------------------------------------------------------------------------------------


def _xor(W1, b1, W2, b2):
    """An answer that returns these numbers."""
    return lambda: (np.array(W1, float), np.array(b1, float), np.array(W2, float), np.array(b2))


@right("xor", "one neuron a case")
def _():
    return [[1, -1], [-1, 1]], [0, 0], [[1], [1]], [0]


@right("xor", "from the sum less twice the smaller input, as a tuple of arrays")
def _():
    return (
        np.array([[1.0, 1.0, -1.0], [1.0, -1.0, 1.0]]),
        np.zeros(3),
        np.array([0.0, 1.0, 1.0]),
        np.array(0.0),
    )


@right("xor", "the difference in large numbers, with neurons to spare")
def _():
    W1 = np.array([[10, -10, 0, -3], [-10, 10, 0, -1]], dtype="f4")
    return W1, np.zeros(4), np.array([[0.1], [0.1], [1], [2]]), [0.0]


@right("xor", "thirty neurons drawn at random, with a last layer that fits")
def _():
    rng = np.random.default_rng()
    W1 = rng.normal(size=(2, 30))
    hidden = np.maximum(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) @ W1, 0)
    last = np.linalg.lstsq(hidden, np.array([0.0, 1, 1, 0]), rcond=None)[0]
    return W1, np.zeros(30), last[:, None], np.zeros(1)


ANSWERS.right("xor", "as the reference, in 16 bits")(
    lambda: tuple(
        np.array(part, dtype=np.float16) for part in ([[1, -1], [-1, 1]], [0, 0], [[1], [1]], [0])
    )
)
for _name, _parts in {
    "with_bias": ([[1, 1], [1, 1]], [0, -1], [[1], [-2]], [0]),
    "or": ([[1, 1], [1, 1]], [0, -1], [[1], [-1]], [0]),
    "and": ([[1], [1]], [-1], [[1]], [0]),
    "nand": ([[1], [1]], [-1], [[-1]], [1]),
    "xnor": ([[1, -1], [-1, 1]], [0, 0], [[-1], [-1]], [1]),
    "sum": ([[1, 0], [0, 1]], [0, 0], [[1], [1]], [0]),
    "one_input": ([[1], [0]], [0], [[1]], [0]),
    "one_case_missing": ([[1], [-1]], [0], [[1]], [0]),
    "steps": ([[1, 1], [1, 1]], [-0.5, -1.5], [[1], [-1]], [0]),
    "constant": ([[1, 1], [1, 1]], [-2, -3], [[1], [1]], [0]),
    "linear": ([[1, 2], [1, 2]], [1, 3], [[1], [-0.25]], [0.1]),
    "other_scale": ([[1, 1], [1, 1]], [0, -1], [[2], [-4]], [-1]),
    "nearly": ([[1, 1], [1, 1]], [0, -1], [[0.9], [-1.6]], [0]),
    "unrecognised": ([[1, 1], [1, 1]], [0, -1], [[1], [2]], [0]),
    "first_shape": ([[1, 1], [1, 1], [1, 1]], [0, -1], [[1], [-2]], [0]),
    "bias_shape": ([[1, 1], [1, 1]], [0], [[1], [-2]], [0]),
    "second_shape": ([[1, 1], [1, 1]], [0, -1], [[1, -2]], [0]),
    "not_finite": ([[1, 1], [1, 1]], [0, -1], [[math.inf], [-2]], [0]),
}.items():
    wrong("xor", _name)(_xor(*_parts))
rare("xor", "a bias of the last layer", "with_bias")(
    _xor([[1, -1], [1, -1]], [-1, 1], [[-1], [-1]], [1])
)
rare("xor", "a small bias", "with_bias")(_xor([[1, -1], [-1, 1]], [0, 0], [[1], [1]], [0.001]))
rare("xor", "a little too much", "nearly")(_xor([[1, -1.02], [-1, 1.02]], [0, 0], [[1], [1]], [0]))
rare("xor", "nor")(_xor([[-1], [-1]], [1], [[1]], [0]))
rare("xor", "second input", "one_input")(_xor([[0], [1]], [0], [[1]], [0]))
rare("xor", "second case", "one_case_missing")(_xor([[-1], [1]], [0], [[1]], [0]))


@wrong("xor", "not_four")
def _():
    return np.array([[1.0], [1.0]]), np.array([0.0])


# ---- shapes ----------------------------------------------------------------------------------


@right("shapes", "lists in a tuple")
def _(sizes, n_pictures):
    found = ([n_pictures, sizes[0]],)
    for layer in range(1, len(sizes)):
        found += ([*sizes[layer - 1 : layer + 1]], [sizes[layer]], [n_pictures, sizes[layer]])
    return found


@right("shapes", "of arrays that are really made")
def _(sizes, n_pictures):
    x = np.zeros((n_pictures, sizes[0]))
    found = [x.shape]
    for fan_in, fan_out in itertools.pairwise(sizes):
        W, b = np.zeros((fan_in, fan_out)), np.zeros(fan_out)
        x = x @ W + b
        found.extend(array.shape for array in (W, b, x))
    return found


@right("shapes", "in NumPy's numbers")
def _(sizes, n_pictures):
    n = np.array(sizes)
    found = [np.array([n_pictures, n[0]])]
    for i in range(len(n) - 1):
        found += [n[i : i + 2], n[i + 1 : i + 2], np.array([n_pictures, n[i + 1]])]
    return found


def _shapes(x=None, W=None, b=None, out=None):
    """An answer with another shape for a part: each a function of (B, fan_in, fan_out)."""

    def answer(sizes, n_pictures):
        B = n_pictures
        found = [(B, sizes[0]) if x is None else x(B, sizes[0])]
        for i, o in itertools.pairwise(sizes):
            found.append((i, o) if W is None else W(B, i, o))
            found.append((o,) if b is None else b(B, i, o))
            found.append((B, o) if out is None else out(B, i, o))
        return found

    return answer


wrong("shapes", "weights_transposed")(_shapes(W=lambda B, i, o: (o, i)))
wrong("shapes", "batch_in_weights")(_shapes(W=lambda B, i, o: (B, i, o)))
wrong("shapes", "bias_for_each_picture")(_shapes(b=lambda B, i, o: (B, o)))
wrong("shapes", "bias_of_inputs")(_shapes(b=lambda B, i, o: (i,)))
wrong("shapes", "bias_as_row")(_shapes(b=lambda B, i, o: (1, o)))
wrong("shapes", "no_comma")(_shapes(b=lambda B, i, o: o))
wrong("shapes", "batch_last")(_shapes(x=lambda B, i: (i, B), out=lambda B, i, o: (o, B)))
wrong("shapes", "one_picture")(_shapes(x=lambda B, i: (i,), out=lambda B, i, o: (o,)))
wrong("shapes", "input_forgotten")(lambda sizes, n: _shapes()(sizes, n)[1:])
wrong("shapes", "first_layer")(lambda sizes, n: _shapes()(sizes[:2], n))
rare("shapes", "all read the input")(
    lambda s, n: [(s[0], *w[1:]) if i % 3 == 1 else w for i, w in enumerate(_shapes()(s, n))]
)
wrong("shapes", "input_of_each_layer")(
    lambda s, n: [t for pair in itertools.pairwise(s) for t in _shapes()(pair, n)]
)
wrong("shapes", "nested")(lambda s, n: [_shapes()(pair, n) for pair in itertools.pairwise(s)])
wrong("shapes", "unrecognised")(lambda sizes, n: _shapes()(sizes, n)[::-1])


@rare("shapes", "parameters only")
def _(sizes, n_pictures):
    return [s for pair in itertools.pairwise(sizes) for s in (pair, pair[1:])]


# ---- costs -----------------------------------------------------------------------------------


@right("costs", "of PyTorch's own network, by its own counter")
def _(sizes, n_pictures):
    network = nn.Sequential(*(nn.Linear(i, o, device="meta") for i, o in itertools.pairwise(sizes)))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(n_pictures, sizes[0], device="meta"))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops()


@right("costs", "of the course's own network, as an array")
def _(sizes, n_pictures):
    network = layers.new_network(sizes)
    return np.array([network.n_parameters, network.flops(n_pictures)])


@right("costs", "as floats in a list")
def _(sizes, n_pictures):
    n = np.array(sizes, dtype=float)
    weights = n[:-1] @ n[1:]
    return [weights + n[1:].sum(), 2 * weights * n_pictures]


def _counts(parameters=None, flops=None):
    """An answer with another count: functions of sizes, number of pictures and weights."""

    def answer(s, B):
        weights = sum(i * o for i, o in itertools.pairwise(s))
        n = weights + sum(s[1:]) if parameters is None else parameters(s, B, weights)
        return n, 2 * B * weights if flops is None else flops(s, B, weights)

    return answer


wrong("costs", "flops_first")(lambda s, B: _counts()(s, B)[::-1])
wrong("costs", "no_biases")(_counts(lambda s, B, w: w))
wrong("costs", "biases_of_inputs")(_counts(lambda s, B, w: w + sum(s[:-1])))
wrong("costs", "one_bias_per_layer")(_counts(lambda s, B, w: w + len(s) - 1))
wrong("costs", "biases_for_the_input")(_counts(lambda s, B, w: w + sum(s)))
wrong("costs", "times_pictures")(_counts(lambda s, B, w: (w + sum(s[1:])) * B))
wrong("costs", "first_layer")(_counts(lambda s, B, w: (s[0] + 1) * s[1]))
rare("costs", "all multiplied")(_counts(lambda s, B, w: math.prod(s)))
rare("costs", "equal layers once")(
    _counts(lambda s, B, w: sum((i + 1) * o for i, o in set(itertools.pairwise(s))))
)
rare("costs", "outputs twice")(
    _counts(flops=lambda s, B, w: B * sum(i * o * o for i, o in itertools.pairwise(s)))
)
wrong("costs", "multiplications_only")(_counts(flops=lambda s, B, w: B * w))
wrong("costs", "one_picture")(_counts(flops=lambda s, B, w: 2 * w))
wrong("costs", "biases_counted")(_counts(flops=lambda s, B, w: 2 * B * (w + sum(s[1:]))))
rare("costs", "biases added", "biases_counted")(
    _counts(flops=lambda s, B, w: B * (2 * w + sum(s[1:])))
)
wrong("costs", "first_layer_only")(_counts(flops=lambda s, B, w: 2 * B * s[0] * s[1]))
wrong("costs", "one_offset")(_counts(flops=lambda s, B, w: 2 * B * w + 1))
wrong("costs", "unrecognised")(_counts(flops=lambda s, B, w: 2 * B * w + s[1]))
wrong("costs", "not_two")(lambda s, B: [*_counts()(s, B), B])


# ---- softmax ---------------------------------------------------------------------------------


@right("softmax", "row by row in plain Python")
def _(logits):
    rows = []
    for row in logits.tolist():
        powers = [math.exp(z - max(row)) for z in row]
        rows.append([p / sum(powers) for p in powers])
    return rows


@right("softmax", "in place on a copy")
def _(logits):
    logits = logits - np.max(logits, 1)[:, None]
    np.exp(logits, out=logits)
    logits /= np.einsum("bk->b", logits)[:, None]
    return logits


@right("softmax", "one over a sum of differences, in single precision")
def _(logits):
    z = logits.astype(np.float32)
    differences = (z[:, None, :] - z[:, :, None]).clip(-np.inf, 80)  # (B, K, K)
    return 1 / np.exp(differences).sum(-1)


@right("softmax", "through logaddexp")
def _(logits):
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


@wrong("softmax", "wrong_axis")
def _(logits):
    e = np.exp(logits - logits.max(0))
    return e / e.sum(0)


@wrong("softmax", "one_sum_for_all")
def _(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


@wrong("softmax", "lost_axis")
def _(logits):
    e = np.exp(logits)
    return e / e.sum(axis=1)


@rare("softmax", "shift lost axis", "lost_axis")
def _(logits):
    e = np.exp(logits - logits.max(axis=1))
    return e / e.sum(axis=1, keepdims=True)


@rare("softmax", "no axis kept", "lost_axis")
def _(logits):
    e = np.exp(logits - logits.max(axis=1))
    return e / e.sum(axis=1)


@wrong("softmax", "log_probabilities")
def _(logits):
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


@wrong("softmax", "not_normalised")
def _(logits):
    return np.exp(logits)


@wrong("softmax", "no_exponential")
def _(logits):
    return logits / logits.sum(1, keepdims=True)


@rare("softmax", "hard")
def _(logits):
    return np.eye(logits.shape[1])[logits.argmax(1)]


@wrong("softmax", "no_shift")
def _(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


@wrong("softmax", "shift_by_another")
def _(logits):
    e = np.exp(logits - logits[:, :1])
    return e / e.sum(1, keepdims=True)


@rare("softmax", "divided by largest")
def _(logits):
    e = np.exp(logits / logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@wrong("softmax", "clipped")
def _(logits):
    e = np.exp(np.clip(logits, -500, 500))
    return e / e.sum(axis=-1, keepdims=True)


@wrong("softmax", "ready_made")
def _(logits):
    return scipy.special.softmax(logits, axis=1)


@wrong("softmax", "course_code")
def _(logits):
    return layers.softmax(logits)


@wrong("softmax", "unrecognised")
def _(logits):
    return np.full_like(logits, 1 / logits.shape[1])


# ---- cross-entropy ---------------------------------------------------------------------------


@right("cross_entropy", "picture by picture in plain Python")
def _(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[label]
    return total / len(labels)


@right("cross_entropy", "with one-hot labels")
def _(logits, labels):
    one_hot = np.eye(logits.shape[1])[labels]
    log_probabilities = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    return -(one_hot * log_probabilities).sum() / len(logits)


@right("cross_entropy", "of differences to the right logit, as an array of one")
def _(logits, labels):
    logits = logits - np.take_along_axis(logits, labels[:, None], axis=1)
    return np.logaddexp.reduce(logits, axis=1).mean(keepdims=True)


@right("cross_entropy", "in single precision")
def _(logits, labels):
    z = logits.astype(np.float32)
    z = z - z.max(1, keepdims=True)
    return np.mean(np.log(np.exp(z).sum(1)) - z[range(len(z)), labels])


@right("cross_entropy", "PyTorch's log-sum-exp and gather")
def _(logits, labels):
    z, y = torch.from_numpy(logits), torch.from_numpy(labels)
    return (torch.logsumexp(z, 1) - z.gather(1, y[:, None])[:, 0]).mean()


@right("cross_entropy", "SciPy's log-softmax")
def _(logits, labels):
    return -_pick(scipy.special.log_softmax(logits, axis=1), labels).mean()


def _softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _log_softmax(logits):
    z = logits - logits.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def _pick(table, labels):
    return table[np.arange(len(labels)), labels]


@wrong("cross_entropy", "summed")
def _(logits, labels):
    return -_pick(_log_softmax(logits), labels).sum()


@wrong("cross_entropy", "per_picture")
def _(logits, labels):
    return -_pick(_log_softmax(logits), labels)


@wrong("cross_entropy", "no_minus")
def _(logits, labels):
    return _pick(_log_softmax(logits), labels).mean()


@wrong("cross_entropy", "other_base")
def _(logits, labels):
    return -np.log2(_pick(_softmax(logits), labels)).mean()


@wrong("cross_entropy", "divided_by_classes")
def _(logits, labels):
    return -(np.eye(logits.shape[1])[labels] * _log_softmax(logits)).mean()


@rare("cross_entropy", "every class")
def _(logits, labels):
    return -_log_softmax(logits).mean()


@wrong("cross_entropy", "all_pairs")
def _(logits, labels):
    return -_log_softmax(logits)[:, labels].mean()


@rare("cross_entropy", "every pair, of probabilities", "all_pairs")
def _(logits, labels):
    return -np.log(_softmax(logits)[:, labels]).mean()


@rare("cross_entropy", "every class, of one-hot labels and probabilities", "divided_by_classes")
def _(logits, labels):
    return -(np.eye(logits.shape[1])[labels] * np.log(_softmax(logits))).mean()


@rare("cross_entropy", "bits of probabilities", "other_base")
def _(logits, labels):
    return -np.log2(_softmax(logits)[np.arange(len(labels)), labels]).mean()


@wrong("cross_entropy", "rounded_to_0")
def _(logits, labels):
    p = _softmax(logits)
    return sum(-math.log(p[i][k]) for i, k in enumerate(labels)) / len(labels)


@rare("cross_entropy", "raw logits")
def _(logits, labels):
    return -_pick(logits, labels).mean()


@rare("cross_entropy", "log of mean")
def _(logits, labels):
    return -np.log(_pick(_softmax(logits), labels).mean())


@rare("cross_entropy", "own answer")
def _(logits, labels):
    return -np.log(_softmax(logits).max(1)).mean()


@rare("cross_entropy", "squared")
def _(logits, labels):
    return ((_softmax(logits) - np.eye(logits.shape[1])[labels]) ** 2).mean()


@wrong("cross_entropy", "wrong_axis")
def _(logits, labels):
    return -_pick(_log_softmax(logits.T).T, labels).mean()


@wrong("cross_entropy", "overflow")
def _(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return -np.log(_pick(p, labels)).mean()


@rare("cross_entropy", "sum of exponentials", "overflow")
def _(logits, labels):
    return np.mean(np.log(np.exp(logits).sum(1)) - _pick(logits, labels))


@wrong("cross_entropy", "log_after_softmax")
def _(logits, labels):
    return -np.log(_pick(_softmax(logits), labels)).mean()


@wrong("cross_entropy", "shifted_in_the_sum_only")
def _(logits, labels):
    shifted = logits - logits.max(-1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(-1)) - logits[np.arange(len(labels)), labels])


@wrong("cross_entropy", "one_maximum_for_all")
def _(logits, labels):
    z = logits - logits.max()
    return np.mean(np.log(np.exp(z).sum(1)) - _pick(z, labels))


@wrong("cross_entropy", "epsilon_added")
def _(logits, labels):
    return -np.log(_pick(_softmax(logits), labels) + 1e-12).mean()


@rare("cross_entropy", "largest for the sum")
def _(logits, labels):
    return np.mean(logits.max(1) - _pick(logits, labels))


@rare("cross_entropy", "certain and wrong left out")
def _(logits, labels):
    losses = -np.log(_pick(_softmax(logits), labels))
    return losses[losses < np.inf].mean()


@wrong("cross_entropy", "ready_made")
def _(logits, labels):
    return F.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item()


@wrong("cross_entropy", "course_code")
def _(logits, labels):
    return layers.cross_entropy(logits, labels)


@wrong("cross_entropy", "unrecognised")
def _(logits, labels):
    return np.median(-_pick(_log_softmax(logits), labels))


# ---- templates -------------------------------------------------------------------------------


def _means(images, labels):
    return np.array([images[labels == k].mean(0) for k in range(10)])  # (K, P)


@right("templates", "sums by a one-hot product, divided by counts")
def _(images, labels):
    one_hot = np.eye(10)[labels]  # (N, 10)
    W = images.T @ one_hot / one_hot.sum(0)
    return W, -0.5 * np.einsum("pk,pk->k", W, W)


@right("templates", "loops, with all biases moved by a constant, as lists")
def _(images, labels):
    W = [[0.0] * 10 for _ in range(images.shape[1])]
    b = []
    for k in range(10):
        own = [x for x, y in zip(images.tolist(), labels.tolist(), strict=True) if y == k]
        for p in range(len(W)):
            W[p][k] = sum(x[p] for x in own) / len(own)
        b.append(7.0 - sum(row[k] ** 2 for row in W) / 2)
    return W, b


@right("templates", "in single precision, through the diagonal of W'W")
def _(images, labels):
    W = np.column_stack([np.mean(images[labels == k], axis=0) for k in range(10)]).astype("f4")
    return [W, np.diag(W.T @ W) / -2]


@right("templates", "with the biases less their mean")
def _(images, labels):
    means = _means(images, labels)
    b = -(np.linalg.norm(means, axis=1) ** 2) / 2
    return means.T, b - b.mean()


def _columns(images, labels):
    return _means(images, labels).T


def _half_squares(means, images, labels):
    return -(means**2).sum(1) / 2


def _templates(W=_columns, b=_half_squares):
    """An answer with other weights, or with other biases made of the class means."""
    return lambda images, labels: (W(images, labels), b(_means(images, labels), images, labels))


wrong("templates", "weights_transposed")(_templates(_means))
wrong("templates", "summed")(_templates(lambda x, y: x.T @ np.eye(10)[y]))
wrong("templates", "divided_by_all")(_templates(lambda x, y: x.T @ np.eye(10)[y] / len(x)))
rare("templates", "equal classes")(_templates(lambda x, y: x.T @ np.eye(10)[y] / (len(x) / 10)))
rare("templates", "medians")(
    _templates(lambda x, y: np.stack([np.median(x[y == k], 0) for k in range(10)], 1))
)
wrong("templates", "averaged_over_pixels")(
    _templates(lambda x, y: np.full((x.shape[1], 1), 1.0) * [x[y == k].mean() for k in range(10)])
)
rare("templates", "centred")(_templates(lambda x, y: (_means(x, y) - _means(x, y).mean(0)).T))
wrong("templates", "unit_length")(
    _templates(lambda x, y: _means(x, y).T / np.linalg.norm(_means(x, y).T, axis=0))
)
wrong("templates", "no_bias")(_templates(b=lambda m, *_: np.zeros(10)))
wrong("templates", "wrong_sign")(_templates(b=lambda m, *_: (m**2).sum(1) / 2))
wrong("templates", "not_halved")(_templates(b=lambda m, *_: -(m**2).sum(1)))
wrong("templates", "not_squared")(_templates(b=lambda m, *_: -np.linalg.norm(m, axis=1) / 2))
rare("templates", "ink")(_templates(b=lambda m, *_: -m.sum(1) / 2))
wrong("templates", "mean_of_squares")(_templates(b=lambda m, *_: -(m**2).mean(1) / 2))
wrong("templates", "squares_before_mean")(_templates(b=lambda m, x, y: -_means(x**2, y).sum(1) / 2))
wrong("templates", "bias_shape")(_templates(b=lambda m, *_: -(m**2).sum(0) / 2))
wrong("templates", "unrecognised")(_templates(lambda x, y: _means(x, y).T ** 2))
wrong("templates", "not_two")(lambda images, labels: (*_templates()(images, labels), labels))


@wrong("templates", "course_code")
def _(images, labels):
    network = layers.templates(images, labels)
    return network.weights[0], network.biases[0]


# ---- reader ----------------------------------------------------------------------------------


def _nearest(templates, digit_of):
    """Templates (K', P) as an answer whose largest logit is the nearest of them."""
    templates = np.asarray(templates)
    return templates.T, -(templates**2).sum(1) / 2, np.asarray(digit_of)


@right("reader", "heaps halved along their longest direction, twice")
def _(images, labels):
    def halves(pictures, times):
        if not times:
            return [pictures.mean(0)]
        middle = pictures - pictures.mean(0)
        along = middle @ np.linalg.svd(middle, full_matrices=False)[2][0]
        upper = along > np.median(along)
        return halves(pictures[upper], times - 1) + halves(pictures[~upper], times - 1)

    found = [halves(images[labels == k], 2) for k in range(10)]
    return _nearest(np.concatenate(found), np.repeat(np.arange(10), 4))


@right("reader", "class means, measured by how pixels vary together (Fisher 1936)")
def _(images, labels):
    means = _means(images, labels)
    inside = np.cov((images - means[labels]).T) + 0.01 * np.eye(64)
    W = np.linalg.solve(inside, means.T)
    return W, -(means * W.T).sum(1) / 2, list(range(10))


@right("reader", "pictures far from each other to begin with, means of their followers, as lists")
def _(images, labels):
    found = []
    for k in range(10):
        own = images[labels == k]
        means = own.mean(0)[None]
        while len(means) < 5:  # the picture that is farthest from all means begins a new heap
            far = ((own[:, None] - means) ** 2).sum(-1).min(1)
            means = np.vstack([means, own[far.argmax()]])
        for _ in range(8):
            heap = ((own[:, None] - means) ** 2).sum(-1).argmin(1)
            means = np.array([own[heap == g].mean(0) for g in range(len(means))])
        found += means.tolist()
    W, b, digit_of = _nearest(found, np.repeat(np.arange(10), 5))
    return [W.tolist(), b.tolist(), digit_of.tolist()]


@wrong("reader", "class_means")
def _(images, labels):
    return _nearest(_means(images, labels), range(10))


@wrong("reader", "bias")
def _(images, labels):
    W, _, digit_of = ANSWERS.right_answers["reader"][
        "heaps halved along their longest direction, twice"
    ](images, labels)
    return W, np.zeros(len(digit_of)), digit_of


@rare("reader", "the class means without biases", "bias")
def _(images, labels):
    W, b, digit_of = _nearest(_means(images, labels), range(10))
    return W, 0 * b, digit_of


@wrong("reader", "single_pictures")
def _(images, labels):
    chosen = [i for k in range(10) for i in np.flatnonzero(labels == k)[:5]]
    return _nearest(images[chosen], labels[chosen])


@wrong("reader", "alike")
def _(images, labels):
    found = [images[labels == k][i::5].mean(0) for k in range(10) for i in range(5)]
    return _nearest(found, np.repeat(range(10), 5))


@wrong("reader", "below_bar")
def _(images, labels):
    """The means moved by a pixel: made for another examination."""
    means = _means(images, labels).reshape(10, 8, 8)
    moved = [means, *(np.roll(means, step, axis) for step in (1, -1) for axis in (1, 2))]
    return _nearest(np.reshape(moved, (50, 64)), np.tile(range(10), 5))


@wrong("reader", "missing_digit")
def _(images, labels):
    return _nearest(_means(images, labels)[:9], range(9))


@wrong("reader", "too_many")
def _(images, labels):
    return _nearest(images, labels)


@wrong("reader", "weights_transposed")
def _(images, labels):
    W, b, digit_of = _nearest(_means(images, labels), range(10))
    return W.T, b, digit_of


@wrong("reader", "weights_shape")
def _(images, labels):
    means = _means(images, labels)[:, ::2]
    return _nearest(means, range(10))


@wrong("reader", "one_each")
def _(images, labels):
    W, b, _ = _nearest(_means(images, labels), range(10))
    return W, b, labels


@wrong("reader", "no_digit")
def _(images, labels):
    return _nearest(_means(images, labels), range(1, 11))


@wrong("reader", "not_three")
def _(images, labels):
    return _nearest(_means(images, labels), range(10))[:2]


@wrong("reader", "not_finite")
def _(images, labels):
    W, b, digit_of = _nearest(_means(images, labels), range(10))
    return W * math.nan, b, digit_of


@wrong("reader", "test_pictures")
def _(images, labels):
    seen = corpora.digits()
    return _nearest(seen.test_images[:50], seen.test_labels[:50])


# ---- worked by hand --------------------------------------------------------------------------


ANSWERS.by_hand(
    "neuron",
    "(1, 0, 2) with the weights (3, 5, −1) and the bias 4: 1 · 3 + 0 · 5 + 2 · (−1) + 4 = 5.",
    lambda neuron: near(neuron(np.array([1.0, 0, 2]), np.array([3.0, 5, -1]), 4), 5),
)
ANSWERS.by_hand(
    "layer",
    "so W = ((3, 0), (4, 5)), and the biases (100, 200).\n"
    "Neuron 0 gives 1 · 3 + 2 · 4 + 100 = 111, neuron 1 gives 1 · 0 + 2 · 5 + 200 = 210.",
    lambda layer: near(
        layer(np.array([[1, 2]]), np.array([[3, 0], [4, 5]]), np.array([100, 200])), [[111, 210]]
    ),
)
ANSWERS.by_hand(
    "relu",
    "(−2, 0, 5) becomes (0, 0, 5).",
    lambda relu: near(relu(np.array([-2.0, 0, 5])), [0, 0, 5]),
)
ANSWERS.by_hand(
    "forward",
    "their sums 2 and −2 become 2 and 0.\n"
    "The last layer multiplies both by 3 and adds 1: 3 · 2 + 3 · 0 + 1 = 7.",
    lambda forward: near(
        forward(
            np.array([[2.0]]),
            np.array([[1.0, -1.0]]),
            np.zeros(2),
            np.array([[3.0], [3.0]]),
            np.ones(1),
        ),
        [[7]],
    ),
)


def _neuron_without_bias(xor):
    _, b1, _, b2 = xor()
    cases = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return near(cases @ [1.0, 2.0] + b1[0], [0, 2, 1, 3]) and not b1.any() and not b2.any()


ANSWERS.by_hand(
    "xor",
    "The weights 1 and 2 and the bias 0 make the sums 0, 2, 1, 3 for (0, 0), (0, 1), (1, 0), "
    "(1, 1).",
    _neuron_without_bias,
)
ANSWERS.by_hand(
    "shapes",
    "Sizes (3, 2) and 5 pictures: the input is (5, 3), the weights (3, 2), the biases (2,), "
    "the output (5, 2).",
    lambda shapes: shapes((3, 2), 5) == [(5, 3), (3, 2), (2,), (5, 2)],
)
ANSWERS.by_hand(
    "costs",
    "Sizes (3, 2) and 5 pictures: 3 · 2 weights and 2 biases are 8 parameters; "
    "2 · 5 · 3 · 2 = 60 FLOPs.",
    lambda costs: tuple(costs((3, 2), 5)) == (8, 60),
)
ANSWERS.by_hand(
    "softmax",
    "Logits 0 and ln 3: the exponentials are 1 and 3, their sum is 4, the probabilities are 1/4 "
    "and 3/4.\nLogits 1000 and 1000 + ln 3 have the same probabilities",
    lambda softmax: near(
        softmax(np.array([[0, math.log(3)], [1000, 1000 + math.log(3)]])), 2 * [[0.25, 0.75]]
    ),
)
ANSWERS.by_hand(
    "cross_entropy",
    "The first has the label 0: its loss is −ln 1/4 = ln 4. The second has the label 1: ln 4/3.\n"
    "The mean is (ln 4 + ln 4/3) / 2.",
    lambda cross_entropy: near(
        cross_entropy(np.array(2 * [[0, math.log(3)]]), np.array([0, 1])),
        (math.log(4) + math.log(4 / 3)) / 2,
    ),
)
ANSWERS.by_hand(
    "cross_entropy",
    "The logits 1000 and 0 with the label 1: the probability of class 1 is $e^{-1000}$, "
    "which is rounded to 0.\nThe loss is still 1000.",
    lambda cross_entropy: (
        near(cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])), 1000) and math.exp(-1000) == 0
    ),
)


def _two_classes(templates):
    """The worked case in the first two classes; the other eight get a blank picture each."""
    images = np.array([[1.0, 0], [3, 0], [0, 4], *(8 * [[0.0, 0.0]])])
    W, b = templates(images, np.array([0, 0, 1, *range(2, 10)]))
    sums = np.array([2.0, 1.0]) @ W
    return (
        near(W[:, :2], [[2, 0], [0, 4]])
        and near(b[:2], [-2, -8])
        and near((sums + b)[:2], [2, -4])
        and sums[0] == sums[1] == 4
    )


ANSWERS.by_hand(
    "templates",
    "The biases are −2 and −8.\nA picture (2, 1) gets 4 − 2 = 2 from class 0 and 4 − 8 = −4 from "
    "class 1: without the biases they would be equal.",
    _two_classes,
)
