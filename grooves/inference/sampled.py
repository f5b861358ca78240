"""Texts drawn with a sampler, together with the exact probability of each.

Key idea: while a text is drawn, the distribution of every word is there anyway. Keeping what was
drawn with which probability costs nothing, and makes the distance to the language computable.
Chapters: 08, 09.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grooves.inference.readers import context_of, next_logits, open_reader
from grooves.inference.sampling import Sampler, draw

END = 0  # token of the end mark


@dataclass(frozen=True)
class Texts:
    """N drawn texts.

    tokens: a list for each text, without the end mark. ended: bool (N,), False for a text that was
    cut at the context. log_q: (N,), log-probability of each text (its end included) under the model
    with the sampler. entropy_nats: (N,), the sum of the entropies of the distributions from which
    its words were drawn. words_drawn: how many words were drawn, end marks counted and words that
    were given as a prefix not; this is the cost. q: the distributions themselves, (N, T, V), for
    `keep_q`.
    """

    tokens: list[list[int]]
    ended: np.ndarray
    log_q: np.ndarray
    entropy_nats: np.ndarray
    words_drawn: int
    q: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> np.ndarray:
        """Words of each text, the end mark counted where there is one: (N,)."""
        return np.array([len(text) for text in self.tokens]) + self.ended

    @property
    def nats_per_word(self) -> float:
        """Entropy of the distributions from which the words were drawn, a word."""
        return float(self.entropy_nats.sum() / self.lengths.sum())

    def words(self, language) -> list[list[str]]:
        """The texts as lists of words, as `language.parse` reads them."""
        return [[language.vocabulary[token] for token in text] for text in self.tokens]


@torch.inference_mode()
def draw_texts(
    model,
    n: int,
    sampler: Sampler | None = None,
    seed: int = 0,
    prefixes: list[list[int]] | None = None,
    max_words: int | None = None,
    opened=open_reader,
    keep_q: bool = False,
) -> Texts:
    """Draw n texts from a model, or from a language as a perfect model.

    sampler: default `Sampler()`, the model's own distribution. prefixes: token lists, one for each
    text; they are kept as they are, and the text continues from there (their log-probability is not
    part of `log_q`). max_words: at most so many words with the prefix and the end mark
    (default: what fits into the context). opened: makes the reader, for other kinds of reader.
    keep_q: return the distribution of every word as well.
    Raises: ValueError where the number of prefixes is not n, or a prefix leaves no room.
    """
    sampler = sampler or Sampler()
    room = min(max_words or context_of(model), context_of(model))
    generator = torch.Generator().manual_seed(seed)
    reader = opened(model, torch.zeros((n, 1), dtype=torch.long))
    draft = _Draft(prefixes if prefixes is not None else [[]] * n, n, room, keep_q)
    for t in range(room):
        logits = reader.logits.cpu()  # (n, V)
        q = sampler.probabilities(logits, draft.seen_in(logits, sampler))
        words = draft.add(t, q, draw(q, generator))
        if draft.ended.all() or t == room - 1:
            break
        reader.read(words)
    return draft.texts()


class _Draft:
    """Texts while they are drawn: words so far, and the sums over them."""

    def __init__(self, prefixes: list[list[int]], n: int, room: int, keep_q: bool):
        self.given = _padded(prefixes, n, room)  # (n, longest prefix)
        self.starts = torch.tensor([len(prefix) for prefix in prefixes])
        self.ids = torch.zeros((n, room), dtype=torch.long)
        self.lengths = torch.full((n,), room)
        self.ended = torch.zeros(n, dtype=torch.bool)
        self.log_q, self.entropy = torch.zeros((2, n), dtype=torch.float64)
        self.seen: Tensor | None = None
        self.kept: list[Tensor] | None = [] if keep_q else None

    def seen_in(self, logits: Tensor, sampler: Sampler) -> Tensor | None:
        """The tokens of each text so far, bool (n, V), where the sampler has a use for them."""
        if self.seen is None and sampler.repetition_penalty != 1:
            self.seen = torch.zeros_like(logits, dtype=torch.bool)
        return self.seen

    def add(self, t: int, q: Tensor, words: Tensor) -> Tensor:
        """Word t of each text, (n,): a word of its prefix, the one drawn from q, or padding."""
        if t < self.given.size(1):
            words = torch.where(t < self.starts, self.given[:, t], words)
        drawn = ~self.ended & (t >= self.starts)
        log_q = q.gather(1, words[:, None])[:, 0].double().log()
        self.log_q += torch.where(drawn, log_q, 0.0)
        entropy = -torch.special.xlogy(q, q).sum(-1).double()
        self.entropy += torch.where(drawn, entropy, 0.0)
        words = words.masked_fill(self.ended, END)
        self.lengths[~self.ended & (words == END)] = t
        self.ended = self.ended | (words == END)
        self.ids[:, t] = words
        if self.seen is not None:
            self.seen[torch.arange(len(words)), words] = True
        if self.kept is not None:
            self.kept.append(q)
        return words

    def texts(self) -> Texts:
        """What was drawn."""
        rows = zip(self.ids.tolist(), self.lengths.tolist(), strict=True)
        tokens = [row[:length] for row, length in rows]
        words = int((self.lengths + self.ended - self.starts).sum())
        sums = self.ended.numpy(), self.log_q.numpy(), self.entropy.numpy()
        return Texts(tokens, *sums, words, torch.stack(self.kept, 1) if self.kept else None)


def _padded(prefixes: list[list[int]], n: int, room: int) -> Tensor:
    """Prefixes as one tensor (n, longest), filled with the end mark."""
    if len(prefixes) != n:
        raise ValueError(f"{len(prefixes)} prefixes were given for {n} texts: give one for each")
    longest = max(map(len, prefixes), default=0)
    if longest >= room:
        raise ValueError(f"a prefix of {longest} words leaves no room in {room}")
    return torch.tensor([[*p, *[END] * (longest - len(p))] for p in prefixes], dtype=torch.long)


@dataclass(frozen=True)
class WordScores:
    """What a model predicts along one text, the end mark included where the text ended: (T,) each.

    log_p: log-probability of each word. log_ratio: the same minus that of the likeliest word there,
    0 where the word is the likeliest. entropy: of the model's distribution, in nats.
    """

    log_p: np.ndarray
    log_ratio: np.ndarray
    entropy: np.ndarray


def score_words(model, texts: Texts) -> list[WordScores]:
    """Score every word of every text under the model's own distribution (no sampler)."""
    scored = []
    tables = next_logits(model, texts.tokens)
    for table, tokens, ended in zip(tables, texts.tokens, texts.ended, strict=True):
        logits = table[: min(len(tokens) + int(ended), len(table))]  # (T, V)
        words = torch.tensor([*tokens, END][: len(logits)], dtype=torch.long)
        chosen = logits.gather(1, words[:, None])[:, 0]
        total = logits.logsumexp(-1)
        q = (logits - total[:, None]).exp()
        entropy = total - (q * logits.clamp_min(-1e30)).sum(-1)  # 0 * -inf would be NaN
        scores = chosen - total, chosen - logits.amax(-1), entropy
        scored.append(WordScores(*(score.numpy() for score in scores)))
    return scored
