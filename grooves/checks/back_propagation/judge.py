"""Check of lab 02, sixth part: the gradient check, a judge of one's own (chapter 02).

Key idea: the judge is judged on functions whose slopes are known by hand, with claims that are
right, wrong by a known factor, or uphill. Every point that it asks for is noted, so the check can
say that it looks to one side only, too far, too near, or moves several numbers at once.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import draw, on_whole_numbers
from grooves.checks.back_propagation.asked_points import ONE_ARRAY, how_it_looks
from grooves.checks.back_propagation.rules import LAB, by_hand
from grooves.checks.compare import Mistake, compare, shape_of

RIGHT = 1e-6  # a right gradient must be found right to this much
TOLERANCE = 1e-5
NOTHING = 1e-13  # a change this small is a rounding
HUGE = 1e6  # a division by next to nothing gives any number above this


class Watched:
    """A function that notes where it was asked for its value."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x):
        self.points.append(np.array(x, dtype=float))
        return float(self.function(self.points[-1]))


def _cubes(x):
    return (x**3).sum()


def _steep(x):
    """Bends strongly where its slope is small: one-sided differences are wrong here."""
    return (5e5 * x**2).sum() + x.ravel()[0]


def _entangled(x):
    """Every slope depends on every number, so what is not put back shows; it bends, too."""
    return np.exp((np.arange(1, x.size + 1).reshape(x.shape) * x).sum())


def _faint(x):
    """Slopes so small that a number added below the fraction bar shows."""
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
        np.array([0.0, 0.2, -0.3, 0.1]),  # a move by a share of 0 is none
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
)


def _norm(x):
    return np.sqrt((np.asarray(x) ** 2).sum())


def _other(measure):
    """A mistake of the measure: it gets the true slopes and all claims, and answers each."""
    return lambda n, claims: np.minimum([measure(n, g) for g in claims], HUGE)


