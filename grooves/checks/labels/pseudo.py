"""Check of lab 03: pseudo-labels (chapter 03).

Key idea: some probabilities equal the threshold exactly, and one threshold is so low that a row has
two classes above it.
Letters: N pictures, K classes, M confident predictions.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_array, as_pair

SIXTEENTHS = np.array(  # exact in single precision too, and no row has a tie for its largest
    [
        [2, 13, 1],
        [6, 3, 7],
        [12, 1, 3],
        [5, 4, 7],
        [1, 2, 13],
        [8, 6, 2],
        [0, 16, 0],
        [4, 12, 0],
    ]
)


def _confident(probabilities, threshold):
    return np.flatnonzero(probabilities.max(1) >= threshold)


MISTAKES = (
    Mistake(
        "swapped",
        lambda p, t: _by_first(p[_confident(p, t)].argmax(1), _confident(p, t)),
        "the two results are swapped: return the indices first, then the labels.",
    ),
    Mistake(
        "no_threshold",
        lambda p, t: (np.arange(len(p)), p.argmax(1)),
        "every picture gets a label, however uncertain the model is. Keep those whose largest "
        "probability reaches the threshold.",
    ),
    Mistake(
        "strictly_above",
        lambda p, t: (np.flatnonzero(p.max(1) > t), p[p.max(1) > t].argmax(1)),
        "a probability equal to the threshold is rejected. At least means >=.",
    ),
    Mistake(
        "labels_of_all",
        lambda p, t: (_confident(p, t), p.argmax(1)),
        "there is a label for every picture, but an index only for the confident ones. Select "
        "the labels with the same indices.",
    ),
    Mistake(
        "probabilities_for_labels",
        lambda p, t: (_confident(p, t), p[_confident(p, t)].max(1)),
        "you return the largest probability of each row. The label is its class, which "
        "argmax gives.",
    ),
    Mistake(
        "renumbered",
        lambda p, t: (np.arange(len(_confident(p, t))), p[_confident(p, t)].argmax(1)),
        "you number the selected pictures from 0. An index refers to all N pictures.",
    ),
    Mistake(
        "mask_for_indices",
        lambda p, t: (p.max(1) >= t, p[_confident(p, t)].argmax(1)),
        "this is a Boolean mask. np.flatnonzero turns it into indices.",
    ),
    *(
        Mistake(
            "nested_indices",
            lambda p, t, shape=shape: (
                _confident(p, t).reshape(shape),
                p[_confident(p, t)].argmax(1),
            ),
            "np.where returns a tuple of arrays, np.argwhere a column. `np.flatnonzero(…)` returns "
            "the indices as one flat array.",
        )
        for shape in ((1, -1), (-1, 1))
    ),
    Mistake(
        "every_class_above",
        lambda p, t: np.nonzero(p >= t),
        "a picture with two classes above the threshold appears twice. One picture has one "
        "label, its most probable class.",
    ),
    Mistake(
        "first_class_above",
        lambda p, t: (_confident(p, t), (p[_confident(p, t)] >= t).argmax(1)),
        "you take the first class above the threshold, not the most probable one.",
    ),
    Mistake(
        "wrong_axis",
        lambda p, t: (np.flatnonzero(p.max(0) >= t), p.argmax(0)[p.max(0) >= t]),
        "you take the maximum over the pictures. The most probable class of each picture is the "
        "maximum along the last axis, axis=1.",
    ),
)


@check(lab=LAB, exercise="pseudo_labels", returns=PAIR)
def pseudo_labels(answer):
    """pseudo_labels(probabilities, threshold) -> indices (M,) and labels (M,), in any order."""

    def judge(call, probabilities, threshold):
        sure = [
            (n, int(row.tolist().index(max(row))))
            for n, row in enumerate(probabilities)
            if max(row) >= threshold
        ]
        parts = np.array(sure, dtype=int).reshape(-1, 2).T
        expected = {"the indices": parts[0], "the labels": parts[1]}
        given = f"probabilities of shape {shape_of(probabilities)}, threshold {threshold}"
        judge_parts(
            _in_order(as_pair(call)),
            (probabilities, threshold),
            expected,
            MISTAKES,
            given,
            SHOULD,
        )

    some = SIXTEENTHS / 16
    judge(by_hand(answer), some, 0.75)
    judge(answer, some, 0.375)
    judge(answer, np.array([[0.125, 0.5, 0.125, 0.25]]), 0.25)
    below = 0.75 - 2.0**-13  # 0.75 in half precision
    others = some[::-1, ::-1].copy()
    others[1] = others[4] = 0.25 - 2.0**-13, 2.0**-12, below
    others[6] = others[0]
    judge(answer, others, 0.75)
    judge(answer, some[:6], 0.9375)  # no row reaches it
    judge(answer, np.array([[0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.9, 0.1]]), 0.8)
    judge(answer, _many(1_400), 2_432 / 4_096)
    # all rows, only the certain ones, rows that are equal or tied, a single class
    judge(answer, some, 0)
    judge(answer, some, 1)
    judge(answer, np.array([[0.25] * 4, [0, 1, 0, 0], [0.25] * 4, [0, 1, 0, 0]]), 0.5)
    judge(answer, np.ones((3, 1)), 0.5)
    judge(answer, np.eye(5, dtype=int)[[4, 0, 4]], 0.5)
    judge(answer, np.array([[0.25, 0.75]]), 0.75)
    return "No person labelled anything; whether the model is right is another question."


def _many(n: int) -> np.ndarray:
    """(n, 140): rows whose largest values are 2048, 2049, ... of 4096, in any column."""
    best = (2048 + np.arange(n)[:, None]) / 4096
    others = (1 - best) * 0.5 ** np.r_[np.arange(1, 11), 10]  # exact in single precision too
    rows = np.c_[best, others, np.zeros((n, 128))]
    return np.random.default_rng(90).permuted(rows, axis=1)


def _in_order(call):
    """The answer's pairs sorted by index, if they are pairs."""

    def ordered(*inputs):
        got = call(*inputs)
        if len(got) != 2:
            return got
        indices, labels = map(as_array, got)
        if indices.dtype == bool or indices.ndim != 1 or indices.shape != labels.shape:
            return indices, labels
        return _by_first(indices, labels)

    return ordered


def _by_first(indices, labels):
    """Both arrays in the order of the first, and of the second where the first is the same."""
    order = np.lexsort((labels, indices))
    return indices[order], labels[order]
