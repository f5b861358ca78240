"""Check of lab 03: two views of every picture (chapter 03).

Key idea: no two pixels of the check's pictures are equal and none is blank, so every view can be
identified: which picture it shows, how far it was shifted, and how the edge was filled.
Letters: B pictures of H rows and W columns.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import shape_of
from grooves.checks.labels.rules import (
    LAB,
    NEAR,
    PAIR,
    array_of,
    as_pair,
    obeys_its_generator,
    pictures,
    unlikely,
)

SHIFTS = list(itertools.product((-1, 0, 1), repeat=2))  # rows down, columns to the right
MANY, DRAWS = 1_500, 4  # pictures in each of the draws whose frequencies are judged
BOUND = "rng.integers(low, high) never draws `high` itself."
SIDES = {(0, -1): "up", (0, 1): "down", (1, -1): "to the left", (1, 1): "to the right"}


@check(lab=LAB, exercise="views", returns=PAIR)
def views(answer):
    """views(images, rng) -> two arrays (B, H, W), each picture shifted by up to 1 "
    "pixel, differently."""

    def draw(call, images, rng):
        given = f"pictures of shape {shape_of(images)}"
        got = as_pair(call)(images.copy(), rng)
        if len(got) != 2:
            raise CheckFailed(
                f"expected two arrays, one for each view. Your function returned {len(got)}.",
                hint="how_many",
            )
        both = [
            array_of(view, images.shape, f"the {name} view of each picture", given)
            for name, view in zip(("first", "second"), got, strict=True)
        ]
        shifts = [
            _recognise(view, images, f"for {given}, your result's {name} view")
            for name, view in zip(("first", "second"), both, strict=True)
        ]
        _examine(*shifts, given)
        return np.stack(shifts)

    rng = np.random.default_rng(70)
    draw(by_hand(answer), pictures(71, 5, 6, 4), rng)
    draw(answer, pictures(72, 1, 8, 8), rng)
    many = pictures(73, MANY, 4, 5)
    draws = np.stack([draw(answer, many, rng) for _ in range(DRAWS)])  # (D, 2, B)
    if (draws == draws[0]).all():  # not from its generator, which is reported next
        draws = draws[:1]
    for name, shifts in zip(("first", "second"), draws.swapaxes(0, 1), strict=True):
        _every_shift(shifts, f"for {shifts.size} pictures, your result's {name} views")
    _every_pair(*draws.swapaxes(0, 1))
    obeys_its_generator(lambda rng: draw(answer, many, rng), np.array_equal, f"{MANY} pictures")
    _independent(*draws.swapaxes(0, 1))
    draw(answer, np.arange(1, 1 + 2 * 71 * 40).reshape(2, 71, 40), rng)  # integers, large
    draw(answer, pictures(74, 3, 2, 3), rng)
    _by_shifts(as_pair(answer), rng)
    return "Two different pictures of the same digit."


def _by_shifts(call, rng) -> None:
    """Check that the shifts differ, not the views: five of nine push a corner pixel out."""
    corner = np.zeros((400, 4, 5))
    corner[:, 0, 0] = 0.5
    blank = np.stack([abs(np.asarray(view)).sum(axis=(1, 2)) < NEAR for view in call(corner, rng)])
    counts = np.array([*blank.sum(axis=1), blank.all(axis=0).sum()])
    if unlikely(counts, len(corner), np.array([5 / 9, 5 / 9, 5 / 18])).any():
        raise CheckFailed(
            f"for {len(corner)} pictures with ink in the upper left pixel alone, your result has "
            f"{counts[2]} pairs of blank views, expected about {len(corner) * 5 / 18:.0f}. The two "
            "shifts must differ and be equally likely, however similar the views look.",
            hint="views_compared",
        )


def shifted(images, down: int, right: int, mode: str = "constant") -> np.ndarray:
    """Pictures (B, H, W) shifted; the edge is blank, or filled as by NumPy's pad."""
    height, width = images.shape[1:]
    wide = np.pad(images, ((0, 0), (2, 2), (2, 2)), mode)
    return wide[:, 2 - down : 2 - down + height, 2 - right : 2 - right + width]


def _recognise(view, images, told: str) -> np.ndarray:
    """The number of each picture's shift, (B,)."""
    hits = np.stack([_same(view, shifted(images, *shift)) for shift in SHIFTS])  # (9, B)
    if hits.any(axis=0).all():
        return hits.argmax(axis=0)
    at = int((~hits.any(axis=0)).argmax())
    for name, candidates, says in (
        (
            "wraps_around",
            [shifted(images, *shift, mode="wrap") for shift in SHIFTS],
            "pixels that leave on one side come back on the other, as with np.roll. A stroke on "
            "the wrong side can make another digit: fill the edge with 0.",
        ),
        (
            "edge_repeated",
            [
                shifted(images, *shift, mode=mode)
                for shift in SHIFTS
                for mode in ("edge", "reflect")
            ],
            "the edge pixels are repeated. Fill the edge with 0.",
        ),
    ):
        if any(_same(candidate, view)[at] for candidate in candidates):
            raise CheckFailed(f"{told} of picture {at} is not that picture shifted: {says}", name)
    others = (shifted(images, *shift) for shift in SHIFTS)
    if any((abs(other - view[at]) < NEAR).all(axis=(1, 2)).any() for other in others):
        raise CheckFailed(
            f"{told} of picture {at} shows another picture. Row i of both views must come from "
            "picture i.",
            hint="another_picture",
        )
    raise CheckFailed(
        f"{told} of picture {at} is none of the nine shifts of it by -1, 0 or 1 pixel down and to "
        "the right. Print it beside the picture.",
        hint="not_a_shift",
    )


