"""Calibration: whether a model that is 90 % sure is right in 90 % of cases.

Key idea: a probability can be checked only over many predictions: among those made with confidence
0.9, nine in ten should be right. A calibrated model can refuse to answer where it is not sure. It
cannot do so where it is sure and wrong.
Chapter 08.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grooves.inference.readers import next_logits
from grooves.language.stories import Stories

CHANGES = ("told", "removed", "contradicted")


@dataclass(frozen=True)
class Bin:
    """Predictions with confidence in [low, high) (the last bin includes 1): how many, their mean
    confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: np.ndarray, correct: np.ndarray, edges=10) -> list[Bin]:
    """Predictions grouped by confidence; empty bins are left out.

    confidence: (N,) in [0, 1]. correct: (N,), 0 or 1. edges: a number of bins of equal width, or
    the edges, ascending from 0 to 1.
    Raises: ValueError where the shapes differ, nothing was predicted, or a confidence is outside.
    Source: Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    confidence, correct = np.asarray(confidence, float), np.asarray(correct, float)
    if confidence.shape != correct.shape or confidence.size == 0:
        raise ValueError(
            f"confidences {confidence.shape} and answers {correct.shape}: give one of each per "
            "prediction, and at least one"
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        worst = confidence[np.argmax(np.abs(confidence - 0.5))]
        raise ValueError(f"a confidence of {worst} is no probability: it must be from 0 to 1")
    edges = np.linspace(0, 1, edges + 1) if np.isscalar(edges) else np.asarray(edges, float)
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)
    bins = []
    for i in np.unique(place):
        inside = place == i
        means = float(confidence[inside].mean()), float(correct[inside].mean())
        bins.append(Bin(float(edges[i]), float(edges[i + 1]), int(inside.sum()), *means))
    return bins


def expected_calibration_error(bins: list[Bin]) -> float:
    """Mean distance of confidence and accuracy over bins, weighted by their counts.

    Source: Naeini, Cooper and Hauskrecht 2015, AAAI; Guo et al. 2017, arXiv:1706.04599, eq. 3.
    """
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.confidence - b.accuracy) for b in bins) / total


def pass_at_k(n: int, n_correct: int, k: int) -> float:
    """Probability that at least one of k samples is right, estimated from n without bias.

    1 - C(n - c, k) / C(n, k): the share of subsets of size k that hold a right one. The formula
    1 - (1 - c / n) ** k is biased if c / n is an estimate.
    Raises: ValueError unless 0 <= n_correct <= n and 1 <= k <= n.
    Source: Chen et al. 2021, arXiv:2107.03374, section 2.1.
    """
    if not 0 <= n_correct <= n or not 1 <= k <= n:
        raise ValueError(f"{n_correct=} and {k=} do not fit {n=} samples")
    if n - n_correct < k:
        return 1.0
    return float(1 - np.prod(1 - k / np.arange(n - n_correct + 1, n + 1)))


# ---- a question whose answer was told, removed or contradicted ---------------------------------


@dataclass(frozen=True)
class HomeQuestion:
    """The beginning of a story, up to where the home is recalled. told, contradiction: words."""

    tokens: list[int]
    told: str
    contradiction: str | None = None


def home_words(language: Stories) -> list[str]:
    """The words that a home can have, such as "house" and "tent"."""
    return [entry.words[0] for entry in language.grammar.lexicon["Home"]]


def home_questions(
    language: Stories, n: int, change: str = "told", seed: int = 88
) -> list[HomeQuestion]:
    """n beginnings of stories that end just before the home is recalled.

    change: "told" leaves the home's sentence as it is, "removed" takes it out, "contradicted" adds
    a second one with another home. Stories in which nothing recalls the home are passed over.
    Raises: ValueError for an unknown change.
    """
    if change not in CHANGES:
        raise ValueError(f"{change=} is not one of {', '.join(CHANGES)}")
    homes, questions, batch = home_words(language), [], 0
    while len(questions) < n:
        for story in language.corpus(n, seed + batch):
            if (question := _question(story, homes, change, language)) is not None:
                questions.append(question)
        batch += 1
    return questions[:n]


def _question(
    story: list[str], homes: list[str], change: str, language: Stories
) -> HomeQuestion | None:
    """The question that a story poses, or None where it never recalls the home."""
    first, second = [i for i, word in enumerate(story) if word == "."][:2]
    sentence = story[first + 1 : second + 1]  # "He lived in a tiny tent with his uncle ."
    told = next(word for word in sentence if word in homes)
    recall = next(
        (
            i
            for i in range(second + 1, len(story))
            if story[i] == told and story[i - 1] != "tree"  # a tree house is built, not lived in
        ),
        None,
    )
    if recall is None:
        return None
    other, extra = None, []
    if change == "contradicted":
        others = [home for home in homes if home != told]
        other = others[len(story) % len(others)]  # by the story's length, for no other reason
        extra = [other if word == told else word for word in sentence]
    kept = [] if change == "removed" else sentence
    words = [*story[: first + 1], *kept, *extra, *story[second + 1 : recall]]
    return HomeQuestion([language.index[word] for word in words], told, other)


@dataclass(frozen=True)
class HomeAnswers:
    """The likeliest next word of each question. All (N,).

    confidence: its probability. names_home, is_told, is_contradiction: whether it is a home, the
    home that was told, the one of the contradiction. entropy: of the next word, in nats.
    """

    confidence: np.ndarray
    names_home: np.ndarray
    is_told: np.ndarray
    is_contradiction: np.ndarray
    entropy: np.ndarray


def answer_home_questions(model, language: Stories, questions: list[HomeQuestion]) -> HomeAnswers:
    """Greedy answers of a model, with its confidence."""
    tables = next_logits(model, [question.tokens for question in questions])
    q = np.array([table[-1].double().softmax(-1).numpy() for table in tables])  # (N, V)
    best = q.argmax(1)
    answers = np.array([language.vocabulary[word] for word in best])
    entropy = -(q * np.log(np.maximum(q, 1e-300))).sum(1)
    return HomeAnswers(
        confidence=q[np.arange(len(q)), best],
        names_home=np.isin(answers, home_words(language)),
        is_told=answers == [question.told for question in questions],
        is_contradiction=np.array(
            [a == question.contradiction for a, question in zip(answers, questions, strict=True)]
        ),
        entropy=entropy,
    )


def refusals(confidence: np.ndarray, threshold: float) -> float:
    """Share of answers that a model would refuse if it answered only from `threshold` on.

    Over questions without an answer this is the share that is caught, over others the cost.
    """
    return float(np.mean(np.asarray(confidence) < threshold))
