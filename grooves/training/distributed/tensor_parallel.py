"""Tensor parallelism: each matrix is divided, and all ranks compute one block together.

Key idea: heads do not depend on each other, and neither do the hidden channels of an MLP. So the
first matrix of each pair is cut by its outputs and the second by its inputs; every rank computes
its heads and channels alone, and one all-reduce adds what they contribute to the residual stream:
two per block in the forward pass, two in the backward pass. Unlike data parallelism, this makes a
single answer faster, if the products outweigh the latencies. Chapter 13.
Source: Shoeybi et al. 2019, "Megatron-LM", arXiv:1909.08053, section 3.
"""

from __future__ import annotations

import copy

import torch
import torch.distributed as dist
from torch import Tensor, nn

from grooves.models.transformer import Block, Transformer, norm
from grooves.training.distributed.ranks import Ranks


class SumGradients(torch.autograd.Function):
    """Nothing in the forward pass; in the backward pass, a sum over the ranks.

    It stands where all ranks read the same vector (Megatron's f): each knows only the gradient
    that flows back through its own heads or channels.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class SumOutputs(torch.autograd.Function):
    """A sum over the ranks in the forward pass; nothing in the backward pass (Megatron's g).

    The gradient of a sum is the same for each of its terms, so every rank has it already.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


def my_part(name: str, weight: Tensor, ranks: Ranks, n_head: int) -> Tensor:
    """The part of a block's matrix that one rank holds.

    name: "attention.qkv.weight" and so on, as in a `Block`. The matrices that read the residual
    stream are cut by rows (outputs), those that write to it by columns (inputs).
    Returns: a copy, (rows / N, C) or (C, columns / N).
    """
    C = weight.size(1) if name.endswith(("qkv.weight", "up.weight")) else weight.size(0)
    heads, hidden = ranks.rows(n_head), ranks.rows(4 * C)
    if name == "attention.qkv.weight":  # queries, keys and values of my heads
        return weight.view(3, n_head, -1, C)[:, heads].reshape(-1, C).clone()
    if name == "attention.out.weight":
        return weight.view(C, n_head, -1)[:, heads].reshape(C, -1).clone()
    if name == "mlp.up.weight":
        return weight[hidden].clone()
    if name == "mlp.down.weight":
        return weight[:, hidden].clone()
    raise ValueError(f"{name=} is no matrix of a block")


class TensorParallelBlock(nn.Module):
    """A `Block` of which each rank holds 1/N. Input and output (B, T, C) are whole on every rank.

    Raises: ValueError where the number of heads is not a multiple of the number of ranks.
    """

    def __init__(self, block: Block, ranks: Ranks):
        super().__init__()
        n_head = block.attention.n_head
        if n_head % ranks.n:
            raise ValueError(f"{n_head} heads cannot be divided equally between {ranks.n} ranks")
        mine = copy.deepcopy(block)
        for name, weight in mine.named_parameters():
            weight.data = my_part(name, weight.detach(), ranks, n_head)
        self.attention, self.mlp = mine.attention, mine.mlp
        self.attention.n_head = n_head // ranks.n

    def forward(self, x: Tensor, rotation: Tensor | None, cache=None) -> Tensor:
        """As `Block.forward`. cache: of this rank's heads only."""
        y = self.attention(SumGradients.apply(norm(x)), rotation, cache)
        x = x + SumOutputs.apply(y)
        if self.mlp is None:
            return x
        return x + SumOutputs.apply(self.mlp(SumGradients.apply(norm(x))))


def divide_blocks(model: Transformer, ranks: Ranks) -> Transformer:
    """Replace every block of a model, in place, by this rank's part of it; returns the model.

    Embedding and head stay whole on every rank.
    """
    model.blocks = nn.ModuleList(TensorParallelBlock(block, ranks) for block in model.blocks)
    return model
