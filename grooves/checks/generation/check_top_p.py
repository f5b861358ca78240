"""Check of lab 8: temperature and top-p, in this order (chapter 8).

Key idea: the rows of one batch keep different numbers of tokens, their tokens are in no order, and
some rows have one token that is above p alone. Letters: B texts, V tokens.
"""

from __future__ import annotations

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
)
from grooves.checks.mistakes import Mistake, in_forms


def _before(logits: Tensor, descending: bool = True) -> Tensor:
    """Probability of all tokens that come before each in sorted order: (B, V)."""
    p = logits.double().softmax(-1)
    order = logits.argsort(dim=-1, descending=descending, stable=True)
    ordered = p.gather(-1, order)
    return (ordered.cumsum(-1) - ordered).gather(-1, order.argsort(dim=-1))


def _up_to(logits: Tensor) -> Tensor:
    """Probability of each token and all that are likelier: (B, V)."""
    return (_before(logits) + logits.softmax(-1)).round(decimals=9)  # all together are 1


def _nucleus(logits: Tensor, p: float) -> Tensor:
    """Whether each token belongs to the smallest set with probability p or more: (B, V)."""
    return (_before(logits) < p) | (ranks(logits) == 0)


def _size(logits: Tensor, p: float) -> Tensor:
    """How many tokens the nucleus has: (B, 1)."""
    return _nucleus(logits, p).sum(-1, keepdim=True)


def _after(keep, shown=renormalised):
    """The right order: temperature first. keep: (changed logits, p) -> which are kept."""

    def compute(logits, temperature, p):
        z = logits.double() / temperature
        return shown(z, keep(z, p))

    return compute


def _in_token_order(z: Tensor, p: float) -> Tensor:
    q = z.softmax(-1)
    return q.cumsum(-1) - q < p


def _not_put_back(z: Tensor, p: float) -> Tensor:
    return torch.arange(z.size(-1)) < _size(z, p)


def _at_least(z: Tensor, p: float) -> Tensor:
    """All tokens that are as likely as the last of the nucleus, or likelier."""
    return z >= z.where(_nucleus(z, p), torch.inf).amin(-1, keepdim=True)


def _unstable(z: Tensor, p: float) -> Tensor:
    """The nucleus by a sort that does not keep equals in their own order."""
    ordered, order = z.float().softmax(-1).sort(dim=-1, descending=True)
    kept = ordered.cumsum(-1) - ordered < p
    kept[:, 0] = True
    return torch.zeros_like(kept).scatter(-1, order, kept)


