"""Checks of lab 02, second part: back through a matrix product and through ReLU (chapter 02).

Key idea: the first product is square, where a missing transpose raises no error and gives wrong
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
    judge_arrays,
    torchs_gradients,
)
from grooves.checks.compare import Mistake, shape_of

# ---- 3 matmul_backward -----------------------------------------------------------------------


MATMUL_MISTAKES = (
    Mistake(
        "W_not_transposed",
        lambda x, W, g: (g @ W, x.T @ g),
        "W is not transposed. The shapes fit only because all matrices are square here: the "
        "gradient of x[:, 0] uses row 0 of W.",
    ),
    Mistake(
        "x_not_transposed",
        lambda x, W, g: (g @ W.T, x @ g),
        "x is not transposed. The shapes fit only because all matrices are square here.",
    ),
    Mistake(
        "none_transposed",
        lambda x, W, g: (g @ W, x @ g),
        "neither matrix is transposed. The shapes fit only because all are square here: try "
        "x (5, 2), W (2, 4) and g (5, 4).",
    ),
    Mistake(
        "wrong_side",
        lambda x, W, g: (W.T @ g, g @ x.T),
        "the matrices are right, but multiplied in the wrong order. g has one row per picture, and "
        "so has the gradient of x.",
    ),
    Mistake(
        "transposed_results",
        lambda x, W, g: (W @ g.T, g.T @ x),
        "the numbers are right, but the results are transposed. A gradient has the shape of its "
        "array.",
    ),
    Mistake(
        "exchanged",
        lambda x, W, g: (x.T @ g, g @ W.T),
        "the two are swapped: return the gradient of x first, then that of W.",
    ),
    Mistake(
        "averaged",
        lambda x, W, g: (g @ W.T, x.T @ g / len(x)),
        "you divide by the number of pictures. The loss takes the mean, so g has been divided "
        "already.",
    ),
    Mistake(
        "g_unused",
        lambda x, W, g: (np.ones_like(g) @ W.T, x.T @ np.ones_like(g)),
        "you do not use g. By the chain rule, the upstream gradient multiplies the local one.",
    ),
    Mistake(
        "element_by_element",
        lambda x, W, g: (g * W, g * x),
        "`*` multiplies element by element. Both gradients of a matrix product are matrix "
        "products, `@`.",
    ),
    *(
        Mistake(
            "last_kept",
            compute,
            "each product overwrites the one before, so only the last counts: use `+=` instead of "
            "`=`. Gradients add up.",
        )
        for compute in (
            lambda x, W, g: (g @ W.T, np.outer(x[-1], g[-1])),
            lambda x, W, g: (np.outer(g[:, -1], W[:, -1]), np.outer(x[-1], g[-1])),
        )
    ),
    Mistake(
        "not_summed",
        lambda x, W, g: (g @ W.T, np.einsum("bi,bo->bio", x, g)),
        "your result has one gradient of W per picture. All pictures use the same W: add them up.",
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
    g = np.array([[1.0], [-2.0]])
    _check_matmul(answer, np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[4.0], [0.5]]), g)
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
