"""Combinations that are held out: each part is seen in training, together they never are.

Key idea: a model may have seen every colour and every digit and yet never a blue seven. If it can
draw one, it has combined the two; if it draws only what it has seen, it has memorised them. So some
colour-digit pairs and some digit-relation-digit triples are kept out of training, balanced so that
nothing is missing on its own. Chapter 07.
Source: Lake & Baroni 2018, arXiv:1711.00350 (systematic splits); Okawa et al. 2023,
arXiv:2310.09336 (the same question asked of an image model).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np

AXES = ("left of", "above")  # the two relations of a scene, first thing to second
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "white")
SIZES = ("small", "large")
ATTRIBUTES = (
    "relation",
    *(f"{which} {part}" for which in ("first", "second") for part in ("digit", "colour", "size")),
)
VALUES = (AXES, *(DIGITS, COLOURS, SIZES) * 2)  # of each attribute
SHAPE = tuple(map(len, VALUES))  # (2, 10, 8, 2, 10, 8, 2): 51,200 scenes
KINDS = ("seen", "new pair", "new triple", "both new")


@dataclass(frozen=True, eq=False)
class Splits:
    """What training may show.

    pairs: (8, 10) booleans, colour by digit. triples: (2, 10, 10), relation by first and second
    digit, where the first thing is the left or the upper one: "a three right of a four" is the
    triple "four left of three". False where a combination is held out.
    """

    pairs: np.ndarray
    triples: np.ndarray

    @cached_property
    def kinds(self) -> np.ndarray:
        """Index into `KINDS` of every scene: an array of shape `SHAPE`.

        A scene has a new pair where at least one of its two things is held out.
        """
        axis, d1, c1, _, d2, c2, _ = np.ogrid[tuple(map(slice, SHAPE))]
        new_pair = ~(self.pairs[c1, d1] & self.pairs[c2, d2])
        new_triple = ~self.triples[axis, d1, d2]
        return np.broadcast_to(new_pair + 2 * new_triple, SHAPE)

    def scenes(self, kind: str) -> np.ndarray:
        """All scenes of a kind, or of "any": rows (N, 7) with a column for each of `ATTRIBUTES`.

        Raises: ValueError for another kind.
        """
        if kind not in (*KINDS, "any"):
            raise ValueError(f"{kind=} is not one of {', '.join(KINDS)} or any")
        wanted = np.ones(SHAPE, bool) if kind == "any" else self.kinds == KINDS.index(kind)
        return np.argwhere(wanted)

    def kind(self, row) -> str:
        """The kind of one scene, given as its row of 7 integers."""
        return KINDS[self.kinds[tuple(row)]]


def splits(seed: int = 0) -> Splits:
    """16 of the 80 pairs and 40 of the 200 triples held out, balanced.

    Each colour misses two digits, each digit one or two colours; each digit misses two others on
    each side of each relation.
    """
    rng = random.Random(seed)  # Python's, whose numbers are the same on every platform
    pairs = np.ones((len(COLOURS), len(DIGITS)), bool)
    digits, colours = _shuffled(len(DIGITS), rng), _shuffled(len(COLOURS), rng)
    for place, colour in enumerate(colours):
        pairs[colour, [digits[(2 * place + i) % len(DIGITS)] for i in (0, 1)]] = False
    triples = np.ones((len(AXES), len(DIGITS), len(DIGITS)), bool)
    for axis in range(len(AXES)):
        first, second = _shuffled(len(DIGITS), rng), _shuffled(len(DIGITS), rng)
        for shift in (0, 1):
            triples[axis, first, second[shift:] + second[:shift]] = False
    return Splits(pairs, triples)


def _shuffled(n: int, rng: random.Random) -> list[int]:
    order = list(range(n))
    rng.shuffle(order)
    return order
