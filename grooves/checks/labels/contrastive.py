"""Check of lab 03: the contrastive loss (chapter 03).

Key idea: the reference follows the definition view by view, in double precision and plain loops.
The inputs include views of different lengths, a batch of one and low temperatures.
Letters: B pictures, D dimensions per view.
"""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import compare, draw, shape_of
from grooves.checks.labels.contrastive_mistakes import GRADIENT_MISTAKES, MISTAKES, loss_of_views
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


@check(lab=LAB, exercise="contrastive_loss")
def contrastive_loss(answer):
    """contrastive_loss(z1, z2, temperature) -> mean over 2 B views, a tensor with a gradient."""

    def judge(call, z1, z2, temperature, word=""):
        expected = _one_by_one(z1, z2, temperature)
        given = f"z1 and z2 of shape {shape_of(z1)}{word}, temperature {temperature}"
        try:
            got = call(z1.clone(), z2.clone(), temperature)
        except IndexError as error:
            _refuse_dropped_diagonal(error, len(z1), given)
            raise
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


def _refuse_dropped_diagonal(error: IndexError, n: int, given: str) -> None:
    """Refuse an answer that looks for column 2 B - 1 in scores without their diagonal."""
    found = re.search(r"(?:Target|index) (\d+) is out of bounds", str(error))
    if found and int(found[1]) == 2 * n - 1:
        raise CheckFailed(
            f"for {given}, your code stopped with an error, {error}\nLikely mistake: without the "
            f"diagonal, the scores have {2 * n - 1} columns, and every partner to the right of it "
            "moves one column to the left: the partner of row i < B is in column i + B - 1, that "
            "of row i + B still in column i. Or keep the diagonal, and set it to minus infinity.",
            hint="diagonal_dropped",
        ) from None


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
    right = torch.autograd.grad(loss_of_views(z1, z2, temperature).mean(), (z1, z2))
    inputs = (z1.detach(), z2.detach(), temperature)
    told = f"the gradient at {given}"
    compare(torch.stack(got), torch.stack(right), GRADIENT_MISTAKES, inputs, told)
