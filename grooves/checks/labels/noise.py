"""Check of lab 03: labels made wrong on purpose (chapter 03).

Key idea: how many labels changed tells how they were drawn. A lot for each label hits the number
only on average, drawing places with replacement hits some twice, and drawing from all classes
leaves one in K as it was: the mean over many draws names the mistake.
Letters: N labels, K classes.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, untouched
from grooves.checks.labels.rules import (
    ARRAY,
    LAB,
    array_of,
    obeys_its_generator,
    whole_numbers,
)

DRAWS = 24
N, K, SHARE = 240, 4, 0.3


def _labels(n: int, n_classes: int) -> np.ndarray:
    """Labels in a fixed mixed order; the classes have unlike numbers."""
    drawn = np.random.default_rng(n).integers(0, n_classes, n)
    return np.where(np.arange(n) % 5 == 0, 1 % n_classes, drawn)


@check(lab=LAB, exercise="flip_labels", points=2, returns=ARRAY)
def flip_labels(answer):
    """flip_labels(labels, share, n_classes, rng) -> labels (N,), round(share N) of them wrong."""

    def draw(call, labels, share, n_classes, rng):
        given = f"{len(labels)} labels of {n_classes} classes, share {share}"
        got = untouched(call, "labels")(labels, share, n_classes, rng)
        got = whole_numbers(array_of(got, labels.shape, "a label for each", given), given)
        return got, given

    def right_draw(call, labels, share, n_classes, rng):
        got, given = draw(call, labels, share, n_classes, rng)
        _classes_exist(got, n_classes, given)
        changed, right = int((got != labels).sum()), round(share * len(labels))
        if changed != right:
            told = f"for {given}, your result has {changed} labels changed, expected {right}.\n"
            name, says = _rounding(changed, share * len(labels))
            raise CheckFailed(told + says, hint=name)
        return got

    rng = np.random.default_rng(100)
    labels = _labels(N, K)
    call = _once_by_hand(answer)
    results = []
    for _ in range(DRAWS):
        got, given = draw(call, labels, SHARE, K, rng)
        _classes_exist(got, K, given)
        results.append(got)
    _examine(np.array(results), labels, given)
    # 13.6 and 13.2 of 40 labels: neither is rounded to where int and ceil bring them
    for share, n_classes in ((0.34, 3), (0.33, 3), (0.0, 3), (1.0, 3), (0.5, 2), (0.1, 10)):
        right_draw(answer, _labels(40, n_classes), share, n_classes, rng)
    obeys_its_generator(
        lambda rng: right_draw(answer, labels, SHARE, K, rng), np.array_equal, given
    )
    return "So many are wrong, and nobody can see which."


def _once_by_hand(answer):
    """The answer, looked at for the course's own code in its first call alone: that is slow."""
    seen = []

    def call(*inputs):
        if seen:
            return answer(*inputs)
        seen.append(True)
        return by_hand(answer)(*inputs)

    return call


def _classes_exist(got, n_classes: int, given: str) -> None:
    odd = got[(got < 0) | (got >= n_classes)]
    if len(odd):
        raise CheckFailed(
            f"for {given}, your result has the label {odd[0]}. The classes are 0 to "
            f"{n_classes - 1}: after adding, go on from the beginning with % n_classes.",
            hint="no_such_class",
        )


