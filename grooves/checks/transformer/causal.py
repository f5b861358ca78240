"""Check of lab 04, causal attention (chapter 04).

Key idea: a mask is judged by what it lets through, so in some inputs the highest score is in the
future, which a finite mask does not hide.
Shapes: B texts, T words, D channels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import check
from grooves.checks.compare import Mistake, compare, draw, shape_of, written_by_hand
from grooves.checks.transformer.scaled_attention import ATTENTION, LAB, normalised, scores_of, units

# ---- 3 causal attention ----------------------------------------------------------------------


def _masked(q: Tensor, k: Tensor, hidden: Tensor, fill: float = -math.inf) -> Tensor:
    return scores_of(q, k).masked_fill(hidden, fill)


def _later(q: Tensor, diagonal: int = 1) -> Tensor:
    """(T, T): True where the column's word comes `diagonal` or more positions after the row's."""
    return torch.ones(q.size(-2), q.size(-2), dtype=torch.bool).triu(diagonal)


CAUSAL_MISTAKES = (
    Mistake(
        "no_mask",
        lambda q, k, v: scores_of(q, k).softmax(-1) @ v,
        "every word still attends to all words. Hide the columns after its own.",
    ),
    Mistake(
        "sees_the_next",
        lambda q, k, v: _masked(q, k, _later(q, 2)).softmax(-1) @ v,
        "every word also attends to the next one, the very word that it must predict.",
    ),
    Mistake(
        "blind_to_itself",
        lambda q, k, v: _masked(q, k, _later(q, 0)).softmax(-1) @ v,
        "a word does not attend to itself, so the first word has nothing to attend to: 0 / 0. Keep "
        "the diagonal visible.",
    ),
    Mistake(
        "zero_times_infinity",
        lambda q, k, v: (scores_of(q, k) + _later(q) * -math.inf).softmax(-1) @ v,
        "every result is NaN. A mask of 0 and 1 times -inf contains 0 * inf, which is NaN: fill "
        "the scores above the diagonal instead, with masked_fill.",
    ),
    *(
        Mistake(
            "finite_mask",
            lambda q, k, v, hide=hide, low=low: (
                hide(scores_of(q, k), _later(q), low).softmax(-1) @ v
            ),
            "the hidden scores are low, but finite. If the visible ones are lower still, the "
            "future gets the weight: fill with -math.inf.",
        )
        for hide in (torch.masked_fill, lambda scores, later, low: scores + low * later)
        for low in (-1e4, -1e3, -100.0, -10.0)
    ),
    Mistake(
        "filled_with_zero",
        lambda q, k, v: _masked(q, k, _later(q), 0.0).softmax(-1) @ v,
        "hidden scores are 0, and exp(0) = 1 still counts. Fill with -inf.",
    ),
    Mistake(
        "renormalised_after_mask",
        lambda q, k, v: normalised(scores_of(q, k).softmax(-1).tril()) @ v,
        "you mask the future after the softmax and normalise again. If a hidden score is far "
        "above the others, their probabilities have already rounded to 0: mask the scores.",
    ),
    Mistake(
        "masked_after_softmax",
        lambda q, k, v: scores_of(q, k).softmax(-1).masked_fill(_later(q), 0.0) @ v,
        "you set attention weights to 0 after the softmax, so the rest no longer add up to 1. "
        "Mask the scores before it.",
    ),
    Mistake(
        "mask_inverted",
        lambda q, k, v: _masked(q, k, ~_later(q)).softmax(-1) @ v,
        "your mask is True where a word may attend, but masked_fill hides what is True. Invert the "
        "mask.",
    ),
    Mistake(
        "overflow",
        lambda q, k, v: normalised(_masked(q, k, _later(q)).exp()) @ v,
        "exp of a score above 88 is infinite in float32. Use your softmax from "
        "{{exercise softmax}}, or PyTorch's.",
    ),
)


@check(lab=LAB, exercise="causal_attention", returns=Tensor)
def causal_attention(answer):
    """causal_attention(q, k, v): all (B, T, D) -> (B, T, D); word t attends to words 0 to t."""

    def judge(call, q, k, v, note=""):
        expected = F.scaled_dot_product_attention(
            q.double(), k.double(), v.double(), is_causal=True
        )
        got = call(*(q, q, q) if q is k is v else (q.clone(), k.clone(), v.clone()))
        compare(got, expected, CAUSAL_MISTAKES, (q, k, v), f"q, k, v of shape {shape_of(q)}{note}")

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs, ready_made=ATTENTION)

    def drawn(seed, *shape):
        return (draw(seed + i, *shape, scale=1.5) for i in range(3))

    judge(by_hand, *drawn(40, 2, 5, 7))
    judge(answer, *drawn(43, 2, 5, 7), " (other numbers)")
    judge(answer, *drawn(46, 3, 1, 11), " (a single word)")
    judge(answer, *drawn(49, 1, 300, 3))
    q, k = 20 * units(torch.tensor([[0, 1, 0, 2, 3]])), 20 * units(torch.arange(5)[None])
    judge(answer, q, k, draw(9, 1, 5, 8), ", with one score of 141 in every row")
    q, k = torch.ones(1, 4, 1), torch.tensor([[[-30_000.0], [-30_001], [-30_002.5], [-29_870]]])
    judge(answer, q, k, draw(9, 1, 4, 1), ", whose highest score lies in the future")
    q = 20 * units(torch.tensor([[4, 0, 2, 2, 3]])) * torch.tensor([[0.0], [10], [0], [-10], [1]])
    k = 20 * units(torch.arange(5)[None])
    judge(answer, q, k, draw(8, 1, 5, 8), ", with scores of 1,414, of 0 and of -1,414")
    judge(answer, *drawn(55, 70, 2, 1))
    judge(answer, *drawn(58, 1, 3, 150))
    q, k = torch.tensor([[[1.0], [-1], [2]]]), torch.tensor([[[29_952.0], [30_080], [29_824]]])
    judge(answer, q, k, draw(7, 1, 3, 1), ", with scores around 30,000, -30,000 and 60,000")
    for x in (draw(61, 2, 1, 6).expand(2, 4, 6), draw(62, 2, 4, 6)):  # equal words, and others
        judge(answer, x, x, x, ", where q, k and v are one tensor")
