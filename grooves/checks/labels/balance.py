"""Check of lab 03: the same number of labels from each class (chapter 03).

Key idea: the classes differ in size and are not called 0, 1, 2, so that an index within a class, a
label and an index into the whole list cannot be confused; in one list they are negative or
fractions. Two classes have the same size, so positions drawn once for both are noticed.
Letters: N labels, K classes, `per_class` drawn of each.
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

SIZES = {7: 13, 2: 9, 4: 5, 40: 9}  # labels of each class
DRAWS, PER_CLASS = 600, 3  # draws whose frequencies are tested, and how many per class


def _mixed(sizes: dict, n_first: int) -> np.ndarray:
    """Shuffled labels, except the first, which are all of one class."""
    labels = np.repeat(list(sizes), list(sizes.values()))
    labels[n_first:] = np.random.default_rng(111).permutation(labels[n_first:])
    return labels


LABELS = _mixed(SIZES, 6)


@check(lab=LAB, exercise="draw_balanced", returns=ARRAY)
def draw_balanced(answer):
    """draw_balanced(labels, per_class, rng) -> indices (K per_class,), in any order."""

    def draw(call, labels, per_class, rng):
        classes = np.unique(labels).tolist()
        told = ", ".join(map(str, classes)) if len(classes) < 7 else "from 0 to 11"
        given = f"{len(labels)} labels of the classes {told}, {per_class} of each"
        try:
            got = call(labels.copy(), per_class, rng)
        except ValueError as error:
            if _works_for_all_ten(answer, per_class):
                raise CheckFailed(
                    f"for {given}, your code stopped with an error ({error}).\nLikely mistake: "
                    "you loop over classes that do not occur. Classes may be any numbers: "
                    "`np.unique(labels)` returns those that occur.",
                    hint="classes_assumed",
                ) from None
            raise
        what = "an index for each label drawn"
        got = array_of(got, (len(classes) * per_class,), what, given)
        got = integers(got, given)
        _examine(got, labels, per_class, given)
        return got

    rng = np.random.default_rng(110)
    draw(by_hand(answer), LABELS, PER_CLASS, rng)
    draw(answer, LABELS, 1, rng)
    draw(answer, LABELS, 5, rng)  # all labels of class 4
    draws = [draw(answer, LABELS, PER_CLASS, rng) for _ in range(DRAWS)]
    first = [np.flatnonzero(k == LABELS)[:PER_CLASS] for k in SIZES]
    if all(set(places) == set(np.concatenate(first)) for places in draws):
        raise CheckFailed(
            f"for {len(LABELS)} labels and {PER_CLASS} of each class, your result has the first "
            "labels of each class in every draw. Draw them with `rng`.",
            hint="always_the_first",
        )
    obeys_its_generator(
        lambda rng: draw(answer, LABELS, 4, rng),
        lambda some, others: set(some) == set(others),
        f"{len(LABELS)} labels, 4 of each class",
    )
    _frequencies(np.stack([np.bincount(places, minlength=len(LABELS)) for places in draws]) > 0)
    draw(answer, LABELS[::-1] - 7, 2, rng)  # negative, and 0
    draw(answer, LABELS / 8 - 0.5, 2, rng)
    draw(answer, _mixed({k: 20 + k for k in range(12)}, 0), 17, rng)
    draw(answer, _mixed({3 * k: 12 for k in range(130)}, 0), 12, rng)  # 1,560 labels
    draw(answer, _mixed({0.0: 2, 1e-30: 4, 1e9: 3, 1e9 + 1: 5, -1e9: 2}, 0), 2, rng)
    draw(answer, _mixed({2**52: 3, 2**52 + 1: 4, -(2**52): 2}, 0), 2, rng)
    draw(answer, np.full(300, 6), 290, rng)  # one class
    draw(answer, np.array([5, 2, 9]), 1, rng)  # one label of each
    draw(answer, _mixed({3: 150, -5: 160, 100: 140}, 0).astype("i1"), 130, rng)  # of one byte
    draw(answer, np.array([7]), 1, rng)
    return "The same number of each, so that no class is favoured."


def _works_for_all_ten(answer, per_class: int) -> bool:
    """Whether an answer that stopped with an error would run if the classes were 0 to 9."""
    try:
        answer(np.repeat(np.arange(10), per_class), per_class, np.random.default_rng(0))
    except Exception:
        return False
    return True


def _examine(got, labels, per_class: int, given: str) -> None:
    """Check that one draw obeys the rules."""
    classes = np.unique(labels)
    if np.array_equal(np.sort(got), np.repeat(classes, per_class)):
        raise CheckFailed(
            f"for {given}, your result is {got.tolist()}: labels. Return indices instead, their "
            "positions in the list.",
            hint="labels_returned",
        )
    if got.min() < 0 or got.max() >= len(labels):
        raise CheckFailed(
            f"for {given}, your result has the index {got[(got < 0) | (got >= len(labels))][0]}. "
            f"The list has the indices 0 to {len(labels) - 1}.",
            hint="out_of_range",
        )
    counts = {k: int((labels[got] == k).sum()) for k in classes.tolist()}
    if set(counts.values()) != {per_class}:
        _unbalanced(got, labels, per_class, counts, given)
    if len(np.unique(got)) < len(got):
        values, times = np.unique(got, return_counts=True)
        raise CheckFailed(
            f"for {given}, your result has the index {values[times.argmax()]} {times.max()} times. "
            "A label that is paid for twice adds no information: draw without replacement.",
            hint="with_replacement",
        )


def _unbalanced(got, labels, per_class: int, counts: dict, given: str) -> None:
    told = f"for {given}, your result has {', '.join(f'{n} of {k}' for k, n in counts.items())}."
    if (got < max(SIZES.values())).all() and _within(got, labels, per_class):
        raise CheckFailed(
            f"{told}\nLikely mistake: your indices count within each class. "
            "`np.flatnonzero(labels == k)` returns the indices of class k: draw from those.",
            hint="within_the_class",
        )
    raise CheckFailed(
        f"{told}\nDraw class by class, from the indices where `labels` equals that class. Do your "
        "indices refer to `labels` itself, and not to a list that was sorted or shuffled?",
        hint="unbalanced",
    )


def _within(got, labels, per_class: int) -> bool:
    """Whether these could be indices within each class, for some order of the classes."""
    _, sizes = np.unique(labels, return_counts=True)
    largest = np.sort(got.reshape(-1, per_class).max(axis=1))
    return bool((largest < np.sort(sizes)).all())


def _frequencies(drawn) -> None:
    """Check that each label of a class is drawn equally often, and independently; drawn: (D, N)."""
    sizes = np.array([SIZES[k] for k in LABELS.tolist()])
    given = f"{DRAWS} draws from {len(LABELS)} labels, {PER_CLASS} of each class"
    p, often = PER_CLASS / sizes, drawn.sum(axis=0)
    if (odd := unlikely(often, DRAWS, p)).any():
        far = int((abs(often / DRAWS - p) * odd).argmax())
        far = int(often.argmin()) if not often.all() else far
        name, says = ("not_uniform", f"in {often[far] / DRAWS:.0%} of them")
        if not often[far]:
            name, says = "never_drawn", "in none of them"
        raise CheckFailed(
            f"for {given}, your result has index {far} {says}, expected in about {p[far]:.0%}. "
            "Every label of a class must be equally likely.",
            hint=name,
        )
    pairs = np.array(list(itertools.combinations(range(len(LABELS)), 2)))
    one, other = pairs.T
    same_class = LABELS[one] == LABELS[other]
    p_both = p[one] * np.where(same_class, (PER_CLASS - 1) / (sizes[one] - 1), p[other])
    both = (drawn[:, one] & drawn[:, other]).sum(axis=0)
    if (odd := unlikely(both, DRAWS, p_both)).any():
        far = int((abs(both / DRAWS - p_both) * odd).argmax())
        raise CheckFailed(
            f"for {given}, your result has the indices {one[far]} and {other[far]} together in "
            f"{both[far] / DRAWS:.0%} of them, expected in about {p_both[far]:.0%}. Draw anew for "
            "each class, and each index independently of the others.",
            hint="not_independent",
        )
