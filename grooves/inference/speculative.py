"""Speculative decoding: a cheap draft proposes words, the target verifies them in one pass.

Key idea: a forward pass over K + 1 words costs the target little more than one over a single word,
because reading the weights dominates. So a draft model proposes K words, and the target computes
its own distribution at all of them at once. A proposed word is accepted with probability
min(1, p / q); at the first rejection the word is drawn from the residual (p - q)+ instead. The text
then has the target's distribution exactly, whatever the draft is: a poor draft only costs time.
Chapter 09. Sources: Leviathan et al. 2023, arXiv:2211.17192; Chen et al. 2023, arXiv:2302.01318.

p: the target's distribution, q: the draft's; B texts, K drafts, V tokens in the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.inference.ragged import ContiguousCache
from grooves.inference.sampling import Sampler, draw
from grooves.models.ngram import NGram

END = 0  # token of the end mark

# ------------------------------------------------------------------------------------- verifiers
# Each takes p (B, K + 1, V), q (B, K, V) and the drafts (B, K). It returns how many drafts of each
# text are kept, (B,), and the token that follows them, (B,).


def verify_exact(p: Tensor, q: Tensor, drafts: Tensor, generator=None) -> tuple[Tensor, Tensor]:
    """Accept with probability min(1, p / q); at the first rejection draw from (p - q)+.

    Where all K drafts are accepted, one more word is drawn from p: the pass has computed it anyway.
    Source: Leviathan et al. 2023, arXiv:2211.17192, algorithm 1.
    """
    kept = _accept(p, q, drafts, generator)
    after = _at(p, kept)  # (B, V)
    residual = (after - _at(F.pad(q, (0, 0, 0, 1)), kept)).clamp_min(0)  # after K drafts q is 0
    nothing = residual.sum(-1, keepdim=True) == 0  # p = q up to rounding
    return kept, draw(torch.where(nothing, after, residual), generator)


def verify_without_residual(p, q, drafts, generator=None) -> tuple[Tensor, Tensor]:
    """WRONG, as a control: draw from p after a rejection.

    What the draft likes more than the target does is then counted twice: once among the accepted
    drafts, and again in p. For one draft the law is min(p, q) + TV(p, q) p instead of p.
    """
    kept = _accept(p, q, drafts, generator)
    return kept, draw(_at(p, kept), generator)


def verify_greedy(p: Tensor, q: Tensor, drafts: Tensor, generator=None) -> tuple[Tensor, Tensor]:
    """WRONG unless the target decodes greedily: accept a draft if it is the target's likeliest.

    The text is then the greedy one, whatever the temperature: all variety is lost.
    """
    likeliest = p.argmax(-1)  # (B, K + 1)
    return _keep_matches(likeliest, drafts)


def verify_coupled(p: Tensor, q: Tensor, drafts: Tensor, generator=None) -> tuple[Tensor, Tensor]:
    """Right but wasteful: draw the target's own words, accept drafts that happen to be the same.

    The distribution is the target's; the acceptance is Σ p q instead of Σ min(p, q).
    """
    own = draw(p.flatten(0, 1), generator).view(p.shape[:2])  # (B, K + 1)
    return _keep_matches(own, drafts)


VERIFIERS = {
    "exact": verify_exact,
    "without residual": verify_without_residual,
    "greedy": verify_greedy,
    "coupled": verify_coupled,
}


def _accept(p: Tensor, q: Tensor, drafts: Tensor, generator) -> Tensor:
    """How many drafts are accepted before the first rejection: (B,)."""
    chosen = drafts[..., None]  # (B, K, 1)
    ratio = p[:, :-1].gather(-1, chosen) / q.gather(-1, chosen)
    point = torch.rand(ratio.shape, generator=generator, device=p.device, dtype=p.dtype)
    return (point < ratio)[..., 0].long().cumprod(1).sum(1)


def _keep_matches(own: Tensor, drafts: Tensor) -> tuple[Tensor, Tensor]:
    """Keep the drafts (B, K) up to the first that differs from the target's words (B, K + 1)."""
    kept = (own[:, :-1] == drafts).long().cumprod(1).sum(1)
    return kept, own.gather(1, kept[:, None])[:, 0]


def _at(table: Tensor, place: Tensor) -> Tensor:
    """The distribution of each text at its own place: (B, K + 1, V), (B,) -> (B, V)."""
    return table[torch.arange(len(table), device=table.device), place]


# ------------------------------------------------------------------------------- draft and target


class NGramPredictor:
    """Next-word distributions of an n-gram model, computed once per context."""

    def __init__(self, model: NGram):
        self.model, self.known = model, {}

    def probabilities(self, rows: list[int], texts: list[list[int]], n_last: int = 1) -> Tensor:
        """After each of the last `n_last` tokens of each text: (B, n_last, V), float64."""
        ends = [range(len(text) - n_last + 1, len(text) + 1) for text in texts]
        tables = [
            [self._next(text[:end]) for end in e] for text, e in zip(texts, ends, strict=True)
        ]
        return torch.from_numpy(np.array(tables))

    def _next(self, prefix: list[int]) -> np.ndarray:
        context = tuple(prefix[len(prefix) - min(self.model.n - 1, len(prefix)) :])
        if context not in self.known:
            self.known[context] = self.model.next_token(list(context))
        return self.known[context]


