"""Check of lab 8: calibration (chapter 8).

Key idea: the bins have very different counts, some are empty, some confidences lie exactly on an
edge, and some are exactly 1. Letters: N predictions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.generation.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PARTS = ("the table", "the error")


def case(seed: int, N: int, low: float = 0.0, on_edges: int = 0, ones: int = 0):
    """Confidences (N,) from `low` on, most of them high, and whether each is right, 0 or 1.

    on_edges: how many are multiples of 1/4. ones: how many are exactly 1.
    """
    random = np.random.default_rng(seed)
    confidence = low + (1 - low) * random.beta(2, 0.8, size=N)
    correct = random.random(N) < confidence**1.5  # overconfident
    confidence[:on_edges] = random.integers(1, 4, size=on_edges) / 4
    confidence[on_edges : on_edges + ones] = 1.0
    order = random.permutation(N)
    return torch.tensor(confidence[order]), torch.tensor(correct[order].astype(float))


def _place(confidence: Tensor, n_bins: int) -> np.ndarray:
    return np.minimum((confidence.numpy() * n_bins).astype(int), n_bins - 1)


def _table(confidence, correct, n_bins, place=_place, empty=0.0, shown=None) -> np.ndarray:
    """Count, mean confidence and accuracy of each bin: (n_bins, 3)."""
    bins = place(confidence, n_bins)
    rows = []
    for i in range(n_bins):
        inside = bins == i
        if inside.any():
            mean = confidence.numpy()[inside].mean() if shown is None else shown(i, n_bins)
            rows.append((inside.sum(), mean, correct.numpy()[inside].mean()))
        else:
            rows.append((0, empty, empty))
    return np.array(rows, dtype=float)


def _error(table: np.ndarray) -> float:
    count, confidence, accuracy = table.T
    return float((count * abs(confidence - accuracy)).sum() / count.sum())


def _both(error=_error, **changes):
    def compute(confidence, correct, n_bins):
        table = _table(confidence, correct, n_bins, **changes)
        return table, error(table)

    return compute


def _right_closed(confidence, n_bins):
    return np.maximum(np.ceil(confidence.numpy() * n_bins).astype(int) - 1, 0)


def _one_lost(confidence, n_bins):
    return (confidence.numpy() * n_bins).astype(int)


def _equal_counts(confidence, n_bins):
    ranks = np.argsort(np.argsort(confidence.numpy(), kind="stable"))
    return ranks * n_bins // len(confidence)


def _split(confidence, n_bins):
    place = np.empty(len(confidence), dtype=int)
    order = np.argsort(confidence.numpy(), kind="stable")
    for i, part in enumerate(np.array_split(order, n_bins)):
        place[part] = i
    return place


def _gaps(table: np.ndarray) -> np.ndarray:
    return abs(table[:, 1] - table[:, 2])


def _each_alone(confidence, correct, n_bins):
    table = _table(confidence, correct, n_bins)
    return table, float((confidence - correct).abs().mean())


MISTAKES = (
    *in_forms(
        "unweighted",
        "every bin counts the same. Weight each gap by the number of predictions in its bin.",
        _both(lambda t: _gaps(t)[t[:, 0] > 0].mean()),
        _both(lambda t: _gaps(t).mean()),
    ),
    Mistake(
        "right_closed",
        _both(place=_right_closed),
        "a confidence on an edge is in the lower bin. It belongs to the bin that begins there.",
    ),
    Mistake(
        "one_lost",
        _both(place=_one_lost),
        "a confidence of exactly 1 is in no bin. It belongs to the last one.",
    ),
    Mistake(
        "signed",
        _both(lambda t: float((t[:, 0] * (t[:, 1] - t[:, 2])).sum() / t[:, 0].sum())),
        "bins that are too confident cancel those that are not confident enough. Take the absolute "
        "value of each gap.",
    ),
    Mistake(
        "largest_gap",
        _both(lambda t: _gaps(t).max()),
        "that is the largest gap, the maximum calibration error. Average over the bins, weighted "
        "by their counts.",
    ),
    Mistake(
        "squared",
        _both(lambda t: float((t[:, 0] * _gaps(t) ** 2).sum() / t[:, 0].sum())),
        "you square the gaps. Take their absolute values.",
    ),
    Mistake(
        "not_divided",
        _both(lambda t: float((t[:, 0] * _gaps(t)).sum())),
        "the weighted gaps are added up, but not divided by the number of predictions.",
    ),
    Mistake(
        "centres",
        _both(shown=lambda i, n: (i + 0.5) / n),
        "you take the centre of each bin for its confidence. Take the mean of the confidences in "
        "it.",
    ),
    *in_forms(
        "equal_counts",
        "your bins hold equally many predictions. Here they have equal widths.",
        _both(place=_equal_counts),
        _both(place=_split),
    ),
    *in_forms(
        "empty_bins",
        "the mean of an empty bin is 0 / 0, which is NaN. Its row is three zeros, and it has no "
        "weight in the error.",
        _both(empty=np.nan),
        lambda *inputs: (_table(*inputs, empty=np.nan), _error(_table(*inputs))),
        lambda *inputs: (_table(*inputs), _error(_table(*inputs, empty=np.nan))),
    ),
    Mistake(
        "no_bins",
        _each_alone,
        "the error compares each confidence with 0 or 1. Compare the means of each bin.",
    ),
)


@check(lab=LAB, exercise="calibration", returns=(tuple, list))
def calibration(answer):
    """calibration(confidence, correct, n_bins): (N,), (N,), int -> (n_bins, 3), a number."""

    def ask(call, made, n_bins, note=""):
        inputs = (*made, n_bins)
        table = _table(*inputs)
        right = dict(zip(PARTS, (table, _error(table)), strict=True))
        given = f"{len(made[0])} predictions and n_bins = {n_bins}{note}"
        judge_parts(call, inputs, right, MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(81, 60), 5)
    ask(answer, case(82, 60), 5)
    ask(answer, case(81, 60), 10)
    ask(answer, case(83, 200), 7)
    ask(answer, case(84, 50, low=0.5), 10, ", none of them below 0.5")
    ask(answer, case(85, 80, on_edges=30), 4, ", many of them exactly on an edge")
    ask(answer, case(86, 60, ones=20), 6, ", some of them exactly 1")
    ask(answer, case(87, 300, on_edges=60, ones=30), 8, ", some on an edge, some exactly 1")
    ask(answer, case(88, 1), 3)
    ask(answer, case(89, 40), 1)
