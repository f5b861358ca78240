"""The fixed small classifier of lab 03, which measures what labels are worth (chapter 03).

Key idea: to compare labels, everything else is held constant. The classifier is one layer and a
softmax, it starts from zero and takes the same steps each time, so equal labels give equal
probabilities.
"""

from __future__ import annotations

import numpy as np

N_CLASSES = 10
STEPS = 150
RATE, MOMENTUM, DECAY = (
    0.5,
    0.9,
    1e-3,
)  # weight decay: with few labels the weights would grow without bound


def classify(pictures, labels, others) -> np.ndarray:
    """Learn from labelled pictures, then classify others: softmax regression, in NumPy.

    pictures: (N, P), labels: (N,) from 0 to 9, others: (M, P), or (N, H, W) and (M, H, W).
    Returns: the probability of each class for each other picture, (M, 10); rows sum to 1.
    Raises: ValueError if there are no labels, or not one for each picture.
    """
    pictures, others = (np.asarray(x, dtype=float).reshape(len(x), -1) for x in (pictures, others))
    labels = np.asarray(labels).astype(int)
    if labels.shape != (len(pictures),) or not len(labels):
        raise ValueError(f"{labels.shape} labels for {len(pictures)} pictures: each needs one")
    if labels.min() < 0 or labels.max() >= N_CLASSES:
        raise ValueError(f"labels from {labels.min()} to {labels.max()}: they must be 0 to 9")
    mean = pictures.mean(axis=0)
    x, targets = pictures - mean, np.eye(N_CLASSES)[labels]
    W, b = np.zeros((x.shape[1], N_CLASSES)), np.zeros(N_CLASSES)
    momentum_W, momentum_b = np.zeros_like(W), np.zeros_like(b)
    for _ in range(STEPS):
        gradient = (_softmax(x @ W + b) - targets) / len(x)  # (N, 10), with respect to the logits
        momentum_W = MOMENTUM * momentum_W + x.T @ gradient + DECAY * W
        momentum_b = MOMENTUM * momentum_b + gradient.sum(axis=0)
        W, b = W - RATE * momentum_W, b - RATE * momentum_b
    return _softmax((others - mean) @ W + b)


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
