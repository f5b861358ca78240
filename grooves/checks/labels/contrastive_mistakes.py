"""Mistakes in the contrastive loss of lab 03, computed as students make them (chapter 03).

Key idea: one function computes the loss of each view, with arguments for what may go wrong.
Letters: B pictures, D dimensions per view.
"""

from __future__ import annotations

import math
from functools import partial

import torch

from grooves.checks.compare import Mistake


def loss_of_views(
    z1, z2, temperature, itself=False, partner=None, unit=True, within=True, right=True
):
    """The loss of each view, (2 B,), with the mistakes that the arguments describe."""
    n = len(z1)
    z = torch.cat((z1, z2)).double()
    z = z / z.norm(dim=1, keepdim=True) if unit else z
    scores = z @ z.mT / temperature
    partners = torch.arange(2 * n).roll(n) if partner is None else partner
    picked = scores[torch.arange(2 * n), partners]
    hidden = torch.zeros(2 * n, 2 * n, dtype=torch.bool)
    if not itself:
        hidden |= torch.eye(2 * n, dtype=torch.bool)
    if not within:  # views of the same side are excluded
        side = torch.arange(2 * n) < n
        hidden |= side[:, None] == side
    if not right:
        hidden[torch.arange(2 * n), partners] = True
    return scores.masked_fill(hidden, -math.inf).logsumexp(1) - picked


def _adjacent(z1):
    """Adjacent rows as partners: 0 with 1, 2 with 3, and so on."""
    return torch.arange(2 * len(z1)).view(-1, 2).flip(1).flatten()


def _overflowing(z1, z2, temperature, masked_first: bool = False, negatives_only: bool = False):
    z = torch.nn.functional.normalize(torch.cat((z1, z2)), dim=1)
    scores, itself = z @ z.mT / temperature, torch.eye(len(z), dtype=torch.bool)
    likeness = torch.exp(scores.masked_fill(itself & masked_first, -math.inf))
    likeness = likeness - torch.diag(likeness.diag())
    n = len(z1)
    picked = likeness[torch.arange(2 * n), torch.arange(2 * n).roll(n)]
    return -torch.log(picked / (likeness.sum(1) - negatives_only * picked))


