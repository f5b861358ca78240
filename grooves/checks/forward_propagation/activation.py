"""Checks of lab 01, second part: ReLU, and a network of two layers (chapter 01).

Key idea: what goes wrong is where the ReLU is applied. The inputs contain negative numbers
everywhere, so a ReLU before the first layer, after the last, or missing, changes the result.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.layers import relu_of
from grooves.checks.forward_propagation.rules import LAB, SHARP, integers, on_read_only

# ---- 3 ReLU ----------------------------------------------------------------------------------


RELU_MISTAKES = (
    Mistake(
        "no_activation",
        lambda z: z,
        "the negative numbers are unchanged. ReLU sets them to 0.",
    ),
    Mistake("absolute", np.abs, "the negative numbers became positive. ReLU sets them to 0."),
    Mistake(
        "step",
        lambda z: z > 0,
        "your result says which numbers are positive. ReLU keeps those numbers themselves.",
    ),
    *(
        Mistake(
            "clipped",
            lambda z, most=most: z.clip(0, most),
            "large numbers were cut off. ReLU has a lower limit, 0, and no upper limit.",
        )
        for most in (1, 6, 10, 100, 255, 1000)
    ),
    Mistake(
        "max_along_axis",
        lambda z: np.max(z, 0),
        "np.max(z, 0) is the largest number along axis 0. "
        "np.maximum(z, 0) compares each number with 0.",
    ),
    Mistake(
        "sign_swapped",
        lambda z: np.minimum(z, 0),
        "you keep the negative numbers and set the others to 0. It is the other way round.",
    ),
    Mistake(
        "dropped",
        lambda z: z[z > 0],
        "the negative numbers are left out, so the shape changed. Each should become a 0 in place.",
    ),
    Mistake(
        "leaky",
        lambda z: np.where(z > 0, z, 0.01 * z),
        "negative numbers are multiplied by 0.01. That is leaky ReLU; here they become 0.",
    ),
    Mistake(
        "sigmoid",
        lambda z: 1 / (1 + np.exp(-z)),
        "you compute the sigmoid. The exercise asks for ReLU.",
    ),
)


@check(lab=LAB, exercise="relu")
def relu(answer):
    """relu(z): any shape -> the same shape, negative numbers set to 0, z itself left as it was."""

    def ask(call, z, given="", times=1.0):
        def larger(compute):
            return lambda z: np.asarray(compute(z)) * times

        expected = F.relu(torch.from_numpy(z)) * times
        given = given or f"z of shape {shape_of(z)}"
        mistakes = [Mistake(m.name, larger(m.compute), m.says) for m in RELU_MISTAKES]
        asked = call if times == 1.0 else larger(call)
        judge(asked, (z,), expected, mistakes, given, tolerance=SHARP)

    mixed = np.array([[-2.0, 0.0, 1.5], [7.0, -0.25, 0.5]])
    ask(by_hand(answer, "relu", "relu_"), mixed, "z = [[-2, 0, 1.5], [7, -0.25, 0.5]]")
    ask(answer, np.array([[3.0, -0.5, 0.25], [-4.0, 1.5, -6.0]]), "another z of shape (2, 3)")
    ask(answer, -np.abs(coarse(draw(7, 3, 2))) - 1, "z of shape (3, 2), all negative")
    ask(answer, coarse(draw(6, 5, 4, scale=3)).T)
    row = np.array([-1e6, 1 / 256, 1e6, -1 / 256, 0.75, -0.75])
    ask(answer, row, "z = (-1000000, 1/256, 1000000, -1/256, 3/4, -3/4)")
    far = [
        [88, -1e30, 700, -100.0, 0],
        [1e4, 5e4, 1e9, 1e30, -1e9],
        [-5.0] * 5,
        [0, -0.0] * 2 + [0],
    ]
    ask(on_read_only(answer), np.array(far), f"z = {far}")
    small = [2.0**-99, -(2.0**-99), 0, 2.0**-60, -(2.0**-60), 2.0**-30, -(2.0**-20), 2.0**-20]
    told = "2**99 times your result for z = (2**-99, -2**-99, 0, 2**-60, ...)"
    ask(on_read_only(answer), np.array(small), told, times=2.0**99)
    ask(answer, coarse(draw(8, 2, 3, 4, scale=2)))
    ask(answer, coarse(draw(10, 4099)))
    ask(on_read_only(answer), coarse(draw(11, 2, 1, 3, 1, 2)).astype("f4"), "float32, five axes")
    ask(answer, integers(9, 3, 5), "integers, z of shape (3, 5)")
    ask(answer, np.array([[-0.75]]), "z = [[-3/4]], of shape (1, 1)")
    for number in (-2.5, 2.5):
        ask(answer, np.array(number), f"z = np.array({number}), of shape ()")


# ---- 4 forward -------------------------------------------------------------------------------


def _network(x, W1, b1, W2, b2, activation=relu_of):
    return activation(x @ W1 + b1) @ W2 + b2


def _probabilities(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


FORWARD_MISTAKES = (
    Mistake(
        "no_activation",
        lambda *a: _network(*a, activation=lambda z: z),
        "the ReLU between the layers is missing. Without it, two layers compute no more than one.",
    ),
    Mistake(
        "relu_on_logits",
        lambda *a: relu_of(_network(*a)),
        "you apply ReLU to the logits too. The last layer has no activation function: "
        "a logit may be negative.",
    ),
    Mistake(
        "relu_after_second_layer",
        lambda *a: relu_of(_network(*a, activation=lambda z: z)),
        "the ReLU comes after the second layer. It belongs between the two.",
    ),
    Mistake(
        "bias_after_relu",
        lambda x, W1, b1, W2, b2: (relu_of(x @ W1) + b1) @ W2 + b2,
        "you add b1 after the ReLU. The bias is part of the sum that ReLU is applied to.",
    ),
    Mistake(
        "no_first_bias",
        lambda x, W1, b1, W2, b2: _network(x, W1, 0, W2, b2),
        "b1, the biases of the hidden layer, is missing.",
    ),
    Mistake(
        "no_second_bias",
        lambda x, W1, b1, W2, b2: _network(x, W1, b1, W2, 0),
        "b2, the biases of the last layer, is missing.",
    ),
    Mistake(
        "probabilities",
        lambda *a: _probabilities(_network(*a)),
        "your result went through a softmax. Return the logits, before the softmax.",
    ),
    Mistake(
        "hidden_returned",
        lambda x, W1, b1, W2, b2: relu_of(x @ W1 + b1),
        "you return the hidden layer. The second layer is missing.",
    ),
    Mistake(
        "sigmoid",
        lambda *a: _network(*a, activation=lambda z: 1 / (1 + np.exp(-z))),
        "your activation function is the sigmoid. The exercise asks for ReLU.",
    ),
)


@check(lab=LAB, exercise="forward")
def forward(answer):
    """forward(x, W1, b1, W2, b2): x (B, P) -> logits (B, K), with a ReLU in between."""

    def ask(call, x, W1, b1, W2, b2, note=""):
        t = [torch.from_numpy(part).double() for part in (x, W1, b1, W2, b2)]
        expected = F.linear(F.relu(F.linear(t[0], t[1].mT, t[2])), t[3].mT, t[4])
        given = f"x {shape_of(x)}, W1 {shape_of(W1)} and W2 {shape_of(W2)}{note}"
        judge(call, (x, W1, b1, W2, b2), expected, FORWARD_MISTAKES, given, tolerance=10 * SHARP)

    shapes = ((2, 3, 5, 4), (2, 3, 5, 4), (1, 4, 6, 3), (3, 2, 1, 1), (7, 67, 23, 13), (1, 1, 1, 1))
    shapes += ((1361, 2, 5, 3), (2, 1409, 3, 7), (3, 5, 1427, 2), (2, 4, 3, 1367))
    for i, (n_pictures, n_in, n_hidden, n_out) in enumerate(shapes):
        sizes = [(n_pictures, n_in), (n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)]
        call = answer if i else by_hand(answer)
        ask(call, *(coarse(draw(8 + 20 * i + j, *size)) for j, size in enumerate(sizes)))
    sizes = ((6, 4), (4, 9), (9,), (9, 3), (3,))
    x, W1, b1, W2, b2 = (coarse(draw(j, *size)) for j, size in enumerate(sizes))
    x[[1, 4]], x[5] = 0.0, x[0]
    ask(on_read_only(answer), x, W1, b1, W2, b2, ", two blank pictures and two that are alike")
    ask(answer, x, W1, b1 - 64, W2, b2, ", every hidden sum negative")
    whole = (integers(40, 3, 4, most=9), integers(41, 4, 5, most=9), integers(42, 5, most=9))
    last = coarse(draw(43, 5, 2)), coarse(draw(44, 2))
    on_whole_numbers(ask, answer, *whole, *last, ", x, W1 and b1 of integers")
    given = ", x of integers"
    on_whole_numbers(ask, answer, whole[0], *(part / 8 for part in whole[1:]), *last, given)
    last, given = (integers(45, 5, 3), integers(46, 3)), ", W2 and b2 of integers"
    on_whole_numbers(ask, answer, *(part / 8 for part in whole), *last, given)
    for factor in (2.0**12, 2.0**40):
        ask(answer, factor * x, W1, b1, W2, b2, f", numbers as large as {factor:.0e}")
    square, bias = coarse(draw(5, 4, 4)), coarse(draw(6, 4))
    ask(answer, square, square, bias, square, bias, ", W1 and W2 one array, b1 and b2 one")
