"""A verifiable reward: the parser as judge, asked in two ways.

Key idea: a judge that only says yes or no selects among a model's stories, and whatever it accepts
more often grows: from a start of which 4% are accepted, one plot is soon all that is left. A judge
that says at each word whether a story can go on so corrects stories instead of selecting them, so
every plot that the model begins is also ended, and the model keeps its variety.
Chapter 10.
Source: Lightman et al. 2023, arXiv:2305.20050 (judging each step, or only the result).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from grooves.fine_tuning import judges
from grooves.fine_tuning.kl_estimators import story_kl
from grooves.fine_tuning.own_samples import train_once
from grooves.fine_tuning.updates import Updater
from grooves.inference.constrained import draw_stories
from grooves.inference.sampled import draw_texts
from grooves.language.corpora import next_word_rows
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.loop import History, train

BATCH = 6  # stories a step, as in pre-training
OWN_BATCH = 8  # of `train_on_beginnings`, as in `own_samples`
CHUNK = 250  # stories drawn at once


@dataclass(frozen=True)
class Standing:
    """How correct and how varied a model is; acceptance is never reported without variety.

    accepted: share of drawn stories. plots, names: effective numbers (exp of the entropy, of 6 and
    20) among the accepted ones, 0 where none is accepted. nats_per_word: entropy of the model's own
    distributions. kl: nats per story from the start. gap: nats per word above the language's
    entropy.
    """

    accepted: float
    plots: float
    names: float
    nats_per_word: float
    kl: float
    gap: float

    def to_dict(self) -> dict[str, float]:
        """The fields as plain data, rounded to what matters."""
        return judges.rounded(self)


def correct_by_word(model: nn.Module, language: Stories, n: int, seed: int = 0) -> list[list[int]]:
    """n stories of a model, in which a judge forbade every word that no story continues with.

    All of them are accepted, and what the judge has no opinion about (plot, names) is the model's
    own choice. Returns: token lists.
    """
    stories: list[list[int]] = []
    while len(stories) < n:
        size = min(CHUNK, n - len(stories))
        stories += draw_stories(model, language, size, seed=seed * 1_000 + len(stories)).tokens
    return stories


class OwnStories:
    """A fixed list of stories in batches of similar length, with the interface of `StoryData`.

    Raises: ValueError where there are fewer stories than one batch holds.
    """

    def __init__(self, stories: list[list[int]], batch_size: int = BATCH, seed: int = 0):
        if len(stories) < batch_size:
            raise ValueError(f"{len(stories)} stories are less than one batch of {batch_size}")
        ordered, self.seed = sorted(stories, key=len), seed
        last = len(ordered) - batch_size + 1
        self.batches = [
            next_word_rows(ordered[i : i + batch_size]) for i in range(0, last, batch_size)
        ]

    def batch(self, step: int):
        """Inputs and targets of one training step, each (B, T)."""
        epoch, place = divmod(step, len(self.batches))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.batches))
        return self.batches[order[place]]


def train_on_corrected(
    model: nn.Module,
    language: Stories,
    n_stories: int = 2_000,
    steps: int = 1_300,
    lr: float = 0.02,
    seed: int = 0,
    on_step: Callable[[History, float], None] | None = None,
) -> History:
    """Correct a model's own stories word by word, then train on them as on any others; in place.

    The stories are drawn once, from the model as it was, so that nothing drifts. Training is that
    of the lineage, with its schedule; the rate of Muon is 1.25 times `lr`.
    """
    stories = correct_by_word(model, language, n_stories, seed)
    data = OwnStories(stories, seed=seed)
    return train(
        model, data, steps=steps, lr=lr, matrix_lr=1.25 * lr, progress=False, on_step=on_step
    )


def train_on_beginnings(
    model: nn.Module,
    start: nn.Module,
    accept: Callable[[list[list[int]]], Sequence[bool]],
    rounds: int = 12,
    per_round: int = 256,
    tries: int = 2,
    words: int = 40,
    lr: float = 3e-3,
    seed: int = 0,
) -> list[float]:
    """Training on own accepted stories, one for each beginning that the start wrote; in place.

    A judge that says yes or no is enough here: since the beginnings are always drawn from the start
    and count once each, a plot that is often accepted cannot crowd out the others. But where hardly
    any beginning is ever continued correctly, there is hardly anything to train on.

    accept: token lists -> True for each that is kept. per_round: stories drawn a round, `tries` for
    each beginning of `words` words. Returns: the accepted share of each round.
    """
    updater, rng, shares = Updater(model, "muon", lr, warmup=1), random.Random(seed), []
    for turn in range(rounds):
        n, draw_seed = per_round // tries, seed * 977 + turn
        begun = draw_texts(start, n, seed=draw_seed, max_words=words).tokens
        model.eval()
        given = [text for text in begun for _ in range(tries)]
        drawn = draw_texts(model, len(given), seed=draw_seed + 500, prefixes=given)
        kept = np.asarray(accept(drawn.tokens), dtype=bool) & drawn.ended
        shares.append(float(kept.mean()))
        rows = [np.flatnonzero(kept[i : i + tries]) + i for i in range(0, len(given), tries)]
        texts = [drawn.tokens[rng.choice(some.tolist())] for some in rows if len(some)]
        train_once(model, updater, texts, [True] * len(texts), OWN_BATCH, rng)
    model.eval()
    return shares


def beginnings_of(start: nn.Module, language: Stories, n: int, words: int = 40) -> list[list[int]]:
    """n beginnings of `words` words, as a model chooses them, but correct."""
    return [story[:words] for story in correct_by_word(start, language, n, seed=77)]


def accepted_given(model: nn.Module, beginnings: list[list[int]], seed: int = 7) -> float:
    """Share of accepted stories among those that continue given beginnings, one of each.

    A model that has only learned to begin what is easy to end gains nothing here.
    """
    drawn = draw_texts(model, len(beginnings), seed=seed, prefixes=beginnings)
    return float((judges.accepted(drawn.tokens) & drawn.ended).mean())


def standing(model: nn.Module, start: nn.Module, n: int = 400, seed: int = 4_242) -> Standing:
    """Draw n stories and measure; `start` is what the KL is measured from."""
    drawn = draw_texts(model, n, seed=seed)
    kept = judges.accepted(drawn.tokens) & drawn.ended
    stories = [text for text, ok in zip(drawn.tokens, kept, strict=True) if ok]
    plots, names = judges.varieties(replace(drawn, tokens=stories))
    return Standing(
        accepted=len(stories) / n,
        plots=plots,
        names=names,
        nats_per_word=drawn.nats_per_word,
        kl=float(story_kl(model, start, drawn.tokens, ended=drawn.ended).mean()),
        gap=lineage.gap(model)[0],
    )
