"""Checks of lab 12: what they have in common (chapter 12).

Key idea: where a result is one number or one list, many mistakes give the same result once. So an
answer is asked several times before it is judged, and the mistake that explains most of what it
said is the one that is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Mistake, most_explaining

LAB = "12_precision_memory"
NUMBER = (int, float, np.number, np.ndarray, Tensor)
SHOULD = "it should be"


def as_number(value) -> float:
    """A number, or an array or a tensor of one element, as a float.

    Raises: CheckFailed with the hint "not_one_number".
    """
    if np.size(value) != 1 if not isinstance(value, Tensor) else value.numel() != 1:
        raise CheckFailed(
            f"expected one number, your function returned {describe(value)}.",
            hint="not_one_number",
        )
    return float(value.item() if isinstance(value, np.ndarray | Tensor) else value)


def first_wrong(got: Sequence, expected: Sequence, same: Callable) -> int | None:
    """The place of the first result that is wrong, None where all are right."""
    pairs = enumerate(zip(got, expected, strict=True))
    return next((i for i, (mine, right) in pairs if not same(mine, right)), None)


def refuse(
    got: Sequence,
    expected: Sequence,
    mistakes: Sequence[Mistake],
    inputs: Sequence[tuple],
    said: Callable[[int], str],
    alike: Callable,
    apart: Callable | None = None,
    needed: float = 0,
) -> None:
    """Refuse an answer that was asked several times, where one of its results is wrong.

    said: the message's first sentence about result i. alike: whether a result is a mistake's.
    apart: whether a result is wrong; by default where it is not alike. A mistake must give the
    first wrong result; of several, the one that gives most of the others is named. needed: the
    share of all results that it must give.
    Raises: CheckFailed with the mistake's name, or "unrecognised".
    """
    right = alike if apart is None else (lambda a, b: not apart(a, b))
    i = first_wrong(got, expected, right)
    if i is None:
        return

    def n_explained(mistake):
        wrong = [mistake.compute(*one) for one in inputs]
        if not alike(got[i], wrong[i]) or right(wrong[i], expected[i]):
            return 0
        return sum(alike(mine, its) for mine, its in zip(got, wrong, strict=True))

    best = most_explaining(mistakes, n_explained, at_least=needed * len(got))
    if best is None:
        raise CheckFailed(
            f"{said(i)}\nThis is none of the usual mistakes. Work the smallest case by hand and "
            "print every step.",
            hint="unrecognised",
        )
    raise CheckFailed(f"{said(i)}\nLikely mistake: {best.says}", hint=best.name)
