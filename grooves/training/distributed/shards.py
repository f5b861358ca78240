"""Vectors in equal parts: cut, gathered whole, and summed part by part.

Key idea: what each rank holds 1/N of is laid out as one vector and padded with zeros, so that all
parts have the same length; the two collectives below are inverse to each other, and together they
are an all-reduce. Chapter 13.
"""

from __future__ import annotations

import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor


def cut(n_values: int, n_ranks: int) -> int:
    """Length of the equal shards into which so many values are cut; the last may be padded."""
    return -(-n_values // n_ranks)


def padded(flat: Tensor, n_ranks: int) -> Tensor:
    """A vector with zeros at its end, so that it divides into equal shards."""
    return F.pad(flat, (0, cut(flat.numel(), n_ranks) * n_ranks - flat.numel()))


def gathered(shard: Tensor, n_ranks: int) -> Tensor:
    """The vector whose equal shards the ranks hold, whole on every rank."""
    whole = shard.new_empty(shard.numel() * n_ranks)
    dist.all_gather(list(whole.chunk(n_ranks)), shard.detach().contiguous())
    return whole


def reduced(whole: Tensor, n_ranks: int) -> Tensor:
    """This rank's shard of the sum of all ranks' vectors: a reduce-scatter."""
    shard = whole.new_empty(whole.numel() // n_ranks)
    dist.reduce_scatter(shard, list(whole.contiguous().chunk(n_ranks)))
    return shard
