"""Check of lab 03: two views of every picture (chapter 03).

Key idea: no two pixels of the check's pictures are equal and none is blank, so every view can be
recognised: which picture it shows, how far it was moved, and what came in at the edge.
Letters: B pictures of H rows and W columns.
"""

from __future__ import annotations

import itertools

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, untouched
from grooves.checks.compare import shape_of
from grooves.checks.labels.rules import (
    LAB,
    NEAR,
    array_of,
    obeys_its_generator,
    pictures,
)

MOVES = list(itertools.product((-1, 0, 1), repeat=2))  # rows down, columns to the right
FARTHER = [move for move in itertools.product((-2, -1, 0, 1, 2), repeat=2) if 2 in map(abs, move)]
MANY = 240  # pictures; a fair draw misses one of nine moves once in a million million times
SIDES = {(0, -1): "up", (0, 1): "down", (1, -1): "to the left", (1, 1): "to the right"}


@check(lab=LAB, exercise="views", points=2, returns=(tuple, list, np.ndarray))
def views(answer):
    """views(images, rng) -> two arrays (B, H, W), each picture moved by up to 1 pixel, unlike."""

    def draw(call, images, rng):
        given = f"pictures of shape {shape_of(images)}"
        got = untouched(call, "pictures")(images, rng)
        if len(got) != 2:
            raise CheckFailed(
                f"expected two arrays, one for each view. Your function returned {len(got)}.",
                hint="how_many",
            )
        both = [
            array_of(view, images.shape, f"the {name} view of each picture", given)
            for name, view in zip(("first", "second"), got, strict=True)
        ]
        moves = [
            _recognise(view, images, f"for {given}, your result's {name} view")
            for name, view in zip(("first", "second"), both, strict=True)
        ]
        _examine(*moves, given)
        return np.stack(moves)

    rng = np.random.default_rng(70)
    draw(by_hand(answer), pictures(71, 5, 6, 4), rng)
    draw(answer, pictures(72, 1, 8, 8), rng)
    many = pictures(73, MANY, 4, 5)
    for name, moves in zip(("first", "second"), draw(answer, many, rng), strict=True):
        _every_move(moves, f"for {MANY} pictures, your result's {name} views")
    obeys_its_generator(lambda rng: draw(answer, many, rng), np.array_equal, f"{MANY} pictures")
    return "Two pictures that differ, of one and the same digit."


def moved(images, down: int, right: int, mode: str = "constant") -> np.ndarray:
    """Pictures (B, H, W) moved; what comes in is blank, or as NumPy's pad fills it."""
    height, width = images.shape[1:]
    wide = np.pad(images, ((0, 0), (2, 2), (2, 2)), mode)
    return wide[:, 2 - down : 2 - down + height, 2 - right : 2 - right + width]


def _recognise(view, images, told: str) -> np.ndarray:
    """The number of each picture's move, (B,)."""
    hits = np.stack([_same(view, moved(images, *move)) for move in MOVES])  # (9, B)
    if hits.any(axis=0).all():
        return hits.argmax(axis=0)
    at = int((~hits.any(axis=0)).argmax())
    for name, candidates, says in (
        (
            "wraps_around",
            [moved(images, *move, mode="wrap") for move in MOVES],
            "what leaves the picture on one side comes in on the other, as np.roll does it. "
            "A stroke at the wrong side makes another digit: what comes in must be blank.",
        ),
        (
            "edge_repeated",
            [moved(images, *move, mode=mode) for move in MOVES for mode in ("edge", "reflect")],
            "what comes in repeats the ink of the edge. It must be blank, 0.",
        ),
        (
            "too_far",
            [moved(images, *move) for move in FARTHER],
            "it is moved by two pixels. One is allowed: more would push strokes out.",
        ),
        (
            "mirrored",
            [images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]],
            "it is mirrored or stands on its head. A mirrored 2 is no digit.",
        ),
    ):
        if any(_same(candidate, view)[at] for candidate in candidates):
            raise CheckFailed(f"{told} of picture {at} is not that picture moved: {says}", name)
    others = (moved(images, *move) for move in MOVES)
    if any((abs(other - view[at]) < NEAR).all(axis=(1, 2)).any() for other in others):
        raise CheckFailed(
            f"{told} of picture {at} shows another picture. Row i of both views must come from "
            "picture i.",
            hint="another_picture",
        )
    raise CheckFailed(
        f"{told} of picture {at} is none of the nine that come from moving it by -1, 0 or 1 pixel "
        "down and to the right. Print it beside the picture.",
        hint="no_move",
    )


def _same(some, others) -> np.ndarray:
    """(B,): whether picture b is the same in both."""
    return (abs(some - others) < NEAR).all(axis=(1, 2))


def _examine(first, second, given: str) -> None:
    """Whether the moves of the two views differ from each other, picture by picture."""
    equal = first == second
    if equal.all():
        raise CheckFailed(
            f"for {given}, your result's two views are equal. Draw the moves of the second view "
            "too: to find a picture that is the same teaches nothing.",
            hint="twice_the_same",
        )
    if equal.any():
        raise CheckFailed(
            f"for {given}, your result's two views of picture {int(equal.argmax())} are equal "
            f"({equal.sum()} of {len(equal)}). Two independent draws agree once in nine times: "
            "draw two moves that differ.",
            hint="now_and_then_the_same",
        )


def _every_move(moves, told: str) -> None:
    """Whether each of the nine moves is there, and each about as often."""
    counts = np.bincount(moves, minlength=9)
    down_right = np.array(MOVES)[moves]  # (B, 2)
    if (counts == len(moves)).any():
        raise CheckFailed(
            f"{told} are all moved alike, by {MOVES[int(counts.argmax())]} (down, right). "
            "Draw a move for each picture.",
            hint="one_move_for_all",
        )
    for (axis, step), side in SIDES.items():
        if not (down_right[:, axis] == step).any():
            raise CheckFailed(
                f"{told} are never moved {side}. The upper end of rng.integers is not drawn: "
                "integers(-1, 2) gives -1, 0 and 1.",
                hint="side_missing",
            )
    if not counts.all():
        raise CheckFailed(
            f"{told} are never moved by {MOVES[int(counts.argmin())]} (down, right). Draw both "
            "directions apart, 0 included.",
            hint="move_missing",
        )
    if counts.max() > len(moves) / 4:
        raise CheckFailed(
            f"{told} are moved by {MOVES[int(counts.argmax())]} (down, right) in {counts.max()} "
            f"cases, expected about {len(moves) / 9:.0f}. Each of the nine moves is as likely.",
            hint="unfair",
        )
