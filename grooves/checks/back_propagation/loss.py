"""Check of lab 02, third part: the gradient of the loss (chapter 02).

Key idea: the last class occurs in no label, so that a one-hot matrix sized by the labels is too
narrow. Some rows are certain and right, some certain and wrong, and some contain numbers whose
exponential overflows, or that single precision cannot represent. Shapes: B pictures, K classes.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import coarse, draw, on_whole_numbers
from grooves.checks.back_propagation.rules import (
    LAB,
    TOLERANCE,
    by_hand,
    formula,
    judge_array,
    torchs_gradients,
)
from grooves.checks.compare import Mistake
from grooves.checks.forward_propagation.stable_softmax import FAR_APART, normalised, softmax_of


def one_hot(labels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """1 at each row's label, 0 elsewhere; the shape of `like`, (B, K)."""
    return np.eye(like.shape[-1])[labels]


# ---- 5 loss_backward -------------------------------------------------------------------------


def gradient_of(z: np.ndarray, y: np.ndarray, softmax=softmax_of) -> np.ndarray:
    """The gradient of the mean loss by formula, for the mistakes."""
    return (softmax(z) - one_hot(y, z)) / len(z)


def _columns_of_all(z, y):
    p = softmax_of(z)
    p[:, y] -= 1
    return p / len(z)


LOSS_MISTAKES = (
    Mistake(
        "not_averaged",
        lambda z, y: softmax_of(z) - one_hot(y, z),
        "this is the gradient of the *sum* over the pictures. The loss is their mean.",
    ),
    Mistake(
        "averaged_twice",
        lambda z, y: gradient_of(z, y) / len(z),
        "you divide by the number of pictures twice.",
    ),
    Mistake(
        "over_all_numbers",
        lambda z, y: gradient_of(z, y) / z.shape[-1],
        "you divide by the number of all logits. The mean is over the pictures only.",
    ),
    Mistake(
        "wrong_sign",
        lambda z, y: -gradient_of(z, y),
        "the sign is wrong. A larger logit of the right class makes the loss *smaller*, so its "
        "gradient is negative.",
    ),
    Mistake(
        "probabilities_only",
        lambda z, y: softmax_of(z) / len(z),
        "you return the probabilities. Subtract the labels from them: a 1 at each label.",
    ),
    Mistake(
        "right_class_only",
        lambda z, y: gradient_of(z, y) * one_hot(y, z),
        "only the logit of the right class has a gradient. The other logits also change its "
        "probability.",
    ),
    Mistake(
        "all_labels_in_each_row",
        _columns_of_all,
        "p[:, labels] picks these columns in *every* row. "
        "p[np.arange(len(labels)), labels] picks one in each.",
    ),
    *(
        Mistake(
            "gradient_of_probabilities",
            compute,
            "this is the gradient of the probabilities. Go back through the softmax too.",
        )
        for compute in (
            lambda z, y: -one_hot(y, z) / softmax_of(z) / len(z),
            lambda z, y: np.where(one_hot(y, z), -1 / softmax_of(z) / len(z), 0.0),
        )
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: gradient_of(z, y, lambda z: softmax_of(z, 0)),
        "your softmax normalises over the pictures. Normalise over the classes: axis=-1.",
    ),
    Mistake(
        "no_shift",
        lambda z, y: gradient_of(z, y, lambda z: normalised(np.exp(z))),
        "the exponential overflows. Subtract each row's largest logit first, as in lab 1.",
    ),
    *(
        Mistake(
            "shift_by_another",
            lambda z, y, other=other: gradient_of(z, y, lambda z: normalised(np.exp(z - other(z)))),
            "the number that you subtract is not the row's own largest logit, so a row far from it "
            "becomes infinity / infinity, or 0 / 0. Subtract each row's own largest logit.",
        )
        for other in (lambda z: z[:, :1], lambda z: z.max())
    ),
)


FAR_LATER = (  # rows in which the exponential of a difference overflows unless the largest is taken
    ([0.0, -3.0, 2.0, 5000.0, 1.0], [-4000.0, 4000.0, 0.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0]),
    [0, 1, 4],
)
CERTAIN = (  # each row is certain of one class, right or wrong; 4 rows, so exactly ¼
    ([900.0, 0.0, 1.0], [0.0, 1.0, 900.0], [-900.0, 0.0, -1.0], [1e30, -1e30, 0.0]),
    [0, 0, 1, 2],
)
BEYOND = (  # in the last two, numbers so large that a small difference is rounded away
    ([1e39, 0.0], [-1e300, 1e300], [0.0, -1e39], [3e10, 3e10], [1e11, 1e11]),
    [0, 0, 1, 0, 1],
)


@check(lab=LAB, exercise="loss_backward")
def loss_backward(answer):
    """loss_backward(logits, labels): (B, K) and (B,) -> gradient of the mean loss, (B, K)."""
    z, seven = draw(11, 3, 5), [0, 0, 2, 1, 2, 0, 1]
    for call, logits, labels, given in (
        (by_hand(answer), z, [2, 0, 3], "logits (3, 5) and the labels 2, 0, 3"),
        (answer, [[0.0, 1.0], [2.0, 0.0]], [1, 1], "logits (2, 2) and the labels 1, 1"),
        (formula(answer), draw(12, 1, 6), [4], "one picture, logits (1, 6) and the label 4"),
        (answer, draw(13, 7, 4, scale=3), seven, "logits (7, 4)"),
        (answer, draw(131, 7, 4, scale=3), seven[::-1], "other logits (7, 4)"),
        (
            answer,
            coarse(z) + FAR_APART,
            [1, 1, 0],
            "three rows of logits near 0, near -3000 and near 3000",
        ),
        (answer, *FAR_LATER, "logits (3, 5), some of them thousands above their row's first"),
        (answer, draw(132, 300, 13), np.arange(300) % 12, "logits (300, 13)"),
        (answer, *CERTAIN, "logits (4, 3) that are certain, some of them wrong"),
        (answer, *BEYOND, "logits (5, 2) up to 1e300"),
        (answer, draw(133, 3, 1), [0, 0, 0], "logits (3, 1), one class"),
        (answer, draw(134, 1, 1), [0], "logits (1, 1)"),
        (answer, draw(135, 1, 5)[[0, 0, 0, 0]], [2, 2, 4, 2], "four equal rows of logits (4, 5)"),
        (answer, draw(136, 2, 1409), [1408, 7], "logits (2, 1409)"),
    ):
        _check_loss(call, np.array(logits), np.array(labels), given)
    whole = np.array([[3, 1, 0, 2], [-1, 2, 2, 0], [0, 0, 1, 0]])
    labels, given = np.array([1, 0, 3]), "logits (3, 4), integers"
    on_whole_numbers(_check_loss, answer, whole, labels, given)
    on_whole_numbers(_check_loss, answer, whole, labels.astype("i4"), given)


def _check_loss(call, logits, labels, given) -> None:
    target = torch.from_numpy(labels).long()
    (expected,) = torchs_gradients(lambda z: F.cross_entropy(z, target), logits)
    # certain rows give exact results, so that an added epsilon or clipping shows
    tolerance = 1e-12 if "are certain" in given else TOLERANCE
    judge_array(call, (logits, labels), expected, LOSS_MISTAKES, given, tolerance)
