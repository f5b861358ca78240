"""Check of lab 8: min-p (chapter 8).

Key idea: rows that are certain and rows that are not, so that a floor that does not depend on the
row's own maximum shows. Letters: B texts, V tokens.
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
    zeroed,
)
from grooves.checks.mistakes import Mistake, in_forms


def _kept(logits: Tensor, ratio: float) -> Tensor:
    z = logits.double()
    return (z - z.amax(-1, keepdim=True)).exp() >= ratio


def _by(keep, shown=renormalised):
    """keep: (probabilities, ratio) -> which are kept."""
    return lambda z, ratio: shown(z, keep(z.double().softmax(-1), ratio))


MISTAKES = (
    *in_forms(
        "absolute_floor",
        "you compare each probability with the ratio itself. The floor is the ratio times the "
        "probability of the row's likeliest token.",
        _by(lambda p, ratio: p >= ratio),
        lambda z, ratio: renormalised(z, (z.softmax(-1) >= ratio) | (ranks(z) == 0)),
    ),
    *in_forms(
        "logits_compared",
        "you compare logits with a fraction of the largest logit. Compare probabilities, or "
        "logits with the largest one plus the logarithm of the ratio.",
        lambda z, ratio: renormalised(z, z >= ratio * z.amax(-1, keepdim=True)),
        lambda z, ratio: renormalised(z, z >= z.amax(-1, keepdim=True) - ratio),
        lambda z, ratio: renormalised(z, z >= z.amax(-1, keepdim=True) + ratio),
    ),
    *in_forms(
        "one_maximum",
        "you use one maximum for all rows. Each row has its own likeliest token.",
        _by(lambda p, ratio: p >= ratio * p[0].amax()),
        _by(lambda p, ratio: p >= ratio * p.amax()),
    ),
    Mistake(
        "batch_axis",
        _by(lambda p, ratio: p >= ratio * p.amax(0)),
        "you take the largest probability of each column. Tokens lie along the last axis, dim=-1.",
    ),
    Mistake(
        "not_renormalised",
        _by(lambda p, ratio: p >= ratio * p.amax(-1, keepdim=True), not_renormalised),
        "the probabilities of a row no longer add up to 1. Divide what is left by its sum.",
    ),
    Mistake(
        "logits_returned",
        lambda z, ratio: logits_returned(z, _kept(z, ratio)),
        "these are logits, of which the dropped ones are -inf. Return probabilities: apply the "
        "softmax to them.",
    ),
    Mistake(
        "strict_comparison",
        lambda z, ratio: (
            renormalised(z, _kept(z, ratio) & (z < z.amax(-1, keepdim=True)))
            if ratio == 1
            else renormalised(z, _kept(z, ratio))
        ),
        "with a ratio of 1 nothing is left. A token that reaches the floor exactly is kept: `>=`.",
    ),
    Mistake(
        "logit_zero",
        lambda z, ratio: zeroed(z, _kept(z, ratio)),
        "dropped tokens have a logit of 0, whose exponential is 1. Their logit must be -inf.",
    ),
    Mistake(
        "complement",
        lambda z, ratio: renormalised(z, _kept(z, 1 - ratio)),
        "your floor is 1 - ratio times the largest probability. It is ratio times that.",
    ),
    Mistake(
        "dropped_kept",
        lambda z, ratio: renormalised(z, ~_kept(z, ratio)),
        "you keep what is below the floor, and drop the rest.",
    ),
)


@check(lab=LAB, exercise="min_p", returns=(Tensor, np.ndarray))
def min_p(answer):
    """min_p(logits, ratio): (B, V), float -> probabilities (B, V)."""

    def ask(call, logits, ratio, note=""):
        given = f"logits of shape {shape_of(logits)} and ratio = {ratio}{note}"
        expected = renormalised(logits, _kept(logits, ratio))
        judge(call, (logits, ratio), expected, MISTAKES, given, SHOULD)

    ask(by_hand(answer), draw(21, 3, 7), 0.3)
    ask(answer, draw(22, 3, 7), 0.1)
    ask(answer, draw(22, 3, 7), 0.6)
    ask(answer, draw(23, 6, 6, scale=2.0), 0.05)
    sure = draw(24, 4, 9) + 5 * torch.eye(9)[[3, 0, 8, 8]] * torch.tensor([[1.0], [1], [0], [1]])
    ask(answer, sure, 0.2, ", some with one very likely token")
    ask(answer, draw(25, 1, 5), 0.45)
    ask(answer, torch.tensor([[1.0, 3, 2, 3], [0, 0, 0, 0], [5, 1, 1, 1]]), 1.0, ", with ties")
    ask(answer, draw(26, 2, 4), 0.0)
    ask(answer, draw(27, 3, 300), 0.02)
    ask(answer, draw(28, 3, 5) + torch.tensor([[0.0], [300], [-300]]), 0.25, ", far from 0")