MEASURE_MISTAKES = (
    Mistake(
        "absolute",
        _other(lambda n, g: _norm(g - n)),
        "that is the length of the difference. Divide it by the two lengths, so that it says the "
        "same for small gradients and for large ones.",
    ),
    Mistake(
        "over_one",
        _other(lambda n, g: _norm(g - n) / _norm(n)),
        "you divide by the measured gradient alone. Divide by the sum of both lengths.",
    ),
    Mistake(
        "over_one_claimed",
        _other(lambda n, g: _norm(g - n) / _norm(g)),
        "you divide by the claimed gradient alone. Divide by the sum of both lengths.",
    ),
    Mistake(
        "over_larger",
        _other(lambda n, g: _norm(g - n) / max(_norm(n), _norm(g))),
        "you divide by the larger length. That is done too; here it is their sum.",
    ),
    Mistake(
        "squares",
        _other(lambda n, g: _norm(g - n) ** 2 / (_norm(n) ** 2 + _norm(g) ** 2)),
        "these are squared lengths. Take the roots.",
    ),
    Mistake(
        "squares",
        _other(lambda n, g: _norm(g - n) ** 2 / (_norm(n) + _norm(g)) ** 2),
        "these are squared lengths. Take the roots.",
    ),
    Mistake(
        "lengths_compared",
        _other(lambda n, g: abs(_norm(g) - _norm(n)) / (_norm(n) + _norm(g))),
        "you compare the lengths only. Two gradients of one length may point anywhere: take the "
        "length of the difference.",
    ),
    Mistake(
        "not_absolute",
        _other(lambda n, g: (g - n).sum() / (abs(g).sum() + abs(n).sum())),
        "you add up differences with their signs, so they can cancel.",
    ),
    Mistake(
        "place_by_place",
        _other(lambda n, g: np.mean(abs(g - n) / (abs(g) + abs(n)))),
        "you take a mean of the error of each number. Here it is the length of all together.",
    ),
    Mistake(
        "place_by_place_largest",
        _other(lambda n, g: np.max(abs(g - n) / (abs(g) + abs(n)))),
        "you take the largest error of a single number. Here it is the length of all together.",
    ),
    Mistake(
        "largest_for_length",
        _other(lambda n, g: np.max(abs(g - n)) / (np.max(abs(g)) + np.max(abs(n)))),
        "you take the largest number for the length. A length is the root of the sum of squares.",
    ),
    Mistake(
        "absolute_values",
        _other(lambda n, g: abs(g - n).sum() / (abs(g) + abs(n)).sum()),
        "you add up absolute values. A length is the root of the sum of squares.",
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
            f"four claims at x of shape {shape_of(x)}, [0] 10 % too large, [1] 10 % too small, "
            "[2] of the wrong sign, [3] with numbers …, 3, 2, 1 times too large"
        )
        with np.errstate(all="ignore"):
            got = np.minimum(got, HUGE)
            compare(got, right, MEASURE_MISTAKES, (true, claims), given, "it should be", TOLERANCE)
    _check_flat(answer, claimed=np.array([0.5, 0.0]))
    return "Now it may judge what you wrote."


def _ask(answer, function, x, claimed):
    """The answer's number; its x and its gradient must come back as they were."""
    given, claim = np.array(x), np.array(claimed)
    with np.errstate(all="ignore"):
        got = np.array(answer(function, given, claim))
    if not np.array_equal(claim, claimed):
        raise CheckFailed(
            "your function changed the gradient that it was given. Others still need it: work on a "
            "copy, or make something new.",
            hint="changed_input",
        )
    if not np.array_equal(given, x):
        gap = abs(given - x).max()
        if all(p.shape == x.shape and abs(p - x).max() < NOTHING for p in function.points):
            raise CheckFailed(ONE_ARRAY[1], hint=ONE_ARRAY[0])
        if gap < NOTHING:
            raise CheckFailed(
                f"your function put each number of x back, up to {gap:.0e}: adding and taking off "
                "again leaves a rounding. Keep the old value and put that back, or move a copy.",
                hint="rounding_left",
            )
        raise CheckFailed(
            "your function changed the x that it was given, and left it changed. Move a copy, or "
            "put each number back.",
            hint="changed_input",
        )
    return got.reshape(()) if got.size == 1 else got


def _check_right(answer, function, true, x) -> None:
    watched = Watched(function)
    got = _ask(answer, watched, x, true)
    given = f"a right gradient at x of shape {shape_of(x)}"
    if got.shape:
        raise CheckFailed(
            f"for {given}, your result has shape {shape_of(got)}. One number is asked for.",
            hint="not_one_number",
        )
    if wrong := [p for p in watched.points if p.shape != x.shape]:
        raise CheckFailed(
            f"for {given}, f was asked at a point of shape {shape_of(wrong[0])}. What f computes "
            "may depend on the shape: hand it arrays of the shape of x.",
            hint="wrong_point",
        )
    if not abs(float(got)) <= RIGHT:
        hint, why = how_it_looks(watched.points, x, float(got))
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
            "move of 1e-5 is cut off to 0. Make the array that is moved one of floats.",
            hint="whole_numbers",
        )


def _check_whole_claim(answer) -> None:
    claim, x = np.array([2, 7, -3]), np.array([0.5, -0.25, 0.75])
    got = float(_ask(answer, Watched(lambda x: (x * claim).sum()), x, claim))
    if not abs(got) <= RIGHT:
        raise CheckFailed(
            f"for a right gradient of integers, (2, 7, −3), your result is {got:.2g}, where "
            f"it should be below {RIGHT:g}.\nLikely mistake: what is measured is put into an array "
            "like `gradient`, which cuts its fractions off. Make that array one of floats.",
            hint="whole_numbers",
        )


def _check_flat(answer, claimed) -> None:
    got = _ask(answer, Watched(lambda x: 7.0), np.array([1.0, 2.0]), claimed)
    if claimed.any() and not abs(float(got) - 1) <= TOLERANCE:
        raise CheckFailed(
            f"for a function that does not change and a claim of 0.5, 0, your result is {got}. "
            "It should be 1.\nLikely mistake: you return 0 where one of the two lengths is 0. "
            "They agree only where both are.",
            hint="one_length_is_zero",
        )
    if not claimed.any() and not abs(float(got)) <= RIGHT:
        raise CheckFailed(
            f"for a function that does not change and a claim of 0, 0, your result is {got}. "
            "It should be 0.\nLikely mistake: 0 / 0. That is what a shut ReLU gives: test for it.",
            hint="zero_by_zero",
        )
