"""Mistakes in finite differences, found by the points at which an answer evaluates f (chapter 02).

Part of the check of `gradient_error`.
"""

from __future__ import annotations

import numpy as np

from grooves.checks.failures import UNRECOGNISED

ONE_ARRAY = (
    "one_array",
    "you evaluate f at x itself each time. After `up = x` both names refer to one array, so a "
    "change under one name shows under the other. Use x.copy().",
)


def diagnose(points: list[np.ndarray], x, got: float) -> tuple[str, str]:
    """The mistake that the evaluation points and the result show: a name, and what to say."""
    hint, why = of_the_points(points, x)
    if hint:
        return hint, f"Likely mistake: {why}"
    if any(p.tobytes() != x.tobytes() for p in points) and all(
        np.array_equal(p, p.astype(np.float32)) for p in points
    ):
        return "single_precision", (
            "Likely mistake: you convert x to single precision, whose seven digits are too few for "
            "differences this small."
        )
    if abs(got - 1 / 3) < 1e-3:  # the gradient is twice or half of what it should be
        return "half_or_double", (
            "Likely mistake: the two points are 2 ε apart. Is the factor 2 there, once?"
        )
    return (
        UNRECOGNISED,
        "The points are well chosen, but the result that you compute from them is wrong.",
    )


def of_the_points(points: list[np.ndarray], x) -> tuple[str | None, str]:
    """A mistake in the choice of the points, and what to say; None where they are well chosen."""
    if not points:
        return (
            "never_called",
            "you never call f. Its derivatives can only be measured from its values.",
        )
    moved = [p - x for p in points]
    n_moved = [int((m != 0).sum()) for m in moved]
    if max(n_moved) > 1:
        if all(n in (0, x.size) for n in n_moved):
            return "all_at_once", (
                "you change all numbers of x at once. Change one at a time, and leave the others "
                "as they are."
            )
        if x.ndim > 1 and all(_one_row(m) for m in moved if m.any()):
            return "whole_row", (
                "you change a whole row of x at once: in a matrix x[i] is a row. "
                "np.ndindex(x.shape) iterates over the indices of single numbers."
            )
        return "not_restored", (
            "a number that you changed is still changed when you go on to the next. "
            "Restore it, or change a fresh copy."
        )
    if max(n_moved) == 0:
        return ONE_ARRAY
    touched = {tuple(i) for m in moved for i in np.argwhere(m)}
    if len(touched) < x.size:
        return "not_all_numbers", (
            f"you change only {len(touched)} of {x.size} numbers of x. Each has its own derivative."
        )
    sizes = [abs(m).max() for m in moved if m.any()]
    signs = {float(np.sign(m.sum())) for m in moved if m.any()}
    if len(signs) == 1:
        return "one_side", (
            "you use one-sided differences, whose error is proportional to ε and to the curvature "
            "of f. It cancels in central differences: use x + ε and x − ε."
        )
    if max(sizes) > 3e-4:
        return (
            "step_too_large",
            f"your step is {max(sizes):.2g}, so large that the curvature of f shows. Use a smaller "
            "one.",
        )
    if min(sizes) < 1e-8:
        return "step_too_small", (
            f"your step is {min(sizes):.2g}. The two values then agree in nearly all digits, so "
            "the rounding error dominates their difference. Use a larger step."
        )
    return None, ""


def _one_row(moved) -> bool:
    """Whether one whole row has changed, and nothing else."""
    rows = moved.reshape(len(moved), -1) != 0
    return rows.any(axis=1).sum() == 1 and rows.all(axis=1).any()
