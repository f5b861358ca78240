"""Check of lab 03: the contrastive loss (chapter 03).

Key idea: the yardstick adds up one view after the other, in double precision and in plain loops,
from the definition. Views of unlike length, a batch of one, and a low temperature follow.
Letters: B pictures, D numbers a view.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake, compare, draw, shape_of
from grooves.checks.labels.rules import LAB, SHOULD


def _one_by_one(z1, z2, temperature: float) -> float:
    """NT-Xent of Chen et al. 2020, eq. 1, view by view; the largest exponent is taken off."""
    views = [view.double() / view.double().norm() for view in (*z1, *z2)]
    n, losses = len(z1), []
    for i, view in enumerate(views):
        scores = {j: float(view @ other) / temperature for j, other in enumerate(views) if j != i}
        largest = max(scores.values())
        total = math.log(sum(math.exp(score - largest) for score in scores.values()))
        losses.append(largest + total - scores[(i + n) % (2 * n)])
    return sum(losses) / len(losses)


def _loss(z1, z2, temperature, itself=False, partner=None, unit=True, within=True, right=True):
    """The loss with the mistakes of the arguments, each view's own, (2 B,)."""
    n = len(z1)
    z = torch.cat((z1, z2)).double()
    z = z / z.norm(dim=1, keepdim=True) if unit else z
    scores = z @ z.mT / temperature
    mates = torch.arange(2 * n).roll(n) if partner is None else partner
    picked = scores[torch.arange(2 * n), mates]
    hidden = torch.zeros(2 * n, 2 * n, dtype=torch.bool)
    if not itself:
        hidden |= torch.eye(2 * n, dtype=torch.bool)
    if not within:  # views of the same side are no candidates
        side = torch.arange(2 * n) < n
        hidden |= side[:, None] == side
    if not right:
        hidden[torch.arange(2 * n), mates] = True
    return scores.masked_fill(hidden, -math.inf).logsumexp(1) - picked


def _next_door(z1):
    """Partners of views that stand side by side: 0 with 1, 2 with 3, and so on."""
    return torch.arange(2 * len(z1)).view(-1, 2).flip(1).flatten()


def _overflowing(z1, z2, temperature):
    z = torch.nn.functional.normalize(torch.cat((z1, z2)), dim=1)
    likeness = torch.exp(z @ z.mT / temperature)
    likeness = likeness - torch.diag(likeness.diag())
    n = len(z1)
    return -torch.log(likeness[torch.arange(2 * n), torch.arange(2 * n).roll(n)] / likeness.sum(1))


