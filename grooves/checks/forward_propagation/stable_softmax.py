"""Check of lab 01: softmax (chapter 01).

Key idea: what is right on small logits can fail on large ones. The answer meets logits beyond what
an exponential can hold, and rows that lie thousands apart.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand, coarse, draw, judge
from grooves.checks.compare import Mistake
from grooves.checks.forward_propagation.rules import LAB, from_smaller_steps

FAR_APART = np.array([[0.0], [-3000.0], [3000.0]])  # added to the rows of a batch


def shares_of(e: np.ndarray, axis: int = -1) -> np.ndarray:
    """Numbers divided by their sum along an axis."""
    return e / e.sum(axis, keepdims=True)


def softmax_of(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """Softmax by the stable formula, for the mistakes."""
    return shares_of(np.exp(z - z.max(axis, keepdims=True)), axis)


# ---- 8 softmax -------------------------------------------------------------------------------


def _if_square(compute):
    """A mistake that only a square input lets pass without an error."""
    return lambda z: compute(z) if z.shape[0] == z.shape[-1] else NOT_THIS


SOFTMAX_MISTAKES = (
    Mistake(
        "wrong_axis",
        lambda z: softmax_of(z, 0),
        "each column adds up to 1, but every row should: sum along the last axis, axis=-1.",
    ),
    Mistake(
        "one_sum_for_all",
        lambda z: np.exp(z) / np.exp(z).sum(),
        "you divide by the sum over the whole batch. Every row has a sum of its own.",
    ),
    Mistake(
        "lost_axis",
        _if_square(lambda z: np.exp(z) / np.exp(z).sum(-1)),
        "the row sums lost their axis, so row 0's sum went under column 0. "
        "keepdims=True keeps them beside their rows.",
    ),
    Mistake(
        "shift_lost_axis",
        _if_square(lambda z: shares_of(np.exp(z - z.max(-1)))),
        "the rows' largest logits lost their axis, so row 0's went under column 0 and each logit "
        "of a row was shifted by another number. keepdims=True keeps them beside their rows.",
    ),
    Mistake(
        "no_axis_kept",
        _if_square(lambda z: np.exp(z - z.max(-1)) / np.exp(z - z.max(-1)).sum(-1)),
        "both the largest logits and the sums lost their axis and went under the columns. "
        "keepdims=True in both places.",
    ),
    Mistake(
        "logarithm",
        lambda z: z - z.max(-1, keepdims=True) - np.log(_sum_of_shifted(z)),
        "these are the logarithms of the shares.",
    ),
    Mistake(
        "not_divided",
        np.exp,
        "these are the exponentials, not yet divided by their sum.",
    ),
    Mistake(
        "shifted_not_divided",
        lambda z: np.exp(z - z.max(-1, keepdims=True)),
        "these are the shifted exponentials. Each row's sum still has to divide them.",
    ),
    Mistake(
        "no_exponential",
        shares_of,
        "you divide the logits themselves by their sum. The exponential makes them positive first.",
    ),
    Mistake(
        "hard",
        lambda z: (z == z.max(-1, keepdims=True)).astype(float),
        "all goes to the largest logit. A softmax leaves every other one its share.",
    ),
    Mistake(
        "no_shift",
        lambda z: shares_of(np.exp(z)),
        "exp of a number above 709 is infinite, and infinity by infinity is NaN. Taking the same "
        "number off all of a row changes no share: take off the row's largest first.",
    ),
    Mistake(
        "shift_by_mean",
        lambda z: shares_of(np.exp(z - z.mean(-1, keepdims=True))),
        "you take off the row's mean; one logit far above the others still overflows. "
        "Take off the row's largest.",
    ),
    Mistake(
        "one_maximum_for_all",
        lambda z: shares_of(np.exp(z - z.max())),
        "you take off the largest logit of the whole batch; a row far below it turns to 0 / 0. "
        "Every row needs its own largest.",
    ),
    *(
        Mistake(
            "shift_by_a_constant",
            lambda z, shift=shift: shares_of(np.exp(z - shift)),
            "you take the same number off whatever comes. It is too much for small logits and too "
            "little for larger ones: take off the row's own largest.",
        )
        for shift in (100, 500, 700, 709, 1000)
    ),
    Mistake(
        "divided_by_largest",
        lambda z: shares_of(np.exp(z / z.max(-1, keepdims=True))),
        "dividing by the largest logit changes the shares. Taking it off does not.",
    ),
    *(
        Mistake(
            "clamped",
            lambda z, limit=limit, least=least: shares_of(np.exp(z.clip(least * limit, limit))),
            "cutting large logits off makes unlike logits alike. Shift them, do not clip them.",
        )
        for limit in (20, 50, 80, 88, 100, 500, 700, 709)
        for least in (-1, -math.inf)
    ),
)


def _sum_of_shifted(z):
    return np.exp(z - z.max(-1, keepdims=True)).sum(-1, keepdims=True)


@check(lab=LAB, exercise="softmax", points=2)
def softmax(answer):
    """softmax(logits): (B, K) -> shares (B, K), every row positive and of sum 1."""

    def ask(call, logits, given):
        expected = torch.from_numpy(logits).softmax(-1)
        judge(call, (logits,), expected, SOFTMAX_MISTAKES, given)

    ask(by_hand(answer, "softmax", "log_softmax"), draw(13, 4, 4), "logits of shape (4, 4)")
    wide = draw(14, 3, 5)
    ask(from_smaller_steps(answer), wide, "logits of shape (3, 5)")
    ask(answer, draw(15, 1, 6), "one picture, logits of shape (1, 6)")
    ask(
        answer,
        coarse(wide) + FAR_APART,
        "three rows whose logits lie near 0, near -3000 and near 3000",
    )
    peak = np.array([[9000.0, 2, 1, 0, 0], [1, 2, 3, 4, 5], [1000, 1001, 1002, 1003, 1004]])
    ask(answer, peak, "rows of logits, one with 9000, 2, 1, 0, 0 and one with 1000 to 1004")
