"""Check of lab 04, causal attention (chapter 04).

Key idea: sizes that all differ tell wrong axes apart, and large scores a naive exp. A mask is
judged by what it lets through, so in some inputs the highest score is in the future, which a finite
mask does not hide.
Shapes: B texts, T words, D channels of queries and keys, E of values.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import check
from grooves.checks.compare import Mistake, compare, draw, shape_of, written_by_hand
from grooves.checks.transformer.stable_softmax import LAB, normalised

ATTENTION = ("scaled_dot_product_attention", "multi_head_attention_forward")


def scores_of(q: Tensor, k: Tensor) -> Tensor:
    """Scaled scores: q and k (B, T, D) -> (B, T, T)."""
    return q @ k.mT / math.sqrt(q.size(-1))


def units(places: Tensor) -> Tensor:
    """One-hot vectors of 8 channels: (B, T) -> (B, T, 8)."""
    return F.one_hot(places, 8).float()


def _masked(q: Tensor, k: Tensor, hidden: Tensor, fill: float = -math.inf) -> Tensor:
    return scores_of(q, k).masked_fill(hidden, fill)


def _weights(q: Tensor, k: Tensor, scale: float | None = None, axis: int = -1) -> Tensor:
    """Attention weights (B, T, T), the right ones or with another factor or axis."""
    scale = 1 / math.sqrt(q.size(-1)) if scale is None else scale
    return (q @ k.mT * scale).masked_fill(_later(q), -math.inf).softmax(axis)


def _later(q: Tensor, diagonal: int = 1) -> Tensor:
    """(T, T): True where the column's word comes `diagonal` or more positions after the row's."""
    return torch.ones(q.size(-2), q.size(-2), dtype=torch.bool).triu(diagonal)


CAUSAL_MISTAKES = (
    Mistake(
        "no_mask",
        lambda q, k, v: scores_of(q, k).softmax(-1) @ v,
        "all but the mask is right: every word still attends to all words. Hide the columns after "
        "its own.",
    ),
    *(
        Mistake(
            "no_scaling",
            lambda q, k, v, of=of: of(q, k) @ v,
            "the scores are not divided by √D. With many channels the softmax then saturates.",
        )
        for of in (
            lambda q, k: _weights(q, k, 1),
            lambda q, k: (q @ k.mT).softmax(-1),  # the mask is missing, too
        )
    ),
    *(
        Mistake(
            "other_divisor",
            lambda q, k, v, factor=factor: _weights(q, k, factor(q, v)) @ v,
            "the scores are divided by a number other than √D, where D is the width of queries "
            "and keys. √D is the standard deviation of a sum of D random products.",
        )
        for factor in (lambda q, v: 1 / q.size(-1), lambda q, v: v.size(-1) ** -0.5)
    ),
    *(
        Mistake(
            "wrong_axis",
            lambda q, k, v, of=of: of(q, k) @ v,
            "the softmax runs over the queries. The attention weights of each query add up to 1 "
            "over the keys: the last axis of the scores.",
        )
        for of in (
            lambda q, k: _weights(q, k, axis=-2),
            lambda q, k: scores_of(q, k).softmax(-2),
        )
    ),
    Mistake(
        "reshaped",
        lambda q, k, v: (
            (q @ k.reshape(k.size(0), k.size(2), k.size(1)) / math.sqrt(q.size(-1)))
            .masked_fill(_later(q), -math.inf)
            .softmax(-1)
            @ v
        ),
        "reshape and view give k the right shape with its numbers in the wrong positions. Swap "
        "the axes with k.mT or k.transpose(1, 2).",
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
            lambda q, k, v, hide=hide, fill=fill: (
                hide(scores_of(q, k), _later(q), fill).softmax(-1) @ v
            ),
            "the hidden scores are finite. exp(0) is 1, and even a hidden score of -1,000 gets the "
            "weight where the visible scores are lower still: fill with -math.inf.",
        )
        for hide, fills in (
            (torch.masked_fill, (0.0, -10.0, -100.0, -1e3, -1e4)),
            (lambda scores, later, low: scores + low * later, (-10.0, -100.0, -1e3, -1e4)),
        )
        for fill in fills
    ),
    *(
        Mistake(
            "masked_after_softmax",
            lambda q, k, v, then=then: then(scores_of(q, k).softmax(-1).tril()) @ v,
            "masking after the softmax leaves attention weights that no longer add up to 1. "
            "Normalising again fails where a hidden score is far above the others, whose weights "
            "have already rounded to 0. Mask the scores before the softmax.",
        )
        for then in (lambda weights: weights, normalised)
    ),
    *(
        Mistake(
            "mask_inverted",
            lambda q, k, v, hidden=hidden: _masked(q, k, hidden(_later(q))).softmax(-1) @ v,
            "your mask hides the past instead of the future. masked_fill fills the positions "
            "where the mask is True, which must be those above the diagonal: triu(1).",
        )
        for hidden in (torch.logical_not, lambda later: later.mT)
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
    """causal_attention(q, k, v): q, k (B, T, D), v (B, T, E) -> (B, T, E); word t attends to words
    0 to t."""

    def judge(call, q, k, v, note=""):
        expected = F.scaled_dot_product_attention(
            q.double(), k.double(), v.double(), is_causal=True
        )
        got = call(*(q, q, q) if q is k is v else (q.clone(), k.clone(), v.clone()))
        shapes = f"q and k of shape {shape_of(q)}, v of shape {shape_of(v)}{note}"
        compare(got, expected, CAUSAL_MISTAKES, (q, k, v), shapes)

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs, ready_made=ATTENTION)

    def drawn(seed, B, T, D, E):
        q, k = (draw(seed + i, B, T, D, scale=1.5) for i in range(2))
        return q, k, draw(seed + 2, B, T, E, scale=1.5)

    judge(by_hand, *drawn(40, 2, 5, 7, 4))
    q = torch.tensor([[[1.0, 0, 2, 0], [0, 2, 0, 1]]])
    judge(answer, q, q.flip(-1), torch.tensor([[[1.0], [3]]]))
    judge(answer, *drawn(43, 2, 5, 7, 4), " (other numbers)")
    judge(answer, *drawn(33, 2, 6, 3, 3))
    judge(answer, *drawn(46, 3, 1, 11, 11), " (a single word)")
    judge(answer, *drawn(64, 1, 2, 2, 2))
    judge(answer, *drawn(49, 1, 300, 3, 3))
    q, k = 20 * units(torch.tensor([[0, 1, 0, 2, 3]])), 20 * units(torch.arange(5)[None])
    judge(answer, q, k, draw(9, 1, 5, 8), ", with one score of 141 in every row")
    q, k = torch.ones(1, 4, 1), torch.tensor([[[-30_000.0], [-30_001], [-30_002.5], [-29_870]]])
    judge(answer, q, k, draw(9, 1, 4, 1), ", whose highest score lies in the future")
    q = 20 * units(torch.tensor([[4, 0, 2, 2, 3]])) * torch.tensor([[0.0], [10], [0], [-10], [1]])
    k = 20 * units(torch.arange(5)[None])
    judge(answer, q, k, draw(8, 1, 5, 8), ", with scores of 1,414, of 0 and of -1,414")
    judge(answer, *drawn(55, 70, 2, 1, 1))
    judge(answer, *drawn(58, 1, 3, 150, 150))
    judge(answer, *drawn(67, 1, 3, 2, 150))
    q, k = torch.tensor([[[1.0], [-1], [2]]]), torch.tensor([[[29_952.0], [30_080], [29_824]]])
    judge(answer, q, k, draw(7, 1, 3, 1), ", with scores around 30,000, -30,000 and 60,000")
    for x in (draw(61, 2, 1, 6).expand(2, 4, 6), draw(62, 2, 4, 6)):  # equal words, and others
        judge(answer, x, x, x, ", where q, k and v are one tensor")
