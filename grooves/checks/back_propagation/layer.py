"""Checks of lab 02, second part: back through a matrix product and through ReLU (chapter 02).

Key idea: the first product is square, where a missing transpose fits by accident and gives wrong
numbers; in the others all sizes differ, and one is a batch of a single picture.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import draw, on_whole_numbers
from grooves.checks.back_propagation.rules import (
    LAB,
    PARTS,
    by_hand,
    judge_array,
    judge_arrays,
    torchs_gradients,
)
from grooves.checks.compare import Mistake, shape_of

# ---- 3 matmul_backward -----------------------------------------------------------------------


MATMUL_MISTAKES = (
    Mistake(
        "W_not_turned",
        lambda x, W, g: (g @ W, x.T @ g),
        "W is not transposed. It fits because everything is square here, and it is wrong: "
        "the blame of x[0] comes through row 0 of W.",
    ),
    Mistake(
        "x_not_turned",
        lambda x, W, g: (g @ W.T, x @ g),
        "x is not transposed. It fits because everything is square here, and it is wrong.",
    ),
    Mistake(
        "none_turned",
        lambda x, W, g: (g @ W, x @ g),
        "neither matrix is transposed. It fits because everything is square here: try "
        "x (5, 2), W (2, 4) and g (5, 4).",
    ),
    Mistake(
        "wrong_side",
        lambda x, W, g: (W.T @ g, g @ x.T),
        "the right matrices, multiplied in the wrong order. g has a row for each picture, and so "
        "must the gradient of x.",
    ),
    Mistake(
        "on_their_side",
        lambda x, W, g: (W @ g.T, g.T @ x),
        "the right numbers, lying on their side. A gradient has the shape of what it belongs to.",
    ),
    Mistake(
        "exchanged",
        lambda x, W, g: (x.T @ g, g @ W.T),
        "the two are exchanged: first the gradient of x, then that of W.",
    ),
    Mistake(
        "averaged",
        lambda x, W, g: (g @ W.T, x.T @ g / len(x)),
        "you divide by the number of pictures. Where a mean is taken, in the loss, g has been "
        "divided already.",
    ),
    Mistake(
        "nothing_arrived",
        lambda x, W, g: (np.ones_like(g) @ W.T, x.T @ np.ones_like(g)),
        "g does not occur. The blame that arrives is passed on, weighted.",
    ),
    Mistake(
        "rule_of_numbers",
        lambda x, W, g: (g * W, g * x),
        "`*` is the rule for numbers, place by place. Here a row met a column: that is `@`.",
    ),
    *(
        Mistake(
            "last_kept",
            compute,
            "each product takes the place of the one before, so only the last counts: `=` where "
            "`+=` belongs. Blame adds up.",
        )
        for compute in (
            lambda x, W, g: (g @ W.T, np.outer(x[-1], g[-1])),
            lambda x, W, g: (np.outer(g[:, -1], W[:, -1]), np.outer(x[-1], g[-1])),
        )
    ),
    Mistake(
        "spread_out",
        lambda x, W, g: (g @ W.T, np.einsum("bi,bo->bio", x, g)),
        "each picture has a gradient of W of its own here. They all used the same W: add them up.",
    ),
)


@check(lab=LAB, exercise="matmul_backward", returns=PARTS)
def matmul_backward(answer):
    """matmul_backward(x, W, g): x (B, fan_in), g (B, fan_out) -> gradients of x and of W."""
    call = by_hand(answer)
    sizes = ((3, 3, 3), (5, 2, 4), (1, 7, 6), (5, 2, 4), (70, 11, 2), (2, 5, 1), (4, 1, 3))
    sizes += ((1, 1, 1), (1, 3, 1), (2, 67, 71))
    for i, (n_pictures, fan_in, fan_out) in enumerate(sizes):
        x, W = draw(600 + i, n_pictures, fan_in), draw(700 + i, fan_in, fan_out)
        _check_matmul(call, x, W, draw(800 + i, n_pictures, fan_out))
        call = answer
    x, W, g = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[3], [-4], [5]]), np.array([[0.5], [0.7]])
    on_whole_numbers(_check_matmul, answer, x, W, g)
    _check_matmul(answer, 1e5 * x, W / 8, -1e6 * g)
    on_whole_numbers(_check_matmul, answer, x / 4, W / 8, np.array([[3], [-7]]))


def _check_matmul(call, x, W, g) -> None:
    to_x, to_W = torchs_gradients(torch.matmul, x, W, arriving=g)
    expected = {"the gradient of x": to_x, "the gradient of W": to_W}
    whole = " and integers" if x.dtype.kind == "i" else ""
    given = f"x {shape_of(x)}, W {shape_of(W)}{whole} and g {shape_of(g)}"
    judge_arrays(call, (x, W, g), expected, MATMUL_MISTAKES, given)


# ---- 4 relu_backward -------------------------------------------------------------------------


RELU_MISTAKES = (
    Mistake(
        "no_mask",
        lambda z, g: g,
        "g went through everywhere. Where ReLU was shut, no small change of z alters anything.",
    ),
    Mistake(
        "mask_of_g",
        lambda z, g: g * (g > 0),
        "you look at the sign of g. What decides is whether z was positive; blame may be negative.",
    ),
    Mistake(
        "both_masks",
        lambda z, g: g * (z > 0) * (g > 0),
        "you let only positive blame through. Where z is positive, any blame passes.",
    ),
    Mistake(
        "mask_only",
        lambda z, g: z > 0,
        "that is where ReLU was open. The blame that arrives there is missing.",
    ),
    Mistake(
        "times_value",
        lambda z, g: g * np.maximum(z, 0),
        "you multiply by what ReLU gave. Its *slope* is 1 wherever it is open.",
    ),
    Mistake(
        "times_z",
        lambda z, g: g * z,
        "you multiply by z. ReLU's slope is 1 or 0, however large z is.",
    ),
    Mistake(
        "forward_again",
        lambda z, g: np.maximum(z, 0),
        "that is ReLU of z, the way forward. Pass g back.",
    ),
    Mistake(
        "upside_down",
        lambda z, g: g * (z <= 0),
        "blame passes where ReLU was shut. It is the other way round.",
    ),
    Mistake(
        "upside_down",
        lambda z, g: g * (z < 0),
        "blame passes where z is negative. It is the other way round.",
    ),
    Mistake(
        "zero_is_open",
        lambda z, g: g * (z >= 0),
        "at z = 0 you let the blame through. The slope jumps there; the agreed value is 0.",
    ),
    Mistake(
        "dropped",
        lambda z, g: g[z > 0],
        "the places where ReLU was shut are gone, and the shape with them. They get a 0.",
    ),
    Mistake(
        "smallest_kept",
        lambda z, g: np.where(z > 0, g, z),
        "where ReLU was shut you leave z. There the blame is 0.",
    ),
)


@check(lab=LAB, exercise="relu_backward")
def relu_backward(answer):
    """relu_backward(z, g): z before the ReLU, g behind it, any one shape -> the gradient of z."""
    z = [[-2.0, 3.0, 0.5], [-0.5, 4.0, -1.0]]
    g = [[5.0, -7.0, 0.25], [-3.0, 2.0, -4.0]]
    small_and_large = ([1e-30, -1e-30, 1e30, -1e30, 1e-9, 300.0], [5.0, 6.0, 2e5, 7.0, -1e5, 25.0])
    for call, inputs, given in (
        (by_hand(answer), (z, g), "z = [[-2, 3, 0.5], [-0.5, 4, -1]]"),
        (answer, (draw(9, 2, 3, 5), draw(10, 2, 3, 5)), "z of shape (2, 3, 5)"),
        (answer, (draw(91, 2, 3, 5), draw(92, 2, 3, 5)), "another z of shape (2, 3, 5)"),
        (answer, ([0.0, -0.0, 2.0, -3.0], [1.0, 2.0, -3.0, 4.0]), "z = [0, 0, 2, -3]"),
        (answer, small_and_large, "z = [1e-30, -1e-30, 1e30, -1e30, 1e-9, 300]"),
        (answer, (0.5, -9.0), "z = 0.5 and g = -9"),
        (answer, ([[-0.5]], [[3.0]]), "z = [[-0.5]] and g = [[3]]"),
        (answer, (draw(93, 1409), draw(94, 1409)), "z of shape (1409,)"),
    ):
        _check_relu(call, *map(np.array, inputs), given)
    z, g = np.array([[1, -2], [0, 3]]), np.array([[0.5, 1.5], [2.5, -0.25]])
    on_whole_numbers(_check_relu, answer, z, g, "integers z = [[1, -2], [0, 3]]")


def _check_relu(call, z, g, given) -> None:
    (expected,) = torchs_gradients(torch.relu, z, arriving=g)
    judge_array(call, (z, g), expected, RELU_MISTAKES, given)
