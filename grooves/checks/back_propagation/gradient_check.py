"""Check of lab 02, sixth part: the gradient check (chapter 02).

Key idea: the student's gradient check is tested on functions whose derivatives are known, with
claimed gradients that are right, wrong by a known factor, or of the wrong sign. Every point where
it evaluates f is recorded, so that the check can report one-sided differences, a step that is too
large or too small, or several numbers changed at once.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import draw, on_whole_numbers
from grooves.checks.back_propagation.evaluation_points import ONE_ARRAY, diagnose
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.checks.compare import Mistake, compare, shape_of

RIGHT = 1e-6  # the error of a right gradient must be below this
TOLERANCE = 1e-5
NOTHING = 1e-13  # a change this small is a rounding error
HUGE = 1e6  # a division by next to nothing gives any number above this


class Watched:
    """A function that records the points at which it is evaluated."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x):
        self.points.append(np.array(x, dtype=float))
        return float(self.function(self.points[-1]))


def _cubes(x):
    return (x**3).sum()


def _steep(x):
    """Strongly curved where its slope is small: one-sided differences are wrong here."""
    return (5e5 * x**2).sum() + x.ravel()[0]


def _entangled(x):
    """Every derivative depends on every number, so a number that is not restored shows."""
    return np.exp((np.arange(1, x.size + 1).reshape(x.shape) * x).sum())


def _faint(x):
    """Derivatives so small that an epsilon added to the denominator shows."""
    return 1e-9 * (x**3).sum()


CASES = (  # the function, its slopes, and where
    (_cubes, lambda x: 3 * x**2, np.array([1.0, -2.0, 3.0])),
    (
        _steep,
        lambda x: 1e6 * x + np.eye(1, x.size).reshape(x.shape),
        1e-5 * np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]),
    ),
    (
        _entangled,
        lambda x: np.arange(1, x.size + 1).reshape(x.shape) * _entangled(x),
        np.array([0.0, 0.2, -0.3, 0.1]),  # a step relative to 0 is none
    ),
    (_cubes, lambda x: 3 * x**2, np.array(1.5)),
    (_cubes, lambda x: 3 * x**2, draw(23, 2, 1, 3)),
    (_cubes, lambda x: 3 * x**2, draw(25, 137)),
)
CLAIMED = (
    CASES[0],
    CASES[2],
    CASES[-1],
    (_faint, lambda x: 3e-9 * x**2, np.array([[2.0], [-1.0]])),
    (_cubes, lambda x: 3 * x**2, draw(27, 3, 4)),  # whose spectral norm is not its length
)


def _norm(x):
    return np.sqrt((np.asarray(x) ** 2).sum())


def _spectral(x):
    return np.linalg.norm(x, 2) if x.ndim == 2 else _norm(x)


def _other(measure):
    """A mistake in the error measure: it gets the true gradient and all claims."""
    return lambda n, claims: np.minimum([measure(n, g) for g in claims], HUGE)


MEASURE_MISTAKES = (
    Mistake(
        "not_relative",
        _other(lambda n, g: _norm(g - n)),
        "you return the length of the difference. Divide it by the sum of the two lengths, so that "
        "the error does not depend on the size of the gradient.",
    ),
    *(
        Mistake(
            "one_length",
            _other(compute),
            "you divide by one of the two lengths. Divide by the sum of both.",
        )
        for compute in (
            lambda n, g: _norm(g - n) / _norm(n),
            lambda n, g: _norm(g - n) / _norm(g),
        )
    ),
    Mistake(
        "over_larger",
        _other(lambda n, g: _norm(g - n) / max(_norm(n), _norm(g))),
        "you divide by the larger length. That is another common definition; here divide by the "
        "sum of both.",
    ),
    *(
        Mistake(
            "squared_lengths",
            _other(compute),
            "you use squared lengths. Take their square roots.",
        )
        for compute in (
            lambda n, g: _norm(g - n) ** 2 / (_norm(n) ** 2 + _norm(g) ** 2),
            lambda n, g: _norm(g - n) ** 2 / (_norm(n) + _norm(g)) ** 2,
        )
    ),
    *(
        Mistake(
            "element_by_element",
            _other(lambda n, g, reduce=reduce: reduce(abs(g - n) / (abs(g) + abs(n)))),
            "you compute a relative error for each number. Compute a single one, from the lengths "
            "of the whole arrays.",
        )
        for reduce in (np.mean, np.max)
    ),
    *(
        Mistake(
            "other_norm",
            _other(compute),
            "you measure length by the largest absolute value, or by their sum. Here the length is "
            "the square root of the sum of squares.",
        )
        for compute in (
            lambda n, g: np.max(abs(g - n)) / (np.max(abs(g)) + np.max(abs(n))),
            lambda n, g: abs(g - n).sum() / (abs(g) + abs(n)).sum(),
        )
    ),
    Mistake(
        "spectral_norm",
        _other(lambda n, g: _spectral(g - n) / (_spectral(g) + _spectral(n))),
        "np.linalg.norm(x, 2) of a matrix is its spectral norm, the largest singular value. "
        "np.linalg.norm(x) is the square root of the sum of squares.",
    ),
)


