"""Best of n: draw n texts, keep the one with the highest score.

Key idea: the more texts are drawn, the more the result depends on the score. A score that only
correlates with quality is over-optimised: the texts that it likes best are alike, and not the best.
Chapters: 08, 10.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.inference.sampled import Texts, WordScores
from grooves.language.stories import Stories

PLOT_WORDS = {  # in every story of the plot, right after the opening, and in no other one
    "lost": "lost",
    "hungry": "food",
    "learn": "learn",
    "build": "built",
    "gift": "birthday",
    "storm": "pick",
}


# ---- scores of a text: higher is better --------------------------------------------------------


def total_log_p(words: list[WordScores]) -> np.ndarray:
    """Log-probability of each text: (N,). It favours short texts."""
    return np.array([text.log_p.sum(dtype=float) for text in words])


def mean_log_p(words: list[WordScores]) -> np.ndarray:
    """Log-probability per word of each text: (N,). It favours texts with many certain words."""
    return np.array([text.log_p.mean(dtype=float) for text in words])


def least_log_ratio(words: list[WordScores]) -> np.ndarray:
    """Log of the least ratio of a word's probability to the likeliest one's there: (N,).

    One word that the model finds odd is enough for a low score, however good the others are.
    """
    return np.array([text.log_ratio.min() for text in words], dtype=float)


def verified(texts: Texts, language: Stories) -> np.ndarray:
    """1 for each text that the parser accepts, 0 for others: (N,)."""
    pairs = zip(texts.words(language), texts.ended, strict=True)
    return np.array([float(ended and language.parse(words).ok) for words, ended in pairs])


class LearnedVerifier:
    """A small verifier: logistic regression on six statistics of the model's own probabilities.

    It is trained on texts that were judged (accepted or not), and needs no parser afterwards.
    Source: Cobbe et al. 2021, arXiv:2110.14168 (verifiers; theirs are language models).
    """

    def __init__(self, words: list[WordScores], accepted: np.ndarray, penalty: float = 1.0):
        """Fit to N texts; accepted: (N,), 0 or 1. penalty: of the squared weights.

        Raises: ValueError where all texts, or none, are accepted.
        """
        accepted = np.asarray(accepted, dtype=float)
        if accepted.min() == accepted.max():
            raise ValueError("a verifier needs accepted and rejected texts: it was given one kind")
        x = self._features(words)
        self.mean, self.scale = x.mean(0), x.std(0) + 1e-9
        x = self._standardised(x)  # (N, F + 1)
        self.weights = np.zeros(x.shape[1])
        for _ in range(25):  # Newton's method
            p = 1 / (1 + np.exp(-x @ self.weights))
            gradient = x.T @ (accepted - p) - penalty * self.weights
            hessian = (x * (p * (1 - p))[:, None]).T @ x + penalty * np.eye(x.shape[1])
            self.weights += np.linalg.solve(hessian, gradient)

    def __call__(self, words: list[WordScores]) -> np.ndarray:
        """Log-odds that each text is accepted: (N,)."""
        return self._standardised(self._features(words)) @ self.weights

    @staticmethod
    def _features(words: list[WordScores]) -> np.ndarray:
        """Six statistics of each text: (N, 6)."""
        return np.array(
            [
                (
                    text.log_p.sum(),
                    text.log_p.mean(),
                    text.log_p.min(),
                    text.log_ratio.min(),
                    (text.log_p + text.entropy).min(),  # unlikely where the model was certain
                    (text.log_ratio < math.log(0.1)).sum(),
                )
                for text in words
            ],
            dtype=float,
        )

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        """Features with mean 0 and spread 1, and a 1 for the bias: (N, F) -> (N, F + 1)."""
        return np.hstack([(x - self.mean) / self.scale, np.ones((len(x), 1))])


# ---- what the best of n would be ---------------------------------------------------------------


def best_of_n_weights(scores: np.ndarray, n: int) -> np.ndarray:
    """How likely each of N texts is to be the best of n of them drawn without replacement: (N,).

    Every subset of size n counts, so a pool of N texts says more than its N / n disjoint groups.
    The mean of anything over the winners is `weights @ values`, without bias. Texts with equal
    scores share what they win. With the parser's verdict as score, the accepted share is pass@n.
    Raises: ValueError unless 1 <= n <= N.
    Source: Chen et al. 2021, arXiv:2107.03374, section 2.1, for a score of 0 or 1.
    """
    N = len(scores)
    if not 1 <= n <= N:
        raise ValueError(f"the best of {n=} cannot be taken from {N} texts: choose from 1 to {N}")
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)  # ascending
    below_or_equal = np.cumsum(sizes)
    wins_up_to = np.array([_ratio_of_choices(m, N, n) for m in below_or_equal])
    wins = np.diff(wins_up_to, prepend=0.0)  # the best of the subset is in this group
    return (wins / sizes)[group]


def _ratio_of_choices(m: int, N: int, n: int) -> float:
    """Share of the subsets of size n of N things that lie within m of them: C(m, n) / C(N, n)."""
    if m < n:
        return 0.0
    return float(np.prod(1.0 - (N - m) / np.arange(N - n + 1, N + 1)))


def plots_of(texts: list[list[str]]) -> list[str | None]:
    """The plot of each story, by the word that only this plot has; None for a text without any."""
    return [
        next((plot for plot, mark in PLOT_WORDS.items() if mark in words), None) for words in texts
    ]


def entropy_of(labels: list, weights: np.ndarray | None = None) -> float:
    """Entropy in nats of weighted labels, such as the plots of the winners (six plots: ln 6)."""
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights)
    _, group = np.unique([str(label) for label in labels], return_inverse=True)
    p = np.bincount(group, weights) / weights.sum()
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
