"""Check of lab 03: as many labels of each class (chapter 03).

Key idea: the classes have unlike numbers and are not called 0, 1, 2, so that an index within a
class, a label and an index of the whole cannot be taken for one another.
Letters: N labels, K classes, `per_class` drawn of each.
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

SIZES = {7: 30, 2: 12, 4: 5}  # pictures of each class
MANY = 60  # draws that show what is never drawn


def _labels() -> np.ndarray:
    """47 labels: fifteen 7s, then the others mixed, so that no class has the first places alone."""
    labels = np.repeat(list(SIZES), list(SIZES.values()))
    labels[15:] = np.random.default_rng(111).permutation(labels[15:])
    return labels


@check(lab=LAB, exercise="draw_balanced", points=1, returns=ARRAY)
def draw_balanced(answer):
    """draw_balanced(labels, per_class, rng) -> indices (K per_class,), in any order."""
    labels = _labels()

    def draw(call, per_class, rng):
        given = f"{len(labels)} labels of the classes 2, 4 and 7, {per_class} of each"
        try:
            got = untouched(call, "labels")(labels, per_class, rng)
        except ValueError as error:
            if _works_for_all_ten(answer, per_class):
                raise CheckFailed(
                    f"for {given}, your result is an error, {error}.\nLikely mistake: you go "
                    f"through "
                    "classes that do not occur. They may be any numbers: `np.unique(labels)` holds "
                    "those that occur.",
                    hint="classes_taken_for_granted",
                ) from None
            raise
        got = array_of(got, (3 * per_class,), "an index for each label drawn", given)
        got = whole_numbers(got, given)
        _examine(got, labels, per_class, given)
        return got

    rng = np.random.default_rng(110)
    draw(by_hand(answer), 3, rng)
    draw(answer, 1, rng)
    draw(answer, 5, rng)  # all that class 4 has
    obeys_its_generator(
        lambda rng: draw(answer, 4, rng),
        lambda some, others: set(some) == set(others),
        f"{len(labels)} labels of the classes 2, 4 and 7, 4 of each",
    )
    drawn = np.bincount(
        np.concatenate([draw(answer, 3, rng) for _ in range(MANY)]), minlength=len(labels)
    )
    never = np.flatnonzero(drawn == 0)
    # A fair draw leaves out a given 7 with a chance of 0.9 ** 60, so hardly ever one of the thirty.
    if len(never) > 6:
        raise CheckFailed(
            f"for {len(labels)} labels and 3 of each class, your result never has {len(never)} of "
            f"them in {MANY} draws, such as {never[0]}. Every label of a class must have the same "
            "chance.",
            hint="never_drawn",
        )
    return "As many of each, so that no class is favoured."


def _works_for_all_ten(answer, per_class: int) -> bool:
    """Whether an answer that stopped with an error would run if the classes were 0 to 9."""
    try:
        answer(np.repeat(np.arange(10), per_class), per_class, np.random.default_rng(0))
    except Exception:
        return False
    return True


def _examine(got, labels, per_class: int, given: str) -> None:
    """Whether one draw keeps the rules."""
    classes = np.unique(labels)
    if np.array_equal(np.sort(got), np.repeat(classes, per_class)):
        raise CheckFailed(
            f"for {given}, your result is {got.tolist()}: labels. Indices are asked for, which say "
            "where in the list they stand.",
            hint="labels_returned",
        )
    if got.min() < 0 or got.max() >= len(labels):
        raise CheckFailed(
            f"for {given}, your result has the index {got[(got < 0) | (got >= len(labels))][0]}. "
            f"The list has the places 0 to {len(labels) - 1}.",
            hint="no_such_place",
        )
    counts = {int(k): int((labels[got] == k).sum()) for k in classes}
    if set(counts.values()) != {per_class}:
        _unbalanced(got, labels, per_class, counts, given)
    if len(np.unique(got)) < len(got):
        values, times = np.unique(got, return_counts=True)
        raise CheckFailed(
            f"for {given}, your result has the index {values[times.argmax()]} {times.max()} times. "
            "A label that was paid for twice says nothing new: draw without replacement.",
            hint="drawn_twice",
        )
    first = [np.flatnonzero(labels == k)[:per_class] for k in classes]
    if per_class == 3 and set(got) == set(np.concatenate(first)):
        raise CheckFailed(
            f"for {given}, your result has the first ones of each class. Draw them with `rng`.",
            hint="first_ones",
        )


def _unbalanced(got, labels, per_class: int, counts: dict, given: str) -> None:
    told = f"for {given}, your result has {', '.join(f'{n} of {k}' for k, n in counts.items())}."
    if (got < SIZES[7]).all() and _within(got, per_class):
        raise CheckFailed(
            f"{told}\nLikely mistake: you count within each class. `np.flatnonzero(labels == k)` "
            "holds the places of class k: choose among those.",
            hint="within_the_class",
        )
    raise CheckFailed(
        f"{told}\nLikely mistake: you draw from all labels at once, so the numbers are a matter of "
        "luck. Go through the classes, and draw from each.",
        hint="unbalanced",
    )


def _within(got, per_class: int) -> bool:
    """Whether some order of the classes makes these indices counts within each class."""
    parts = got.reshape(3, per_class)
    return any(
        all((part < n).all() for part, n in zip(parts, sizes, strict=True))
        for sizes in ((12, 5, 30), (30, 12, 5), (30, 5, 12), (12, 30, 5), (5, 12, 30), (5, 30, 12))
    )
