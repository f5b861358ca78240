"""Check of lab 10: the exact KL divergence and three estimates from draws (chapter 10).

Key idea: few draws, so that no estimate is near the exact value by chance, and the same
distributions with other draws. Letters: K outcomes, N draws.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import draw
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("the exact KL", "the mean of k1", "the mean of k2", "the mean of k3")


def case(seed: int, K: int, N: int, apart: float = 1.0, impossible: int = 0):
    """Log-probabilities of the model and of the reference, (K,) float64, and draws, (N,).

    apart: how different they are. impossible: so many outcomes have probability 0 in the model.
    """
    z = draw(seed, K).double()
    ref = (z + apart * draw(seed + 500, K).double()).log_softmax(-1)
    if impossible:
        z[:impossible] = -torch.inf
    p = z.log_softmax(-1)
    random = np.random.default_rng(seed)
    return p, ref, torch.tensor(random.choice(K, N, p=p.exp().numpy() / p.exp().sum().item()))


def exact(p: Tensor, ref: Tensor) -> Tensor:
    """KL(p || ref) of two distributions given as logarithms."""
    terms = p.exp() * (p - ref)
    return terms[p > -torch.inf].sum()


def _k3(d: Tensor) -> Tensor:
    return d.exp() - 1 - d


def _with(value=exact, d=None, k1=None, k2=None, k3=None, mean=None):
    """The four results with some part exchanged.

    d: of p and ref at the draws. k1, k2, k3: of d. mean: of values, p, ref and draws.
    """
    k1, k2, k3 = k1 or (lambda d: -d), k2 or (lambda d: d.square() / 2), k3 or _k3
    mean = mean or (lambda values, *_: values.mean())

    def compute(p, ref, drawn):
        at = d(p, ref)[drawn] if d else (ref - p)[drawn]
        return value(p, ref), *(mean(k(at), p, ref, drawn) for k in (k1, k2, k3))

    return compute


right = _with()


def _enumerated(p, ref, drawn):
    at = p > -torch.inf
    d, weight = (ref - p)[at], p.exp()[at]
    return exact(p, ref), *((weight * k).sum() for k in (-d, d.square() / 2, _k3(d)))


MISTAKES = (
    Mistake(
        "direction",
        _with(d=lambda p, ref: p - ref),
        "your d is ln p - ln ref. It is ln ref - ln p, so that the mean of k1 estimates "
        "KL(p || ref) and exp(d) is the ratio ref / p.",
    ),
    Mistake(
        "k1_sign",
        _with(k1=lambda d: d),
        "k1 has the wrong sign: it is -d, ln p - ln ref.",
    ),
    *in_forms(
        "k3_ratio",
        "the ratio in k3 is upside down: exp(d) is ref / p. With p / ref, its mean estimates "
        "another quantity.",
        _with(k3=lambda d: torch.exp(-d) - 1 - d),
        _with(k3=lambda d: torch.exp(-d) - 1 + d),
        _with(k3=lambda d: torch.exp(d) - 1 + d),
    ),
    *in_forms(
        "exact_reversed",
        "your exact divergence is KL(ref || p). The draws come from p, so the mean is over p.",
        _with(value=lambda p, ref: exact(ref, p)),
        _with(value=lambda p, ref: -exact(ref, p)),
        _with(value=lambda p, ref: (ref.exp() * (ref - p)).sum()),
    ),
    Mistake(
        "exact_turned",
        _with(value=lambda p, ref: -exact(p, ref)),
        "your exact divergence is negative, which no KL is: the logarithm is of p / ref.",
    ),
    Mistake(
        "no_half",
        _with(k2=lambda d: d.square()),
        "the half of k2 is missing: it is d² / 2.",
    ),
    *in_forms(
        "k3_incomplete",
        "a term of k3 is missing. It is exp(d) - 1 - d, which is 0 where d is 0.",
        _with(k3=lambda d: d.exp() - 1),
        _with(k3=lambda d: d.exp() - d),
    ),
    *in_forms(
        "weighted_again",
        "you weight the draws by their probability. Likely outcomes are drawn more often already, "
        "so a plain mean over the draws is right.",
        _with(mean=lambda k, p, ref, drawn: (p.exp()[drawn] * k).sum()),
        _with(mean=lambda k, p, ref, drawn: (p.exp()[drawn] * k).mean()),
        _with(mean=lambda k, p, ref, drawn: (p.exp()[drawn] * k).sum() / p.exp()[drawn].sum()),
    ),
    Mistake(
        "not_drawn",
        _enumerated,
        "your estimates ignore `drawn`: they are means over all outcomes, which nobody can list "
        "for texts. Take them over the draws.",
    ),
    *in_forms(
        "exact_unweighted",
        "your exact divergence treats all outcomes alike. Weight the logarithm of each by p.",
        _with(value=lambda p, ref: (p - ref).mean()),
        _with(value=lambda p, ref: (p - ref).sum()),
    ),
    Mistake(
        "zero_times_infinity",
        _with(value=lambda p, ref: (p.exp() * (p - ref)).sum()),
        "an outcome with p = 0 gives 0 times -inf, which is NaN. It contributes 0.",
    ),
    Mistake(
        "added_up",
        _with(mean=lambda k, *_: k.sum()),
        "the values of the draws are added up. Return their means.",
    ),
)


@check(lab=LAB, exercise="kl_estimators", returns=(tuple, list, Tensor, np.ndarray))
def kl_estimators(answer):
    """kl_estimators(log_p, log_ref, drawn): (K,), (K,), (N,) -> four numbers."""

    def ask(call, made, note=""):
        given = f"{len(made[0])} outcomes and {len(made[2])} draws{note}"
        judge_parts(
            lambda *inputs: tuple(call(*inputs)),
            made,
            dict(zip(PARTS, right(*made), strict=True)),
            MISTAKES,
            given,
            SHOULD,
        )

    ask(by_hand(answer), case(1, 6, 9))
    ask(answer, case(2, 6, 9))
    ask(answer, case(3, 5, 8, apart=0.4))
    p, ref, _ = case(1, 6, 9)
    ask(answer, (p, ref, torch.tensor([5, 0, 0, 3])), ", of which one is drawn twice")
    ask(answer, case(4, 4, 1))
    ask(answer, case(5, 300, 50))
    ask(answer, case(6, 12, 2_000, apart=2.0))
    ask(answer, case(7, 7, 10, impossible=3), ", three of them impossible in the model")
    ask(answer, case(8, 5, 12, apart=0.0), ", with two equal models")
