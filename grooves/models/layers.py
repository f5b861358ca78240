"""Forward propagation: from a picture's numbers to a network's answer, in NumPy alone.

Key idea: a layer is one matrix product and one activation function. The product takes the dot
product of each row of the input with each column of the weights, so a whole batch passes through a
layer at once. Layers differ only in their weights.
Chapters: 01, 02, 03.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np


def affine(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The weighted sums of one layer: each row of x times each column of W, plus a bias.

    x: (B, fan_in), or one row (fan_in,). W: (fan_in, fan_out). b: (fan_out,).
    Returns: (B, fan_out), or (fan_out,).
    Raises: ValueError where the shapes do not fit.
    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.1.
    """
    if np.ndim(x) not in (1, 2) or np.ndim(W) != 2 or np.shape(x)[-1] != len(W):
        raise ValueError(f"x {np.shape(x)} does not fit W {np.shape(W)}: x needs len(W) columns")
    if np.shape(b) != np.shape(W)[1:]:  # NumPy would broadcast some wrong ones
        raise ValueError(f"b {np.shape(b)} must have one bias for each column of W {np.shape(W)}")
    return x @ W + b  # (B, fan_out)


def relu(z: np.ndarray) -> np.ndarray:
    """The rectified linear unit, element by element: negative numbers become 0.

    Source: Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.
    """
    return np.maximum(z, 0.0)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis: positive numbers that add up to 1, for any logits.

    The largest logit is subtracted first. This changes no probability, and no exponential can
    overflow.
    logits: (..., K). Returns: (..., K).
    Source: Bridle 1990; the shift: Blanchard, Higham & Higham 2021, doi:10.1093/imanum/draa038.
    """
    powers = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the softmax's probabilities, along the last axis.

    The logarithm is taken before the division, so a probability that is too small for a float,
    and 0 in `softmax`, still has a finite logarithm.
    logits: (..., K). Returns: (..., K), nats, none above 0.
    """
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean of -ln p over a batch, where p is the probability of the correct class; in nats.

    logits: (B, K). labels: (B,), integers from 0 to K - 1.
    Raises: ValueError where the labels do not fit the logits.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.108.
    """
    _check_labels(logits, labels)
    return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of rows whose largest logit is that of the row's label, from 0 to 1.

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
    """A multi-layer perceptron: layers one after another, with a ReLU after each but the last.

    weights: one (fan_in, fan_out) per layer. biases: one (fan_out,) per layer.
    Raises: ValueError where a layer does not fit the one before it.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]

    def __post_init__(self):
        if not self.weights or len(self.weights) != len(self.biases):
            counts = f"{len(self.weights)} weights and {len(self.biases)} biases"
            raise ValueError(
                f"{counts}: a network needs one of each per layer, and at least one layer"
            )
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if np.ndim(W) != 2 or np.shape(b) != W.shape[1:]:
                raise ValueError(f"layer {i}: weights {np.shape(W)} and biases {np.shape(b)}")
            if i and len(W) != self.weights[i - 1].shape[1]:
                made = self.weights[i - 1].shape[1]
                raise ValueError(
                    f"layer {i} takes {len(W)} inputs, but the layer before has {made} outputs"
                )

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The logits (B, K) of a batch x (B, fan_in)."""
        return self.activations(x)[-1]

    def activations(self, x: np.ndarray) -> list[np.ndarray]:
        """The input, the activations of each hidden layer after its ReLU, and the logits.

        The last layer has no activation function, because a logit may be negative.
        """
        passed = [x]
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = affine(passed[-1], W, b)
            passed.append(relu(z) if i < len(self.weights) - 1 else z)
        return passed

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of inputs, of neurons in each hidden layer, and of outputs."""
        return (len(self.weights[0]), *(W.shape[1] for W in self.weights))

    @property
    def n_parameters(self) -> int:
        """Weights and biases of all layers: (fan_in + 1) * fan_out each."""
        return sum(W.size + b.size for W, b in zip(self.weights, self.biases, strict=True))

    def flops(self, n_pictures: int) -> int:
        """Multiplications and additions in the matrix products of one forward pass.

        Two per weight and picture. Like PyTorch's counter, it leaves out biases, ReLU and softmax,
        whose cost grows with the number of neurons and not with the number of weights.
        """
        return sum(2 * n_pictures * W.size for W in self.weights)


