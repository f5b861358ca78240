"""Check of lab 10: the winner's distribution in best-of-n, and its exact KL (chapter 10).

Key idea: outcomes with and without ties, in an order that is not that of the rewards, so that the
usual formula is right for none of them. Letter: K outcomes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import draw
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("the probabilities", "the KL divergence")


def case(seed: int, K: int, levels: int | None, impossible: int = 0) -> tuple[Tensor, Tensor]:
    """Probabilities and rewards, (K,) float64. levels: so many different rewards; None: no ties."""
    p = (1.2 * draw(seed, K).double()).softmax(-1)
    if impossible:
        p[:impossible] = 0.0
        p = p / p.sum()
    random = np.random.default_rng(seed)
    if levels is None:
        rewards = random.permutation(K) / 4 - 1.0
    else:
        rewards = random.permutation(np.arange(K) % levels) / 2 - 1.0
    return p, torch.tensor(rewards)


def _mass(p: Tensor, wins: Tensor) -> Tensor:
    """For each outcome, the probability of those for which `wins`, (K, K), is True."""
    return (p[None, :] * wins).sum(-1)


def winner(p: Tensor, rewards: Tensor, n: int) -> Tensor:
    """The probability with which each outcome is the best of n draws, the first one of equals."""
    below = _mass(p, rewards[None, :] < rewards[:, None])
    level = _mass(p, rewards[None, :] == rewards[:, None])
    share = torch.where(level > 0, p / level, 0.0)
    return ((below + level) ** n - below**n) * share


def kl(q: Tensor, p: Tensor) -> Tensor:
    """KL(q || p), where an impossible outcome contributes nothing."""
    return torch.where(q > 0, q * torch.log(q / p), 0.0).sum()


def _formula(n: int) -> float:
    return math.log(n) - (n - 1) / n


def right(p, rewards, n):
    """Both results."""
    q = winner(p, rewards, n)
    return q, kl(q, p)


def _with(q, divergence=kl):
    def compute(p, rewards, n):
        made = q(p, rewards, n)
        return made, divergence(made, p)

    return compute


def _ordered(last_wins: bool):
    """Ties are broken by the outcomes' order, as a sort does."""

    def compute(p, rewards, n):
        index = torch.arange(len(p))
        first = (
            index[None, :] > index[:, None] if not last_wins else index[None, :] < index[:, None]
        )
        lower = (rewards[None, :] < rewards[:, None]) | (
            (rewards[None, :] == rewards[:, None]) & first
        )
        below = _mass(p, lower)
        return (below + p) ** n - below**n

    return compute


def _equal_shares(p, rewards, n):
    below = _mass(p, rewards[None, :] < rewards[:, None])
    same = rewards[None, :] == rewards[:, None]
    level = _mass(p, same)
    return ((below + level) ** n - below**n) / same.sum(-1)


def _not_shared(p, rewards, n):
    below = _mass(p, rewards[None, :] < rewards[:, None])
    level = _mass(p, rewards[None, :] == rewards[:, None])
    return (below + level) ** n - below**n


def _not_shared_by_own(p, rewards, n):
    """Equals do not count, so that the probabilities add up to less than 1."""
    below = _mass(p, rewards[None, :] < rewards[:, None])
    return (below + p) ** n - below**n


def _density(p, rewards, n):
    up_to = _mass(p, rewards[None, :] <= rewards[:, None])
    return n * p * up_to ** (n - 1)


def _unsorted(p, rewards, n):
    up_to = p.cumsum(0)
    return up_to**n - (up_to - p) ** n


MISTAKES = (
    *in_forms(
        "formula",
        "ln n - (n - 1) / n is not the KL divergence if outcomes are few or tie: it is an upper "
        "bound. Sum q ln(q / p).",
        lambda p, r, n: (winner(p, r, n), torch.tensor(_formula(n))),
        lambda p, r, n: (winner(p, r, n), torch.tensor(_formula(n) / math.log(2))),
    ),
    *in_forms(
        "ties_in_order",
        "of equal rewards, one outcome always beats the other. The one that was drawn first wins, "
        "so outcomes with equal rewards keep the ratio of their probabilities.",
        _with(_ordered(False)),
        _with(_ordered(True)),
    ),
    Mistake(
        "equal_shares",
        _with(_equal_shares),
        "outcomes with equal rewards share in equal parts. The likelier one is drawn first more "
        "often, so they share in proportion to p.",
    ),
    Mistake(
        "not_shared",
        _with(_not_shared),
        "every outcome gets the probability of all with its reward. They share it in proportion "
        "to p.",
    ),
    Mistake(
        "equals_missing",
        _with(_not_shared_by_own),
        "draws of other outcomes with the same reward are missing, so your probabilities add up to "
        "less than 1.",
    ),
    *in_forms(
        "density",
        "n · p · F^(n - 1) is for rewards that never tie and have a density. Here the probability "
        "that all n draws are at most this good is F^n; subtract that for worse ones only.",
        _with(_density),
        _with(lambda p, r, n: _density(p, r, n) / _density(p, r, n).sum()),
    ),
    Mistake(
        "worst",
        _with(lambda p, r, n: winner(p, -r, n)),
        "that is the worst of n.",
    ),
    Mistake(
        "unsorted",
        _with(_unsorted),
        "you add up the probabilities in the order of the outcomes. Add up those with lower "
        "rewards.",
    ),
    Mistake(
        "one_draw_less",
        _with(lambda p, r, n: winner(p, r, n - 1) if n > 1 else p * torch.nan),
        "that is the best of n - 1.",
    ),
    *in_forms(
        "occurs",
        "that is how likely an outcome is to be among the n draws. It must also beat the others.",
        _with(lambda p, r, n: 1 - (1 - p) ** n),
        _with(lambda p, r, n: (1 - (1 - p) ** n) / (1 - (1 - p) ** n).sum()),
    ),
    *in_forms(
        "reversed",
        "your divergence is KL(p || q). What is drawn are winners, so the mean is over q.",
        _with(winner, lambda q, p: kl(p, q)),
        _with(winner, lambda q, p: (p * torch.log(p / q)).sum()),
        _with(winner, lambda q, p: -kl(q, p)),
    ),
    Mistake(
        "zero_times_infinity",
        _with(winner, lambda q, p: (q * torch.log(q / p)).sum()),
        "an outcome that cannot win gives 0 times the logarithm of 0, which is NaN. It contributes "
        "0 to the divergence.",
    ),
)


@check(lab=LAB, exercise="best_of_n_kl", returns=(tuple, list))
def best_of_n_kl(answer):
    """best_of_n_kl(p, rewards, n): (K,), (K,), int -> probabilities (K,), a number."""

    def ask(call, made, n, note=""):
        inputs = (*made, n)
        given = f"{len(made[0])} outcomes and n = {n}{note}"
        expected = dict(zip(PARTS, right(*inputs), strict=True))
        judge_parts(call, inputs, expected, MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, 7, 3), 2, ", of which some tie")
    ask(answer, case(2, 7, 3), 4, ", of which some tie")
    ask(answer, case(1, 7, 3), 5, ", of which some tie")
    ask(answer, case(3, 6, None), 3, ", none of which tie")
    ask(answer, case(4, 9, 4), 1, ", of which some tie")
    ask(answer, case(5, 5, 1), 6, ", all of which tie")
    ask(answer, case(6, 400, None), 16)
    ask(answer, case(7, 400, 2), 8, " with two different rewards")
    ask(answer, case(8, 9, 4, impossible=3), 3, ", three of which are impossible")
