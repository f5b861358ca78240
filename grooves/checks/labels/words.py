"""Check of lab 03: next-word targets (chapter 03).

Key idea: the right pairs are counted off one by one, without slices, so no mistake of slicing can
hide in the yardstick. Letters: T words in a text.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake
from grooves.checks.labels.rules import BOTH, LAB, SHOULD
from grooves.language.corpora import IGNORED


def pairs_of(ids) -> list[tuple[int, int]]:
    """Each word with the one after it."""
    return [(int(ids[t]), int(ids[t + 1])) for t in range(len(ids)) if t + 1 < len(ids)]


NEXT_MISTAKES = (
    Mistake(
        "copied",
        lambda x: (x[:-1], x[:-1]),
        "each target is the very word that the model reads. The target is the word after it.",
    ),
    Mistake(
        "copied",
        lambda x: (x[1:], x[1:]),
        "each target is the very word that the model reads. The target is the word after it.",
    ),
    Mistake(
        "copied",
        lambda x: (x, x),
        "each target is the very word that the model reads. The target is the word after it.",
    ),
    Mistake(
        "backwards",
        lambda x: (x[1:], x[:-1]),
        "you ask for the word before. Reading goes forwards: which of the two loses its first?",
    ),
    Mistake(
        "two_ahead",
        lambda x: (x[:-2], x[2:]),
        "you ask for the word after the next. Move by one.",
    ),
    Mistake(
        "goes_round",
        lambda x: (x, np.roll(x, -1)),
        "your last target is the first word of the text. Nothing follows the last word, so it is "
        "no input.",
    ),
    Mistake(
        "last_word_kept",
        lambda x: (x, x[1:]),
        "there is an input more than there are targets. Nothing follows the last word, so it is "
        "no input.",
    ),
    Mistake(
        "last_word_ignored",
        lambda x: (x, np.append(x[1:], IGNORED)),
        "you keep the last word as an input and ignore its target. Here both have T - 1 places: "
        "leave it out.",
    ),
    Mistake(
        "first_word_kept",
        lambda x: (x[:-1], x),
        "there is a target more than there are inputs. Nothing stands before the first word, so "
        "it is no target.",
    ),
    Mistake(
        "pair_lost",
        lambda x: (x[:-2], x[1:-1]),
        "the last pair is missing: the last word is a target too.",
    ),
    Mistake(
        "pair_lost_in_front",
        lambda x: (x[1:-1], x[2:]),
        "the first pair is missing: the first word is an input too.",
    ),
)


@check(lab=LAB, exercise="next_word", points=1, returns=(tuple, list))
def next_word(answer):
    """next_word(ids) -> inputs, targets, each (T - 1,); a pair for each word but the last."""

    def ask(call, *words):
        ids = np.array(words)
        inputs, targets = zip(*pairs_of(ids), strict=True)
        expected = dict(zip(BOTH, (inputs, targets), strict=True))
        given = f"a text of {len(ids)} words, {', '.join(map(str, words))}"
        judge_parts(call, (ids,), expected, NEXT_MISTAKES, given, SHOULD)

    ask(by_hand(answer), 11, 4, 7, 0, 9, 4, 2)
    ask(answer, 3, 8)
    return "A text of T words holds T - 1 questions, and their answers."
