"""What sentences about two digits say: scenes, the grammar of the sentences, and grades.

    a small red three left of a large blue seven

Key idea: a small exact grammar makes meaning a matter of counting. Each sentence is read as the
attributes that it mentions, so a caption can be compared with a scene attribute by attribute.
Chapter 07.
Source: Johnson et al. 2017, arXiv:1612.06890 (CLEVR: scenes and language from one grammar).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grooves.images.held_out import ATTRIBUTES, AXES, COLOURS, DIGITS, SIZES
from grooves.language.grammar import END
from grooves.language.stories import Verdict

UNSAID = -1  # in a row: the sentence says nothing of this attribute
ANY_DIGIT = "digit"  # the noun where the digit is left out
# Each relation: its index in AXES, and whether the thing named first is the right or lower one.
RELATIONS = {"left of": (0, False), "right of": (0, True), "above": (1, False), "below": (1, True)}


@dataclass(frozen=True)
class Thing:
    """A digit (0 to 9) with its colour and size; None where it is not mentioned."""

    digit: int | None = None
    colour: str | None = None
    size: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """How a sentence names it: ("a", "small", "red", "three")."""
        noun = ANY_DIGIT if self.digit is None else DIGITS[self.digit]
        return tuple(word for word in ("a", self.size, self.colour, noun) if word)

    @property
    def row(self) -> tuple[int, int, int]:
        """Indices of digit, colour and size; `UNSAID` where one is None."""
        colour = UNSAID if self.colour is None else COLOURS.index(self.colour)
        size = UNSAID if self.size is None else SIZES.index(self.size)
        return UNSAID if self.digit is None else self.digit, colour, size


@dataclass(frozen=True)
class Sentence:
    """What a sentence says, in the order in which it says it."""

    first: Thing
    relation: str
    second: Thing

    @property
    def words(self) -> tuple[str, ...]:
        """The sentence as its words, without the end mark."""
        return (*self.first.words, *self.relation.split(), *self.second.words)

    @property
    def row(self) -> tuple[int, ...]:
        """Its seven `ATTRIBUTES`, the left or upper thing first; `UNSAID` where not mentioned."""
        axis, turned = RELATIONS[self.relation]
        things = (self.second, self.first) if turned else (self.first, self.second)
        return (axis, *things[0].row, *things[1].row)

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Scene:
    """What is in a picture. first: the left or upper thing. relation: "left of" or "above".

    Raises: ValueError for another relation, and where an attribute is missing or unknown.
    """

    first: Thing
    relation: str
    second: Thing

    def __post_init__(self):
        if self.relation not in AXES:
            raise ValueError(
                f"relation={self.relation!r} is neither 'left of' nor 'above': a scene begins with "
                "its left or upper thing"
            )
        for thing in (self.first, self.second):
            known = thing.digit in range(len(DIGITS)) and thing.colour in COLOURS
            if not (known and thing.size in SIZES):
                raise ValueError(f"{thing} needs a digit from 0 to 9, a colour and a size")

    @property
    def row(self) -> tuple[int, ...]:
        """The seven `ATTRIBUTES` as indices."""
        return (AXES.index(self.relation), *self.first.row, *self.second.row)


def scene_of(row) -> Scene:
    """The scene whose seven attributes are the integers of `row`."""
    axis, *rest = map(int, row)
    things = [Thing(d, COLOURS[c], SIZES[s]) for d, c, s in (rest[:3], rest[3:])]
    return Scene(things[0], AXES[axis], things[1])


@dataclass(frozen=True)
class Grade:
    """A caption compared with a scene.

    verdict: whether it is a sentence at all. right: for each of `ATTRIBUTES`, whether what the
    caption says is true; None where it says nothing; empty where it is no sentence. The first thing
    is the one that the caption places on the left or above.
    """

    verdict: Verdict
    right: dict[str, bool | None]

    @property
    def true(self) -> bool:
        """A sentence, and nothing in it is false."""
        return self.verdict.ok and False not in self.right.values()

    @property
    def complete(self) -> bool:
        """A sentence that is true and mentions every attribute."""
        return self.true and None not in self.right.values()


def vocabulary() -> tuple[str, ...]:
    """The 28 words; END first, which also fills up short sentences, then by kind."""
    return (END, "a", *SIZES, *COLOURS, *DIGITS, ANY_DIGIT, "left", "right", "of", "above", "below")


# ---- the grammar: which kind of word may follow which ------------------------------------------

_KINDS = {
    "a": ("a",),
    "size": SIZES,
    "colour": COLOURS,
    "noun": (*DIGITS, ANY_DIGIT),
    "side": ("left", "right"),
    "of": ("of",),
    "over": ("above", "below"),
    "end": (END,),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_FOLLOW = {
    "": ("a",),
    "a": ("size", "colour", "noun"),
    "size": ("colour", "noun"),
    "colour": ("noun",),
    "side": ("of",),
    "of": ("a",),
    "over": ("a",),
}


def read(words) -> tuple[Verdict, Sentence | None]:
    """Whether `words` (a list, or a text) is a sentence; what it says, or None where it is none.

    End marks after the last word are ignored.
    """
    words = words.split() if isinstance(words, str) else list(words)
    while words and words[-1] == END:
        words.pop()
    things, relation, before = [{}], [], ""
    for position, word in enumerate([*words, END]):
        kind = _KIND_OF.get(word)
        after_noun = ("side", "over") if len(things) == 1 else ("end",)
        follow = after_noun if before == "noun" else _FOLLOW[before]
        if kind not in follow or (kind == "end") != (position == len(words)):
            expected = tuple(each for one in follow for each in _KINDS[one])
            return Verdict(False, position, word, expected, "sentence"), None
        if kind in ("size", "colour", "noun"):
            things[-1][kind] = word
        elif kind in ("side", "of", "over"):
            relation.append(word)
        if kind in ("of", "over"):
            things.append({})
        before = kind
    first, second = (
        Thing(
            None if thing["noun"] == ANY_DIGIT else DIGITS.index(thing["noun"]),
            thing.get("colour"),
            thing.get("size"),
        )
        for thing in things
    )
    return Verdict(True, kind="sentence"), Sentence(first, " ".join(relation), second)


def agreement(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which attributes of sentences are true of scenes: booleans (N, 7), True where not mentioned.

    said: (N, 7), rows of sentences. truth: (N, 7), rows of scenes. If the things agree in more
    attributes when they are exchanged, they are compared so, and the relation is false: two things
    in each other's place are one error, not six.
    """
    exchanged = truth[:, [0, 4, 5, 6, 1, 2, 3]]
    as_said, opposite = ((said == rows) | (said == UNSAID) for rows in (truth, exchanged))
    better = (opposite[:, 1:].sum(1) > as_said[:, 1:].sum(1))[:, None]
    right = np.where(better, opposite, as_said)
    right[:, :1] &= ~better
    return right


def grade(caption, scene: Scene) -> Grade:
    """Compare what a caption says (words, or a text) with a scene, as `agreement` does."""
    verdict, sentence = read(caption)
    if sentence is None:
        return Grade(verdict, {})
    right = agreement(np.array([sentence.row]), np.array([scene.row]))[0]
    found = {
        name: None if value == UNSAID else bool(true)
        for name, value, true in zip(ATTRIBUTES, sentence.row, right, strict=True)
    }
    return Grade(verdict, found)
