"""Training with several processes: the loop that all ways of dividing a batch share.

Key idea: the loop is that of one process. The batch of a step depends on the seed and the step
alone, so every rank can make it without being told, and takes its own rows. Chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from torch import nn

from grooves.training.distributed import saved_state
from grooves.training.distributed.gradient_sync import DDP, Buckets, Flat, Naive, Replicas
from grooves.training.distributed.ranks import Ranks, summed
from grooves.training.distributed.sharded_weights import Zero3
from grooves.training.distributed.zero import Zero1, Zero2
from grooves.training.loop import Divergence
from grooves.training.optimizers import build_optimizers, schedule

WAYS: dict[str, type[Replicas]] = {
    "naive": Naive,
    "flat": Flat,
    "buckets": Buckets,
    "ddp": DDP,
    "zero1": Zero1,
    "zero2": Zero2,
    "zero3": Zero3,
}
NAMES = (*WAYS, "fsdp")


def way_named(name: str) -> type[Replicas]:
    """The class of a way. Raises: ValueError for an unknown name."""
    if name not in NAMES:
        raise ValueError(f"way={name!r} is not one of {', '.join(NAMES)}")
    if name == "fsdp":
        from grooves.training.distributed.fsdp import FSDP2  # half a second of imports

        return FSDP2
    return WAYS[name]


def build(way: str, model: nn.Module, ranks: Ranks, optimizer: str = "muon", **rates):
    """A model wrapped in one of the ways of NAMES, and its optimizers.

    rates: `lr` and `matrix_lr` of `build_optimizers`.
    Raises: ValueError for an unknown way, or an optimizer that it cannot divide.
    """
    kind = way_named(way)
    if optimizer not in kind.optimizers:
        raise ValueError(
            f"{way=} cuts matrices into pieces, and {optimizer=} needs whole ones: choose "
            f"{' or '.join(kind.optimizers)}"
        )
    divided = kind(model, ranks)
    return divided, build_optimizers(divided.trained, optimizer, **rates)


def train(
    way: Replicas,
    optimizers: list,
    data,
    steps: int,
    save_to: Path | str | None = None,
    save_every: int = 100,
    settings: dict | None = None,
    on_step: Callable[[int, list[float]], None] | None = None,
    micro_batches: int = 1,
) -> list[float]:
    """Train up to step `steps`, from the last checkpoint if there is one.

    way, optimizers: what `build` returned. data: anything with `batch(step)`, the same on all
    ranks. save_to: a checkpoint, written by rank 0 every `save_every` steps and at the end.
    settings: of the run; a checkpoint with other settings is refused.
    on_step: called after each step with the number of steps done and this rank's parts of the
    losses so far. micro_batches: with one process, the number of parts that a batch is divided
    into, as that many ranks would divide it.
    Returns: the loss of every step in nats per word, of the whole batch, the same on all ranks.
    Raises: CheckpointError as `saved_state.read`; Divergence where the loss is not a number.
    """
    losses = saved_state.restore(way, optimizers, save_to, settings or {}) if save_to else []
    peak_rates = [o.param_groups[0]["lr"] for o in optimizers]
    parts: list[float] = []  # this rank's, since the losses were last added up
    way.model.train()
    for step in range(len(losses), steps):
        for optimizer, rate in zip(optimizers, peak_rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * schedule(step / steps)
        inputs, targets = data.batch(step)
        parts.append(backward(way, inputs, targets, micro_batches))
        way.clip()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        way.finish_step()
        done = step + 1
        if done == steps or (save_to is not None and done % save_every == 0):
            losses, parts = losses + summed(parts, way.ranks), []
            refuse_divergence(losses)
            if save_to is not None:
                saved_state.save(way, optimizers, save_to, losses, settings or {})
        if on_step is not None:
            on_step(done, losses + parts)
    for optimizer, rate in zip(optimizers, peak_rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
    way.model.eval()
    return losses


def backward(way: Replicas, inputs, targets, micro_batches: int = 1) -> float:
    """Gradients of one batch; with several micro-batches, one process takes them in turn.

    Raises: ValueError for micro-batches on several ranks, which take one each, or with a way that
    sends a gradient before the last of them.
    """
    if micro_batches == 1:
        return way.backward(inputs, targets)
    if way.ranks.n > 1:
        raise ValueError(f"{micro_batches=} is for one process, not for {way.ranks.n}")
    if not way.accumulates:
        raise ValueError(f"{micro_batches=} is not for buckets: choose another way")
    words, loss = int((targets >= 0).sum()), 0.0
    for i in range(micro_batches):
        rows = Ranks(i, micro_batches, way.ranks.place).rows(len(inputs))
        fraction = int((targets[rows] >= 0).sum()) / words
        place = way.ranks.place
        loss += way.forward_backward(inputs[rows].to(place), targets[rows].to(place), fraction)
    way.reduce()
    return loss


def refuse_divergence(losses: list[float]) -> None:
    """Raise `Divergence` at the first loss that is not a number, before it is saved."""
    for step, loss in enumerate(losses, start=1):
        if not math.isfinite(loss):
            raise Divergence(
                f"The loss is not a number at step {step}: the learning rates are the likely "
                "cause, try a third of them; the last checkpoint is untouched."
            )
