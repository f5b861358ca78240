"""Check of lab 03: words that are hidden and asked for (chapter 03).

Key idea: the right targets are set down place by place. Word 0 stands in the texts too, so a 0 is
no sign that nothing is asked, and in one batch every word is hidden, in another none.
Letters: B texts, T words in each.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts, untouched
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, SHOULD
from grooves.language.corpora import IGNORED


def _hidden(ids, hidden, mask_id, ignored=IGNORED):
    return np.where(hidden, mask_id, ids), np.where(hidden, ids, ignored)


HIDE_MISTAKES = (
    Mistake(
        "leak",
        lambda ids, hidden, mask_id: (ids, _hidden(ids, hidden, mask_id)[1]),
        "the inputs still show the words that are asked for. The model would copy them and learn "
        "nothing: put mask_id in their place.",
    ),
    Mistake(
        "target_hidden_too",
        lambda ids, hidden, mask_id: (
            _hidden(ids, hidden, mask_id)[0],
            np.where(hidden, mask_id, IGNORED),
        ),
        "the target at a hidden place is the mask itself, so the word is lost. Take the targets "
        "from the text before you hide anything; `inputs = ids` is a second name, no copy.",
    ),
    Mistake(
        "asked_everywhere",
        lambda ids, hidden, mask_id: (_hidden(ids, hidden, mask_id)[0], ids),
        "you ask for words that the model sees. Where nothing is hidden the target is IGNORED.",
    ),
    Mistake(
        "asked_where_seen",
        lambda ids, hidden, mask_id: (
            _hidden(ids, hidden, mask_id)[0],
            np.where(hidden, IGNORED, ids),
        ),
        "you ask for the words that the model sees, and ignore those that are hidden. Turn the "
        "condition of the targets round.",
    ),
    Mistake(
        "turned_round",
        lambda ids, hidden, mask_id: _hidden(ids, ~hidden, mask_id),
        "you hide where `hidden` is False. True means hidden.",
    ),
    Mistake(
        "ignored_is_zero",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, mask_id, ignored=0),
        f"the target is 0 where nothing is hidden, and 0 is a word. It must be IGNORED "
        f"({IGNORED}).",
    ),
    Mistake(
        "ignored_is_mask",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, mask_id, ignored=mask_id),
        "the target is mask_id where nothing is hidden, so the model would learn to say it. It "
        f"must be IGNORED ({IGNORED}).",
    ),
    Mistake(
        "next_word_asked",
        lambda ids, hidden, mask_id: (
            _hidden(ids, hidden, mask_id)[0],
            np.where(hidden, np.roll(ids, -1, axis=1), IGNORED),
        ),
        "you ask for the word after the hidden one. Here the target stands at the hidden place.",
    ),
    Mistake(
        "input_ignored",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, IGNORED),
        f"the hidden places of the inputs hold IGNORED ({IGNORED}), a number that no word has. "
        "They hold mask_id; only targets are ignored.",
    ),
    Mistake(
        "zero_for_mask",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, 0),
        "the hidden places of the inputs hold 0, which is a word. They hold mask_id.",
    ),
    Mistake(
        "words_taken_out",
        lambda ids, hidden, mask_id: (ids[~hidden], _hidden(ids, hidden, mask_id)[1]),
        "the hidden words are taken out of the inputs. They keep their places, with mask_id.",
    ),
    Mistake(
        "only_hidden_kept",
        lambda ids, hidden, mask_id: (_hidden(ids, hidden, mask_id)[0], ids[hidden]),
        "the targets are a list of the hidden words, without their places. Targets have the shape "
        "of the inputs.",
    ),
    Mistake(
        "swapped",
        lambda ids, hidden, mask_id: _hidden(ids, hidden, mask_id)[::-1],
        "inputs and targets are exchanged.",
    ),
)


@check(lab=LAB, exercise="hide_words", points=2, returns=(tuple, list))
def hide_words(answer):
    """hide_words(ids, hidden, mask_id) -> inputs, targets, each (B, T)."""

    def ask(call, ids, places, mask_id):
        ids = np.array(ids)
        hidden = np.zeros(ids.shape, dtype=bool)
        expected = {"the inputs": ids.copy(), "the targets": np.full(ids.shape, IGNORED)}
        for place in places:
            hidden[place] = True
            expected["the inputs"][place], expected["the targets"][place] = mask_id, ids[place]
        given = f"ids of shape {shape_of(ids)}, {len(places)} of them hidden, mask_id {mask_id}"
        inputs = (ids, hidden, mask_id)
        judge_parts(untouched(call, "ids", "mask"), inputs, expected, HIDE_MISTAKES, given, SHOULD)

    batch = [[7, 3, 0, 5, 8, 3], [2, 0, 9, 4, 6, 1], [5, 5, 3, 2, 8, 7]]
    places = [(0, 1), (0, 2), (1, 4), (2, 0), (2, 5)]
    ask(by_hand(answer), batch, places, 10)
    ask(answer, [[6, 1, 0, 2]], [(0, row) for row in range(4)], 12)
    ask(answer, [[4, 2, 6], [1, 0, 5]], [], 7)
    return "What is asked is hidden, and what is seen is not asked."
