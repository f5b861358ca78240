"""Check of lab 04, an induction head found and tested (chapter 04).

Key idea: the score of each head and the ablated outputs are compared number by number, so it shows
at which word the score looks, and over what the mean was taken.
Shapes: B texts, H heads, T words, D channels of a head.
Source: Olsson et al. 2022, arXiv:2209.11895 (induction heads, scored on repeated random tokens).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, compare, draw, shape_of, written_by_hand

LAB = "04_transformer"


def _at(weights: Tensor, period: int, offset: int = 1, first: int | None = None) -> Tensor:
    """Attention weights (B, H, n) of the words from `first` on, to the one `offset` places after
    their own earlier occurrence."""
    t = torch.arange(period if first is None else first, weights.size(-1))
    return weights[:, :, t, t - period + offset]


def scores_of(weights: Tensor, period: int) -> Tensor:
    """The right scores, (H,)."""
    return _at(weights.double(), period).mean((0, 2))


def _ablated(weights, y, period, mean=lambda part: part.mean((0, 1)), heads=None):
    """The right answer, or one in which the mean or the choice of heads is another."""
    scores = scores_of(weights, period)
    chosen = [int(scores.argmax())] if heads is None else heads(scores)
    out = y.double().clone()
    for head in chosen:
        out[:, head] = mean(y[:, head].double())
    return out


SCORE_MISTAKES = (
    Mistake(
        "at_the_same_word",
        lambda w, y, p: _at(w, p, 0).mean((0, 2)),
        "you measure the attention to the earlier occurrence of the same word, t − period. An "
        "induction head attends to the word after it, t − period + 1.",
    ),
    Mistake(
        "at_the_word_before",
        lambda w, y, p: _at(w, p, -1).mean((0, 2)),
        "you measure the attention to t − period − 1, the word before the earlier occurrence. It "
        "should be the word after it, t − period + 1.",
    ),
    Mistake(
        "at_the_previous_word",
        lambda w, y, p: w[:, :, range(p, w.size(-1)), range(p - 1, w.size(-1) - 1)].mean((0, 2)),
        "you measure the attention to the previous word, t − 1. An induction head attends to "
        "t − period + 1.",
    ),
    *(
        Mistake(
            "first_pass_counted",
            compute,
            "words of the first pass are counted too, for which there is no earlier occurrence. "
            "Begin at t = period.",
        )
        for compute in (
            lambda w, y, p: _at(w, p, first=p - 1).mean((0, 2)),
            lambda w, y, p: _at(w, p, first=p - 1).sum(2).mean(0) / w.size(-1),
        )
    ),
    Mistake(
        "divided_by_all",
        lambda w, y, p: _at(w, p).sum(2).mean(0) / w.size(-1),
        "you divide by T, the number of all words. Only T − period of them have an earlier "
        "occurrence: divide by that number.",
    ),
    Mistake(
        "second_pass_only",
        lambda w, y, p: _at(w[..., : 2 * p, : 2 * p], p).mean((0, 2)),
        "you stop after the second pass. All later words count, whatever the length of the text.",
    ),
    Mistake(
        "rows_are_columns",
        lambda w, y, p: _at(w.mT, p).mean((0, 2)),
        "rows and columns are swapped: row t of the weights holds what word t attends to.",
    ),
    Mistake(
        "summed",
        lambda w, y, p: _at(w, p).sum((0, 2)),
        "you add the weights up. Take their mean over the texts and the words.",
    ),
    Mistake(
        "texts_kept",
        lambda w, y, p: _at(w, p).mean(2),
        "there is a score for each text. Take the mean over the texts too.",
    ),
    Mistake(
        "heads_averaged",
        lambda w, y, p: _at(w, p).mean(),
        "you averaged over the heads as well. Each head has a score of its own.",
    ),
)

ABLATION_MISTAKES = (
    Mistake(
        "set_to_zero",
        lambda w, y, p: _ablated(w, y, p, mean=torch.zeros_like),
        "the head's output is 0 (zero ablation), which the model never saw in training. Put the "
        "head's mean there.",
    ),
    Mistake(
        "mean_of_each_word",
        lambda w, y, p: _ablated(w, y, p, mean=lambda part: part.mean(0)),
        "you average over the texts alone, so each position keeps a mean of its own. Average over "
        "texts and positions.",
    ),
    Mistake(
        "mean_of_each_text",
        lambda w, y, p: _ablated(w, y, p, mean=lambda part: part.mean(1, keepdim=True)),
        "you average over the positions alone, so each text keeps a mean of its own. Average over "
        "texts and positions.",
    ),
    Mistake(
        "mean_of_channels",
        lambda w, y, p: _ablated(w, y, p, mean=torch.mean),
        "you average over the channels as well. Each of the D channels has its own mean.",
    ),
    Mistake(
        "mean_of_all_heads",
        lambda w, y, p: _ablated(w, y, p, mean=lambda _: y.double().mean((0, 1, 2))),
        "the mean is that over all heads. Take the mean of the ablated head alone.",
    ),
    Mistake(
        "lowest_score",
        lambda w, y, p: _ablated(w, y, p, heads=lambda scores: [int(scores.argmin())]),
        "you ablate the head with the lowest score. It should be the highest.",
    ),
    Mistake(
        "other_heads",
        lambda w, y, p: _ablated(
            w, y, p, heads=lambda s: [h for h in range(len(s)) if h != int(s.argmax())]
        ),
        "you ablate all heads but the one with the highest score. Ablate that one alone.",
    ),
    Mistake(
        "all_heads",
        lambda w, y, p: _ablated(w, y, p, heads=lambda scores: range(len(scores))),
        "every head is ablated. Ablate the one with the highest score alone.",
    ),
    Mistake(
        "first_head",
        lambda w, y, p: _ablated(w, y, p, heads=lambda scores: [0]),
        "you always ablate head 0. It should be the head with the highest score.",
    ),
    Mistake(
        "not_ablated",
        lambda w, y, p: y,
        "the outputs are unchanged. Replace those of the head with the highest score.",
    ),
)


@check(lab=LAB, exercise="induction", returns=(tuple, list))
def induction(answer):
    """induction(weights, y, period): (B, H, T, T), (B, H, T, D) -> scores (H,), y ablated."""

    def judge(call, B, H, T, D, period, best, seed):
        weights = draw(seed, B, H, T, T, scale=1.5)
        t = torch.arange(period, T)
        weights[:, best, t, t - period + 1] += 3  # the head that looks after the repetition
        weights = weights.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf).softmax(-1)
        y = draw(seed + 1, B, H, T, D) + 1
        given = f"weights {shape_of(weights)}, y {shape_of(y)} and period = {period}"
        got = call(weights.clone(), y.clone(), period)
        if len(got) != 2:
            raise CheckFailed(
                f"for {given}, expected two results, (scores, ablated), got {len(got)}.",
                hint="not_two",
            )
        scores, inputs = scores_of(weights, period), (weights, y, period)
        source = "the right one is"
        compare(got[0], scores, SCORE_MISTAKES, inputs, f"the scores, {given}", source)
        described = f"the ablated outputs, {given}"
        compare(got[1], _ablated(*inputs), ABLATION_MISTAKES, inputs, described, source)

    judge(lambda *inputs: written_by_hand(answer, *inputs), 2, 3, 10, 4, 4, best=1, seed=70)
    judge(answer, 2, 3, 10, 4, 4, best=2, seed=80)
    judge(answer, 3, 4, 9, 2, 3, best=3, seed=90)
    judge(answer, 1, 2, 7, 5, 6, best=0, seed=100)
    judge(answer, 70, 2, 6, 3, 2, best=1, seed=110)
    judge(answer, 1, 5, 150, 1, 60, best=2, seed=120)
    judge(answer, 1, 1, 3, 1, 2, best=0, seed=130)
