"""Data parallelism on two cores: each takes half of the texts, and their gradients are added.

Key idea: the gradient of a batch is the sum of the gradients of its texts, so a batch can be
divided between workers that synchronise once per step. The usual way, to divide each matrix product
between the cores, synchronises a hundred times per step: for a small model the cores would wait
longer than they compute, and twenty times longer if another program uses one of them.
Chapters: 03, 04, 13.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from grooves.models.transformer import count_parameters

SMALL = 1_000_000  # parameters; the matrix products of a larger model are worth dividing


@contextmanager
def one_core():
    """One thread for PyTorch within a `with` block.

    A small product is finished before a second core has started, and on a busy machine the cores
    would wait for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Team:
    """The workers that compute the gradients of one model, for a `with` block.

    A small model on a CPU gets two workers of one core each, where there are two cores. Two, and
    not more, because a sum of two gradients is the same in either order, so that a run can be
    repeated exactly. Any other model gets one worker, and PyTorch's own threads.
    """

    def __init__(self, model: nn.Module):
        self.model = model
        self.threads = torch.get_num_threads()
        on_cpu = all(weight.device.type == "cpu" for weight in model.parameters())
        self.small = on_cpu and count_parameters(model) < SMALL
        self.n_workers = min(2, self.threads) if self.small else 1

    def __enter__(self) -> Team:
        if self.small:
            torch.set_num_threads(1)
        if self.n_workers > 1:
            self._other = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        return self

    def __exit__(self, *_) -> None:
        if self.n_workers > 1:
            self._other.shutdown()
        torch.set_num_threads(self.threads)

    def backward(self, inputs: Tensor, targets: Tensor) -> float:
        """Add the batch's gradient to every weight's `grad`; returns the loss in nats per word.

        inputs, targets: (B, T); targets below 0 do not count.
        """
        if self.n_workers == 1:  # counting words would synchronise a GPU
            return self._backward(inputs, targets, 1.0)
        n = int((targets >= 0).sum())
        half = len(inputs) // 2
        first = int((targets[:half] >= 0).sum())
        if first in (0, n):
            return self._backward(inputs, targets, 1.0)
        other = self._other.submit(self._backward, inputs[:half], targets[:half], first / n)
        mine = self._backward(inputs[half:], targets[half:], 1 - first / n)
        return mine + other.result()

    def _backward(self, inputs: Tensor, targets: Tensor, share: float) -> float:
        loss = self.model.loss(inputs, targets) * share
        loss.backward()
        return loss.item()
