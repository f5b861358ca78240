"""Checks of lab 01, second part: ReLU, and a network of two layers (chapter 01).

Key idea: where the bend stands is what can go wrong. The inputs have negative numbers in every
place, so that a ReLU before, behind or in none of the layers gives other numbers than one between.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import NOT_THIS, by_hand, draw, judge
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.layers import bent
from grooves.checks.forward_propagation.rules import LAB

# ---- 3 ReLU ----------------------------------------------------------------------------------


RELU_MISTAKES = (
    Mistake(
        "no_bend",
        lambda z: z,
        "nothing happened to the negative numbers. They become 0.",
    ),
    Mistake("absolute", np.abs, "the negative numbers became positive. They become 0."),
    Mistake(
        "step",
        lambda z: z > 0,
        "you tell which numbers are positive. ReLU keeps those numbers themselves.",
    ),
    Mistake(
        "clipped",
        lambda z: z.clip(0, 1),
        "numbers above 1 became 1. ReLU has a floor and no ceiling.",
    ),
    Mistake(
        "largest_of_a_column",
        lambda z: z.max(0) if z.ndim else NOT_THIS,
        "np.max(z, 0) is the largest number along axis 0. "
        "np.maximum(z, 0) compares each number with 0.",
    ),
    Mistake("upside_down", lambda z: np.minimum(z, 0), "you keep what is negative. Keep the rest."),
    Mistake(
        "dropped",
        lambda z: z[z > 0],
        "the negative numbers are gone, and the shape with them. Each becomes a 0 in its place.",
    ),
    Mistake(
        "leaky",
        lambda z: np.where(z > 0, z, 0.01 * z),
        "a hundredth of each negative number is left. That is the leaky ReLU; here it is 0.",
    ),
    Mistake("sigmoid", lambda z: 1 / (1 + np.exp(-z)), "that is the sigmoid, an older bend."),
    Mistake("softplus", lambda z: np.log1p(np.exp(z)), "that is the softplus, a rounded ReLU."),
    Mistake("tanh", np.tanh, "that is tanh, an older bend."),
)


@check(lab=LAB, exercise="relu", points=1)
def relu(answer):
    """relu(z): any shape -> the same shape, negative numbers set to 0, z itself left as it was."""
    mixed = np.array([[-2.0, 0.0, 1.5], [7.0, -0.25, 0.5]])
    given = "z = [[-2, 0, 1.5], [7, -0.25, 0.5]]"
    judge(by_hand(answer, "relu"), (mixed,), F.relu(torch.from_numpy(mixed)), RELU_MISTAKES, given)
    for z in (draw(6, 4, 5, scale=3), -np.abs(draw(7, 3, 2)) - 1):
        expected = torch.from_numpy(z).clamp(min=0)
        judge(answer, (z,), expected, RELU_MISTAKES, f"z of shape {shape_of(z)}")

    z = mixed.copy()
    judge(lambda kept: answer(z), (mixed,), F.relu(torch.from_numpy(mixed)), RELU_MISTAKES, given)
    if not np.array_equal(z, mixed):
        raise CheckFailed(
            "the result is right, but your function changed the z that it was given. Training will "
            "need z again: make a new array.",
            hint="changed_input",
        )


# ---- 4 forward -------------------------------------------------------------------------------


def _through(x, W1, b1, W2, b2, bend=bent):
    return bend(x @ W1 + b1) @ W2 + b2


def _shares(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


FORWARD_MISTAKES = (
    Mistake(
        "no_bend",
        lambda *a: _through(*a, bend=lambda z: z),
        "the ReLU between the layers is missing. Two products in a row are no more than one.",
    ),
    Mistake(
        "bent_twice",
        lambda *a: bent(_through(*a)),
        "the logits went through ReLU too. The last layer is left as it is: "
        "a logit may be negative.",
    ),
    Mistake(
        "bent_late",
        lambda *a: bent(_through(*a, bend=lambda z: z)),
        "the ReLU stands behind the second layer. It belongs between the two.",
    ),
    Mistake(
        "bent_input",
        lambda x, *a: _through(bent(x), *a, bend=lambda z: z),
        "the ReLU stands before the first layer. It belongs between the two.",
    ),
    Mistake(
        "bias_after_the_bend",
        lambda x, W1, b1, W2, b2: (bent(x @ W1) + b1) @ W2 + b2,
        "b1 is added after the ReLU. The bias is part of the sum that is bent.",
    ),
    Mistake(
        "no_first_bias",
        lambda x, W1, b1, W2, b2: _through(x, W1, 0, W2, b2),
        "b1, the biases of the hidden layer, is missing.",
    ),
    Mistake(
        "no_second_bias",
        lambda x, W1, b1, W2, b2: _through(x, W1, b1, W2, 0),
        "b2, the biases of the last layer, is missing.",
    ),
    Mistake(
        "no_biases",
        lambda x, W1, b1, W2, b2: _through(x, W1, 0, W2, 0),
        "neither layer adds its biases.",
    ),
    Mistake(
        "shares",
        lambda *a: _shares(_through(*a)),
        "these are the shares after a softmax. What is asked for is the logits before it.",
    ),
    Mistake(
        "hidden_returned",
        lambda x, W1, b1, W2, b2: bent(x @ W1 + b1),
        "that is the hidden layer. The second layer is still to come.",
    ),
    Mistake(
        "sigmoid",
        lambda *a: _through(*a, bend=lambda z: 1 / (1 + np.exp(-z))),
        "you bend with the sigmoid. Here it is ReLU.",
    ),
    Mistake(
        "tanh",
        lambda *a: _through(*a, bend=np.tanh),
        "you bend with tanh. Here it is ReLU.",
    ),
    Mistake(
        "softmax_between",
        lambda *a: _through(*a, bend=_shares),
        "a softmax stands between the layers. Here it is ReLU.",
    ),
)


@check(lab=LAB, exercise="forward", points=2)
def forward(answer):
    """forward(x, W1, b1, W2, b2): x (B, P) -> logits (B, K), with a ReLU in between."""
    for call, (n_pictures, *sizes) in ((by_hand(answer), (2, 3, 5, 4)), (answer, (1, 4, 6, 3))):
        n_in, n_hidden, n_out = sizes
        x, W1, b1 = draw(8, n_pictures, n_in), draw(9, n_in, n_hidden), draw(10, n_hidden)
        W2, b2 = draw(11, n_hidden, n_out), draw(12, n_out)
        given = f"x {shape_of(x)}, W1 {shape_of(W1)} and W2 {shape_of(W2)}"
        hidden = F.relu(F.linear(*map(torch.from_numpy, (x, W1.T.copy(), b1))))
        expected = F.linear(hidden, *map(torch.from_numpy, (W2.T.copy(), b2)))
        judge(call, (x, W1, b1, W2, b2), expected, FORWARD_MISTAKES, given)
