"""Check of lab 06: a model whose names mislead, and its trainable parts (chapter 06).

Key idea: a tensor with two names, `blocks.1` beside `blocks.10`, a `norm` inside `prenorm`, and a
second `norm`, inside a part, with the same numbers as the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


class Tied(nn.Module):
    """A model in which `head.weight` is `embedding.weight`; it is never run."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 3)
        self.prenorm = nn.LayerNorm(3)
        self.blocks = nn.ModuleList(nn.Linear(3, 2 + i) for i in range(11))
        self.blocks_1 = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.norm = nn.LayerNorm(5)
        self.deep = nn.Sequential(nn.Linear(2, 9), nn.Sequential(nn.Linear(4, 1), nn.ReLU()))
        self.inner = nn.ModuleDict({"norm": nn.LayerNorm(5), "blocks": nn.ModuleList([nn.ReLU()])})
        self.inner["blocks"].extend([nn.Linear(2, 2), nn.Linear(1, 2)])
        self.head = nn.Linear(3, 7)
        self.head.weight = self.embedding.weight


@dataclass(frozen=True)
class Case:
    """The parts to train, and whether all, every second or none of the weights were frozen.

    "as left": the model is the one of the case before, as the answer has left it.
    """

    parts: tuple[str, ...]
    frozen: bool | str


CASES = (
    Case(("norm.bias", "blocks.1"), frozen=False),
    Case(("head",), frozen=False),
    Case(("blocks.2", "norm"), frozen=True),
    Case(("embedding", "head", "blocks.0.bias"), frozen=True),
    Case(("embedding",), frozen=False),
    Case(("deep.1", "norm", "norm.weight"), frozen=False),
    Case(("norm", "deep.1.0"), frozen="as left"),
    Case((), frozen=False),
    Case(("scale", "blocks", "norm"), frozen="half"),
    Case(("deep", "deep", "blocks.10", "embedding.weight"), frozen="half"),
    Case(("norm.bias", "blocks.1"), frozen=False),
    Case(("blocks.3", "norm.bias"), frozen="as left"),
    Case(("norm", "inner"), frozen=False),  # two tensors with the same numbers
)
BEFORE = {
    True: "all frozen before",
    "half": "every second tensor frozen before",
    False: "all trainable before",
    "as left": "in a second call on the same model",
}
