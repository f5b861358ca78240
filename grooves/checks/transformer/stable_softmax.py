"""Check of lab 04, softmax (chapter 04).

Key idea: the answer is compared with PyTorch's own on inputs that tell the usual mistakes apart:
square and oblong ones, and numbers too large for a naive exp.
Shapes: R rows of S scores.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, close, compare, draw, written_by_hand

LAB = "04_transformer"
SOFTMAX = ("softmax", "log_softmax", "softmin")


def normalised(e: Tensor, dim: int = -1) -> Tensor:
    """Numbers divided by their sum along an axis."""
    return e / e.sum(dim, keepdim=True)


def _shifted_by_any(name: str, compute, says: str) -> tuple[Mistake, ...]:
    """A mistake made without a shift, or with one of those that are common."""
    shifts = (
        lambda s: s,
        lambda s: s - s.amax(-1, keepdim=True),
        lambda s: s - s.max(),
        lambda s: s - s.amax(0, keepdim=True),
    )
    return tuple(Mistake(name, lambda s, by=by: compute(by(s).exp()), says) for by in shifts)


SOFTMAX_MISTAKES = (
    *_shifted_by_any(
        "wrong_axis",
        lambda e: normalised(e, 0),
        "each column adds up to 1, but each row should: sum over the last axis, dim=-1.",
    ),
    *_shifted_by_any(
        "one_sum_for_all",
        lambda e: e / e.sum(),
        "you divide by the sum over the whole tensor. Divide each row by its own sum.",
    ),
    *_shifted_by_any(
        "lost_axis",
        lambda e: e / e.sum(-1),
        "the row sums lost their axis, so column 0 is divided by row 0's sum. Pass keepdim=True.",
    ),
    Mistake(
        "shift_lost_axis",
        lambda s: normalised((s - s.amax(-1)).exp()),
        "the row maxima lost their axis, so row 0's is subtracted from column 0, and each score "
        "of a row is shifted by a different number. Pass keepdim=True.",
    ),
    Mistake(
        "both_lost_axis",
        lambda s: (s - s.amax(-1)).exp() / (s - s.amax(-1)).exp().sum(-1),
        "both the row maxima and the row sums lost their axis, so they are applied to columns. "
        "Pass keepdim=True to both.",
    ),
    *_shifted_by_any(
        "not_divided",
        lambda e: e,
        "these are the exponentials. Divide them by their sum.",
    ),
    Mistake(
        "no_shift",
        lambda s: normalised(s.exp()),
        "exp of a number above 88 is infinite in float32. Subtracting the same number from every "
        "score of a row leaves its probabilities unchanged: subtract the row's largest first.",
    ),
    *(
        Mistake(
            "one_maximum_for_all",
            lambda s, largest=largest: normalised((s - largest(s)).exp()),
            "the number that you subtract is not each row's own maximum, but one for all rows or "
            "one for each column; a row far from it becomes 0 / 0 or overflows.",
        )
        for largest in (torch.max, lambda s: s[0].max(), lambda s: s.amax(0))
    ),
    *(
        Mistake(
            "clamped",
            lambda s, low=low, high=high: normalised(s.clamp(low, high).exp()),
            "clipping large scores makes different scores equal. Subtract the row's "
            "maximum instead.",
        )
        for high in (20, 50, 80, 85, 88)
        for low in (-high, None)
    ),
)


@check(lab=LAB, exercise="softmax", returns=Tensor)
def softmax(answer):
    """softmax(scores): scores (R, S) -> probabilities (R, S), every row positive with sum 1."""
    small = draw(1, 4, 4)
    got = written_by_hand(answer, small.clone(), ready_made=SOFTMAX)
    compare(got, small.softmax(-1), SOFTMAX_MISTAKES, (small,), "scores of shape (4, 4)")

    def judge(scores: Tensor, given: str) -> None:
        expected = scores.double().softmax(-1)
        got = answer(scores.clone())
        compare(got, expected, SOFTMAX_MISTAKES, (scores,), given)
        if close(got, expected, 1e-2) and got[scores == -math.inf].any():
            raise CheckFailed(
                f"for {given}, a score of -inf has a probability other than 0. Its exponential is "
                "0: add nothing to it, and clip nothing.",
                hint="masked_not_zero",
            )

    judge(draw(3, 4, 4, scale=2.0), "other scores of shape (4, 4)")
    wide = draw(2, 3, 5)
    judge(wide, "scores of shape (3, 5)")
    judge(draw(4, 1, 7), "scores of shape (1, 7)")
    far = torch.tensor([[0.0], [-300.0], [300.0]])
    judge(wide + far, "three rows whose scores lie near 0, near -300 and near 300")
    peak = torch.tensor([[900.0, 2, 1, 0, 0], [1, 2, 3, 4, 5], [0, 100, 1, 950, 948]])
    judge(peak, "rows with scores 900, 2, 1, 0, 0, with 1 to 5, and with 0, 100, 1, 950, 948")
    hidden = torch.tensor([[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [1, 0, 0, 0, 1]]).bool()
    low = torch.tensor([[0.0], [-30_000], [-1e10]])
    judge(
        (wide + low).masked_fill(hidden, -math.inf),
        "rows in which two scores are -inf and the others lie near 0, -30,000 and -1e10",
    )
    huge = torch.tensor([[1e8, 1e8, 0, -1e8, 1e8], [5000, 0, 4990, 4999, 5000], [-1e10] * 5])
    judge(
        huge, "rows with scores 1e8, 1e8, 0, -1e8, 1e8, with 5000, 0, 4990, 4999, 5000, and -1e10"
    )
    small = [[0.0] * 5, [0, -1, 0, -1000, -0.0], [1e-30, 0, 1e-40, -1e-30, 0], [-1000] * 5]
    judge(torch.tensor([*small, *small]), "rows of equal, tiny and negative scores, each twice")
    steps = [[1e38, -3e38, 3e38, 2e38, 0], [-2e9, -1e9, -3e9, -1e9, -3e38], [2e4, 2e4 + 1, 0, 0, 3]]
    judge(torch.tensor(steps), "rows with scores up to 3e38, around -1e9, and around 20,000")
    judge(draw(7, 1_100, 3), "scores of shape (1,100, 3)")
    far = draw(8, 2, 2_100) - 1_000 * (torch.arange(2_100) % 1_050 > 0)
    judge(far, "two rows of 2,100 scores, of which all but two lie near -1,000")
