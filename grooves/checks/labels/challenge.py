"""Check of lab 03, last part: which pictures are worth a label (chapter 03).

Key idea: the answer sees pictures and no labels, and chooses which of them a person should label.
Each of five trials passes it another 1,000 pictures; the lab's fixed classifier is trained on the
labels of the chosen ones and tested on 450 pictures that no answer ever sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.compare import kept_without, watched
from grooves.checks.labels.classifier import classify
from grooves.checks.labels.rules import ARRAY, LAB, as_array
from grooves.language.corpora import Digits, digits

N_LABELS = 50
POOL = 1_000
TRIALS = 5
# pools where two centres of k-means often share the nearest picture
CLOSE_CENTRES = (38, 46)
BAR = 0.865  # random choices reach 0.82 (0.86 in the best of 400), centres of k-means 0.89
RACE = (10, 20, 50, 100)
SOURCES_OF_LABELS = {
    ("grooves.language.corpora", "digits"),
    ("sklearn.datasets._base", "load_digits"),
}


@dataclass(frozen=True)
class Trial:
    """Pictures to choose from (N, 64), and their labels, which the answer never sees."""

    pictures: np.ndarray
    labels: np.ndarray


@check(lab=LAB, exercise="choose", returns=ARRAY, repeatable=False)
def choose(answer):
    """choose(images, n) -> n different indices of the pictures (N, 64) to be labelled."""
    chosen = [_chosen(answer, trial, N_LABELS) for trial in _trials()]
    accuracies = [_accuracy(trial, places) for trial, places in zip(_trials(), chosen, strict=True)]
    reached = float(np.mean(accuracies))
    if not reached >= BAR:
        each = ", ".join(f"{accuracy:.1%}" for accuracy in accuracies)
        name, why = _why(chosen)
        raise CheckFailed(
            f"for {N_LABELS} labels of your choice, your result is an accuracy of {reached:.1%} "
            f"({each} in {TRIALS} trials); the bar is {BAR:.1%}.\nLikely mistake: {why}",
            hint=name,
        )
    fewer = Trial(_trials()[0].pictures[:700], _trials()[0].labels[:700])
    _chosen(answer, fewer, 20)  # any number of any pictures
    _chosen(answer, fewer, 61)
    for seed in CLOSE_CENTRES:
        order = np.random.default_rng([9, seed]).permutation(len(_data().train_images))[:200]
        _chosen(answer, Trial(_data().train_images[order], _data().train_labels[order]), 40)
    return f"{N_LABELS} labels of your choice give an accuracy of {reached:.1%} (bar: {BAR:.1%})."


def race(answer) -> float:
    """Score of a choice of 10, 20, 50 and 100 pictures: the mean accuracy of the classifier.

    Not graded. Raises: CheckFailed if the choice cannot be used.
    """
    accuracies = {
        n: float(np.mean([_accuracy(trial, _chosen(answer, trial, n)) for trial in _trials()]))
        for n in RACE
    }
    score = float(np.mean(list(accuracies.values())))
    said = ", ".join(f"{accuracy:.1%} from {n} labels" for n, accuracy in accuracies.items())
    print(f"score {score:.1%}: {said}.")
    return score


def _chosen(answer, trial: Trial, n: int) -> np.ndarray:
    """The indices that an answer chooses, if they are n different pictures."""
    given = f"{len(trial.pictures)} pictures and n = {n}"
    got = as_array(_without_labels(answer, trial.pictures.copy(), n))
    if got.dtype == bool or got.shape != (n,):
        what = "is a mask" if got.dtype == bool else f"has the shape {got.shape}"
        raise CheckFailed(
            f"for {given}, your result {what}, expected {n} indices, shape ({n},).",
            hint="wrong_number",
        )
    if not np.issubdtype(got.dtype, np.number) or (got != np.rint(got)).any():
        odd = got[0] if got.dtype.kind not in "fc" else got[got != np.rint(got)][0].round(3)
        raise CheckFailed(
            f"for {given}, your result contains {odd}. Centres and distances are not "
            "indices: which picture is nearest?",
            hint="not_integers",
        )
    got = got.astype(int)
    if got.min() < 0 or got.max() >= len(trial.pictures):
        raise CheckFailed(
            f"for {given}, your result has the index {got[abs(got).argmax()]}; indices go from 0 "
            f"to {len(trial.pictures) - 1}.",
            hint="out_of_range",
        )
    if len(np.unique(got)) < n:
        raise CheckFailed(
            f"for {given}, your result repeats {n - len(np.unique(got))} of its pictures. Two "
            "centres can have the same nearest picture: take the next nearest.",
            hint="chosen_twice",
        )
    return got


def _without_labels(answer, pictures, n: int):
    """What the answer chooses; refused if it loads the digits, which come with labels."""

    def source(module: str, code) -> str | None:
        return code.co_name if (module, code.co_name) in SOURCES_OF_LABELS else None

    result, fetched = kept_without(
        lambda: watched(answer, (pictures, n), source),
        answer,
        _is_labels,
        "labels_used",
        lambda name: (
            f"your function reads `{name}`, and labels are forbidden here: they do not exist yet. "
            "Choose what to label by the pictures alone."
        ),
    )
    if fetched:
        raise CheckFailed(
            f"your function calls {fetched[0]}, which returns the labels. They do not exist yet: "
            "you decide which to pay for. Choose by the pictures that you are given.",
            hint="labels_fetched",
        )
    return result


def _is_labels(value) -> bool:
    right = _data().train_labels
    same_kind = isinstance(value, np.ndarray) and value.shape == right.shape
    return same_kind and bool((value == right).all())


def _accuracy(trial: Trial, chosen) -> float:
    """Accuracy on the held-out pictures after training on the chosen labels."""
    data = _data()
    probabilities = classify(trial.pictures[chosen], trial.labels[chosen], data.test_images)
    return float((probabilities.argmax(axis=1) == data.test_labels).mean())


def _why(chosen) -> tuple[str, str]:
    """The likely reason that a choice stays below the bar: a name, and what to say."""
    trials = _trials()
    for trial, places in zip(trials, chosen, strict=True):
        if missing := sorted(set(range(10)) - set(trial.labels[places].tolist())):
            return "digit_missing", (
                f"none of the chosen pictures is a {missing[0]}, so the classifier never sees one. "
                "Choose pictures so that every kind of digit is among them."
            )
    spread, outlying, coverage = (
        np.mean(
            [measure(trial.pictures, places) for trial, places in zip(trials, chosen, strict=True)]
        )
        for measure in (_spread, _outlying, _coverage)
    )
    random = [np.random.default_rng(i).permutation(POOL)[:N_LABELS] for i in range(TRIALS)]
    random_spread, random_coverage = (
        np.mean([measure(trial.pictures, some) for trial, some in zip(trials, random, strict=True)])
        for measure in (_spread, _coverage)
    )
    if spread < 0.9 * random_spread:
        return "too_similar", (
            "many of the chosen pictures are nearly the same, and the second of two adds little. "
            "Spread the choice over more kinds of pictures."
        )
    if outlying > 1.15:
        return "outliers", (
            "the chosen pictures are outliers, far from all others. A label is worth most on a "
            "picture that many others resemble."
        )
    if spread > 1.05 * random_spread and coverage > 0.93 * random_coverage:
        return "not_central", (
            "your pictures are varied, as if each came from its own cluster, but they are not "
            "central in their clusters. Take the picture nearest to the mean of each cluster: "
            "it represents the most others."
        )
    if coverage > 0.97 * random_coverage:
        return "as_random", (
            "your choice is no nearer to the other pictures than a random one. Cluster the "
            "pictures first, and take the most central picture of each cluster."
        )
    return "below_bar", (
        "none of the usual ones. Are the clusters of similar size, and is each chosen picture "
        "central in its cluster?"
    )


def _distances(some, others) -> np.ndarray:
    squares = (some**2).sum(axis=1)[:, None] - 2 * some @ others.T + (others**2).sum(axis=1)
    return np.sqrt(np.maximum(squares, 0))


def _spread(pictures, chosen) -> float:
    """Mean distance of a chosen picture from the nearest other chosen one."""
    gaps = _distances(pictures[chosen], pictures[chosen])
    np.fill_diagonal(gaps, np.inf)
    return float(gaps.min(axis=1).mean())


def _outlying(pictures, chosen) -> float:
    """Mean distance of a chosen picture from its five nearest, relative to any picture's."""
    gaps = np.sort(_distances(pictures, pictures), axis=1)[:, 1:6].mean(axis=1)
    return float(gaps[chosen].mean() / gaps.mean())


def _coverage(pictures, chosen) -> float:
    """Mean distance of a picture from the nearest chosen one."""
    return float(_distances(pictures, pictures[chosen]).min(axis=1).mean())


@cache
def _data() -> Digits:
    return digits()


@cache
def _trials() -> tuple[Trial, ...]:
    data = _data()
    orders = [
        np.random.default_rng([3, i]).permutation(len(data.train_images)) for i in range(TRIALS)
    ]
    pools = [order[:POOL] for order in orders]
    return tuple(Trial(data.train_images[pool], data.train_labels[pool]) for pool in pools)
