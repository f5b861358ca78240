"""Check of lab 13: the gradient of a batch from those of its parts (chapter 13).

Key idea: parts of different lengths, one of them empty, and a weight that is used twice. Every
mistake is a way of weighing, or of treating the two uses.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand, draw
from grooves.checks.compare import as_tensor
from grooves.checks.many_devices.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

SHAPES = {"embedding": (5, 3), "hidden": (3, 4), "bias": (4,), "head": (5, 3)}


def _case(seed: int, words: tuple, tied: tuple) -> tuple:
    gradients = [
        {
            name: draw(100 * seed + 10 * rank + i, *shape)
            for i, (name, shape) in enumerate(SHAPES.items())
        }
        for rank in range(len(words))
    ]
    for rank, n in enumerate(words):
        if n == 0:  # a mean over nothing
            gradients[rank] = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    return gradients, list(words), tied


CASES = (
    _case(1, (30, 90), ()),
    _case(2, (30, 90), ("embedding", "head")),
    _case(3, (12, 12, 12), ("embedding", "head")),
    _case(4, (7, 1, 40, 16), ()),
    _case(5, (25, 0, 5), ("embedding", "head")),
    _case(6, (9,), ("embedding", "head")),
)


def right(gradients, words, tied, weigh=None, join=None):
    """The gradient of the batch's mean, with a place for each mistake.

    weigh: gives the ranks' weights. join: makes one gradient of those of the two uses.
    """
    weights = [n / sum(words) for n in words] if weigh is None else weigh(words)
    total = {
        name: sum(w * g[name] for w, g in zip(weights, gradients, strict=True))
        for name in gradients[0]
    }
    if tied:
        first, second = tied
        total[first] = (join or (lambda a, b: a + b))(total[first], total[second])
        if join is not _both:
            del total[second]
        else:
            total[second] = total[first]
    return total


def _both(a, b):
    return a + b


def _weighed(weigh: Callable) -> Callable:
    return lambda *inputs: right(*inputs, weigh=weigh)


def _joined(join: Callable) -> Callable:
    return lambda *inputs: right(*inputs, join=join)


MISTAKES = (
    *in_forms(
        "plain_mean",
        "you take the plain average of the parts. A part with few words then counts as much as "
        "one with many: weigh each by its words.",
        _weighed(lambda words: [1 / len(words)] * len(words)),
        _weighed(lambda words: [(n > 0) / sum(n > 0 for n in words) for n in words]),
    ),
    Mistake(
        "sum_for_mean",
        _weighed(lambda words: [1] * len(words)),
        "you add the parts. Each is a mean over its own words, so the sum is too long.",
    ),
    Mistake(
        "not_synchronised",
        _weighed(lambda words: [1] + [0] * (len(words) - 1)),
        "you take the first device's gradient alone, as if nothing had been sent. The devices' "
        "weights would drift apart.",
    ),
    Mistake(
        "last_device",
        _weighed(lambda words: [0] * (len(words) - 1) + [1]),
        "you keep the last device's gradient: each overwrites the one before.",
    ),
    *in_forms(
        "not_divided",
        "you weigh by words, but do not divide by all words of the batch.",
        _weighed(lambda words: list(words)),
        _weighed(lambda words: [n / len(words) for n in words]),
    ),
    Mistake(
        "divided_twice",
        _weighed(lambda words: [n / sum(words) / len(words) for n in words]),
        "you weigh by words and divide by the number of devices as well. The fractions of the "
        "words already add up to 1.",
    ),
    Mistake(
        "weighed_inversely",
        _weighed(lambda words: [_inverse(n, words) for n in words]),
        "your weights are the wrong way round: more words mean more weight.",
    ),
    Mistake(
        "tied_counted_twice",
        _joined(lambda a, b: 2 * (a + b)),
        "the tied weight is counted twice. Its gradient is the sum of the two uses, once.",
    ),
    Mistake(
        "tied_averaged",
        _joined(lambda a, b: (a + b) / 2),
        "you average the two uses of the tied weight. A weight that is used twice gets the sum.",
    ),
    *in_forms(
        "tied_use_dropped",
        "one use of the tied weight is missing. Its gradient is the sum over both.",
        _joined(lambda a, b: a),
        _joined(lambda a, b: b),
    ),
    *in_forms(
        "tied_left_apart",
        "the tied weight is one parameter and stands in the result once, under its first name.",
        _joined(_both),
        lambda gradients, words, tied: right(gradients, words, ()),
    ),
)


def _inverse(n: int, words) -> float:
    inverse = [0 if m == 0 else 1 / m for m in words]
    return (0 if n == 0 else 1 / n) / sum(inverse)


def as_arrays(result, given: str) -> dict[str, np.ndarray]:
    """A result as a dict of arrays. Raises: CheckFailed where it is none."""
    try:
        return {str(name): np.asarray(value, float) for name, value in dict(result).items()}
    except (TypeError, ValueError):
        raise CheckFailed(
            f"for {given}, expected a dict from names to arrays. Your function returned "
            f"{describe(result)}.",
            hint="not_a_dict",
        ) from None


def alike(a: dict, b: dict) -> bool:
    """Whether two gradients have the same names and numbers."""
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and np.allclose(a[name], b[name], rtol=1e-9, atol=1e-12)
        for name in a
    )


def _difference(got: dict, expected: dict) -> str:
    for name, value in expected.items():
        if name not in got:
            return f"your result has no {name!r}"
        if got[name].shape != value.shape:
            return f"{name!r} has the shape {got[name].shape}; it should be {value.shape}"
        if not np.allclose(got[name], value, rtol=1e-9, atol=1e-12):
            return (
                f"the first number of {name!r} is {got[name].flat[0]:.4g}; it should be "
                f"{value.flat[0]:.4g}"
            )
    extra = [name for name in got if name not in expected]
    return (
        f"your result has an entry {extra[0]!r}, which is no parameter of its own" if extra else ""
    )


@check(lab=LAB, exercise="mean_gradient", returns=dict)
def mean_gradient(answer):
    """mean_gradient(gradients, words, tied) -> {name: array}, the gradient of the whole batch."""
    call = by_hand(answer)
    for gradients, words, tied in CASES:
        given = f"words = {words}, tied = {tied}"
        got = as_arrays(call(*deepcopy((gradients, words, tied))), given)
        expected = right(gradients, words, tied)

        def agrees(mistake, got=got, inputs=(gradients, words, tied)):
            return alike(got, mistake.compute(*deepcopy(inputs)))

        wrong = not alike(got, expected)
        numbers = (None, None)
        alike_in_shape = got.keys() == expected.keys() and all(
            got[name].shape == value.shape for name, value in expected.items()
        )
        if alike_in_shape:
            numbers = tuple(
                as_tensor(np.concatenate([each[name].ravel() for name in expected]))
                for each in (got, expected)
            )
        told = f"for {given}, {_difference(got, expected)}." if wrong else ""
        note(Finding(wrong, told, MISTAKES, agrees, *numbers, tolerance=1e-9))
