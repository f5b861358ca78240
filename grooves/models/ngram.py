"""The n-gram model: predict the next token from the last n - 1, by counting.

Key idea: p(next | last tokens) is a ratio of two counts. A long context has rarely been seen, so
each order passes part of its probability on to the next shorter one ("back-off"), down to the
uniform distribution. No gradient, and no memory beyond n - 1 tokens.
Chapter 04. Source: Ney, Essen & Kneser 1994, doi:10.1006/csla.1994.1001 (absolute discounting,
here with plain counts at every order, interpolated).
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from grooves.language.corpora import HeldOut
from grooves.language.stories import per_word

DISCOUNT = 0.75  # taken from every count, and passed on to the shorter context


class NGram:
    """Counts of all contexts of up to n - 1 tokens.

    n: 1 for a unigram model, which ignores the context, 2 for a bigram model, and so on.
    Raises: ValueError unless n and the size of the vocabulary are positive.
    """

    def __init__(self, n: int, vocabulary_size: int):
        if n < 1 or vocabulary_size < 1:
            raise ValueError(f"{n=} and {vocabulary_size=} must be at least 1")
        self.n, self.vocabulary_size = n, vocabulary_size
        self.after: dict[tuple[int, ...], Counter] = {}  # context -> how often each token followed

    def fit(self, texts: list[list[int]]) -> NGram:
        """Count texts of tokens. Token 0 marks the beginning and the end of each."""
        for text in texts:
            row = [0, *text, 0]
            for length in range(self.n):  # of the context
                for at in range(max(1, length), len(row)):
                    context = tuple(row[at - length : at])
                    self.after.setdefault(context, Counter())[row[at]] += 1
        return self

    def next_token(self, prefix: list[int]) -> np.ndarray:
        """Probability of every next token after `prefix`: a vector (V,) that sums to 1."""
        p = np.full(self.vocabulary_size, 1 / self.vocabulary_size)  # nothing counted: uniform
        for length in range(min(self.n - 1, len(prefix)) + 1):
            seen = self.after.get(tuple(prefix[len(prefix) - length :]))
            if seen is None:
                break  # no longer context has been seen either
            total, kinds = seen.total(), len(seen)
            p *= DISCOUNT * kinds / total  # what the discount leaves for the shorter context
            tokens, counts = list(seen), np.array(list(seen.values()))
            p[tokens] += (counts - DISCOUNT) / total
        return p

    @property
    def n_counts(self) -> int:
        """How many numbers the model stores."""
        return sum(map(len, self.after.values()))


def gap_of(model: NGram, language, n_stories: int = 100) -> tuple[float, float]:
    """Nats per word that the model is worse than perfect, with the standard error.

    The same measure on the same held-out stories as `grooves.training.lineage.gap`.
    """
    held_out = HeldOut(language, n_stories)
    nats, words = np.zeros(n_stories), np.zeros(n_stories)
    for i, story in enumerate(held_out.stories):
        row = [0, *(language.index[word] for word in story)]
        truth = held_out.truth[i].numpy().astype(np.float64)
        for at in range(len(row)):
            p, q = truth[at], model.next_token(row[: at + 1])
            possible = p > 0
            nats[i] += (p[possible] * np.log(p[possible] / q[possible])).sum()
        words[i] = len(row)
    return per_word(nats, words)
