"""Check of lab 06: the forward pass of a matrix with LoRA (chapter 06).

Key idea: the first case has four equal sizes, where products in the wrong order raise no
error and give other numbers; in the others no two sizes are equal.
Letters: I inputs, O outputs, r the rank.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, as_tensor, close, compare, draw, written_by_hand

LAB = "06_fine_tuning"


EXACT = 1e-9  # in double precision


def low_rank(seed: int, n_in: int, n_out: int, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix as PyTorch keeps it (O, I), and A (I, r) and B (r, O) beside it."""
    return draw(seed, n_out, n_in), draw(seed + 1, n_in, rank), draw(seed + 2, rank, n_out)


ALL_ONE = ", where all of them are one tensor"


def odd_matrices() -> list[tuple[tuple[Tensor, Tensor, Tensor], str]]:
    """(weight, A, B), each (3, 3), that are allowed and seldom thought of, and what they are."""
    weight, A, B = low_rank(86, 3, 3, 3)
    zeros, halves = torch.zeros(3, 3), [part.round().half() for part in (weight, A, B)]
    return [
        ((weight, weight, weight), ALL_ONE),
        ((weight.mT, A.mT, B.mT), ", of matrices that are views"),
        ((weight[:1].expand(3, 3), A[:1].expand(3, 3), B), ", with rows that share their memory"),
        ((weight, zeros, B), " and an A of zeros"),
        ((weight, A, zeros), " and a B of zeros"),
        ((zeros, A, B), " and a weight of zeros"),
        (tuple(halves), ", in half precision"),
    ]


def where_shapes_allow(compute):
    """A mistake's computation that equals nothing where PyTorch finds that the shapes do not
    fit."""
    return partial(_try, compute)


def _try(compute, *inputs):
    try:
        return compute(*inputs)
    except (RuntimeError, ZeroDivisionError):
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
            "the low-rank term is added unscaled. Multiply it by alpha / r.",
        ),
        (
            "alpha_only",
            _with(lambda alpha, A, B: alpha),
            "the low-rank term is multiplied by alpha alone. Divide by the rank too.",
        ),
        (
            "inverse_scale",
            _with(lambda alpha, A, B: A.size(1) / alpha),
            "the low-rank term is multiplied by r / alpha. The factor is alpha / r.",
        ),
        (
            "root_of_rank",
            _with(lambda alpha, A, B: alpha / A.size(1) ** 0.5),
            "the low-rank term is divided by the square root of the rank, as in rsLoRA. Here it "
            "is divided by the rank itself.",
        ),
        (
            "input_size_for_rank",
            _with(lambda alpha, A, B: alpha / len(A)),
            "len(A) is I, the number of inputs. The rank is the other dimension of A.",
        ),
        (
            "scale_on_all",
            lambda x, W, A, B, alpha: _scale(A, alpha) * (x @ W.T + x @ A @ B),
            "x W is multiplied by alpha / r too. Only the low-rank term is scaled.",
        ),
        (
            "base_missing",
            lambda x, W, A, B, alpha: _scale(A, alpha) * (x @ A @ B),
            "that is the low-rank term alone. Add x W to it.",
        ),
        (
            "low_rank_term_missing",
            lambda x, W, A, B, alpha: x @ W.T,
            "that is x W alone. The low-rank term x A B is missing.",
        ),
        (
            "order_swapped",
            lambda x, W, A, B, alpha: x @ W.T + _scale(A, alpha) * (x @ B @ A),
            "you multiply x by B first. A comes first: it maps I inputs to r, and B maps r to O "
            "outputs.",
        ),
        (
            "weight_not_transposed",
            lambda x, W, A, B, alpha: x @ W + _scale(A, alpha) * (x @ A @ B),
            "PyTorch stores W transposed, so x W is `x @ weight.T`. With a square matrix there is "
            "no error.",
        ),
        (
            "product_transposed",
            lambda x, W, A, B, alpha: x @ (W + _scale(A, alpha) * (A @ B)).T,
            "A B is transposed together with `weight`. PyTorch stores `weight` transposed, but A "
            "B is not.",
        ),
    )
)


