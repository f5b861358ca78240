"""Check of lab 03: two views of every picture (chapter 03).

Key idea: no two pixels of the check's pictures are equal and none is blank, so every view can be
recognised: which picture it shows, how far it was moved, and what came in at the edge.
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

MOVES = list(itertools.product((-1, 0, 1), repeat=2))  # rows down, columns to the right
FARTHER = [move for move in itertools.product((-2, -1, 0, 1, 2), repeat=2) if 2 in map(abs, move)]
MANY, DRAWS = 1_500, 4  # pictures in each of the draws whose frequencies are judged
SIDES = {(0, -1): "up", (0, 1): "down", (1, -1): "to the left", (1, 1): "to the right"}


@check(lab=LAB, exercise="views", returns=PAIR)
def views(answer):
    """views(images, rng) -> two arrays (B, H, W), each picture moved by up to 1 pixel, unlike."""

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
    draws = np.stack([draw(answer, many, rng) for _ in range(DRAWS)])  # (D, 2, B)
    if (draws == draws[0]).all():  # not from its generator, which is told next
        draws = draws[:1]
    for name, moves in zip(("first", "second"), draws.swapaxes(0, 1), strict=True):
        _every_move(moves, f"for {moves.size} pictures, your result's {name} views")
    obeys_its_generator(lambda rng: draw(answer, many, rng), np.array_equal, f"{MANY} pictures")
    _independent(*draws.swapaxes(0, 1))
    draw(answer, np.arange(1, 1 + 2 * 71 * 40).reshape(2, 71, 40), rng)  # integers, large
    draw(answer, pictures(74, 3, 2, 3), rng)
    _by_moves(as_pair(answer), rng)
    return "Two pictures that differ, of one and the same digit."


def _by_moves(call, rng) -> None:
    """Whether it is the moves that differ: of a corner pixel, five of nine leave nothing."""
    corner = np.zeros((400, 4, 5))
    corner[:, 0, 0] = 0.5
    blank = np.stack([abs(np.asarray(view)).sum(axis=(1, 2)) < NEAR for view in call(corner, rng)])
    counts = np.array([*blank.sum(axis=1), blank.all(axis=0).sum()])
    if unlikely(counts, len(corner), np.array([5 / 9, 5 / 9, 5 / 18])).any():
        raise CheckFailed(
            f"for {len(corner)} pictures with ink in the upper left pixel alone, your result has "
            f"{counts[2]} pairs of blank views, expected about {len(corner) * 5 / 18:.0f}. The two "
            "moves must differ, and each be as likely, however alike the views look.",
            hint="views_compared",
        )


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
            f"({equal.sum()} of {len(equal)}). Two independent draws agree once in nine times, "
            "and a move that is drawn again or replaced may agree too: draw two that differ.",
            hint="now_and_then_the_same",
        )


def _every_move(moves, told: str) -> None:
    """Whether each of the nine moves is there, and each as often; moves: (D, B)."""
    counts = np.bincount(moves.ravel(), minlength=9)
    down_right = np.array(MOVES)[moves]  # (D, B, 2)
    alike = (moves[:, 1:] == moves[:, :-1]).sum()
    told_alike = (
        f"{told} are moved alike one after the other, such as by {MOVES[int(moves[0, 0])]} "
        "(down, right). Draw a move for each picture."
    )
    if alike > moves.size / 2:
        raise CheckFailed(told_alike, hint="one_move_for_all")
    for (axis, step), side in SIDES.items():
        if not (down_right[..., axis] == step).any():
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
    if (odd := unlikely(counts, moves.size, 1 / 9)).any():
        move = int((abs(counts - moves.size / 9) * odd).argmax())
        raise CheckFailed(
            f"{told} are moved by {MOVES[move]} (down, right) in {counts[move]} cases, expected "
            f"about {moves.size / 9:.0f}. Each of the nine moves is as likely.",
            hint="unfair",
        )
    if unlikely(alike, moves[:, 1:].size, 1 / 9).any():
        raise CheckFailed(told_alike, hint="one_move_for_all")


def _independent(first, second) -> None:
    """Whether all that is drawn changes from draw to draw; first, second: (D, B).

    The second move may be drawn as a number among the eight others, or as a step that leads to it.
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
                f"for {MANY} pictures, your result's {name} moves are drawn alike in call after "
                "call, though `rng` has gone on. Draw both with `rng`, nothing with a generator "
                "made inside.",
                hint="one_view_from_own_generator",
            )
