"""Check of lab 8: top-k (chapter 8).

Key idea: the result is the distribution from which the token is drawn. Rows whose cut-offs differ,
ties at the cut-off and a k above V tell the mistakes apart. Letters: B texts, V tokens.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.compare import draw, shape_of
from grooves.checks.generation.rules import (
    LAB,
    SHOULD,
    logits_returned,
    not_renormalised,
    ranks,
    renormalised,
    zeroed,
)
from grooves.checks.mistakes import Mistake, in_forms


def _kept(logits: Tensor, k: int) -> Tensor:
    return ranks(logits) < k


def _kth(logits: Tensor, k: int) -> Tensor:
    """The k-th largest logit of each row, (B, 1)."""
    ordered = logits.sort(-1, descending=True).values
    return ordered[:, [min(k, logits.size(-1)) - 1]]


def _by_topk(logits: Tensor, k: int) -> Tensor:
    """What topk keeps, which is any of the tokens that tie."""
    places = logits.topk(min(k, logits.size(-1)), dim=-1).indices
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, places, True)
    return renormalised(logits, kept)


def _unstable(logits: Tensor, k: int) -> Tensor:
    """What a sort keeps that does not leave equals in their own order."""
    places = logits.argsort(dim=-1, descending=True)[:, :k]
    kept = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, places, True)
    return renormalised(logits, kept)


def _equal_shares(logits: Tensor, k: int) -> Tensor:
    kept = _kept(logits, k).double()
    return kept / kept.sum(-1, keepdim=True)


def _of_all(logits: Tensor, k: int) -> Tensor:
    """One cut-off, the k-th largest logit of the whole batch."""
    return logits >= _kth(logits.flatten()[None], k)


MISTAKES = (
    *in_forms(
        "one_too_few",
        "you keep k - 1 tokens. Indices begin at 0: the last that is kept has the index k - 1 in "
        "sorted order.",
        lambda z, k: renormalised(z, ranks(z) < k - 1),
        lambda z, k: renormalised(z, ranks(z) < max(k - 1, 1)),
    ),
    Mistake(
        "one_too_many",
        lambda z, k: renormalised(z, ranks(z) < k + 1),
        "you keep k + 1 tokens. The last that is kept has the index k - 1 in sorted order.",
    ),
    Mistake(
        "ties_kept",
        lambda z, k: renormalised(z, z >= _kth(z, k)),
        "every token that ties with the last one is kept, so there are more than k. Of equally "
        "likely tokens, keep those with the lower index.",
    ),
    *in_forms(
        "wrong_ties",
        "of equally likely tokens you do not keep those with the lower index. `argsort` and `sort` "
        "keep the order of equals only with `stable=True`, and `topk` promises no order.",
        lambda z, k: renormalised(z, ranks(z, later_first=True) < k),
        _by_topk,
        _unstable,
    ),
    Mistake(
        "not_renormalised",
        lambda z, k: not_renormalised(z, _kept(z, k)),
        "the probabilities of a row no longer add up to 1. Divide what is left by its sum.",
    ),
    Mistake(
        "logit_zero",
        lambda z, k: zeroed(z, _kept(z, k)),
        "dropped tokens have a logit of 0, whose exponential is 1. Their logit must be -inf.",
    ),
    Mistake(
        "logits_returned",
        lambda z, k: logits_returned(z, _kept(z, k)),
        "these are logits, of which the dropped ones are -inf. Return probabilities: apply the "
        "softmax to them.",
    ),
    Mistake(
        "sorted_order",
        lambda z, k: renormalised(z, _kept(z, k)).sort(-1, descending=True).values,
        "your probabilities are in sorted order. Each must stand at its own token's index.",
    ),
    *in_forms(
        "one_cutoff",
        "you use one cut-off for the whole batch. Each row has its own k likeliest tokens.",
        lambda z, k: renormalised(z, z >= _kth(z, k)[0]),
        lambda z, k: renormalised(z, _of_all(z, k)),
    ),
    Mistake(
        "batch_axis",
        lambda z, k: renormalised(z, ranks(z.transpose(0, 1)).transpose(0, 1) < k),
        "you keep the k largest of each column. Tokens lie along the last axis, dim=-1.",
    ),
    Mistake(
        "least_likely",
        lambda z, k: renormalised(z, ranks(-z) < k),
        "you keep the k least likely tokens: the sorted order is ascending.",
    ),
    Mistake(
        "equal_shares",
        _equal_shares,
        "the tokens that are left are all equally likely. They keep the ratios that they had.",
    ),
)


@check(lab=LAB, exercise="top_k", returns=(Tensor, np.ndarray))
def top_k(answer):
    """top_k(logits, k): (B, V), int -> probabilities (B, V)."""

    def ask(call, logits, k, note=""):
        given = f"logits of shape {shape_of(logits)} and k = {k}{note}"
        judge(call, (logits, k), renormalised(logits, _kept(logits, k)), MISTAKES, given, SHOULD)

    ask(by_hand(answer), draw(1, 3, 7), 2)
    ask(answer, draw(2, 3, 7), 4)
    ask(answer, draw(2, 3, 7), 2)
    ask(answer, draw(3, 6, 6), 3)
    ask(answer, draw(4, 1, 5), 1)
    ties = torch.tensor([[1.0, 2, 0, 2, 2, -1], [0, 0, 0, 0, 0, 0], [3, 1, 1, 2, 1, 1]])
    ask(answer, ties, 2, ", with equal logits")
    ask(answer, ties, 3, ", with equal logits")
    ask(answer, torch.ones(2, 40), 5, ", all of them equal")
    ask(answer, draw(5, 2, 4), 4)
    ask(answer, draw(6, 4, 3), 9)
    ask(answer, draw(7, 2, 400), 50)
    ask(answer, draw(8, 3, 5) + torch.tensor([[0.0], [500], [-500]]), 2, ", far from 0")
    cut = draw(9, 2, 6).masked_fill(torch.tensor([1, 0, 1, 1, 0, 0]).bool(), -math.inf)
    ask(answer, cut, 2, ", of which three are -inf")
    ask(answer, cut, 5, ", of which three are -inf")
