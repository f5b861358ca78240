"""Check of lab 01: accuracy, the fraction of rows with the largest logit at the label (chapter 01).

Key idea: the labels are chosen so that each mistake gives a different accuracy, and in some rows
two logits are too close for a softmax or for a data type of lower precision.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand, draw, judge
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.loss import at_labels
from grooves.checks.forward_propagation.rules import (
    ACCURACY,
    LAB,
    from_smaller_steps,
    integers,
    on_read_only,
)
from grooves.checks.forward_propagation.stable_softmax import softmax_of


def _right(z, labels):
    return z.argmax(-1) == labels


ACCURACY_MISTAKES = (
    Mistake(
        "count",
        lambda z, y: _right(z, y).sum(),
        "you return how many are right. Divide by the number of pictures.",
    ),
    Mistake(
        "percent",
        lambda z, y: 100 * _right(z, y).mean(),
        "you return a percentage. Return a fraction from 0 to 1.",
    ),
    Mistake(
        "error_rate",
        lambda z, y: 1 - _right(z, y).mean(),
        "you return the fraction of wrong answers. Use `==` instead of `!=`, or 1 minus it.",
    ),
    Mistake(
        "per_picture",
        _right,
        "you return one True or False per picture. Their mean is the accuracy.",
    ),
    Mistake(
        "predictions",
        lambda z, y: z.argmax(-1),
        "you return the network's predictions. Compare them with the labels.",
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: (z.argmax(0) == y).mean() if z.shape[0] == z.shape[1] else NOT_THIS,
        "argmax runs over the pictures. Take the largest logit of each row: axis=-1.",
    ),
    Mistake(
        "no_axis",
        lambda z, y: (z.argmax() == y).mean(),
        "argmax without an axis finds one position in the whole batch. Use axis=-1, for each row.",
    ),
    Mistake(
        "max_for_argmax",
        lambda z, y: (z.max(-1) == y).mean(),
        "you compare the largest logit with the label. Compare its position: argmax, not max.",
    ),
    Mistake(
        "mean_probability",
        lambda z, y: at_labels(softmax_of(z), y).mean(),
        "you return the mean probability of the right class. Each picture counts as right or "
        "wrong, 1 or 0.",
    ),
    *(
        Mistake(
            "rounded_logits",
            compute,
            "rounding makes two close logits equal, by a softmax, by round() or by a data type of "
            "lower precision. Compare the logits themselves.",
        )
        for compute in (
            lambda z, y: (softmax_of(z).argmax(-1) == y).mean(),
            lambda z, y: (z.astype("f4").argmax(-1) == y).mean(),
            lambda z, y: (z.astype("f2").argmax(-1) == y).mean(),
            *(lambda z, y, n=n: (z.round(n).argmax(-1) == y).mean() for n in (0, 1, 2, 3, 4, 6, 8)),
        )
    ),
)


@check(lab=LAB, exercise="accuracy")
def accuracy(answer):
    """accuracy(logits, labels): (B, K) and (B,) -> fraction of rows whose largest is at the label.

    The labels are chosen so that `right` rows are right and each mistake gives another result.
    """

    def ask(call, logits, right, note="", others=None):
        answers = np.array([row.index(max(row)) for row in logits.tolist()])
        wrong = np.arange(len(logits)) >= right
        others = (answers + 1) % logits.shape[1] if others is None else others
        labels = np.where(wrong, others, answers)
        shown = labels.tolist() if len(labels) < 20 else shape_of(labels)
        given = f"logits {shape_of(logits)} and labels {shown}, of which {right} are right{note}"
        judge(call, (logits, labels), right / len(labels), ACCURACY_MISTAKES, given, "it should be")

    # a seed with which no two mistakes give the same result
    ask(by_hand(answer), draw(4012, 10, 10, scale=2) - 1, 6)
    ask(from_smaller_steps(answer, *ACCURACY), draw(21, 9, 4, scale=2) - 1, 5)
    ask(answer, draw(24, 9, 4, scale=2) - 1, 7)
    ask(answer, draw(22, 1, 4, scale=2) - 1, 1)
    ask(answer, draw(23, 457, 13, scale=2) - 1, 301)
    ask(answer, integers(25, 11, 3), 4, ", logits of integers")
    ask(answer, draw(26, 1361, 2), 877)
    ask(on_read_only(answer), draw(27, 5, 1409), 3)
    ask(answer, draw(28, 6, 5), 0)
    ask(answer, -1e30 * (3 + np.abs(draw(29, 7, 4))), 5, ", all logits below -1e30")
    ask(answer, 1e-300 * draw(30, 7, 4), 3, ", all logits near 1e-300")
    alike = draw(31, 1, 4).repeat(9, axis=0)
    ask(on_read_only(answer), alike, 5, ", all rows alike")
    up = np.nextafter
    narrow = [
        [1, up(1, 2), 0], [up(1, 2), 1, 1], [-1, -1, up(-1, 0)], [0, 1e-17, 0], [3, 3 + 1e-9, 0],
        [1e30, up(1e30, 2e30), 0], [0.5, 0.1, 0.5001], [2, 2.004, 1], [700, 700 + 1e-6, 0],
    ]  # fmt: skip
    for right, rows in ((5, np.array(narrow)), (2, np.array(narrow[::2]))):
        ask(answer, rows, right, ", with leads such as 1e-17", rows.argsort()[:, 1])
