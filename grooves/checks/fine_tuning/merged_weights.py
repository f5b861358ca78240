"""Check of lab 06: merging a low-rank change into its matrix (chapter 06).

Key idea: the matrix is stored transposed, the change is not; where both are square, only the
numbers show it. The matrix that is passed must not change, since other models share it.
Letters: I inputs, O outputs, r the rank.
"""

from __future__ import annotations

from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, close, compare, written_by_hand
from grooves.checks.fine_tuning.lora import EXACT, low_rank, odd_matrices, where_shapes_allow

LAB = "06_fine_tuning"


def _scale(A: Tensor, alpha: float) -> float:
    return alpha / A.size(1)


MISTAKES = tuple(
    Mistake(name, where_shapes_allow(compute), says)
    for name, compute, says in (
        (
            "not_transposed",
            lambda W, A, B, alpha: W + _scale(A, alpha) * (A @ B),
            "A B has the shape (I, O), but `weight` is stored as (O, I). Transpose A B before you "
            "add it.",
        ),
        (
            "result_transposed",
            lambda W, A, B, alpha: (W + _scale(A, alpha) * (A @ B).T).T,
            "the numbers are right, but your matrix is transposed. PyTorch stores weights as (O, "
            "I).",
        ),
        (
            "order_swapped",
            lambda W, A, B, alpha: W + _scale(A, alpha) * (B @ A).T,
            "you multiply B A. The layer applies A first, so the change is A B.",
        ),
        (
            "order_swapped",
            lambda W, A, B, alpha: W + _scale(A, alpha) * (B @ A),
            "you multiply B A. The layer applies A first, so the change is A B.",
        ),
        *(
            (
                "b_transposed",
                lambda W, A, B, alpha, change=change: W + _scale(A, alpha) * change(A, B),
                "you multiply A by the transpose of B, which raises no error where both are "
                "square. Transpose the product A B, not one of its factors.",
            )
            for change in (lambda A, B: A @ B.T, lambda A, B: (A @ B.T).T, lambda A, B: A.T @ B)
        ),
        (
            "no_scale",
            lambda W, A, B, alpha: W + (A @ B).T,
            "the change is added unscaled. Multiply it by alpha / r.",
        ),
        (
            "alpha_only",
            lambda W, A, B, alpha: W + alpha * (A @ B).T,
            "the change is multiplied by alpha alone. Divide by the rank too.",
        ),
        (
            "inverse_scale",
            lambda W, A, B, alpha: W + A.size(1) / alpha * (A @ B).T,
            "the change is multiplied by r / alpha. The factor is alpha / r.",
        ),
        (
            "input_size_for_rank",
            lambda W, A, B, alpha: W + alpha / len(A) * (A @ B).T,
            "len(A) is I, the number of inputs. The rank is the other dimension of A.",
        ),
        (
            "scale_on_all",
            lambda W, A, B, alpha: _scale(A, alpha) * (W + (A @ B).T),
            "W is multiplied by alpha / r too. Only the change is scaled.",
        ),
        (
            "change_only",
            lambda W, A, B, alpha: _scale(A, alpha) * (A @ B).T,
            "that is the change alone. Add it to `weight`.",
        ),
    )
)


@check(lab=LAB, exercise="merge", returns=Tensor)
def merge(answer):
    """merge(weight, A, B, alpha) -> (O, I), the matrix plus the change."""

    def judge(n_in, n_out, rank, alpha, seed=90, double=False, parts=None, note=""):
        weight, A, B = parts or low_rank(seed, n_in, n_out, rank)
        if double:
            weight, A, B = (part.double() / 3 for part in (weight, A, B))
        expected = weight.double() + alpha / rank * (A.double() @ B.double()).T
        given = f"weight of shape ({n_out}, {n_in}), rank {rank} and alpha = {alpha:g}"
        given += ", in double precision" if double else note
        inputs = (weight, A, B, alpha)
        got = written_by_hand(answer, *inputs)
        tolerance = EXACT if double else None
        compare(got, expected, MISTAKES, inputs, given, "it should be", tolerance)
        shared = got.untyped_storage().data_ptr() == weight.untyped_storage().data_ptr()
        found.append((close(got, expected, tolerance or 1e-2), shared))

    found: list[tuple[bool, bool]] = []  # of each case: whether it is right, and in old memory
    judge(3, 3, 3, 2.0, seed=90)
    judge(3, 3, 3, 5.0, seed=102)
    judge(6, 4, 2, 8.0, seed=93)
    judge(5, 9, 4, 1, seed=96)
    judge(4, 4, 1, 0.5, seed=99)
    judge(13, 7, 6, 16, seed=105)
    judge(2, 7, 5, 23.0, seed=108, double=True)
    judge(2, 3, 5, 6.0)  # the rank is larger than both sides
    judge(4, 2, 3, 8.0)
    judge(1, 300, 2, 300.0)
    judge(300, 130, 70, 0.25, double=True)
    judge(4, 5, 2, 0)
    for parts, note in odd_matrices():
        judge(3, 3, 3, 6.0, parts=parts, note=note)
    short = tuple(part.bfloat16() for part in odd_matrices()[-1][0])
    judge(3, 3, 3, 6.0, parts=short, note=", in bfloat16")
    if all(right for right, _ in found) and any(shared for _, shared in found):
        raise CheckFailed(
            "your result shares memory with the `weight` that was given, at least where A B or "
            "alpha is 0, so changing one changes both. Always return a new tensor.",
            hint="same_memory",
        )
    return "The merged matrix has the old shape, so inference is no slower."
