"""Check of lab 10: the Bradley-Terry loss of pairs (chapter 10).

Key idea: rewards that differ by hundreds, in both directions, show whether the logarithm is taken
in a stable way; everything else shows in ordinary rewards. Letter: N pairs.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.compare import draw
from grooves.checks.feedback.rules import LAB, OVERFLOWS, SHOULD
from grooves.checks.mistakes import Mistake, in_forms


def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """ln(1 + exp(-d)) for each pair, (N,), from the smaller of two exponentials."""
    d = chosen.double() - rejected.double()
    return torch.log1p(torch.exp(-d.abs())) + (-d).clamp_min(0)


def _p(chosen: Tensor, rejected: Tensor) -> Tensor:
    return torch.sigmoid(chosen.double() - rejected.double())


def _of_all_pairs(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Every chosen text beside every rejected one."""
    return loss(chosen[:, None], rejected[None, :]).mean()


def _one_by_one(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Chosen texts are class 1 and rejected ones class 0, each by itself."""
    zero = torch.zeros(())
    return (loss(chosen, zero) + loss(zero, rejected)).mean()


def _hidden(least: float, added: bool):
    def compute(chosen: Tensor, rejected: Tensor) -> Tensor:
        p = _p(chosen, rejected)
        return -torch.log(p + least if added else p.clamp_min(least)).mean()

    return compute


MISTAKES = (
    Mistake(
        "exchanged",
        lambda c, r: loss(r, c).mean(),
        "the two texts are exchanged: your loss falls when the rejected text gets the higher "
        "reward. The sigmoid is of r(chosen) - r(rejected).",
    ),
    *in_forms(
        "no_logarithm",
        "that is the mean probability, without a logarithm. The loss is -ln of the probability.",
        lambda c, r: _p(c, r).mean(),
        lambda c, r: -_p(c, r).mean(),
        lambda c, r: 1 - _p(c, r).mean(),
    ),
    *in_forms(
        "logarithm_of_mean",
        "you average over the pairs before you take the logarithm. Take the logarithm for each "
        "pair, then the mean.",
        lambda c, r: -torch.log(_p(c, r).mean()),
        lambda c, r: torch.log((1 + torch.exp(r.double() - c.double())).mean()),
        lambda c, r: torch.log((1 + torch.exp(r.float() - c.float())).mean()),
        lambda c, r: torch.log(torch.exp(loss(c, r)).mean()),
    ),
    Mistake(
        "sum",
        lambda c, r: loss(c, r).sum(),
        "the losses of the pairs are added up. Return their mean.",
    ),
    Mistake(
        "log_likelihood",
        lambda c, r: -loss(c, r).mean(),
        "that is the log-likelihood, which should be large. The loss is its negative.",
    ),
    Mistake(
        "of_the_means",
        lambda c, r: loss(c.double().mean(), r.double().mean()),
        "you compare the mean reward of all chosen texts with that of all rejected ones. Each pair "
        "is compared by itself.",
    ),
    Mistake(
        "one_by_one",
        _one_by_one,
        "each text is judged by itself, as good or bad. A pair says only which of the two is "
        "better, so only the difference of their rewards may count.",
    ),
    Mistake(
        "all_pairs",
        _of_all_pairs,
        "every chosen text is compared with every rejected one. Only texts of one pair were "
        "compared by somebody.",
    ),
    Mistake(
        "hinge",
        lambda c, r: (1 - (c.double() - r.double())).clamp_min(0).mean(),
        "that is a hinge loss. The Bradley-Terry model gives every pair a probability, and the "
        "loss is its -ln.",
    ),
    *in_forms(
        "unstable",
        "for a pair that is far on the wrong side, the probability is rounded to 0 or its inverse "
        "overflows, and the loss is infinite. `logsigmoid` and `softplus` avoid this.",
        lambda c, r: -torch.log(torch.sigmoid(c.float() - r.float())).mean(),
        lambda c, r: -torch.log(_p(c, r)).mean(),
        lambda c, r: torch.log(1 + torch.exp(r.float() - c.float())).mean(),
        lambda c, r: torch.log(1 + torch.exp(r.double() - c.double())).mean(),
    ),
    Mistake(
        "two_exponentials",
        lambda c, r: -torch.log(c.exp() / (c.exp() + r.exp())).mean(),
        "you take exponentials of the rewards themselves, which overflow. Only their difference "
        "counts, so compute it first.",
    ),
    *in_forms(
        "hidden",
        "you keep the probability away from 0, so the loss of a pair that is far on the wrong side "
        "is too small, and its gradient vanishes. Take the logarithm in a stable way instead.",
        *(_hidden(10.0**-n, added) for n in range(6, 13) for added in (True, False)),
    ),
)


@check(lab=LAB, exercise="bradley_terry", returns=(Tensor, np.ndarray, Real), raised=OVERFLOWS)
def bradley_terry(answer):
    """bradley_terry(chosen, rejected): (N,), (N,) -> a number."""

    def ask(call, chosen, rejected, note=""):
        given = f"{len(chosen)} {'pair' if len(chosen) == 1 else 'pairs'}{note}"
        inputs = (chosen, rejected)
        judge(call, inputs, loss(*inputs).mean(), MISTAKES, given, SHOULD)

    ask(by_hand(answer), draw(1, 7, scale=2), draw(2, 7, scale=2))
    # short numbers, so that a message that writes out a small input shows an ordinary one
    ask(answer, torch.tensor([3.0, 0.5]), torch.tensor([1.0, 2]))
    ask(answer, draw(3, 7, scale=2), draw(2, 7, scale=2))
    ask(answer, draw(3, 7, scale=2), draw(4, 7, scale=2))
    ask(answer, draw(5, 1), draw(6, 1))
    ask(answer, draw(7, 300, scale=3), draw(8, 300, scale=3))
    ask(answer, draw(9, 5) + 400, draw(10, 5) + 400, ", whose rewards are about 400")
    ask(answer, draw(11, 6) - 400, draw(12, 6) - 400, ", whose rewards are about -400")
    far = torch.tensor([200.0, -200, 1, 0])
    ask(answer, far, -far, ", two of them 400 apart")
    ask(answer, torch.tensor([-900.0, 3]), torch.tensor([900.0, 2]), ", one of them 1800 apart")
