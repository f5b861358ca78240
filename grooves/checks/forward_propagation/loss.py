"""Check of lab 01: cross-entropy (chapter 01).

Key idea: a network can be certain and wrong. The probability of the right class then underflows to
0, but the loss is still finite, and the check compares it.
Shapes: B pictures, K classes.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, coarse, draw, judge, on_whole_numbers
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.forward_propagation.rules import LAB, LOSS, from_smaller_steps, on_read_only
from grooves.checks.forward_propagation.stable_softmax import FAR_APART, normalised, softmax_of

# ---- 9 cross-entropy -------------------------------------------------------------------------


def log_softmax_of(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """Log-probabilities by the stable formula, for the mistakes."""
    shifted = z - z.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def at_labels(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The entry of each row at its label: (B, K) and (B,) -> (B,)."""
    return table[np.arange(len(labels)), labels]


def losses(z, labels):
    """-ln p of the right class: (B,)."""
    return -at_labels(log_softmax_of(z), labels)


def one_hot(z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 at the label of each row, 0 elsewhere: (B, K)."""
    return np.eye(z.shape[1])[labels]


EPSILONS = [getattr(np.finfo(t), name) for t in ("f4", "f8") for name in ("eps", "tiny")]
CROSS_ENTROPY_MISTAKES = (
    # first, since an infinite loss could be several of the others
    Mistake(
        "log_after_softmax",
        lambda z, y: -np.log(at_labels(softmax_of(z), y)).mean(),
        "a probability below e^-745 is rounded to 0, and ln 0 is minus infinity. Compute ln p "
        "without p: ln p = z - largest - ln(sum of exp(z - largest)).",
    ),
    *(
        Mistake(
            "epsilon_added",
            compute,
            "a small number keeps ln from minus infinity, but it also limits the loss, so a "
            "network that is certain and wrong seems less wrong. Compute ln p without p.",
        )
        for tiny in (*10.0 ** -np.arange(4.0, 309), *EPSILONS)
        for compute in (
            lambda z, y, tiny=tiny: -np.log(at_labels(softmax_of(z), y) + tiny).mean(),
            lambda z, y, tiny=tiny: -np.log(at_labels(softmax_of(z), y).clip(tiny, 1)).mean(),
        )
    ),
    *(
        Mistake(
            "overflow",
            compute,
            "exp of a number above 709 overflows to infinity. Subtract the row's largest logit "
            "from the whole row first, which leaves the loss as it is.",
        )
        for compute in (
            lambda z, y: -np.log(at_labels(normalised(np.exp(z)), y)).mean(),
            lambda z, y: (np.log(np.exp(z).sum(-1)) - at_labels(z, y)).mean(),
        )
    ),
    Mistake(
        "shifted_in_the_sum_only",
        lambda z, y: (
            np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1)) - at_labels(z, y)
        ).mean(),
        "you subtract the row's largest logit inside the sum, but not from the logit at the label. "
        "Take both from the shifted logits.",
    ),
    Mistake(
        "one_maximum_for_all",
        lambda z, y: (
            -at_labels(z - z.max() - np.log(np.exp(z - z.max()).sum(-1, keepdims=True)), y).mean()
        ),
        "you subtract the largest logit of the whole batch; in a row far below it all "
        "exponentials are 0. Subtract each row's own largest logit.",
    ),
    Mistake(
        "summed",
        lambda z, y: losses(z, y).sum(),
        "you return the sum over the pictures. Return the mean, which does not grow with the "
        "batch.",
    ),
    Mistake(
        "per_picture",
        losses,
        "you return one loss per picture. Return their mean.",
    ),
    Mistake(
        "no_minus",
        lambda z, y: -losses(z, y).mean(),
        "the minus sign is missing. The logarithm of a probability is negative; the loss is not.",
    ),
    Mistake(
        "divided_by_classes",
        lambda z, y: losses(z, y).sum() / z.size,
        "you divide by the number of all logits. There is one loss per picture: divide by B.",
    ),
    Mistake(
        "divided_by_classes",
        lambda z, y: -(one_hot(z, y) * np.log(softmax_of(z))).mean(),
        "the mean over the whole one-hot table also counts its zeros, so it divides by B times K. "
        "Sum over the classes first, then take the mean over the pictures.",
    ),
    *(
        Mistake(
            "all_pairs",
            compute,
            "[:, labels] picks every label in every row. Pair row i with labels[i]: "
            "[np.arange(len(labels)), labels].",
        )
        for compute in (
            lambda z, y: -log_softmax_of(z)[:, y].mean(),
            lambda z, y: -np.log(softmax_of(z)[:, y]).mean(),
            lambda z, y: -np.log(normalised(np.exp(z))[:, y]).mean(),
        )
    ),
    *(
        Mistake(
            "other_base",
            lambda z, y, base=base, per_picture=per_picture: (
                per_picture(z, y).mean() / np.log(base)
            ),
            f"your logarithm has the base {base}. The loss in nats takes the natural logarithm, "
            "np.log.",
        )
        for base in (2, 10)
        for per_picture in (losses, lambda z, y: -np.log(at_labels(softmax_of(z), y)))
    ),
    Mistake(
        "wrong_axis",
        lambda z, y: -at_labels(log_softmax_of(z, 0), y).mean(),
        "your softmax normalises over the pictures. Normalise over the classes: axis=-1.",
    ),
)


@check(lab=LAB, exercise="cross_entropy")
def cross_entropy(answer):
    """cross_entropy(logits, labels): (B, K) and (B,) -> mean of -ln p of the right class."""

    def ask(call, logits, labels, note=""):
        labels = np.array(labels)
        shown = labels.tolist() if len(labels) < 20 else shape_of(labels)
        expected = F.cross_entropy(
            torch.from_numpy(logits).double(), torch.from_numpy(labels).long()
        )
        given = f"logits {shape_of(logits)} and labels {shown}{note}"
        try:
            judge(call, (logits, labels), expected, CROSS_ENTROPY_MISTAKES, given)
        except ValueError as error:
            if str(error) != "math domain error":
                raise
            raise CheckFailed(
                f"for {given}, your code stopped with an error, {error}: math.log was given 0. "
                "The probability of the right class is so small that it was rounded to 0. "
                "Compute ln p without p: ln p = z - largest - ln(sum of exp(z - largest)).",
                hint="rounded_to_0",
            ) from None

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
