"""Checks of lab 02, first part: the rule for a product, and broadcasting backwards (chapter 02).

Key idea: each answer gets the upstream gradient g and returns the gradients of the inputs. They are
compared with PyTorch's automatic differentiation, on shapes in which all sizes differ, and on some
in which many are equal.
"""

from __future__ import annotations

import random

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.arrays import draw, on_whole_numbers, where_it_fits
from grooves.checks.back_propagation.rules import (
    LAB,
    PARTS,
    by_hand,
    judge_array,
    judge_arrays,
    torchs_gradients,
)
from grooves.checks.compare import Mistake, shape_of

# ---- 1 multiply_backward ---------------------------------------------------------------------


MULTIPLY_MISTAKES = (
    Mistake(
        "swapped",
        lambda a, b, g: (g * a, g * b),
        "the two are swapped. If a changes by a little, by how much does a · b change?",
    ),
    Mistake(
        "g_unused",
        lambda a, b, g: (b, a),
        "you return the local gradients only. Multiply them by the upstream gradient g.",
    ),
    Mistake(
        "rule_of_a_sum",
        lambda a, b, g: (g, g),
        "you pass g on unchanged. That is the rule for a sum.",
    ),
    Mistake(
        "both_factors",
        lambda a, b, g: (g * (a + b), g * (a + b)),
        "you multiply by the sum of both factors. Only the other factor counts.",
    ),
    Mistake(
        "the_product",
        lambda a, b, g: (g * a * b, g * a * b),
        "you multiply g by the product a · b. The local gradient is the *other* factor alone.",
    ),
    Mistake(
        "added",
        lambda a, b, g: (g + b, g + a),
        "you add g to the factor. By the chain rule, the two are multiplied.",
    ),
    Mistake(
        "divided",
        lambda a, b, g: (g / b, g / a),
        "you divide by the factor. A large factor makes a small change larger, not smaller.",
    ),
    Mistake(
        "summed",
        lambda a, b, g: ((g * b).sum(), (g * a).sum()),
        "you add up all elements. Each element has its own gradient, in the shape of a and b.",
    ),
)


@check(lab=LAB, exercise="multiply_backward", returns=PARTS)
def multiply_backward(answer):
    """multiply_backward(a, b, g): three arrays of one shape -> gradients of a and of b."""
    zeros_and_large = ([0.0, 3e5, -2.0, -1e-3], [-5.0, 2.0, 0.0, 4e3], [3.0, -2e4, 7.0, 0.5])
    for call, (a, b, g), given in (
        (by_hand(answer), (2.0, 7.0, 3.0), "a = 2, b = 7 and g = 3"),
        (answer, (draw(n, 2, 3, 5) for n in (1, 2, 3)), "a, b and g of shape (2, 3, 5)"),
        (answer, (draw(n, 2, 3, 5) for n in (71, 72, 73)), "other numbers of shape (2, 3, 5)"),
        (answer, zeros_and_large, "four numbers, with 0s and large ones among them"),
        (answer, (draw(n, 7, 2) for n in (74, 75, 76)), "a, b and g of shape (7, 2)"),
        (answer, (draw(n, 1, 1) for n in (77, 78, 79)), "a, b and g of shape (1, 1)"),
    ):
        _check_product(call, np.array(a), np.array(b), np.array(g), given)
    a, b, g = np.array([1, -2, 3]), np.array([4, 5, -6]), np.array([0.5, 0.25, -0.75])
    given = "integers a and b, and the fractions g = (0.5, 0.25, −0.75)"
    on_whole_numbers(_check_product, answer, a, b, g, given)
    given = "a = (0.5, 0.25, −0.75), and integers b and g"
    on_whole_numbers(_check_product, answer, g, 100 * b, a, given)
    on_whole_numbers(_check_product, answer, g, g + 1, a, "fractions a and b, and integers g")


def _check_product(call, a, b, g, given):
    to_a, to_b = torchs_gradients(torch.mul, a, b, arriving=g)
    expected = {"the gradient of a": to_a, "the gradient of b": to_b}
    judge_arrays(call, (a, b, g), expected, MULTIPLY_MISTAKES, given)


# ---- 2 unbroadcast ---------------------------------------------------------------------------


def broadcast_axes(g: np.ndarray, shape: tuple) -> tuple[int, ...]:
    """The axes of g along which an array of that shape was broadcast."""
    in_front = g.ndim - len(shape)
    ones = (in_front + i for i, n in enumerate(shape) if n == 1 and g.shape[in_front + i] > 1)
    return (*range(in_front), *ones)


def ones_of(g: np.ndarray, shape: tuple) -> tuple[int, ...]:
    """The axes that broadcasting put in front, and those of length 1 in that shape."""
    in_front = g.ndim - len(shape)
    return (*range(in_front), *(in_front + i for i, n in enumerate(shape) if n == 1))


def _one_in_front(g, shape):
    g = g.sum(axis=0) if g.ndim > len(shape) else g
    return g.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def _reduced(reduce):
    return lambda g, shape: reduce(g, axis=broadcast_axes(g, shape), keepdims=True).reshape(shape)