def new_network(sizes: tuple[int, ...], seed: int = 0) -> Network:
    """An untrained network, initialised so that a ReLU layer preserves the scale of its input.

    sizes: such as (64, 32, 10): 64 inputs, one hidden layer of 32 neurons, 10 logits.
    Raises: ValueError where there are fewer than two sizes, or one that is not positive.
    Source: He et al. 2015, arXiv:1502.01852, eq. 10: variance 2 / fan_in; biases 0.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(
            f"{sizes=}: at least the inputs and the outputs are needed, each 1 or more"
        )
    rng = np.random.default_rng(seed)
    weights = [
        rng.normal(0.0, (2 / fan_in) ** 0.5, (fan_in, fan_out))
        for fan_in, fan_out in itertools.pairwise(sizes)
    ]
    return Network(weights, [np.zeros(fan_out) for fan_out in sizes[1:]])


def templates(images: np.ndarray, labels: np.ndarray) -> Network:
    """One layer in closed form: the weights of a class are the mean m of its pictures.

    The bias -|m|^2 / 2 makes the class with the largest logit the one with the nearest mean, since
    x . m - |m|^2 / 2 = |x|^2 / 2 - |x - m|^2 / 2, and |x|^2 / 2 is the same for all classes.
    images: (N, P). labels: (N,), integers; every class from 0 to the largest has a picture.
    Raises: ValueError where labels and images do not fit, or a class has no picture.
    Source: Hastie, Tibshirani & Friedman 2009, section 4.3 (equal spherical covariances).
    """
    counts = _count(images, labels)
    means = np.array([images[labels == k].mean(axis=0) for k in range(len(counts))])  # (K, P)
    return Network([means.T], [-(means**2).sum(axis=1) / 2])


def least_squares(features: np.ndarray, labels: np.ndarray, penalty: float = 1.0) -> Network:
    """One layer in closed form: the least squared error to targets that are 1 at the label, else 0.

    The normal equations (A^T A + penalty I) S = A^T Y are solved, where A holds the features and a
    column of ones for the biases, and Y the targets. The penalty keeps the weights small where
    there are nearly as many features as examples; without it the layer would fit their noise.
    features: (N, P). labels: (N,), integers; every class from 0 to the largest has an example.
    penalty: above 0.
    Raises: ValueError where labels and features do not fit, a class has no example, or the penalty
    is not positive.
    Source: Hastie, Tibshirani & Friedman 2009, sections 3.4.1 and 4.2.
    """
    if not penalty > 0:
        raise ValueError(f"{penalty=} must be above 0")
    counts = _count(features, labels)
    A = np.column_stack([features, np.ones(len(features))])  # (N, P + 1)
    Y = np.eye(len(counts))[labels]  # (N, K)
    solution = np.linalg.solve(A.T @ A + penalty * np.eye(A.shape[1]), A.T @ Y)  # (P + 1, K)
    return Network([solution[:-1]], [solution[-1]])


def random_features(sizes: tuple[int, ...], seed: int) -> Network:
    """An untrained hidden layer with random biases, so that its kinks do not all meet at 0.

    sizes: inputs and neurons. Weights as in `new_network`; biases uniform from -1 to 1.
    Source: Rahimi & Recht 2007, Random Features for Large-Scale Kernel Machines.
    """
    layer = new_network(sizes, seed)
    rng = np.random.default_rng([seed, 1])
    return Network(layer.weights, [rng.uniform(-1, 1, b.shape) for b in layer.biases])


def piecewise_linear(knots: np.ndarray, values: np.ndarray) -> Network:
    """The network with one hidden ReLU layer that joins the points (knot, value) by straight lines.

    One neuron starts at each knot but the last, and its outgoing weight is the change of slope
    there. Left of the first knot the output stays at the first value.
    knots: (n,), increasing, n of 2 or more. values: (n,).
    Raises: ValueError where the two do not fit or the knots do not increase.
    Source: as in the proof that networks approximate functions of one variable, for instance
    Nielsen 2015, Neural Networks and Deep Learning, chapter 4.
    """
    knots, values = np.asarray(knots, dtype=float), np.asarray(values, dtype=float)
    if knots.ndim != 1 or len(knots) < 2 or knots.shape != values.shape:
        raise ValueError(f"knots {knots.shape} and values {values.shape}: two or more of each")
    if not (np.diff(knots) > 0).all():
        raise ValueError("the knots must increase")
    slopes = np.diff(values) / np.diff(knots)
    changes = np.diff(slopes, prepend=0.0)  # (n - 1,)
    first = np.ones((1, len(changes)))
    return Network([first, changes[:, None]], [-knots[:-1], values[:1]])


def _count(examples, labels) -> np.ndarray:
    """How many examples each class has. Raises: ValueError where one has none."""
    if np.ndim(examples) != 2 or np.shape(labels) != (len(examples),) or not len(examples):
        raise ValueError(f"images {np.shape(examples)}, labels {np.shape(labels)}: one label a row")
    counts = np.bincount(labels)
    if missing := np.flatnonzero(counts == 0).tolist():
        raise ValueError(f"no picture of {missing}: every class needs at least one example")
    return counts
