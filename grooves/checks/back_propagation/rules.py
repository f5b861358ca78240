"""Checks of lab 02: what they have in common (chapter 02).

Key idea: an answer may call anything except code that solves the exercise. The forward pass was
written in lab 1, so the course's `layers` may be called here; its automatic differentiation and its
optimizers may not, nor may PyTorch's. Answers are compared with PyTorch's gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import deepcopy

import numpy as np
import torch

from grooves.checks import CheckFailed
from grooves.checks.arrays import judge_parts
from grooves.checks.compare import compare, watched

LAB = "02_back_propagation"
COURSES_OWN = (
    "grooves.models.autograd",
    "grooves.training.gradient_descent",
    "grooves.training.optimizers",
    "grooves.training.loop",
    "grooves.training.validation",
)
TORCHS_GRADIENTS = {"backward", "grad", "gradcheck"}
TOLERANCE = 2e-5  # single precision is enough, half is not
PARTS = (tuple, list, np.ndarray, torch.Tensor)  # in which an answer may return several arrays
FINISHED_MODULES = ("torch.optim", "scipy.optimize", "scipy.differentiate")


def by_hand(answer: Callable, refused: Collection[str] = ()) -> Callable:
    """The answer, refused where it calls a library's back propagation or optimizer.

    refused: names of the course's functions that are refused; all of COURSES_OWN where empty.
    Raises (when called): CheckFailed with the hint "course_code" or "ready_made".
    """

    def call(*inputs):
        def finished(module: str, code) -> tuple[str, str] | None:
            name = code.co_name
            if module in COURSES_OWN and (name in refused or not refused):
                return "course_code", f"{module}.{code.co_qualname.removesuffix('.__init__')}"
            if module.startswith("torch") and name in TORCHS_GRADIENTS:
                return "ready_made", f"PyTorch's {name}"
            if module.startswith(FINISHED_MODULES):
                return "ready_made", ".".join(module.split(".")[:2])
            return None

        result, called = watched(answer, inputs, finished)
        courses_own, ready_made = (
            [name for kind, name in called if kind == hint]
            for hint in ("course_code", "ready_made")
        )
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


def judge_array(
    call: Callable, inputs: tuple, expected, mistakes, given: str, tolerance: float = TOLERANCE
) -> None:
    """Compare the one array that an answer returns; its shape has to be right, too.

    Raises: CheckFailed, as `compare` does.
    """
    with np.errstate(all="ignore"):
        got = np.array(call(*deepcopy(inputs)))
        got = got.astype(float) if got.dtype == object else got  # fractions and the like
        compare(got, expected, mistakes, inputs, given, tolerance=tolerance)


def judge_arrays(call: Callable, inputs: tuple, expected: dict, mistakes, given: str) -> None:
    """`judge_parts`, for several arrays that may come as one, along its first axis.

    Raises: CheckFailed, as `judge_parts` does.
    """

    def parts(*inputs):
        got = call(*inputs)
        return list(got) if isinstance(got, (np.ndarray, torch.Tensor)) and np.ndim(got) else got

    judge_parts(parts, inputs, expected, mistakes, given, tolerance=TOLERANCE)


def formula(answer: Callable) -> Callable:
    """The answer, refused where it measures gradients: where it computes the loss many times.

    Raises (when called): CheckFailed with the hint "by_differences".
    """

    def loss(module: str, code) -> bool | None:
        return (
            True if (module, code.co_name) == ("grooves.models.layers", "cross_entropy") else None
        )

    def call(*inputs):
        result, asked = watched(answer, inputs, loss)
        if len(asked) > len(inputs[0]):  # one loss per picture is no finite difference
            raise CheckFailed(
                f"your code computes the loss of {len(inputs[0])} picture {len(asked)} times: it "
                "measures the gradient by finite differences. That is "
                "{{exercise gradient_error}}; here write the formula.",
                hint="by_differences",
            )
        return result

    return call


def torchs_gradients(function: Callable, *arrays, arriving=None) -> tuple[torch.Tensor, ...]:
    """PyTorch's gradient of function(*arrays) with respect to each array.

    arriving: the gradient of the result itself, where the result is not one number.
    """
    leaves = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]
    arriving = None if arriving is None else torch.as_tensor(arriving, dtype=torch.float64)
    return torch.autograd.grad(function(*leaves), leaves, arriving)
