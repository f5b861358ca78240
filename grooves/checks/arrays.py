"""How the checks judge answers written in NumPy, in any lab: one array, or several.

Key idea: an answer is called on copies, so it may work in place. NumPy's warnings are off, because
the check's message is more specific. Inputs come from separate generators, so that the student's
random numbers are not affected. Chapters: 01, 02, 03.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np

from grooves.checks.compare import Mistake, compare, written_by_hand
from grooves.checks.failures import CheckFailed
from grooves.checks.survey import opened
from grooves.checks.words import describe

NOT_THIS = np.empty(
    0
)  # the result of a mistake that is impossible with these shapes; it equals nothing


def draw(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal random numbers from a generator of their own."""
    return scale * np.random.default_rng(seed).normal(size=shape)


def coarse(x: np.ndarray) -> np.ndarray:
    """The nearest multiples of 1/64, which are exact in single precision even far from 0."""
    return np.round(64 * x) / 64


def judge(
    call: Callable,
    inputs: tuple,
    expected,
    mistakes: Sequence[Mistake],
    given: str,
    source: str = "PyTorch's is",
    tolerance: float | None = None,
) -> None:
    """Call an answer on copies of the inputs and compare what it returns.

    A number may come as an array of one element, unless an array without axes was given. The
    arguments are those of `compare`.
    Raises: CheckFailed, as `compare` does.
    """
    with np.errstate(all="ignore"):
        # a copy: PyTorch refuses reversed arrays, and the student's may be looked at again
        got = np.array(call(*deepcopy(inputs)))
        if got.dtype == object:  # such as fractions
            got = got.astype(float)
        if np.ndim(expected) == 0 and got.size == 1 and not _without_axes(inputs):
            got = got.reshape(())
        compare(got, expected, mistakes, inputs, given, source, tolerance)


def _without_axes(inputs: tuple) -> bool:
    """Whether an array without axes was given, or its shape: the result then has none either."""
    return any(value == () if isinstance(value, tuple) else _is_point(value) for value in inputs)


def _is_point(value) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0


def by_hand(answer: Callable, *torchs_own: str) -> Callable:
    """The answer, refused if it calls the course's own code or these functions of PyTorch."""
    return lambda *inputs: written_by_hand(answer, *inputs, ready_made=torchs_own)


def on_whole_numbers(judged: Callable, *arguments) -> None:
    """Judge an answer on integers, unless NumPy or PyTorch refuses to mix them with fractions.

    Such an error is acceptable; a fraction that is silently cut off is not.
    Raises: CheckFailed, as `judged` does.
    """
    try:
        judged(*arguments)
    except (TypeError, RuntimeError) as error:
        if isinstance(error, (NotImplementedError, RecursionError)):
            raise


def judge_parts(
    call: Callable,
    inputs: tuple,
    expected: dict[str, object],
    mistakes: Sequence[Mistake],
    given: str,
    source: str = "PyTorch's is",
    tolerance: float | None = None,
) -> None:
    """Call an answer on copies of the inputs and compare the arrays that it returns, one by one.

    expected: for each array its name in words ("the gradient of W") and its correct value. A
    mistake computes all of them; if it does not fit the shapes, it explains nothing.
    Raises: CheckFailed, as `compare` does; "how_many" if the number of arrays is wrong.
    """
    with np.errstate(all="ignore"):
        got = call(*deepcopy(inputs))
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            said = f"{len(got)}" if isinstance(got, (tuple, list)) else "something else"
            raise CheckFailed(
                f"expected {len(expected)} results: {', '.join(expected)}. Your function "
                f"returned {said}.",
                hint="how_many",
            )
        compare_parts(got, inputs, expected, mistakes, given, source, tolerance)


def compare_parts(got, inputs, expected, mistakes, given, source="PyTorch's is", tolerance=None):
    """Compare several results of a call one by one, as described in `judge_parts`."""
    got = [
        _as_array(part, right, name, list(expected), given, _without_axes(inputs))
        for part, (name, right) in zip(got, expected.items(), strict=True)
    ]
    for i, (name, right) in enumerate(expected.items()):
        of_this_part = [Mistake(m.name, partial(_part_of, m.compute, i), m.says) for m in mistakes]
        compare(got[i], right, of_this_part, inputs, f"{name}, with {given}", source, tolerance)
        if findings := opened():
            findings[-1] = replace(findings[-1], part=name)


def _as_array(
    part, right, name: str, names: list[str], given: str, without_axes: bool
) -> np.ndarray:
    """One of several results as an array, a single number as one without axes.

    without_axes: whether it must have none itself.

    Raises: CheckFailed with the hint "not_an_array" where it is something else.
    """
    try:
        part = np.array(part)
    except ValueError:  # a list of arrays of several shapes
        raise CheckFailed(
            f"for {given}, {name} must be one array, but there your function returned "
            f"{describe(part)}. It must return {len(names)} results, and nothing else: "
            f"{', '.join(names)}.",
            hint="not_an_array",
        ) from None
    is_number = np.ndim(right) == 0 and part.size == 1
    return part.reshape(()) if is_number and not without_axes else part


def where_it_fits(compute: Callable) -> Callable:
    """A mistake's computation that gives NOT_THIS if it is impossible with these shapes."""
    return partial(_part_of, compute, None)


def _part_of(compute, i, *inputs):
    try:
        parts = compute(*inputs)
    except (ValueError, IndexError):
        return NOT_THIS
    return parts if i is None else np.asarray(parts[i])
