"""Happy or sad: what a model that was only asked for words has learned about a story's ending.

Key idea: two tasks that cost no label, the next word and the masked word, are learned from the
same stories; then 20 labels are spent on what was learned. How much can be known of the ending
at each word is exact: the language with happy endings only and the one with sad endings only say
how likely they would have written the text so far.
Chapter 03. Shapes: B texts, T words, V words in the vocabulary, C channels, N texts.
"""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.language.corpora import IGNORED, StoryData
from grooves.language.grammar import Grammar
from grooves.language.stories import Stories
from grooves.language.story_rules import definition
from grooves.models.transformer import Attention, Config, Transformer, norm
from grooves.training.data_parallel import one_core
from grooves.training.objectives import masked_word

ENDINGS = ("sad", "happy")  # their places are the labels, 0 and 1
SURPRISE = 0.1  # weight of the labels' loss beside the size of the weights


class BidirectionalAttention(Attention):
    """Attention without the causal mask: a hidden word may be guessed from what follows it."""

    def forward(self, x: Tensor, rotation: Tensor | None, cache=None) -> Tensor:
        """x: (B, T, C) -> (B, T, C). A cache makes no sense here, since every word changes all."""
        q, k, v = self.split_heads(x, rotation)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).flatten(2))


class MaskedTransformer(Transformer):
    """The course's transformer, made to fill gaps: it looks both ways and knows one word more.

    The word more is the mask, number V of a vocabulary of V words (0 to V - 1).
    Source: Devlin et al. 2019 (BERT), arXiv:1810.04805; all else is `grooves.models.transformer`'s.
    """

    def __init__(self, vocabulary_size: int, seed: int = 0, **changes):
        super().__init__(Config(vocabulary_size=vocabulary_size + 1, **changes), seed)
        for block in self.blocks:
            block.attention = BidirectionalAttention(self.config)
        self.reset(seed)


class MaskedData:
    """The batches of a `StoryData` with some words hidden, to be guessed in place of the next.

    share: chance of a word to be hidden. `batch(step)` depends on the seed and the step alone.
    """

    def __init__(self, data: StoryData, share: float = 0.15):
        self.data, self.share = data, share
        self.mask_id = len(data.tokenizer)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one training step, each (B, T); padding is never asked for."""
        rows, next_words = self.data.batch(step)
        inputs, targets = rows.numpy().copy(), np.full(rows.shape, IGNORED)
        rng = np.random.default_rng((self.data.seed, step))
        for row, length in enumerate((next_words >= 0).sum(1).tolist()):
            place = (row, slice(length))
            inputs[place], targets[place] = masked_word(
                inputs[place], self.mask_id, self.share, rng
            )
        return torch.from_numpy(inputs), torch.from_numpy(targets)


def told(language: Stories, n: int, seed: int) -> tuple[list[list[str]], np.ndarray]:
    """n stories and how they end: lists of words, and labels (n,), 0 for sad and 1 for happy."""
    rng = random.Random(seed)
    stories = [language.tell(rng) for _ in range(n)]
    return [list(s.words) for s in stories], np.array([ENDINGS.index(s.ending) for s in stories])


def ending_alone(ending: str) -> Stories:
    """The language as it would be if every story ended this way ("happy" or "sad")."""
    rules, lexicon = definition()
    for name, alternatives in rules.items():
        if name.endswith("End"):
            rules[name] = [pair for pair in alternatives if pair[1].startswith(f"#{ending} ")]
    language = Stories()
    language.grammar = Grammar(rules, lexicon)
    return language


def chance_of_happy(words, happy: Stories, sad: Stories) -> np.ndarray:
    """Exact probability of a happy ending after each word of a story: (T + 1,), first before any.

    happy, sad: the languages of `ending_alone`. By Bayes' rule, with even chances beforehand:
    P(happy | text) = P(text | happy) / (P(text | happy) + P(text | sad)).
    """
    log_odds = np.zeros(len(words) + 1)
    for sign, language in ((1, happy), (-1, sad)):
        scores = language.score(words)[: len(words)]
        sums = np.full(len(words), -np.inf)  # what cannot be written stays impossible
        sums[: len(scores)] = np.cumsum(scores)
        log_odds[1:] += sign * sums
    return 1 / (1 + np.exp(-log_odds))


def word_counts(texts: list[list[int]], size: int, last: int = 20) -> np.ndarray:
    """How often each word occurs among the last words of each text: (N, size), a bag of words."""
    counts = np.zeros((len(texts), size), dtype=np.float32)
    for row, text in enumerate(texts):
        np.add.at(counts[row], text[-last:], 1)
    return counts


@torch.no_grad()
def word_vectors(model: Transformer) -> np.ndarray:
    """The model's vector of every word, as its blocks meet it: (V, C)."""
    return norm(model.embedding.weight).cpu().numpy()


@one_core()
@torch.no_grad()
def last_states(model: Transformer, texts: list[list[int]]) -> np.ndarray:
    """The stream at each text's last word, after the last block: (N, C).

    Texts of equal length are read together, so that no padding is ever read.
    """
    by_length: dict[int, list[int]] = {}
    for row, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(row)
    states = np.empty((len(texts), model.config.n_embd), dtype=np.float32)
    place = next(model.parameters()).device
    for rows in by_length.values():
        ids = torch.tensor([texts[row] for row in rows], device=place)
        states[rows] = norm(model.hidden(ids))[:, -1].cpu().numpy()
    return states


@one_core()
def evaluate_endings(features, labels, n_labels: int = 20, n_draws: int = 20) -> np.ndarray:
    """Accuracy of logistic regression that has seen a few labelled texts: (n_draws,).

    features: (N, F) of all texts; each is scaled to mean 0 and variance 1 over all, which takes no
    label. The first half of the texts may be drawn for labelling, as many of each ending; the
    second half is the test. Draw number i is the same whatever the features are. All draws are
    fitted at once: they share no weight, so their losses can be added.
    """
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-6)
    scaled, half = torch.as_tensor(scaled, dtype=torch.float64), len(labels) // 2
    draws = []
    for draw in range(n_draws):
        order = np.random.default_rng(draw).permutation(half)
        shown = [order[labels[order] == label][: n_labels // 2] for label in (0, 1)]
        draws.append(np.concatenate(shown))
    x = scaled[torch.as_tensor(np.stack(draws))]  # (draws, n_labels, F)
    sign = torch.as_tensor(2.0 * labels[np.stack(draws)] - 1)[..., None]
    w = torch.zeros(n_draws, x.size(2), 1, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(n_draws, 1, 1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([w, b], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        descent.zero_grad()
        surprise = F.softplus(-sign * (x @ w + b)).sum()
        total = SURPRISE * surprise + w.square().sum() / 2  # few labels: keep the weights small
        total.backward()
        return total

    descent.step(loss)
    with torch.no_grad():
        happy = (scaled[half:] @ w + b)[..., 0] > 0  # (draws, N / 2)
    return (happy.numpy() == (labels[half:] == 1)).mean(axis=1)
