"""Check of lab 03: texts of different lengths in one batch (chapter 03).

Key idea: only the length of a text tells where padding begins. Word 0 occurs inside the texts too,
so an answer that treats every 0 as padding is found out.
Letters: B texts, T pairs in the longest.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake
from grooves.checks.labels.rules import BOTH, LAB, PAIR, SHOULD, as_array, as_pair
from grooves.checks.labels.words import pairs_of
from grooves.language.corpora import IGNORED

PADDING = 0
PADS = (PADDING, IGNORED)
ALSO = " Besides, the last word of a short text is not an input: nothing follows it."


def _filled(texts, width: int, pad_input=PADDING, pad_target=IGNORED, keep_last=False, ahead=1):
    """A batch with the mistakes that the arguments describe; targets are shifted by `ahead`."""
    inputs = np.full((len(texts), width), pad_input)
    targets = np.full((len(texts), width), pad_target)
    for row, text in enumerate(texts):
        read = text if keep_last else text[:-1]
        targeted = text[ahead:] if ahead else text[:-1]
        inputs[row, : len(read[:width])] = read[:width]
        targets[row, : len(targeted[:width])] = targeted[:width]
    return inputs, targets


def _longest(texts) -> int:
    return max(map(len, texts)) - 1


def _left_padded(texts):
    width = _longest(texts)
    inputs = np.full((len(texts), width), PADDING)
    targets = np.full((len(texts), width), IGNORED)
    for row, text in enumerate(texts):
        n = len(text) - 1
        inputs[row, width - n :], targets[row, width - n :] = text[:n], text[1:]
    return inputs, targets


def _zero_is_padding(texts, **mistakes):
    inputs, targets = _filled(texts, _longest(texts), **mistakes)
    return inputs, np.where(targets == PADDING, IGNORED, targets)


def _shared_row(texts):
    """Rows that are all the same list, overwritten by every text."""
    inputs, targets = _filled(texts, _longest(texts))
    for text in texts:
        n = len(text) - 1
        inputs[:, :n], targets[:, :n] = text[:-1], text[1:]
    return inputs, targets


BATCH_MISTAKES = (
    Mistake(
        "swapped",
        lambda texts: _filled(texts, _longest(texts))[::-1],
        "the two results are swapped: return the inputs first, then the targets.",
    ),
    *(
        Mistake(
            "padding_as_target",
            lambda texts, keep=keep: _filled(
                texts, _longest(texts), pad_target=PADDING, keep_last=keep
            ),
            f"after the end of a text your targets are {PADDING}, which is a word: the model "
            f"would learn to predict it. They must be IGNORED ({IGNORED}).{keep * ALSO}",
        )
        for keep in (False, True)
    ),
    *(
        Mistake(
            "ignored_in_inputs",
            lambda texts, keep=keep: _filled(
                texts, _longest(texts), pad_input=IGNORED, keep_last=keep
            ),
            f"after the end of a text your inputs are {IGNORED}. No word has that id, so an "
            f"embedding has no row for it. Inputs are padded with {PADDING}.{keep * ALSO}",
        )
        for keep in (False, True)
    ),
    *(
        Mistake(
            "zero_as_padding",
            lambda texts, keep=keep: _zero_is_padding(texts, keep_last=keep),
            f"a {PADDING} inside a text is a word like any other, and the model must predict it. "
            f"Find padding by the length of the text, not by the value.{keep * ALSO}",
        )
        for keep in (False, True)
    ),
    Mistake(
        "last_word_kept",
        lambda texts: _filled(texts, _longest(texts), keep_last=True),
        "in the shorter texts you keep the last word as an input, though it has no target. "
        "Slice each text as in {{exercise next_word}}, then pad.",
    ),
    Mistake(
        "too_wide",
        lambda texts: _filled(texts, _longest(texts) + 1),
        "the last column holds nothing but padding. The longest text has one pair fewer "
        "than words.",
    ),
    Mistake(
        "too_wide",
        lambda texts: _filled(texts, _longest(texts) + 1, keep_last=True),
        "the last column holds nothing but padding. The longest text has one pair fewer "
        "than words.",
    ),
    Mistake(
        "not_shifted",
        lambda texts: _filled(texts, _longest(texts), ahead=0),
        "each target equals its input. Shift the targets by one.",
    ),
    Mistake(
        "not_shifted",
        lambda texts: _filled(texts, _longest(texts) + 1, keep_last=True, ahead=0),
        "each target equals its input. Shift the targets by one.",
    ),
    Mistake(
        "left_padded",
        _left_padded,
        "the padding comes before the words. Here it comes after them.",
    ),
    Mistake(
        "truncated_to_shortest",
        lambda texts: tuple(
            part[:, : min(map(len, texts)) - 1] for part in _filled(texts, _longest(texts))
        ),
        "the longer texts are truncated to the length of the shortest. Pad the shorter "
        "ones instead.",
    ),
    Mistake(
        "shared_row",
        _shared_row,
        "all rows are the same list: `[row] * B` repeats a reference to one list. Create a new "
        "list for each text.",
    ),
)


@check(lab=LAB, exercise="padded_batch", returns=PAIR)
def padded_batch(answer):
    """padded_batch(texts) -> inputs, targets, each (B, longest - 1), padded with 0 and IGNORED."""

    def judge(call, *texts):
        width = _longest(texts)
        expected = {
            name: np.full((len(texts), width), pad) for name, pad in zip(BOTH, PADS, strict=True)
        }
        for row, text in enumerate(texts):
            for place, (read, target) in enumerate(pairs_of(text)):
                expected["the inputs"][row, place] = read
                expected["the targets"][row, place] = target
        lengths = ", ".join(str(len(text)) for text in texts)
        lengths = lengths if len(texts) < 9 else f"1 to {width + 1}"
        given = f"{len(texts)} text{'s' * (len(texts) > 1)} of {lengths} words"
        results = []

        def kept(texts):
            results.append(as_pair(call)(texts))
            return results[-1]

        judge_parts(kept, (list(texts),), expected, BATCH_MISTAKES, given, SHOULD)
        for name, got in zip(BOTH, map(as_array, results[0]), strict=True):
            if not np.issubdtype(got.dtype, np.integer):
                raise CheckFailed(
                    f"for {given}, your result has {name} as {got.dtype}, expected integers: an "
                    "embedding is indexed by word ids.\nLikely mistake: np.zeros creates "
                    "floating-point numbers. Add dtype=int.",
                    hint="not_integers",
                )

    judge(by_hand(answer), [5, 0, 6, 8], [9, 3, 4, 0, 2, 7], [1, 2])
    judge(answer, [4, 4, 0])
    judge(answer, [3, 9], [6], [8, 0, 0, 1, 5])  # a text of one word has no pair
    judge(answer, [300, 0], [1, 0, 9, 70_000, 7, 128], [2, 2, 2, 0])
    twice = [7, 3, 0]
    judge(answer, twice, [6, 0], twice, [0, 0, 0], [7, 3, 0])  # equal texts, and one list twice
    rng = np.random.default_rng(20)
    lengths = rng.permutation(np.r_[:37, [3] * 220, 520] + 1)
    judge(answer, *(rng.integers(0, 300, n).tolist() for n in lengths))
    return "Padding takes up space in a batch, and teaches the model nothing."
