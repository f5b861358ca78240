"""Checks of lab 01: what they have in common (chapter 01).

Key idea: where the exercise is to write something, no library's finished function may do it.
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
ACCURACY = ("accuracy_score", "top_k_accuracy_score", "zero_one_loss")
FINISHED_ELSEWHERE = ("scipy.", "sklearn.", "torch.")


def from_smaller_steps(answer: Callable, *ready_made: str) -> Callable:
    """The answer, refused where another library's finished function does the exercise for it.

    ready_made: their names. `written_by_hand` notices PyTorch's; this notices those that take NumPy
    arrays.
    Raises (when called): CheckFailed with the hint "ready_made".
    """

    def call(*inputs):
        def finished(module: str, code) -> str | None:
            found = code.co_name in ready_made and module.startswith(FINISHED_ELSEWHERE)
            return f"{module.partition('.')[0]}'s {code.co_name}" if found else None

        result, seen = watched(answer, inputs, finished)
        if seen:
            raise CheckFailed(
                f"your code calls {min(seen)}, which is what the exercise is to write. "
                "Write it from smaller steps, in NumPy.",
                hint="ready_made",
            )
        return result

    return call


def on_read_only(answer: Callable) -> Callable:
    """The answer, called on arrays that lie scattered in memory and cannot be written to.

    Raises (when called): CheckFailed with the hint "changed_input", also where an answer would have
    set back what it changes.
    """

    def call(*inputs):
        with warnings.catch_warnings():
            # PyTorch warns of arrays that it could write to and must not
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            try:
                return answer(*map(_read_only, inputs))
            except ValueError as error:
                if "read-only" not in str(error):
                    raise
                raise CheckFailed(
                    "your function writes into an array that it was given. Others still need what "
                    "stands there, even while you run: work on a copy, or make something new.",
                    hint="changed_input",
                ) from None

    return call


def _read_only(x):
    """An array in every second place of a larger one, so that it is no block of memory."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return x
    scattered = np.repeat(x, 2, axis=-1)[..., ::2]
    scattered.flags.writeable = False
    return scattered


def integers(seed: int, *shape: int, most: int = 400) -> np.ndarray:
    """Integers from -most to most, none of which fits into a byte's place by chance alone."""
    return np.random.default_rng(seed).integers(-most, most + 1, shape)
