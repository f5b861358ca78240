"""Gradient descent: from a gradient to a step, and from steps to a trained network.

Key idea: the gradient gives the direction of a step, and the optimizer its length. Plain gradient
descent moves in proportion to the gradient; momentum averages over the last steps; Adam gives each
weight a step size of its own, from the size and the steadiness of its gradients.
Chapter 02. Built on `grooves.models.autograd`; `grooves.training.optimizers` is the counterpart for
PyTorch, and `grooves.training.validation` has the loop with a validation set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grooves.language.corpora import Digits, digits
from grooves.models import layers
from grooves.models.autograd import Tensor, cross_entropy


class SGD:
    """Plain gradient descent: w - lr * gradient.

    The name stands for stochastic gradient descent: the gradient is estimated from a batch.
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
        """What is subtracted from weight number i, whose gradient is g."""
        return self.lr * g

    def zero_grad(self) -> None:
        """Discard the gradients, since the next backward pass would add to them."""
        for p in self.parameters:
            p.grad = None


class Momentum(SGD):
    """A heavy ball: each step keeps a fraction of the one before.

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
    """Each weight's mean gradient, divided by the typical size of its gradients.

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
        # Both started at 0; the divisions correct the bias of the first steps.
        mean, square = self.mean[i] / (1 - beta1**t), self.square[i] / (1 - beta2**t)
        return self.lr * mean / (np.sqrt(square) + self.eps)


class AdamW(Adam):
    """Adam with decoupled weight decay: each matrix also shrinks by lr * weight_decay in each step.

    Biases do not shrink. Where weight_decay is 0, this is Adam.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float, weight_decay: float = 0.01, **how):
        super().__init__(parameters, lr, **how)
        if weight_decay < 0:
            raise ValueError(f"{weight_decay=} must not be negative: the weights would grow")
        self.weight_decay = weight_decay

    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None and p.data.ndim > 1:
                p.data = (1 - self.lr * self.weight_decay) * p.data
        super().step()


# ---- the network of chapter 01, trained ----------------------------------------------------------


def parameters(network: layers.Network) -> list[Tensor]:
    """The weights and biases of a network as tensors: W, b, W, b and so on; copies."""
    pairs = zip(network.weights, network.biases, strict=True)
    return [Tensor(np.array(array)) for pair in pairs for array in pair]


def network(learned: Sequence[Tensor]) -> layers.Network:
    """The opposite of `parameters`: a network with the current numbers of the tensors."""
    arrays = [p.data.copy() for p in learned]
    return layers.Network(arrays[::2], arrays[1::2])


def logits(learned: Sequence[Tensor], images: np.ndarray) -> Tensor:
    """The forward pass of `Network.forward`, as a graph of tensors: images (B, P) -> (B, K)."""
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
    """Train on batches drawn from the pictures; each picture is drawn once per epoch.

    noise: standard deviation of the noise that is added to every pixel, drawn again in each step.
    watch(step, loss) is called after each step; it may measure, or change the optimizer.
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
    """Chapter 01's network, trained with Adam: 97% of the test pictures and more.

    Three things help it with pictures that it has not seen: the learning rate falls to 0, noise is
    added to every pixel, and every matrix shrinks a little in each step (decoupled weight decay,
    Loshchilov & Hutter 2019, arXiv:1711.05101). data: `grooves.language.corpora.digits()` where
    None. losses: a list that receives the loss of every step.
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
