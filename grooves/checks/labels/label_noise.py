"""Check of lab 03: label noise added on purpose (chapter 03).

Key idea: the number of changed labels reveals how they were drawn. An independent draw for each
label is right only on average, drawing positions with replacement hits some twice, and drawing from
all classes leaves one in K unchanged, so the mean over many draws names the mistake. If all labels
are equal, the new ones are the classes as they were drawn.
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
    integers,
    obeys_its_generator,
    unlikely,
)

DRAWS = 500
N, K, FRACTION = 23, 5, 0.35
CHANGED = round(FRACTION * N)
UNRECOGNISED = "unrecognised", "This is none of the usual mistakes. Count the changed labels."
ALIKE, CLASS = 200, 2  # labels that are all of one class


def _labels(n: int, n_classes: int) -> np.ndarray:
    """Labels in a fixed shuffled order; the classes differ in size."""
    drawn = np.random.default_rng(n).integers(0, n_classes, n)
    return np.where(np.arange(n) % 5 == 0, 1 % n_classes, drawn)


@check(lab=LAB, exercise="flip_labels", returns=ARRAY)
def flip_labels(answer):
    """flip_labels(labels, fraction, n_classes, rng) -> labels (N,), round(fraction N) wrong."""

    def draw(call, labels, fraction, n_classes, rng):
        given = f"{len(labels)} labels of {n_classes} classes, fraction {fraction}"
        got = call(labels.copy(), fraction, n_classes, rng)
        got = integers(array_of(got, labels.shape, "a label for each", given), given)
        odd = got[(got < 0) | (got >= n_classes)]
        if len(odd):
            raise CheckFailed(
                f"for {given}, your result has the label {odd[0]}. The classes are 0 to "
                f"{n_classes - 1}: wrap the sum round with % n_classes.",
                hint="class_out_of_range",
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
    _, given = draw(by_hand(answer), labels, FRACTION, K, rng)
    results = np.array([draw(answer, labels, FRACTION, K, rng)[0] for _ in range(DRAWS)])
    _examine(results, labels, given)
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
    # 13.6 and 13.2 of 40 labels: int rounds the first wrongly, ceil the second
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
            "upper 65, expected about half. All other classes are equally likely.",
            hint="classes_not_uniform",
        )
    return "Exactly that many labels are wrong, and nobody can see which."


def _examine(results, labels, given: str) -> None:
    """Check many draws (D, N) of the same labels: how many changed, and which."""
    changed = results != labels  # (D, N)
    counts = changed.sum(axis=1)
    one, several = given, f"{DRAWS} draws with {given}"
    if (counts != CHANGED).any():
        told = (
            f"for {one}, your result has {counts[counts != CHANGED][0]} labels changed, expected "
            f"{CHANGED}; in {DRAWS} draws their mean is {counts.mean():.2f}.\n"
        )
        name, says = _why(results, labels, counts)
        raise CheckFailed(told + says, hint=name)
    if (results == results[0]).all():
        return  # the generator is not used, which is reported next
    if (changed == changed[0]).all():
        raise CheckFailed(
            f"for {several}, your result changes the same labels each time, the first at "
            f"{int(changed[0].argmax())}. Draw their positions with `rng`.",
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
            f"expected about {p:.0%}. Every label must be equally likely.",
            hint="places_not_uniform",
        )
    if unlikely(both, DRAWS, p_both).any():
        far = int(abs(both / DRAWS - p_both).argmax())
        raise CheckFailed(
            f"for {several}, your result changes labels {pairs[far][0]} and {pairs[far][1]} "
            f"together in {both[far] / DRAWS:.0%} of them, expected about {p_both:.0%}. Draw each "
            "position independently: no runs of neighbours, no fixed distances.",
            hint="places_not_independent",
        )


def _new_classes(results, labels, several: str) -> None:
    """Check that a changed label becomes each of the other classes equally often."""
    changed = results != labels
    steps = [set(s[c]) for s, c in zip((results - labels) % K, changed, strict=True)]
    if all(len(of_draw) == 1 for of_draw in steps) and len(set.union(*steps)) > 1:
        raise CheckFailed(
            f"for {several}, your result shifts all changed labels of a draw by the same step, "
            f"such as {min(steps[0])}. Draw a step for each label: pass `rng.integers` a `size`.",
            hint="same_step_for_all",
        )
    # (K, K): from which class, to which
    table = np.zeros((K, K), dtype=int)
    np.add.at(table, (np.broadcast_to(labels, results.shape)[changed], results[changed]), 1)
    n = table.sum(axis=1, keepdims=True)
    rates = table / n
    if (rates.max(axis=1) > 0.99).all():
        way = ", ".join(f"{k} to {to}" for k, to in enumerate(rates.argmax(axis=1)))
        raise CheckFailed(
            f"for {several}, your result always changes {way}. Draw the new class from the "
            "others at random.",
            hint="same_class_each_time",
        )
    odd = unlikely(table, n, 1 / (K - 1)) & ~np.eye(K, dtype=bool)
    if odd.any():
        k, to = np.unravel_index(int((abs(rates - 1 / (K - 1)) * odd).argmax()), (K, K))
        raise CheckFailed(
            f"for {several}, your result turns {rates[k, to]:.0%} of the changed labels {k} into "
            f"{to}, expected about {1 / (K - 1):.0%}. All other classes are equally likely.",
            hint="classes_not_uniform",
        )


def _counts_of_classes(results) -> np.ndarray:
    return np.stack([(results == k).sum(axis=1) for k in range(K)], axis=1)  # (D, K)


OF_ONES = f"{ALIKE} labels, all {CLASS}, of {K} classes, fraction 1.0"


def _numbers_vary(results) -> None:
    """Check that draws (D, N) for labels of one class differ in the counts of the new classes."""
    counts = _counts_of_classes(results)
    if (counts == counts[0]).all() and (counts[0] > 0).sum() > 1:
        raise CheckFailed(
            f"for {OF_ONES}, your result has the same number of each class in {len(counts)} draws, "
            f"such as {counts[0, 0]} times 0. Draw the new classes with `rng` too, each "
            "independently: a generator created inside the function restarts at each call.",
            hint="classes_not_from_rng",
        )


def _independent(results) -> None:
    """Check that draws (D, N) for labels of one class have the others equally often, in "
    "no order."""
    p = 1 / (K - 1)
    often = np.delete(_counts_of_classes(results).sum(axis=0), CLASS)
    if unlikely(often, results.size, p).any():
        raise CheckFailed(
            f"for {OF_ONES}, your result has the other classes {often.tolist()} times in "
            f"{len(results)} draws, expected about {results.size * p:.0f} times each. All other "
            "classes are equally likely, whether or not they occur in `labels`.",
            hint="absent_classes_excluded",
        )
    alike = (results[:, 1:] == results[:, :-1]).sum()
    if unlikely(alike, results[:, 1:].size, p).any():
        raise CheckFailed(
            f"for {OF_ONES}, your result gives neighbours the same class in "
            f"{alike / results[:, 1:].size:.0%} of all cases, expected about {p:.0%}. Draw each "
            "new class independently.",
            hint="classes_not_independent",
        )


