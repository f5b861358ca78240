"""What the points at which an answer asks for f say about how it measures slopes (chapter 02).

Part of the check of `gradient_error`: the mistakes that are known by their points.
"""

from __future__ import annotations

import numpy as np

from grooves.checks.failures import UNRECOGNISED

ONE_ARRAY = (
    "one_array",
    "f is asked at x itself, again and again. After `up = x` both names are one array, and what "
    "is added under one name is taken off under the other: x.copy().",
)


def how_it_looks(points: list[np.ndarray], x, got: float) -> tuple[str, str]:
    """What the points that were asked for say about how the slopes were measured."""
    hint, why = of_the_points(points, x)
    if hint:
        return hint, f"Likely mistake: {why}"
    if any(p.tobytes() != x.tobytes() for p in points) and all(
        np.array_equal(p, p.astype(np.float32)) for p in points
    ):
        return "single_precision", (
            "Likely mistake: x is made single precision, whose seven digits are too few for "
            "differences this small."
        )
    if abs(got - 1 / 3) < 1e-3:  # the slopes are twice or half of what they should be
        return "half_or_double", (
            "Likely mistake: from one side to the other it is two steps. Is the 2 there, once?"
        )
    return UNRECOGNISED, "The points are well chosen, but what is made of them is wrong."


def of_the_points(points: list[np.ndarray], x) -> tuple[str | None, str]:
    """A mistake in the choice of the points, and what to say; None where they are well chosen."""
    if not points:
        return "never_asked", "f is never called. Only its values can tell its slopes."
    moved = [p - x for p in points]
    n_moved = [int((m != 0).sum()) for m in moved]
    if max(n_moved) > 1:
        if all(n in (0, x.size) for n in n_moved):
            return "all_at_once", (
                "all numbers of x are moved at once. Each needs a move of its own, the others "
                "staying where they are."
            )
        if x.ndim > 1 and all(_one_row(m) for m in moved if m.any()):
            return "whole_row", (
                "a whole row of x is moved at once: in a matrix x[i] is a row. np.ndindex(x.shape) "
                "runs through the places of single numbers."
            )
        return "not_put_back", (
            "a number that was moved is still moved when the next one's turn comes. "
            "Put it back, or move a fresh copy."
        )
    if max(n_moved) == 0:
        return ONE_ARRAY
    touched = {tuple(i) for m in moved for i in np.argwhere(m)}
    if len(touched) < x.size:
        return "not_all_numbers", (
            f"only {len(touched)} of {x.size} numbers of x are moved. Each has a slope."
        )
    sizes = [abs(m).max() for m in moved if m.any()]
    signs = {float(np.sign(m.sum())) for m in moved if m.any()}
    if len(signs) == 1:
        return "one_side", (
            "you look to one side only. Then the bend of f counts; it cancels if you look as far "
            "to the other side too."
        )
    if max(sizes) > 3e-4:
        return "too_far", f"you move by {max(sizes):.2g}, so far that f bends. Move by less."
    if min(sizes) < 1e-8:
        return "too_near", (
            f"you move by {min(sizes):.2g}. The two values then agree in nearly all their digits, "
            "and rounding is what is left. Move by more."
        )
    return None, ""


def _one_row(moved) -> bool:
    """Whether the whole of one row has moved, and nothing else."""
    rows = moved.reshape(len(moved), -1) != 0
    return rows.any(axis=1).sum() == 1 and rows.all(axis=1).any()
