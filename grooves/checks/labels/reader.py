"""The fixed small classifier of lab 03, which says what labels are worth (chapter 03).

Key idea: to compare labels, everything else stands still. The reader is one layer and a softmax,
it starts from zero and takes the same steps each time, so equal labels give equal answers.
"""

from __future__ import annotations

import numpy as np

N_CLASSES = 10
STEPS = 150
RATE, MOMENTUM, DECAY = (
    0.5,
    0.9,
    1e-3,
)  # the decay keeps weights small that few labels would blow up


def read(pictures, labels, others) -> np.ndarray:
    """Learn from labelled pictures, then read others: softmax regression, in NumPy.

    pictures: (N, P), labels: (N,) from 0 to 9, others: (M, P), or (N, H, W) and (M, H, W).
    Returns: for each other picture the probability of each class, (M, 10); rows sum to 1.
    Raises: ValueError where there is no label, or not one for each picture.
    """
    pictures, others = (np.asarray(x, dtype=float).reshape(len(x), -1) for x in (pictures, others))
    labels = np.asarray(labels).astype(int)
    if labels.shape != (len(pictures),) or not len(labels):
        raise ValueError(f"{labels.shape} labels for {len(pictures)} pictures: one each is needed")
    if labels.min() < 0 or labels.max() >= N_CLASSES:
        raise ValueError(f"labels from {labels.min()} to {labels.max()}: they must be 0 to 9")
    middle = pictures.mean(axis=0)
    x, targets = pictures - middle, np.eye(N_CLASSES)[labels]
    W, b = np.zeros((x.shape[1], N_CLASSES)), np.zeros(N_CLASSES)
    move_W, move_b = np.zeros_like(W), np.zeros_like(b)
    for _ in range(STEPS):
        blame = (_softmax(x @ W + b) - targets) / len(x)  # (N, 10)
        move_W = MOMENTUM * move_W + x.T @ blame + DECAY * W
        move_b = MOMENTUM * move_b + blame.sum(axis=0)
        W, b = W - RATE * move_W, b - RATE * move_b
    return _softmax((others - middle) @ W + b)


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