@check(lab=LAB, exercise="gradient_error")
def gradient_error(answer):
    """gradient_error(f, x, gradient) -> |g - n| / (|g| + |n|), n measured by differences."""
    call = by_hand(answer)
    for function, slopes, x in CASES:
        _check_right(call, function, slopes(x), x)
        call = answer
    on_whole_numbers(_check_whole, answer)
    _check_whole_claim(answer)
    _check_flat(answer, claimed=np.zeros(2))
    for function, slopes, x in CLAIMED:
        true = slopes(x)
        uneven = true * (x.size - np.arange(x.size).reshape(x.shape))
        claims = (1.1 * true, 0.9 * true, -true, uneven)
        got = [_ask(answer, Watched(function), x, claimed) for claimed in claims]
        right = [_norm(g - true) / (_norm(g) + _norm(true)) for g in claims]
        given = (
            f"four claims at x of shape {shape_of(x)}, [0] 10% too large, [1] 10% too small, "
            "[2] of the wrong sign, [3] its numbers multiplied by N, N − 1, …, 2, 1"
        )
        with np.errstate(all="ignore"):
            got = np.minimum(got, HUGE)
            compare(got, right, MEASURE_MISTAKES, (true, claims), given, "it should be", TOLERANCE)
    _check_flat(answer, claimed=np.array([0.5, 0.0]))
    return "Now use it to check the gradients that you wrote."


def _ask(answer, function, x, claimed):
    """The answer's result; it must leave x and the gradient unchanged."""
    given, claim = np.array(x), np.array(claimed)
    with np.errstate(all="ignore"):
        got = np.array(answer(function, given, claim))
    if not np.array_equal(claim, claimed):
        raise CheckFailed(
            "your function changed the gradient that it was given. Other code still needs it: work "
            "on a copy, or create a new array.",
            hint="changed_input",
        )
    if not np.array_equal(given, x):
        gap = abs(given - x).max()
        if all(p.shape == x.shape and abs(p - x).max() < NOTHING for p in function.points):
            raise CheckFailed(ONE_ARRAY[1], hint=ONE_ARRAY[0])
        if gap < NOTHING:
            raise CheckFailed(
                f"your function restored each number of x only up to {gap:.0e}: adding and then "
                "subtracting leaves a rounding error. Save the old value and restore it, or change "
                "a copy.",
                hint="rounding_left",
            )
        raise CheckFailed(
            "your function changed the x that it was given. Change a copy, or restore each number.",
            hint="changed_input",
        )
    return got.reshape(()) if got.size == 1 else got


def _check_right(answer, function, true, x) -> None:
    watched = Watched(function)
    got = _ask(answer, watched, x, true)
    given = f"a right gradient at x of shape {shape_of(x)}"
    if got.shape:
        raise CheckFailed(
            f"for {given}, your result has shape {shape_of(got)}. Return one number.",
            hint="not_one_number",
        )
    if wrong := [p for p in watched.points if p.shape != x.shape]:
        raise CheckFailed(
            f"for {given}, you call f with an array of shape {shape_of(wrong[0])}. What f computes "
            "may depend on the shape: call it with arrays of the shape of x.",
            hint="wrong_point",
        )
    if not abs(float(got)) <= RIGHT:
        hint, why = diagnose(watched.points, x, float(got))
        raise CheckFailed(
            f"for {given}, your result is {float(got):.2g}, where it should be below {RIGHT:g}.\n"
            f"{why}",
            hint=hint,
        )


def _check_whole(answer) -> None:
    watched, x = Watched(_cubes), np.array([1, -2, 3])
    got = float(_ask(answer, watched, x, 3.0 * x**2))
    if not abs(got) <= RIGHT:
        raise CheckFailed(
            f"for a right gradient at the integers x = (1, −2, 3), your result is {got:.2g}, "
            f"where it should be below {RIGHT:g}.\nLikely mistake: in an array of integers a "
            "step of 1e-5 is truncated to 0. Convert the array that you change to floats.",
            hint="integers",
        )


def _check_whole_claim(answer) -> None:
    claim, x = np.array([2, 7, -3]), np.array([0.5, -0.25, 0.75])
    got = float(_ask(answer, Watched(lambda x: (x * claim).sum()), x, claim))
    if not abs(got) <= RIGHT:
        raise CheckFailed(
            f"for a right gradient of integers, (2, 7, −3), your result is {got:.2g}, where "
            f"it should be below {RIGHT:g}.\nLikely mistake: you store the measured values in an "
            "array like `gradient`, of integers, which truncates them. Use an array of floats.",
            hint="integers",
        )


def _check_flat(answer, claimed) -> None:
    got = _ask(answer, Watched(lambda x: 7.0), np.array([1.0, 2.0]), claimed)
    if claimed.any() and not abs(float(got) - 1) <= TOLERANCE:
        raise CheckFailed(
            f"for a function that does not change and a claim of 0.5, 0, your result is {got}. "
            "It should be 1.\nLikely mistake: you return 0 where one of the two lengths is 0. "
            "The gradients agree only where both lengths are 0.",
            hint="one_length_is_zero",
        )
    if not claimed.any() and not abs(float(got)) <= RIGHT:
        raise CheckFailed(
            f"for a function that does not change and a claim of 0, 0, your result is {got}. "
            "It should be 0.\nLikely mistake: 0 / 0, which an inactive ReLU leads to. Handle this "
            "case.",
            hint="zero_by_zero",
        )