def _rounding(changed: int, exactly: float) -> tuple[str, str]:
    """What explains the number of changed labels in one draw: a name, and what to say."""
    if changed == int(exactly):
        return "rounded_down", "Likely mistake: you round down. Round to the nearest integer."
    return UNRECOGNISED


def _why(results, labels, counts) -> tuple[str, str]:
    """The likely reason for a wrong number of changed labels: a name, and what to say."""
    name = _cause(results, labels, counts)
    if name not in CAUSES:
        return UNRECOGNISED
    return name, f"Likely mistake: {CAUSES[name]}"


def _cause(results, labels, counts) -> str:
    mean, sizes = counts.mean(), np.bincount(labels, minlength=K)
    if not counts.any():
        return "copy_changed"
    if (np.sort(results, axis=1) == np.sort(labels)).all():
        return "permuted"
    if (counts == counts[0]).all():
        return "unrecognised"
    if counts.max() > CHANGED:
        return "independent_draws" if abs(mean - FRACTION * N) < 0.7 else "unrecognised"
    if (results == K - 1).sum(axis=1).max() <= sizes[K - 1]:
        return "last_class_excluded"
    expected = {  # standard errors are 0.05
        "own_class_included": CHANGED * (1 - 1 / K),
        "with_replacement": N * (1 - (1 - 1 / N) ** CHANGED),
    }
    name = min(expected, key=lambda name: abs(expected[name] - mean))
    return name if abs(expected[name] - mean) < 0.23 else "unrecognised"


CAUSES = {
    "copy_changed": "nothing is changed. `labels[places][…] = …` writes into a copy; assign to "
    "`noisy[places]`.",
    "permuted": "labels are permuted among themselves, so some keep their class, and the count of "
    "each class stays the same. Give each chosen label one of the other classes.",
    "independent_draws": "each label is changed or not by an independent draw, so their number is "
    "random. Fix the number first, then draw the positions.",
    "last_class_excluded": f"some labels do not change, and none becomes {K - 1}. You exclude the "
    "last class for all labels. Exclude each label's own class instead.",
    "own_class_included": "the new class is drawn from all classes, so some labels get their own "
    "class again. Draw from the others.",
    "with_replacement": "some positions are drawn twice. Draw without replacement.",
}
