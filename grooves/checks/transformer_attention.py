"""Checks of lab 04, first part: from softmax to causal attention (chapter 04).

Key idea: every answer is compared with PyTorch's own on inputs that tell the usual slips apart:
sizes that all differ, and numbers too large for a careless exp.
Shapes: B texts, T words asking, S words looked at, D channels of queries and keys, E of values.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import check
from grooves.checks.compare import Slip, compare, draw, shape_of, written_by_hand

LAB = "04_transformer"
SOFTMAX = ("softmax", "log_softmax", "softmin")
ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward")


# ---- 1 softmax -------------------------------------------------------------------------------


def _shares(e: Tensor, dim: int = -1) -> Tensor:
    return e / e.sum(dim, keepdim=True)


SOFTMAX_SLIPS = (
    Slip(
        "wrong_axis",
        lambda s: s.softmax(0),
        "each column adds up to 1, but every row should: sum over the last axis, dim=-1.",
    ),
    Slip(
        "one_sum_for_all",
        lambda s: s.exp() / s.exp().sum(),
        "you divide by the sum over the whole tensor. Every row has a sum of its own.",
    ),
    Slip(
        "lost_axis",
        lambda s: s.exp() / s.exp().sum(-1) if s.size(0) == s.size(-1) else s,
        "the row sums lost their axis, so row 0's sum went under column 0. "
        "keepdim=True keeps them in line.",
    ),
    Slip("logarithm", lambda s: s.log_softmax(-1), "these are the logarithms of the shares."),
    Slip(
        "not_divided",
        lambda s: s.exp(),
        "these are the exponentials, not yet divided by their sum.",
    ),
    Slip(
        "no_shift",
        lambda s: _shares(s.exp()),
        "exp of a number above 88 is infinite in float32. Subtracting the same number from all of "
        "a row changes no share: subtract the row's largest first.",
    ),
    Slip(
        "shift_by_mean",
        lambda s: _shares((s - s.mean(-1, keepdim=True)).exp()),
        "you subtract the row's mean; one score far above the others still overflows. "
        "Subtract the row's largest.",
    ),
    Slip(
        "one_maximum_for_all",
        lambda s: _shares((s - s.max()).exp()),
        "you subtract the largest score of the whole tensor; a row far below it turns to 0 / 0. "
        "Every row needs its own largest.",
    ),
    Slip(
        "clamped",
        lambda s: _shares(s.clamp(-80, 80).exp()),
        "cutting large scores off makes unlike scores alike. Shift them, do not clip them.",
    ),
)


@check(lab=LAB, exercise="softmax", points=1, returns=Tensor)
def softmax(answer):
    """softmax(scores): scores (R, S) -> shares (R, S), every row positive and of sum 1."""
    small = draw(1, 4, 4)
    got = written_by_hand(answer, small.clone(), ready_made=SOFTMAX)
    compare(got, small.softmax(-1), SOFTMAX_SLIPS, (small,), "scores of shape (4, 4)")

    def judge(scores: Tensor, given: str) -> None:
        expected = scores.double().softmax(-1)
        compare(answer(scores.clone()), expected, SOFTMAX_SLIPS, (scores,), given)

    wide = draw(2, 3, 5)
    judge(wide, "scores of shape (3, 5)")
    far = torch.tensor([[0.0], [-300.0], [300.0]])
    judge(wide + far, "three rows whose scores lie near 0, near -300 and near 300")
    peak = torch.tensor([[900.0, 2, 1, 0, 0], [1, 2, 3, 4, 5], [100, 101, 102, 103, 104]])
    judge(peak, "a row with scores 900, 2, 1, 0, 0 and one with 100 to 104")
    hidden = wide.masked_fill(torch.tensor([0, 1, 0, 1, 0], dtype=torch.bool), -math.inf)
    judge(hidden, "rows in which two scores are -inf (their share is exactly 0)")


# ---- 2 attention and 3 causal attention ------------------------------------------------------


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT / math.sqrt(q.size(-1))


def _units(places: Tensor) -> Tensor:
    """Vectors of 8 channels with a 1 at the place given: (B, T) -> (B, T, 8)."""
    return F.one_hot(places, 8).float()


ATTENTION_SLIPS = (
    Slip(
        "no_scaling",
        lambda q, k, v: (q @ k.mT).softmax(-1) @ v,
        "the scores are not divided by √D. Long vectors then make the softmax all or nothing.",
    ),
    Slip(
        "scaled_by_d",
        lambda q, k, v: (q @ k.mT / q.size(-1)).softmax(-1) @ v,
        "the scores are divided by D. A sum of D random products grows like √D: divide by √D.",
    ),
    Slip(
        "scaled_by_words",
        lambda q, k, v: (q @ k.mT / math.sqrt(k.size(-2))).softmax(-1) @ v,
        "you divide by the root of the number of words. It is the channels, D, that the product "
        "sums over.",
    ),
    Slip(
        "scaled_by_value_width",
        lambda q, k, v: (q @ k.mT / math.sqrt(v.size(-1))).softmax(-1) @ v,
        "you divide by the root of the values' width. D is the width of queries and keys.",
    ),
    Slip(
        "multiplied_by_root",
        lambda q, k, v: (q @ k.mT * math.sqrt(q.size(-1))).softmax(-1) @ v,
        "you multiply the scores by √D. Divide.",
    ),
    Slip(
        "wrong_axis",
        lambda q, k, v: _scores(q, k).softmax(-2) @ v,
        "the softmax runs over the words that ask. Every asking word shares out 1 over the words "
        "it looks at: the last axis of the scores.",
    ),
    Slip(
        "no_softmax",
        lambda q, k, v: _scores(q, k) @ v,
        "the raw scores weigh the values. A softmax turns them into shares first.",
    ),
    Slip(
        "scaled_late",
        lambda q, k, v: (q @ k.mT).softmax(-1) / math.sqrt(q.size(-1)) @ v,
        "you divide after the softmax. The shares then no longer add up to 1: divide the scores.",
    ),
    Slip(
        "keys_for_values",
        lambda q, k, v: _scores(q, k).softmax(-1) @ k,
        "the shares weigh the keys. Keys are only compared with; what is averaged are the values.",
    ),
    Slip(
        "overflow",
        lambda q, k, v: _shares(_scores(q, k).exp()) @ v,
        "exp of a score above 88 is infinite in float32. Take the softmax of exercise 1, "
        "or PyTorch's.",
    ),
    Slip(
        "weights_returned",
        lambda q, k, v: _scores(q, k).softmax(-1),
        "these are the shares. The answer is the average of the values that they weigh.",
    ),
)


@check(lab=LAB, exercise="attention", points=2, returns=Tensor)
def attention(answer):
    """attention(q, k, v): q (B, T, D), k (B, S, D), v (B, S, E) -> (B, T, E)."""

    def judge(call, q, k, v, note=""):
        given = f"q {shape_of(q)}, k {shape_of(k)}, v {shape_of(v)}{note}"
        expected = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
        got = call(q.clone(), k.clone(), v.clone())
        compare(got, expected, ATTENTION_SLIPS, (q, k, v), given)

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs, ready_made=ATTENTION)

    q, k = draw(3, 2, 3, 4, scale=1.5), draw(4, 2, 5, 4, scale=1.5)
    judge(by_hand, q, k, draw(5, 2, 5, 4))
    judge(answer, q, k, draw(6, 2, 5, 7))
    q, k = (
        20 * _units(torch.tensor([[4, 0, 2], [1, 1, 3]])),
        20 * _units(torch.arange(5).expand(2, 5)),
    )
    judge(answer, q, k, draw(5, 2, 5, 4), ", with one score of 141 in every row")


def _masked(q: Tensor, k: Tensor, hidden: Tensor, fill: float = -math.inf) -> Tensor:
    return _scores(q, k).masked_fill(hidden, fill)


def _later(q: Tensor, diagonal: int = 1) -> Tensor:
    """(T, T): True where the column's word comes `diagonal` or more places after the row's."""
    return torch.ones(q.size(-2), q.size(-2), dtype=torch.bool).triu(diagonal)


CAUSAL_SLIPS = (
    Slip(
        "no_mask",
        lambda q, k, v: _scores(q, k).softmax(-1) @ v,
        "every word still sees all words. Hide the columns after its own.",
    ),
    Slip(
        "sees_the_next",
        lambda q, k, v: _masked(q, k, _later(q, 2)).softmax(-1) @ v,
        "every word sees one word too many, the next one: the very word that it must predict.",
    ),
    Slip(
        "blind_to_itself",
        lambda q, k, v: _masked(q, k, _later(q, 0)).softmax(-1) @ v,
        "a word cannot see itself, and the first word sees nothing: 0 / 0. The diagonal stays.",
    ),
    Slip(
        "past_hidden",
        lambda q, k, v: _masked(q, k, _later(q).mT).softmax(-1) @ v,
        "you hid the past and left the future. Row t is the asking word; hide columns above t.",
    ),
    Slip(
        "finite_mask",
        lambda q, k, v: _masked(q, k, _later(q), -1e4).softmax(-1) @ v,
        "the hidden scores are low, but finite. Where the allowed ones are lower still, the future "
        "wins: fill with -math.inf.",
    ),
    Slip(
        "filled_with_zero",
        lambda q, k, v: _masked(q, k, _later(q), 0.0).softmax(-1) @ v,
        "hidden scores are 0, and exp(0) = 1 is a share like any other. Hide with -inf.",
    ),
    Slip(
        "shares_then_mask",
        lambda q, k, v: _shares(_scores(q, k).softmax(-1).tril()) @ v,
        "you hide the future after the softmax and share out anew. Where a hidden score is far "
        "above the others, all the rest has become 0 by then: hide the scores.",
    ),
    Slip(
        "masked_too_late",
        lambda q, k, v: _scores(q, k).softmax(-1).masked_fill(_later(q), 0.0) @ v,
        "you set shares to 0 after the softmax, so those left no longer add up to 1. "
        "Hide the scores before it.",
    ),
    Slip(
        "mask_turned_over",
        lambda q, k, v: _masked(q, k, ~_later(q)).softmax(-1) @ v,
        "your mask is True where a word may look, yet what is True gets hidden. Turn it over.",
    ),
    Slip(
        "no_scaling",
        lambda q, k, v: (q @ k.mT).masked_fill(_later(q), -math.inf).softmax(-1) @ v,
        "the mask is right, but the scores are not divided by √D.",
    ),
    Slip(
        "wrong_axis",
        lambda q, k, v: _masked(q, k, _later(q)).softmax(-2) @ v,
        "the mask is right, but the softmax runs over the asking words. "
        "It belongs on the last axis.",
    ),
    Slip(
        "overflow",
        lambda q, k, v: _shares(_masked(q, k, _later(q)).exp()) @ v,
        "exp of a score above 88 is infinite in float32. Take the softmax of exercise 1, "
        "or PyTorch's.",
    ),
)


@check(lab=LAB, exercise="causal_attention", points=2, returns=Tensor)
def causal_attention(answer):
    """causal_attention(q, k, v): all (B, T, D) -> (B, T, D); word t sees words 0 to t."""

    def judge(call, q, k, v, note=""):
        expected = F.scaled_dot_product_attention(
            q.double(), k.double(), v.double(), is_causal=True
        )
        got = call(q.clone(), k.clone(), v.clone())
        compare(got, expected, CAUSAL_SLIPS, (q, k, v), f"q, k, v of shape {shape_of(q)}{note}")

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs, ready_made=ATTENTION)

    q, k, v = (draw(seed, 2, 5, 4, scale=1.5) for seed in (7, 8, 9))
    judge(by_hand, q, k, v)
    judge(answer, q[:, :1], k[:, :1], v[:, :1], " (a single word)")
    q, k = 20 * _units(torch.tensor([[0, 1, 0, 2, 3]])), 20 * _units(torch.arange(5)[None])
    judge(answer, q, k, draw(9, 1, 5, 8), ", with one score of 141 in every row")
    q, k = torch.ones(1, 4, 1), torch.tensor([[[-30_000.0], [-30_001], [-30_002.5], [-29_870]]])
    judge(answer, q, k, draw(9, 1, 4, 1), ", whose highest score lies in the future")
