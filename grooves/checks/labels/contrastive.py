"""Check of lab 03: the contrastive loss (chapter 03).

Key idea: the reference follows the definition view by view, in double precision and plain loops.
The inputs include views of different lengths, a batch of one and low temperatures.
Letters: B pictures, D dimensions per view.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake, compare, draw, shape_of
from grooves.checks.labels.rules import LAB, SHOULD


def _one_by_one(z1, z2, temperature: float) -> float:
    """NT-Xent of Chen et al. 2020, eq. 1, view by view; the largest exponent is subtracted."""
    views = [view.double() / view.double().norm() for view in (*z1, *z2)]
    n, losses = len(z1), []
    for i, view in enumerate(views):
        scores = {j: float(view @ other) / temperature for j, other in enumerate(views) if j != i}
        largest = max(scores.values())
        total = math.log(sum(math.exp(score - largest) for score in scores.values()))
        losses.append(largest + total - scores[(i + n) % (2 * n)])
    return sum(losses) / len(losses)


def _loss(z1, z2, temperature, itself=False, partner=None, unit=True, within=True, right=True):
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


def _overflowing(z1, z2, temperature, masked_first: bool = False):
    z = torch.nn.functional.normalize(torch.cat((z1, z2)), dim=1)
    scores, itself = z @ z.mT / temperature, torch.eye(len(z), dtype=torch.bool)
    likeness = torch.exp(scores.masked_fill(itself & masked_first, -math.inf))
    likeness = likeness - torch.diag(likeness.diag())
    n = len(z1)
    return -torch.log(likeness[torch.arange(2 * n), torch.arange(2 * n).roll(n)] / likeness.sum(1))


OVERFLOWING = _overflowing, partial(_overflowing, masked_first=True)
MISTAKES = (
    Mistake(
        "temperature",
        lambda z1, z2, t: _loss(z1, z2, 1.0).mean(),
        "the temperature is missing: divide each score by it.",
    ),
    Mistake(
        "temperature",
        lambda z1, z2, t: _loss(z1, z2, 1 / t).mean(),
        "you multiply the scores by the temperature. Divide them by it: a low temperature makes "
        "differences count for more.",
    ),
    Mistake(
        "not_normalised",
        lambda z1, z2, t: _loss(z1, z2, t, unit=False).mean(),
        "the views are not normalised. Divide each view by its length, so that only its "
        "direction counts.",
    ),
    *(
        Mistake(
            "not_normalised",
            lambda z1, z2, t, of=of: _loss(z1 / of(z1, z2), z2 / of(z2, z1), t, unit=False).mean(),
            "you normalised the columns. A view is a row, so its length is the norm along the "
            "last axis.",
        )
        for of in (lambda a, b: torch.cat((a, b)).norm(dim=0), lambda a, b: a.norm(dim=0))
    ),
    Mistake(
        "self_included",
        lambda z1, z2, t: _loss(z1, z2, t, itself=True).mean(),
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
        lambda z1, z2, t: _loss(z1, z2, t, right=False).mean(),
        "the partner is missing from the sum. It is one of the 2 B - 1 other views.",
    ),
    *(
        Mistake(
            "wrong_partner",
            lambda z1, z2, t, partners=partners: _loss(z1, z2, t, partner=partners(z1)).mean(),
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
        lambda z1, z2, t: _loss(z1, z2, t, True, torch.arange(2 * len(z1))).mean(),
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
            lambda z1, z2, t, over=over: _loss(z1, z2, t).sum() / over(len(z1)),
            "the losses are added, and not divided by their number. The loss of the batch is the "
            "mean over all 2 B views.",
        )
        for over in (lambda n: 1, lambda n: n)
    ),
    Mistake(
        "not_the_mean",
        lambda z1, z2, t: -torch.exp(-_loss(z1, z2, t)).mean().log(),
        "you take the logarithm of the mean probability. The loss is the mean of the logarithms.",
    ),
    *(
        Mistake(
            "no_logarithm",
            lambda z1, z2, t, loss=loss, sign=sign: sign * torch.exp(-loss(z1, z2, t)).mean(),
            "the logarithm is missing: you return the mean probability of the partner. The loss is "
            "minus its logarithm.",
        )
        for loss in (_loss, *OVERFLOWING)
        for sign in (-1, 1)
    ),
    Mistake(
        "one_side",
        lambda z1, z2, t: _loss(z1, z2, t)[: len(z1)].mean(),
        "only the views in z1 have a loss. Those in z2 have one too.",
    ),
    *(
        Mistake(
            "views_missing",
            lambda z1, z2, t, sides=sides: _loss(z1, z2, t, within=False)[: sides * len(z1)].mean(),
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


@check(lab=LAB, exercise="contrastive_loss")
def contrastive_loss(answer):
    """contrastive_loss(z1, z2, temperature) -> mean over 2 B views, a tensor with a gradient."""

    def judge(call, z1, z2, temperature, word=""):
        expected = _one_by_one(z1, z2, temperature)
        given = f"z1 and z2 of shape {shape_of(z1)}{word}, temperature {temperature}"
        got = call(z1.clone(), z2.clone(), temperature)
        got = got if isinstance(got, Tensor) else torch.as_tensor(got)
        got = got.reshape(()) if got.numel() == 1 else got
        compare(got, expected, MISTAKES, (z1, z2, temperature), given, SHOULD)

    lengths = torch.tensor([[0.5], [2.0], [1.0], [3.0]])
    z1, z2 = draw(91, 4, 3) * lengths, draw(92, 4, 3) * lengths.flip(0)
    judge(by_hand(answer), z1, z2, 0.5)
    judge(answer, draw(83, 5, 5), draw(84, 5, 5), 2.0)
    judge(answer, draw(85, 1, 4), draw(86, 1, 4), 0.7, " (one picture)")
    judge(answer, draw(93, 4, 3), draw(94, 4, 3), 0.5)
    opposite = draw(95, 1, 7)
    judge(answer, opposite, -2 * opposite, 1e-4, " (one picture, opposite views)")
    judge(answer, draw(96, 67, 130), draw(97, 67, 130), 0.1)
    hand = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    judge(answer, hand, hand, 1)
    twice = draw(101, 3, 5)[[0, 1, 1, 2]] * torch.tensor([[1e-2], [1.0], [1e4], [30.0]])
    judge(answer, twice, twice.flip(0), 3.0)
    judge(answer, twice[::2], -twice[::2], 1e-5)
    far = torch.tensor([[1.0, 1, 1], [1, -1, 2], [3, 3, 3], [1, 1, -1]])
    judge(answer, far[:2], far[2:], 0.002)  # scores that differ
    _check_gradient(answer, draw(89, 4, 3), draw(90, 4, 3), 0.5)
    _check_gradient(answer, 3 * draw(98, 6, 5), draw(99, 6, 5), 0.04)
    _check_gradient(answer, hand.clone(), 3 * hand, 1.0)
    return "The loss used no label, only which two views come from the same picture."


def _check_gradient(answer, z1, z2, temperature: float) -> None:
    """The loss must be differentiable: its gradient is compared with that of the formula."""
    z1, z2 = z1.requires_grad_(), z2.requires_grad_()
    given = f"z1 of shape {shape_of(z1)}, which requires a gradient, temperature {temperature}"
    z1.grad, z2.grad = torch.ones_like(z1), torch.ones_like(z2)
    loss = answer(z1, z2, temperature)
    if any(view.grad is None or (view.grad != 1).any() for view in (z1, z2)):
        raise CheckFailed(
            f"for {given}, your function changed the gradients that the views already had. Return "
            "only the loss: the caller runs the backward pass.",
            hint="gradient_touched",
        )
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        raise CheckFailed(
            f"for {given}, your result has none, so a model cannot learn from it. Stay in "
            "PyTorch throughout: no .item(), no .detach(), no NumPy.",
            hint="no_gradient",
        )
    got = torch.autograd.grad(loss.sum(), (z1, z2), allow_unused=True)
    got = [torch.zeros_like(z1) if part is None else part for part in got]
    right = torch.autograd.grad(_loss(z1, z2, temperature).mean(), (z1, z2))
    inputs = (z1.detach(), z2.detach(), temperature)
    told = f"the gradient at {given}"
    compare(torch.stack(got), torch.stack(right), GRADIENT_MISTAKES, inputs, told)


def _gradient(z1, z2, temperature, cut: int):
    """The gradient when the views of one side are treated as constants."""
    z = [view.requires_grad_(side != cut) for side, view in enumerate((z1.clone(), z2.clone()))]
    loss = _loss(*z, temperature).mean()
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
