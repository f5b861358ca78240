"""Check of lab 01: accuracy, the share of rows whose largest logit is at the label (chapter 01).

Key idea: the labels are chosen so that each mistake comes to another share, and some leads are too
narrow for a softmax or for a type of fewer digits.
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
        "counted",
        lambda z, y: _right(z, y).sum(),
        "that is how many are right. Divide by the number of pictures.",
    ),
    Mistake(
        "percent", lambda z, y: 100 * _right(z, y).mean(), "that is in percent. Return a share."
    ),
    Mistake(
        "errors",
        lambda z, y: 1 - _right(z, y).mean(),
        "that is the share of wrong answers. `==` instead of `!=`, or 1 minus it.",
    ),
    Mistake(
        "one_a_picture",
        _right,
        "these are the verdicts, one a picture. Their mean is the share of True.",
    ),
    Mistake(
        "answers",
        lambda z, y: z.argmax(-1),
        "these are the network's answers. Compare them with the labels.",
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: (z.argmax(0) == y).mean() if z.shape[0] == z.shape[1] else NOT_THIS,
        "argmax runs down the pictures. Each picture's answer is the largest of its row: axis=-1.",
    ),
    Mistake(
        "smallest",
        lambda z, y: (z.argmin(-1) == y).mean(),
        "you take the smallest logit. The answer is the largest.",
    ),
    Mistake(
        "no_axis",
        lambda z, y: (z.argmax() == y).mean(),
        "argmax without an axis looks for one place in the whole batch. Ask each row: axis=-1.",
    ),
    Mistake(
        "largest_logit_itself",
        lambda z, y: (z.max(-1) == y).mean(),
        "you compare the largest logit with the label. Compare its place: argmax, not max.",
    ),
    Mistake(
        "mean_share",
        lambda z, y: at_labels(softmax_of(z), y).mean(),
        "that is the mean share of the right class. An answer counts as right or wrong, 1 or 0.",
    ),
    Mistake(
        "more_than_half",
        lambda z, y: (at_labels(softmax_of(z), y) > 0.5).mean(),
        "you ask for a share above a half. The largest logit wins, however small its share.",
    ),
    Mistake(
        "positive",
        lambda z, y: (at_labels(z, y) > 0).mean(),
        "you ask whether the right logit is positive. It has to be the largest of its row.",
    ),
    Mistake(
        "largest_size",
        lambda z, y: (np.abs(z).argmax(-1) == y).mean(),
        "you compare sizes without their signs. A logit of -5 is smaller than one of 1.",
    ),
    Mistake(
        "first_two",
        lambda z, y: (np.argsort(z)[:, -2:] == y[:, None]).any(-1).mean(),
        "you count the second largest logit too. The answer is the largest alone.",
    ),
    *(
        Mistake(
            "lead_lost",
            compute,
            "a narrow lead is lost to rounding: in a softmax, by round() or in a type of fewer "
            "digits. Compare the logits as they are.",
        )
        for compute in (
            lambda z, y: (softmax_of(z).argmax(-1) == y).mean(),
            lambda z, y: (z.astype("f4").argmax(-1) == y).mean(),
            lambda z, y: (z.astype("f2").argmax(-1) == y).mean(),
            *(lambda z, y, n=n: (z.round(n).argmax(-1) == y).mean() for n in (0, 1, 2, 3, 4, 6, 8)),
        )
    ),
    *(
        Mistake(
            "nearly_counts",
            lambda z, y, less=less: (at_labels(z, y) >= z.max(-1) - less).mean(),
            "a logit that is nearly the largest counts as right. It has to be the largest.",
        )
        for less in (*10.0 ** -np.arange(1, 13), *np.array([0.5, 1]))
    ),
    Mistake(
        "divided_by_classes",
        lambda z, y: _right(z, y).sum() / z.shape[1],
        "you divide by the number of classes. Divide by the number of pictures.",
    ),
)


@check(lab=LAB, exercise="accuracy")
def accuracy(answer):
    """accuracy(logits, labels): (B, K) and (B,) -> the share of rows with the largest at the label.

    The labels are chosen so that so many are right and each mistake comes to another share.
    """

    def ask(call, logits, right, note="", others=None):
        answers = np.array([row.index(max(row)) for row in logits.tolist()])
        wrong = np.arange(len(logits)) >= right
        others = (answers + 1) % logits.shape[1] if others is None else others
        labels = np.where(wrong, others, answers)
        shown = labels.tolist() if len(labels) < 20 else shape_of(labels)
        given = f"logits {shape_of(logits)} and labels {shown}, of which {right} are right{note}"
        judge(call, (logits, labels), right / len(labels), ACCURACY_MISTAKES, given, "the right is")

    # a seed with which no two mistakes give one share
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
