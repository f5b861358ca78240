"""Checks of lab 12: what they have in common (chapter 12).

Key idea: where a result is one number or one list, many mistakes give the same result once. So an
answer is called several times before it is judged, and a mistake is named where it explains all
that was returned.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from torch import Tensor

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Mistake, as_tensor
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

LAB = "12_precision_memory"
SHOULD = "it should be"


def as_number(value) -> float:
    """A number of any type, or an array or a tensor of one element, as a float.

    Raises: CheckFailed with the hint "wrong_type", or "not_one_number".
    """
    if isinstance(value, np.ndarray | Tensor):
        if math.prod(value.shape) != 1:
            raise CheckFailed(
                f"expected one number, your function returned {describe(value)}.",
                hint="not_one_number",
            )
        value = value.item()
    if not isinstance(value, numbers.Real | Decimal):
        raise CheckFailed(
            f"your function must return a number. It returned {describe(value)}.",
            hint="wrong_type",
        )
    return float(value)


def refuse(
    got: Sequence,
    expected: Sequence,
    mistakes: Sequence[Mistake],
    inputs: Sequence[tuple],
    said: Callable[[int], str],
    alike: Callable,
    apart: Callable | None = None,
) -> None:
    """Note the results of an answer that was asked several times, for the verdict on all of them.

    said: the message's first sentence about result i. alike: whether a result is a mistake's.
    apart: whether a result is wrong; by default where it is not alike.
    """
    right = alike if apart is None else (lambda a, b: not apart(a, b))
    for i, (mine, its) in enumerate(zip(got, expected, strict=True)):
        wrong = not right(mine, its)

        def agrees(mistake, i=i, wrong=wrong):
            would = mistake.compute(*inputs[i])
            # what is wrong with the answer must be wrong with the mistake
            return alike(got[i], would) and not (wrong and right(would, expected[i]))

        note(Finding(wrong, said(i) if wrong else "", mistakes, agrees, *_numbers(mine, its)))


def _numbers(mine, its) -> tuple:
    """Both results as tensors, where they are numbers."""
    plain = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (mine, its))
    return (as_tensor(mine), as_tensor(its)) if plain else ()
