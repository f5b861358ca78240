"""Checks of lab 04, first part: softmax and attention (chapter 04).

Key idea: every answer is compared with PyTorch's own on inputs that tell the usual mistakes apart:
sizes that all differ, and numbers too large for a naive exp.
Shapes: B texts, T queries, S keys and values, D channels of queries and keys, E of values.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, close, compare, draw, shape_of, written_by_hand

LAB = "04_transformer"
SOFTMAX = ("softmax", "log_softmax", "softmin")
ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward")


# ---- 1 softmax -------------------------------------------------------------------------------


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


# ---- 2 attention ------------------------------------------------------------------------------


def scores_of(q: Tensor, k: Tensor) -> Tensor:
    """Scaled scores: q (B, T, D), k (B, S, D) -> (B, T, S)."""
    return q @ k.mT / math.sqrt(q.size(-1))


def units(places: Tensor) -> Tensor:
    """One-hot vectors of 8 channels: (B, T) -> (B, T, 8)."""
    return F.one_hot(places, 8).float()


ATTENTION_MISTAKES = (
    Mistake(
        "no_scaling",
        lambda q, k, v: (q @ k.mT).softmax(-1) @ v,
        "the scores are not divided by √D. With many channels the softmax then saturates.",
    ),
    Mistake(
        "scaled_by_d",
        lambda q, k, v: (q @ k.mT / q.size(-1)).softmax(-1) @ v,
        "the scores are divided by D. The standard deviation of a sum of D random products is √D: "
        "divide by √D.",
    ),
    Mistake(
        "scaled_by_value_width",
        lambda q, k, v: (q @ k.mT / math.sqrt(v.size(-1))).softmax(-1) @ v,
        "you divide by the square root of the values' width. D is the width of queries and keys.",
    ),
    Mistake(
        "reshaped",
        lambda q, k, v: (
            (q @ k.reshape(k.size(0), k.size(2), k.size(1)) / math.sqrt(q.size(-1))).softmax(-1) @ v
        ),
        "reshape and view give k the right shape with its numbers in the wrong positions. Swap "
        "the axes with k.mT or k.transpose(1, 2).",
    ),
    Mistake(
        "wrong_axis",
        lambda q, k, v: scores_of(q, k).softmax(-2) @ v,
        "the softmax runs over the queries. The attention weights of each query add up to 1 over "
        "the keys: the last axis of the scores.",
    ),
    Mistake(
        "no_softmax",
        lambda q, k, v: scores_of(q, k) @ v,
        "the values are weighted by raw scores. Apply a softmax first.",
    ),
    Mistake(
        "scaled_after_softmax",
        lambda q, k, v: (q @ k.mT).softmax(-1) / math.sqrt(q.size(-1)) @ v,
        "you divide after the softmax, so the attention weights no longer add up to 1. Divide the "
        "scores.",
    ),
    Mistake(
        "overflow",
        lambda q, k, v: normalised(scores_of(q, k).exp()) @ v,
        "exp of a score above 88 is infinite in float32. Use your softmax from "
        "{{exercise softmax}}, or PyTorch's.",
    ),
    Mistake(
        "weights_returned",
        lambda q, k, v: scores_of(q, k).softmax(-1),
        "these are the attention weights. Return the weighted average of the values.",
    ),
)


@check(lab=LAB, exercise="attention", returns=Tensor)
def attention(answer):
    """attention(q, k, v): q (B, T, D), k (B, S, D), v (B, S, E) -> (B, T, E)."""

    def judge(call, q, k, v, note=""):
        given = f"q {shape_of(q)}, k {shape_of(k)}, v {shape_of(v)}{note}"
        expected = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
        got = call(*(q, q, q) if q is k is v else (q.clone(), k.clone(), v.clone()))
        compare(got, expected, ATTENTION_MISTAKES, (q, k, v), given)

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs, ready_made=ATTENTION)

    def drawn(seed, B, T, S, D, E):
        return draw(seed, B, T, D, scale=1.5), draw(seed + 1, B, S, D), draw(seed + 2, B, S, E)

    judge(by_hand, *drawn(30, 2, 3, 5, D=7, E=4))
    judge(answer, *drawn(33, 2, 3, 5, D=7, E=4), " (other numbers)")
    judge(answer, *drawn(36, 1, 6, 2, D=11, E=3))
    judge(answer, *drawn(39, 3, 1, 70, D=13, E=2))
    q = 20 * units(torch.tensor([[4, 0, 2], [1, 1, 3]]))
    k = 20 * units(torch.arange(5).expand(2, 5))
    judge(answer, q, k, draw(5, 2, 5, 4), ", with one score of 141 in every row")
    q = q * torch.tensor([[10.0], [0.0], [-10.0]])
    judge(answer, q, k, draw(6, 2, 5, 4), ", with a score of 1,414, only zeros, and one of -1,414")
    judge(answer, *drawn(42, 1, 1_100, 3, D=2, E=1))
    judge(answer, *drawn(45, 1, 2, 1_100, D=150, E=3))
    judge(answer, *drawn(48, 70, 2, 3, D=1, E=150))
    q, k = torch.tensor([[[1.0], [-1], [2]]]), torch.tensor([[[29_952.0], [30_080], [29_824]]])
    judge(answer, q, k, draw(7, 1, 3, 2), ", with scores around 30,000, -30,000 and 60,000")
    for x in (draw(51, 2, 1, 6).expand(2, 4, 6), draw(52, 2, 4, 6)):  # equal words, and others
        judge(answer, x, x, x, ", where q, k and v are one tensor")