right = _after(_nucleus)
MISTAKES = (
    *in_forms(
        "one_too_few",
        "the token with which the sum reaches p is dropped. It must stay, or less than p is left.",
        _after(lambda z, p: _up_to(z) <= p),
        _after(lambda z, p: (_up_to(z) <= p) | (ranks(z) == 0)),
        _after(lambda z, p: ranks(z) < _size(z, p) - 1),
        _after(lambda z, p: ranks(z) < (_size(z, p) - 1).clamp_min(1)),
    ),
    Mistake(
        "one_too_many",
        _after(lambda z, p: _before(z) <= p),
        "where the sum is exactly p, you keep one token more. The sum has then reached p: keep a "
        "token only if those before it have less than p together.",
    ),
    Mistake(
        "cut_before_temperature",
        lambda z, t, p: renormalised(z.double() / t, _nucleus(z, p)),
        "the tokens are chosen by the probabilities from before the temperature. Divide the logits "
        "by it first, and compute the sums from the result.",
    ),
    Mistake(
        "logits_returned",
        _after(_nucleus, logits_returned),
        "these are logits, of which the dropped ones are -inf. Return probabilities: apply the "
        "softmax to them.",
    ),
    Mistake(
        "temperature_ignored",
        lambda z, t, p: right(z, 1.0, p),
        "the temperature has no effect. Divide the logits by it before the softmax.",
    ),
    *in_forms(
        "not_sorted",
        "you add up the probabilities in the order of the tokens. Sort them first, from likely to "
        "unlikely.",
        _after(lambda z, p: z.softmax(-1).cumsum(-1).round(decimals=9) <= p),
        lambda z, t, p: renormalised(z / t, (z / t).softmax(-1).cumsum(-1) <= p),
        _after(_in_token_order),
    ),
    Mistake(
        "ascending",
        _after(lambda z, p: _before(z, descending=False) < p),
        "you add up from the least likely token on. Sort in descending order.",
    ),
    Mistake(
        "ties_kept",
        _after(_at_least),
        "every token that is as likely as the last one is kept. Of equally likely tokens, those "
        "with the lower index come first, and the sum decides how many.",
    ),
    *in_forms(
        "ties_last",
        "of equally likely tokens you do not keep those with the lower index. Sort in descending "
        "order with `stable=True`, which keeps equals in their own order.",
        lambda z, t, p: right(z.flip(-1), t, p).flip(-1),
        _after(_unstable),
    ),
    Mistake(
        "mask_not_put_back",
        _after(_not_put_back),
        "the mask is in sorted order, and the tokens are not. Put it back with `scatter`, or with "
        "the inverse of the order.",
    ),
    Mistake(
        "sorted_order",
        lambda z, t, p: right(z, t, p).sort(-1, descending=True).values,
        "your probabilities are in sorted order. Each must stand at its own token's index.",
    ),
    Mistake(
        "not_renormalised",
        _after(_nucleus, not_renormalised),
        "the probabilities of a row no longer add up to 1. Divide what is left by its sum.",
    ),
    *in_forms(
        "one_cutoff",
        "every row keeps what row 0 keeps. Each row has its own sum, and its own cut-off.",
        _after(lambda z, p: ranks(z) < _size(z, p)[0]),
        _after(lambda z, p: _nucleus(z, p)[:1].expand_as(z)),
    ),
)


@check(lab=LAB, exercise="top_p", returns=(Tensor, np.ndarray))
def top_p(answer):
    """top_p(logits, temperature, p): (B, V), float, float -> probabilities (B, V)."""

    def ask(call, logits, temperature, p, note=""):
        given = f"logits of shape {shape_of(logits)}, temperature {temperature} and p = {p}{note}"
        inputs = (logits, temperature, p)
        judge(call, inputs, right(*inputs), MISTAKES, given, SHOULD)

    ask(by_hand(answer), draw(11, 3, 7), 0.5, 0.8)
    ask(answer, draw(12, 3, 7), 1.0, 0.6)
    ask(answer, draw(12, 3, 7), 1.0, 0.85)
    ask(answer, draw(12, 3, 7), 2.0, 0.6)
    ask(answer, draw(13, 6, 6), 1.5, 0.75)
    sure = draw(14, 4, 9) + 6 * torch.eye(9)[[3, 0, 8, 8]] * torch.tensor([[1.0], [1], [0], [1]])
    ask(answer, sure, 1.0, 0.9, ", some with one token above p alone")
    ask(answer, draw(15, 1, 5), 0.7, 0.01)
    ties = torch.tensor([[1.0, 0, 1, 2, 1], [1, 1, 1, 1, 1], [0, 0, 3, 0, 0]])
    ask(answer, ties, 1.0, 0.7, ", with equal logits")
    ask(answer, torch.ones(2, 40), 1.0, 0.46, ", all of them equal")
    ask(answer, torch.ones(1, 4), 1.0, 0.5, ", all of them equal")
    ask(answer, draw(16, 2, 4), 1.2, 1.0)
    ask(answer, draw(102, 5, 300, scale=2.0), 0.8, 0.95)
    ask(answer, draw(18, 3, 5) + torch.tensor([[0.0], [300], [-300]]), 0.9, 0.7, ", far from 0")
