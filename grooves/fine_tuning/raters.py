"""Simulated raters: people whose taste, carelessness and bias are known exactly.

Key idea: a person who compares two stories likes one for a reason, is sometimes careless, and
may prefer the longer one without noticing. Here all three are numbers, so it is known how often a
reward model could agree with new ratings at best, and what it has learned besides the taste.
Chapter 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grooves.fine_tuning import judges

Texts = list[list[int]]


@dataclass(frozen=True)
class Raters:
    """Raters who compare two texts under the Bradley-Terry model.

    taste: token lists -> 1 or True for each text that they like (default: happy stories of the
    language). strength: logits that a liked text is ahead. per_ten_words: logits for every ten
    words more, a bias that has nothing to do with the taste. careless: share of comparisons that
    are decided by a coin.
    Raises: ValueError for a share outside [0, 1].
    """

    taste: Callable[[Texts], np.ndarray] = judges.happy
    strength: float = 4.0
    per_ten_words: float = 0.5
    careless: float = 0.2

    def __post_init__(self):
        if not 0 <= self.careless <= 1:
            raise ValueError(f"careless={self.careless} must be a share from 0 to 1")

    def chance(self, first: Texts, second: Texts) -> np.ndarray:
        """Probability that the first text of each pair is preferred: (N,)."""
        liked = [np.asarray(self.taste(side), dtype=float) for side in (first, second)]
        words = [np.array([len(text) for text in side]) for side in (first, second)]
        logit = self.strength * (liked[0] - liked[1])
        logit = logit + self.per_ten_words * (words[0] - words[1]) / 10
        return self.careless / 2 + (1 - self.careless) / (1 + np.exp(-logit))

    def compare(self, first: Texts, second: Texts, seed: int) -> np.ndarray:
        """1 for each pair of which the first text was preferred, 0 for others: (N,)."""
        return (np.random.default_rng(seed).random(len(first)) < self.chance(first, second)) * 1

    def best_agreement(self, first: Texts, second: Texts) -> float:
        """How often anybody could agree with these raters, who knew all about them."""
        p = self.chance(first, second)
        return float(np.maximum(p, 1 - p).mean())


def flipped(chosen: Texts, rejected: Texts, share: float, seed: int) -> tuple[Texts, Texts]:
    """The same pairs with `share` of them the wrong way round, rounded to whole pairs."""
    n_wrong = round(share * len(chosen))
    wrong = set(np.random.default_rng(seed).permutation(len(chosen))[:n_wrong].tolist())
    pairs = list(zip(chosen, rejected, strict=True))
    turned = [(b, a) if i in wrong else (a, b) for i, (a, b) in enumerate(pairs)]
    return [a for a, _ in turned], [b for _, b in turned]
