"""Check of lab 02, first part: the backward pass of broadcasting (chapter 02).

Key idea: the answer gets the upstream gradient g and returns the gradient of the array that was
broadcast. It is compared with PyTorch's automatic differentiation, on shapes in which all sizes
differ, and on some in which many are equal.
"""

from __future__ import annotations

import random

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import draw, where_it_fits
from grooves.checks.back_propagation.rules import (
    LAB,
    by_hand,
    judge_array,
    torchs_gradients,
)
from grooves.checks.compare import Mistake, shape_of

# ---- unbroadcast ---------------------------------------------------------------------------


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


def _in_two_steps(g, shape, first, second):
    """The axes in front reduced in one way, those of length 1 in another."""
    g = first(g, axis=tuple(range(g.ndim - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return second(g, axis=ones, keepdims=True)


def _if_broadcast(compute):
    """A mistake that can only show where something was broadcast."""
    return where_it_fits(lambda g, shape: compute(g, shape) if g.shape != shape else g)


UNBROADCAST_MISTAKES = (
    *(
        Mistake(
            "averaged",
            compute,
            "you take the mean. Each use of a number contributes to its gradient: add them up.",
        )
        for compute in (
            _reduced(np.mean),
            lambda g, shape: _in_two_steps(g, shape, np.mean, np.sum),
            lambda g, shape: _in_two_steps(g, shape, np.sum, np.mean),
        )
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
    for g, shape in ((np.array([[1.0, 2.0], [3.0, 5.0]]), (2,)), (np.array([[1.0, 4.0]]), (1, 1))):
        (expected,) = torchs_gradients(
            lambda x, g=g: x.expand(g.shape), np.zeros(shape), arriving=g
        )
        given = f"g of shape {shape_of(g)} and an array of shape {shape}"
        judge_array(answer, (g, shape), expected, UNBROADCAST_MISTAKES, given)
