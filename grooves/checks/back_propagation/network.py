"""Checks of lab 02, third part: the gradient of the loss, and of a whole network (chapter 02).

Key idea: PyTorch differentiates the forward pass as lab 1 has it. The labels leave the last class
out, so that a table of classes made from the labels is too narrow; no two sizes agree.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import coarse, draw, judge, judge_parts
from grooves.checks.back_propagation.rules import LAB, by_hand, formula, torchs_gradients
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.stable_softmax import FAR_APART, shares_of, softmax_of


def ones_at(labels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """1 at each row's label, else 0; the shape of `like`, (B, K)."""
    return np.eye(like.shape[-1])[labels]


# ---- 5 loss_backward -------------------------------------------------------------------------


def _blame(z, y, softmax=softmax_of):
    return (softmax(z) - ones_at(y, z)) / len(z)


def _columns_of_all(z, y):
    shares = softmax_of(z)
    shares[:, y] -= 1
    return shares / len(z)


LOSS_MISTAKES = (
    Mistake(
        "not_averaged",
        lambda z, y: softmax_of(z) - ones_at(y, z),
        "these are the gradients of the *sum* over the pictures. The loss is their mean.",
    ),
    Mistake(
        "averaged_twice",
        lambda z, y: _blame(z, y) / len(z),
        "you divide by the number of pictures twice.",
    ),
    Mistake(
        "over_all_numbers",
        lambda z, y: _blame(z, y) / z.shape[-1],
        "you divide by all numbers of the batch. The mean is over pictures, not over classes.",
    ),
    Mistake(
        "over_classes",
        lambda z, y: _blame(z, y) * len(z) / z.shape[-1],
        "you divide by the number of classes. The mean is over pictures.",
    ),
    Mistake(
        "uphill",
        lambda z, y: -_blame(z, y),
        "the sign. More of the right class's logit makes the loss *smaller*, so its gradient "
        "is negative.",
    ),
    Mistake(
        "shares_only",
        lambda z, y: softmax_of(z) / len(z),
        "you pass on what it said. What is right must be taken off: a 1 at each label.",
    ),
    Mistake(
        "right_class_only",
        lambda z, y: _blame(z, y) * ones_at(y, z),
        "only the right class gets blame. The others took their shares from it.",
    ),
    Mistake(
        "one_off_everywhere",
        lambda z, y: (softmax_of(z) - 1) / len(z),
        "you take 1 off every class. Take it off the right one alone.",
    ),
    Mistake(
        "all_labels_in_each_row",
        _columns_of_all,
        "p[:, labels] picks these columns in *every* row. "
        "p[np.arange(len(labels)), labels] picks one in each.",
    ),
    Mistake(
        "stopped_at_the_shares",
        lambda z, y: -ones_at(y, z) / softmax_of(z) / len(z),
        "that is the gradient of the shares. It has to go back through the softmax too.",
    ),
    Mistake(
        "no_softmax",
        lambda z, y: (z - ones_at(y, z)) / len(z),
        "you take the 1 off the logit. Turn the logits into shares first.",
    ),
    Mistake(
        "softmax_twice",
        lambda z, y: _blame(softmax_of(z), y),
        "the logits went through the softmax twice.",
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: _blame(z, y, lambda z: softmax_of(z, 0)),
        "your softmax runs down the pictures. Each picture's shares add up to 1: axis=-1.",
    ),
    Mistake(
        "no_shift",
        lambda z, y: _blame(z, y, lambda z: shares_of(np.exp(z))),
        "the exponential overflows. Take each row's largest logit off first, as in lab 1.",
    ),
    Mistake(
        "one_maximum_for_all",
        lambda z, y: _blame(z, y, lambda z: shares_of(np.exp(z - z.max()))),
        "you take the largest logit of the whole batch off; a row far below it becomes 0 / 0. "
        "Every row needs its own.",
    ),
)


@check(lab=LAB, exercise="loss_backward", points=2)
def loss_backward(answer):
    """loss_backward(logits, labels): (B, K) and (B,) -> gradient of the mean loss, (B, K)."""
    z = draw(11, 3, 5)
    for call, logits, labels, given in (
        (by_hand(answer), z, [2, 0, 3], "logits (3, 5) and the labels 2, 0, 3"),
        (formula(answer), draw(12, 1, 6), [4], "one picture, logits (1, 6) and the label 4"),
        (answer, draw(13, 7, 4, scale=3), [0, 0, 2, 1, 2, 0, 1], "logits (7, 4)"),
        (
            answer,
            coarse(z) + FAR_APART,
            [1, 1, 0],
            "three rows of logits near 0, near -3000 and near 3000",
        ),
    ):
        labels = np.array(labels)
        target = torch.from_numpy(labels)
        (expected,) = torchs_gradients(lambda z, y=target: F.cross_entropy(z, y), logits)
        judge(call, (logits, labels), expected, LOSS_MISTAKES, given)


# ---- 6 network_backward ----------------------------------------------------------------------


def _back(
    x, y, W1, b1, W2, b2, mask=lambda z, g: z > 0, bend=True, loss=_blame, through=lambda W: W.T
):
    """The gradients by formula, with a place for each mistake."""
    z = x @ W1 + b1
    hidden = np.maximum(z, 0) if bend else z
    g = loss(hidden @ W2 + b2, y)
    back = g @ through(W2)
    g1 = back * mask(z, back)
    return x.T @ g1, g1.sum(0), hidden.T @ g, g.sum(0)


