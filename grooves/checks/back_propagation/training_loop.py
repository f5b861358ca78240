"""Check of lab 02: a training loop with a validation set (chapter 02).

Key idea: a linear model on few noisy examples overfits within some epochs, so that the weights of
the lowest validation loss, of the lowest training loss and of the last epoch differ. The order of
the batches is determined by the seed, so each misreading of the loop gives weights of its own.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import draw, judge_parts
from grooves.checks.back_propagation.rules import LAB, PARTS, TOLERANCE, by_hand
from grooves.checks.compare import Mistake, number


def squared_error(x, y, w, b):
    """Half the mean squared error of a linear model. x: (N, P), y: (N,), w: (P,), b: (1,)."""
    return float(((x @ w + b - y) ** 2).mean() / 2)


def its_gradients(x, y, w, b):
    """The gradients of `squared_error` with respect to w and b."""
    residual = (x @ w + b - y) / len(x)
    return [x.T @ residual, residual.sum(keepdims=True)]


def trained(
    weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed,
    order=lambda rng, n: rng.permutation(n), batches=None, labels=None, judged=lambda t, v: v,
    keep="best", each_step=False, stop=False, stale=False, divided=lambda batch, size: 1,
):  # fmt: skip
    """The training loop, with an option for each mistake.

    order(rng, n): the order of an epoch. batches(order, size): its batches, all where None.
    labels(batch, place): which labels go with a batch. judged: the data whose loss decides. keep:
    "best" or "last". each_step: whether every step is a candidate. stop: whether the first rise
    ends it. stale: whether all gradients of an epoch are those at its beginning.
    divided(batch, size): by what the gradients are divided.
    """
    (x, y), rng = train, np.random.default_rng(seed)
    batches = batches or (lambda found, size: [found[i : i + size] for i in range(0, len(x), size)])
    best, lowest = weights, math.inf
    for _ in range(n_epochs):
        first, place = weights, 0
        for batch in batches(order(rng, len(x)), batch_size):
            which = labels(batch, place) if labels else batch
            found = gradients(x[batch], y[which], *(first if stale else weights))
            rate = lr / divided(batch, batch_size)
            weights = [w - rate * g for w, g in zip(weights, found, strict=True)]
            place += len(batch)
            held_out = loss(*judged(train, validation), *weights)
            if each_step and held_out < lowest:
                best, lowest = weights, held_out
        held_out = loss(*judged(train, validation), *weights)
        if stop and held_out >= lowest:
            break
        if held_out < lowest:
            best, lowest = weights, held_out
    return weights if keep == "last" else best


def _with(**changes):
    return lambda *inputs: trained(*inputs, **changes)


def _uphill(weights, train, validation, gradients, loss, lr, *others):
    return trained(weights, train, validation, gradients, loss, -lr, *others)


def _shuffled_once(*inputs):
    seed = inputs[-1]
    return trained(*inputs, order=lambda rng, n: np.random.default_rng(seed).permutation(n))


def _full_batches(found, size):
    return [found[i : i + size] for i in range(0, len(found) - size + 1, size)]


MISTAKES = (
    Mistake(
        "last_kept",
        _with(keep="last"),
        "these are the weights after the last epoch. Return those after the epoch with the lowest "
        "validation loss. If you keep them in a variable: `best = w` is no copy, so a change of w "
        "in place changes best too.",
    ),
    Mistake(
        "chosen_by_training",
        _with(judged=lambda train, validation: train),
        "you choose by the training loss, which keeps falling while the model overfits. Choose by "
        "the validation loss.",
    ),
    Mistake(
        "uphill",
        _uphill,
        "you add the step. The gradient points to where the loss grows: subtract.",
    ),
    Mistake(
        "not_shuffled",
        _with(order=lambda rng, n: np.arange(n)),
        "you take the examples in the order in which they are stored. Shuffle them with "
        "rng.permutation(len(x)).",
    ),
    Mistake(
        "shuffled_once",
        _shuffled_once,
        "every epoch has the same order. Create the generator once, before the loop, and draw a "
        "new permutation in each epoch.",
    ),
    *(
        Mistake(
            "labels_not_shuffled",
            _with(labels=labels),
            "you shuffle the inputs but not the labels, so each input gets another one's label. "
            "Index both with the same batch.",
        )
        for labels in (lambda batch, place: np.arange(place, place + len(batch)),)
    ),
    Mistake(
        "last_batch_lost",
        _with(batches=_full_batches),
        "you leave out the last batch of an epoch where it is smaller. Every example counts.",
    ),
    *(
        Mistake(
            "divided_again",
            _with(divided=divided),
            "you divide the gradients by the number of examples in the batch. They are those of a "
            "mean, so that has been done already.",
        )
        for divided in (lambda batch, size: len(batch), lambda batch, size: size)
    ),
    Mistake(
        "whole_set",
        _with(batches=lambda found, size: [found]),
        "you take one step per epoch, on all examples. Take one step for each batch.",
    ),
    Mistake(
        "after_each_step",
        _with(each_step=True),
        "you compare the validation loss after every step. Compare it once per epoch.",
    ),
    Mistake(
        "stopped_at_first_rise",
        _with(stop=True),
        "you stop at the first epoch whose validation loss is no lower. It may fall again: train "
        "for all epochs.",
    ),
    Mistake(
        "stale_gradients",
        _with(stale=True),
        "you compute the gradients of all batches with the weights from the start of the epoch. "
        "Each batch needs the weights that the batch before it has changed.",
    ),
)

CASES = (  # examples, features, learning rate, batch size, epochs, whether it starts at the truth
    (11, 8, 0.3, 4, 9, False),
    (13, 9, 0.2, 5, 12, False),
    (7, 5, 0.25, 3, 14, False),
    (10, 12, 0.15, 5, 6, True),
    (17, 4, 0.35, 7, 8, True),
    (9, 6, 0.05, 2, 5, False),
    (5, 3, 0.4, 1, 10, False),
    (6, 10, 0.28, 8, 11, False),
    (19, 5, 0.42, 4, 7, False),
    (12, 2, 0.5, 3, 13, False),
)


def _unchanged(answer):
    """The answer, refused where it changes an array inside its arguments, in place."""

    def call(weights, train, validation, *others):
        given = (*weights, *train, *validation)
        before = [part.copy() for part in given]
        n_weights = len(weights)
        result = answer(weights, train, validation, *others)
        if len(weights) != n_weights:
            raise CheckFailed(
                "your code changes the list of weights that it was given. The caller still needs "
                "it: make a new list.",
                hint="changed_input",
            )
        if not all(map(np.array_equal, given, before)):
            raise CheckFailed(
                "your code changes the arrays that it was given, probably with `w -= ...`, which "
                "works in place. The caller still needs them: make new arrays, "
                "`w = w - ...`, or copy them first.",
                hint="changed_input",
            )
        return result

    return call


@check(lab=LAB, exercise="fit", returns=PARTS)
def fit(answer):
    """fit(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed)."""
    call, answer = _unchanged(by_hand(answer)), _unchanged(answer)
    for i, (n, width, lr, batch_size, n_epochs, at_truth) in enumerate(CASES):
        truth = draw(500 + i, width)
        x, held_out = draw(510 + i, n, width), draw(520 + i, 40, width)
        y = x @ truth + 1.5 * draw(530 + i, n)
        held_y = held_out @ truth + 0.3 * draw(540 + i, 40)
        weights = [truth if at_truth else draw(550 + i, width), np.zeros(1)]
        weights = [np.array(w) for w in weights]
        inputs = (weights, (x, y), (held_out, held_y), its_gradients, squared_error)
        inputs = (*inputs, lr, batch_size, n_epochs, 60 + i)
        w, b = trained(*inputs)
        given = (
            f"{n} examples, batches of {batch_size}, {n_epochs} epochs, learning rate "
            f"{number(lr)} and seed {60 + i}"
        )
        expected = {"the weights w": w, "the bias b": b}
        judge_parts(call, inputs, expected, MISTAKES, given, "it should be", TOLERANCE)
        call = answer
    return "A training loop from any library has these lines."
