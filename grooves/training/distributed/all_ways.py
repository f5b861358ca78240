"""Train in every way, and compare where each ends and what each rank stores.

Key idea: two ways of dividing a batch that compute the same gradient must end with the same file,
byte for byte; anything less hides a mistake behind rounding. One process that takes the same
micro-batches in turn is the reference. Chapter 13.

Under torchrun, rank 0 prints one JSON object per way:
    torchrun --standalone --nproc-per-node 2 -m grooves.training.distributed.all_ways
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.distributed import loop
from grooves.training.distributed.gradient_sync import Replicas, local
from grooves.training.distributed.launch import run
from grooves.training.distributed.ranks import Ranks, joined

MODULE = "grooves.training.distributed.all_ways"
STEPS = 4
STORIES = 5  # of unequal length, so that two ranks have unequal parts
WAYS = [(way, "muon") for way in ("naive", "flat", "buckets", "ddp")]
WAYS += [(way, "adamw") for way in ("flat", "zero1", "zero2", "zero3", "fsdp")]


def measure(n: int = 2) -> list[dict]:
    """Start `n` processes on this host. Returns: what `train_each` gives, in each of WAYS."""
    return run(["-m", MODULE], n)


def alone(parts: int, optimizer: str) -> dict:
    """The same training by one process, which takes `parts` micro-batches in turn; as a row."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with joined() as ranks, tempfile.TemporaryDirectory() as folder:
            return train(ranks, "flat", optimizer, Path(folder), micro_batches=parts)
    finally:
        torch.set_num_threads(before)


def train(ranks: Ranks, way: str, optimizer: str, folder: Path, **more) -> dict:
    """Train the course's model for a few steps; all ranks call it together.

    more: of `loop.train`. Returns: way, optimizer, losses (nats per word of each whole batch),
    digest (SHA-256 of the checkpoint, which holds weights, moments and losses), and `held`.
    """
    data = StoryData(Stories(), 60, STORIES, 1)
    divided, optimizers = loop.build(way, lineage.new_model(), ranks, optimizer)
    path = folder / f"{way}_{optimizer}_{ranks.n}.safetensors"
    losses = loop.train(divided, optimizers, data, STEPS, path, STEPS, **more)
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if ranks.is_first else ""
    stored = held(divided, optimizers, *data.batch(0))
    return {"way": way, "optimizer": optimizer, "losses": losses, "digest": digest} | stored


def held(way: Replicas, optimizers: Sequence, inputs: Tensor, targets: Tensor) -> dict[str, int]:
    """How many numbers this rank holds between two steps: weights, gradients, state.

    They are counted in memory, since a tensor may be a view of another one. Gradients exist only
    after a backward pass, for which inputs and targets (B, T) are taken.
    """
    state = [t for o in optimizers for s in o.state.values() for t in s.values() if t.ndim]
    weights = [*way.trained.parameters(), *way.model.parameters()]
    way.backward(inputs, targets)
    gradients = [p.grad for p in weights if p.grad is not None]
    return {
        "state": distinct(state),
        "weights": distinct(weights),
        "gradients": distinct(gradients),
    }


def distinct(tensors: Sequence[Tensor]) -> int:
    """Numbers of 32 bits in the memory of these tensors, shared memory counted once."""
    storages = [local(t.detach()).untyped_storage() for t in tensors]
    return sum({s.data_ptr(): s.nbytes() // 4 for s in storages}.values())


def main(words: Sequence[str] | None = None) -> None:
    """Train in every way, and print a JSON line for each."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(words)
    torch.set_num_threads(1)
    with joined() as ranks, tempfile.TemporaryDirectory() as mine:
        folders = [mine] * ranks.n
        dist.all_gather_object(folders, mine)  # rank 0 writes, and all read
        for way, optimizer in WAYS:
            found = train(ranks, way, optimizer, Path(folders[0]))
            if ranks.is_first:
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
