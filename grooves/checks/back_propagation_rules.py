"""Checks of lab 02: what they have in common, for answers of several arrays (chapter 02).

Key idea: an answer may call anything but the thing that it is to be. The forward pass was written
in lab 1, so the course's `layers` are free here; its automatic differentiation and its optimizers
are not, nor are PyTorch's. The yardstick is PyTorch's automatic differentiation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from functools import partial

import numpy as np
import torch

from grooves.checks import CheckFailed
from grooves.checks.compare import Slip, as_tensor, close, compare
from grooves.checks.forward_propagation_rules import NOT_THIS

LAB = "02_back_propagation"
COURSES_OWN = ("grooves.autograd", "grooves.descent", "grooves.optim", "grooves.train")
TORCHS_GRADIENTS = {"backward", "grad", "gradcheck"}
FINISHED_MODULES = ("torch.optim", "scipy.optimize", "scipy.differentiate")


def by_hand(answer: Callable, refused: Collection[str] = ()) -> Callable:
    """The answer, refused where a finished back propagation or optimizer does the exercise for it.

    refused: names of the course's functions that are refused; all of COURSES_OWN where empty.
    Raises (when called): CheckFailed with the hint "course_code" or "ready_made".
    """

    def call(*inputs):
        courses_own: list[str] = []
        ready_made: list[str] = []

        def note(frame, event, _argument):
            if event != "call":
                return
            name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
            if module in COURSES_OWN and (name in refused or not refused):
                whole = frame.f_code.co_qualname.removesuffix(".__init__")
                courses_own.append(f"{module}.{whole}")
            elif module.startswith("torch") and name in TORCHS_GRADIENTS:
                ready_made.append(f"PyTorch's {name}")
            elif module.startswith(FINISHED_MODULES):
                library, part = module.split(".")[:2]
                ready_made.append(f"{library}.{part}")

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            result = answer(*inputs)
        finally:
            sys.setprofile(before)
        if courses_own:
            raise CheckFailed(
                f"your code calls the course's own {courses_own[0]}. Here the exercise is to "
                "write it; what you wrote in earlier exercises may be used.",
                hint="course_code",
            )
        if ready_made:
            raise CheckFailed(
                f"your code calls {ready_made[0]}, which does the exercise for you. "
                "Write it from smaller steps, in NumPy.",
                hint="ready_made",
            )
        return result

    return call


def judge_parts(
    call: Callable,
    inputs: tuple,
    expected: dict[str, object],
    slips: Sequence[Slip],
    given: str,
    source: str = "PyTorch's is",
    tolerance: float | None = None,
) -> None:
    """Call an answer on copies of the inputs and compare the arrays that it returns, one by one.

    expected: for each array its name in words ("the gradient of W") and what it should be. A slip
    computes all of them; where it does not fit the shapes, it explains nothing.
    Raises: CheckFailed, as `compare` does; "how_many" where there are more arrays or fewer.
    """
    with np.errstate(all="ignore"):
        got = call(*deepcopy(inputs))
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            said = f"{len(got)}" if isinstance(got, (tuple, list)) else "something else"
            raise CheckFailed(
                f"expected {len(expected)} arrays: {', '.join(expected)}. Your function "
                f"returned {said}.",
                hint="how_many",
            )
        compare_parts(got, inputs, expected, slips, given, source, tolerance)


def compare_parts(got, inputs, expected, slips, given, source="PyTorch's is", tolerance=None):
    """Compare several results one by one, as `judge_parts` says, which got them from a call.

    Of the slips that explain the first wrong part, the one that explains most parts is named.
    """
    got = [
        np.array(part).reshape(() if np.ndim(right) == 0 and np.size(part) == 1 else np.shape(part))
        for part, right in zip(got, expected.values(), strict=True)
    ]
    for i, (name, right) in enumerate(expected.items()):
        ranked = _by_parts_explained(slips, i, inputs, got)
        compare(got[i], right, ranked, inputs, f"{name}, with {given}", source, tolerance)


def torchs_gradients(function: Callable, *arrays, arriving=None) -> tuple[torch.Tensor, ...]:
    """PyTorch's gradient of function(*arrays) with respect to each array.

    arriving: the gradient of the result itself, where the result is not one number.
    """
    leaves = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    arriving = None if arriving is None else torch.as_tensor(arriving, dtype=torch.float64)
    return torch.autograd.grad(function(*leaves), leaves, arriving)


def where_it_fits(compute: Callable) -> Callable:
    """A slip's computation that gives NOT_THIS where the shapes do not allow it."""
    return partial(_part_of, compute, None)


def _by_parts_explained(slips, i: int, inputs: tuple, got: list):
    """The slips, for part i alone; a generator, so that a right answer costs nothing."""

    def n_explained(slip):
        return sum(
            close(as_tensor(part), as_tensor(_part_of(slip.compute, k, *inputs)), 1e-3)
            for k, part in enumerate(got)
        )

    for slip in sorted(slips, key=n_explained, reverse=True):
        yield Slip(slip.name, partial(_part_of, slip.compute, i), slip.says)


def _part_of(compute, i, *inputs):
    try:
        parts = compute(*inputs)
    except (ValueError, IndexError):
        return NOT_THIS
    return parts if i is None else np.asarray(parts[i])
