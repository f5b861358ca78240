"""What a data set contains: how many texts and words, how long they are, and what repeats.

Key idea: a model learns what its data contain, so look at them before you train: duplicates are
memorised, and a word that occurs once is hardly learned. Chapter 05.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
MOST_REPEATED = 10


@dataclass(frozen=True)
class DataSet:
    """What a data set contains.

    texts, words, distinct_words: counts. lengths: quantile -> words of a text, for QUANTILES.
    duplicates: texts that repeat an earlier one exactly. most_repeated: up to ten of them with the
    number of times they occur. once: the words that occur once in the whole data set, sorted.
    """

    texts: int
    words: int
    distinct_words: int
    lengths: dict[float, int]
    duplicates: int
    most_repeated: list[tuple[str, int]]
    once: list[str]


def describe_data(texts: Iterable[str | Sequence]) -> DataSet:
    """Count what a data set contains.

    texts: strings, which are split at white space, or rows of tokens (words or numbers, lists or
    arrays without padding), such as `Stories().corpus(1000, seed=0)`.
    Raises: ValueError where there are no texts, or one string in place of several.
    """
    if isinstance(texts, str):
        raise ValueError("texts is one string: put it into a list, or split it into texts")
    rows = [_tokens(text) for text in texts]
    if not rows:
        raise ValueError("the data set has no texts: give at least one")
    words = Counter(word for row in rows for word in row)
    copies = Counter(rows)
    lengths = np.quantile([len(row) for row in rows], QUANTILES, method="inverted_cdf")
    repeated = [(" ".join(row), n) for row, n in copies.most_common(MOST_REPEATED) if n > 1]
    return DataSet(
        texts=len(rows),
        words=words.total(),
        distinct_words=len(words),
        lengths=dict(zip(QUANTILES, map(int, lengths), strict=True)),
        duplicates=len(rows) - len(copies),
        most_repeated=repeated,
        once=sorted(word for word, n in words.items() if n == 1),
    )


def _tokens(text: str | Sequence) -> tuple[str, ...]:
    if isinstance(text, str):
        return tuple(text.split())
    return tuple(map(str, text.tolist() if hasattr(text, "tolist") else text))
