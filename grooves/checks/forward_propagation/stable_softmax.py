"""Check of lab 01: softmax (chapter 01).

Key idea: code that is right for small logits can fail for large ones. The inputs include logits
whose exponential overflows, and rows that lie thousands apart.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake
from grooves.checks.forward_propagation.rules import (
    LAB,
    SHARP,
    SOFTMAX,
    from_smaller_steps,
    on_read_only,
)

FAR_APART = np.array([[0.0], [-3000.0], [3000.0]])  # added to the rows of a batch


def normalised(e: np.ndarray, axis: int = -1) -> np.ndarray:
    """Numbers divided by their sum along an axis."""
    return e / e.sum(axis, keepdims=True)


def softmax_of(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """Softmax by the stable formula, for the mistakes."""
    return normalised(np.exp(z - z.max(axis, keepdims=True)), axis)


# ---- 8 softmax -------------------------------------------------------------------------------


def _if_square(compute):
    """A mistake that raises no error only where the input is square."""
    return lambda z: compute(z) if z.shape[0] == z.shape[-1] else NOT_THIS


def _exponentials(z: np.ndarray):
    """Exponentials of the logits: unshifted, less each row's largest, less the largest of all."""
    return np.exp(z), np.exp(z - z.max(-1, keepdims=True)), np.exp(z - z.max())


def _in_three_ways(name, says, compute):
    """A mistake made with the exponentials, for each of the three kinds."""
    return (
        Mistake(name, lambda z, way=way: compute(_exponentials(z)[way]), says) for way in range(3)
    )


LOST_AXIS = (
    "a maximum or sum along a row lost its axis, so the value of row 0 was used for column 0. "
    "keepdims=True keeps the axis, so that each value stays with its own row."
)
SOFTMAX_MISTAKES = (
    *_in_three_ways(
        "wrong_axis",
        "each column sums to 1, but every row should: sum along the last axis, axis=-1.",
        lambda e: normalised(e, 0),
    ),
    Mistake(
        "wrong_axis",
        lambda z: softmax_of(z, 0),
        "each column sums to 1, but every row should: use axis=-1 for the maximum and the sum.",
    ),
    *_in_three_ways(
        "one_sum_for_all",
        "you divide by the sum over the whole batch. Every row has its own sum.",
        lambda e: e / e.sum(),
    ),
    *_in_three_ways("lost_axis", LOST_AXIS, _if_square(lambda e: e / e.sum(-1))),
    Mistake("lost_axis", _if_square(lambda z: normalised(np.exp(z - z.max(-1)))), LOST_AXIS),
    Mistake(
        "lost_axis",
        _if_square(lambda z: np.exp(z - z.max(-1)) / np.exp(z - z.max(-1)).sum(-1)),
        LOST_AXIS,
    ),
    *(
        Mistake("log_probabilities", compute, "you return the logarithms of the probabilities.")
        for compute in (
            lambda z: z - z.max(-1, keepdims=True) - np.log(_sum_of_shifted(z)),
            lambda z: z - np.log(np.exp(z).sum(-1, keepdims=True)),
            lambda z: np.log(softmax_of(z)),
        )
    ),
    *_in_three_ways(
        "not_normalised",
        "you return the exponentials. Divide each row by its sum.",
        lambda e: e,
    ),
    Mistake(
        "no_exponential",
        normalised,
        "you divide the logits themselves by their sum. Take their exponentials first, which are "
        "positive.",
    ),
    Mistake(
        "no_shift",
        lambda z: normalised(np.exp(z)),
        "exp of a number above 709 overflows to infinity, and infinity / infinity is NaN. "
        "Subtracting one number from a whole row changes no probability: subtract the row's "
        "largest logit first.",
    ),
    *(
        Mistake(
            "shift_by_another",
            lambda z, other=other: normalised(np.exp(z - other(z))),
            "the number that you subtract is not the row's own largest logit, so a row far from it "
            "becomes infinity / infinity, or 0 / 0. Subtract each row's own largest logit.",
        )
        for other in (
            lambda z: z.mean(-1, keepdims=True),
            lambda z: z[:, :1],
            lambda z: z.min(-1, keepdims=True),
            lambda z: np.median(z, -1, keepdims=True),
            lambda z: z.max(),
            lambda z: z[0].max(),
            lambda z: np.abs(z).max(-1, keepdims=True),
            *(lambda z, constant=constant: constant for constant in (100, 500, 700, 709, 1000)),
        )
    ),
    *(
        Mistake(
            "clipped",
            lambda z, limit=limit, least=least: normalised(np.exp(z.clip(least * limit, limit))),
            "clipping large logits makes different logits equal. Shift them instead.",
        )
        for limit in (20, 50, 80, 88, 100, 500, 700, 709)
        for least in (-1, -math.inf)
    ),
)


