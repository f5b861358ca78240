"""The parser as a judge with a budget, and a language that tells nothing else (lab 10, challenge).

Key idea: a verdict is one bit, accepted or not, and verdicts are what a student pays with. While
an answer runs, the grammar is open to the judge alone, and no trained weights can be loaded.
Chapter 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import numpy as np
from torch import Tensor

from grooves.checks import CheckFailed, describe
from grooves.language.grammar import Grammar
from grooves.language.stories import Stories
from grooves.training import checkpoint, lineage

_METHODS = ("sample", "begin", "next_words", "read")
_WEIGHTS = ((lineage, "base"), (lineage, "short_trained"), (lineage, "load_model"),
            (checkpoint, "load_model"))  # fmt: skip
_judging: list[bool] = []  # not empty while a judge reads with the grammar


@cache
def language() -> Stories:
    """The language of the stories, made once."""
    return Stories()


class Judge:
    """Says of stories whether the language's parser accepts them; one of `left` verdicts for each.

    Called with N lists of tokens without the end mark; returns bool (N,).
    """

    def __init__(self, n_verdicts: int):
        self.left = n_verdicts

    def __call__(self, stories: Sequence) -> np.ndarray:
        """Raises: CheckFailed with the hint "over_budget" or "no_stories"."""
        texts = _as_lists(stories)
        if len(texts) > self.left:
            raise CheckFailed(
                f"{len(texts):,} stories were to be judged when {self.left:,} "
                f"{'verdict was' if self.left == 1 else 'verdicts were'} left. `judge.left` says "
                "how many there are.",
                hint="over_budget",
            )
        self.left -= len(texts)
        words = language().vocabulary
        _judging.append(True)
        try:
            return np.array(
                [language().parse([words[t] for t in text]).ok for text in texts], dtype=bool
            )
        finally:
            _judging.pop()


def _as_lists(stories) -> list[list[int]]:
    size = len(language().vocabulary)
    try:
        texts = [s.tolist() if isinstance(s, Tensor) else [int(t) for t in s] for s in stories]
    except (TypeError, ValueError):
        texts = None
    if texts is None or not all(0 <= t < size for text in texts for t in text):
        raise CheckFailed(
            "the judge reads a list of stories, each a list of tokens. It was given "
            f"{describe(stories)}.",
            hint="no_stories",
        )
    return texts


@contextmanager
def judge_alone() -> Iterator[None]:
    """Inside, the grammar is open to a `Judge` only, and trained weights cannot be loaded.

    Raises: CheckFailed with the hint "uses_grammar" or "uses_weights", where it is tried.
    """

    def guarded(method):
        def read(*args, **kwargs):
            if _judging:
                return method(*args, **kwargs)
            raise CheckFailed(
                "your code uses the language's grammar: its parser, its probabilities or its "
                "stories. Only `judge` may.",
                hint="uses_grammar",
            )

        return read

    def no_weights(*_args, **_kwargs):
        raise CheckFailed(
            "your code loads a trained model. Train the one that you are given.",
            hint="uses_weights",
        )

    own = [(Grammar, name, getattr(Grammar, name)) for name in _METHODS]
    own += [(place, name, getattr(place, name)) for place, name in _WEIGHTS]
    for place, name, value in own:
        setattr(place, name, guarded(value) if place is Grammar else no_weights)
    try:
        yield
    finally:
        for place, name, value in own:
            setattr(place, name, value)
