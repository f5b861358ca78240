"""How far a model with a sampler is from the language, and how varied what it writes is.

Key idea: both distributions over stories are known exactly, so for each story both probabilities
can be computed, and only the choice of stories is random. The KL divergence is infinite as soon as
a true word is cut (in one direction) or an impossible one can be drawn (in the other). The
Jensen-Shannon divergence and the total variation distance are always finite.
Chapter 08.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grooves.inference.readers import next_logits
from grooves.inference.sampled import Texts, draw_texts
from grooves.inference.sampling import Sampler, seen_before
from grooves.language.grammar import END
from grooves.language.stories import Stories, per_word

CHUNK = 50  # texts at a time


@dataclass(frozen=True)
class Distance:
    """A model with a sampler beside the language. Each `_error` is a standard error.

    accepted: share of drawn stories that belong to the language. jensen_shannon: nats per story, at
    most ln 2. total_variation: per story, at most 1. kl_from_language: KL(language || sampler),
    nats per word, infinite where a true word is cut. kl_to_language: KL(sampler || language), nats
    per word, infinite where an impossible word can be drawn. cut: share of true words that are cut.
    impossible: probability per word of a word that cannot stand there, in texts correct so far.
    entropy: nats per word of what is written. words_drawn: the cost, end marks counted.
    """

    accepted: float
    accepted_error: float
    jensen_shannon: float
    jensen_shannon_error: float
    total_variation: float
    total_variation_error: float
    kl_from_language: float
    kl_to_language: float
    cut: float
    impossible: float
    entropy: float
    entropy_error: float
    words_drawn: int


@dataclass(frozen=True)
class Reading:
    """Texts as the language reads them.

    accepted: bool (N,). log_p: (N,), exact log-probability of each story, -inf if not accepted.
    lengths: (N,), places at which the language has a next word: all, or up to the first that is
    wrong. The exact probabilities of all M possible next words: `text`, `place`, `token` and `p`,
    each (M,).
    """

    accepted: np.ndarray
    log_p: np.ndarray
    lengths: np.ndarray
    text: Tensor
    place: Tensor
    token: Tensor
    p: Tensor


def read_exactly(language: Stories, texts: list[list[int]], ended=None) -> Reading:
    """Read token lists (without end marks) with the language's grammar, once for everything.

    ended: bool (N,), whether each text has its end mark (default: all).
    """
    ended = np.ones(len(texts), dtype=bool) if ended is None else ended
    log_p, lengths, entries = np.zeros(len(texts)), np.zeros(len(texts), dtype=int), []
    for row, text in enumerate(texts):
        states = language.grammar.begin()
        words = [language.vocabulary[token] for token in text] + [END] * bool(ended[row])
        for place, word in enumerate(words):
            table = language.grammar.next_words(states)
            entries += [(row, place, language.index[w], p) for w, p in table.items()]
            lengths[row] += 1
            log_p[row] += math.log(table[word]) if word in table else -math.inf
            if word not in table:
                break
            states = language.grammar.read(states, word)
    log_p[~ended] = -math.inf
    text, place, token = torch.tensor([entry[:3] for entry in entries]).T
    p = torch.tensor([entry[3] for entry in entries], dtype=torch.float64)
    return Reading(np.isfinite(log_p), log_p, lengths, text, place, token, p)


class Yardstick:
    """`n` stories of the language, read once, to which models with samplers are compared."""

    def __init__(self, language: Stories, n: int = 600, seed: int = 901):
        self.language, self.n = language, n
        stories = language.corpus(n, seed)
        self.texts = [[language.index[word] for word in story] for story in stories]
        self.truth = read_exactly(language, self.texts)
        self._kept: tuple = (None, None)  # the model read last, and its logits

    def measure(self, model, sampler: Sampler | None = None, seed: int = 7) -> Distance:
        """Draw as many stories as the yardstick has, and compare the two distributions."""
        sampler = sampler or Sampler()
        drawn = draw_texts(model, self.n, sampler, seed, keep_q=True)
        return self.compare(model, sampler, drawn)

    @torch.inference_mode()
    def compare(self, model, sampler: Sampler, drawn: Texts, along=None) -> Distance:
        """The same for stories drawn before; `drawn` must have `q`.

        along: what `along_truth` returned, which is the same for all drawn stories.
        """
        reading = read_exactly(self.language, drawn.tokens, drawn.ended)
        log_q, kl, cut = along or self.along_truth(model, sampler)
        kl_back, impossible = along_drawn(drawn.q, reading)
        js = both_ways(_js_terms, self.truth.log_p, log_q, drawn.log_q, reading.log_p)
        tv = both_ways(_tv_terms, self.truth.log_p, log_q, drawn.log_q, reading.log_p)
        share = float(reading.accepted.mean())
        error = math.sqrt(max(share * (1 - share), 1 / len(drawn)) / len(drawn))
        entropy = per_word(drawn.entropy_nats, drawn.lengths)
        return Distance(
            share, error, *js, *tv, kl, kl_back, cut, impossible, *entropy, drawn.words_drawn
        )

    def along_truth(self, model, sampler: Sampler) -> tuple[np.ndarray, float, float]:
        """The sampler's log-probability of each true story, (n,), KL per word, share of words cut.

        The KL is summed over all words that could stand at each place, not only the one that does.
        """
        log_q, kl, cut = [], 0.0, 0.0
        for begin in range(0, self.n, CHUNK):
            texts = self.texts[begin : begin + CHUNK]
            table = self._log_table(model, sampler, begin, texts)  # (B, T, V)
            words = torch.zeros(table.shape[:2], dtype=torch.long)
            for row, text in enumerate(texts):
                words[row, : len(text)] = torch.tensor(text)
            taken = table.gather(2, words[:, :, None])[:, :, 0].double()
            inside = torch.arange(table.size(1)) < torch.tensor([[len(t) + 1] for t in texts])
            log_q.append(torch.where(inside, taken, 0.0).sum(1))
            part = slice(*np.searchsorted(self.truth.text.numpy(), (begin, begin + len(texts))))
            p, at = self.truth.p[part], (self.truth.text[part] - begin, self.truth.place[part])
            q = table[*at, self.truth.token[part]].double()
            kl += float((p * (p.log() - q)).sum())
            cut += float(p[q == -torch.inf].sum())
        words = int(self.truth.lengths.sum())
        return torch.cat(log_q).numpy(), max(kl / words, 0.0), cut / words

    def _log_table(self, model, sampler: Sampler, begin: int, texts: list) -> Tensor:
        """Log-probabilities of the sampler along a chunk of true stories, (B, T, V)."""
        if self._kept[0] is not model:
            self._kept = (model, next_logits(model, self.texts))
        logits = self._kept[1][begin : begin + len(texts)]
        padded = torch.nn.utils.rnn.pad_sequence(logits, batch_first=True)  # (B, T, V)
        seen = None
        if sampler.repetition_penalty != 1:
            before = [seen_before(text, padded.size(2)) for text in texts]
            seen = torch.nn.utils.rnn.pad_sequence(before, batch_first=True)
        return sampler.log_probabilities(padded, seen)


def along_drawn(q: Tensor, reading: Reading) -> tuple[float, float]:
    """Along drawn texts while they are right: KL(q || language) and impossible words, per word.

    q: (N, T, V), the distributions from which the texts were drawn.
    """
    possible = q[reading.text, reading.place, reading.token].double()  # (M,)
    inside = torch.arange(q.size(1)) < torch.from_numpy(reading.lengths)[:, None]  # (N, T)
    words = int(reading.lengths.sum())
    impossible = max(words - float(possible.sum()), 0.0) / words
    if int((q > 0).sum(2)[inside].sum()) > int((possible > 0).sum()):
        return math.inf, impossible
    entropy = -torch.special.xlogy(q, q).sum(2, dtype=torch.float64)[inside].sum()
    cross = -(possible * reading.p.log()).sum()
    return max(float(cross - entropy) / words, 0.0), 0.0


def both_ways(terms, log_p, log_q, log_q_drawn, log_p_drawn) -> tuple[float, float]:
    """Mean of `terms` over stories of the language and over drawn ones, half each, and its error.

    log_p, log_q: (n,), of the language's stories. log_q_drawn, log_p_drawn: (N,), of drawn ones.
    """
    ours, theirs = terms(log_p, log_q), terms(log_q_drawn, log_p_drawn)
    mean = (ours.mean() + theirs.mean()) / 2
    error = math.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)) / 2
    return float(mean), error


def _js_terms(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """ln(2a / (a + b)) for probabilities given as logarithms. Its mean under a is one half of JS.

    Source: Lin 1991, IEEE Transactions on Information Theory 37(1).
    """
    return math.log(2) - np.logaddexp(0, other - own)


def _tv_terms(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """max(0, 1 - b / a): its mean under a is the total variation distance."""
    return -np.expm1(np.minimum(other - own, 0))
