"""Checks of lab 8: what they have in common (chapter 8).

Key idea: samplers are judged by the distribution from which the token is drawn, so it does not
matter how an answer drops tokens. Of equally likely tokens, the one with the lower index counts as
the likelier. Letters: B texts, V tokens in the vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LAB = "08_generation"
SHOULD = "it should be"


def ranks(logits: Tensor, later_first: bool = False) -> Tensor:
    """The rank of each token in its row, 0 for the likeliest: (B, V).

    later_first: whether the later of equally likely tokens comes first.
    """
    if later_first:
        return ranks(logits.flip(-1)).flip(-1)
    return logits.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)


def renormalised(logits: Tensor, kept: Tensor) -> Tensor:
    """The distribution over the kept tokens, (B, V); NaN where none is kept."""
    return logits.double().masked_fill(~kept, -math.inf).softmax(-1)


def zeroed(logits: Tensor, kept: Tensor) -> Tensor:
    """Dropped tokens get a logit of 0, which is not a probability of 0: (B, V)."""
    return torch.where(kept, logits.double(), 0.0).softmax(-1)


def not_renormalised(logits: Tensor, kept: Tensor) -> Tensor:
    """Dropped tokens get probability 0, and nothing else changes: (B, V)."""
    return logits.double().softmax(-1) * kept


def logits_returned(logits: Tensor, kept: Tensor) -> Tensor:
    """Logits, -inf for dropped tokens, from which the probabilities were to be made: (B, V)."""
    return logits.double().masked_fill(~kept, -math.inf)
