"""Check of lab 02, third part: the gradients of a whole network (chapter 02).

Key idea: the answer is compared with PyTorch's gradients of lab 1's forward pass. All sizes differ,
except where a matrix that is not transposed must still fit. Shapes: B pictures.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import draw, on_whole_numbers
from grooves.checks.back_propagation.loss import gradient_of
from grooves.checks.back_propagation.rules import (
    LAB,
    by_hand,
    formula,
    judge_arrays,
    torchs_gradients,
)
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.stable_softmax import softmax_of

# ---- 6 network_backward ----------------------------------------------------------------------


def _back(
    x,
    y,
    W1,
    b1,
    W2,
    b2,
    mask=lambda z, g: z > 0,
    last_bias=True,
    loss=gradient_of,
    through=lambda W: W.T,
):
    """The gradients by formula, with a place for each mistake."""
    z = x @ W1 + b1
    hidden = np.maximum(z, 0)
    g = loss(hidden @ W2 + (b2 if last_bias else 0), y)
    back = g @ through(W2)
    g1 = back * mask(z, back)
    return x.T @ g1, g1.sum(0), hidden.T @ g, g.sum(0)


def _relu_swapped(x, y, W1, b1, W2, b2):
    _, _, to_W2, to_b2 = _back(x, y, W1, b1, W2, b2)
    z = x @ W1 + b1
    g1 = z * (gradient_of(np.maximum(z, 0) @ W2 + b2, y) @ W2.T > 0)
    return x.T @ g1, g1.sum(0), to_W2, to_b2


def _averaged_biases(x, *rest):
    W1, b1, W2, b2 = _back(x, *rest)
    return W1, b1 / len(x), W2, b2 / len(x)


def _z_for_hidden(x, y, W1, b1, W2, b2):
    W1_, b1_, W2_, b2_ = _back(x, y, W1, b1, W2, b2)
    z = x @ W1 + b1
    return W1_, b1_, z.T @ gradient_of(np.maximum(z, 0) @ W2 + b2, y), b2_


def _biases_per_picture(x, y, W1, b1, W2, b2):
    z = x @ W1 + b1
    g = gradient_of(np.maximum(z, 0) @ W2 + b2, y)
    W1_, _, W2_, _ = _back(x, y, W1, b1, W2, b2)
    return W1_, (g @ W2.T) * (z > 0), W2_, g


NETWORK_MISTAKES = (
    Mistake(
        "no_mask",
        lambda *a: _back(*a, mask=lambda z, g: 1),
        "the ReLU is missing in the backward pass. The gradient passes only where z > 0.",
    ),
    Mistake(
        "relu_swapped",
        _relu_swapped,
        "the arguments of relu_backward are swapped, so it masks z by the gradient's sign. Pass z "
        "first, then the gradient of h: relu_backward(z, to_hidden).",
    ),
    Mistake(
        "b2_forgotten",
        lambda *a: _back(*a, last_bias=False),
        "b2 is missing in the forward pass: the logits are h @ W2 + b2.",
    ),
    Mistake(
        "softmax_before",
        lambda *a: _back(*a, loss=lambda z, y: gradient_of(softmax_of(z), y)),
        "you pass probabilities to loss_backward, which applies the softmax itself. Pass the "
        "logits.",
    ),
    Mistake(
        "z_for_hidden",
        _z_for_hidden,
        "you compute the gradient of W2 from z. The input of the second layer is ReLU of z.",
    ),
    Mistake(
        "biases_averaged",
        _averaged_biases,
        "the gradients of the biases are means over the pictures. The loss has divided already: "
        "add them up.",
    ),
    Mistake(
        "biases_per_picture",
        _biases_per_picture,
        "the gradients of the biases have one row per picture. All pictures use the same biases: "
        "unbroadcast.",
    ),
    Mistake(
        "not_averaged",
        lambda *a: [len(a[0]) * part for part in _back(*a)],
        "all gradients are too large by the number of pictures. The loss is a mean.",
    ),
    Mistake(
        "averaged_twice",
        lambda *a: [part / len(a[0]) for part in _back(*a)],
        "all gradients are too small by the number of pictures. loss_backward has divided already.",
    ),
    Mistake(
        "wrong_sign",
        lambda *a: [-part for part in _back(*a)],
        "all signs are wrong. Return the gradients; the step *against* them comes later.",
    ),
    *(
        Mistake(
            "wrong_order",
            lambda *a, order=order: [_back(*a)[i] for i in order],
            "the gradients are right, but in the wrong order: W1, b1, W2, b2 is asked for.",
        )
        for order in ((2, 3, 0, 1), (0, 2, 1, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 0, 3, 2))
    ),
    Mistake(
        "W2_not_transposed",
        lambda *a: _back(*a, through=lambda W: W),
        "W2 is not transposed in the backward pass. The shapes fit only because it is square here.",
    ),
)


@check(lab=LAB, exercise="network_backward", returns=(tuple, list))
def network_backward(answer):
    """network_backward(x, labels, W1, b1, W2, b2) -> gradients of the mean loss, in that order."""
    for i, (call, (n_pictures, *sizes), labels) in enumerate(
        (
            (by_hand(answer), (5, 3, 4, 4), [1, 0, 2, 2, 0]),
            (formula(answer), (1, 4, 7, 3), [1]),
            (answer, (5, 3, 4, 6), [1, 0, 4, 2, 0]),
            (answer, (5, 3, 4, 6), [3, 3, 1, 0, 4]),
            (answer, (70, 2, 5, 12), np.arange(70) % 11),
            (answer, (2, 1, 1, 2), [1, 1]),
            (answer, (3, 4, 6, 1), [0, 0, 0]),
            (answer, (3, 71, 67, 2), [0, 1, 0]),
        )
    ):
        x, parameters = draw(140 + i, n_pictures, sizes[0]), _parameters(150 + i, *sizes)
        _check_network(call, x, np.array(labels), *parameters)

    few = ([[1.0]], [0.0], [[3.0, 1.0]], [0.5, 0.0])
    _check_network(answer, np.array([[2.0]]), np.array([0]), *map(np.array, few))
    # for a blank picture each z is the bias alone, and some are exactly 0
    x, (W1, b1, W2, b2) = draw(145, 4, 3), _parameters(155, 3, 6, 5)
    x[1], b1[:3] = 0.0, 0.0
    _check_network(answer, x, np.array([3, 2, 0, 3]), W1, b1, W2, b2, "a blank picture, ")
    x, parameters = draw(146, 3, 2), _parameters(156, 2, 3, 4)
    parameters = [1000 * p for p in parameters]
    _check_network(answer, x, np.array([0, 2, 2]), *parameters, "logits up to a million, ")
    x, labels = np.array([[0, 16, 3, 7], [2, 0, 9, 1], [5, 5, 0, 12]]), np.array([0, 1, 1])
    parameters = _parameters(157, 4, 3, 2)
    on_whole_numbers(_check_network, answer, x, labels, *parameters, "integers, ")
    parameters = [np.rint(2 * p).astype(int) for p in parameters]
    on_whole_numbers(_check_network, answer, x / 16, labels, *parameters, "weights of integers, ")


def _parameters(seed: int, n_in: int, n_hidden: int, n_out: int) -> tuple[np.ndarray, ...]:
    """W1, b1, W2 and b2 of normal random numbers."""
    shapes = ((n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,))
    return tuple(draw(10 * seed + i, *shape) for i, shape in enumerate(shapes))


def _check_network(call, x, labels, W1, b1, W2, b2, what="") -> None:
    pictures, target = torch.from_numpy(x).double(), torch.from_numpy(labels)

    def loss(W1, b1, W2, b2):
        return F.cross_entropy(F.relu(pictures @ W1 + b1) @ W2 + b2, target)

    found = torchs_gradients(loss, W1, b1, W2, b2)
    names = [f"the gradient of {name}" for name in ("W1", "b1", "W2", "b2")]
    judge_arrays(
        call,
        (x, labels, W1, b1, W2, b2),
        dict(zip(names, found, strict=True)),
        NETWORK_MISTAKES,
        f"{what}x {shape_of(x)}, W1 {shape_of(W1)} and W2 {shape_of(W2)}",
    )
