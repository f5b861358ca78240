"""Checks of lab 01: what they have in common, for answers written in NumPy (chapter 01).

Key idea: an answer is called on copies, so that it may work in place, and without NumPy's warnings,
since a sentence of the check says what a warning only hints at. Inputs come from generators of
their own, so that the student's random numbers go on undisturbed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np

from grooves.checks import CheckFailed
from grooves.checks.compare import Slip, compare, written_by_hand

LAB = "01_forward_propagation"
NOT_THIS = np.empty(0)  # what a slip computes where the shapes do not allow it: it equals nothing
READY_MADE = {"softmax", "log_softmax", "logsumexp", "log_loss", "accuracy_score"}
FINISHED_ELSEWHERE = ("scipy.", "sklearn.", "torch.")


def draw(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal random numbers from a generator of their own."""
    return scale * np.random.default_rng(seed).normal(size=shape)


def coarse(x: np.ndarray) -> np.ndarray:
    """The nearest multiples of 1/64: far from 0 they are exact in single precision too."""
    return np.round(64 * x) / 64


def judge(
    call: Callable,
    inputs: tuple,
    expected,
    slips: Sequence[Slip],
    given: str,
    source: str = "PyTorch's is",
    tolerance: float | None = None,
) -> None:
    """Call an answer on copies of the inputs and compare what it returns.

    A number may come as an array of one element. The arguments are those of `compare`.
    Raises: CheckFailed, as `compare` does.
    """
    with np.errstate(all="ignore"):
        # a copy: PyTorch refuses reversed arrays, and the student's may be looked at again
        got = np.array(call(*deepcopy(inputs)))
        if np.ndim(expected) == 0 and got.size == 1:
            got = got.reshape(())
        compare(got, expected, slips, inputs, given, source, tolerance)


def by_hand(answer: Callable, *torchs_own: str) -> Callable:
    """The answer, refused where it calls the course's own code or PyTorch's functions so named."""
    return lambda *inputs: written_by_hand(answer, *inputs, ready_made=torchs_own)


def from_smaller_steps(answer: Callable) -> Callable:
    """The answer, refused where another library's finished function does the exercise for it.

    `written_by_hand` notices PyTorch's; this notices those that take NumPy arrays.
    Raises (when called): CheckFailed with the hint "ready_made".
    """

    def call(*inputs):
        seen: set[str] = set()

        def note(frame, event, _argument):
            name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
            if event == "call" and name in READY_MADE and module.startswith(FINISHED_ELSEWHERE):
                seen.add(f"{module.partition('.')[0]}'s {name}")

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            result = answer(*inputs)
        finally:
            sys.setprofile(before)
        if seen:
            raise CheckFailed(
                f"your code calls {min(seen)}, which is what the exercise is to write. "
                "Write it from smaller steps, in NumPy.",
                hint="ready_made",
            )
        return result

    return call
