"""Self-reflection: the model looks at what it wrote, finds a suspect word, and rewrites from there.

Key idea: a story is suspect if one of its words had less than a tenth of the probability of the
likeliest word there. Controls tell what does the work: to rewrite from a random place, to tell
suspect stories again from the start, or to spend the same rewriting on stories chosen at random.
Chapter 08. Source: Shinn et al. 2023, arXiv:2303.11366; Madaan et al. 2023, arXiv:2303.17651 (both
criticise in words; here the model's own probabilities are the criticism).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from grooves.inference.sampled import Texts, WordScores, draw_texts, score_words
from grooves.inference.sampling import Sampler

SUSPECT_RATIO = 0.1
WAYS = ("suspect word", "random place", "from the start", "random stories")


@dataclass(frozen=True)
class Round:
    """The texts after a round, how many were rewritten, and words drawn in all rounds so far.

    Words of the first draft are not counted in `extra_words`.
    """

    texts: Texts
    rewritten: int
    extra_words: int


def suspect_places(words: list[WordScores], ratio: float = SUSPECT_RATIO) -> list[int | None]:
    """Place of the most suspect word of each text, None where no word is below `ratio`.

    The most suspect word has the least ratio of its probability to that of the likeliest word.
    Raises: ValueError for a ratio outside (0, 1].
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"{ratio=} must be above 0 and at most 1")
    return [
        int(text.log_ratio.argmin()) if text.log_ratio.min() < math.log(ratio) else None
        for text in words
    ]


def reflect(
    model,
    draft: Texts,
    way: str = "suspect word",
    n_rounds: int = 3,
    ratio: float = SUSPECT_RATIO,
    keep_better: bool = False,
    sampler: Sampler | None = None,
    seed: int = 0,
) -> list[Round]:
    """Criticise and rewrite `draft` several times; the draft itself is round 0.

    way: "suspect word" rewrites each suspect text from its most suspect word on. The controls:
    "random place" rewrites the same texts from anywhere, "from the start" tells them again, and
    "random stories" does as many rewrites from the same places, in texts chosen without criticism.
    keep_better: keep the old text unless the new one has a greater least ratio.
    Raises: ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"{way=} is not one of {', '.join(WAYS)}")
    rng = np.random.default_rng(seed)
    rounds, texts, extra_words = [Round(draft, 0, 0)], draft, 0
    words = score_words(model, draft)
    for turn in range(n_rounds):
        rows, places = _to_rewrite(words, way, ratio, rng)
        if len(rows):
            prefixes = [texts.tokens[row][:place] for row, place in zip(rows, places, strict=True)]
            new = draw_texts(model, len(rows), sampler, seed + 1000 * (turn + 1), prefixes)
            extra_words += new.words_drawn
            new_words = score_words(model, new)
            kept = [
                not keep_better or new_words[i].log_ratio.min() > words[row].log_ratio.min()
                for i, row in enumerate(rows)
            ]
            texts, words = _merged(texts, words, rows, new, new_words, kept)
        rounds.append(Round(texts, len(rows), extra_words))
    return rounds


def _to_rewrite(
    words: list[WordScores], way: str, ratio: float, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Which texts to rewrite, and from which place on each."""
    suspects = suspect_places(words, ratio)
    rows = [row for row, place in enumerate(suspects) if place is not None]
    places = [place for place in suspects if place is not None]
    if way == "random place":
        places = [int(rng.integers(len(words[row].log_p))) for row in rows]
    elif way == "from the start":
        places = [0] * len(rows)
    elif way == "random stories":
        rows = rng.choice(len(words), len(rows), replace=False).tolist()
        places = [min(p, len(words[r].log_p) - 1) for r, p in zip(rows, places, strict=True)]
    return rows, places


def _merged(texts: Texts, words, rows, new: Texts, new_words, kept) -> tuple[Texts, list]:
    """The texts and their scores with the rewritten ones in place, where they are kept.

    What the sampler's probabilities were (`log_q`, `entropy_nats`) no longer has a meaning for a
    text that was chosen by a criticism, so it becomes NaN.
    """
    tokens, words, ended = list(texts.tokens), list(words), texts.ended.copy()
    log_q, entropy = texts.log_q.copy(), texts.entropy_nats.copy()
    for i, row in enumerate(rows):
        log_q[row] = entropy[row] = np.nan
        if kept[i]:
            tokens[row], words[row], ended[row] = new.tokens[i], new_words[i], new.ended[i]
    drawn = texts.words_drawn + new.words_drawn
    merged = replace(
        texts,
        tokens=tokens,
        ended=ended,
        log_q=log_q,
        entropy_nats=entropy,
        words_drawn=drawn,
        q=None,
    )
    return merged, words
