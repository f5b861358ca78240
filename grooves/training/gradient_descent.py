"""Descent: from a gradient to a step, and from steps to a trained network.

Key idea: the gradient says which way is down, and the optimizer how far to go. Plain descent goes
in proportion to the slope; momentum remembers the last steps; Adam gives every weight a step of
its own, by how large and how steady its slope has been.
Chapter 02. Written on `grooves.models.autograd`; `grooves.training.optimizers` is its larger
relative for PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grooves.language.corpora import Digits, digits
from grooves.models import layers
from grooves.models.autograd import Tensor, cross_entropy


class SGD:
    """Each weight goes down its slope: w - lr * gradient.

    The name stands for stochastic gradient descent: the slope is measured on a few examples.
    Source: Robbins & Monro 1951, doi:10.1214/aoms/1177729586.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float):
        if lr <= 0:
            raise ValueError(f"{lr=} must be positive: the step already goes downhill")
        self.parameters, self.lr = list(parameters), lr

    def step(self) -> None:
        """Move every weight once; one whose gradient is None stays where it is."""
        for i, p in enumerate(self.parameters):
            if p.grad is not None:
                # A new array, not a change in place: graphs that used the old one stay right.
                p.data = p.data - self.move(i, p.grad)

    def move(self, i: int, g: np.ndarray) -> np.ndarray:
        """What is taken off weight number i, whose gradient is g."""
        return self.lr * g

    def zero_grad(self) -> None:
        """Forget the gradients, before the next backward adds to them."""
        for p in self.parameters:
            p.grad = None


class Momentum(SGD):
    """A heavy ball: each step keeps a share of the one before.

    Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5; written as in PyTorch's SGD.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float, momentum: float = 0.9):
        super().__init__(parameters, lr)
        if not 0 <= momentum < 1:
            raise ValueError(f"{momentum=} must lie in [0, 1): at 1 the ball never slows down")
        self.momentum = momentum
        self.velocity = [np.zeros_like(p.data) for p in self.parameters]

    def move(self, i: int, g: np.ndarray) -> np.ndarray:
        self.velocity[i] = self.momentum * self.velocity[i] + g
        return self.lr * self.velocity[i]


class Adam(SGD):
    """Every weight's mean slope, divided by the size that its slopes typically have.

    Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        super().__init__(parameters, lr)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{betas=} must lie in [0, 1)")
        self.betas, self.eps = betas, eps
        self.mean = [np.zeros_like(p.data) for p in self.parameters]  # m in the paper
        self.square = [np.zeros_like(p.data) for p in self.parameters]  # v in the paper
        self.n_steps = [0 for _ in self.parameters]  # t in the paper

    def move(self, i: int, g: np.ndarray) -> np.ndarray:
        (beta1, beta2), t = self.betas, self.n_steps[i] + 1
        self.n_steps[i] = t
        self.mean[i] = beta1 * self.mean[i] + (1 - beta1) * g
        self.square[i] = beta2 * self.square[i] + (1 - beta2) * g**2
        # Both began at 0 and are too small at first; the divisions make up for that.
        mean, square = self.mean[i] / (1 - beta1**t), self.square[i] / (1 - beta2**t)
        return self.lr * mean / (np.sqrt(square) + self.eps)


# ---- the network of chapter 01, trained ----------------------------------------------------------


def parameters(network: layers.Network) -> list[Tensor]:
    """The weights and biases of a network as tensors: W, b, W, b and so on; copies."""
    pairs = zip(network.weights, network.biases, strict=True)
    return [Tensor(np.array(array)) for pair in pairs for array in pair]


def network(learned: Sequence[Tensor]) -> layers.Network:
    """The backward pass: a network with the numbers that the tensors now hold."""
    arrays = [p.data.copy() for p in learned]
    return layers.Network(arrays[::2], arrays[1::2])


def logits(learned: Sequence[Tensor], images: np.ndarray) -> Tensor:
    """`Network.forward` once more, in tensors that remember: images (B, P) -> (B, K)."""
    x = images
    for i in range(0, len(learned), 2):
        W, b = learned[i], learned[i + 1]
        x = (x if i == 0 else x.relu()) @ W + b
    return x


def descend(
    learned: Sequence[Tensor],
    optimizer: SGD,
    images: np.ndarray,
    labels: np.ndarray,
    n_steps: int,
    batch_size: int = 64,
    seed: int = 0,
    noise: float = 0.0,
    watch: Callable[[int, float], object] | None = None,
) -> list[float]:
    """Train on batches drawn from the pictures; each picture comes up once an epoch.

    noise: standard deviation of what is added to every pixel, anew each time. watch(step, loss) is
    called after each step, as a place to look or to change the optimizer.
    Returns: the loss of each step's batch before the step, in nats.
    Raises: ValueError where there are fewer pictures than one batch holds.
    """
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} pictures are less than one batch of {batch_size}")
    rng, losses, order = np.random.default_rng(seed), [], np.array([], dtype=int)
    for step in range(n_steps):
        if len(order) < batch_size:  # a new epoch; the incomplete last batch is left out
            order = rng.permutation(len(images))
        batch, order = order[:batch_size], order[batch_size:]
        optimizer.zero_grad()
        x = images[batch] + noise * rng.standard_normal((batch_size, images.shape[1]))
        loss = cross_entropy(logits(learned, x), labels[batch])
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
        if watch is not None:
            watch(step, losses[-1])
    return losses


def train_digits(
    data: Digits | None = None,
    sizes: tuple[int, ...] = (64, 32, 10),
    seed: int = 0,
    n_steps: int = 1200,
    lr: float = 0.01,
    losses: list[float] | None = None,
) -> layers.Network:
    """Chapter 01's network, its weights learned by Adam: 97 % of the test pictures and more.

    Three things help it with pictures that it has not seen: the step shrinks to nothing in the end,
    every pixel trembles a little, and every matrix keeps losing a little of itself (decoupled
    weight decay, Loshchilov & Hutter 2019, arXiv:1711.05101). data:
    `grooves.language.corpora.digits()` where None. losses: a list that receives the loss of every
    step.
    """
    data = digits() if data is None else data
    learned = parameters(layers.new_network(sizes, seed))
    optimizer = Adam(learned, lr)

    def calm(step, loss):
        for W in learned[::2]:  # biases may stay as they are
            W.data = W.data * (1 - 0.2 * optimizer.lr)
        optimizer.lr = lr * (1 - (step + 1) / n_steps)
        if losses is not None:
            losses.append(loss)

    images, labels = data.train_images, data.train_labels
    descend(learned, optimizer, images, labels, n_steps, seed=seed, noise=0.1, watch=calm)
    return network(learned)
