"""The model and the batches of lab 12's gradient accumulation (chapter 12).

Key idea: the model notes its forward and backward passes and the optimizer its steps, so a check
sees in which order they came.
Letters: B texts, T tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grooves.language.corpora import IGNORED

V, WIDTH = 7, 5
# Of each batch its pieces: texts, words, and how many of the targets are asked for.
STEPS = (
    ((4, 6, 20), (1, 3, 3), (2, 9, 5)),  # and one of a single text between others
    ((3, 5, 9), (3, 5, 15)),
    ((1, 8, 1),),  # a long gradient, which a bound would shorten
    ((2, 4, 0), (5, 2, 6), (1, 11, 10), (3, 4, 0), (2, 7, 9)),  # two that ask for nothing
)


class Watched(nn.Module):
    """A small model that notes its calls: ids (B, T) -> scores (B, T, V), at 64 bits.

    events: "forward" and "backward", in the order in which they came. texts: of each call forward.
    """

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(V, WIDTH), nn.Linear(WIDTH, V)
        self.double()
        self.events: list[str] = []
        self.texts: list[int] = []

    def forward(self, ids: Tensor) -> Tensor:
        """Scores of the next word."""
        scores = self.head(torch.tanh(self.embedding(ids)))
        if scores.requires_grad:
            self.events.append("forward")
            self.texts.append(len(ids))
            scores.register_hook(lambda _: self.events.append("backward"))
        return scores


class CountedSGD(torch.optim.SGD):
    """Plain steps downhill, which are counted."""

    n_steps = 0

    def step(self, closure=None):
        """As `torch.optim.SGD.step`."""
        self.n_steps += 1
        return super().step(closure)


def batch(step: int) -> list[tuple[Tensor, Tensor]]:
    """The pieces of a step: inputs and targets (B, T), IGNORED where nothing is asked."""
    random, pairs = torch.Generator().manual_seed(step), []
    for B, T, asked in STEPS[step]:
        ids, targets = (torch.randint(V, (B, T), generator=random) for _ in range(2))
        hidden = torch.randperm(B * T, generator=random)[asked:]
        targets.view(-1)[hidden] = IGNORED
        pairs.append((ids, targets))
    return pairs