def _exchanged(x, y, W1, b1, W2, b2):
    """z and what arrives, in each other's place on the way back through ReLU."""
    z = x @ W1 + b1
    g1 = z * (_blame(np.maximum(z, 0) @ W2 + b2, y) @ W2.T > 0)
    return x.T @ g1, g1.sum(0), *_back(x, y, W1, b1, W2, b2)[2:]


def _averaged_biases(x, *rest):
    W1, b1, W2, b2 = _back(x, *rest)
    return W1, b1 / len(x), W2, b2 / len(x)


def _unbent_input(x, y, W1, b1, W2, b2):
    W1_, b1_, W2_, b2_ = _back(x, y, W1, b1, W2, b2)
    z = x @ W1 + b1
    return W1_, b1_, z.T @ _blame(np.maximum(z, 0) @ W2 + b2, y), b2_


def _biases_per_picture(x, y, W1, b1, W2, b2):
    z = x @ W1 + b1
    g = _blame(np.maximum(z, 0) @ W2 + b2, y)
    W1_, _, W2_, _ = _back(x, y, W1, b1, W2, b2)
    return W1_, (g @ W2.T) * (z > 0), W2_, g


def _order(*places):
    return lambda *inputs: [_back(*inputs)[i] for i in places]


NETWORK_MISTAKES = (
    Mistake(
        "no_mask",
        lambda *a: _back(*a, mask=lambda z, g: 1),
        "the blame goes around the ReLU. Between the layers it passes only where z > 0.",
    ),
    Mistake(
        "mask_of_g",
        lambda *a: _back(*a, mask=lambda z, g: g > 0),
        "the ReLU's mask is made from the gradient. It is made from z, the sums before the ReLU.",
    ),
    Mistake(
        "exchanged",
        _exchanged,
        "z and the blame are exchanged on the way back through the ReLU: relu_backward(z, g).",
    ),
    Mistake(
        "no_bend",
        lambda *a: _back(*a, mask=lambda z, g: 1, bend=False),
        "your network has no ReLU, neither on the way there nor on the way back.",
    ),
    Mistake(
        "no_bend_forward",
        lambda *a: _back(*a, bend=False),
        "on the way there the ReLU is missing; on the way back it is there.",
    ),
    Mistake(
        "z_for_hidden",
        _unbent_input,
        "the gradient of W2 is made from z. What went into the second layer is ReLU of z.",
    ),
    Mistake(
        "biases_averaged",
        _averaged_biases,
        "the biases' gradients are means over the pictures. The loss has divided already: add up.",
    ),
    Mistake(
        "biases_per_picture",
        _biases_per_picture,
        "the biases' gradients have a row for each picture. Each bias was used for all of them: "
        "unbroadcast.",
    ),
    Mistake(
        "not_averaged",
        lambda *a: [len(a[0]) * part for part in _back(*a)],
        "all are too large, by the number of pictures. The loss is a mean.",
    ),
    Mistake(
        "averaged_twice",
        lambda *a: [part / len(a[0]) for part in _back(*a)],
        "all are too small, by the number of pictures. loss_backward has divided already.",
    ),
    Mistake(
        "uphill",
        lambda *a: [-part for part in _back(*a)],
        "all signs are turned. A step *against* the gradient is for later.",
    ),
    Mistake(
        "second_layer_first",
        _order(2, 3, 0, 1),
        "the right gradients in another order: first W1, b1, then W2, b2.",
    ),
    Mistake(
        "weights_first",
        _order(0, 2, 1, 3),
        "the right gradients in another order: W1, b1, W2, b2.",
    ),
    Mistake(
        "last_layer_bent",
        lambda x, y, W1, b1, W2, b2: _back(
            x, y, W1, b1, W2, b2, loss=lambda z, y: _blame(np.maximum(z, 0), y) * (z > 0)
        ),
        "the logits went through a ReLU too. The last layer is left as it is.",
    ),
    Mistake(
        "logits_through_softmax",
        lambda *a: _back(*a, loss=lambda z, y: _blame(softmax_of(z), y)),
        "the shares, not the logits, went into loss_backward, which takes the softmax itself.",
    ),
    Mistake(
        "W2_not_turned",
        lambda *a: _back(*a, through=lambda W: W),
        "W2 is not transposed on the way back. It fits because it is square here.",
    ),
)


@check(lab=LAB, exercise="network_backward", points=2, returns=(tuple, list))
def network_backward(answer):
    """network_backward(x, labels, W1, b1, W2, b2) -> gradients of the mean loss, in that order."""
    for call, (n_pictures, n_in, n_hidden, n_out), labels in (
        (by_hand(answer), (5, 3, 4, 4), [1, 0, 2, 2, 0]),
        (answer, (5, 3, 4, 6), [1, 0, 4, 2, 0]),
        (answer, (1, 4, 7, 3), [1]),
    ):
        x, labels = draw(14, n_pictures, n_in), np.array(labels)
        W1, b1 = draw(15, n_in, n_hidden), draw(16, n_hidden)
        W2, b2 = draw(17, n_hidden, n_out), draw(18, n_out)
        pictures, target = torch.from_numpy(x), torch.from_numpy(labels)

        def loss(W1, b1, W2, b2, pictures=pictures, target=target):
            return F.cross_entropy(F.relu(pictures @ W1 + b1) @ W2 + b2, target)

        found = torchs_gradients(loss, W1, b1, W2, b2)
        names = [f"the gradient of {name}" for name in ("W1", "b1", "W2", "b2")]
        given = f"x {shape_of(x)}, W1 {shape_of(W1)} and W2 {shape_of(W2)}"
        judge_parts(
            call,
            (x, labels, W1, b1, W2, b2),
            dict(zip(names, found, strict=True)),
            NETWORK_MISTAKES,
            given,
        )
