"""Check of lab 01, last part: the open challenge, reading digits by hand-made weights (chapter 01).

Key idea: templates that are made from some pictures are tested on others. The answer gets the
training pictures and returns arrays; the test pictures never leave this module, which runs the
forward pass. The race also shifts them by a pixel, where memorised templates fail.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.forward_propagation.digit_templates import means_of
from grooves.checks.forward_propagation.rules import LAB
from grooves.language.corpora import Digits, digits

BAR = 0.93  # class means come to about 0.91, five means of each class to about 0.96
MOST_TEMPLATES = 50
MOST_RACING = 200
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))  # pixels down and to the right
CLEARLY = 0.02  # nine pictures of 450


@check(lab=LAB, exercise="reader", returns=(tuple, list), repeatable=False)
def reader(answer):
    """reader(images, labels) -> W (64, K'), b (K',), digit of each template (K',); K' <= 50."""
    data = _data()
    W, b, digit_of = _read(
        answer(data.train_images.copy(), data.train_labels.copy()), MOST_TEMPLATES
    )
    said = digit_of[(data.test_images @ W + b).argmax(axis=1)]
    reached = float((said == data.test_labels).mean())
    if not reached >= BAR:
        name, why = _why(W, b, digit_of, reached)
        raise CheckFailed(
            f"your {len(b)} templates classify {reached:.1%} of {len(said)} unseen pictures "
            f"correctly; the bar is {BAR:.0%}. {_most_missed(said, data.test_labels)}\n"
            f"Likely mistake: {why}",
            hint=name,
        )
    return f"{len(b)} templates: {reached:.1%} of the test pictures correct (bar: {BAR:.0%})."


def race(answer) -> float:
    """Score of an answer with up to 200 templates on test pictures, also shifted by a pixel.

    Returns: the accuracy on every test picture, unshifted and shifted in four directions.
    Nothing is graded. Raises: CheckFailed where the answer cannot be run.
    """
    data = _data()
    W, b, digit_of = _read(answer(data.train_images.copy(), data.train_labels.copy()), MOST_RACING)
    accuracies = [
        (digit_of[(moved(data.test_images, *by) @ W + b).argmax(axis=1)] == data.test_labels).mean()
        for by in MOVES
    ]
    score = float(np.mean(accuracies))
    print(
        f"score {score:.1%} with {len(b)} templates: {accuracies[0]:.1%} on unshifted pictures, "
        f"{np.mean(accuracies[1:]):.1%} on those shifted by a pixel."
    )
    return score


def moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Pictures (B, 64) shifted by whole pixels; pixels beyond the edge are lost, new ones blank."""
    wide = np.pad(images.reshape(-1, 8, 8), ((0, 0), (8, 8), (8, 8)))
    return wide[:, 8 - down : 16 - down, 8 - right : 16 - right].reshape(-1, 64)


def _read(parts, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three arrays, with the shapes that a forward pass needs."""
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        raise CheckFailed(
            "expected three arrays: W, b, and the digit of each template.", hint="not_three"
        )
    W, b = (np.asarray(part, dtype=float) for part in parts[:2])
    digit_of = np.asarray(parts[2])
    if W.ndim != 2 or W.shape[0] != 64:
        on_its_side = W.ndim == 2 and W.shape[1] == 64
        raise CheckFailed(
            f"W has shape {W.shape}, expected (64, K'): one template per column."
            + (" Yours is transposed: use W.T." if on_its_side else ""),
            hint="weights_transposed" if on_its_side else "weights_shape",
        )
    n_templates = W.shape[1]
    if n_templates > most:
        raise CheckFailed(
            f"{n_templates} templates; at most {most} are allowed. Merge similar ones: replace two "
            "by their mean.",
            hint="too_many",
        )
    for name, part in (("b", b), ("the list of digits", digit_of)):
        if part.shape != (n_templates,):
            raise CheckFailed(
                f"{name} has shape {part.shape}, expected ({n_templates},): "
                "one for each column of W.",
                hint="one_each",
            )
    if not set(digit_of.tolist()) <= set(range(10)):
        odd = next(value for value in digit_of.tolist() if value not in range(10))
        raise CheckFailed(
            f"the digit of a template is given as {odd!r}. It must be an integer from 0 to 9.",
            hint="no_digit",
        )
    if not (np.isfinite(W).all() and np.isfinite(b).all()):
        raise CheckFailed(
            "a weight or a bias is infinite or NaN. Is one of your groups empty? "
            "Its mean is 0 / 0.",
            hint="not_finite",
        )
    if _fraction_in(W, _data().test_images) > 0:
        raise CheckFailed(
            "a template is one of the test pictures. Make all templates from the pictures that "
            "your function is given: a test on pictures that were seen before measures nothing.",
            hint="test_pictures",
        )
    return W, b, digit_of.astype(int)


def _why(W, b, digit_of, reached: float) -> tuple[str, str]:
    """The likely reason that the templates stay below the bar: a name, and what to say."""
    data = _data()
    if missing := sorted(set(range(10)) - set(digit_of.tolist())):
        return (
            "missing_digit",
            f"no template stands for {missing[0]}, so no {missing[0]} can be recognised.",
        )
    means = means_of(data.train_images, data.train_labels)
    if W.shape[1] == 10 and np.allclose(W.T[digit_of.argsort()], means):
        if not np.allclose(*(bias - bias.mean() for bias in (b, -(W**2).sum(axis=0) / 2))):
            return "bias", (
                "the biases. The templates are the class means of {{exercise templates}}, but the "
                "biases are not those, -|template|²/2."
            )
        return "class_means", (
            "these are the class means of "
            "{{exercise templates}}, which miss the bar by about ten pictures of 450. People "
            "write a digit in several ways, and the mean of two ways looks like neither."
        )
    with_bias = digit_of[(data.test_images @ W - (W**2).sum(axis=0) / 2).argmax(axis=1)]
    if (with_bias == data.test_labels).mean() > reached + CLEARLY:
        return "bias", (
            "the biases. The same templates are more accurate with those of "
            "{{exercise templates}}, -|template|²/2."
        )
    if _fraction_in(W, data.train_images) > 0.8:
        return "single_pictures", (
            "your templates are single pictures, and each carries the quirks of one writer. "
            "The mean of several similar pictures is a better template than any of them."
        )
    spread = _spread(W.T, digit_of)
    if len(b) > 10 and spread < 0.1 * _spread(data.train_images, data.train_labels):
        return "alike", (
            "the templates of each digit are nearly equal: the means of your groups of pictures "
            "hardly differ. Group the pictures by how similar they are as a whole."
        )
    return "below_bar", (
        "none of the usual ones. Check first that `digit_of` names the digit of each template, in "
        "the order of the templates. Then set some of the given pictures aside, look at those "
        "that you misclassify, and add a template for each way of writing that you find there."
    )


def _most_missed(said, labels) -> str:
    missed = np.bincount(labels[said != labels], minlength=10)
    worst = int(missed.argmax())
    n_worst = (labels == worst).sum()
    return f"Most often misclassified: the digit {worst}, {missed[worst]} of {n_worst} times."


def _fraction_in(W: np.ndarray, images: np.ndarray) -> float:
    """The fraction of templates (columns of W) that equal one of the pictures, up to a factor."""
    templates = W / np.maximum(np.linalg.norm(W, axis=0), 1e-12)
    pictures = images / np.linalg.norm(images, axis=1, keepdims=True)
    return float(((pictures @ templates).max(axis=0) > 1 - 1e-9).mean())


def _spread(rows: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance of rows from the mean row of their class."""
    centres = np.stack([rows[labels == k].mean(axis=0) for k in range(10)])
    return float(((rows - centres[labels]) ** 2).sum(axis=1).mean())


@cache
def _data() -> Digits:
    return digits()
