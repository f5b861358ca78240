"""Pipeline parallelism: each rank holds some of the layers, and micro-batches flow through them.

Key idea: only the boundary between two stages is sent, so it needs the least communication of all
ways. But stage 2 has nothing to do until stage 1 has finished something. With p stages and a batch
in m micro-batches, (p - 1) / (m + p - 1) of all time slots stay empty: the bubble. Chapter 13.
Source: Huang et al. 2018, "GPipe", arXiv:1811.06965; Narayanan et al. 2021, arXiv:2104.04473 (one
forward, one backward: the same bubble with fewer activations in memory).
"""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.models.transformer import Transformer, norm
from grooves.training.distributed.gradient_sync import scale_down
from grooves.training.distributed.ranks import Ranks

Task = tuple[str, int]  # ("forward" or "backward", the micro-batch)


def gpipe(stage: int, n_stages: int, n_micro: int) -> list[Task]:
    """What a stage does, in order: all forward passes, then all backward passes."""
    return [(kind, k) for kind in ("forward", "backward") for k in range(n_micro)]


def one_forward_one_backward(stage: int, n_stages: int, n_micro: int) -> list[Task]:
    """What a stage does, in order: a backward pass as soon as there is one to do.

    A stage then stores the activations of at most p - stage micro-batches instead of all m.
    """
    ahead = min(n_micro, n_stages - stage)
    order = [("forward", k) for k in range(ahead)]
    for k in range(n_micro):
        order.append(("backward", k))
        if ahead + k < n_micro:
            order.append(("forward", ahead + k))
    return order


SCHEDULES = {"gpipe": gpipe, "1f1b": one_forward_one_backward}


def timetable(kind: str, n_stages: int, n_micro: int) -> dict[tuple[int, str, int], int]:
    """The slot, from 1 on, of every (stage, task, micro-batch), if each task takes one slot.

    kind: "gpipe" or "1f1b". A forward pass follows that of the stage before, a backward pass that
    of the stage after it.
    Raises: ValueError where a number is not positive, or for another kind.
    """
    if kind not in SCHEDULES or n_stages < 1 or n_micro < 1:
        raise ValueError(
            f"{kind=} must be gpipe or 1f1b, and {n_stages=} and {n_micro=} at least 1"
        )
    todo = [SCHEDULES[kind](stage, n_stages, n_micro) for stage in range(n_stages)]
    slots: dict[tuple[int, str, int], int] = {}
    free = [1] * n_stages  # each stage's next empty slot
    while any(todo):
        for stage, order in enumerate(todo):
            task, k = order[0] if order else ("", 0)
            neighbour = stage + (-1 if task == "forward" else 1)
            if order and (not 0 <= neighbour < n_stages or (neighbour, task, k) in slots):
                slots[stage, task, k] = max(free[stage], slots.get((neighbour, task, k), 0) + 1)
                free[stage] = slots[stage, task, k] + 1
                order.pop(0)
    return slots


def bubble(slots: dict, n_stages: int) -> float:
    """The fraction of slots in which a stage has nothing to do."""
    return 1 - len(slots) / (max(slots.values()) * n_stages)


