"""Check of lab 01: cross-entropy (chapter 01).

Key idea: a network can be certain and wrong. Then the share of the right answer is too small for a
number, and the loss is not, so the check asks for it.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import check
from grooves.checks.arrays import by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.rules import LAB, LOSS, from_smaller_steps, on_read_only
from grooves.checks.forward_propagation.stable_softmax import FAR_APART, shares_of, softmax_of

# ---- 9 cross-entropy -------------------------------------------------------------------------


def log_shares(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """Logarithms of the shares by the stable formula, for the mistakes."""
    shifted = z - z.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def at_labels(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each row the entry at its label: (B, K) and (B,) -> (B,)."""
    return table[np.arange(len(labels)), labels]


def surprises(z, labels):
    """-ln p of the right class: (B,)."""
    return -at_labels(log_shares(z), labels)


def _through_shares(z, labels):
    return -np.log(at_labels(softmax_of(z), labels))


def _squared(z, labels):
    return (softmax_of(z) - np.eye(z.shape[1])[labels]) ** 2


EPSILONS = [getattr(np.finfo(t), name) for t in ("f4", "f8") for name in ("eps", "tiny")]
CROSS_ENTROPY_MISTAKES = (
    # first, since an infinite loss could be several of the others
    Mistake(
        "log_after_softmax",
        lambda z, y: -np.log(at_labels(softmax_of(z), y)).mean(),
        "a share below e^-745 is 0 in the computer, and ln 0 is minus infinity. Do not go through "
        "the share: ln p = z - largest - ln(sum of exp(z - largest)).",
    ),
    Mistake(
        "added_up",
        lambda z, y: surprises(z, y).sum(),
        "that is the sum over the pictures. Take the mean, so that batches of any size compare.",
    ),
    Mistake(
        "one_a_picture",
        surprises,
        "these are the surprises, one a picture. The loss is one number: their mean.",
    ),
    Mistake(
        "no_minus",
        lambda z, y: -surprises(z, y).mean(),
        "the minus sign is missing. The logarithm of a share is negative, a loss is not.",
    ),
    *(
        Mistake(
            "another_base",
            lambda z, y, base=base, of=of: of(z, y).mean() / np.log(base),
            "that is with log2 or log10. Nats need the natural logarithm, np.log.",
        )
        for base in (2, 10)
        for of in (surprises, _through_shares)
    ),
    Mistake(
        "divided_by_classes",
        lambda z, y: surprises(z, y).sum() / z.size,
        "you divide by the number of all logits. There is one surprise a picture: divide by B.",
    ),
    Mistake(
        "every_class",
        lambda z, y: -log_shares(z).mean(),
        "you average over all classes. Only the right one counts: pick the entry at each label.",
    ),
    Mistake(
        "all_pairs",
        lambda z, y: -log_shares(z)[:, y].mean(),
        "[:, labels] picks every label in every row. Pair row i with labels[i]: "
        "[np.arange(len(labels)), labels].",
    ),
    Mistake(
        "raw_logits",
        lambda z, y: -at_labels(z, y).mean(),
        "you took the logits themselves. Their softmax comes first, then its logarithm.",
    ),
    Mistake(
        "no_logarithm",
        lambda z, y: (1 - at_labels(softmax_of(z), y)).mean(),
        "that is 1 - p. The surprise is -ln p, which grows without bound as p goes to 0.",
    ),
    Mistake(
        "log_of_mean",
        lambda z, y: -np.log(at_labels(softmax_of(z), y).mean()),
        "you average the shares and then take the logarithm. Logarithm first, then the mean.",
    ),
    Mistake(
        "own_answer",
        lambda z, y: -log_shares(z).max(-1).mean(),
        "that is the surprise at the network's own favourite. Take the share of the right answer.",
    ),
    *(
        Mistake(
            "entropy", compute, "that is the entropy of the shares. The labels do not occur in it."
        )
        for compute in (
            lambda z, y: -(softmax_of(z) * log_shares(z)).sum(-1).mean(),
            lambda z, y: -(softmax_of(z) * np.log(softmax_of(z))).sum(-1).mean(),
        )
    ),
    Mistake(
        "largest_for_the_sum",
        lambda z, y: (z.max(-1) - at_labels(z, y)).mean(),
        "you take the largest logit in place of ln of the sum of exponentials. That is near it "
        "only where the other logits are far below.",
    ),
    *(
        Mistake(
            "certain_and_wrong_left_out",
            lambda z, y, none=none: (
                s[np.isfinite(s)].mean() if np.isfinite(s := _through_shares(z, y)).any() else none
            ),
            "pictures whose share is 0 to the computer are left out of the mean. Their loss is "
            "finite: compute ln p without p.",
        )
        for none in (math.nan, 0.0, math.inf)
    ),
    *(
        Mistake(
            "squared",
            compute,
            "that is the squared error. Cross-entropy takes -ln of the right class's share.",
        )
        for compute in (
            lambda z, y: _squared(z, y).mean(),
            lambda z, y: _squared(z, y).sum(-1).mean(),
        )
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: -at_labels(log_shares(z, 0), y).mean(),
        "your shares add up to 1 down the pictures. They should along the classes, axis=-1.",
    ),
    Mistake(
        "no_shift",
        lambda z, y: -np.log(at_labels(shares_of(np.exp(z)), y)).mean(),
        "exp of a number above 709 is infinite. Take the row's largest logit off first.",
    ),
    Mistake(
        "sum_of_exponentials",
        lambda z, y: (np.log(np.exp(z).sum(-1)) - at_labels(z, y)).mean(),
        "ln of the sum of exponentials is the right formula, but the exponentials overflow. "
        "Take the row's largest off the logits, and all stays the same but that.",
    ),
    Mistake(
        "shifted_in_the_sum_only",
        lambda z, y: (
            np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1)) - at_labels(z, y)
        ).mean(),
        "the sum has the row's largest taken off, the logit at the label does not. "
        "Take both from the shifted logits.",
    ),
    Mistake(
        "one_maximum_for_all",
        lambda z, y: (
            -at_labels(z - z.max() - np.log(np.exp(z - z.max()).sum(-1, keepdims=True)), y).mean()
        ),
        "you take off the largest logit of the whole batch; in a row far below it all "
        "exponentials are 0. Every row needs its own largest.",
    ),
    *(
        Mistake(
            "propped_up",
            compute,
            "a small number keeps ln from minus infinity, and caps the loss: a network that is "
            "certain and wrong then seems less wrong. Work with ln p, not with p.",
        )
        for tiny in (*10.0 ** -np.arange(4.0, 309), *EPSILONS)
        for compute in (
            lambda z, y, tiny=tiny: -np.log(at_labels(softmax_of(z), y) + tiny).mean(),
            lambda z, y, tiny=tiny: -np.log(at_labels(softmax_of(z), y).clip(tiny, 1)).mean(),
        )
    ),
)