def _if_broadcast(compute):
    """A mistake that can only show where something was broadcast."""
    return where_it_fits(lambda g, shape: compute(g, shape) if g.shape != shape else g)


UNBROADCAST_MISTAKES = (
    Mistake(
        "averaged",
        _reduced(np.mean),
        "you take the mean. Each use of a number contributes to its gradient: add them up.",
    ),
    Mistake(
        "largest",
        _reduced(np.max),
        "you take the largest of the gradients. Add them up.",
    ),
    Mistake(
        "unchanged",
        lambda g, shape: g,
        "you return g unchanged. The gradient must have the shape of the array that was broadcast.",
    ),
    Mistake(
        "first_only",
        _if_broadcast(
            lambda g, shape: g[
                tuple(0 if i in broadcast_axes(g, shape) else slice(None) for i in range(g.ndim))
            ].reshape(shape)
        ),
        "you keep one of the gradients and drop the others. Add them up.",
    ),
    Mistake(
        "axis_kept",
        _if_broadcast(lambda g, shape: g.sum(broadcast_axes(g, shape), keepdims=True)),
        "the sums are right, but the axes that broadcasting put in front are still there, with "
        "length 1. Sum over them without keepdims.",
    ),
    *(
        Mistake(
            "ones_lost",
            _if_broadcast(compute) if only_where_broadcast else where_it_fits(compute),
            "the sums are right, but an axis of length 1 is missing. keepdims=True keeps it.",
        )
        for only_where_broadcast, compute in (
            (True, lambda g, shape: g.sum(broadcast_axes(g, shape))),
            (False, lambda g, shape: g.sum(ones_of(g, shape))),
        )
    ),
    Mistake(
        "front_only",
        _if_broadcast(lambda g, shape: g.sum(tuple(range(g.ndim - len(shape))))),
        "you sum over the axes that were put in front only. An axis of length 1 in `shape` was "
        "broadcast too.",
    ),
    Mistake(
        "one_axis_in_front",
        where_it_fits(_one_in_front),
        "you sum over one axis in front, and there may be several: g.ndim − len(shape).",
    ),
    Mistake(
        "first_axis_always",
        where_it_fits(lambda g, shape: g.sum(0)),
        "you always sum over axis 0. Compare g.shape with `shape` to see what was broadcast.",
    ),
    Mistake(
        "all_summed",
        lambda g, shape: g.sum(),
        "you sum over all axes. Sum only over those that were broadcast.",
    ),
    Mistake(
        "all_summed",
        lambda g, shape: np.full(shape, g.sum()),
        "you sum over all axes. Sum only over those that were broadcast.",
    ),
)

BROADCAST = (  # shapes of g and of the array that was broadcast to it
    ((4, 3), (3,)),
    ((2, 3, 5), (5,)),
    ((2, 4, 3), (4, 1)),
    ((4, 3), (3,)),
    ((2, 4), (2, 4)),
    ((3, 2), (1, 2)),
    ((2, 3), ()),
    ((2, 3), (1, 1)),
    ((3, 3), (3,)),
    ((3, 3), (3, 1)),
    ((3, 3, 3), (3,)),
    ((2, 5, 4, 3), (5, 1, 1)),
    ((300, 2), (2,)),
    ((4, 1), (4, 1)),
    ((1, 3), (3,)),
    ((6,), (1,)),
    ((1, 1), ()),
    ((1, 1), (1,)),
    ((5, 1), (1,)),
    ((1, 1, 1), (1, 1)),
    ((2, 3, 2, 3, 2, 3), (2, 1, 2, 1)),
    ((2, 41), (1, 41)),
    ((1367, 1), (1, 1)),
    ((), ()),
)


def some_shapes(seed: int, n: int) -> list[tuple[tuple, tuple]]:
    """n pairs of shapes as in BROADCAST, of up to four axes; equal sizes are frequent."""
    rng, pairs = random.Random(seed), []
    for _ in range(n):
        large = tuple(rng.choice((1, 2, 2, 3, 4)) for _ in range(rng.randint(1, 4)))
        kept = large[rng.randint(0, len(large)) :]
        pairs.append((large, tuple(n if rng.random() < 0.6 else 1 for n in kept)))
    return pairs


@check(lab=LAB, exercise="unbroadcast")
def unbroadcast(answer):
    """unbroadcast(g, shape): g of the broadcast shape -> the gradient in the given shape."""
    call = by_hand(answer)
    for i, (large, shape) in enumerate((*BROADCAST, *some_shapes(4, 24))):
        g = np.array(draw(400 + i, *large))
        g = 2.0**30 * np.rint(8 * g) if i % 5 == 4 else g  # large, and exact in single precision
        (expected,) = torchs_gradients(lambda x, n=large: x.expand(n), np.zeros(shape), arriving=g)
        given = f"g of shape {shape_of(g)} and an array of shape {shape}"
        judge_array(call, (g, shape), expected, UNBROADCAST_MISTAKES, given)
        call = answer