class Stage:
    """One rank's layers of a transformer.

    The first stage has the embedding too, the last one the head. These two are one tied matrix: it
    exists on both, and both must add each other's gradient, or they would drift apart.
    model: whole, and the same on all ranks; the blocks of other stages are dropped from it.
    slots: after `backward`, {task: slot} as executed. Every message carries the slot in which it
    was sent, and what depends on it gets a later one, whatever the clock on the wall says.
    """

    def __init__(self, model: Transformer, ranks: Ranks):
        if len(model.blocks) < ranks.n:
            raise ValueError(f"{len(model.blocks)} blocks cannot be divided into {ranks.n} stages")
        self.model, self.ranks = model, ranks
        self.is_first, self.is_last = ranks.rank == 0, ranks.rank == ranks.n - 1
        self.first_block = ranks.rows(len(model.blocks)).start
        model.blocks = nn.ModuleList(list(model.blocks)[ranks.rows(len(model.blocks))])
        for name in ("mix", "position"):
            if not self.is_first and hasattr(model, name):
                setattr(model, name, None)
        if not self.is_first and not self.is_last:
            model.embedding = model.head = None
        self.ends = dist.new_group([0, ranks.n - 1]) if ranks.n > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Words (B, T) on the first stage, the residual stream (B, T, C) on others -> (B, T, C)."""
        if self.is_first:
            return self.model.hidden(x)  # the embedding, and the blocks that are left
        rotary = self.model.config.positions == "rotary"
        rotation = self.model.rotation[: x.size(1)] if rotary else None
        for block in self.model.blocks:
            x = block(x, rotation)
        return x

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of the next words, from the last residual stream."""
        logits = self.model.head(norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def backward(self, inputs: Tensor, targets: Tensor, n_micro: int, kind: str = "gpipe") -> float:
        """Gradients of a batch of whole rows (B, T) in `n_micro` micro-batches.

        Returns: the loss in nats per word on the last stage, 0 on the others.
        """
        self.now, self.slots, self.sending = 0, {}, []
        total, words = 0.0, int((targets >= 0).sum())
        kept: dict[int, tuple[Tensor, Tensor]] = {}  # activations of micro-batches in flight
        C = self.model.config.n_embd
        for task, k in SCHEDULES[kind](self.ranks.rank, self.ranks.n, n_micro):
            rows = Ranks(k, n_micro, self.ranks.place).rows(len(inputs))
            shape = (*inputs[rows].shape, C)
            if task == "forward":
                x = inputs[rows] if self.is_first else self.receive(shape, -1).requires_grad_()
                self.count(task, k)
                y = self.forward(x)
                if self.is_last:
                    y = self.loss(y, targets[rows]) * (int((targets[rows] >= 0).sum()) / words)
                    total += y.item()
                else:
                    self.send(y, +1)
                kept[k] = x, y
            else:
                x, y = kept.pop(k)
                gradient = None if self.is_last else self.receive(shape, +1)
                self.count(task, k)
                y.backward(gradient)
                if not self.is_first:
                    self.send(x.grad, -1)
        for handle, _ in self.sending:
            handle.wait()
        if self.ends is not None and (self.is_first or self.is_last):
            dist.all_reduce(self.model.embedding.weight.grad, group=self.ends)
        return total

    def count(self, task: str, k: int) -> None:
        """Give a task its slot: the one after everything that it waited for."""
        self.now += 1
        self.slots[task, k] = self.now

    def send(self, tensor: Tensor, direction: int) -> None:
        """Send to the next (+1) or previous (-1) stage without waiting; the slot goes along."""
        message = torch.cat([tensor.detach().flatten(), tensor.new_tensor([float(self.now)])])
        self.sending.append((dist.isend(message, self.ranks.rank + direction), message))

    def receive(self, shape: tuple, direction: int) -> Tensor:
        """A tensor from the previous (-1) or next (+1) stage."""
        message = torch.empty(torch.Size(shape).numel() + 1, device=self.ranks.place)
        dist.recv(message, self.ranks.rank + direction)
        self.now = max(self.now, int(message[-1]))
        return message[:-1].view(shape).clone()

    def clip(self, limit: float = 1.0) -> float:
        """Scale the gradient of all stages down to the length `limit`; returns its length.

        The tied matrix is on two stages and is counted once.
        """
        weights = list(self.model.parameters())
        tied = self.model.embedding.weight if self.is_last and not self.is_first else None
        squares = [w.grad.double().square().sum() for w in weights if w is not tied]
        squared = torch.stack(squares).sum()
        dist.all_reduce(squared)
        return scale_down([weight.grad for weight in weights], squared, limit)
