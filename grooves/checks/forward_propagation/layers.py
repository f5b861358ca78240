"""Checks of lab 01, first part: one neuron, and a layer for a whole batch (chapter 01).

Key idea: every answer is compared with PyTorch's on inputs that tell the usual mistakes apart. The
first inputs of a layer are square, where a transposed matrix goes unnoticed; the others have sizes
that all differ: a single picture, a single neuron, more of each than anywhere in the lab.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.rules import LAB, SHARP, integers, on_read_only


def bent(z: np.ndarray) -> np.ndarray:
    """ReLU, for the mistakes."""
    return z * (z > 0)


# ---- 1 neuron --------------------------------------------------------------------------------


NEURON_MISTAKES = (
    Mistake("no_bias", lambda x, w, b: x @ w, "the bias is missing: add b to the sum."),
    Mistake(
        "bias_for_each",
        lambda x, w, b: (x * w + b).sum(),
        "you add b to every product, so it counts once a pixel. Add it once, to the sum.",
    ),
    Mistake("bias_subtracted", lambda x, w, b: x @ w - b, "the bias is added, not taken off."),
    Mistake(
        "bias_multiplied",
        lambda x, w, b: x @ w * b,
        "you multiply the sum by b. The bias is added.",
    ),
    Mistake(
        "not_summed",
        lambda x, w, b: x * w + b,
        "these are the products, one a pixel. A neuron says one number: their sum.",
    ),
    Mistake(
        "products_only",
        lambda x, w, b: x * w,
        "these are the products, neither added up nor moved by the bias.",
    ),
    *(
        Mistake(
            "first_product",
            compute,
            "that is the first pixel alone. Does the function return inside its loop?",
        )
        for compute in (lambda x, w, b: x[0] * w[0], lambda x, w, b: x[0] * w[0] + b)
    ),
    Mistake(
        "last_product",
        lambda x, w, b: x[-1] * w[-1] + b,
        "that is the last pixel alone. Add each product to those before it: `+=`, not `=`.",
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
        "added",
        lambda x, w, b: (x + w).sum() + b,
        "you add each weight to its pixel. A weight multiplies.",
    ),
    Mistake(
        "every_pair",
        lambda x, w, b: np.outer(x, w) + b,
        "this is every pixel times every weight. Each pixel meets its own weight only.",
    ),
    Mistake(
        "bent",
        lambda x, w, b: bent(x @ w + b),
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
        "you use the rows of W. A neuron's weights are a column of W.",
    ),
    Mistake(
        "swapped",
        lambda x, W, b: W @ x + b if x.shape[0] == W.shape[1] else NOT_THIS,
        "you multiply W @ x. A picture is a row here, so it stands on the left: x @ W.",
    ),
    Mistake(
        "neurons_down",
        lambda x, W, b: W.T @ x.T + b if len(x) == len(b) else NOT_THIS,
        "W.T @ x.T lays the sums on their side, and the biases then go to the pictures: x @ W.",
    ),
    Mistake(
        "bias_down",
        lambda x, W, b: x @ W + b[:, None] if len(x) == len(b) else NOT_THIS,
        "the biases run down the pictures. b[n] belongs to neuron n, which is column n.",
    ),
    Mistake(
        "element_by_element",
        lambda x, W, b: x * W + b if x.shape == W.shape else NOT_THIS,
        "`*` multiplies number by number. A row must meet every column: that is `@`.",
    ),
    Mistake(
        "result_transposed",
        lambda x, W, b: (x @ W + b).T,
        "these are the right sums, lying on their side: pictures go down, neurons across.",
    ),
    Mistake(
        "bent",
        lambda x, W, b: bent(x @ W + b),
        "negative sums became 0. That is ReLU, the next exercise.",
    ),
    Mistake(
        "bias_in_first_row",
        lambda x, W, b: x @ W + np.eye(len(x), 1) * b,
        "only the first picture gets the biases. Add them to every row.",
    ),
    Mistake(
        "pictures_added",
        lambda x, W, b: (x @ W + b).sum(0),
        "you add up the pictures of the batch. Each of them keeps a row of its own.",
    ),
    Mistake(
        "first_picture",
        lambda x, W, b: x[0] @ W + b,
        "that is the first picture alone. The batch has more of them.",
    ),
    Mistake(
        "bias_for_each",
        lambda x, W, b: x @ W + len(W) * b,
        "the biases count once for every pixel. Add them once, to the finished sums.",
    ),
    Mistake("bias_subtracted", lambda x, W, b: x @ W - b, "the biases are added, not taken off."),
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
