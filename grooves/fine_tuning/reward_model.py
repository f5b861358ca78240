"""A reward model: from pairs to a number for each text.

Key idea: under the Bradley-Terry model, the better of two texts wins with probability
sigmoid(r(a) - r(b)). With r linear in some features of a text, fitting r to pairs is logistic
regression on the difference of the features, with one solution.
Chapter 10.
Source: Bradley and Terry 1952, Biometrika 39; Christiano et al. 2017, arXiv:1706.03741, section
2.2.3, and Ouyang et al. 2022, arXiv:2203.02155, eq. 1, whose rewards are neural networks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grooves.fine_tuning.updates import device_of
from grooves.language.corpora import next_word_rows
from grooves.models.transformer import norm

Features = Callable[[list[list[int]]], np.ndarray]


def bag_of_words(size: int) -> Features:
    """Features of texts: counts of `size` words, and the length divided by 10: (N, size + 1)."""

    def features(texts: list[list[int]]) -> np.ndarray:
        x = np.zeros((len(texts), size + 1), dtype=np.float32)
        for row, text in enumerate(texts):
            np.add.at(x[row], text, 1)
            x[row, size] = len(text) / 10
        return x

    return features


def mean_states(model: nn.Module, last: int = 20, chunk: int = 64) -> Features:
    """Features of texts: a frozen model's states, averaged over the last words: (N, C)."""

    @torch.no_grad()
    def features(texts: list[list[int]]) -> np.ndarray:
        out = []
        for i in range(0, len(texts), chunk):
            part = texts[i : i + chunk]
            ids = next_word_rows(part)[0][:, : model.config.context]
            states = norm(model.hidden(ids.to(device_of(model)))).cpu().numpy()  # (B, T, C)
            for row, text in zip(states, part, strict=True):
                end = min(len(text) + 1, len(row))
                out.append(row[max(end - last, min(1, end - 1)) : end].mean(0))
        return np.array(out)

    return features


class RewardModel:
    """A reward that is linear in standardised features of a text, fitted to pairs.

    features: as `bag_of_words` or `mean_states`. After `fit`, the rewards of the texts that it was
    fitted to have mean 0 and spread 1.
    """

    def __init__(self, features: Features):
        self.features = features
        self.weights: np.ndarray | None = None
        self.mean, self.spread = 0.0, 1.0

    def fit(
        self,
        first: list[list[int]],
        second: list[list[int]],
        preferred: np.ndarray,
        penalty: float = 3e-3,
        floor: float = 0.3,
    ) -> RewardModel:
        """Fit to N pairs. preferred: (N,), 1 where the first text won, 0 where the second did.

        penalty: of the squared weights. floor: added to the spread of each feature, so that words
        that hardly occur get no large weight. Returns itself.
        Raises: ValueError where the three differ in length.
        """
        if not len(first) == len(second) == len(preferred) > 0:
            raise ValueError(
                f"{len(first)} first texts, {len(second)} second ones and {len(preferred)} "
                "preferences do not belong together: give one of each for every pair"
            )
        both = self.features(first + second)  # (2N, F)
        scale = both.std(0) + floor
        x = torch.from_numpy((both[: len(first)] - both[len(first) :]) / scale)
        y = torch.as_tensor(np.asarray(preferred), dtype=torch.float32)
        w = torch.zeros(x.size(1), requires_grad=True)
        optimizer = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(x @ w, y) + penalty * w.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        self.weights = w.detach().numpy() / scale
        rewards = both @ self.weights
        self.mean, self.spread = float(rewards.mean()), float(rewards.std()) + 1e-9
        return self

    def __call__(self, texts: list[list[int]]) -> np.ndarray:
        """The reward of each text, standardised: (N,). Raises: ValueError before `fit`."""
        if self.weights is None:
            raise ValueError("this reward model was fitted to nothing yet: call `fit` first")
        return (self.features(texts) @ self.weights - self.mean) / self.spread

    def agreement(self, first, second, preferred) -> float:
        """Share of pairs in which the text with the higher reward is the one that was preferred."""
        return float(((self(first) > self(second)) == (np.asarray(preferred) == 1)).mean())
