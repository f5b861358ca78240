"""*Stories*: the course's own language, in which every truth is known.

Key idea: one definition (`grooves.language.story_rules`) gives a sampler, a parser, the exact
probability of every next word and the exact entropy. So the best possible loss is a known
number, and every generated story can be judged.
Chapters: all.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from grooves.language.grammar import (
    END,
    Bind,
    Expand,
    Grammar,
    Label,
    Recall,
    Write,
    capitalise,
    choice_entropy,
)
from grooves.language.story_rules import definition, dialects


@dataclass(frozen=True)
class Verdict:
    """Whether a text is a story of the language (or a `kind` of text of another language).

    ok: True for a whole story. position: index of the first word that cannot stand there (the
    number of words where the text stops too early; None where ok). word: that word, or END.
    expected: the words that could stand there, most likely first.
    """

    ok: bool
    position: int | None = None
    word: str | None = None
    expected: tuple[str, ...] = ()
    kind: str = "story"

    def __str__(self) -> str:
        if self.ok:
            return f"a {self.kind} of the language"
        some = ", ".join(repr(word) for word in self.expected[:5])
        more = f" or {len(self.expected) - 5} others" if len(self.expected) > 5 else ""
        return f"word {self.position + 1} is {self.word!r}, where {some}{more} could stand"


@dataclass(frozen=True)
class Entropy:
    """Entropy per word in nats (the end mark counts as a word), with its standard error."""

    nats_per_word: float
    standard_error: float


def per_word(nats: np.ndarray, words: np.ndarray) -> tuple[float, float]:
    """Nats per word over stories, a ratio of means, and its standard error.

    nats, words: (n,), the sums over each story.
    Source: Cochran 1977, Sampling Techniques, section 2.11 (the ratio estimator).
    """
    ratio = nats.mean() / words.mean()
    error = (nats - ratio * words).std(ddof=1) / math.sqrt(len(nats)) / words.mean()
    return float(ratio), float(error)


@dataclass(frozen=True)
class Story:
    """One sampled story: its words, its plot, its ending ("happy" or "sad")."""

    words: tuple[str, ...]
    plot: str
    ending: str


class Stories:
    """The language, or one of its dialects ("names", "endings", "narrator").

    All dialects share one vocabulary, so a model of one can be fine-tuned on another.
    Raises: ValueError where there is no such dialect.
    """

    def __init__(self, dialect: str | None = None):
        self.dialect = dialect
        self.grammar = compiled(dialect)
        self.vocabulary = vocabulary()
        self.index = {word: i for i, word in enumerate(self.vocabulary)}

    # ---- writing -------------------------------------------------------------------------

    def sample(self, rng: random.Random) -> list[str]:
        """One story as a list of words, without the end mark."""
        return self.grammar.sample(rng)

    def tell(self, rng: random.Random) -> Story:
        """One story with its plot and ending."""
        labels: list[str] = []
        words = self.grammar.sample(rng, labels=labels)
        return Story(tuple(words), *labels)

    def corpus(self, n: int, seed: int) -> list[list[str]]:
        """`n` stories; the same seed gives the same stories on every platform."""
        rng = random.Random(seed)
        return [self.grammar.sample(rng) for _ in range(n)]

    # ---- reading -------------------------------------------------------------------------

    def parse(self, words) -> Verdict:
        """Say whether `words` (a list, or a text) is a whole story, and where not, why."""
        words = to_words(words) if isinstance(words, str) else list(words)
        states = self.grammar.begin()
        for position, word in enumerate([*words, END]):
            after = self.grammar.read(states, word)
            if not after:
                table = self.grammar.next_words(states)
                expected = tuple(sorted(table, key=table.get, reverse=True))
                return Verdict(False, position, word, expected)
            states = after
        return Verdict(True)

    def next_word(self, prefix) -> np.ndarray:
        """Exact probability of every next word after `prefix`: a vector (V,) that sums to 1.

        Raises: ValueError where no story begins with `prefix`.
        """
        return self.next_word_table(prefix)[-1]

    def next_word_table(self, words) -> np.ndarray:
        """Exact next-word probabilities before each word and after the last, (T + 1, V).

        Raises: ValueError where no story begins with `words`.
        """
        words = to_words(words) if isinstance(words, str) else list(words)
        table = np.zeros((len(words) + 1, len(self.vocabulary)))
        states = self.grammar.begin()
        for position, word in enumerate([*words, None]):
            for candidate, probability in self.grammar.next_words(states).items():
                table[position, self.index[candidate]] = probability
            if word is not None and not (states := self.grammar.read(states, word)):
                raise ValueError(f"no story goes on with {word!r} as word {position + 1}")
        return table

    def score(self, words) -> np.ndarray:
        """Exact log-probability of each word given those before it, and of the end: (T + 1,).

        -inf at the first word that cannot stand, and nothing after it.
        """
        words = to_words(words) if isinstance(words, str) else list(words)
        states, out = self.grammar.begin(), []
        for word in [*words, END]:
            probability = self.grammar.next_words(states).get(word, 0.0)
            out.append(math.log(probability) if probability else -math.inf)
            if not probability:
                break
            states = self.grammar.read(states, word)
        return np.array(out)

    def entropy(self, n: int = 20_000, seed: int = 0) -> Entropy:
        """Entropy per word, -E[ln p(story)] / E[words], from `n` sampled derivations.

        Each derivation adds the exact entropy of every choice that it met, not the negative
        log-likelihood of what was drawn: the same mean, and a far smaller spread. The
        standard error is that of a ratio of means.
        """
        rng = random.Random(seed)
        nats, words = np.empty(n), np.empty(n)
        for i in range(n):
            choices: list = []
            words[i] = len(self.grammar.sample(rng, choices=choices)) + 1
            nats[i] = choice_entropy(choices)
        return Entropy(*per_word(nats, words))

    # ---- sharing with the browser ----------------------------------------------------------

    def to_json(self) -> dict:
        """The grammar as plain data, for the copy of the reader that runs in the page."""
        lexicon = {
            name: [{form: list(words) for form, words in entry.forms.items()} for entry in entries]
            for name, entries in self.grammar.lexicon.items()
        }
        rules = {
            name: [[p, [_step_to_json(step) for step in steps]] for p, steps in alternatives]
            for name, alternatives in self.grammar.rules.items()
        }
        return {
            "start": self.grammar.start,
            "end": END,
            "vocabulary": list(self.vocabulary),
            "lexicon": lexicon,
            "rules": rules,
        }


def _step_to_json(step) -> list:
    match step:
        case Write(words):
            return ["write", list(words)]
        case Expand(rule):
            return ["expand", rule]
        case Bind(name, lexical_class, excluded, silent, capital):
            return ["bind", name, lexical_class, list(excluded), silent, capital]
        case Recall(name, form, capital):
            return ["recall", name, form, capital]
        case Label(label):
            return ["label", label]
    raise TypeError(f"{step!r} is not a step of the grammar")


@cache
def compiled(dialect: str | None) -> Grammar:
    """The grammar of a dialect, compiled once: nothing in it changes when it is used."""
    return Grammar(*definition(dialect))


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word of the language and its dialects; END first, then in alphabetical order."""
    found: set[str] = set()
    for name in (None, *dialects()):
        grammar = compiled(name)
        for alternatives in grammar.rules.values():
            for _, steps in alternatives:
                for step in steps:
                    found.update(_words_of(step, alternatives, grammar))
    return (END, *sorted(found))


