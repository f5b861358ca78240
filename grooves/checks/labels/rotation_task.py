"""Check of lab 03: pictures turned, and by how much (chapter 03).

Key idea: every pixel of the check's pictures has a grey value of its own, so each picture that
comes back can be recognised: which one it was, and how it was turned. Their order is free.
Letters: B pictures of H rows and H columns.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.labels.rules import (
    LAB,
    NEAR,
    PAIR,
    alike,
    array_of,
    as_array,
    as_pair,
    pictures,
    whole_numbers,
)

OUT_OF_STEP = (
    "each label occurs as often as it should, but they are not in the order of the "
    "pictures. np.repeat gives 0, 0, …, 1, 1, …, np.tile gives 0, 1, 2, 3, 0, …: "
    "which fits your pictures?"
)


@check(lab=LAB, exercise="rotations", returns=PAIR, repeatable=False)
def rotations(answer):
    """rotations(images) -> pictures (4 B, H, H) in any order, and labels (4 B,), 0 to 3."""

    def ask(call, images):
        n, side = images.shape[:2]
        given = f"{n} picture{'s' * (n > 1)} of {side} x {side} pixels"
        got = as_pair(call)(images.copy())
        if len(got) != 2:
            raise CheckFailed(
                f"expected two arrays: the pictures and their labels. Your function returned "
                f"{len(got)}.",
                hint="how_many",
            )
        turned = as_array(got[0])
        if turned.shape == (4 * n, side * side):
            turned = turned.reshape(-1, side, side)  # rows of pixels are as good
        if turned.ndim > 3 and turned.size == 4 * images.size:
            raise CheckFailed(
                f"for {given}, your result has pictures of shape {turned.shape}, expected "
                f"{(4 * n, side, side)}.\nLikely mistake: they lie in four stacks, as np.array and "
                "np.stack lay them. np.concatenate makes one row of pictures.",
                hint="in_stacks",
            )
        turned = array_of(turned, (4 * n, side, side), "four positions of each picture", given)
        labels = array_of(got[1], (4 * n,), "a label for each position", given)
        _examine_turns(turned, whole_numbers(labels, given), images, given)

    first = pictures(61, 5, 5, 5)  # as many pictures as rows: turning the wrong axes shows
    ask(by_hand(answer), first)
    ask(answer, pictures(62, 3, 8, 8))
    ask(answer, pictures(63, 1, 4, 4))
    ask(answer, pictures(64, 5, 5, 5))
    ask(answer, pictures(65, 2, 11, 11))
    ask(answer, 300 - np.arange(3 * 3 * 7).reshape(7, 3, 3))  # integers
    ask(answer, pictures(66, 270, 2, 2))
    ask(answer, pictures(67, 1, 40, 40))
    _equal_positions(as_pair(answer))
    return "Four questions a picture, and nobody had to answer them."


def _equal_positions(call) -> None:
    """Pictures that come twice, or look the same when turned: all positions are asked for."""
    images = np.array([np.zeros((2, 2)), np.eye(2), [[1, 2], [3, 4]], [[1, 2], [3, 4]]]) / 4
    given = "4 pictures of 2 x 2 pixels, a blank one and two equal ones among them"
    turned, labels = map(as_array, call(images.copy()))
    turned = array_of(turned.reshape(len(turned), -1), (16, 4), "all positions", given)
    labels = whole_numbers(array_of(labels, (16,), "a label for each", given), given)
    right = np.c_[np.tile(range(4), 4), _positions(images).reshape(16, 4)]
    got = np.c_[labels, turned.round(5)]
    if sorted(got.tolist()) != sorted(right.tolist()):
        raise CheckFailed(
            f"for {given}, your result lacks some of the 16 positions with their labels. A "
            "picture that looks the same when it is turned, or that comes twice, still has four.",
            hint="equal_ones",
        )


def _positions(images) -> np.ndarray:
    """(B, 4, H, H): each picture turned against the clock, pixel by pixel."""
    n, side = images.shape[:2]
    out = np.empty((n, 4, side, side))
    out[:, 0] = images
    for quarter in (1, 2, 3):
        for row in range(side):
            for column in range(side):  # what was at the right end of a row comes to its top
                out[:, quarter, row, column] = out[:, quarter - 1, column, side - 1 - row]
    return out


def _examine_turns(turned, labels, images, given: str) -> None:
    n, side = images.shape[:2]
    places = _positions(images).reshape(4 * n, side, side)
    known = alike(turned, places)  # (4 B, 4 B)
    if not known.any(axis=1).all():
        at = int((~known.any(axis=1)).argmax())
        mirrored = alike(turned, places[:, :, ::-1])
        if mirrored[at].any():
            raise CheckFailed(
                f"for {given}, your result holds, at {at}, a picture mirrored, not turned. "
                "A transpose or a flip turns left into right; a turn is both together.",
                hint="mirrored",
            )
        nearly = abs(turned[at] - places).max(axis=(1, 2)).min()
        if NEAR < nearly < 0.01:
            raise CheckFailed(
                f"for {given}, your result holds, at {at}, a picture whose grey values are off by "
                f"up to {nearly:.2g}. Turn it, and leave its values as they are.",
                hint="rounded",
            )
        all_there = np.allclose(np.sort(turned, axis=None), np.sort(places, axis=None))
        pixels = np.sort(images.reshape(n, -1)), np.sort(turned[at], axis=None)
        says = "its pixels are not where a turn brings them. Turn one of 3 x 3 pixels on paper."
        if not np.isin(turned[at].round(5), images.round(5)).all():
            says = "it has grey values that none of them has. Turn it, and leave its values."
        elif all_there and not np.isclose(*pixels).all(axis=1).any():
            says = (
                "its pixels come from several of them. Turn about the last two axes, axes=(1, 2), "
                "and leave the first alone."
            )
        raise CheckFailed(
            f"for {given}, your result holds, at {at}, no picture of those given in any position: "
            + says,
            hint="mixed",
        )
    which = known.argmax(axis=1)  # 4 b + quarter
    missing = sorted(set(range(4 * n)) - set(which.tolist()))
    if missing:
        b, quarter = divmod(missing[0], 4)
        raise CheckFailed(
            f"for {given}, your result lacks picture {b} turned by {90 * quarter} degrees; "
            f"{4 * n - len(missing)} of {4 * n} positions are there, some twice. "
            "Turn the original each time, by 0, 1, 2 and 3 quarters.",
            hint="position_missing",
        )
    quarters = which % 4
    if np.array_equal(labels, quarters):
        return
    at = int((labels != quarters).argmax())
    told = (
        f"for {given}, your result labels a picture turned by {90 * quarters[at]} degrees with "
        f"{labels[at]}, expected {quarters[at]}.\n"
    )
    for name, mistake, says in (
        (
            "clockwise",
            -quarters % 4,
            "you turn clockwise. Here a quarter is against the clock: the upper right corner "
            "comes to the upper left.",
        ),
        ("degrees", 90 * quarters, "these are degrees. The labels are the classes 0, 1, 2, 3."),
        ("from_one", quarters + 1, "you count from 1. A picture that is not turned has label 0."),
        (
            "picture_number",
            which // 4,
            "these are the numbers of the pictures. The label says how far each was turned.",
        ),
    ):
        if np.array_equal(labels, mistake):
            raise CheckFailed(f"{told}Likely mistake: {says}", hint=name)
    of_quarter = [set(labels[quarters == quarter].tolist()) for quarter in range(4)]
    if all(len(found) == 1 for found in of_quarter):
        wrong = ", ".join(f"{90 * i} degrees {found.pop()}" for i, found in enumerate(of_quarter))
        raise CheckFailed(
            f"{told}Each position has one label: {wrong}. Either the labels are exchanged, or "
            "pictures are turned by another angle than you meant.",
            hint="positions_exchanged",
        )
    if np.array_equal(np.sort(labels), np.sort(quarters)):
        raise CheckFailed(f"{told}Likely mistake: {OUT_OF_STEP}", hint="out_of_step")
    raise CheckFailed(
        told + "This is none of the usual mistakes. Turn one picture of 2 x 2 pixels on paper.",
        hint="unrecognised",
    )
