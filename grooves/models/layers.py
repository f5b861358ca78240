"""Forward propagation: from a picture's numbers to a network's answer, in NumPy alone.

Key idea: a layer is one matrix product and one bend. A row of the input meets every column of the
weights, so a whole batch passes a layer in a single product, and layers differ in numbers only.
Chapters: 01, 02, 03.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np


def affine(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted sums of one layer: every row of x with every column of W, and a bias each.

    x: (B, fan_in), or one row (fan_in,). W: (fan_in, fan_out). b: (fan_out,).
    Returns: (B, fan_out), or (fan_out,).
    Raises: ValueError where the shapes do not fit.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.1.
    """
    if np.ndim(x) not in (1, 2) or np.ndim(W) != 2 or np.shape(x)[-1] != len(W):
        raise ValueError(f"x {np.shape(x)} does not fit W {np.shape(W)}: rows of x meet columns")
    if np.shape(b) != np.shape(W)[1:]:  # NumPy would spread a wrong one without a word
        raise ValueError(f"b {np.shape(b)} has not one bias for each column of W {np.shape(W)}")
    return x @ W + b  # (B, fan_out)


def relu(z: np.ndarray) -> np.ndarray:
    """Keep what is positive and set the rest to 0, number by number.

    Source: Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.
    """
    return np.maximum(z, 0.0)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Positive shares that add up to 1 along the last axis, for logits of any size.

    The largest logit is taken off first: no share changes, and no exponential can overflow.
    logits: (..., K). Returns: (..., K).
    Source: Bridle 1990; the shift: Blanchard, Higham & Higham 2021, doi:10.1093/imanum/draa038.
    """
    powers = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the softmax's shares, along the last axis.

    The logarithm comes before the division, so that a share which is too small for a float, and 0
    in `softmax`, still has its logarithm.
    logits: (..., K). Returns: (..., K), nats, none above 0.
    """
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """How surprised the network is by the right answers: the mean of -ln p, in nats.

    logits: (B, K). labels: (B,), integers from 0 to K - 1.
    Raises: ValueError where the labels do not fit the logits.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.108.
    """
    _check_labels(logits, labels)
    return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows whose largest logit stands at the row's label, from 0 to 1.

    logits: (B, K). labels: (B,), integers from 0 to K - 1.
    Raises: ValueError where the labels do not fit the logits.
    """
    _check_labels(logits, labels)
    return float((np.argmax(logits, axis=-1) == labels).mean())


def _check_labels(logits, labels) -> None:
    if np.ndim(logits) != 2 or np.shape(labels) != (len(logits),) or not len(logits):
        raise ValueError(
            f"labels {np.shape(labels)}: one for each row of logits {np.shape(logits)}"
        )
    low, high = np.min(labels), np.max(labels)
    if low < 0 or high >= logits.shape[1]:  # -1 would be the last class to NumPy
        raise ValueError(f"labels from {low} to {high} for {logits.shape[1]} classes, 0 the first")


@dataclass
class Network:
    """Layers one after another, with a ReLU between any two: a multi-layer perceptron.

    weights: one (fan_in, fan_out) a layer. biases: one (fan_out,) a layer.
    Raises: ValueError where a layer does not fit the one before it.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    def __post_init__(self):
        if not self.weights or len(self.weights) != len(self.biases):
            counts = f"{len(self.weights)} weights and {len(self.biases)} biases"
            raise ValueError(f"{counts}: a network has one of each a layer, and one layer at least")
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if np.ndim(W) != 2 or np.shape(b) != W.shape[1:]:
                raise ValueError(f"layer {i}: weights {np.shape(W)} and biases {np.shape(b)}")
            if i and len(W) != self.weights[i - 1].shape[1]:
                made = self.weights[i - 1].shape[1]
                raise ValueError(f"layer {i} takes {len(W)} numbers, the one before makes {made}")

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The logits (B, K) of a batch x (B, fan_in)."""
        return self.activations(x)[-1]

    def activations(self, x: np.ndarray) -> list[np.ndarray]:
        """What a batch becomes on its way: the input, each hidden layer after its ReLU, the logits.

        The last layer is not bent: a logit may be negative.
        """
        passed = [x]
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = affine(passed[-1], W, b)
            passed.append(relu(z) if i < len(self.weights) - 1 else z)
        return passed

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers in a picture, in each hidden layer, and in the answer."""
        return (len(self.weights[0]), *(W.shape[1] for W in self.weights))

    @property
    def n_parameters(self) -> int:
        """Weights and biases of all layers: (fan_in + 1) * fan_out each."""
        return sum(W.size + b.size for W, b in zip(self.weights, self.biases, strict=True))

    def flops(self, n_pictures: int) -> int:
        """Multiplications and additions in the matrix products of one forward pass.

        Two for each weight and picture. As PyTorch's counter does, it leaves out biases, ReLU and
        softmax, which grow with the neurons and not with the weights.
        """
        return sum(2 * n_pictures * W.size for W in self.weights)


def new_network(sizes: tuple[int, ...], seed: int = 0) -> Network:
    """An untrained network: weights drawn so that a ReLU layer keeps the size of what it is given.

    sizes: such as (64, 32, 10): 64 numbers in, one hidden layer of 32, 10 logits out.
    Raises: ValueError where there are fewer than two sizes, or one that is not positive.
    Source: He et al. 2015, arXiv:1502.01852, eq. 10: variance 2 / fan_in; biases 0.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"{sizes=}: at least what goes in and what comes out, each 1 or more")
    rng = np.random.default_rng(seed)
    weights = [
        rng.normal(0.0, (2 / fan_in) ** 0.5, (fan_in, fan_out))
        for fan_in, fan_out in itertools.pairwise(sizes)
    ]
    return Network(weights, [np.zeros(fan_out) for fan_out in sizes[1:]])


def templates(images: np.ndarray, labels: np.ndarray) -> Network:
    """One layer made by hand: each class's neuron holds the mean m of its pictures, no training.

    The bias -|m|^2 / 2 turns agreement into nearness, since x . m - |m|^2 / 2 is
    |x|^2 / 2 - |x - m|^2 / 2, and |x|^2 / 2 is the same for all classes.
    images: (N, P). labels: (N,), integers; every class from 0 to the largest has a picture.
    Raises: ValueError where labels and images do not fit, or a class has no picture.
    Source: Hastie, Tibshirani & Friedman 2009, section 4.3 (equal spherical covariances).
    """
    if np.ndim(images) != 2 or np.shape(labels) != (len(images),) or not len(images):
        raise ValueError(f"images {np.shape(images)}, labels {np.shape(labels)}: one label a row")
    counts = np.bincount(labels)
    if missing := np.flatnonzero(counts == 0).tolist():
        raise ValueError(f"no picture of {missing}: a mean needs one of every class")
    means = np.array([images[labels == k].mean(axis=0) for k in range(len(counts))])  # (K, P)
    return Network([means.T], [-(means**2).sum(axis=1) / 2])
