"""Validation: a training loop that measures, after each epoch, what it was not trained on.

Key idea: the training loss can fall below the lowest loss that any model can have on new data; only
a validation set shows when that begins. `fit` is a complete training loop with the three common
remedies against overfitting: weight decay (in the optimizer), dropout and early stopping.
`NoisyDigits` makes pictures by a known recipe, so that the lowest possible loss is known too.
Chapter 02.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grooves.language.corpora import Digits, digits
from grooves.models import layers
from grooves.models.autograd import Tensor, cross_entropy
from grooves.training.gradient_descent import SGD, network


@dataclass
class Fit:
    """What `fit` returns: the best network, and both losses after each epoch, in nats."""

    best: layers.Network
    train_losses: list[float]
    validation_losses: list[float]

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, after which the validation loss was lowest."""
        return int(np.argmin(self.validation_losses)) + 1


def dropout(h: Tensor, rate: float, rng: np.random.Generator) -> Tensor:
    """Set each activation to 0 with probability `rate`, and divide the others by 1 - rate.

    The division keeps the mean of each activation, so that nothing has to change at inference.
    Source: Srivastava et al. 2014, Dropout, JMLR 15.
    """
    return h * ((rng.random(h.shape) >= rate) / (1 - rate))


def forward(
    learned: Sequence[Tensor],
    images: np.ndarray,
    rate: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Logits (B, K) of images (B, P), with dropout after each ReLU where `rate` is above 0."""
    x = images
    for i in range(0, len(learned), 2):
        if i:
            x = x.relu()
            x = dropout(x, rate, rng) if rate else x
        x = x @ learned[i] + learned[i + 1]
    return x


def fit(
    learned: Sequence[Tensor],
    optimizer: SGD,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    n_epochs: int,
    batch_size: int = 40,
    rate: float = 0.0,
    seed: int = 0,
) -> Fit:
    """Train for a number of epochs, and keep the network with the lowest validation loss.

    train, validation: images (N, P) and labels (N,). rate: of dropout. The last batch of an epoch
    may be smaller than the others.
    """
    images, labels = train
    rng, best = np.random.default_rng(seed), network(learned)
    train_losses, validation_losses = [], []
    for _ in range(n_epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images), batch_size):
            batch = order[start : start + batch_size]
            predicted = forward(learned, images[batch], rate, rng)
            loss = cross_entropy(predicted, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train_losses.append(mean_loss(learned, train))
        validation_losses.append(mean_loss(learned, validation))
        if validation_losses[-1] == min(validation_losses):
            best = network(learned)  # a copy
    return Fit(best, train_losses, validation_losses)


def mean_loss(learned: Sequence[Tensor], data: tuple[np.ndarray, np.ndarray]) -> float:
    """Mean loss in nats on images and labels: no dropout, no gradient."""
    images, labels = data
    return layers.cross_entropy(network(learned).forward(images), labels)


# ---- pictures whose lowest possible loss is known ------------------------------------------------


class NoisyDigits:
    """Pictures made by a known recipe: one of a few handwritten digits, with noise on each pixel.

    Each of the ten classes has `n_prototypes` pictures of the course's digits, equally likely, and
    the noise is Gaussian with standard deviation `sigma`. By Bayes' rule the probability of each
    class given a picture follows exactly, and no model has a lower expected loss than this one.
    """

    def __init__(self, n_prototypes: int = 3, sigma: float = 0.5, data: Digits | None = None):
        data = digits() if data is None else data
        labels = data.train_labels
        chosen = [np.flatnonzero(labels == k)[:n_prototypes] for k in range(10)]
        self.prototypes = data.train_images[np.array(chosen)]  # (10, n_prototypes, P)
        self.sigma = sigma

    def draw(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """n new pictures (n, P) and their labels (n,)."""
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 10, n)
        chosen = self.prototypes[labels, rng.integers(0, self.prototypes.shape[1], n)]
        return chosen + self.sigma * rng.standard_normal(chosen.shape), labels

    def log_posterior(self, images: np.ndarray) -> np.ndarray:
        """Logarithm of the true probability of each class: images (N, P) -> (N, 10).

        Bayes' rule with equal priors: the densities exp(-|x - prototype|² / 2 sigma²) of a class's
        prototypes add up, and the ten sums are normalised.
        """
        flat = self.prototypes.reshape(-1, images.shape[1])
        squares = (images**2).sum(axis=1, keepdims=True) - 2 * images @ flat.T + (flat**2).sum(1)
        scores = layers.log_softmax(-squares / (2 * self.sigma**2))  # (N, 10 * n_prototypes)
        return np.log(np.exp(scores).reshape(len(images), 10, -1).sum(axis=-1) + 1e-300)

    def floor(self, n: int = 200_000, seed: int = 99) -> tuple[float, float]:
        """The lowest possible expected loss in nats, and its standard error, from n new pictures.

        It is the mean entropy of the true probabilities: a mean over pictures, not over labels.
        """
        log_p = self.log_posterior(self.draw(n, seed)[0])
        entropies = -(np.exp(log_p) * log_p).sum(axis=1)
        return float(entropies.mean()), float(entropies.std(ddof=1) / np.sqrt(n))