@check(lab=LAB, exercise="cross_entropy", points=2)
def cross_entropy(answer):
    """cross_entropy(logits, labels): (B, K) and (B,) -> mean of -ln p of the right class."""

    def ask(call, logits, labels, note=""):
        labels = np.array(labels)
        shown = labels.tolist() if len(labels) < 20 else shape_of(labels)
        expected = F.cross_entropy(
            torch.from_numpy(logits).double(), torch.from_numpy(labels).long()
        )
        given = f"logits {shape_of(logits)} and labels {shown}{note}"
        judge(call, (logits, labels), expected, CROSS_ENTROPY_MISTAKES, given)

    ask(by_hand(answer, *LOSS), 2 * draw(16, 5, 3), [2, 0, 1, 1, 2])
    ask(from_smaller_steps(answer, *LOSS), 2 * draw(17, 3, 4), [3, 0, 2])
    ask(answer, draw(18, 1, 4), [1])
    many = np.random.default_rng(20).integers(0, 13, 307)
    ask(answer, 3 * draw(20, 307, 13), many)
    ask(answer, coarse(draw(18, 2, 4)) + 3000, [2, 0], ", all logits near 3000")
    ask(
        answer,
        coarse(draw(19, 3, 4)) + FAR_APART,
        [1, 3, 0],
        ", rows near 0, near -3000 and near 3000",
    )
    certain = np.array([[2600.0, 0.5, 1.0], [3.0, 2.0, 1.0]])
    ask(answer, certain, [1, 0], ", the first row (2600, 0.5, 1): certain and wrong")
    late = np.array([[0.0, 7000, 1], [1, 0, 800], [0, 1, 2], [-1e5, 0, 3]])
    ask(answer, late, [2, 2, 0, 0], ", with (0, 7000, 1) and (-100000, 0, 3): certain and wrong")
    low = np.array([[-1000.0, -1000], [-760, -750], [0, 0], [5, 5], [5, 5], [-800, -800]])
    ask(on_read_only(answer), low, [0, 0, 1, 1, 0, 1], ", with (-1000, -1000) and (0, 0)")
    ask(answer, low[:1], [1], ", one row, (-1000, -1000)")
    ask(answer, np.array([[1e30, 0.0]]), [1], ", one row, (1e30, 0): certain and wrong")
    ask(answer, np.array([[0, 700.0], [3e9, 0]]), [0, 0], ", rows (0, 700) and (3e9, 0)")
    ask(answer, coarse(draw(22, 4, 1)), [0, 0, 0, 0], ", one class")
    ask(
        on_read_only(answer), 2 * draw(23, 1361, 2), many[:1].repeat(1361) % 2, ", all labels alike"
    )
    ask(answer, 2 * draw(24, 3, 1409), [1408, 0, 700])
    whole, labels = np.array([[0, 1, 3], [2, 2, 0], [5, 1, 1]]), np.array([1, 0, 2])
    on_whole_numbers(ask, answer, whole, labels, ", logits of integers")
    on_whole_numbers(ask, answer, whole / 4, labels.astype("i4"), ", labels of four bytes")
    ask(answer, np.array([[-0.5]]), [0], ", one logit")
