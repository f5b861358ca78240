"""What the tests of several processes have them do: one start of torchrun for all of it.

    torchrun --standalone --nproc-per-node 3 tests/ranks_at_work.py FOLDER

Three processes start, because a ring of two hides mistakes; then two of them go on alone. Each
rank writes what it found to FOLDER/three_RANK.pt and FOLDER/two_RANK.pt.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from tiny_models import some_ids, tiny

from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.training.distributed import loop, pipeline, ring, tensor_parallel
from grooves.training.distributed.all_reduce_timing import time_all_reduce
from grooves.training.distributed.all_ways import WAYS, held
from grooves.training.distributed.ranks import joined
from grooves.training.lineage import new_model
from grooves.training.optimizers import build_optimizers

STEPS = 4
SIZES = (1, 2, 3, 7, 12, 1000)  # of vectors, most of which do not divide by the ranks
N_MICRO = 4


def story_data():
    """Batches of five stories of unequal length, which two ranks cannot divide equally."""
    return StoryData(Stories(), 60, 5, 1)


def trained(ranks, way, optimizer, path, **more):
    """Train the course's model for a few steps; returns the way, its optimizers and the losses."""
    divided, optimizers = loop.build(way, new_model(), ranks, optimizer)
    losses = loop.train(divided, optimizers, story_data(), STEPS, path, 2, **more)
    return divided, optimizers, losses


class Interrupted(Exception):
    """Raised between two steps."""


def interrupt(done, losses):
    if done == 3:
        raise Interrupted


# ---- what is found ------------------------------------------------------------------------------


def rings(ranks):
    """{size: (our sum, PyTorch's)} of vectors that differ from rank to rank."""
    found = {}
    for size in SIZES:
        mine = torch.randn(size, generator=torch.Generator().manual_seed(ranks.rank))
        ours, theirs = mine.clone(), mine.clone()
        ring.ring_all_reduce(ours)
        dist.all_reduce(theirs)
        found[size] = ours, theirs
    return found


def story_like():
    """Eight rows of unequal length for a tiny model."""
    ids = some_ids(8, 12)
    targets = ids.roll(-1, 1)
    targets[2, 5:] = targets[7, 3:] = -100
    return ids, targets


def pipelined_model():
    return tiny(n_layer=4, mlp_from=0)


def pipelines(ranks):
    """For each schedule: loss, gradients by the whole model's names, and slots as executed."""
    found = {}
    for kind in pipeline.SCHEDULES:
        stage = pipeline.Stage(pipelined_model(), ranks)
        optimizers = build_optimizers(stage.model, "adamw")
        losses, gradients = [], {}
        for _ in range(3):
            losses.append(stage.backward(*story_like(), N_MICRO, kind))
            if not gradients:
                gradients = {n: p.grad.clone() for n, p in named(stage)}
            stage.clip()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
        weights = {name: p.detach().clone() for name, p in named(stage)}
        found[kind] = dict(losses=losses, gradients=gradients, weights=weights, slots=stage.slots)
    return found


def named(stage):
    """A stage's parameters by their names in the whole model."""
    for name, weight in stage.model.named_parameters():
        if name.startswith("blocks."):
            _, i, rest = name.split(".", 2)
            name = f"blocks.{int(i) + stage.first_block}.{rest}"
        yield name, weight


def tensor_parallel_block(ranks):
    """Output, gradient of the input and of this rank's weights, beside those of a whole block."""
    model = tiny(n_head=4, n_embd=32, mlp_from=0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.2)  # so that what the block adds is of the size of its input
    block, rotation = model.blocks[0], model.rotation[:7]
    mine = tensor_parallel.TensorParallelBlock(block, ranks)
    generator = torch.Generator().manual_seed(5)
    start = torch.randn(3, 7, 32, generator=generator)
    pull = torch.randn(3, 7, 32, generator=generator)
    found = {}
    for name, module in (("whole", block), ("divided", mine)):
        x = start.clone().requires_grad_()
        y = module(x, rotation)
        y.backward(pull)
        found[name] = dict(y=y.detach(), x=x.grad)
        found[name]["weights"] = {n: p.grad for n, p in module.named_parameters()}
    whole = found["whole"]["weights"]
    for name in whole:
        whole[name] = tensor_parallel.my_part(name, whole[name], ranks, 4)
    return found


def ways(ranks, folder):
    """Train in every way; the checkpoints lie in `folder`, and what else was found is returned."""
    found = {}
    for way, optimizer in WAYS:
        path = folder / f"{way}_{optimizer}.safetensors"
        divided, optimizers, losses = trained(ranks, way, optimizer, path)
        one = found[way, optimizer] = dict(
            losses=losses, held=held(divided, optimizers, *story_data().batch(0))
        )
        one["missing_at_launch"] = getattr(divided, "missing_at_launch", None)
        one["values_held"] = getattr(divided, "values_held", None)
        one["units"] = [sum(s.numel() for s in u.shapes) for u in getattr(divided, "units", [])]
    return found


def interrupted(ranks, folder):
    """Train with ZeRO 3, break off after step 3, and go on from the checkpoint with ZeRO 1."""
    path = folder / "interrupted.safetensors"
    try:
        trained(ranks, "zero3", "adamw", path, on_step=interrupt)
    except Interrupted:
        trained(ranks, "zero1", "adamw", path)


def main(folder):
    torch.set_num_threads(1)
    with joined() as ranks:
        found = dict(rings=rings(ranks), pipelines=pipelines(ranks))
        torch.save(found, folder / f"three_{ranks.rank}.pt")
    if ranks.rank == 2:
        return
    os.environ["WORLD_SIZE"] = "2"
    with joined() as ranks:
        found = dict(
            rings=rings(ranks),
            ways=ways(ranks, folder),
            block=tensor_parallel_block(ranks),
            timing=time_all_reduce(ranks, 1002, "ring", seconds=0),
        )
        interrupted(ranks, folder)
        torch.save(found, folder / f"two_{ranks.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
