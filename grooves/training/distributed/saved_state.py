"""Going on after a worker was killed: checkpoints of a training that several processes share.

Key idea: a process may be killed at any moment, so a checkpoint is written to the side and renamed,
which happens completely or not at all; until then, the previous one is there. `torchrun` starts all
processes again, all take the last checkpoint, and since a batch depends on the step alone, the end
is the same as if nothing had happened. What is stored is whole and by name, however it was cut, so
another number of processes can go on with it, in another way. Chapter 13.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from grooves.training import checkpoint
from grooves.training.checkpoint import CheckpointError
from grooves.training.distributed.gradient_sync import Named, Replicas

KINDS = ("weight", "momentum", "exp_avg", "exp_avg_sq")  # the last three are Muon's and AdamW's


def save(way: Replicas, optimizers: list, path: Path | str, losses: list[float], settings) -> None:
    """Write weights, moments and losses to one file. All ranks call it; rank 0 writes.

    settings: plain data that describes the run, compared by `restore`.
    """
    tensors: Named = {}
    for kind, stored in moments(way, optimizers).items():
        tensors |= {f"{kind}.{name}": tensor for name, tensor in way.gather(stored).items()}
    if way.ranks.is_first:
        tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
        checkpoint.write(path, tensors, settings)
    dist.barrier()  # no rank is ahead of the file by more than the step that it is in


def restore(way: Replicas, optimizers: list, path: Path | str, settings: dict) -> list[float]:
    """Take weights and moments from a file that `save` wrote; returns the losses so far.

    Rank 0 reads and sends to the others, which need no access to the file. Without a file, nothing
    is changed and there are no losses.
    Raises: CheckpointError, on all ranks, where it is damaged, of other settings or another model.
    """
    tensors, found = sent_to_all(*read(path, way.ranks.is_first), way)
    if found is None:
        return []
    if isinstance(found, str):
        raise CheckpointError(found)
    for name in sorted(found.keys() | settings.keys()):
        if found.get(name) != settings.get(name):
            raise CheckpointError(
                f"{path} was made with {name}={found.get(name)}, not {settings.get(name)}: use "
                "the same, or another folder for checkpoints"
            )
    losses = tensors.pop("losses").tolist()
    for kind in KINDS:
        stored = {n[len(kind) + 1 :]: t for n, t in tensors.items() if n.startswith(f"{kind}.")}
        put(way, optimizers, kind, stored, len(losses), path)
    return losses


def read(path: Path | str, is_first: bool) -> tuple[Named, dict | str | None]:
    """What rank 0 finds: tensors and settings, or a sentence of what is wrong, or None.

    What a process left unfinished that was killed while it wrote is removed.
    """
    path = Path(path)
    for unfinished in path.parent.glob(f".{path.name}.*.part") if is_first else ():
        unfinished.unlink()
    if not is_first or not path.exists():
        return {}, None
    try:
        return checkpoint.read(path)
    except CheckpointError as error:
        return {}, str(error)


def sent_to_all(tensors: Named, found, way: Replicas) -> tuple[Named, dict | str | None]:
    """Send what rank 0 read to all ranks."""
    layout = [(found, {name: (t.shape, t.dtype) for name, t in tensors.items()})]
    dist.broadcast_object_list(layout, src=0, device=way.ranks.place)
    found, shapes = layout[0]
    sent = {}
    for name, (shape, dtype) in shapes.items():
        empty = torch.empty(shape, dtype=dtype, device=way.ranks.place)
        sent[name] = tensors[name].to(empty) if way.ranks.is_first else empty
        dist.broadcast(sent[name], src=0)
    return sent, found


def moments(way: Replicas, optimizers: list) -> dict[str, Named]:
    """{kind: {name of a parameter of `way.trained`: tensor}}, the weights among them.

    AdamW's count of steps is left out, because it is the number of losses.
    """
    stored: dict[str, Named] = {"weight": {}}
    for name, weight in way.trained.named_parameters():
        stored["weight"][name] = weight.detach()
        for optimizer in optimizers:
            for kind, tensor in optimizer.state.get(weight, {}).items():
                if kind != "step":
                    stored.setdefault(kind, {})[name] = tensor
    return stored


def put(way: Replicas, optimizers: list, kind: str, whole: Named, steps: int, path) -> None:
    """Copy whole tensors of one kind into the weights or the optimizers' states."""
    if kind == "weight":
        own = dict(way.trained.named_parameters())
        check(whole, way, path)
        with torch.no_grad():
            for name, tensor in way.scatter(whole).items():
                own[name].copy_(tensor)
        way.finish_step()
        return
    if not whole:
        return
    names = {id(weight): name for name, weight in way.trained.named_parameters()}
    mine = way.scatter(whole)
    for optimizer in optimizers:
        for weight in optimizer.param_groups[0]["params"]:
            if (name := names[id(weight)]) in mine:
                state = optimizer.state[weight]
                state[kind] = mine[name].clone()
                if kind == "exp_avg":
                    state["step"] = torch.tensor(float(steps), device=way.ranks.place)


def check(whole: Named, way: Replicas, path) -> None:
    """Raises: CheckpointError where a file's weights are not those of this model."""
    shapes: dict[str, torch.Size | Tensor] = way.shapes
    for name in sorted(shapes.keys() | whole.keys()):
        found, needed = getattr(whole.get(name), "shape", None), shapes.get(name)
        if found != needed:
            raise CheckpointError(
                f"weight {name!r} has shape {found and tuple(found)} in {path}, the model needs "
                f"{needed and tuple(needed)}: it is from another model"
            )