def _sum_of_shifted(z):
    return np.exp(z - z.max(-1, keepdims=True)).sum(-1, keepdims=True)


@check(lab=LAB, exercise="softmax")
def softmax(answer):
    """softmax(logits): (B, K) -> probabilities (B, K): positive, every row sums to 1."""

    def ask(call, logits, given, tolerance=None):
        expected = torch.from_numpy(logits).double().softmax(-1)
        judge(call, (logits,), expected, SOFTMAX_MISTAKES, given, tolerance=tolerance)

    torchs = by_hand(answer, *SOFTMAX)
    ask(torchs, coarse(draw(13, 4, 4)), "logits of shape (4, 4)", 10 * SHARP)
    wide = draw(14, 3, 5)
    ask(from_smaller_steps(answer, *SOFTMAX), wide, "logits of shape (3, 5)")
    for seed, shape in (
        *((15, (1, 6)), (16, (7, 23)), (17, (301, 3)), (18, (2, 1)), (19, (1361, 2))),
        *((20, (3, 1409)), (21, (13, 12))),
    ):
        ask(answer, coarse(draw(seed, *shape)), f"logits of shape {shape}", 10 * SHARP)
    ask(
        answer,
        coarse(wide) + FAR_APART,
        "three rows whose logits lie near 0, near -3000 and near 3000",
    )
    peaks = [[9000.0, 2, 1, 0, 0], [1, 2, 3, 4, 5], [1400, 1401, 1402, 1403, 1404]]
    ask(answer, np.array(peaks), "rows of logits, (9000, 2, 1, 0, 0), (1, ..., 5), (1400, ...)")
    late = [[0.0, 1, 2, 9000], [-9000, -1, 0, 1], [760, 761, 750, 762], [-1e30, 3, 1e30, 0]]
    ask(answer, np.array(late), "rows with (0, 1, 2, 9000), and others with a late largest logit")
    low = [[-1000.0, -1000, -1000], [-760, -750, -751], [-1e9, -1e9, -2e9], [0, 0, -0.0]]
    low += [[5, 5, 2], [0, 0, 0], [-708, -708, -708], [1, -1e4, 1], [5, 5, 2]]
    given = "rows with (-1000, -1000, -1000), (-760, -750, -751) and (0, 0, 0)"
    ask(on_read_only(answer), np.array(low), given)
    ask(answer, np.array(low[:2]), "rows (-1000, -1000, -1000) and (-760, -750, -751)")
    ask(answer, np.array(low[3:6]).astype("f4"), "float32, rows (0, 0, 0), (5, 5, 2), (0, 0, 0)")
    ask(answer, np.array([[-1e9, -700.0, -100.0, -90.0]]), "one row, (-1e9, -700, -100, -90)")
    whole = np.array([[0, 0, 1], [-3, 2, 2], [1000, 1000, 999], [4, 4, 4]])
    on_whole_numbers(ask, answer, whole, "integers, rows (0, 0, 1), (-3, 2, 2), (1000, ...), ...")
    ask(answer, coarse(draw(25, 1, 1)), "logits of shape (1, 1)")
    small = np.array([[0.0, -20, -40, -80], [3000, 2990, 2950, 2925]])
    expected = torch.from_numpy(small).log_softmax(-1)
    mistakes = [Mistake(m.name, _then_log(m.compute), m.says) for m in SOFTMAX_MISTAKES]
    given = "ln of your probabilities of the rows (0, -20, -40, -80) and (3000, 2990, 2950, 2925)"
    judge(_then_log(answer), (small,), expected, mistakes, given)


def _then_log(compute):
    """The logarithms of probabilities, which show an error in a small one as clearly."""

    def logarithms(z):
        with np.errstate(all="ignore"):
            return np.log(np.asarray(compute(z), dtype=float))

    return logarithms
