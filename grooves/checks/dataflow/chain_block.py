"""The block of lab 14's challenge, and its way to the simulated chip (chapter 14).

Key idea: a function of one vector becomes a step of the compiler if a table holds the vectors and
the word selects one of them.
Letters: C channels, T earlier tokens, M hidden numbers of the feed-forward network, N inputs.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.checks.compare import own_seed
from grooves.hardware.dataflow import Chip, Program, Step, compile, run

C, T, M, N = 48, 40, 128, 24
EPS = 1e-5


class Block(nn.Module):
    """A block of a transformer for one token: attention to T earlier ones, then a network.

    query, out: (C, C). keys, values: (T, C), of the earlier tokens. up: (M, C). down: (C, M).
    """

    def __init__(self, seed: int = 14):
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        for name, shape, scale in (
            ("query", (C, C), C**-0.5),
            ("keys", (T, C), 0.3),
            ("values", (T, C), 1.0),
            ("out", (C, C), C**-0.5),
            ("up", (M, C), C**-0.5),
            ("down", (C, M), M**-0.5),
        ):
            self.register_buffer(name, scale * torch.randn(*shape, generator=random))

    def norm(self, x: Tensor) -> Tensor:
        """x with the mean 0 and the variance 1, nearly: (C,) -> (C,)."""
        x = x - x.mean()
        return x / (x.square().mean() + EPS).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        """(C,) -> (C,)"""
        q = self.query @ self.norm(x)
        weights = (self.keys @ q).exp()  # (T,)
        weights = weights / weights.sum()
        x = x + self.out @ (weights @ self.values)
        hidden = (self.up @ self.norm(x)).relu().square()  # (M,)
        return x + self.down @ hidden


def inputs() -> Tensor:
    """Vectors of many sizes, whose means are not 0: (N, C)."""
    random = torch.Generator().manual_seed(3)
    x = torch.randn(N, C, generator=random) + 0.7 * torch.randn(N, 1, generator=random)
    return x * torch.logspace(-2, 0.5, N)[:, None]


class _OneToken(Step):
    """A function of a vector as a step that the compiler takes: the word selects the vector."""

    context = 1

    def __init__(self, function: Callable, table: Tensor):
        super().__init__()
        self.function = function
        self.register_buffer("table", table)

    def start(self):
        return ()

    def forward(self, word: Tensor, position: Tensor):
        return (self.function(F.embedding(word, self.table)),)


TRACER = "torch.fx.experimental.symbolic_shapes"  # it logs the whole graph where it fails


def compiled(function: Callable, chip: Chip | None = None) -> Program:
    """A function (C,) -> (C,) as a program of the simulated chip, in 32 bits.

    Raises: ValueError where it contains an operation for which the compiler has no rule.
    """
    step = _OneToken(function, inputs())
    with own_seed(0), torch.no_grad(), _quiet_tracer():
        return compile(step, chip or Chip(), "fp32")


@contextlib.contextmanager
def _quiet_tracer():
    """The tracer's dumps of the graph are not for students."""
    logger = logging.getLogger(TRACER)
    before, logger.disabled = logger.disabled, True
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.disabled = before


def on_chip(program: Program) -> tuple[np.ndarray, set[int]]:
    """What the simulated chip computes for the inputs, (N, C), and the cycles that it took.

    Before each of them it computes another one, whose remains must not matter.
    """
    words = np.arange(N)
    result = run(program, np.stack([np.roll(words, 5), words], axis=1))
    return result.logits[:, 1], set(result.cycles)