def _examine(results, labels, given: str) -> None:
    """Many draws (D, N) of the same labels: how many changed, which, and to what."""
    changed = results != labels  # (D, N)
    steps = [set(s[c]) for s, c in zip((results - labels) % K, changed, strict=True)]
    counts, right = changed.sum(axis=1), round(SHARE * N)
    one, several = given, f"{DRAWS} draws with {given}"
    if (counts != right).any():
        told = (
            f"for {one}, your result has {counts[counts != right][0]} labels changed, expected "
            f"{right}; in {DRAWS} draws their mean is {counts.mean():.1f}.\nLikely mistake: "
        )
        name, says = _why(results, labels, counts)
        raise CheckFailed(told + says, hint=name)
    if (results == results[0]).all():
        return  # the generator is not used, which is told next
    if (changed == changed[0]).all():
        raise CheckFailed(
            f"for {several}, your result changes the same labels each time, the first at "
            f"{int(changed[0].argmax())}. Draw their places with `rng`.",
            hint="same_places",
        )
    often = changed.mean(axis=0)
    quarters = often.reshape(4, -1).mean(axis=1)
    if abs(quarters - SHARE).max() > 0.1:  # four standard errors and more of a fair draw
        raise CheckFailed(
            f"for {several}, your result changes {quarters.max():.0%} of the labels in one quarter "
            f"of the list and {quarters.min():.0%} in another. Every label must have the same "
            "chance.",
            hint="unfair_places",
        )
    if all(len(of_draw) == 1 for of_draw in steps) and len(set.union(*steps)) > 1:
        raise CheckFailed(
            f"for {several}, your result moves all changed labels of a draw by the same step, such "
            f"as {min(steps[0])}. Draw a step for each: `size` says how many `rng.integers` gives.",
            hint="one_step_for_all",
        )
    # (K, K): from which class, to which
    table = np.zeros((K, K), dtype=int)
    np.add.at(table, (np.broadcast_to(labels, results.shape)[changed], results[changed]), 1)
    shares = table / table.sum(axis=1, keepdims=True)
    if (shares.max(axis=1) > 0.99).all():
        way = ", ".join(f"{k} to {to}" for k, to in enumerate(shares.argmax(axis=1)))
        raise CheckFailed(
            f"for {several}, your result always changes {way}. Draw which of the other classes it "
            "becomes.",
            hint="always_the_same_class",
        )
    away = ~np.eye(K, dtype=bool)
    if abs(shares[away] - 1 / (K - 1)).max() > 0.12:
        k, to = np.argwhere((abs(shares - 1 / (K - 1)) * away) > 0.12)[0]
        raise CheckFailed(
            f"for {several}, your result turns {shares[k, to]:.0%} of the changed labels {k} into "
            f"{to}, expected about {1 / (K - 1):.0%}. Each other class is as likely.",
            hint="unfair_classes",
        )


def _rounding(changed: int, exactly: float) -> tuple[str, str]:
    """What explains a number of changed labels in one draw: a name, and what to say."""
    for name, way, rounded in (
        ("rounded_down", "down", int(exactly)),
        ("rounded_up", "up", int(np.ceil(exactly))),
    ):
        if changed == rounded:
            return name, f"Likely mistake: you round {way}. Take the nearest whole number."
    return "unrecognised", "This is none of the usual mistakes. Count what you change."


def _why(results, labels, counts) -> tuple[str, str]:
    """The likely reason that the number of changed labels is not right."""
    right, mean = round(SHARE * N), counts.mean()
    if not counts.any():
        return "nothing_changed", (
            "nothing is changed. `labels[places][…] = …` writes into a copy; write into "
            "`noisy[places]`."
        )
    if (np.sort(results, axis=1) == np.sort(labels)).all():
        return "exchanged", (
            "labels are exchanged with each other, so some meet their own class again, and each "
            "class keeps its number. Give each chosen label a class that it is not."
        )
    if (counts == N - right).all():
        return "turned_round", "you keep the share and change the rest."
    if (counts > right).any():
        return "chance", (
            "each label is changed by a lot of its own, so their number is a matter of luck. Fix "
            "the number first, then draw the places."
        )
    last = (results == K - 1).sum(axis=1)
    if (last <= (labels == K - 1).sum()).all():
        return "class_left_out", (
            f"some labels stay as they are, and none becomes {K - 1}. You leave out the last "
            "class for all labels. What must be left out is each label's own."
        )
    expected = {
        "own_class_too": right * (1 - 1 / K),
        "drawn_twice": N * (1 - (1 - 1 / N) ** right),
    }
    name = min(expected, key=lambda name: abs(expected[name] - mean))
    if abs(expected[name] - mean) > 3:
        return "unrecognised", "none of the usual ones. Count what you change."
    return name, {
        "own_class_too": "the new class is drawn among all classes, so some labels get their own "
        "again. Draw among the others.",
        "drawn_twice": "some places are drawn twice. Draw without replacement.",
    }[name]
