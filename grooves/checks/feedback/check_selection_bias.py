"""Check of lab 10: the share of stories that readers like, from thumbs on some (chapter 10).

Key idea: stories whose chance of a thumb goes with how they are liked; chances of 0 and of 1.
Letter: N stories.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("the share of thumbs up", "the weighted estimate", "the self-normalised estimate")


def case(seed: int, N: int, least: float = 0.05, never: int = 0, always: int = 0):
    """Thumbs (N,), 1, -1 or 0 for none, and the chance of a thumb, (N,).

    least: the smallest chance that is not 0. never, always: so many with a chance of 0, or 1.
    """
    random = np.random.default_rng(seed)
    chance = least + (0.95 - least) * random.random(N) ** 2
    chance[:never], chance[never : never + always] = 0.0, 1.0
    liked = random.random(N) < 0.2 + 0.6 * chance
    seen = random.random(N) < chance
    order = random.permutation(N)
    thumbs = np.where(seen, np.where(liked, 1, -1), 0)[order]
    if not {1, -1} <= set(thumbs.tolist()):
        return case(seed + 1_000, N, least, never, always)
    return torch.tensor(thumbs), torch.tensor(chance[order])


def _weights(thumbs: Tensor, chance: Tensor) -> Tensor:
    return torch.where(thumbs != 0, 1 / chance.double(), 0.0)


def _up(thumbs: Tensor) -> Tensor:
    return (thumbs > 0).double()


def _naive(thumbs: Tensor) -> Tensor:
    return _up(thumbs).sum() / (thumbs != 0).sum()


def _with(weights=_weights, naive=_naive, up=_up, divisor=None, own=None):
    """The three results. divisor: of the weighted sum; own: of the self-normalised one."""
    divisor = divisor or (lambda t, c, w: len(t))
    own = own or (lambda t, c, w: w.sum())

    def compute(thumbs, chance):
        w = weights(thumbs, chance)
        total = (w * up(thumbs)).sum()
        last = total / own(thumbs, chance, w)
        return naive(thumbs), total / divisor(thumbs, chance, w), last

    return compute


right = _with()


def _signed(thumbs: Tensor) -> Tensor:
    return thumbs.double()


def _no_guard(thumbs, chance):
    """All are weighted, and 0 / 0 is NaN."""
    return (thumbs != 0).double() / chance.double()


MISTAKES = (
    Mistake(
        "not_corrected",
        lambda t, c: (_naive(t), _naive(t), _naive(t)),
        "your estimates are not corrected: they are the share of thumbs up. A thumb on a story "
        "that seldom gets one stands for many stories, so weight it by 1 / chance.",
    ),
    Mistake(
        "multiplied",
        _with(weights=lambda t, c: (t != 0) * c.double()),
        "you multiply by the chance, which favours the stories that are judged often once more. "
        "Divide by it.",
    ),
    Mistake(
        "divided_by_thumbs",
        _with(divisor=lambda t, c, w: (t != 0).sum()),
        "you divide by the number of thumbs. Each weighted thumb already stands for the stories "
        "without one, so the sum is over all N stories.",
    ),
    Mistake(
        "signed",
        _with(up=_signed, naive=lambda t: t.double().sum() / (t != 0).sum()),
        "you average thumbs of 1 and -1. The share of liked stories counts a thumb down as 0.",
    ),
    Mistake(
        "signed_estimates",
        _with(up=_signed),
        "your estimates count a thumb down as -1. For a share it counts as 0.",
    ),
    Mistake(
        "no_thumb_counted",
        _with(naive=lambda t: _up(t).mean()),
        "the share of thumbs up counts stories without a thumb as disliked. They say nothing.",
    ),
    *in_forms(
        "weights_of_all",
        "the self-normalised estimate divides by the weights of all stories. Only those with a "
        "thumb are in the sum above, so only theirs belong below.",
        _with(own=lambda t, c, w: (1 / c.double()).sum()),
        _with(own=lambda t, c, w: torch.where(c > 0, 1 / c.double(), 0.0).sum()),
    ),
    Mistake(
        "self_normalised_only",
        _with(divisor=lambda t, c, w: w.sum()),
        "the weighted estimate is self-normalised too. It divides by N, whatever the weights are.",
    ),
    Mistake(
        "not_self_normalised",
        _with(own=lambda t, c, w: len(t)),
        "the last estimate is not self-normalised: divide by the sum of the weights.",
    ),
    Mistake(
        "inverse_of_rest",
        _with(weights=lambda t, c: torch.where(t != 0, 1 / (1 - c.double()), 0.0)),
        "you divide by the chance of getting no thumb. Divide by the chance of getting one.",
    ),
    Mistake(
        "mean_chance",
        _with(weights=lambda t, c: (t != 0) / c.double().mean()),
        "you divide by the mean chance, which is no correction. Each story has its own.",
    ),
    Mistake(
        "zero_chance",
        _with(weights=_no_guard),
        "a story with a chance of 0 gives 0 / 0 or 0 times infinity, which is NaN. It has no "
        "thumb, so leave it out of the sum.",
    ),
)


@check(lab=LAB, exercise="selection_bias", returns=(tuple, list, Tensor, np.ndarray))
def selection_bias(answer):
    """selection_bias(thumbs, chance): (N,), (N,) -> three numbers."""

    def ask(call, made, note=""):
        given = f"{len(made[0])} stories{note}"
        expected = dict(zip(PARTS, right(*made), strict=True))
        judge_parts(lambda *inputs: tuple(call(*inputs)), made, expected, MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, 12))
    ask(answer, case(2, 12))
    ask(answer, case(3, 40))
    ask(answer, case(4, 6, least=0.4))
    ask(answer, case(5, 30, always=8), ", eight of which certainly get a thumb")
    ask(answer, case(6, 30, never=6), ", six of which never get a thumb")
    ask(answer, case(7, 3_000, least=0.02))
    ask(answer, case(8, 50, least=0.9), ", nearly all of which get a thumb")
    few = torch.tensor([1, -1, 0, 1]), torch.tensor([0.2, 0.5, 0.9, 0.3]).double()
    ask(answer, few, ", whose weighted estimate is above 1")