OVERFLOWING = _overflowing, partial(_overflowing, masked_first=True)
NEGATIVES_ONLY = (
    "the denominator holds the negatives only: the partner is missing from it. The partner is one "
    "of the 2 B - 1 other views, and the sum runs over all of them."
)
MISTAKES = (
    Mistake(
        "temperature",
        lambda z1, z2, t: loss_of_views(z1, z2, 1.0).mean(),
        "the temperature is missing: divide each score by it.",
    ),
    Mistake(
        "temperature",
        lambda z1, z2, t: loss_of_views(z1, z2, 1 / t).mean(),
        "you multiply the scores by the temperature. Divide them by it: a low temperature makes "
        "differences count for more.",
    ),
    Mistake(
        "not_normalised",
        lambda z1, z2, t: loss_of_views(z1, z2, t, unit=False).mean(),
        "the views are not normalised. Divide each view by its length, so that only its "
        "direction counts.",
    ),
    *(
        Mistake(
            "not_normalised",
            lambda z1, z2, t, of=of: loss_of_views(
                z1 / of(z1, z2), z2 / of(z2, z1), t, unit=False
            ).mean(),
            "you normalised the columns. A view is a row, so its length is the norm along the "
            "last axis.",
        )
        for of in (lambda a, b: torch.cat((a, b)).norm(dim=0), lambda a, b: a.norm(dim=0))
    ),
    Mistake(
        "self_included",
        lambda z1, z2, t: loss_of_views(z1, z2, t, itself=True).mean(),
        "each view's similarity to itself is in the sum, and nothing is more similar. Exclude the "
        "diagonal.",
    ),
    *(
        Mistake(
            "finite_diagonal",
            lambda z1, z2, t, value=value: _with_diagonal(z1, z2, t, value),
            "the score of a view with itself is set to a finite number, so it still counts in the "
            "sum. At a low temperature other scores are lower still. Set it to minus infinity.",
        )
        for value in (0, -1, -10, -100, -1e3, -1e4)
    ),
    Mistake(
        "views_missing",
        lambda z1, z2, t: loss_of_views(z1, z2, t, right=False).mean(),
        NEGATIVES_ONLY,
    ),
    *(
        Mistake(
            "views_missing",
            lambda z1, z2, t, loss=loss: loss(z1, z2, t, negatives_only=True).mean(),
            NEGATIVES_ONLY,
        )
        for loss in OVERFLOWING
    ),
    *(
        Mistake(
            "wrong_partner",
            lambda z1, z2, t, partners=partners: loss_of_views(
                z1, z2, t, partner=partners(z1)
            ).mean(),
            "the partners are paired incorrectly. With z1 above z2, the partner of row i is row "
            "i + B, and that of row i + B is row i.",
        )
        for partners in (
            _adjacent,
            lambda z1: torch.arange(2 * len(z1)).roll(-1),
            lambda z1: torch.arange(2 * len(z1)).roll(1),
        )
    ),
    Mistake(
        "wrong_partner",
        lambda z1, z2, t: loss_of_views(z1, z2, t, True, torch.arange(2 * len(z1))).mean(),
        "you name column i as the correct one of row i, which is the view itself. The partner of "
        "row i is row i + B, and that of row i + B is row i.",
    ),
    Mistake(
        "wrong_partner",
        lambda *_: math.inf,
        "you name a column as correct that is minus infinity, so the loss is infinite. The partner "
        "of row i is row i + B, and that of row i + B is row i; only column i is excluded.",
    ),
    *(
        Mistake(
            "not_the_mean",
            lambda z1, z2, t, over=over: loss_of_views(z1, z2, t).sum() / over(len(z1)),
            "the losses are added, and not divided by their number. The loss of the batch is the "
            "mean over all 2 B views.",
        )
        for over in (lambda n: 1, lambda n: n)
    ),
    Mistake(
        "not_the_mean",
        lambda z1, z2, t: -torch.exp(-loss_of_views(z1, z2, t)).mean().log(),
        "you take the logarithm of the mean probability. The loss is the mean of the logarithms.",
    ),
    *(
        Mistake(
            "no_logarithm",
            lambda z1, z2, t, loss=loss, sign=sign: sign * torch.exp(-loss(z1, z2, t)).mean(),
            "the logarithm is missing: you return the mean probability of the partner. The loss is "
            "minus its logarithm.",
        )
        for loss in (loss_of_views, *OVERFLOWING)
        for sign in (-1, 1)
    ),
    Mistake(
        "one_side",
        lambda z1, z2, t: loss_of_views(z1, z2, t)[: len(z1)].mean(),
        "only the views in z1 have a loss. Those in z2 have one too.",
    ),
    *(
        Mistake(
            "views_missing",
            lambda z1, z2, t, sides=sides: loss_of_views(z1, z2, t, within=False)[
                : sides * len(z1)
            ].mean(),
            "each view is compared only with those of the other side. The views of its own side "
            "belong in the sum too, except itself.",
        )
        for sides in (1, 2)
    ),
    *(
        Mistake(
            "softmax_twice",
            lambda z1, z2, t, first=first: _softmax_twice(z1, z2, t, first),
            "you apply a softmax, and F.cross_entropy applies another. Pass it the scores.",
        )
        for first in (True, False)
    ),
    *(
        Mistake(
            "overflow",
            lambda z1, z2, t, loss=loss: loss(z1, z2, t).mean(),
            "an exponential overflows at a low temperature. Subtract the largest score of each row "
            "first, as in a stable softmax, or use torch.logsumexp.",
        )
        for loss in OVERFLOWING
    ),
)


def _scores(z1, z2, temperature):
    """All scores (2 B, 2 B) and each view's score with its partner (2 B,)."""
    z = torch.nn.functional.normalize(torch.cat((z1, z2)).double(), dim=1)
    scores = z @ z.mT / temperature
    return scores, scores[torch.arange(len(z)), torch.arange(len(z)).roll(len(z1))]


def _with_diagonal(z1, z2, temperature, value: float):
    scores, picked = _scores(z1, z2, temperature)
    itself = torch.eye(len(scores), dtype=torch.bool)
    return (scores.masked_fill(itself, value).logsumexp(1) - picked).mean()


def _softmax_twice(z1, z2, temperature, mask_first: bool):
    """Cross-entropy of probabilities in place of scores; the diagonal is masked before or after."""
    scores, n = _scores(z1, z2, temperature)[0], len(z1)
    first = torch.eye(2 * n, dtype=torch.bool) & mask_first
    last = torch.eye(2 * n, dtype=torch.bool) & (not mask_first)
    softmax = scores.masked_fill(first, -math.inf).softmax(1).masked_fill(last, -math.inf)
    return torch.nn.functional.cross_entropy(softmax, torch.arange(2 * n).roll(n))


def _gradient(z1, z2, temperature, cut: int):
    """The gradient when the views of one side are treated as constants."""
    z = [view.requires_grad_(side != cut) for side, view in enumerate((z1.clone(), z2.clone()))]
    loss = loss_of_views(*z, temperature).mean()
    used = [view for view in z if view.requires_grad]
    parts = dict(zip(map(id, used), torch.autograd.grad(loss, used), strict=True))
    return torch.stack([parts.get(id(view), torch.zeros_like(view)) for view in z])


GRADIENT_MISTAKES = (
    *(
        Mistake(
            "side_detached",
            lambda z1, z2, t, side=side: _gradient(z1, z2, t, cut=side),
            "no gradient reaches the views of one side. Both sides are outputs of the network: "
            "detach neither.",
        )
        for side in (0, 1)
    ),
)
