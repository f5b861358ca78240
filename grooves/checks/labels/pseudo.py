"""Check of lab 03: pseudo-labels (chapter 03).

Key idea: some answers lie exactly at the threshold, and one threshold is so low that a row has two
classes above it.
Letters: N pictures, K classes, M of the pictures are sure.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_array, as_pair

SIXTEENTHS = np.array(  # exact in single precision too, and no row has its largest number twice
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


def _sure(probabilities, threshold):
    return np.flatnonzero(probabilities.max(1) >= threshold)


def _by_value(p, threshold):
    """The first row that is equal to each sure one."""
    rows = p.tolist()
    return _by_first(
        np.array([rows.index(rows[n]) for n in _sure(p, threshold)], dtype=int),
        p[_sure(p, threshold)].argmax(1),
    )


def _leading(p, threshold):
    """Rows whose best answer is ahead of the second by the threshold."""
    best = np.sort(p, axis=1)
    sure = np.flatnonzero(best[:, -1] - best[:, -2] >= threshold)
    return sure, p[sure].argmax(1)


def _until_unsure(p, threshold):
    n = int(np.append(p.max(1) < threshold, True).argmax())
    return np.arange(n), p[:n].argmax(1)


MISTAKES = (
    Mistake(
        "no_threshold",
        lambda p, t: (np.arange(len(p)), p.argmax(1)),
        "every picture gets a label, however unsure the model is. Keep those whose best answer "
        "reaches the threshold.",
    ),
    Mistake(
        "threshold_left_out",
        lambda p, t: (np.flatnonzero(p.max(1) > t), p[p.max(1) > t].argmax(1)),
        "an answer exactly at the threshold is missing. At least means >=.",
    ),
    Mistake(
        "unsure_ones",
        lambda p, t: (np.flatnonzero(p.max(1) < t), p[p.max(1) < t].argmax(1)),
        "you keep those that the model is unsure about. Turn the comparison round.",
    ),
    Mistake(
        "labels_of_all",
        lambda p, t: (_sure(p, t), p.argmax(1)),
        "there is a label for every picture, but only the sure ones are kept. Choose the labels "
        "with the same indices.",
    ),
    Mistake(
        "probabilities_for_labels",
        lambda p, t: (_sure(p, t), p[_sure(p, t)].max(1)),
        "you return how sure the model is, not of what. argmax gives the class.",
    ),
    Mistake(
        "counted_anew",
        lambda p, t: (np.arange(len(_sure(p, t))), p[_sure(p, t)].argmax(1)),
        "you number the kept pictures from 0. An index says which of all N pictures it is.",
    ),
    Mistake(
        "mask_for_indices",
        lambda p, t: (p.max(1) >= t, p[_sure(p, t)].argmax(1)),
        "that is a mask of True and False. np.flatnonzero makes indices of it.",
    ),
    *(
        Mistake(
            "wrapped_once_more",
            lambda p, t, shape=shape: (_sure(p, t).reshape(shape), p[_sure(p, t)].argmax(1)),
            "np.where gives a tuple of arrays, np.argwhere a column. `np.flatnonzero(…)` gives the "
            "indices as they are asked for.",
        )
        for shape in ((1, -1), (-1, 1))
    ),
    Mistake(
        "every_class_above",
        lambda p, t: np.nonzero(p >= t),
        "a picture with two classes above the threshold comes twice, or not with its best. One "
        "picture has one label, its best answer.",
    ),
    Mistake(
        "first_class_above",
        lambda p, t: (_sure(p, t), (p[_sure(p, t)] >= t).argmax(1)),
        "you take the first class above the threshold, not the best.",
    ),
    Mistake(
        "along_the_pictures",
        lambda p, t: (np.flatnonzero(p.max(0) >= t), p.argmax(0)[p.max(0) >= t]),
        "you look for the best picture of each class. The best class of each picture is along the "
        "last axis, axis=1.",
    ),
    Mistake(
        "labels_of_the_first",
        lambda p, t: (_sure(p, t), p.argmax(1)[: len(_sure(p, t))]),
        "the labels are those of the first pictures, not of the kept ones.",
    ),
    Mistake(
        "rows_kept",
        lambda p, t: (_sure(p, t), p[_sure(p, t)]),
        "you return whole rows of probabilities. A label is one number, the class of the largest.",
    ),
    Mistake(
        "swapped",
        lambda p, t: _by_first(p[_sure(p, t)].argmax(1), _sure(p, t)),
        "indices and labels are exchanged.",
    ),
    Mistake(
        "looked_up",
        _by_value,
        "you look a row up by its numbers, and equal rows get the index of the first. Count the "
        "rows as you go, as `enumerate` does.",
    ),
    Mistake(
        "lead",
        _leading,
        "you compare the lead over the second class with the threshold. Compare the largest "
        "probability itself.",
    ),
    Mistake(
        "stops_at_unsure",
        _until_unsure,
        "you stop at the first row that is not sure. Skip it, and go on.",
    ),
    Mistake(
        "always_0.8",
        lambda p, t: (_sure(p, 0.8), p[_sure(p, 0.8)].argmax(1)),
        "you compare with 0.8, whatever `threshold` is.",
    ),
)


@check(lab=LAB, exercise="pseudo_labels", points=1, returns=PAIR)
def pseudo_labels(answer):
    """pseudo_labels(probabilities, threshold) -> indices (M,) and labels (M,), in any order."""

    def ask(call, probabilities, threshold):
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
    ask(by_hand(answer), some, 0.75)
    ask(answer, some, 0.375)
    ask(answer, np.array([[0.125, 0.5, 0.125, 0.25]]), 0.25)
    below = 0.75 - 2.0**-13  # 0.75 in half precision
    others = some[::-1, ::-1].copy()
    others[1] = others[4] = 0.25 - 2.0**-13, 2.0**-12, below
    others[6] = others[0]
    ask(answer, others, 0.75)
    ask(answer, some[:6], 0.9375)  # no row is so sure
    ask(answer, np.array([[0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.9, 0.1]]), 0.8)
    ask(answer, _many(1_400), 2_432 / 4_096)
    # everything, the certain alone, rows that are equal or undecided, a single class
    ask(answer, some, 0)
    ask(answer, some, 1)
    ask(answer, np.array([[0.25] * 4, [0, 1, 0, 0], [0.25] * 4, [0, 1, 0, 0]]), 0.5)
    ask(answer, np.ones((3, 1)), 0.5)
    ask(answer, np.eye(5, dtype=int)[[4, 0, 4]], 0.5)
    ask(answer, np.array([[0.25, 0.75]]), 0.75)
    return "No person was asked; whether the model is right is another matter."


def _many(n: int) -> np.ndarray:
    """(n, 140): rows whose best answers are 2048, 2049, ... of 4096, at any place."""
    best = (2048 + np.arange(n)[:, None]) / 4096
    others = (1 - best) * 0.5 ** np.r_[np.arange(1, 11), 10]  # exact in single precision too
    rows = np.c_[best, others, np.zeros((n, 128))]
    return np.random.default_rng(90).permuted(rows, axis=1)


def _in_order(call):
    """The answer's pairs by their indices, where they are pairs."""

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
    """Both in the order of the first."""
    order = indices.argsort(kind="stable")
    return indices[order], labels[order]
