"""Check of lab 01: templates, weights made by hand from class means (chapter 01).

Key idea: the biases are judged by their effect. A constant added to all of them changes no
prediction, so only their differences count; with the right ones the largest logit belongs to the
nearest mean.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, draw, judge
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.rules import LAB, on_read_only
from grooves.language.corpora import digits

K = 10


def means_of(images, labels) -> np.ndarray:
    """The mean picture of each class, (K, P), for the mistakes."""
    return np.stack([images[labels == k].mean(0) for k in range(K)])


def _by_class(combine):
    """Mistaken weights: `combine` turns the pictures of each class into a column."""
    return lambda x, y: np.stack([combine(x[y == k]) for k in range(K)], axis=1)


WEIGHT_MISTAKES = (
    Mistake(
        "weights_transposed",
        lambda x, y: means_of(x, y),
        "the means are rows. images @ W needs them as columns: W has shape (P, K).",
    ),
    Mistake(
        "summed",
        _by_class(lambda x: x.sum(0)),
        "you take the sum over the pictures of a class, so a class with more pictures gets larger "
        "weights. Take the mean.",
    ),
    Mistake(
        "divided_by_all",
        lambda x, y: _by_class(lambda part: part.sum(0))(x, y) / len(x),
        "you divide by the number of all pictures. Divide by the number in the class.",
    ),
    Mistake(
        "averaged_over_pixels",
        _by_class(lambda x: np.full(x.shape[1], x.mean())),
        "each class became one number: the mean ran over the pixels too. Use axis=0 only.",
    ),
    Mistake(
        "unit_length",
        lambda x, y: (means_of(x, y) / np.linalg.norm(means_of(x, y), axis=1, keepdims=True)).T,
        "you scaled each mean to length 1. Keep the means; the biases account for their lengths.",
    ),
)


def _from_first(b: np.ndarray) -> np.ndarray:
    """Biases up to a constant: how much each exceeds the first."""
    return np.asarray(b, dtype=float) - np.asarray(b, dtype=float)[0]


def _bias(compute):
    """Mistaken biases: `compute` of the class means (K, P)."""
    return lambda x, y: _from_first(compute(means_of(x, y)))


BIAS_MISTAKES = (
    Mistake(
        "no_bias",
        _bias(lambda m: np.zeros(len(m))),
        "your biases are all equal, so a template with much ink wins too often. Expand |x - m|²: "
        "which part of it depends on the class and not on the picture?",
    ),
    Mistake(
        "wrong_sign",
        _bias(lambda m: (m**2).sum(1) / 2),
        "the sign is wrong. The longer the mean, the lower the bias.",
    ),
    Mistake(
        "not_halved",
        _bias(lambda m: -(m**2).sum(1)),
        "the factor 1/2 is missing. |x - m|² contains 2 x · m, so a logit of x · m needs |m|² / 2.",
    ),
    Mistake(
        "not_squared",
        _bias(lambda m: -np.linalg.norm(m, axis=1) / 2),
        "you take the length of the mean. Take the squared length, the sum of the squares.",
    ),
    Mistake(
        "mean_of_squares",
        _bias(lambda m: -(m**2).mean(1) / 2),
        "you average the squares over the pixels. Add them up.",
    ),
    Mistake(
        "squares_before_mean",
        lambda x, y: _from_first([-(x[y == k] ** 2).sum(1).mean() / 2 for k in range(K)]),
        "you square the pictures and then average. Average first, then square: |m|² is about "
        "the template.",
    ),
)


@check(lab=LAB, exercise="templates", returns=(tuple, list))
def templates(answer):
    """templates(images, labels): (N, P), (N,) -> W (P, 10), b (10,), nearest mean wins."""
    # classes of different sizes, and different amounts of ink
    labels = np.random.default_rng(23).permutation(np.repeat(np.arange(K), np.arange(3, 3 + K)))
    images = np.abs(draw(24, len(labels), 64)) * (1 + labels[:, None] % 4)
    _judge(by_hand(answer), images, labels)
    _judge(answer, images[::-1] ** 2, np.roll(labels, 7))
    # one class of more than 255 pictures, one of one, other pixels, as integers
    labels = np.random.default_rng(25).permutation([*[6] * 290, *range(10), *[2, 9, 9]])
    _judge(answer, np.random.default_rng(26).integers(0, 17, (len(labels), 70)), labels)
    # fewer pixels than classes, more pictures than in the lab, some of them blank, some equal
    labels = np.random.default_rng(27).permutation(np.repeat(np.arange(K), 17 * np.arange(1, 11)))
    images = 3 * np.abs(draw(28, 2 * len(labels), 7)) - 1
    images[::5], images[1::7] = 0.0, images[1]
    _judge(on_read_only(answer), images, np.tile(labels, 2))
    data = digits()
    _judge(answer, data.train_images[:500], data.train_labels[:500])


def _judge(call, images, labels):
    given = f"{len(images)} pictures of {images.shape[1]} pixels"
    parts = call(images.copy(), labels.copy())
    if len(parts) != 2:
        raise CheckFailed(f"expected W and b, two arrays; got {len(parts)}.", hint="not_two")
    x, y = torch.from_numpy(images.copy()).double(), torch.from_numpy(labels)
    means = torch.stack([x[y == k].mean(0) for k in range(K)])  # (K, P)
    inputs = (images, labels)
    W, b = parts
    judge(lambda *_: W, inputs, means.T, WEIGHT_MISTAKES, f"the weights W from {given}")
    if np.shape(b) != (K,):
        raise CheckFailed(
            f"for {given}, your result b has shape {np.shape(b)}, expected {(K,)}: one bias per "
            f"column of W {shape_of(means.T)}.",
            hint="bias_shape",
        )
    # how much a class's bias must exceed the first's for its mean to win where it is nearer
    expected = -((means**2).sum(1) - (means[0] ** 2).sum()) / 2
    about = f"the biases b (less b[0]) from {given}"
    judge(lambda *_: _from_first(b), inputs, expected, BIAS_MISTAKES, about, "nearest means need")
