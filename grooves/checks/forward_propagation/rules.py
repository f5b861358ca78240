"""Checks of lab 01: what they have in common (chapter 01).

Key idea: where the exercise is to write something, no library's finished function may do it.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.checks import CheckFailed
from grooves.checks.compare import watched

LAB = "01_forward_propagation"
READY_MADE = {"softmax", "log_softmax", "logsumexp", "log_loss", "accuracy_score"}
FINISHED_ELSEWHERE = ("scipy.", "sklearn.", "torch.")


def from_smaller_steps(answer: Callable) -> Callable:
    """The answer, refused where another library's finished function does the exercise for it.

    `written_by_hand` notices PyTorch's; this notices those that take NumPy arrays.
    Raises (when called): CheckFailed with the hint "ready_made".
    """

    def call(*inputs):
        def finished(module: str, code) -> str | None:
            found = code.co_name in READY_MADE and module.startswith(FINISHED_ELSEWHERE)
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
