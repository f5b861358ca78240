"""Check of lab 06: a matrix with a low-rank change beside it (chapter 06).

Key idea: the first case has four equal sizes, where products in the wrong order run without a
complaint and give other numbers; in the others no two sizes are alike.
Letters: I numbers into the matrix, O out of it, r the rank.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import untouched
from grooves.checks.compare import Mistake, compare, draw, written_by_hand

LAB = "06_fine_tuning"
NAMES = ("x", "weight", "A", "B")


def thin(seed: int, n_in: int, n_out: int, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix as PyTorch keeps it (O, I), and A (I, r) and B (r, O) beside it."""
    return draw(seed, n_out, n_in), draw(seed + 1, n_in, rank), draw(seed + 2, rank, n_out)


def where_shapes_allow(compute):
    """A mistake's computation that equals nothing where PyTorch finds that the shapes do not
    fit."""
    return partial(_try, compute)


def _try(compute, *inputs):
    try:
        return compute(*inputs)
    except RuntimeError:
        return torch.empty(0)


def _with(factor=lambda alpha, A, B: alpha / A.size(1)):
    """x W + factor x A B."""
    return lambda x, W, A, B, alpha: x @ W.T + factor(alpha, A, B) * (x @ A @ B)


def _scale(A: Tensor, alpha: float) -> float:
    return alpha / A.size(1)


MISTAKES = tuple(
    Mistake(name, where_shapes_allow(compute), says)
    for name, compute, says in (
        (
            "no_scale",
            _with(lambda alpha, A, B: 1),
            "the change is added as it is. It is multiplied by alpha / r.",
        ),
        (
            "alpha_alone",
            _with(lambda alpha, A, B: alpha),
            "the change is multiplied by alpha. Divide by the rank too.",
        ),
        (
            "alpha_left_out",
            _with(lambda alpha, A, B: 1 / A.size(1)),
            "the change is divided by the rank, and alpha is left out.",
        ),
        (
            "rank_by_alpha",
            _with(lambda alpha, A, B: A.size(1) / alpha),
            "the change is multiplied by r / alpha. It is the other way round.",
        ),
        (
            "root_of_rank",
            _with(lambda alpha, A, B: alpha / A.size(1) ** 0.5),
            "the change is divided by the root of the rank. Here it is the rank itself.",
        ),
        (
            "not_the_rank",
            _with(lambda alpha, A, B: alpha / len(A)),
            "len(A) is I, the numbers that go in. The rank is the other size of A.",
        ),
        (
            "divided_by_outputs",
            _with(lambda alpha, A, B: alpha / B.size(1)),
            "B.size(1) is O, the numbers that come out. The rank is the other size of B.",
        ),
        (
            "scale_on_all",
            lambda x, W, A, B, alpha: _scale(A, alpha) * (x @ W.T + x @ A @ B),
            "x W is multiplied by alpha / r too. Only the change is.",
        ),
        (
            "scale_on_base",
            lambda x, W, A, B, alpha: _scale(A, alpha) * (x @ W.T) + x @ A @ B,
            "it is x W that you multiply by alpha / r. The change is what is scaled.",
        ),
        (
            "base_dropped",
            lambda x, W, A, B, alpha: _scale(A, alpha) * (x @ A @ B),
            "that is the change alone. x W is still missing.",
        ),
        (
            "change_dropped",
            lambda x, W, A, B, alpha: x @ W.T,
            "that is x W alone: the detour over A and B is missing, or its factor came to 0 (`//` "
            "rounds down).",
        ),
        (
            "subtracted",
            _with(lambda alpha, A, B: -alpha / A.size(1)),
            "the change is taken away. It is added.",
        ),
        (
            "order_swapped",
            lambda x, W, A, B, alpha: x @ W.T + _scale(A, alpha) * (x @ B @ A),
            "x meets B first. A comes first: it narrows I numbers to r, and B widens them again.",
        ),
        (
            "weight_not_turned",
            lambda x, W, A, B, alpha: x @ W + _scale(A, alpha) * (x @ A @ B),
            "PyTorch keeps W turned over: x W is `x @ weight.T`. On a square matrix nothing "
            "complains.",
        ),
        (
            "change_turned",
            lambda x, W, A, B, alpha: x @ (W + _scale(A, alpha) * (A @ B)).T,
            "A B is turned over together with `weight`. `weight` is kept turned over, A B is not.",
        ),
    )
)


@check(lab=LAB, exercise="lora_forward", points=2, returns=Tensor)
def lora_forward(answer):
    """lora_forward(x, weight, A, B, alpha): (..., I) -> (..., O), x W + (alpha / r) x A B."""

    def judge(shape, n_out, rank, alpha, seed=60, zero=False):
        x, (weight, A, B) = draw(seed, *shape), thin(seed + 1, shape[-1], n_out, rank)
        B = B * (not zero)
        expected = x.double() @ (weight.T.double() + alpha / rank * (A.double() @ B.double()))
        given = f"x of shape {shape}, {n_out} outputs, rank {rank}, alpha = {alpha:g}"
        given += " and a B of zeros" if zero else ""
        inputs = (x, weight, A, B, alpha)
        compare(call(*inputs), expected, MISTAKES, inputs, given, "it should be")

    call = untouched(lambda *inputs: written_by_hand(answer, *inputs), *NAMES)
    judge((4, 3), n_out=3, rank=3, alpha=2.0)
    judge((2, 5, 6), n_out=4, rank=2, alpha=8.0)
    judge((7, 5), n_out=8, rank=3, alpha=1.5, seed=70)
    judge((6,), n_out=2, rank=1, alpha=0.5, zero=True)
    _follow_back(answer)
    return (
        "Only A and B have to learn; `weight` may be shared by many. (x A) B never makes the "
        "matrix A B; x (W + A B) is as right, and makes it."
    )


def _follow_back(answer) -> None:
    """Refuse a result from which no gradient finds its way to A and B."""
    x, (weight, A, B) = draw(80, 5, 4), thin(81, 4, 3, 2)
    A.requires_grad_(True)
    B.requires_grad_(True)
    result = answer(x, weight, A, B, 1.0)
    compare(
        result,
        (x @ (weight.T + 0.5 * A @ B)).detach(),
        MISTAKES,
        (x, weight, A.detach(), B.detach(), 1.0),
        "x of shape (5, 4), 3 outputs, rank 2, alpha = 1",
        "it should be",
    )
    if result.requires_grad:
        result.sum().backward()
    if A.grad is None or B.grad is None:
        raise CheckFailed(
            "the number is right, but no gradient reaches A and B, so they could never learn.\n"
            "Likely mistake: detach, .data, no_grad, NumPy or a new tensor made of numbers. "
            "Stay with "
            "PyTorch's operations.",
            hint="no_gradient",
        )
