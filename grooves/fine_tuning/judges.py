"""Judges of stories: the parser, which needs no opinion, and the ending, which is a taste.

Key idea: whether a story is correct, and how it ends, are exact here. So what a method did to a
model can be measured, whatever it was trained on: happy and accepted shares, variety, and how far
the model has moved.
Chapter 10.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np

from grooves.fine_tuning.kl_estimators import story_kl
from grooves.inference.best_of_n import entropy_of, plots_of
from grooves.inference.sampled import Texts, draw_texts
from grooves.language.stories import Stories
from grooves.language.story_rules import definition
from grooves.training.linear_probe import ending_alone


@cache
def _languages() -> tuple[Stories, Stories]:
    """The language with happy endings only, and with sad ones only."""
    return ending_alone("happy"), ending_alone("sad")


@cache
def _ending(tokens: tuple[int, ...]) -> int:
    happy, sad = _languages()
    words = [happy.vocabulary[token] for token in tokens]
    return 1 if happy.parse(words).ok else -1 if sad.parse(words).ok else 0


def ending(tokens: list[int]) -> int:
    """1 for a happy story of the language, -1 for a sad one, 0 for what is none."""
    return _ending(tuple(tokens))


def endings(texts: list[list[int]]) -> np.ndarray:
    """`ending` of each text: int (N,)."""
    return np.array([ending(text) for text in texts])


def accepted(texts: list[list[int]]) -> np.ndarray:
    """Whether the parser accepts each text: bool (N,). This is the verifiable reward."""
    return endings(texts) != 0


def happy(texts: list[list[int]]) -> np.ndarray:
    """Whether each text is a happy story of the language: bool (N,)."""
    return endings(texts) == 1


@dataclass(frozen=True)
class Report:
    """What a model writes now, and how far it is from its reference.

    happy, accepted: shares of drawn stories, with `error`, the standard error of a share of 0.5.
    kl, kl_error: KL(model || reference) in nats per story. plots, names: exp of the entropy, of 6
    and 20 possible. nats_per_word: entropy of the model's distributions. length: words.
    """

    happy: float
    accepted: float
    error: float
    kl: float
    kl_error: float
    plots: float
    names: float
    nats_per_word: float
    length: float

    def to_dict(self) -> dict[str, float]:
        """The fields as plain data, rounded to what matters."""
        return rounded(self)


def rounded(measured) -> dict[str, float]:
    """The fields of a dataclass of numbers, rounded to four decimals."""
    return {name: round(value, 4) for name, value in asdict(measured).items()}


def report(model, reference, n: int = 300, seed: int = 9) -> Report:
    """Draw n stories and measure them; `reference` is what the KL is measured from."""
    drawn = draw_texts(model, n, seed=seed)
    verdicts = endings(drawn.tokens)
    kl = story_kl(model, reference, drawn.tokens, ended=drawn.ended)
    plots, names = varieties(drawn)
    return Report(
        happy=float((verdicts == 1).mean()),
        accepted=float((verdicts != 0).mean()),
        error=0.5 / math.sqrt(n),
        kl=float(kl.mean()),
        kl_error=float(kl.std()) / math.sqrt(n),
        plots=plots,
        names=names,
        nats_per_word=drawn.nats_per_word,
        length=float(np.mean([len(text) for text in drawn.tokens])),
    )


def varieties(texts: Texts) -> tuple[float, float]:
    """Effective numbers of plots and of heroes' names, exp of their entropy.

    Texts that show no plot, or no name, are left out of that count; 0 where no text shows any.
    """
    words = texts.words(Stories())
    names = {entry.split("=")[0].split()[0] for entry in definition()[1]["Name"]}
    heroes = [next((word for word in text if word in names), None) for text in words]
    return _effective(plots_of(words)), _effective(heroes)


def _effective(labels: list) -> float:
    shown = [label for label in labels if label is not None]
    return math.exp(entropy_of(shown)) if shown else 0.0
