"""Check of lab 03: hidden words and their targets (chapter 03).

Key idea: the expected targets are written position by position. Word 0 occurs in the texts too, so
a 0 does not mean that there is no target; one batch has every word hidden, another none, and some
word ids are large.
Letters: B texts, T words in each.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_pair
from grooves.language.corpora import IGNORED


def _hidden(ids, hidden, mask_id, ignored=IGNORED):
    return np.where(hidden, mask_id, ids), np.where(hidden, ids, ignored)


HIDE_MISTAKES = (
    Mistake(
        "swapped",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, mask_id)[::-1],
        "the two results are swapped: return the inputs first, then the targets.",
    ),
    Mistake(
        "leak",
        lambda ids, hidden, mask_id: (ids, _hidden(ids, hidden, mask_id)[1]),
        "the inputs still show the words to be predicted. The model would copy them and learn "
        "nothing: replace them by mask_id.",
    ),
    Mistake(
        "target_masked",
        lambda ids, hidden, mask_id: (
            _hidden(ids, hidden, mask_id)[0],
            np.where(hidden, mask_id, IGNORED),
        ),
        "the target at a hidden position is mask_id, so the word is lost. Take the targets from "
        "the text before you mask it; `inputs = ids` is a second name, not a copy.",
    ),
    Mistake(
        "targets_everywhere",
        lambda ids, hidden, mask_id: (_hidden(ids, hidden, mask_id)[0], ids),
        "there are targets for words that the model sees. Where nothing is hidden the target is "
        "IGNORED.",
    ),
    Mistake(
        "targets_inverted",
        lambda ids, hidden, mask_id: (
            _hidden(ids, hidden, mask_id)[0],
            np.where(hidden, IGNORED, ids),
        ),
        "the targets are the visible words, and the hidden ones are ignored. Invert the "
        "condition for the targets.",
    ),
    Mistake(
        "mask_inverted",
        lambda ids, hidden, mask_id: _hidden(ids, ~hidden, mask_id),
        "you hide where `hidden` is False. True means hidden.",
    ),
    Mistake(
        "zero_for_ignored",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, mask_id, ignored=0),
        f"the target is 0 where nothing is hidden, and 0 is a word. It must be IGNORED "
        f"({IGNORED}).",
    ),
    Mistake(
        "ignored_for_mask",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, IGNORED),
        f"the hidden positions of the inputs are IGNORED ({IGNORED}), which is not a word id. "
        "They should be mask_id; only targets can be ignored.",
    ),
    Mistake(
        "zero_for_mask",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, 0),
        "the hidden positions of the inputs are 0, which is a word. They should be mask_id.",
    ),
    Mistake(
        "targets_without_positions",
        lambda ids, hidden, mask_id: (_hidden(ids, hidden, mask_id)[0], ids[hidden]),
        "the targets are a list of the hidden words, without their positions. Targets have the "
        "shape of the inputs.",
    ),
    Mistake(
        "masked_in_every_row",
        lambda ids, hidden, mask_id: _hidden(ids, hidden | hidden.any(axis=0), mask_id),
        "a position hidden in one text is hidden in all of them. Each row has its own hidden "
        "positions.",
    ),
)


@check(lab=LAB, exercise="hide_words", returns=PAIR)
def hide_words(answer):
    """hide_words(ids, hidden, mask_id) -> inputs, targets, each (B, T)."""

    def judge(call, ids, places, mask_id):
        ids = np.array(ids)
        hidden = np.zeros(ids.shape, dtype=bool)
        expected = {"the inputs": ids.copy(), "the targets": np.full(ids.shape, IGNORED)}
        for place in places:
            hidden[place] = True
            expected["the inputs"][place], expected["the targets"][place] = mask_id, ids[place]
        given = f"ids of shape {shape_of(ids)}, {len(places)} of them hidden, mask_id {mask_id}"
        inputs = (ids, hidden, mask_id)
        judge_parts(as_pair(call), inputs, expected, HIDE_MISTAKES, given, SHOULD)

    batch = [[7, 3, 0, 5, 8, 3], [2, 0, 9, 4, 6, 1], [5, 5, 3, 2, 8, 7]]
    places = [(0, 1), (0, 2), (1, 4), (2, 0), (2, 5)]
    judge(by_hand(answer), batch, places, 10)
    judge(answer, [[6, 1, 0, 2]], [(0, row) for row in range(4)], 12)
    judge(answer, [[4, 2, 6], [1, 0, 5]], [], 7)
    other = [[1, 50_256, 0, 4, 4, 300], [0, 128, 2, 9, 9, 9], [8, 0, 33_000, 1, 5, 6]]
    judge(answer, other, [(0, 0), (0, 5), (1, 1), (1, 3), (2, 2)], 103)
    # equal texts, all hidden, none hidden, and as many texts as words
    judge(answer, [[0, 7, 0]] * 3, [(0, 0), (0, 1), (0, 2), (2, 2)], 9)
    judge(answer, [[5], [5]], [(1, 0)], 70_000)
    judge(answer, [[5, 0, 3, 5, 0], [5, 5, 1, 0, 2]], [(0, 1), (0, 3), (1, 2)], 5)  # 5 is a word
    judge(answer, [[4, 0, 3, 0]], [(0, 1), (0, 2)], 0)
    rng = np.random.default_rng(30)  # so many that a few words left visible show up
    many = rng.integers(0, 300, (270, 131))
    judge(answer, many, list(map(tuple, np.argwhere(rng.random(many.shape) < 0.4))), 50_257)
    return "Hidden words have targets, and visible words have none."
