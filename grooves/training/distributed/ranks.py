"""Who takes part: one process per device, each with a number, its rank.

Key idea: every process runs the same program. `torchrun` starts them and writes each one's rank
and how many there are into its environment; with these they find each other and form a group, in
which they send tensors. Chapter 13.
Source: the PyTorch documentation, "Distributed communication package - torch.distributed".
"""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from grooves import device
from grooves.training.distributed.rendezvous import fresh_store


@dataclass(frozen=True)
class Ranks:
    """The group as one process sees it: its own rank, how many there are, and its device."""

    rank: int
    n: int
    place: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process is rank 0, which prints and writes files for all."""
        return self.rank == 0

    def rows(self, n_rows: int) -> slice:
        """The rows of a batch that are this rank's, as equal in number as possible.

        Raises: ValueError where there are fewer rows than ranks.
        """
        if n_rows < self.n:
            raise ValueError(f"{n_rows} rows cannot be divided between {self.n} ranks")
        return slice(self.rank * n_rows // self.n, (self.rank + 1) * n_rows // self.n)


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the group for a `with` block; without `torchrun`, a group of one.

    Uses NCCL where `grooves.device()` is a CUDA device, and gloo on CPUs otherwise.
    Raises: ValueError where a host starts more processes than it has GPUs: NCCL refuses two
    processes on one of them.
    """
    place = device()
    if place.type == "cuda":
        local = int(os.environ.get("LOCAL_RANK", 0))  # torchrun sets both
        n_local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        if n_local > torch.cuda.device_count():
            raise ValueError(
                f"{n_local} processes were started on a host with {torch.cuda.device_count()} "
                "GPUs: start at most one per GPU, or set CUDA_VISIBLE_DEVICES= to use the CPU"
            )
        place = torch.device("cuda", local)
        torch.cuda.set_device(place)
    else:
        place = torch.device("cpu")  # gloo sends no tensor that lies on another device
    backend = "nccl" if place.type == "cuda" else "gloo"
    if dist.is_torchelastic_launched():
        rank, n = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        store = fresh_store(rank, n)
    else:
        rank, n, store = 0, 1, dist.HashStore()
    on_gpu = {"device_id": place} if place.type == "cuda" else {}
    dist.init_process_group(backend, store=store, rank=rank, world_size=n, **on_gpu)
    try:
        yield Ranks(rank, n, place)
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # their variables hold models
        raise
    finally:
        gc.collect()  # a DDP that outlived its group would wait for the group's thread for ever
        dist.destroy_process_group()


def summed(values: list[float], ranks: Ranks) -> list[float]:
    """Numbers that each rank has part of, added over all ranks, in double precision."""
    total = torch.tensor(values, dtype=torch.float64, device=ranks.place)
    dist.all_reduce(total)
    return total.tolist()