class ModelPredictor:
    """Next-word distributions of a transformer, with a KV cache that is rewound as needed.

    sampler: changes the distribution, such as by a temperature. Used for both the draft and the
    target, the text has the distribution of the target under that sampler.
    """

    def __init__(self, model, n_texts: int, sampler: Sampler | None = None):
        self.cache, self.sampler = ContiguousCache(model, n_texts), sampler or Sampler()

    def probabilities(self, rows: list[int], texts: list[list[int]], n_last: int = 1) -> Tensor:
        """After each of the last `n_last` tokens of each text: (B, n_last, V), float64.

        rows: which row of the cache belongs to each text.
        """
        logits = self.cache.next_logits(rows, texts, n_last).double().cpu()
        return self.sampler.probabilities(logits)


def predictor(model, n_texts: int, sampler: Sampler | None = None):
    """The predictor of an n-gram model or of a transformer."""
    return (
        NGramPredictor(model)
        if isinstance(model, NGram)
        else ModelPredictor(model, n_texts, sampler)
    )


# --------------------------------------------------------------------------------------- decoding


@dataclass
class Speculated:
    """N texts and what they cost.

    tokens: a list per text, without the end mark. ended: bool (N,). words: (N,), words drawn for
    each text, its end mark included and its prefix not. calls: (N,), forward passes of the target.
    tested, accepted: (K,), how many drafts at each place of a block were verified and accepted.
    """

    tokens: list[list[int]]
    ended: np.ndarray
    words: np.ndarray
    calls: np.ndarray
    tested: np.ndarray
    accepted: np.ndarray

    @property
    def acceptance(self) -> float:
        """Accepted drafts over verified ones."""
        return float(self.accepted.sum() / self.tested.sum())

    @property
    def words_per_call(self) -> float:
        """Words of all texts over forward passes of the target; without a draft it is 1."""
        return float(self.words.sum() / self.calls.sum())


def speculate(
    target,
    draft,
    n: int,
    n_drafts: int = 3,
    seed: int = 0,
    verify=verify_exact,
    prefix: list[int] | None = None,
    max_calls: int | None = None,
    sampler: Sampler | None = None,
) -> Speculated:
    """Draw n texts from `target`, drafting with `draft` (a transformer or an `NGram`).

    n_drafts: K, words proposed per call; near the end of the context fewer. verify: one of
    `VERIFIERS`. prefix: tokens with which every text begins. max_calls: stop after so many calls,
    whether the texts have ended or not. sampler: applied to target and draft.
    Raises: ValueError for a negative number of drafts, or a prefix that fills the context.
    """
    room, given = target.config.context, [END, *(prefix or [])]
    if n_drafts < 0 or len(given) > room:
        raise ValueError(f"{n_drafts=} must be 0 or more, and {len(given)=} at most {room}")
    generator = torch.Generator().manual_seed(seed)
    models = predictor(target, n, sampler), predictor(draft, n, sampler)
    texts = [list(given) for _ in range(n)]
    counts = np.zeros(n, int), np.zeros(n_drafts, int), np.zeros(n_drafts, int)
    live = list(range(n))
    while live and (max_calls is None or counts[0].max() < max_calls):
        k = min(n_drafts, room - max(len(texts[row]) for row in live))
        _one_call(models, texts, live, k, verify, generator, counts)
        live = [row for row in live if texts[row][-1] != END and len(texts[row]) <= room]
    ended = np.array([len(text) > len(given) and text[-1] == END for text in texts])
    tokens = [text[1:-1] if end else text[1:] for text, end in zip(texts, ended, strict=True)]
    words = np.array([len(text) - len(given) for text in texts])
    return Speculated(tokens, ended, words, *counts)


def _one_call(models, texts, live, k, verify, generator, counts) -> None:
    """Propose k words for every live text, verify them, and append what is kept."""
    (target, draft), (calls, tested, accepted) = models, counts
    proposed, q = [list(texts[row]) for row in live], []
    for _ in range(k):
        q.append(draft.probabilities(live, proposed)[:, 0])  # (B, V)
        for text, word in zip(proposed, draw(q[-1], generator).tolist(), strict=True):
            text.append(word)
    p = target.probabilities(live, proposed, k + 1)  # (B, k + 1, V)
    q = torch.stack(q, 1) if k else p[:, :0]
    drafts = torch.tensor([text[len(text) - k :] for text in proposed], dtype=torch.long)
    kept, after = (x.tolist() for x in verify(p, q, drafts.view(len(live), k), generator))
    for row, words, m, word in zip(live, drafts.tolist(), kept, after, strict=True):
        end = words.index(END) + 1 if END in words[:m] else k + 1  # what follows an end is dropped
        texts[row] += [*words[:m], word][:end]
        calls[row] += 1
        tested[: min(m + 1, k, end)] += 1
        accepted[: min(m, end)] += 1
