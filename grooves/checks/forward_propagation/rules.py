"""Checks of lab 01: what they have in common (chapter 01).

Key idea: where the exercise asks you to write something, no library function may do it for you.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from grooves.checks import CheckFailed
from grooves.checks.compare import watched

LAB = "01_forward_propagation"
SHARP = 1e-6  # for inputs that single precision holds exactly, up to the answer
SOFTMAX = ("softmax", "log_softmax", "softmin", "special_softmax", "special_log_softmax")
LOSS = ("cross_entropy", "cross_entropy_loss", "nll_loss", "nll_loss_nd", "log_loss")
FINISHED_ELSEWHERE = ("scipy.", "sklearn.", "torch.")


def from_smaller_steps(answer: Callable, *ready_made: str) -> Callable:
    """The answer, refused where it calls another library's function that solves the exercise.

    ready_made: the names of such functions. `written_by_hand` detects PyTorch's; this one detects
    those that take NumPy arrays.
    Raises (when called): CheckFailed with the hint "ready_made".
    """

    def call(*inputs):
        def finished(module: str, code) -> str | None:
            found = code.co_name in ready_made and module.startswith(FINISHED_ELSEWHERE)
            return f"{module.partition('.')[0]}'s {code.co_name}" if found else None

        result, seen = watched(answer, inputs, finished)
        if seen:
            raise CheckFailed(
                f"your code calls {min(seen)}, which is what you should write here. "
                "Write it from smaller steps, in NumPy.",
                hint="ready_made",
            )
        return result

    return call


def on_read_only(answer: Callable) -> Callable:
    """The answer, called on arrays that are not contiguous in memory and are read-only.

    Raises (when called): CheckFailed with the hint "changed_input", also where an answer would have
    restored what it changes.
    """

    def call(*inputs):
        with warnings.catch_warnings():
            # PyTorch warns about arrays that are not writable
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            try:
                return answer(*map(_read_only, inputs))
            except ValueError as error:
                if "read-only" not in str(error):
                    raise
                raise CheckFailed(
                    "your function writes into an array that it was given. Other code still needs "
                    "its values, even while yours runs: work on a copy, or create a new array.",
                    hint="changed_input",
                ) from None

    return call


def _read_only(x):
    """An array in every second element of a larger one, so that it is not contiguous in memory."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return x
    scattered = np.repeat(x, 2, axis=-1)[..., ::2]
    scattered.flags.writeable = False
    return scattered


def integers(seed: int, *shape: int, most: int = 400) -> np.ndarray:
    """Integers from -most to most; by default most of them do not fit into a byte."""
    return np.random.default_rng(seed).integers(-most, most + 1, shape)
