"""One interface for everything that predicts the next word: a model, or the language itself.

Key idea: the language's exact probabilities can stand in for a model, so every way of generating
can also be tried with a perfect model, where whatever goes wrong is the method's fault.
Chapter 08.

A reader has read some words and holds `logits`, (B, V), the scores of the next one;
`read(words)` takes one more word of each text, (B,), and returns the new scores;
`select(rows)` keeps the given texts, in this order, where a text may be taken several times.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from grooves.inference.decoder import Decoder
from grooves.inference.generate import Reader
from grooves.language.grammar import State
from grooves.language.stories import Stories
from grooves.models.transformer import Config


class NextWordReader(Protocol):
    """What generation needs of a model; see the top of this module."""

    logits: Tensor

    def read(self, words: Tensor) -> Tensor:
        """Read one more word of each text, (B,): scores of the word after it, (B, V)."""

    def select(self, rows: Tensor) -> None:
        """Keep these texts, (B',) indices."""


class ModelReader:
    """A `NextWordReader` of a trained model that has read a prompt (B, T), with its KV cache."""

    def __init__(self, model, prompt: Tensor):
        self.inner = Decoder(model, prompt) if Decoder.fits(model) else Reader(model, prompt)
        self.logits = self.inner.logits

    @torch.inference_mode()
    def read(self, words: Tensor) -> Tensor:
        """Read one more word of each text, (B,): scores of the word after it, (B, V)."""
        self.logits = self.inner.read(words[:, None])
        return self.logits

    @torch.inference_mode()
    def select(self, rows: Tensor) -> None:
        """Keep these texts: the cached keys and values of every layer are copied in this order."""
        self.logits = self.logits[rows]
        self.inner.select(rows)


class LanguageReader:
    """The perfect model: exact log-probabilities of the language as logits, float64.

    prompt: (B, T), beginning with the end mark, as for a model. After the end mark of a story the
    next one may begin; further end marks are padding and change nothing.
    Raises: ValueError where no story begins with the prompt.
    """

    def __init__(self, language: Stories, prompt: Tensor):
        self.language = language
        self.start = language.grammar.begin()
        self.states: list[list[State]] = [self.start] * len(prompt)
        for words in prompt.T[1:]:
            self.read(words)
        self.logits = self._logits()

    def read(self, words: Tensor) -> Tensor:
        """Read one more word of each text, (B,): log-probabilities after it, (B, V).

        Raises: ValueError that names the first word that cannot stand there.
        """
        grammar, vocabulary = self.language.grammar, self.language.vocabulary
        for row, word in enumerate(words.flatten().tolist()):
            if word == 0 and self.states[row] is self.start:
                continue  # padding after the end
            after = grammar.read(self.states[row], vocabulary[word])
            if not after:
                raise ValueError(f"no story of the language continues with {vocabulary[word]!r}")
            self.states[row] = self.start if word == 0 else after
        self.logits = self._logits()
        return self.logits

    def select(self, rows: Tensor) -> None:
        """Keep these texts. States are never changed, so they can be shared."""
        self.states = [self.states[row] for row in rows.tolist()]
        self.logits = self.logits[rows]

    def _logits(self) -> Tensor:
        shape = (len(self.states), len(self.language.vocabulary))
        table = torch.zeros(shape, dtype=torch.float64)
        for row, states in enumerate(self.states):
            for word, probability in self.language.grammar.next_words(states).items():
                table[row, self.language.index[word]] = probability
        return table.log()


def open_reader(model, prompt: Tensor) -> NextWordReader:
    """A reader of a model, or of a language as a perfect model, that has read `prompt` (B, T)."""
    kind = LanguageReader if isinstance(model, Stories) else ModelReader
    return kind(model, prompt)


def context_of(model) -> int:
    """How many words a model can read; the language has no limit, so it gets the lineage's."""
    return Config.context if isinstance(model, Stories) else model.config.context


@torch.inference_mode()
def next_logits(model, texts: list[list[int]], chunk: int = 50) -> list[Tensor]:
    """Scores before every word of given texts and after the last: (T + 1, V) for each text.

    A model reads whole texts at once, which is far faster than word by word. texts: token lists
    without the end mark. What exceeds the model's context is left out.
    Raises: ValueError where the model is the language and a text is not the beginning of a story.
    """
    if isinstance(model, Stories):
        words = ([model.vocabulary[token] for token in text] for text in texts)
        return [torch.from_numpy(model.next_word_table(w)).log() for w in words]
    out: list[Tensor] = []
    place = next(model.parameters()).device
    for begin in range(0, len(texts), chunk):
        part = texts[begin : begin + chunk]
        longest = min(max(map(len, part)) + 1, model.config.context)
        ids = torch.zeros((len(part), longest), dtype=torch.long)
        for row, text in enumerate(part):
            ids[row, 1 : len(text) + 1] = torch.tensor(text[: longest - 1])
        logits = model(ids.to(place)).float().cpu()
        out += [logits[row, : len(text) + 1] for row, text in enumerate(part)]
    return out