def _same(some, others) -> np.ndarray:
    """(B,): whether picture b is the same in both."""
    return (abs(some - others) < NEAR).all(axis=(1, 2))


def _examine(first, second, given: str) -> None:
    """Check that the shifts of the two views differ, picture by picture."""
    equal = first == second
    if equal.all():
        raise CheckFailed(
            f"for {given}, your result's two views are equal. Draw the shifts of the second view "
            "too: matching identical pictures teaches the model nothing.",
            hint="identical_views",
        )
    if equal.any():
        raise CheckFailed(
            f"for {given}, your result's two views of picture {int(equal.argmax())} are equal "
            f"({equal.sum()} of {len(equal)}). Two independent draws agree one time in nine, "
            "and a second attempt may agree again: draw two that differ.",
            hint="sometimes_identical",
        )


def _every_shift(shifts, told: str) -> None:
    """Check that all nine shifts occur, equally often; shifts: (D, B)."""
    counts = np.bincount(shifts.ravel(), minlength=9)
    down_right = np.array(SHIFTS)[shifts]  # (D, B, 2)
    alike = (shifts[:, 1:] == shifts[:, :-1]).sum()
    told_alike = (
        f"{told} have the same shift one after the other, such as {SHIFTS[int(shifts[0, 0])]} "
        "(down, right). Draw a shift for each picture."
    )
    if alike > shifts.size / 2:
        raise CheckFailed(told_alike, hint="same_shift_for_all")
    missing = [side for side in SIDES if not (down_right[..., side[0]] == side[1]).any()]
    sides = " or ".join(SIDES[side] for side in missing)
    if len(missing) > len({axis for axis, _ in missing}) or len({step for _, step in missing}) > 1:
        raise CheckFailed(  # both ends of an axis, or different ends of the two
            f"{told} are never shifted {sides}. Draw both shifts, down and to the right, from "
            "-1, 0 and 1.",
            hint="direction_missing",
        )
    if missing:
        raise CheckFailed(
            f"{told} are never shifted {sides}.\nLikely mistake: {BOUND} Three values are "
            "`integers(-1, 2)`, or `integers(0, 3)` for where a window starts.",
            hint="upper_bound",
        )
    if not counts.all():
        absent = np.flatnonzero(counts == 0).tolist()
        others = np.delete(counts, absent)
        if absent in ([0], [8]) and not unlikely(others, shifts.size, 1 / 8).any():
            raise CheckFailed(
                f"{told} are never shifted by {SHIFTS[absent[0]]} (down, right), and by all eight "
                f"others.\nLikely mistake: {BOUND} One of nine is `integers(0, 9)`.",
                hint="upper_bound",
            )
        raise CheckFailed(
            f"{told} are never shifted by {SHIFTS[absent[0]]} (down, right). All nine shifts must "
            "be possible in each view, (0, 0) included.",
            hint="shift_missing",
        )
    if (odd := unlikely(counts, shifts.size, 1 / 9)).any():
        shift = int((abs(counts - shifts.size / 9) * odd).argmax())
        raise CheckFailed(
            f"{told} are shifted by {SHIFTS[shift]} (down, right) in {counts[shift]} cases, "
            f"expected about {shifts.size / 9:.0f}. All nine shifts are equally likely.",
            hint="not_uniform",
        )
    if unlikely(alike, shifts[:, 1:].size, 1 / 9).any():
        raise CheckFailed(told_alike, hint="same_shift_for_all")


def _every_pair(first, second) -> None:
    """Check that the second shift may be any of the other eight, whatever the first one is."""
    pairs = [9 * one + other for one in range(9) for other in range(9) if one != other]
    counts = np.bincount((9 * first + second).ravel(), minlength=81)[pairs]
    absent = [pair for pair, count in zip(pairs, counts, strict=True) if not count]
    if not counts.all():
        one, other = divmod(pairs[int(counts.argmin())], 9)
        steps = {(pair - pair // 9) % 9 for pair in absent}  # from the first shift to the second
        if len(absent) == 9 and len(steps) == 1:
            raise CheckFailed(
                f"for {first.size} pictures, your result's second shift is one of seven, not of "
                f"eight: after {SHIFTS[one]} (down, right) never {SHIFTS[other]}.\nLikely "
                f"mistake: {BOUND} A step to one of eight others is `integers(1, 9)`.",
                hint="upper_bound",
            )
        raise CheckFailed(
            f"for {first.size} pictures, your result never shifts a picture by {SHIFTS[one]} "
            f"(down, right) in the first view and by {SHIFTS[other]} in the second. After each "
            "first shift, all eight others must be possible.",
            hint="second_depends_on_first",
        )


def _independent(first, second) -> None:
    """Check that everything drawn changes from draw to draw; first, second: (D, B).

    The second shift may be drawn as a number among the eight others, or as a step to it.
    """
    among_others, step = second - (second > first), (second - first) % 9
    for name, drawn in (
        ("first", first),
        ("second", second),
        ("second", among_others),
        ("second", step),
    ):
        by_chance = ((np.bincount(drawn.ravel()) / drawn.size) ** 2).sum()
        again = (drawn[1:] == drawn[:-1]).mean()
        if by_chance < 0.5 and again > (1 + by_chance) / 2:
            raise CheckFailed(
                f"for {MANY} pictures, your result's {name} shifts are the same in call after "
                "call, though `rng` has advanced. Draw both with `rng`, nothing with a generator "
                "created inside the function.",
                hint="one_view_from_own_generator",
            )