@check(lab=LAB, exercise="lora_forward", returns=Tensor)
def lora_forward(answer):
    """lora_forward(x, weight, A, B, alpha): (..., I) -> (..., O), x W + (alpha / r) x A B."""

    def judge(shape, n_out, rank, alpha, seed=60, zero=False, double=False, parts=None, note=""):
        x, (weight, A, B) = draw(seed, *shape), low_rank(seed + 1, shape[-1], n_out, rank)
        B = B * (not zero)
        if double:
            x, weight, A, B = (part.double() / 3 for part in (x, weight, A, B))
        x, weight, A, B = parts or (x, weight, A, B)
        expected = x.double() @ (weight.T.double() + alpha / rank * (A.double() @ B.double()))
        given = f"x of shape {shape}, {n_out} outputs, rank {rank}, alpha = {alpha:g}"
        given += " and a B of zeros" if zero else ", in double precision" if double else note
        inputs = (x, weight, A, B, alpha)
        got = written_by_hand(answer, *inputs)
        tolerance = EXACT if double else None
        compare(got, expected, MISTAKES, inputs, given, "it should be", tolerance)

    judge((4, 3), n_out=3, rank=3, alpha=2.0)
    judge((4, 3), n_out=3, rank=3, alpha=5.0, seed=64)
    judge((2, 5, 6), n_out=4, rank=2, alpha=8.0)
    judge((7, 5), n_out=8, rank=3, alpha=1, seed=70)
    judge((6,), n_out=2, rank=1, alpha=0.5, zero=True)
    judge((1, 3, 2, 11), n_out=13, rank=7, alpha=16, seed=74)
    judge((2, 7), n_out=5, rank=4, alpha=23.0, seed=78, double=True)
    judge((3, 2), n_out=4, rank=5, alpha=6.0)  # the rank is larger than one side, and than both
    judge((3, 4), n_out=2, rank=7, alpha=3)
    judge((5, 2), n_out=3, rank=11, alpha=3)
    judge((300, 2), n_out=1, rank=1, alpha=300.0)
    judge((2, 300), n_out=130, rank=70, alpha=0.25, double=True)
    judge((3, 4), n_out=5, rank=2, alpha=0)
    for parts, note in odd_matrices():
        x = parts[0] if note == ALL_ONE else draw(88, 1, 1, 3).expand(2, 4, 3).to(parts[0])
        judge(x.shape, 3, 3, 6.0, parts=(x, *parts), note=note)
    _follow_back(answer, (5, 4))
    _follow_back(answer, (4,))
    _follow_back(answer, (2, 3, 6))
    return (
        "Only A and B are trained; many models may share `weight`. (x A) B never computes the "
        "matrix A B; x (W + A B) is also correct, but computes it."
    )


def _follow_back(answer, shape: tuple[int, ...]) -> None:
    """Refuse a result whose gradients at x, A and B are not PyTorch's; look twice, as in training.

    Between the two, A changes in place, as an optimizer changes it.
    """
    x, (weight, A, B) = draw(80, *shape), low_rank(81, shape[-1], 3, 2)
    learns = {"x": x, "A": A, "B": B}
    for part in learns.values():
        part.requires_grad_(True)
        part.grad = torch.ones_like(part)  # as an earlier text has left it
    given = f"x of shape {shape}, 3 outputs, rank 2, alpha = 1"
    for step, note in enumerate((given, f"{given}, after A changed in place")):
        with torch.no_grad():
            A += step
        expected = x @ (weight.T + 0.5 * A @ B)
        result = answer(x, weight, A, B, 1.0)
        plain = (x.detach(), weight, A.detach().clone(), B.detach(), 1.0)
        compare(result, expected, MISTAKES, plain, note, "it should be")
        if not close(as_tensor(result), as_tensor(expected)):
            return
        upstream = draw(85, *expected.shape)
        right = torch.autograd.grad(expected, learns.values(), upstream)
        found = [None] * 3
        if result.requires_grad:
            upstream = upstream.to(result)
            found = torch.autograd.grad(result, learns.values(), upstream, allow_unused=True)
        for name, gradient, should in zip(learns, found, right, strict=True):
            if gradient is None or not close(gradient, should, 1e-3):
                raise CheckFailed(
                    f"the number is right, but {'no' if gradient is None else 'not the whole'} "
                    f"gradient reaches {name}, so {'the layers below' if name == 'x' else 'it'} "
                    "cannot be trained.\n"
                    "Likely mistake: detach, .data, no_grad, NumPy or a new tensor made from "
                    "values. Use PyTorch's operations throughout.",
                    hint="no_gradient",
                )
    if any((part.grad is None or (part.grad != 1).any()) for part in learns.values()):
        raise CheckFailed(
            "your function changed the gradients that x, A and B had before. Leave .grad alone: "
            "the training loop calls backward.",
            hint="gradient_changed",
        )
