"""Checks of lab 02, first part: the rule of a product, and the way back of stretching (chapter 02).

Key idea: each answer gets the gradient g that arrives at a result and must pass on that of the
inputs. PyTorch's automatic differentiation is the yardstick, on shapes in which no two sizes agree.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import NOT_THIS, draw, judge, judge_parts, where_it_fits
from grooves.checks.back_propagation.rules import LAB, by_hand, torchs_gradients
from grooves.checks.compare import Mistake, shape_of

# ---- 1 multiply_backward ---------------------------------------------------------------------


MULTIPLY_MISTAKES = (
    Mistake(
        "swapped",
        lambda a, b, g: (g * a, g * b),
        "the two are exchanged. Move a by a little: by how much does a · b move?",
    ),
    Mistake(
        "nothing_arrived",
        lambda a, b, g: (b, a),
        "these are the local factors alone. The gradient g that arrived multiplies them.",
    ),
    Mistake(
        "rule_of_a_sum",
        lambda a, b, g: (g, g),
        "you pass g on as it is. That is the rule of a sum.",
    ),
    Mistake(
        "both_factors",
        lambda a, b, g: (g * (a + b), g * (a + b)),
        "each gets the sum of both factors. Only one of the two belongs to each.",
    ),
    Mistake(
        "the_product",
        lambda a, b, g: (g * a * b, g * a * b),
        "you multiply g by the product a · b. The local factor is the *other* number alone.",
    ),
    Mistake(
        "added",
        lambda a, b, g: (g + b, g + a),
        "you add g to the factor. What arrives and what is local are multiplied.",
    ),
    Mistake(
        "divided",
        lambda a, b, g: (g / b, g / a),
        "you divide by the factor. A large factor makes a small change larger, not smaller.",
    ),
    Mistake(
        "summed",
        lambda a, b, g: ((g * b).sum(), (g * a).sum()),
        "you add up all places. Each place has a gradient of its own, in the shape of a and b.",
    ),
)


@check(lab=LAB, exercise="multiply_backward", points=1, returns=(tuple, list))
def multiply_backward(answer):
    """multiply_backward(a, b, g): three arrays of one shape -> gradients of a and of b."""
    for call, (a, b, g), given in (
        (by_hand(answer), (np.array(2.0), np.array(7.0), np.array(3.0)), "a = 2, b = 7 and g = 3"),
        (answer, (draw(1, 2, 3), draw(2, 2, 3), draw(3, 2, 3)), "a, b and g of shape (2, 3)"),
    ):
        to_a, to_b = torchs_gradients(torch.mul, a, b, arriving=g)
        expected = {"the gradient of a": to_a, "the gradient of b": to_b}
        judge_parts(call, (a, b, g), expected, MULTIPLY_MISTAKES, given)


# ---- 2 unbroadcast ---------------------------------------------------------------------------


def stretched_axes(g: np.ndarray, shape: tuple) -> tuple[int, ...]:
    """The axes of g along which an array of that shape was stretched."""
    in_front = g.ndim - len(shape)
    ones = (in_front + i for i, n in enumerate(shape) if n == 1 and g.shape[in_front + i] > 1)
    return (*range(in_front), *ones)


def _reduced(reduce):
    return lambda g, shape: reduce(g, axis=stretched_axes(g, shape), keepdims=True).reshape(shape)


def _if_stretched(compute):
    """A mistake that can only show where something was stretched."""
    return where_it_fits(lambda g, shape: compute(g, shape) if g.shape != shape else g)


UNBROADCAST_MISTAKES = (
    Mistake(
        "averaged",
        _reduced(np.mean),
        "you take the mean. A number that is used many times is to blame for each: add up.",
    ),
    Mistake(
        "largest",
        _reduced(np.max),
        "you take the largest of the gradients. They add up.",
    ),
    Mistake(
        "untouched",
        lambda g, shape: g,
        "g came back as it was. Its shape must become that of the array that was stretched.",
    ),
    Mistake(
        "first_only",
        _if_stretched(
            lambda g, shape: g[
                tuple(0 if i in stretched_axes(g, shape) else slice(None) for i in range(g.ndim))
            ].reshape(shape)
        ),
        "you keep one of the gradients and drop the others. They add up.",
    ),
    Mistake(
        "axis_kept",
        _if_stretched(lambda g, shape: g.sum(stretched_axes(g, shape), keepdims=True)),
        "the sums are right, but axes that were put in front are still there, with length 1. "
        "Without keepdims they go.",
    ),
    Mistake(
        "ones_lost",
        _if_stretched(lambda g, shape: g.sum(stretched_axes(g, shape))),
        "the sums are right, but an axis of length 1 got lost on the way. "
        "keepdims=True would leave it in its place.",
    ),
    Mistake(
        "front_only",
        _if_stretched(lambda g, shape: g.sum(tuple(range(g.ndim - len(shape))))),
        "you add up along the axes that were put in front. An axis of length 1 in `shape` was "
        "stretched too.",
    ),
    Mistake(
        "first_axis_always",
        _if_stretched(lambda g, shape: g.sum(0)),
        "you always add up along axis 0. Compare g.shape with `shape` to see what was stretched.",
    ),
    Mistake(
        "all_summed",
        lambda g, shape: g.sum() if shape else NOT_THIS,
        "you add up everything. Only what was stretched is added up.",
    ),
)


@check(lab=LAB, exercise="unbroadcast", points=2)
def unbroadcast(answer):
    """unbroadcast(g, shape): g of the stretched shape -> the gradient in the given shape."""
    calls = (by_hand(answer), *5 * (answer,))
    for call, (big, shape) in zip(
        calls,
        (
            ((4, 3), (3,)),
            ((2, 3, 5), (5,)),
            ((2, 4, 3), (4, 1)),
            ((2, 4), (2, 4)),
            ((3, 2), (1, 2)),
            ((2, 3), ()),
        ),
        strict=True,
    ):
        g = draw(4, *big)
        (expected,) = torchs_gradients(lambda x, n=big: x.expand(n), np.zeros(shape), arriving=g)
        given = f"g of shape {shape_of(g)} and an array of shape {shape}"
        judge(call, (g, shape), expected, UNBROADCAST_MISTAKES, given)

    g = draw(5, 4, 3)
    before = g.copy()
    judge(lambda *_: answer(g, (3,)), (g, (3,)), before.sum(0), UNBROADCAST_MISTAKES, "g (4, 3)")
    if not np.array_equal(g, before):
        raise CheckFailed(
            "the result is right, but your function changed the g that it was given. "
            "Others may still need it: make a new array.",
            hint="changed_input",
        )
