"""A probabilistic grammar with a memory: one definition that writes, reads and weighs texts.

Key idea: a text is written by replacing rules until only words are left.
Each replacement is one random choice with a stated probability, so the same definition can
sample a text, say whether a text could have been written, and give the exact probability of
every next word. The memory (a name bound once and recalled later) is what makes distant words
depend on each other; a plain context-free grammar has none.
Chapters: all of them, through `grooves.language.stories`.

Notation of a template, one token between spaces:

    word          the word itself
    [Rule]        replaced by one alternative of Rule
    {x=Class}     writes a random entry of Class and remembers it as x
    {x=Class-y}   the same, never the entry that y holds (several: -y-z; an unbound y is ignored)
    {?x=Class}    remembers without writing (so that "an" can come before "orange")
    {x}           writes what x holds;  {x.his} one of its forms;  {x.a} its article
    ...^}         the same with a capital letter
    #label        writes nothing; labels the text (its plot, its ending)
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

END = "<end>"


@dataclass(frozen=True, eq=False)  # entries are compared by identity
class Entry:
    """One lexical entry: its words and its named forms, each a tuple of words."""

    words: tuple[str, ...]
    forms: dict[str, tuple[str, ...]]

    @classmethod
    def parse(cls, text: str) -> Entry:
        """Read "Lily he=she him=her his=her"; the article "a" or "an" follows from the spelling."""
        words = tuple(part for part in text.split() if "=" not in part)
        forms = {"": words, "a": ("an" if words[0][0].lower() in "aeiou" else "a",)}
        for part in text.split():
            if "=" in part:
                form, value = part.split("=")
                forms[form] = tuple(value.split("_"))
        return cls(words, forms)


@dataclass(frozen=True)
class Write:
    """Template step: these words, as they stand."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Expand:
    """Template step: one alternative of this rule."""

    rule: str


@dataclass(frozen=True)
class Bind:
    """Template step: choose an entry of a class, remember it, write it unless silent."""

    name: str
    lexical_class: str
    excluded: tuple[str, ...]
    silent: bool
    capital: bool


@dataclass(frozen=True)
class Recall:
    """Template step: write a form of a remembered entry."""

    name: str
    form: str
    capital: bool


@dataclass(frozen=True)
class Label:
    """Template step: label the text, write nothing."""

    label: str


def read_template(text: str) -> tuple:
    """Turn a template into its steps; neighbouring words become one `Write`.

    Raises: ValueError for a token that is not in the notation above.
    """
    steps: list = []
    for token in text.split():
        if token[0] == "[":
            steps.append(Expand(token[1:-1]))
        elif token[0] == "#":
            steps.append(Label(token[1:]))
        elif token[0] == "{":
            match = re.fullmatch(r"\{(\??)(\w+)(?:=(\w+)((?:-\w+)*)|\.(\w+))?(\^?)\}", token)
            if not match:
                raise ValueError(f"template token {token!r} is not in the grammar's notation")
            silent, name, lexical_class, excluded, form, capital = match.groups()
            if lexical_class:
                names = tuple(excluded[1:].split("-")) if excluded else ()
                steps.append(Bind(name, lexical_class, names, bool(silent), bool(capital)))
            else:
                steps.append(Recall(name, form or "", bool(capital)))
        elif steps and isinstance(steps[-1], Write):
            steps[-1] = Write((*steps[-1].words, token))
        else:
            steps.append(Write((token,)))
    return tuple(steps)


