"""Search: looking for the most probable text instead of drawing one.

Key idea: the most probable text is a question of search, and search can fail in two ways. A beam
may miss the text with the highest probability; and the text with the highest probability may be a
bad one. With a language whose exact mode is known, the two can be told apart.
Chapter 08.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from grooves.inference.readers import context_of, open_reader
from grooves.language.grammar import Bind, Entry, Expand, Label, Recall, Write, capitalise
from grooves.language.stories import Stories

END = 0  # token of the end mark
DECIMALS = 9  # of log-probabilities: rounding errors must not decide between equals


@dataclass(frozen=True)
class Hypothesis:
    """A text found by search: its tokens without the end mark, and its log-probability.

    finished: whether the end mark is part of it (and of `log_p`).
    """

    tokens: tuple[int, ...]
    log_p: float
    finished: bool

    @property
    def length(self) -> int:
        """Words, the end mark counted."""
        return len(self.tokens) + self.finished

    def score(self, length_exponent: float = 0.0) -> float:
        """log_p / length ** length_exponent: 0 compares totals, 1 means for each word."""
        return self.log_p / max(self.length, 1) ** length_exponent

    def words(self, language: Stories) -> list[str]:
        """The text as a list of words, as `language.parse` reads it."""
        return [language.vocabulary[token] for token in self.tokens]


@dataclass(frozen=True)
class Search:
    """What a search found: hypotheses, best first, and the cost in words predicted."""

    found: list[Hypothesis]
    words_read: int

    @property
    def best(self) -> Hypothesis:
        """The hypothesis with the best score."""
        return self.found[0]


def greedy(model, max_words: int | None = None) -> Search:
    """The likeliest word at every place: a beam of width 1 that never looks back."""
    reader = open_reader(model, torch.zeros((1, 1), dtype=torch.long))
    tokens, log_p = [], 0.0
    for _ in range(_room(model, max_words)):
        log_probabilities = _log_probabilities(reader.logits)[0]
        word = int(log_probabilities.argmax())
        log_p += float(log_probabilities[word])
        if word == END:
            return Search([Hypothesis(tuple(tokens), log_p, True)], len(tokens) + 1)
        tokens.append(word)
        if len(tokens) < _room(model, max_words):
            reader.read(torch.tensor([word]))
    return Search([Hypothesis(tuple(tokens), log_p, False)], len(tokens))


def beam_search(
    model, width: int, length_exponent: float = 0.0, max_words: int | None = None
) -> Search:
    """The best texts that a beam of `width` hypotheses finds.

    At each step every live hypothesis is continued by every word. Of the 2 * `width` most probable
    continuations, those that end are finished: they are set aside and compete by their score. The
    first `width` others stay live. Search stops when no live hypothesis can still beat the worst of
    the `width` best finished ones, so that finished and unfinished ones are compared fairly. Texts
    that are unfinished after `max_words` are listed only if nothing finished.

    length_exponent: finished texts are ranked by log_p / length ** length_exponent.
    Returns: up to `width` hypotheses, best first. Raises: ValueError for a width below 1.
    Source: Wu et al. 2016, arXiv:1609.08144, section 7 (length normalisation, without coverage).
    """
    if width < 1:
        raise ValueError(f"a beam of {width=} holds nothing: it must be 1 or more")
    room = _room(model, max_words)
    reader = open_reader(model, torch.zeros((1, 1), dtype=torch.long))
    live, finished, words_read = [Hypothesis((), 0.0, False)], [], 0
    for t in range(room):
        words_read += len(live)
        ended, grown, rows = _extend(live, reader.logits, width)
        finished = sorted([*finished, *ended], key=lambda h: -h.score(length_exponent))[:width]
        live = grown
        if not live or _is_settled(live, finished, width, length_exponent, room):
            break
        if t < room - 1:
            reader.select(rows)
            reader.read(torch.tensor([h.tokens[-1] for h in live]))
    return Search(finished or sorted(live, key=lambda h: -h.log_p), words_read)


def _extend(
    live: list[Hypothesis], logits: Tensor, width: int
) -> tuple[list[Hypothesis], list[Hypothesis], Tensor]:
    """One step: what finished, the `width` best others, and the rows of `live` they extend."""
    before = torch.tensor([h.log_p for h in live], dtype=torch.float64)[:, None]
    log_p = (before + _log_probabilities(logits)).round(decimals=DECIMALS)  # (B, V)
    best, places = log_p.flatten().sort(descending=True, stable=True)
    finished, grown, kept = [], [], []
    for p, place in zip(best[: 2 * width].tolist(), places[: 2 * width].tolist(), strict=True):
        row, word = divmod(place, log_p.size(1))
        if p == -math.inf:
            break
        if word == END:
            finished.append(Hypothesis(live[row].tokens, p, True))
        elif len(grown) < width:
            grown.append(Hypothesis((*live[row].tokens, word), p, False))
            kept.append(row)
    return finished, grown, torch.tensor(kept, dtype=torch.long)


def _log_probabilities(logits: Tensor) -> Tensor:
    """Logits as log-probabilities in float64, ties exactly equal: shape unchanged."""
    return logits.cpu().double().log_softmax(-1).round(decimals=DECIMALS)


def _is_settled(live, finished, width: int, length_exponent: float, room: int) -> bool:
    """Whether no live hypothesis can still enter the `width` best finished ones.

    A log-probability only falls, and division by the largest possible length raises it most.
    """
    if len(finished) < width:
        return False
    hope = max(h.log_p for h in live) / room**length_exponent
    return hope <= finished[-1].score(length_exponent)


def _room(model, max_words: int | None) -> int:
    """How many words a text may have, the end mark counted."""
    return min(max_words or context_of(model), context_of(model))


# ---- the exact mode ------------------------------------------------------------------------------


def most_probable_story(language: Stories) -> Hypothesis:
    """The language's exactly most probable story, one of several equally probable ones.

    Dynamic programming on the grammar: the best way to write what is still to be written depends
    only on that and on which names are bound, not on how they were bound, because the entries of a
    class are equally likely. Each story of *Stories* has one derivation, so that the most probable
    derivation is the most probable story; a test counts the derivations.
    Source: Viterbi 1967, IEEE Transactions on Information Theory 13(2), on sequences.
    """
    grammar = language.grammar

    @cache
    def best(rest: tuple | None, bound: frozenset) -> tuple[float, tuple | None]:
        """Largest log-probability of writing `rest`, and the steps that reach it, as a list."""
        if rest is None:
            return 0.0, None
        step, rest = rest
        if isinstance(step, Expand):
            ways = (
                (math.log(p) + value, chosen)
                for p, steps in grammar.rules[step.rule]
                for value, chosen in [best(_linked(steps, rest), bound)]
            )
            return max(ways, key=lambda way: way[0])
        cost, names = 0.0, bound
        if isinstance(step, Bind):
            entries = grammar.lexicon[step.lexical_class]
            cost = math.log(len(entries) - _n_taken(step, bound))
            names = frozenset(bound - {b for b in bound if b[0] == step.name})
            names |= {(step.name, step.lexical_class)}
        value, chosen = best(rest, names)
        return value - cost, (step, chosen)

    log_p, chosen = best((Expand(grammar.start), None), frozenset())
    words = _write(chosen, grammar.lexicon)
    return Hypothesis(tuple(language.index[word] for word in words), log_p, True)


def _n_taken(step: Bind, bound: frozenset) -> int:
    """How many entries of the step's class are excluded because other names hold them."""
    return sum((name, step.lexical_class) in bound for name in step.excluded)


def _linked(steps: tuple, rest: tuple | None) -> tuple | None:
    """Steps in front of a linked list (step, rest)."""
    for step in reversed(steps):
        rest = (step, rest)
    return rest


def _write(chosen: tuple | None, lexicon: dict) -> list[str]:
    """Write the chosen steps, with the first possible entry for each name."""
    words: list[str] = []
    memory: dict[str, Entry] = {}
    while chosen is not None:
        step, chosen = chosen
        new: tuple[str, ...] = ()
        if isinstance(step, Write):
            new = step.words
        elif isinstance(step, Recall):
            new = memory[step.name].forms[step.form]
        elif isinstance(step, Bind):
            taken = [memory.get(name) for name in step.excluded]
            entry = next(e for e in lexicon[step.lexical_class] if e not in taken)
            memory[step.name] = entry
            new = () if step.silent else entry.words
        if not isinstance(step, Write | Label) and step.capital and new:
            new = capitalise(new)
        words += new
    return words
