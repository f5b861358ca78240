"""Checks of lab 13: what they have in common (chapter 13).

Key idea: almost every exercise returns one or two figures, which are compared with a relative
tolerance; a mistake is known by the figures that it would give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.mistakes import Mistake

LAB = "13_many_devices"


def judge_figures(
    answer: Callable,
    names: Sequence[str],
    inputs: Sequence[tuple],
    right: Callable,
    parts: Sequence[str],
    mistakes: Sequence[Mistake],
    units: Sequence[str] = (),
) -> None:
    """Call an answer, which must be written by hand, on all inputs and compare its figures.

    names: of the arguments. right: gives one figure, or as many as `parts` names.
    """
    cases = []
    for given in inputs:
        figures = right(*given)
        figures = figures if isinstance(figures, tuple) else (figures,)
        told = ", ".join(
            f"{name} = {show(value)}" for name, value in zip(names, given, strict=True)
        )
        cases.append(Case(given, dict(zip(parts, figures, strict=True)), told))
    judge(by_hand(answer), cases, mistakes, units)


def show(value) -> str:
    """An argument as it stands in a message."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return repr(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