def capitalise(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same words, the first with a capital letter."""
    return (words[0][0].upper() + words[0][1:], *words[1:])


@dataclass(frozen=True)
class State:
    """One way in which the text so far may have come about.

    `rest` is what is still to be written, a linked list (step, rest) or None at the end;
    `memory` maps names to entries; `probability` is relative to the other states.
    """

    probability: float
    rest: tuple | None
    memory: dict[str, Entry]


class Grammar:
    """Rules and a lexicon, compiled once.

    rules: name -> list of (weight, template);  lexicon: class -> list of entry texts.
    Raises: ValueError where a template names an unknown rule or class.
    """

    def __init__(self, rules: dict, lexicon: dict, start: str = "Story"):
        self.start = start
        self.lexicon = {name: tuple(map(Entry.parse, texts)) for name, texts in lexicon.items()}
        self.rules = {}
        for name, alternatives in rules.items():
            total = sum(weight for weight, _ in alternatives)
            self.rules[name] = tuple((w / total, read_template(text)) for w, text in alternatives)
        self._chances = {n: tuple(p for p, _ in alts) for n, alts in self.rules.items()}
        self._cumulative = {n: [*accumulate(chances)] for n, chances in self._chances.items()}
        for alternatives in self.rules.values():
            for _, steps in alternatives:
                for step in steps:
                    if isinstance(step, Expand) and step.rule not in self.rules:
                        raise ValueError(f"rule {step.rule!r} is used but not defined")
                    if isinstance(step, Bind) and step.lexical_class not in self.lexicon:
                        raise ValueError(f"class {step.lexical_class!r} is used but not defined")

    # ---- writing -------------------------------------------------------------------------

    def sample(self, rng, labels: list | None = None, choices: list | None = None) -> list[str]:
        """Write one text, as a list of words without the end mark.

        rng: a `random.Random`. labels: filled with the text's labels. choices: filled with the
        probability distribution of every choice met on the way, as (index taken, (p, ...)).
        """
        out: list[str] = []
        memory: dict[str, Entry] = {}
        random = rng.random
        stack = [iter(self.rules[self.start][self._pick(self.start, random(), choices)][1])]
        while stack:
            for step in stack[-1]:
                kind = type(step)
                if kind is Write:
                    out += step.words
                elif kind is Recall:
                    words = memory[step.name].forms[step.form]
                    out += capitalise(words) if step.capital else words
                elif kind is Bind:
                    entries = self.lexicon[step.lexical_class]
                    if step.excluded:
                        taken = [memory.get(name) for name in step.excluded]
                        entries = [entry for entry in entries if entry not in taken]
                    index = int(random() * len(entries))
                    if choices is not None:
                        choices.append((index, (1 / len(entries),) * len(entries)))
                    entry = memory[step.name] = entries[index]
                    if not step.silent:
                        out += capitalise(entry.words) if step.capital else entry.words
                elif kind is Expand:
                    chosen = self._pick(step.rule, random(), choices)
                    stack.append(iter(self.rules[step.rule][chosen][1]))
                    break
                elif labels is not None:
                    labels.append(step.label)
            else:
                stack.pop()
        return out

    def _pick(self, rule: str, u: float, choices: list | None) -> int:
        cumulative = self._cumulative[rule]
        index = min(bisect(cumulative, u), len(cumulative) - 1)  # the sum may round to below 1
        if choices is not None:
            choices.append((index, self._chances[rule]))
        return index

    # ---- reading -------------------------------------------------------------------------

    def begin(self) -> list[State]:
        """The states before the first word."""
        return self._unfold([State(1.0, (Expand(self.start), None), {})])

    def next_words(self, states: list[State]) -> dict[str, float]:
        """Exact probability of each possible next word (END among them), given the states."""
        total = sum(state.probability for state in states)
        table: dict[str, float] = {}
        for state in states:
            word = state.rest[0] if state.rest else END
            table[word] = table.get(word, 0.0) + state.probability / total
        return table

    def read(self, states: list[State], word: str) -> list[State]:
        """The states after one more word; an empty list where the word cannot follow."""
        kept = [s for s in states if (s.rest[0] if s.rest else END) == word]
        if not kept or word == END:
            return kept
        total = sum(state.probability for state in kept)
        return self._unfold(
            [State(s.probability / total, s.rest[1], s.memory) for s in kept],
        )

    def _unfold(self, states: list[State]) -> list[State]:
        """Replace rules, bindings and recalls until every state has a word (or nothing) next."""
        done, todo = [], list(states)
        while todo:
            state = todo.pop()
            if state.rest is None or isinstance(state.rest[0], str):
                done.append(state)
                continue
            step, rest = state.rest
            if isinstance(step, Expand):
                for p, steps in self.rules[step.rule]:
                    after = rest
                    for inner in reversed(steps):
                        after = (inner, after)
                    todo.append(State(state.probability * p, after, state.memory))
            elif isinstance(step, Bind):
                taken = [state.memory.get(name) for name in step.excluded]
                entries = [e for e in self.lexicon[step.lexical_class] if e not in taken]
                for entry in entries:
                    words = () if step.silent else entry.words
                    words = capitalise(words) if step.capital else words
                    memory = {**state.memory, step.name: entry}
                    p = state.probability / len(entries)
                    todo.append(State(p, _prepend(words, rest), memory))
            elif isinstance(step, Recall):
                words = state.memory[step.name].forms[step.form]
                words = capitalise(words) if step.capital else words
                todo.append(State(state.probability, _prepend(words, rest), state.memory))
            elif isinstance(step, Write):
                todo.append(State(state.probability, _prepend(step.words, rest), state.memory))
            else:
                todo.append(State(state.probability, rest, state.memory))
        return done


def _prepend(words: tuple[str, ...], rest: tuple | None) -> tuple | None:
    for word in reversed(words):
        rest = (word, rest)
    return rest


def choice_entropy(choices: list) -> float:
    """Entropy in nats of the choices met in one derivation, the sum of -Σ p ln p of each."""
    return sum(_entropy(distribution) for _, distribution in choices)


@lru_cache(maxsize=1024)  # a grammar has few distributions, and derivations repeat them
def _entropy(distribution: tuple[float, ...]) -> float:
    return -sum(p * math.log(p) for p in distribution)
