"""Checks of lab 01, first part: one neuron, and a layer for a whole batch (chapter 01).

Key idea: every answer is compared with PyTorch's on inputs that tell the usual mistakes apart. The
first inputs of a layer are square, so a transposed matrix raises no error; in the others all sizes
differ, and they include a single picture, a single neuron, and larger sizes than the lab uses.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.rules import LAB, SHARP, integers, on_read_only


def relu_of(z: np.ndarray) -> np.ndarray:
    """ReLU, for the mistakes."""
    return z * (z > 0)


# ---- 1 neuron --------------------------------------------------------------------------------


NEURON_MISTAKES = (
    Mistake("no_bias", lambda x, w, b: x @ w, "the bias is missing: add b to the sum."),
    Mistake(
        "bias_for_each",
        lambda x, w, b: (x * w + b).sum(),
        "you add b to every product, so it counts once per pixel. Add it once, to the sum.",
    ),
    *(
        Mistake(
            "not_summed",
            compute,
            "your result has one number per pixel. A neuron returns a single number: the sum of "
            "the products, plus b.",
        )
        for compute in (lambda x, w, b: x * w + b, lambda x, w, b: x * w)
    ),
    *(
        Mistake(
            "first_product",
            compute,
            "only the first pixel counts. Does the function return inside its loop?",
        )
        for compute in (lambda x, w, b: x[0] * w[0], lambda x, w, b: x[0] * w[0] + b)
    ),
    Mistake(
        "last_product",
        lambda x, w, b: x[-1] * w[-1] + b,
        "only the last pixel counts. Add each product to those before it: `+=`, not `=`.",
    ),
    Mistake(
        "averaged",
        lambda x, w, b: (x * w).mean() + b,
        "you take the mean of the products. A neuron adds them up.",
    ),
    Mistake(
        "sums_multiplied",
        lambda x, w, b: x.sum() * w.sum() + b,
        "you multiply the sum of x by the sum of w. Multiply pixel by pixel first, then add up.",
    ),
    Mistake(
        "relu_applied",
        lambda x, w, b: relu_of(x @ w + b),
        "a negative sum became 0. That is ReLU, {{exercise relu}}; a neuron's sum may be negative.",
    ),
)


@check(lab=LAB, exercise="neuron")
def neuron(answer):
    """neuron(x, w, b): x (P,), w (P,), b a number -> one number."""

    def torchs(x, w, b):
        return torch.dot(torch.from_numpy(x).double(), torch.from_numpy(w).double()) + b

    def ask(call, x, w, b, given):
        judge(call, (x, w, b), torchs(x, w, b), NEURON_MISTAKES, given, tolerance=SHARP)

    few = (np.array([0.5, 1.0, 0.0, 2.0]), np.array([3.0, -1.0, 3.0, 0.25]), 0.375)
    ask(by_hand(answer), *few, "x = (0.5, 1, 0, 2), w = (3, -1, 3, 0.25) and b = 0.375")
    negative = (np.array([1.0, 0.5, 0.0, 1.0]), np.array([-3.0, 2.0, 7.0, 0.5]), -1.0)
    ask(answer, *negative, "x = (1, 0.5, 0, 1), w = (-3, 2, 7, 0.5) and b = -1")
    for n, b in ((131, 2.0), (10_007, -3)):
        many = (coarse(np.abs(draw(1, n))), coarse(draw(2, n)), b)
        ask(on_read_only(answer), *many, f"{n} pixels, {n} weights and b = {b:g}")
    blank, far = np.zeros(5), np.array([-1e9, 1e9, 2e9, -0.0, 1e-30])
    given = "five blank pixels, w = (-1e9, 1e9, 2e9, 0, 1e-30) and b = 2.75"
    ask(answer, blank, far, 2.75, given)  # which cut to an integer is not 0
    ask(answer, far, blank, -3.5, "x = (-1e9, 1e9, 2e9, 0, 1e-30), w = 0 and b = -3.5")
    large = np.array([3e6, 2e6]), np.array([-1e6, 4e6])
    ask(answer, *large, 1e9, "x = (3e6, 2e6), w = (-1e6, 4e6) and b = 1e9")
    ask(answer, *large[::-1], -1e13, "x = (-1e6, 4e6), w = (3e6, 2e6) and b = -1e13")
    alike = np.array([-2.0, 3.0, 3.0, 0.0, 3.0, 7.0])
    ask(answer, alike, alike, np.float32(1.25), "x and w both (-2, 3, 3, 0, 3, 7), and b = 1.25")
    ask(answer, np.array([0.25]), np.array([1.5]), 0.0, "one pixel, x = (0.25,), w = (1.5,), b = 0")
    whole = (np.array([300, 0, -2]), np.array([400, 7, 1]), 0.5)
    ask(answer, *whole, "integers, x = (300, 0, -2), w = (400, 7, 1), and b = 0.5")
    whole, parts = np.array([1, 3, 1, 0]), np.array([0.5, 0.25, 0.75, 2.0])
    for x, w in ((whole, parts), (parts, whole)):
        given = f"x = {tuple(x.tolist())}, w = {tuple(w.tolist())} and b = 1"
        on_whole_numbers(ask, answer, x, w, 1, given)


# ---- 2 layer ---------------------------------------------------------------------------------


LAYER_MISTAKES = (
    Mistake("no_bias", lambda x, W, b: x @ W, "the biases are missing: add b to every row."),
    Mistake(
        "weights_transposed",
        lambda x, W, b: x @ W.T + b if W.shape[0] == W.shape[1] else NOT_THIS,
        "you use the rows of W. The weights of one neuron are a column of W.",
    ),
    Mistake(
        "swapped",
        lambda x, W, b: W @ x + b if x.shape[0] == W.shape[1] else NOT_THIS,
        "you compute W @ x. A picture is a row here, so x comes first: x @ W.",
    ),
    Mistake(
        "bias_down",
        lambda x, W, b: x @ W + b[:, None] if len(x) == len(b) else NOT_THIS,
        "you add one bias per picture, down the rows. b[n] belongs to neuron n, which is column n.",
    ),
    Mistake(
        "element_by_element",
        lambda x, W, b: x * W + b if x.shape == W.shape else NOT_THIS,
        "`*` multiplies element by element. You need the matrix product `@`, which takes the dot "
        "product of every row with every column.",
    ),
    Mistake(
        "result_transposed",
        lambda x, W, b: (x @ W + b).T,
        "the sums are right, but the result is transposed: one row per picture, one column per "
        "neuron.",
    ),
    Mistake(
        "relu_applied",
        lambda x, W, b: relu_of(x @ W + b),
        "negative sums became 0. That is ReLU, the next exercise.",
    ),
    Mistake(
        "first_picture",
        lambda x, W, b: x[0] @ W + b,
        "your result covers the first picture only. Does the function return inside its loop?",
    ),
    Mistake(
        "bias_for_each",
        lambda x, W, b: x @ W + len(W) * b,
        "the biases count once per pixel. Add them once, to the finished sums.",
    ),
)


@check(lab=LAB, exercise="layer")
def layer(answer):
    """layer(x, W, b): x (B, fan_in), W (fan_in, fan_out), b (fan_out,) -> (B, fan_out)."""

    def ask(call, x, W, b, note=""):
        expected = F.linear(*(torch.from_numpy(part).double() for part in (x, W.T.copy(), b)))
        given = f"x {shape_of(x)}, W {shape_of(W)} and b {shape_of(b)}{note}"
        judge(call, (x, W, b), expected, LAYER_MISTAKES, given, tolerance=SHARP)

    sizes = ((3, 3, 3), (3, 3, 3), (5, 2, 4), (1, 6, 3), (2, 4, 1), (7, 71, 13), (261, 1, 2))
    sizes += ((1361, 2, 3), (2, 1409, 3), (3, 2, 1367))
    for number, (n_pictures, fan_in, fan_out) in enumerate(sizes):
        call = answer if number else by_hand(answer, "linear", "bilinear")
        drawn = [(n_pictures, fan_in), (fan_in, fan_out), (fan_out,)]
        ask(call, *(coarse(draw(3 + 20 * number + i, *shape)) for i, shape in enumerate(drawn)))
    whole = (coarse(draw(6, 3, 4)), integers(7, 4, 2, most=9), np.array([0.5, -0.25]))
    on_whole_numbers(ask, answer, *whole, ", W of integers")
    whole = (integers(8, 4, 3, most=9), coarse(draw(7, 3, 2)), np.array([0.5, -0.25]))
    on_whole_numbers(ask, answer, *whole, ", x of integers")
    ask(answer, *(coarse(draw(90 + i, *shape)) for i, shape in enumerate(((1, 1), (1, 1), (1,)))))
    blank, W, b = coarse(draw(9, 6, 4)), coarse(draw(10, 4, 5)), coarse(draw(11, 5))
    blank[[1, 4]], blank[5], W[:, 2] = 0.0, blank[0], 0.0
    ask(on_read_only(answer), blank, W, b, ", two blank pictures and two that are alike")
    ask(answer, blank, W, 0 * b, ", all biases 0")
    ask(answer, 1e9 * blank - 5e9, W, 1e9 * b, ", numbers far below 0")
    square = coarse(draw(12, 4, 4))
    ask(answer, square, square, square[0].copy(), ", x and W one array")