def _words_of(step, alternatives, grammar: Grammar) -> set[str]:
    """Every word that a step can write."""
    if isinstance(step, Write):
        return set(step.words)
    if isinstance(step, Bind) and not step.silent:
        entries = grammar.lexicon[step.lexical_class]
        return {w for e in entries for w in (capitalise(e.words) if step.capital else e.words)}
    if isinstance(step, Recall):
        classes = {
            s.lexical_class
            for alts in grammar.rules.values()
            for _, steps in alts
            for s in steps
            if isinstance(s, Bind) and s.name == step.name
        }
        forms = (e.forms.get(step.form, ()) for c in classes for e in grammar.lexicon[c])
        return {w for f in forms for w in (capitalise(f) if step.capital and f else f)}
    return set()


def to_text(words) -> str:
    """Join words into ordinary text: `One day , he` -> `One day, he`."""
    text, inside_quotes, glue = [], False, True
    for word in words:
        if word == END:
            continue
        if word == '"':
            text.append(word if inside_quotes or not text else f" {word}")
            glue = not inside_quotes
            inside_quotes = not inside_quotes
        else:
            text.append(word if glue or word in ".,!?" else f" {word}")
            glue = False
    return "".join(text)


def to_words(text: str) -> list[str]:
    """Split ordinary text into words and marks; the inverse of `to_text` for stories."""
    return re.findall(r"[A-Za-z]+|[^\sA-Za-z]", text)
