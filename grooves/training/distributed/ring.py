"""All-reduce in a ring: every rank ends with the sum of everyone's vector, and nobody is in charge.

Key idea: cut the vector into N chunks. In N - 1 steps each rank sends one chunk to its right and
adds the one that comes from its left; then every rank has the full sum of one chunk (this half is
called reduce-scatter). In N - 1 more steps these sums travel once around (all-gather). So each rank
sends 2 (N - 1) / N times the vector, hardly more for a thousand ranks than for three.
Chapter 13. Source: Patarasuk & Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of
workstations", JPDC 69(2).
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def ring_all_reduce(vector: Tensor) -> None:
    """Replace `vector`, in place, by the sum of all ranks' vectors.

    vector: (n,), contiguous, of the same length on every rank; n need not divide by the ranks.
    """
    chunks = vector.tensor_split(dist.get_world_size())  # views whose lengths differ by at most 1
    reduce_scatter(chunks)
    all_gather(chunks)


def reduce_scatter(chunks: tuple[Tensor, ...]) -> None:
    """After it, rank r's chunk (r + 1) mod N holds that chunk's sum over all ranks."""
    rank, n = dist.get_rank(), dist.get_world_size()
    for step in range(n - 1):
        outgoing, incoming = chunks[(rank - step) % n], chunks[(rank - step - 1) % n]
        received = torch.empty_like(incoming)
        exchange(outgoing, received)
        incoming += received


def all_gather(chunks: tuple[Tensor, ...]) -> None:
    """Pass the finished chunks on until every rank has them all."""
    rank, n = dist.get_rank(), dist.get_world_size()
    for step in range(n - 1):
        exchange(chunks[(rank + 1 - step) % n], chunks[(rank - step) % n])


def exchange(outgoing: Tensor, received: Tensor) -> None:
    """Send one tensor to the right neighbour while another arrives from the left.

    Sending must not block: if all ranks first waited until their neighbour has received, all would
    wait for ever.
    """
    rank, n = dist.get_rank(), dist.get_world_size()
    sending = dist.isend(outgoing, (rank + 1) % n)
    dist.recv(received, (rank - 1) % n)
    sending.wait()


def bytes_sent(n_bytes: int, n_ranks: int) -> float:
    """Bytes that each rank sends to all-reduce a vector of `n_bytes` in a ring."""
    return 2 * (n_ranks - 1) / n_ranks * n_bytes
