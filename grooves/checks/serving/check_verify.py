"""Check of lab 9: accepting and rejecting drafts (chapter 9).

Key idea: the random numbers are arguments, and the answer returns the distribution from which the
next token is drawn, so that every result is one right value. Letters: K drafts, V tokens.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, SHOULD

PARTS = ("the number of accepted drafts", "the distribution of the next token")
# seed, K, V, and whether the points are small, so that much is accepted
CASES = (
    *((seed, 3, 5, False) for seed in range(1, 9)),
    *((seed, 2, 4, True) for seed in range(11, 15)),
    *((seed, 5, 6, True) for seed in range(21, 29)),
    (31, 1, 3, False),
    (32, 1, 3, True),
    (33, 8, 300, False),
    (34, 4, 300, True),
)


def case(seed: int, K: int, V: int, small: bool) -> tuple:
    """p (K + 1, V), q (K, V), drafts (K,) drawn from q, and points (K,), in float64."""
    rng = np.random.default_rng(900 + seed)
    p = rng.dirichlet(np.full(V, 0.8), K + 1)
    q = rng.dirichlet(np.full(V, 0.8), K)
    drafts = np.array([rng.choice(V, p=row) for row in q])
    points = rng.random(K) ** (4 if small else 1)
    return p, q, drafts, points


def impossible_case() -> tuple:
    """A draft that the target never writes, with a point of exactly 0."""
    p = np.array([[0.5, 0.0, 0.5], [0.25, 0.25, 0.5]])
    return p, np.array([[0.25, 0.5, 0.25]]), np.array([1]), np.array([0.0])


def _ratio(p, q, drafts):
    rows = np.arange(len(drafts))
    with np.errstate(all="ignore"):
        return p[rows, drafts] / q[rows, drafts]


def _normalised(x):
    total = x.sum()
    return x / total if total > 0 else x


def _rest(p, q, m):
    return np.maximum(p[m] - q[m], 0)


def verified(
    p, q, drafts, points, accepts=None, counted="prefix", residual=None, normalised=True,
    bonus=None,
):  # fmt: skip
    """The right result, with a place for each mistake."""
    K = len(drafts)
    accepts = accepts or (lambda p, q, drafts, points: points < _ratio(p, q, drafts))
    accepted = np.asarray(accepts(p, q, drafts, points))
    m = int(accepted.cumprod().sum()) if counted == "prefix" else int(accepted.sum())
    if m == K:
        return m, (bonus(p, q) if bonus else p[K])
    x = (residual or _rest)(p, q, m)
    return m, _normalised(x) if normalised else x


def _with(**changes):
    return lambda *inputs: verified(*inputs, **changes)


def _sample_law(p, q, m):
    return p[m]


MISTAKES = (
    *in_forms(
        "from_p",
        "after a rejection you draw from p. What the draft proposes too often would then be "
        "counted twice: draw from the residual, max(p - q, 0), divided by its sum.",
        _with(residual=_sample_law),
    ),
    *in_forms(
        "greedy",
        "a draft is accepted if it is the likeliest token of the target. Then the text is the "
        "greedy one: accept with probability min(1, p / q).",
        _with(accepts=lambda p, q, d, u: p[:-1].argmax(1) == d),
        _with(accepts=lambda p, q, d, u: p[:-1].argmax(1) == d, residual=_sample_law),
    ),
    Mistake(
        "not_normalised",
        _with(normalised=False),
        "the residual does not add up to 1. Divide it by its sum.",
    ),
    *in_forms(
        "bonus_forgotten",
        "if all K drafts are accepted, the next token is drawn from p[K], which the pass has "
        "computed anyway: this token comes free.",
        _with(bonus=lambda p, q: np.zeros(p.shape[1])),
        _with(bonus=lambda p, q: p[-2]),
        _with(bonus=lambda p, q: q[-1]),
        _with(bonus=lambda p, q: _normalised(np.maximum(p[-2] - q[-1], 0))),
        _with(bonus=lambda p, q: _normalised(np.maximum(p[-1] - q[-1], 0))),
    ),
    *in_forms(
        "ratio_inverted",
        "the ratio, or the comparison, is turned round. Accept if the point is below p / q; a "
        "draft that the target likes more than the draft model does is always accepted.",
        _with(accepts=lambda p, q, d, u: u > _ratio(p, q, d)),
        _with(accepts=lambda p, q, d, u: u < 1 / _ratio(p, q, d)),
    ),
    *in_forms(
        "wrong_threshold",
        "the point must be compared with the ratio p / q: neither with a probability alone, nor "
        "the ratio with a fixed number.",
        _with(accepts=lambda p, q, d, u: u < p[np.arange(len(d)), d]),
        _with(accepts=lambda p, q, d, u: u < q[np.arange(len(d)), d]),
        _with(accepts=lambda p, q, d, u: _ratio(p, q, d) >= 1),
        _with(accepts=lambda p, q, d, u: _ratio(p, q, d) > 0.5),
    ),
    Mistake(
        "after_rejection",
        _with(counted="all"),
        "drafts behind a rejected one are counted. They were proposed for a text that does not "
        "exist: stop at the first rejection.",
    ),
    *in_forms(
        "residual_turned",
        "the residual is max(q - p, 0). It is what the target has *more* than the draft: "
        "max(p - q, 0).",
        _with(residual=lambda p, q, m: np.maximum(q[m] - p[m], 0)),
    ),
    *in_forms(
        "not_clipped",
        "where q is larger than p, the residual is 0; it is neither negative nor the absolute "
        "difference.",
        _with(residual=lambda p, q, m: np.abs(p[m] - q[m])),
        _with(residual=lambda p, q, m: p[m] - q[m], normalised=False),
        _with(residual=lambda p, q, m: p[m] - q[m]),
    ),
    *in_forms(
        "wrong_place",
        "the residual belongs to another position. Draft m is the first that is rejected: use p[m] "
        "and q[m].",
        _with(residual=lambda p, q, m: np.maximum(p[m + 1] - q[m], 0)),
        _with(residual=lambda p, q, m: np.maximum(p[m + 1] - q[min(m + 1, len(q) - 1)], 0)),
        _with(residual=lambda p, q, m: np.maximum(p[max(m - 1, 0)] - q[max(m - 1, 0)], 0)),
        _with(residual=lambda p, q, m: np.maximum(p[-1] - q[-1], 0)),
        _with(residual=lambda p, q, m: np.maximum(p[0] - q[0], 0)),
    ),
    Mistake(
        "rejected_only",
        lambda p, q, d, u: verified(
            p, q, d, u, residual=lambda p, q, m: np.where(np.arange(p.shape[1]) == d[m], 0, p[m])
        ),
        "only the rejected token is taken out of p. The residual subtracts the whole of q, and "
        "keeps what is above 0.",
    ),
    Mistake(
        "impossible_accepted",
        _with(accepts=lambda p, q, d, u: u <= _ratio(p, q, d)),
        "a token with p = 0 is accepted if the point is exactly 0, which random generators do "
        "return. Accept only if the point is *below* p / q.",
    ),
)


@check(lab=LAB, exercise="verify", returns=(tuple, list))
def verify(answer):
    """verify(p, q, drafts, points) -> accepted drafts, distribution of the next token (V,)."""
    made = [(case(*sizes), sizes[1:3]) for sizes in CASES] + [(impossible_case(), (1, 3))]
    for i, (inputs, (K, V)) in enumerate(made):
        right = dict(zip(PARTS, verified(*inputs), strict=True))
        given = f"K = {K} drafts and V = {V} tokens"
        if V <= 4:
            given += ", p = {}, q = {}, drafts = {} and points = {}".format(
                *(x.round(4).tolist() for x in inputs)
            )
        call = by_hand(answer) if i == 0 else answer
        judge_parts(call, inputs, right, MISTAKES, given, SHOULD)
