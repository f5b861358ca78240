"""Checks of lab 03: what they share, for targets that are constructed or sampled (chapter 03).

Key idea: a constructed target has one right value and is compared with it. A random draw has none,
so every draw must obey the rules, generators with the same seed must give the same draw and others
a different one, and over many draws each outcome must be as frequent as its probability says.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from grooves.checks import CheckFailed
from grooves.checks.compare import shape_of

LAB = "03_labels"
SHOULD = "it should be"
ARRAY = (np.ndarray, torch.Tensor, list, tuple)  # what may be returned for an array
PAIR = ARRAY  # two arrays may come as one with both in it
BOTH = ("the inputs", "the targets")
NEAR = 1e-5  # between equal pixel values; different ones are farther apart
RARE = 1e-7  # probability that a correct draw is refused, for each family of frequencies


def as_array(result) -> np.ndarray:
    """A result copied into an array; NumPy itself still warns about PyTorch's tensors."""
    is_tensor = isinstance(result, torch.Tensor)
    return result.numpy(force=True).copy() if is_tensor else np.array(result)


def array_of(result, shape: tuple, what: str, given: str) -> np.ndarray:
    """A result copied into an array, if it has the right shape.

    Raises: CheckFailed with the hint "shape".
    """
    got = as_array(result)
    if got.shape != shape:
        raise CheckFailed(
            f"for {given}, your result has shape {shape_of(got)}, expected {shape}: {what}.",
            hint="shape",
        )
    return got


def integers(got: np.ndarray, given: str) -> np.ndarray:
    """An array of integers, which may be floats such as 3.0.

    Raises: CheckFailed with the hint "not_integers".
    """
    # An empty list becomes an array of floats; a mask would pass for zeros and ones.
    if got.dtype == bool or not np.issubdtype(got.dtype, np.number):
        kind = "True and False" if got.dtype == bool else got.dtype
        raise CheckFailed(
            f"for {given}, your result holds {kind}, expected integers.", hint="not_integers"
        )
    odd = got[got != np.rint(got)]
    if odd.size:
        raise CheckFailed(
            f"for {given}, your result holds {odd[0]:.4g}, expected integers.",
            hint="not_integers",
        )
    return got.astype(int)


def as_pair(call: Callable) -> Callable:
    """The call, with a result that is one array of two parts made a tuple of them."""

    def paired(*inputs):
        got = call(*inputs)
        return got if isinstance(got, (tuple, list)) else tuple(got)

    return paired


def obeys_its_generator(draw: Callable, same: Callable, given: str, seed: int = 31) -> None:
    """Pass if draws depend on the generator passed in, and on nothing else.

    draw: calls the answer with a generator and returns its result, once it has been checked.
    same: whether two results are the same draw.
    Raises: CheckFailed with the hint "not_from_rng" or "own_generator".
    """
    first, again, *others = (
        draw(np.random.default_rng(s)) for s in (seed, seed, *range(seed + 1, seed + 5))
    )
    if not same(first, again):
        raise CheckFailed(
            f"for {given}, your result differs for two generators with the same seed, so "
            "nobody could reproduce it. Draw everything with `rng`, nothing with "
            "`np.random` itself.",
            hint="not_from_rng",
        )
    if all(same(first, other) for other in others):
        raise CheckFailed(
            f"for {given}, your result is the same whatever generator it gets. Draw with the `rng` "
            "that is passed in: a generator created inside the function restarts at each call.",
            hint="own_generator",
        )


def unlikely(counts, n, p) -> np.ndarray:
    """Which counts are too far from n p for independent draws that succeed with probability p.

    counts, n, p: arrays that broadcast. If all draws are correct, the probability that any
    count is marked is below RARE: Chernoff's bound, divided among all counts.
    """
    counts, n, p = np.broadcast_arrays(np.asarray(counts, float), np.asarray(n, float), p)
    rate = np.clip(counts / np.maximum(n, 1), 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(rate > 0, rate * np.log(rate / p), 0.0)
        missed = np.where(rate < 1, (1 - rate) * np.log((1 - rate) / (1 - p)), 0.0)
    return n * (hit + missed) > np.log(2 * counts.size / RARE)


def pictures(seed: int, *shape: int) -> np.ndarray:
    """Pictures without two equal pixels, in (0.1, 1)."""
    n = int(np.prod(shape))
    values = 0.1 + 0.9 * (1 + np.arange(n)) / (n + 1)
    return np.random.default_rng(seed).permutation(values).reshape(shape)


def alike(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, M): which of N pictures equals which of M."""
    some, others = some.reshape(len(some), 1, -1), others.reshape(1, len(others), -1)
    return (abs(some - others) < NEAR).all(axis=-1)