MISTAKES = (
    Mistake(
        "no_temperature",
        lambda z1, z2, t: _loss(z1, z2, 1.0).mean(),
        "the temperature is missing: divide each score by it.",
    ),
    Mistake(
        "times_temperature",
        lambda z1, z2, t: _loss(z1, z2, 1 / t).mean(),
        "you multiply by the temperature. Divide: a low temperature makes scores far apart.",
    ),
    Mistake(
        "not_unit",
        lambda z1, z2, t: _loss(z1, z2, t, unit=False).mean(),
        "the views keep their lengths. Divide each view by its length, so that only the direction "
        "counts.",
    ),
    *(
        Mistake(
            "columns_made_unit",
            lambda z1, z2, t, of=of: _loss(z1 / of(z1, z2), z2 / of(z2, z1), t, unit=False).mean(),
            "you made the columns unit vectors. A view is a row: its length is taken along the "
            "last axis.",
        )
        for of in (lambda a, b: torch.cat((a, b)).norm(dim=0), lambda a, b: a.norm(dim=0))
    ),
    Mistake(
        "finds_itself",
        lambda z1, z2, t: _loss(z1, z2, t, itself=True).mean(),
        "each view also competes with itself, and nothing is more alike. Leave the diagonal out.",
    ),
    Mistake(
        "itself_scores_zero",
        lambda z1, z2, t: _with_diagonal(z1, z2, t, 0),
        "the score of a view with itself is set to 0, which still counts as exp(0) = 1. "
        "Set it to minus infinity, or leave it out of the sum.",
    ),
    *(
        Mistake(
            "diagonal_too_high",
            lambda z1, z2, t, value=value: _with_diagonal(z1, z2, t, value),
            "the score of a view with itself is set to a negative number. At a low temperature "
            "other scores are lower still. Set it to minus infinity.",
        )
        for value in (-1, -10, -100, -1e3, -1e4)
    ),
    Mistake(
        "partner_left_out",
        lambda z1, z2, t: _loss(z1, z2, t, right=False).mean(),
        "the partner is missing in the sum. It is one of the 2 B - 1 others.",
    ),
    Mistake(
        "itself_for_partner",
        lambda z1, z2, t: _loss(z1, z2, t, itself=True, partner=torch.arange(2 * len(z1))).mean(),
        "you take each view for its own partner. The partner is the other view of the same "
        "picture.",
    ),
    *(
        Mistake(
            "wrong_partner",
            lambda z1, z2, t, mates=mates: _loss(z1, z2, t, partner=mates(z1)).mean(),
            "the partners are paired wrongly. With z1 above z2, row i belongs to row i + B, and "
            "row i + B to row i.",
        )
        for mates in (_next_door, lambda z1: torch.arange(2 * len(z1)).roll(-1))
    ),
    Mistake(
        "one_side",
        lambda z1, z2, t: _loss(z1, z2, t)[: len(z1)].mean(),
        "only the views of z1 look for their partners. Those of z2 do too.",
    ),
    *(
        Mistake(
            "across_only",
            lambda z1, z2, t, sides=sides: _loss(z1, z2, t, within=False)[: sides * len(z1)].mean(),
            "each view is compared with those of the other side alone. The views of its own side "
            "are candidates too, all but itself.",
        )
        for sides in (1, 2)
    ),
    Mistake(
        "added_up",
        lambda z1, z2, t: _loss(z1, z2, t).sum(),
        "the losses are added up. Take their mean over the 2 B views.",
    ),
    Mistake(
        "mean_over_pictures",
        lambda z1, z2, t: _loss(z1, z2, t).sum() / len(z1),
        "you divide by the number of pictures. There are 2 B views, and each has a loss.",
    ),
    Mistake(
        "sign",
        lambda z1, z2, t: -_loss(z1, z2, t).mean(),
        "the sign is turned round. A loss is small where the partner's probability is near 1.",
    ),
    Mistake(
        "not_averaged",
        lambda z1, z2, t: _loss(z1, z2, t),
        "that is the loss of each view. Take the mean.",
    ),
    Mistake(
        "probability",
        lambda z1, z2, t: torch.exp(-_loss(z1, z2, t)).mean(),
        "that is the mean probability of the partner. The loss is minus its logarithm.",
    ),
    *(
        Mistake(
            "softmax_twice",
            lambda z1, z2, t, first=first: _softmax_twice(z1, z2, t, first),
            "you take a softmax, and F.cross_entropy takes another. Give it the scores.",
        )
        for first in (True, False)
    ),
    Mistake(
        "only_attracts",
        lambda z1, z2, t: -_scores(z1, z2, t)[1].mean(),
        "you reward likeness to the partner and nothing pushes the others away: all views could "
        "become one.",
    ),
    Mistake(
        "overflow",
        lambda z1, z2, t: _overflowing(z1, z2, t).mean(),
        "an exponential overflows at a low temperature. Take off the largest score of each row "
        "first, as in a softmax, or use torch.logsumexp.",
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


@check(lab=LAB, exercise="contrastive_loss")
def contrastive_loss(answer):
    """contrastive_loss(z1, z2, temperature) -> mean over 2 B views, a tensor with a gradient."""

    def ask(call, z1, z2, temperature, word=""):
        expected = _one_by_one(z1, z2, temperature)
        given = f"z1 and z2 of shape {shape_of(z1)}{word}, temperature {temperature}"
        got = call(z1.clone(), z2.clone(), temperature)
        got = got if isinstance(got, Tensor) else torch.as_tensor(got)
        got = got.reshape(()) if got.numel() == 1 else got
        compare(got, expected, MISTAKES, (z1, z2, temperature), given, SHOULD)

    lengths = torch.tensor([[0.5], [2.0], [1.0], [3.0]])
    z1, z2 = draw(91, 4, 3) * lengths, draw(92, 4, 3) * lengths.flip(0)
    ask(by_hand(answer), z1, z2, 0.5)
    ask(answer, draw(83, 5, 5), draw(84, 5, 5), 2.0)
    ask(answer, draw(85, 1, 4), draw(86, 1, 4), 0.7, " (one picture)")
    ask(answer, draw(93, 4, 3), draw(94, 4, 3), 0.5)
    opposite = draw(95, 1, 7)
    ask(answer, opposite, -2 * opposite, 1e-4, " (one picture, opposite views)")
    ask(answer, draw(96, 67, 130), draw(97, 67, 130), 0.1)
    hand = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    ask(answer, hand, hand, 1)
    twice = draw(101, 3, 5)[[0, 1, 1, 2]] * torch.tensor([[1e-2], [1.0], [1e4], [30.0]])
    ask(answer, twice, twice.flip(0), 3.0)
    ask(answer, twice[::2], -twice[::2], 1e-5)
    far = torch.tensor([[1.0, 1, 1], [1, -1, 2], [3, 3, 3], [1, 1, -1]])
    ask(answer, far[:2], far[2:], 0.002)  # unlike scores
    _check_gradient(answer, draw(89, 4, 3), draw(90, 4, 3), 0.5)
    _check_gradient(answer, 3 * draw(98, 6, 5), draw(99, 6, 5), 0.04)
    _check_gradient(answer, hand.clone(), 3 * hand, 1.0)
    return "Nobody said what the pictures show, only which two views are of one."


def _check_gradient(answer, z1, z2, temperature: float) -> None:
    """The loss must teach: its gradient is held against that of the formula."""
    z1, z2 = z1.requires_grad_(), z2.requires_grad_()
    given = f"z1 of shape {shape_of(z1)}, which requires a gradient, temperature {temperature}"
    z1.grad, z2.grad = torch.ones_like(z1), torch.ones_like(z2)
    loss = answer(z1, z2, temperature)
    if any(view.grad is None or (view.grad != 1).any() for view in (z1, z2)):
        raise CheckFailed(
            f"for {given}, your function changed the gradients that the views had before. Return "
            "the loss alone: the caller says when to go back.",
            hint="gradient_touched",
        )
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        raise CheckFailed(
            f"for {given}, your result has none, so nothing can be learned from it. Do not leave "
            "PyTorch on the way: no .item(), no .detach(), no NumPy.",
            hint="no_gradient",
        )
    got = torch.autograd.grad(loss.sum(), (z1, z2), allow_unused=True)
    got = [torch.zeros_like(z1) if part is None else part for part in got]
    right = torch.autograd.grad(_loss(z1, z2, temperature).mean(), (z1, z2))
    inputs = (z1.detach(), z2.detach(), temperature)
    told = f"the gradient at {given}"
    compare(torch.stack(got), torch.stack(right), GRADIENT_MISTAKES, inputs, told)


def _gradient(z1, z2, temperature, fixed_lengths=False, cut=None):
    """The gradient where the lengths, or all views of one side, are taken for constants."""
    z = [view.requires_grad_(side != cut) for side, view in enumerate((z1.clone(), z2.clone()))]
    lengths = [(v.detach() if fixed_lengths else v).norm(dim=1, keepdim=True) for v in z]
    unit = [view / length for view, length in zip(z, lengths, strict=True)]
    loss = _loss(*unit, temperature, unit=False).mean()
    used = [view for view in z if view.requires_grad]
    parts = dict(zip(map(id, used), torch.autograd.grad(loss, used), strict=True))
    return torch.stack([parts.get(id(view), torch.zeros_like(view)) for view in z])


GRADIENT_MISTAKES = (
    Mistake(
        "length_detached",
        lambda z1, z2, t: _gradient(z1, z2, t, fixed_lengths=True),
        "the lengths are cut off from the gradient. They depend on the views too.",
    ),
    *(
        Mistake(
            "side_detached",
            lambda z1, z2, t, side=side: _gradient(z1, z2, t, cut=side),
            "no gradient reaches the views of one side. Both are the network's: detach neither.",
        )
        for side in (0, 1)
    ),
)
