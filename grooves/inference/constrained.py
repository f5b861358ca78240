"""Constrained decoding: the grammar decides what may follow, the model decides what does.

Key idea: at every place a parser gives the words that can still lead to a complete text; all others
get probability 0 before the sampler applies. "JSON mode" and "structured output" are this, with
another grammar. A word after which the text can no longer be completed in the words that are left
would be a dead end, so the mask depends on them too.
Chapter 08. Source: Willard and Louf 2023, arXiv:2307.09702.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grooves.inference.readers import context_of, open_reader
from grooves.inference.sampled import Texts, draw_texts
from grooves.inference.sampling import Sampler
from grooves.language.grammar import Bind, Entry, Expand, Label, Recall, State, Write
from grooves.language.stories import Stories


class Completion:
    """The fewest words with which a beginning of a story can be completed.

    Dynamic programming over what is still to be written. It depends on the memory only through the
    lengths of its entries, so that most of it is computed once for all texts.
    """

    def __init__(self, language: Stories):
        self.grammar = language.grammar
        self._known: dict[tuple, int] = {}

    def words_needed(self, state: State) -> int:
        """The fewest words after which a story in this state is complete, the end mark counted."""
        return self._count(state.rest, state.memory)

    def shortest(self) -> int:
        """Words of the shortest story, the end mark counted."""
        return self._count((Expand(self.grammar.start), None), {})

    def _count(self, rest: tuple | None, memory: dict[str, Entry]) -> int:
        if rest is None:
            return 1  # the end mark
        key = (rest, tuple(sorted((name, len(entry.words)) for name, entry in memory.items())))
        if key not in self._known:
            self._known[key] = self._count_step(*rest, memory)
        return self._known[key]

    def _count_step(self, step, rest: tuple | None, memory: dict[str, Entry]) -> int:
        """Words for one step of a template and all after it."""
        match step:
            case Expand(rule):
                return min(
                    self._count(_linked(steps, rest), memory)
                    for _, steps in self.grammar.rules[rule]
                )
            case Bind():
                taken = [memory.get(name) for name in step.excluded]
                entries = self.grammar.lexicon[step.lexical_class]
                entry = min((e for e in entries if e not in taken), key=lambda e: len(e.words))
                written = 0 if step.silent else len(entry.words)
                return written + self._count(rest, memory | {step.name: entry})
            case Recall(name, form):
                return len(memory[name].forms[form]) + self._count(rest, memory)
            case Write(words):
                return len(words) + self._count(rest, memory)
            case Label():
                return self._count(rest, memory)
        return 1 + self._count(rest, memory)  # a word


def _linked(steps: tuple, rest: tuple | None) -> tuple | None:
    """Steps in front of a linked list (step, rest)."""
    for step in reversed(steps):
        rest = (step, rest)
    return rest


class StoryMask:
    """Which words may follow in each of n texts, so that it can end as a story in `room` words.

    room: words of a story at most, the end mark counted.
    Raises: ValueError where no story is that short.
    """

    def __init__(self, language: Stories, n: int, room: int):
        self.language, self.room = language, room
        self.completion = Completion(language)
        if (shortest := self.completion.shortest()) > room:
            raise ValueError(f"no story fits into {room} words: the shortest has {shortest}")
        self.states: list[list[State] | None] = [language.grammar.begin()] * n  # None: it has ended
        self.left = [room] * n  # words that each text may still have

    def allowed(self) -> Tensor:
        """The mask of the next word of each text, bool (B, V)."""
        index, end = self.language.index, self.language.vocabulary[0]
        mask = torch.zeros((len(self.states), len(self.language.vocabulary)), dtype=torch.bool)
        for row, (states, left) in enumerate(zip(self.states, self.left, strict=True)):
            for state in states or ():
                if self.completion.words_needed(state) <= left:
                    mask[row, index[state.rest[0] if state.rest else end]] = True
            mask[row, 0] |= states is None
        return mask

    def read(self, words: Tensor) -> None:
        """Add one word to each text, (B,); after its end, words are ignored.

        Raises: ValueError for a word that cannot follow.
        """
        for row, word in enumerate(words.flatten().tolist()):
            if self.states[row] is None:
                continue
            name = self.language.vocabulary[word]
            after = self.language.grammar.read(self.states[row], name)
            if not after:
                raise ValueError(f"{name!r} cannot follow in text {row}: draw within the mask")
            self.states[row] = None if word == 0 else after
            self.left[row] -= 1

    def select(self, rows: Tensor) -> None:
        """Keep these texts, in this order; a text may be taken several times."""
        self.states = [self.states[row] for row in rows.tolist()]
        self.left = [self.left[row] for row in rows.tolist()]


class ConstrainedReader:
    """A reader whose logits are -inf for every word that the language does not allow.

    The interface of `grooves.inference.readers`. prompt: (B, 1), the end mark.
    Raises: ValueError for a longer prompt.
    """

    def __init__(self, model, prompt: Tensor, language: Stories, room: int | None = None):
        if prompt.size(1) != 1:
            raise ValueError(f"a prompt of {prompt.size(1)} words: pass words to `read` instead")
        self.inner = open_reader(model, prompt)
        self.mask = StoryMask(language, len(prompt), min(room or 10**9, context_of(model)))

    @property
    def logits(self) -> Tensor:
        """Scores of the next word, (B, V), -inf for words that are not allowed.

        After the end of a story only the end mark is left, whatever the model would begin.
        """
        logits = self.inner.logits
        logits = logits.masked_fill(~self.mask.allowed().to(logits.device), -torch.inf)
        logits[[states is None for states in self.mask.states], 0] = 0.0
        return logits

    def read(self, words: Tensor) -> Tensor:
        """Read one more word of each text, (B,): scores of the word after it, (B, V)."""
        self.mask.read(words)
        self.inner.read(words)
        return self.logits

    def select(self, rows: Tensor) -> None:
        """Keep these texts, in this order."""
        self.mask.select(rows)
        self.inner.select(rows)


def draw_stories(
    model,
    language: Stories,
    n: int,
    sampler: Sampler | None = None,
    seed: int = 0,
    max_words: int | None = None,
) -> Texts:
    """Draw n texts of a model within the language: every one is a story of at most `max_words`.

    `log_q` is the probability with which each was drawn. It is not the model's probability given
    that the text is a story: words that are renormalised one by one favour places where the model
    wastes much on impossible words.
    """

    def opened(model, prompt):
        return ConstrainedReader(model, prompt, language, max_words)

    return draw_texts(model, n, sampler, seed, max_words=max_words, opened=opened)
