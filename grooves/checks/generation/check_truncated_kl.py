"""Check of lab 8: KL divergence from and to a truncated distribution (chapter 8).

Key idea: rows in which a true token is cut, rows in which an impossible one is kept, and rows with
neither, so that infinity is expected in one direction, the other, both or none.
Letters: B places in a text, V tokens.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import draw, shape_of
from grooves.checks.generation.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("KL(p || r)", "KL(r || p)")


def case(seed: int, B: int, V: int, impossible: float, cut: str) -> tuple[Tensor, Tensor, Tensor]:
    """p and q, (B, V) float64, and what is kept, bool (B, V).

    impossible: the share of tokens with p = 0. cut: "none", "impossible" (tokens with p = 0 only),
    "likely" (some others too) or "mixed", which takes one of these for each row in turn.
    """
    random = torch.Generator().manual_seed(seed)
    p = draw(seed, B, V).double().softmax(-1)
    zero = torch.rand(B, V, generator=random) < impossible
    zero[:, :2] = False
    p = p.masked_fill(zero, 0.0)
    p = p / p.sum(-1, keepdim=True)
    q = draw(seed + 500, B, V).double().softmax(-1)
    likely = torch.rand(B, V, generator=random) < 0.3
    likely[:, 0], likely[:, 1] = True, False
    dropped = {"none": 0 * zero.int(), "impossible": zero, "likely": likely}
    dropped["both"] = zero | likely
    names = ("impossible", "none", "likely", "both") if cut == "mixed" else (cut,)
    rows = [dropped[names[row % len(names)]][row].bool() for row in range(B)]
    return p, q, ~torch.stack(rows)


def _truncated(q: Tensor, kept: Tensor) -> Tensor:
    return q * kept / (q * kept).sum(-1, keepdim=True)


def _kl(a: Tensor, b: Tensor) -> Tensor:
    """KL(a || b) of each row; 0 · log 0 is 0, and a > 0 where b = 0 gives infinity."""
    terms = torch.where(a > 0, a * (a / b).log(), 0.0)
    return terms.sum(-1)


def _both(p, r, kl=_kl):
    return kl(p, r), kl(r, p)


def _common(a: Tensor, b: Tensor) -> Tensor:
    """Only tokens that are possible in both, so nothing is infinite."""
    return torch.where((a > 0) & (b > 0), a * (a / b).log(), 0.0).sum(-1)


def _smoothed(a: Tensor, b: Tensor, tiny: float) -> Tensor:
    return (a * ((a + tiny) / (b + tiny)).log()).sum(-1)


def _with_kl(kl):
    return lambda p, q, kept: _both(p, _truncated(q, kept), kl)


MISTAKES = (
    Mistake(
        "exchanged",
        lambda p, q, kept: _both(p, _truncated(q, kept))[::-1],
        "the two directions are exchanged. KL(p || r) averages under p, and F.kl_div takes its "
        "arguments in the opposite order.",
    ),
    Mistake(
        "not_renormalised",
        lambda p, q, kept: _both(p, q * kept),
        "the truncated distribution does not add up to 1. Divide what is kept by its sum.",
    ),
    Mistake(
        "one_sum_for_all",
        lambda p, q, kept: _both(p, q * kept / (q * kept).sum() * len(q)),
        "you divide by one sum for all rows. Each row has its own.",
    ),
    Mistake(
        "not_truncated",
        lambda p, q, kept: _both(p, q),
        "nothing is cut: `kept` has no effect.",
    ),
    Mistake(
        "p_truncated",
        lambda p, q, kept: _both(_truncated(p, kept), _truncated(q, kept)),
        "both distributions are truncated. p is the truth, and stays as it is.",
    ),
    *in_forms(
        "zero_times_infinity",
        "0 · log 0 became NaN. A token with probability 0 adds nothing to the sum: leave it out "
        "before you multiply, as `torch.where` and `torch.xlogy` can. (`F.kl_div` does so for the "
        "first logarithm alone.)",
        _with_kl(lambda a, b: (a * (a.log() - b.log())).sum(-1)),
        _with_kl(lambda a, b: (torch.xlogy(a, a) - a * b.log()).sum(-1)),
    ),
    *in_forms(
        "infinity_replaced",
        "`nan_to_num` makes of infinity the largest number that there is, 1.798e+308. Pass "
        "`posinf=math.inf`, or leave out the tokens with probability 0 in another way, such as "
        "`torch.where`.",
        _with_kl(lambda a, b: (a * (a / b).log()).nan_to_num().sum(-1)),
        _with_kl(lambda a, b: (a * (a / b).log().nan_to_num()).sum(-1)),
        _with_kl(lambda a, b: _kl(a, b).nan_to_num()),
    ),
    Mistake(
        "common_tokens_only",
        _with_kl(_common),
        "the sum leaves out tokens that only one distribution allows, so it is never infinite. "
        "Where the first is above 0 and the second is 0, the divergence is infinite.",
    ),
    *in_forms(
        "smoothed",
        "you add a small number to avoid the infinity, and the result then depends on that number. "
        "Where the first is above 0 and the second is 0, return infinity.",
        *(
            _with_kl(lambda a, b, tiny=tiny: _smoothed(a, b, tiny))
            for tiny in (1e-20, 1e-16, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
        ),
    ),
    Mistake(
        "bits",
        _with_kl(lambda a, b: _kl(a, b) / np.log(2)),
        "that is the divergence in bits. In nats, use the natural logarithm.",
    ),
    Mistake(
        "mean_over_tokens",
        _with_kl(lambda a, b: _kl(a, b) / a.size(-1)),
        "you average over the V tokens. The divergence is their sum; F.kl_div averages unless you "
        "say otherwise.",
    ),
    Mistake(
        "cross_entropy",
        _with_kl(lambda a, b: -torch.where(a > 0, a * b.log(), 0.0).sum(-1)),
        "that is the cross-entropy. Subtract the entropy of the first distribution.",
    ),
)


@check(lab=LAB, exercise="truncated_kl", returns=(tuple, list))
def truncated_kl(answer):
    """truncated_kl(p, q, kept): (B, V) each -> KL(p || r) and KL(r || p), (B,) each."""

    def ask(call, made, note=""):
        p, q, kept = made
        r = _truncated(q, kept)
        given = f"p of shape {shape_of(p)}{note}"
        right = dict(zip(PARTS, _both(p, r), strict=True))
        judge_parts(call, made, right, MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(71, 3, 6, 0.0, "none"), ", where nothing is cut")
    ask(answer, case(72, 3, 6, 0.4, "impossible"), ", where only impossible tokens are cut")
    ask(answer, case(73, 4, 5, 0.0, "likely"), ", where true tokens are cut")
    ask(answer, case(74, 4, 5, 0.4, "none"), ", where impossible tokens are kept")
    ask(answer, case(75, 8, 8, 0.4, "mixed"))
    ask(answer, case(76, 1, 9, 0.5, "impossible"), ", where only impossible tokens are cut")
    ask(answer, case(77, 12, 300, 0.5, "mixed"))
