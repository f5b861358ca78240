"""Check of lab 03: labels made wrong on purpose (chapter 03).

Key idea: how many labels changed tells how they were drawn. A draw for each label hits the number
only on average, drawing places with replacement hits some twice, and drawing from all classes
leaves one in K as it was: the mean over many draws names the mistake. Where all labels are alike,
the new ones show the classes as they were drawn.
Letters: N labels, K classes, D draws.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.labels.rules import (
    ARRAY,
    LAB,
    array_of,
    obeys_its_generator,
    unlikely,
    whole_numbers,
)

DRAWS = 500
N, K, SHARE = 23, 5, 0.35
CHANGED = round(SHARE * N)
ALIKE, CLASS = 200, 2  # labels that are all of one class


def _labels(n: int, n_classes: int) -> np.ndarray:
    """Labels in a fixed mixed order; the classes have unlike numbers."""
    drawn = np.random.default_rng(n).integers(0, n_classes, n)
    return np.where(np.arange(n) % 5 == 0, 1 % n_classes, drawn)


@check(lab=LAB, exercise="flip_labels", points=2, returns=ARRAY)
def flip_labels(answer):
    """flip_labels(labels, fraction, n_classes, rng) -> labels (N,), round(fraction N) wrong."""

    def draw(call, labels, fraction, n_classes, rng):
        given = f"{len(labels)} labels of {n_classes} classes, fraction {fraction}"
        got = call(labels.copy(), fraction, n_classes, rng)
        got = whole_numbers(array_of(got, labels.shape, "a label for each", given), given)
        odd = got[(got < 0) | (got >= n_classes)]
        if len(odd):
            raise CheckFailed(
                f"for {given}, your result has the label {odd[0]}. The classes are 0 to "
                f"{n_classes - 1}: after adding, go on from the beginning with % n_classes.",
                hint="no_such_class",
            )
        return got, given

    def right_draw(call, labels, fraction, n_classes, rng):
        got, given = draw(call, labels, fraction, n_classes, rng)
        changed, right = int((got != labels).sum()), round(fraction * len(labels))
        if changed != right:
            told = f"for {given}, your result has {changed} labels changed, expected {right}.\n"
            name, says = _rounding(changed, fraction * len(labels))
            raise CheckFailed(told + says, hint=name)
        return got

    rng = np.random.default_rng(100)
    labels = _labels(N, K)
    _, given = draw(by_hand(answer), labels, SHARE, K, rng)
    results = np.array([draw(answer, labels, SHARE, K, rng)[0] for _ in range(DRAWS)])
    forty = _labels(40, 10)
    of_ten = (draw(answer, forty, 0.1, 10, rng)[0] != forty).sum()
    _examine(results, labels, given, int(of_ten))
    of_one = np.full(ALIKE, CLASS)
    obeys_its_generator(
        lambda rng: right_draw(answer, of_one, 0.77, K, rng),
        np.array_equal,
        f"{ALIKE} labels of {K} classes, fraction 0.77",
    )
    of_ones = np.array([right_draw(answer, of_one, 1.0, K, rng) for _ in range(12)])
    _numbers_vary(of_ones)
    _new_classes(results, labels, f"{DRAWS} draws with {given}")
    _independent(of_ones)
    # 13.6 and 13.2 of 40 labels: neither is rounded to where int and ceil bring them
    for fraction, n_classes in ((0.34, 3), (0.33, 3), (0.0, 3), (1.0, 3), (0.5, 2), (0.1, 10)):
        right_draw(answer, _labels(40, n_classes), fraction, n_classes, rng)
    right_draw(answer, _labels(701, 130), 0.6, 130, rng)
    right_draw(answer, _labels(503, 100).astype("i1"), 0.9, 100, rng)
    right_draw(answer, np.array([1]), 1, 2, rng)
    right_draw(answer, np.array([1]), 0, 2, rng)
    high = right_draw(answer, _labels(1_501, 130), 1.0, 130, rng) >= 65
    if unlikely(np.array(high.sum()), high.size, 1 / 2).any():
        raise CheckFailed(
            f"for 1501 labels of 130 classes, fraction 1.0, your result has {high.sum()} of the "
            "upper 65, expected about half. Each other class is as likely.",
            hint="unfair_classes",
        )
    return "So many are wrong, and nobody can see which."


def _examine(results, labels, given: str, of_ten: int) -> None:
    """Many draws (D, N) of the same labels: how many changed, which, and to what.

    of_ten: how many changed of 40 labels where 4 should.
    """
    changed = results != labels  # (D, N)
    counts = changed.sum(axis=1)
    one, several = given, f"{DRAWS} draws with {given}"
    if (counts != CHANGED).any():
        told = (
            f"for {one}, your result has {counts[counts != CHANGED][0]} labels changed, expected "
            f"{CHANGED}; in {DRAWS} draws their mean is {counts.mean():.2f}.\n"
        )
        name, says = _why(results, labels, counts, of_ten)
        raise CheckFailed(told + says, hint=name)
    if (results == results[0]).all():
        return  # the generator is not used, which is told next
    if (changed == changed[0]).all():
        raise CheckFailed(
            f"for {several}, your result changes the same labels each time, the first at "
            f"{int(changed[0].argmax())}. Draw their places with `rng`.",
            hint="same_places",
        )
    often, p = changed.sum(axis=0), CHANGED / N
    pairs = list(itertools.combinations(range(N), 2))
    both = np.array([(changed[:, i] & changed[:, j]).sum() for i, j in pairs])
    p_both = p * (CHANGED - 1) / (N - 1)
    if unlikely(often, DRAWS, p).any():
        far = int(abs(often / DRAWS - p).argmax())
        raise CheckFailed(
            f"for {several}, your result changes label {far} in {often[far] / DRAWS:.0%} of them, "
            f"expected about {p:.0%}. Every label must have the same chance.",
            hint="unfair_places",
        )
    if unlikely(both, DRAWS, p_both).any():
        far = int(abs(both / DRAWS - p_both).argmax())
        raise CheckFailed(
            f"for {several}, your result changes labels {pairs[far][0]} and {pairs[far][1]} "
            f"together in {both[far] / DRAWS:.0%} of them, expected about {p_both:.0%}. Draw each "
            "place independently: no runs of neighbours, no fixed distances.",
            hint="places_together",
        )


def _new_classes(results, labels, several: str) -> None:
    """Whether a changed label becomes each of the others equally often."""
    changed = results != labels
    steps = [set(s[c]) for s, c in zip((results - labels) % K, changed, strict=True)]
    if all(len(of_draw) == 1 for of_draw in steps) and len(set.union(*steps)) > 1:
        raise CheckFailed(
            f"for {several}, your result moves all changed labels of a draw by the same step, such "
            f"as {min(steps[0])}. Draw a step for each: `size` says how many `rng.integers` gives.",
            hint="one_step_for_all",
        )
    # (K, K): from which class, to which
    table = np.zeros((K, K), dtype=int)
    np.add.at(table, (np.broadcast_to(labels, results.shape)[changed], results[changed]), 1)
    n = table.sum(axis=1, keepdims=True)
    shares = table / n
    if (shares.max(axis=1) > 0.99).all():
        way = ", ".join(f"{k} to {to}" for k, to in enumerate(shares.argmax(axis=1)))
        raise CheckFailed(
            f"for {several}, your result always changes {way}. Draw which of the other classes it "
            "becomes.",
            hint="always_the_same_class",
        )
    odd = unlikely(table, n, 1 / (K - 1)) & ~np.eye(K, dtype=bool)
    if odd.any():
        k, to = np.unravel_index(int((abs(shares - 1 / (K - 1)) * odd).argmax()), (K, K))
        raise CheckFailed(
            f"for {several}, your result turns {shares[k, to]:.0%} of the changed labels {k} into "
            f"{to}, expected about {1 / (K - 1):.0%}. Each other class is as likely.",
            hint="unfair_classes",
        )


def _counts_of_classes(results) -> np.ndarray:
    return np.stack([(results == k).sum(axis=1) for k in range(K)], axis=1)  # (D, K)


OF_ONES = f"{ALIKE} labels, all {CLASS}, of {K} classes, fraction 1.0"


def _numbers_vary(results) -> None:
    """Whether draws (D, N) for labels of one class differ in how often each new class comes."""
    counts = _counts_of_classes(results)
    if (counts == counts[0]).all() and (counts[0] > 0).sum() > 1:
        raise CheckFailed(
            f"for {OF_ONES}, your result has the same number of each class in {len(counts)} draws, "
            f"such as {counts[0, 0]} times 0. Draw the new classes with `rng` too, each "
            "independently: a generator made inside begins again each time.",
            hint="classes_not_from_rng",
        )


def _independent(results) -> None:
    """Whether draws (D, N) for labels of one class have all others as often, in no order."""
    p = 1 / (K - 1)
    often = np.delete(_counts_of_classes(results).sum(axis=0), CLASS)
    if unlikely(often, results.size, p).any():
        raise CheckFailed(
            f"for {OF_ONES}, your result has the other classes {often.tolist()} times in "
            f"{len(results)} draws, expected about {results.size * p:.0f} times each. Each other "
            "class is as likely, whether or not it occurs in `labels`.",
            hint="unfair_where_alike",
        )
    alike = (results[:, 1:] == results[:, :-1]).sum()
    if unlikely(alike, results[:, 1:].size, p).any():
        raise CheckFailed(
            f"for {OF_ONES}, your result gives neighbours the same class in "
            f"{alike / results[:, 1:].size:.0%} of all cases, expected about {p:.0%}. Draw the new "
            "class of each independently.",
            hint="classes_together",
        )


def _rounding(changed: int, exactly: float) -> tuple[str, str]:
    """What explains a number of changed labels in one draw: a name, and what to say."""
    for name, way, rounded in (
        ("rounded_down", "down", int(exactly)),
        ("rounded_up", "up", int(np.ceil(exactly))),
    ):
        if changed == rounded:
            return name, f"Likely mistake: you round {way}. Take the nearest integer."
    return "unrecognised", "This is none of the usual mistakes. Count what you change."


def _why(results, labels, counts, of_ten: int) -> tuple[str, str]:
    """The likely reason that the number of changed labels is not right: a name, and what to say."""
    name = _cause(results, labels, counts, of_ten)
    if name not in CAUSES:
        return "unrecognised", "This is none of the usual mistakes. Count what you change."
    return name, f"Likely mistake: {CAUSES[name]}"


def _cause(results, labels, counts, of_ten: int) -> str:
    mean, sizes = counts.mean(), np.bincount(labels, minlength=K)
    if not counts.any():
        return "nothing_changed"
    if (np.sort(results, axis=1) == np.sort(labels)).all():
        return "exchanged"
    if (counts == counts[0]).all():
        by_number = {
            N - CHANGED: "turned_round",
            sum(round(SHARE * int(size)) for size in sizes): "share_of_each_class",
            CHANGED + (of_ten == 4): "rounded_up",
        }
        return by_number.get(int(counts[0]), "unrecognised")
    if counts.max() > CHANGED:
        return "chance" if abs(mean - SHARE * N) < 0.7 else "unrecognised"
    if (results == K - 1).sum(axis=1).max() <= sizes[K - 1]:
        return "class_left_out"
    expected = {  # standard errors are 0.05
        "own_class_too": CHANGED * (1 - 1 / K),
        "drawn_twice": N * (1 - (1 - 1 / N) ** CHANGED),
    }
    name = min(expected, key=lambda name: abs(expected[name] - mean))
    return name if abs(expected[name] - mean) < 0.23 else "unrecognised"


CAUSES = {
    "nothing_changed": "nothing is changed. `labels[places][…] = …` writes into a copy; write into "
    "`noisy[places]`.",
    "exchanged": "labels are exchanged with each other, so some meet their own class again, and "
    "each class keeps its number. Give each chosen label a class that it is not.",
    "turned_round": "you keep the fraction and change the rest.",
    "share_of_each_class": "you take the fraction of each class and round it there. The number is "
    "the fraction of all labels, rounded once.",
    "rounded_up": "you round up. Take the nearest integer.",
    "chance": "each label is changed or not by a draw of its own, so their number is left to "
    "chance. Fix the number first, then draw the places.",
    "class_left_out": f"some labels stay as they are, and none becomes {K - 1}. You leave out the "
    "last class for all labels. What must be left out is each label's own.",
    "own_class_too": "the new class is drawn among all classes, so some labels get their own "
    "again. Draw among the others.",
    "drawn_twice": "some places are drawn twice. Draw without replacement.",
}
