"""Checks of lab 11: what they have in common, for figures of any size (chapter 11).

Key idea: seconds, rates and intensities are compared with a relative tolerance, never an absolute
one: an error of a microsecond is everything where the result is a microsecond. A mistake is known
by the figures that it would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Mistake, as_tensor
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

LAB = "11_cpu_gpu"
EXACT = 1e-6  # of a formula; single precision is allowed


def figure(value, given: str) -> float:
    """An answer's figure as a float; an array or tensor of one element will do.

    Raises: CheckFailed with the hint "wrong_type".
    """
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        return float(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
    except (TypeError, ValueError, AttributeError, RuntimeError):
        raise CheckFailed(
            f"for {given}, your result must be a number. It is {describe(value)}.",
            hint="wrong_type",
        ) from None


def same(got, expected, tolerance: float = EXACT) -> bool:
    """Whether two figures agree within a relative tolerance, or are both NaN, or equal words."""
    if isinstance(expected, str) or isinstance(got, str):
        return got == expected
    if got != got and expected != expected:
        return True
    return math.isclose(got, expected, rel_tol=tolerance)


@dataclass(frozen=True)
class Case:
    """One call of the answer: its inputs, the right parts by name, and the inputs in words.

    words: what may stand where a word is expected; nothing is all words.
    """

    inputs: tuple
    expected: dict[str, object]
    given: str
    words: tuple[str, ...] = ()

    @property
    def right(self) -> list:
        """The right parts; a single one is no tuple where an answer returns it."""
        return list(self.expected.values())

    def parts(self, result) -> list:
        """What an answer returned, as figures and words. Raises: CheckFailed where it is not."""
        n = len(self.expected)
        if n > 1 and (not isinstance(result, (tuple, list)) or len(result) != n):
            raise CheckFailed(
                f"for {self.given}, your result is {describe(result)}, expected {n} things: "
                f"{', '.join(self.expected)}.",
                hint="how_many",
            )
        return [
            _word(part, self) if isinstance(right, str) else figure(part, self.given)
            for part, right in zip(result if n > 1 else [result], self.right, strict=True)
        ]


def judge(
    answer: Callable, cases: Sequence[Case], mistakes: Sequence[Mistake], units: Sequence[str] = ()
) -> None:
    """Call an answer on all cases and compare its figures and words with what is expected.

    units: of the parts. All parts of all cases are noted for the verdict of the check.
    Raises: CheckFailed where a result is not of the kind that is asked for.
    """
    for case in cases:
        got = case.parts(answer(*deepcopy(case.inputs)))
        for i, (mine, right) in enumerate(zip(got, case.right, strict=True)):
            unit = units[i] if i < len(units) else ""
            part = f" for {list(case.expected)[i]}" if len(case.expected) > 1 else ""

            def agrees(mistake, case=case, mine=mine, i=i):
                return same(mine, _as_parts(mistake.compute(*case.inputs), case)[i])

            plain = not isinstance(right, str) and not isinstance(mine, str)
            numbers = (as_tensor(mine), as_tensor(right)) if plain else (None, None)
            told = (
                f"for {case.given}, your result{part} is {show(mine, unit)}; it should be "
                f"{show(right, unit)}."
            )
            note(Finding(not same(mine, right), told, mistakes, agrees, *numbers, tolerance=EXACT))


def _as_parts(result, case: Case) -> list:
    return [result] if len(case.expected) == 1 else list(result)


def show(value, unit: str = "") -> str:
    """A figure with four digits and its unit, or a word."""
    if isinstance(value, str):
        return repr(value)
    if unit == "s":
        return seconds(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{value:,.0f} {unit}".strip()
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.2f} {unit}".strip()
    return f"{value:.4g} {unit}".strip()


def seconds(value: float) -> str:
    """Seconds in the unit that suits them."""
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value / 1e-9:.4g} ns"


def _word(value, case: Case) -> str:
    if not isinstance(value, str):
        raise CheckFailed(
            f"for {case.given}, your result must be a word. It is {describe(value)}.",
            hint="wrong_type",
        )
    word = value.strip().lower()
    if case.words and word not in case.words:
        raise CheckFailed(
            f"for {case.given}, your result has the word {word!r}; it must be one of "
            f"{', '.join(map(repr, case.words))}.",
            hint="other_word",
        )
    return word
