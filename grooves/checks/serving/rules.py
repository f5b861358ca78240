"""Checks of lab 9: what they have in common (chapter 9).

Key idea: plans, block tables and events are compared as plain Python values, so it does not matter
whether an answer uses lists, tuples or arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from grooves.checks.compare import Mistake
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

LAB = "09_serving"
SHOULD = "it should be"


def judge_plain(
    call: Callable,
    inputs: tuple,
    right: Callable,
    mistakes: Sequence[Mistake],
    given: str,
    as_plain: Callable,
) -> None:
    """Call an answer on copies of the inputs and note whether its result is exactly the right one.

    right: computes the correct result. as_plain: brings a result into a form that can be compared
    with ==; it raises CheckFailed for what is no result of this exercise.
    """
    got, expected = as_plain(call(*deepcopy(inputs))), as_plain(right(*deepcopy(inputs)))
    told = "" if got == expected else f"for {given}, your result is {got}; {SHOULD} {expected}."

    def agrees(mistake: Mistake) -> bool:
        return as_plain(mistake.compute(*deepcopy(inputs))) == got

    note(Finding(got != expected, told, mistakes, agrees, inputs=inputs))
