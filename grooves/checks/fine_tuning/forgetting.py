"""Check of lab 06: measuring how much of the first language is forgotten (chapter 06).

Key idea: the stories differ in length, those of the dialect gain what those of the first language
lose, and the values in the padding are meaningless, so that every wrong mean gives another number.
Letters: N stories, T positions.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.fine_tuning.sweeps import read_only
from grooves.language.corpora import IGNORED

LAB = "06_fine_tuning"


def _lost(before, after, targets, old):
    return (after - before)[_words(targets, old)].mean()


def _words(targets, stories):
    return (targets != IGNORED) & stories[:, None]


def _each_story(before, after, targets, old, with_words_only=False):
    words = _words(targets, old)
    lost = np.where(words, after - before, 0).sum(1)[old] / words.sum(1)[old]
    return np.nanmean(lost) if with_words_only else lost.mean()


MISTAKES = (
    *(
        Mistake(
            "mean_of_stories",
            compute,
            "you average over each story first and then over the stories, so a word of a short "
            "story weighs more. Every word has the same weight.",
        )
        for compute in (_each_story, partial(_each_story, with_words_only=True))
    ),
    Mistake(
        "sign_flipped",
        lambda b, a, t, o: -_lost(b, a, t, o),
        "the sign is wrong. A model that is worse than before has forgotten something, so compute "
        "after − before.",
    ),
    Mistake(
        "padding_counted",
        lambda b, a, t, o: (a - b)[o].mean(),
        "padding is included in the mean. The values there mean nothing.",
    ),
    Mistake(
        "divided_by_padded_length",
        lambda b, a, t, o: (a - b)[_words(t, o)].sum() / t[o].size,
        "the padding is left out of the sum, but it still counts in the divisor. Divide by the "
        "number of words.",
    ),
    Mistake(
        "end_mark_left_out",
        lambda b, a, t, o: (a - b)[(t > 0) & o[:, None]].mean(),
        "the end mark, word 0, is left out. Only IGNORED is padding.",
    ),
    Mistake(
        "dialect",
        lambda b, a, t, o: _lost(b, a, t, ~o),
        "those are the stories of the dialect. Forgetting is measured on the stories of the first "
        "language.",
    ),
    Mistake(
        "both_languages",
        lambda b, a, t, o: (a - b)[t != IGNORED].mean(),
        "the mean runs over all stories, so what was gained in the dialect hides what was lost. "
        "Use the stories of the first language only.",
    ),
    Mistake(
        "ratio_of_perplexities",
        lambda b, a, t, o: np.exp(_lost(b, a, t, o)),
        "exp of the difference is the factor by which the perplexity rose. The result should be "
        "in nats, so leave exp out.",
    ),
    Mistake(
        "after_only",
        lambda b, a, t, o: a[_words(t, o)].mean(),
        "that is the loss of the tuned model. Subtract the loss that the model had before.",
    ),
    Mistake(
        "nan_times_zero",
        lambda b, a, t, o: ((a - b) * _words(t, o)).sum() / _words(t, o).sum(),
        "where the padding holds NaN or infinity, multiplying it by 0 gives NaN. Select the words "
        "with a boolean mask or np.where instead of multiplying.",
    ),
    Mistake(
        "not_averaged",
        lambda b, a, t, o: (a - b)[_words(t, o)].sum(),
        "that is the sum over the words. Divide it by the number of words.",
    ),
)


def _tables(seed: int, lengths: tuple[int, ...], old: tuple[bool, ...]):
    """Two tables of nats, targets and which stories are old; nonsense in the padding."""
    rng = np.random.default_rng(seed)
    shape = (len(lengths), max(lengths) + 2)
    old, places = np.array(old), np.arange(shape[1])
    words = places < np.array(lengths)[:, None]
    targets = np.where(words, rng.integers(1, 50, shape), IGNORED)
    targets[np.arange(len(lengths)), np.array(lengths) - 1] = 0  # the end mark
    before = rng.gamma(1.0, 0.5, shape)
    # The end marks and the short stories lose most, the dialect's stories gain.
    change = rng.normal(0.5, 0.75, shape) + 4 / np.array(lengths)[:, None] + 1.5 * (targets == 0)
    after = np.where(old[:, None], before + change, before / 3)
    nonsense = rng.normal(5.0, 3.0, (2, *shape))
    return (
        np.where(words, before, nonsense[0]),
        np.where(words, np.maximum(after, 0), nonsense[1]),
        targets,
        old,
    )


@check(lab=LAB, exercise="forgotten")
def forgotten(answer):
    """forgotten(before, after, targets, old) -> nats per word lost in the first language."""

    def call(*inputs):
        return written_by_hand(answer, *inputs)

    def ask(tables, call=call):
        lengths = (tables[2] != IGNORED).sum(1).tolist()
        given = f"{sum(tables[3])} old stories among {len(lengths)}, of {lengths} words"
        judge(call, tables, _lost(*tables), MISTAKES, given, "it should be")

    ask(_tables(64, (3, 9, 5, 12, 7), (True, False, True, True, False)))
    ask(_tables(67, (3, 12, 5, 9, 7), (True, False, True, True, False)))
    ask(_tables(65, (8, 2, 15, 6), (False, True, True, False)))
    ask(_tables(68, (140, 131), (False, True)))
    before, after, targets, old = _tables(66, (4, 10, 3), (True, True, False))
    after[0, 1] = before[0, 1]  # a word that costs what it cost
    ask((after, before, targets, old))
    before, after, targets, old = _tables(69, (5, 11, 2), (True, False, True))
    before[targets == IGNORED], after[targets == IGNORED] = np.nan, np.inf
    ask((before, after, targets, old))
    before, after, targets, old = _tables(70, (6, 8, 7, 3, 5), (True, True, False, True, True))
    targets[0, :3] = targets[1, 2] = targets[3, :2] = IGNORED  # words left out
    targets[2], old[2] = IGNORED, True  # an old story without a word
    ask((before, after, targets, old))
    targets, after = targets.copy(), after.copy()
    targets[4, 1], after[4, 1] = 40_000, 1e4  # a word of a large number, which is lost for good
    ask((before, after, targets, old))
    ask((before, before, targets, old), read_only(call))  # one table for both
    before, after, targets, old = _tables(73, (6, 1, 9), (True, True, True))
    ask((before[1:2, :1], after[1:2, :1], targets[1:2, :1], old[1:2]))  # one story of one word
    ask((before, after, targets.astype(np.int8), old))  # old stories only
    ask(_tables(71, (2, 3) * 150, (True, False, False) * 100))
    ask(_tables(72, (1_100, 2), (True, False)))
    return "The entropy is part of both tables and cancels in the difference."
