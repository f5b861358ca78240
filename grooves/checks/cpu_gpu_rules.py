"""Checks of lab 11: what they have in common, for figures that span many powers of ten (chapter 11).

Key idea: seconds, rates and intensities are right to a share of themselves, never to a fixed
amount: a microsecond that is missing from a microsecond is everything. A slip is known by the
figures that it would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Slip

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


def judge(
    answer: Callable,
    inputs: tuple,
    expected: dict[str, object],
    slips: Sequence[Slip],
    given: str,
    units: Sequence[str] = (),
    tolerance: float = EXACT,
) -> None:
    """Call an answer and compare its figures and words, one by one, with what is expected.

    expected: for each part its name and value; a single part is no tuple. units: of the parts. A
    slip computes all parts; of those that explain the first wrong part, the one that explains most
    is named.
    Raises: CheckFailed with the slip's name; "how_many" where parts are missing.
    """
    got = answer(*inputs)
    names, right = list(expected), list(expected.values())
    if len(right) == 1:
        got = [got]
    elif not isinstance(got, (tuple, list)) or len(got) != len(right):
        raise CheckFailed(
            f"for {given}, your result is {describe(got)}, expected {len(right)} things: "
            f"{', '.join(names)}.",
            hint="how_many",
        )
    parts = [
        _word(g, given) if isinstance(r, str) else figure(g, f"{given}: {name}")
        for name, g, r in zip(names, got, right, strict=True)
    ]
    matches = [same(g, r, tolerance) for g, r in zip(parts, right, strict=True)]
    if all(matches):
        return
    wrong = matches.index(False)
    unit = units[wrong] if wrong < len(units) else ""
    told = (
        f"for {given}, your result{' for ' + names[wrong] if len(right) > 1 else ''} is "
        f"{show(parts[wrong], unit)}; it should be {show(right[wrong], unit)}."
    )
    best, named = 0, None
    for slip in slips:
        would = slip.compute(*inputs)
        would = [would] if len(right) == 1 else list(would)
        explains = same(parts[wrong], would[wrong], tolerance)
        if explains and not same(would[wrong], right[wrong], tolerance):
            n = sum(same(g, w, tolerance) for g, w in zip(parts, would, strict=True))
            if n > best:
                best, named = n, slip
    if named:
        raise CheckFailed(f"{told}\nLikely slip: {named.says}", hint=named.name)
    raise CheckFailed(
        f"{told}\nThis is none of the usual slips. Work the example by hand once more, and print "
        "every step.",
        hint="unrecognised",
    )


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


def _word(value, given: str) -> str:
    if not isinstance(value, str):
        raise CheckFailed(
            f"for {given}, your result must be a word. It is {describe(value)}.", hint="wrong_type"
        )
    return value.strip().lower()
