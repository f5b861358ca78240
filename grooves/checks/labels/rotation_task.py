"""Check of lab 03: rotated pictures and their labels (chapter 03).

Key idea: all pixels of the check's pictures have different values, so each returned picture can be
identified: which one it was, and how it was rotated. Their order is free.
Letters: B pictures of H rows and H columns.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.labels.rules import (
    LAB,
    PAIR,
    alike,
    array_of,
    as_array,
    as_pair,
    integers,
    pictures,
)

OUT_OF_ORDER = (
    "each label occurs as often as it should, but not in the order of the "
    "pictures. np.repeat gives 0, 0, …, 1, 1, …, np.tile gives 0, 1, 2, 3, 0, …: "
    "which matches your pictures?"
)


@check(lab=LAB, exercise="rotations", returns=PAIR, repeatable=False)
def rotations(answer):
    """rotations(images) -> pictures (4 B, H, H) in any order, and labels (4 B,), 0 to 3."""

    def judge(call, images):
        n, side = images.shape[:2]
        given = f"{n} picture{'s' * (n > 1)} of {side} x {side} pixels"
        got = as_pair(call)(images.copy())
        if len(got) != 2:
            raise CheckFailed(
                f"expected two arrays: the pictures and their labels. Your function returned "
                f"{len(got)}.",
                hint="how_many",
            )
        rotated = as_array(got[0])
        if rotated.shape == (4 * n,) and np.size(got[1]) == 4 * images.size:
            raise CheckFailed(
                f"for {given}, your result begins with an array of shape {rotated.shape}.\nLikely "
                "mistake: the two results are swapped. Return the pictures first, then the labels.",
                hint="swapped",
            )
        if rotated.shape == (4 * n, side * side):
            rotated = rotated.reshape(-1, side, side)  # rows of pixels are accepted too
        if rotated.ndim > 3 and rotated.size == 4 * images.size:
            raise CheckFailed(
                f"for {given}, your result has pictures of shape {rotated.shape}, expected "
                f"{(4 * n, side, side)}.\nLikely mistake: np.array and np.stack add an axis for "
                "the four rotations. np.concatenate joins them along the first one.",
                hint="stacked",
            )
        rotated = array_of(rotated, (4 * n, side, side), "four rotations of each picture", given)
        labels = array_of(got[1], (4 * n,), "a label for each rotation", given)
        _examine_rotations(rotated, integers(labels, given), images, given)

    first = pictures(61, 5, 5, 5)  # as many pictures as rows, so rotating the wrong axes shows
    judge(by_hand(answer), first)
    judge(answer, pictures(62, 3, 8, 8))
    judge(answer, pictures(63, 1, 4, 4))
    judge(answer, pictures(64, 5, 5, 5))
    judge(answer, pictures(65, 2, 11, 11))
    judge(answer, 300 - np.arange(3 * 3 * 7).reshape(7, 3, 3))  # integers
    judge(answer, pictures(66, 270, 2, 2))
    judge(answer, pictures(67, 1, 40, 40))
    _equal_rotations(as_pair(answer))
    return "Four labelled examples per picture, and nobody had to label them."


def _equal_rotations(call) -> None:
    """Check pictures that occur twice, or look the same when rotated: all rotations count."""
    images = np.array([np.zeros((2, 2)), np.eye(2), [[1, 2], [3, 4]], [[1, 2], [3, 4]]]) / 4
    given = "4 pictures of 2 x 2 pixels, a blank one and two equal ones among them"
    rotated, labels = map(as_array, call(images.copy()))
    rotated = array_of(rotated.reshape(len(rotated), -1), (16, 4), "all rotations", given)
    labels = integers(array_of(labels, (16,), "a label for each", given), given)
    right = np.c_[np.tile(range(4), 4), _rotations_of(images).reshape(16, 4)]
    got = np.c_[labels, rotated.round(5)]
    if sorted(got.tolist()) != sorted(right.tolist()):
        raise CheckFailed(
            f"for {given}, your result lacks some of the 16 rotations with their labels. A "
            "picture that looks the same when rotated, or that occurs twice, still has four.",
            hint="duplicates_removed",
        )


def _rotations_of(images) -> np.ndarray:
    """(B, 4, H, H): each picture rotated counterclockwise, pixel by pixel."""
    n, side = images.shape[:2]
    out = np.empty((n, 4, side, side))
    out[:, 0] = images
    for quarter in (1, 2, 3):
        for row in range(side):
            for column in range(side):  # the right end of a row moves to the top of a column
                out[:, quarter, row, column] = out[:, quarter - 1, column, side - 1 - row]
    return out


def _examine_rotations(rotated, labels, images, given: str) -> None:
    n, side = images.shape[:2]
    places = _rotations_of(images).reshape(4 * n, side, side)
    known = alike(rotated, places)  # (4 B, 4 B)
    if not known.any(axis=1).all():
        at = int((~known.any(axis=1)).argmax())
        mirrored = alike(rotated, places[:, :, ::-1])
        if mirrored[at].any():
            raise CheckFailed(
                f"for {given}, picture {at} of your result is mirrored, not rotated. "
                "A transpose and a flip each mirror it; a quarter turn is both together.",
                hint="mirrored",
            )
        all_there = np.allclose(np.sort(rotated, axis=None), np.sort(places, axis=None))
        pixels = np.sort(images.reshape(n, -1)), np.sort(rotated[at], axis=None)
        says = "its pixels are not where a rotation puts them. Rotate one of 3 x 3 pixels on paper."
        if not np.isin(rotated[at].astype(float).round(5), images.round(5)).all():
            says = (
                "it has pixel values that none of them has. Rotate it without changing its values."
            )
        elif all_there and not np.isclose(*pixels).all(axis=1).any():
            says = (
                "its pixels come from several of them. Rotate in the last two axes, axes=(1, 2); "
                "the first axis counts the pictures."
            )
        raise CheckFailed(
            f"for {given}, picture {at} of your result is not a rotation of any picture given: "
            + says,
            hint="unknown_picture",
        )
    which = known.argmax(axis=1)  # 4 b + quarter
    missing = sorted(set(range(4 * n)) - set(which.tolist()))
    if missing:
        b, quarter = divmod(missing[0], 4)
        raise CheckFailed(
            f"for {given}, your result lacks picture {b} rotated by {90 * quarter} degrees; "
            f"{4 * n - len(missing)} of {4 * n} rotations are there, some twice. "
            "Rotate the original each time, by 0, 1, 2 and 3 quarter turns.",
            hint="rotation_missing",
        )
    quarters = which % 4
    if np.array_equal(labels, quarters):
        return
    at = int((labels != quarters).argmax())
    told = (
        f"for {given}, your result labels a picture rotated by {90 * quarters[at]} degrees with "
        f"{labels[at]}, expected {quarters[at]}.\n"
    )
    for name, mistake, says in (
        (
            "clockwise",
            -quarters % 4,
            "you rotate clockwise. Rotate counterclockwise: the upper right corner moves to the "
            "upper left.",
        ),
        ("degrees", 90 * quarters, "these are degrees. The labels are the classes 0, 1, 2, 3."),
        ("from_one", quarters + 1, "you count from 1. A picture that is not rotated has label 0."),
    ):
        if np.array_equal(labels, mistake):
            raise CheckFailed(f"{told}Likely mistake: {says}", hint=name)
    of_quarter = [set(labels[quarters == quarter].tolist()) for quarter in range(4)]
    if all(len(found) == 1 for found in of_quarter):
        wrong = ", ".join(f"{90 * i} degrees {found.pop()}" for i, found in enumerate(of_quarter))
        raise CheckFailed(
            f"{told}Each rotation has one label: {wrong}. Either the labels are swapped, or the "
            "pictures are rotated by another angle than you intended.",
            hint="rotations_exchanged",
        )
    if np.array_equal(np.sort(labels), np.sort(quarters)):
        raise CheckFailed(f"{told}Likely mistake: {OUT_OF_ORDER}", hint="labels_out_of_order")
    raise CheckFailed(
        told + "This is none of the usual mistakes. Rotate one picture of 2 x 2 pixels on paper.",
        hint="unrecognised",
    )
