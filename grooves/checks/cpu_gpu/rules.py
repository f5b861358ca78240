"""Checks of lab 11: what they have in common, for figures of any size (chapter 11).

Key idea: seconds, rates and intensities are right to a share of themselves, never to a fixed
amount: a microsecond that is missing from a microsecond is everything. A mistake is known by the
figures that it would give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Mistake, most_explaining

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
    """Whether two figures agree to a share of themselves; words must be equal."""
    if isinstance(expected, str) or isinstance(got, str):
        return got == expected
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

    units: of the parts. The first wrong part is told. Of the mistakes that would give it too, the
    one that explains most parts of all cases is named: two mistakes may agree on one case.
    Raises: CheckFailed with the mistake's name, or "unrecognised".
    """
    results: list[list] = []
    found = None  # the first wrong part: its case and its place
    for case in cases:
        try:
            results.append(case.parts(answer(*deepcopy(case.inputs))))
        except Exception:
            if found is None:
                raise
            break  # what is wrong already is told, rather than an error that it leads to
        wrong = [not same(g, r) for g, r in zip(results[-1], case.right, strict=True)]
        if any(wrong) and found is None:
            found = len(results) - 1, wrong.index(True)
    if found is None:
        return
    case, (number, i) = cases[found[0]], found
    unit = units[i] if i < len(units) else ""
    part = f" for {list(case.expected)[i]}" if len(case.expected) > 1 else ""
    told = (
        f"for {case.given}, your result{part} is {show(results[number][i], unit)}; it should be "
        f"{show(case.right[i], unit)}."
    )

    def n_explained(mistake):
        would = [_as_parts(mistake.compute(*c.inputs), c) for c in cases[: len(results)]]
        if not same(results[number][i], would[number][i]) or same(would[number][i], case.right[i]):
            return 0
        pairs = zip(itertools.chain(*results), itertools.chain(*would), strict=True)
        return sum(same(g, w) for g, w in pairs)

    best = most_explaining(mistakes, n_explained)
    says = best.says if best else "this is none of the usual mistakes. Work the example by hand."
    raise CheckFailed(f"{told}\nLikely mistake: {says}", hint=best.name if best else "unrecognised")


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
