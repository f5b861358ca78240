"""Check of lab 03: next-word targets (chapter 03).

Key idea: the expected pairs are built one by one, without slices, so the reference cannot contain
a slicing mistake. Letters: T words in a text.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake
from grooves.checks.labels.rules import BOTH, LAB, PAIR, SHOULD, as_pair
from grooves.language.corpora import IGNORED

SAID = "A text of T words gives T - 1 inputs, each with its target."


def pairs_of(ids) -> list[tuple[int, int]]:
    """Each word with the word that follows it."""
    return [(int(ids[t]), int(ids[t + 1])) for t in range(len(ids)) if t + 1 < len(ids)]


def _matched_by_value(x, first: bool):
    """Targets that follow the first, or the last, occurrence of a word."""
    pairs = pairs_of(x)
    follower = dict(reversed(pairs) if first else pairs)
    return x[:-1], [follower[word] for word, _ in pairs]


NEXT_MISTAKES = (
    Mistake(
        "not_shifted",
        lambda x: (x[:-1], x[:-1]),
        "each target equals its input. The target is the next word.",
    ),
    Mistake(
        "not_shifted",
        lambda x: (x[1:], x[1:]),
        "each target equals its input. The target is the next word.",
    ),
    Mistake(
        "not_shifted",
        lambda x: (x, x),
        "each target equals its input. The target is the next word.",
    ),
    Mistake(
        "swapped",
        lambda x: (x[1:], x[:-1]),
        "the two results are swapped, so the model would predict the previous word. Return the "
        "inputs first.",
    ),
    Mistake(
        "two_ahead",
        lambda x: (x[:-2], x[2:]),
        "each target is two words ahead of its input. Shift by one.",
    ),
    Mistake(
        "wraps_around",
        lambda x: (x, np.roll(x, -1)),
        "your last target is the first word of the text, as np.roll puts it there. Nothing "
        "follows the last word, so it is not an input.",
    ),
    Mistake(
        "last_word_kept",
        lambda x: (x, x[1:]),
        "there is one input more than there are targets. Nothing follows the last word, so it "
        "is not an input.",
    ),
    Mistake(
        "last_word_ignored",
        lambda x: (x, np.append(x[1:], IGNORED)),
        "you keep the last word as an input and ignore its target. Here both arrays have T - 1 "
        "elements: leave the last word out.",
    ),
    Mistake(
        "first_word_kept",
        lambda x: (x[:-1], x),
        "there is one target more than there are inputs. Nothing precedes the first word, so it "
        "is not a target.",
    ),
    Mistake(
        "last_pair_missing",
        lambda x: (x[:-2], x[1:-1]),
        "the last pair is missing: the last word is a target too.",
    ),
    Mistake(
        "first_pair_missing",
        lambda x: (x[1:-1], x[2:]),
        "the first pair is missing: the first word is an input too.",
    ),
    *(
        Mistake(
            "matched_by_value",
            lambda x, first=first: _matched_by_value(x, first),
            "you look up the next word by the value of the current one. A word can occur several "
            "times in a text, each time followed by a different one: go by position.",
        )
        for first in (True, False)
    ),
)


@check(lab=LAB, exercise="next_word", returns=PAIR)
def next_word(answer):
    """next_word(ids) -> inputs, targets, each (T - 1,); a pair for each word except the last."""

    def judge(call, ids):
        ids = np.array(ids)
        targets = [word for _, word in pairs_of(ids)]
        expected = dict(zip(BOTH, (ids[: len(targets)], targets), strict=True))
        shown = f", {', '.join(map(str, ids))}" if len(ids) < 9 else ""
        given = f"a text of {len(ids)} word{'s' * (len(ids) > 1)}{shown}"
        judge_parts(as_pair(call), (ids,), expected, NEXT_MISTAKES, given, SHOULD)

    judge(by_hand(answer), [11, 4, 7, 0, 9, 4, 2])
    judge(answer, [3, 8])
    judge(answer, [6, 300, 300, 70_000, 1, 6, 40])
    judge(answer, [0, 0, 3, 3, 3, 0])  # runs of equal words, and 0 at both ends
    judge(answer, np.random.default_rng(10).integers(0, 300, 1_211))
    try:  # the exercise leaves open what a text without a pair gives: an error will do
        of_one_word = answer(np.array([9]))
    except CheckFailed:
        raise
    except Exception:
        return SAID
    judge(lambda ids: of_one_word, [9])
    return SAID
