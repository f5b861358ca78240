"""Check of lab 03, last part: which pictures are worth a label (chapter 03).

Key idea: the answer sees pictures and no label, and says which of them a person should look at.
Five examinations hand over 1,000 pictures each, drawn anew; the labels of the chosen ones teach the
lab's fixed reader, and 450 pictures that no answer ever sees say how well it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.compare import kept_without, watched
from grooves.checks.labels.reader import read
from grooves.checks.labels.rules import ARRAY, LAB, as_array
from grooves.language.corpora import Digits, digits

N_LABELS = 50
POOL = 1_000
EXAMS = 5
CLOSE_CENTRES = (38, 46)  # pools in which two centres of k-means often share their nearest picture
BAR = 0.865  # lots come to 0.82 (0.86 in the best of 400), centres of k-means to 0.89
RACE = (10, 20, 50, 100)
KEEPERS_OF_LABELS = {
    ("grooves.language.corpora", "digits"),
    ("sklearn.datasets._base", "load_digits"),
}


@dataclass(frozen=True)
class Exam:
    """Pictures to choose from (N, 64), and their labels, which stay here."""

    pictures: np.ndarray
    labels: np.ndarray


@check(lab=LAB, exercise="choose", points=3, returns=ARRAY, repeatable=False)
def choose(answer):
    """choose(images, n) -> n different indices of the pictures (N, 64) to be labelled."""
    chosen = [_ask(answer, exam, N_LABELS) for exam in _exams()]
    shares = [_share(exam, places) for exam, places in zip(_exams(), chosen, strict=True)]
    reached = float(np.mean(shares))
    if not reached >= BAR:
        each = ", ".join(f"{share:.1%}" for share in shares)
        name, why = _why(chosen)
        raise CheckFailed(
            f"for {N_LABELS} labels of your choice, your result is a reader of {reached:.1%} "
            f"({each} in {EXAMS} examinations); the bar is {BAR:.1%}.\nLikely mistake: {why}",
            hint=name,
        )
    fewer = Exam(_exams()[0].pictures[:700], _exams()[0].labels[:700])
    _ask(answer, fewer, 20)  # any number of any pictures
    _ask(answer, fewer, 61)
    for seed in CLOSE_CENTRES:
        order = np.random.default_rng([9, seed]).permutation(len(_data().train_images))[:200]
        _ask(answer, Exam(_data().train_images[order], _data().train_labels[order]), 40)
    return f"{N_LABELS} labels of your choice classify {reached:.1%} (bar: {BAR:.1%})."


def race(answer) -> float:
    """Score of a choice of 10, 20, 50 and 100 pictures: the mean accuracy of the reader.

    Nothing is graded. Raises: CheckFailed where the choice cannot be used.
    """
    shares = {
        n: float(np.mean([_share(exam, _ask(answer, exam, n)) for exam in _exams()])) for n in RACE
    }
    score = float(np.mean(list(shares.values())))
    said = ", ".join(f"{share:.1%} from {n} labels" for n, share in shares.items())
    print(f"score {score:.1%}: {said}.")
    return score


def _ask(answer, exam: Exam, n: int) -> np.ndarray:
    """The indices that an answer chooses, where they are n different ones of the pictures."""
    given = f"{len(exam.pictures)} pictures and n = {n}"
    got = as_array(_without_labels(answer, exam.pictures.copy(), n))
    if got.dtype == bool or got.shape != (n,):
        what = "a mask" if got.dtype == bool else f"of shape {got.shape}"
        raise CheckFailed(
            f"for {given}, your result is {what}, expected {n} indices, shape ({n},).",
            hint="not_so_many",
        )
    if not np.issubdtype(got.dtype, np.number) or (got != np.rint(got)).any():
        odd = got[0] if got.dtype.kind not in "fc" else got[got != np.rint(got)][0].round(3)
        raise CheckFailed(
            f"for {given}, your result holds {odd}. Centres and distances are no indices: "
            "which picture lies nearest?",
            hint="not_whole",
        )
    got = got.astype(int)
    if got.min() < 0 or got.max() >= len(exam.pictures):
        raise CheckFailed(
            f"for {given}, your result holds the index {got[abs(got).argmax()]}; they go from 0 to "
            f"{len(exam.pictures) - 1}.",
            hint="no_such_picture",
        )
    if len(np.unique(got)) < n:
        raise CheckFailed(
            f"for {given}, your result has {n - len(np.unique(got))} pictures that were chosen "
            "before. Two centres can have the same nearest picture: take the next nearest.",
            hint="chosen_twice",
        )
    return got


def _without_labels(answer, pictures, n: int):
    """What the answer chooses; refused where it fetches the digits, which come with labels."""

    def keeper(module: str, code) -> str | None:
        return code.co_name if (module, code.co_name) in KEEPERS_OF_LABELS else None

    result, fetched = kept_without(
        lambda: watched(answer, (pictures, n), keeper),
        answer,
        _is_labels,
        "labels_used",
        lambda name: (
            f"your function reads `{name}`, and labels are forbidden here: they do not exist yet. "
            "Say by the pictures alone which ones to buy."
        ),
    )
    if fetched:
        raise CheckFailed(
            f"your function calls {fetched[0]}, which holds the labels. They do not exist yet: you "
            "say which to buy. Choose by the pictures that you are given.",
            hint="labels_fetched",
        )
    return result


def _is_labels(value) -> bool:
    right = _data().train_labels
    same_kind = isinstance(value, np.ndarray) and value.shape == right.shape
    return same_kind and bool((value == right).all())


def _share(exam: Exam, chosen) -> float:
    """Accuracy on the held-out pictures after learning from the chosen labels."""
    data = _data()
    shares = read(exam.pictures[chosen], exam.labels[chosen], data.test_images)
    return float((shares.argmax(axis=1) == data.test_labels).mean())


def _why(chosen) -> tuple[str, str]:
    """The likely reason that a choice stays below the bar: a name, and what to say."""
    exams = _exams()
    for exam, places in zip(exams, chosen, strict=True):
        if missing := sorted(set(range(10)) - set(exam.labels[places].tolist())):
            return "digit_missing", (
                f"none of the chosen pictures is a {missing[0]}, so the reader never meets one. "
                "Choose pictures that are unlike each other."
            )
    apart, odd, near = (
        np.mean(
            [measure(exam.pictures, places) for exam, places in zip(exams, chosen, strict=True)]
        )
        for measure in (_apart, _odd, _covered)
    )
    lots = [np.random.default_rng(i).permutation(POOL)[:N_LABELS] for i in range(EXAMS)]
    lots_apart, lots_near = (
        np.mean([measure(exam.pictures, lot) for exam, lot in zip(exams, lots, strict=True)])
        for measure in (_apart, _covered)
    )
    if apart < 0.9 * lots_apart:
        return "too_alike", (
            "many of the chosen pictures are nearly the same, and the second of two says little "
            "new. Spread the choice over more kinds of pictures."
        )
    if odd > 1.15:
        return "odd_ones", (
            "the chosen pictures are odd ones, far from all others. A label is worth most where "
            "many pictures are like the one that bears it."
        )
    if apart > 1.05 * lots_apart and near > 0.93 * lots_near:
        return "not_the_middle", (
            "your pictures are of many kinds, as if each came from a group of its own, but they "
            "are not in the middle of their groups. Take of each group the one that is nearest "
            "to its mean: that one speaks for most."
        )
    if near > 0.97 * lots_near:
        return "as_by_lot", (
            "your choice lies no nearer to the other pictures than a draw by lot. Group the "
            "pictures by likeness first, and take of each group the one in its middle."
        )
    return "below_bar", (
        "none of the usual ones. Do the groups have about as many pictures each, and is the "
        "chosen one in the middle of its group?"
    )


def _distances(some, others) -> np.ndarray:
    squares = (some**2).sum(axis=1)[:, None] - 2 * some @ others.T + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))


def _apart(pictures, chosen) -> float:
    """Mean distance of a chosen picture from the nearest other chosen one."""
    gaps = _distances(pictures[chosen], pictures[chosen])
    np.fill_diagonal(gaps, np.inf)
    return float(gaps.min(axis=1).mean())


def _odd(pictures, chosen) -> float:
    """Mean distance of a chosen picture from its five nearest, by that of any picture."""
    gaps = np.sort(_distances(pictures, pictures), axis=1)[:, 1:6].mean(axis=1)
    return float(gaps[chosen].mean() / gaps.mean())


def _covered(pictures, chosen) -> float:
    """Mean distance of a picture from the nearest chosen one."""
    return float(_distances(pictures, pictures[chosen]).min(axis=1).mean())


@cache
def _data() -> Digits:
    return digits()


@cache
def _exams() -> tuple[Exam, ...]:
    data = _data()
    orders = [
        np.random.default_rng([3, i]).permutation(len(data.train_images)) for i in range(EXAMS)
    ]
    pools = [order[:POOL] for order in orders]
    return tuple(Exam(data.train_images[pool], data.train_labels[pool]) for pool in pools)
