"""ZeRO 1 and 2: each rank keeps the optimizer's state of its own part of the weights only.

Key idea: in plain data parallelism all ranks take the same step and store the same moments. An
optimizer that treats each weight alone can be divided: rank r steps the r-th shard of the weights,
then all ranks gather the new weights. Stage 1 divides the optimizer's state. Stage 2 divides the
gradients too: a reduce-scatter gives each rank only its shard of the sum. Since an all-reduce is a
reduce-scatter and an all-gather, stage 2 sends no more than plain data parallelism does. (Our stage
1 keeps the whole gradient, so that it differs in one thing only, and sends half as much again.)
Chapter 13. Source: Rajbhandari et al. 2019, "ZeRO", arXiv:1910.02054.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from grooves.training.distributed.gradient_sync import Named, Replicas, scale_down
from grooves.training.distributed.ranks import Ranks
from grooves.training.distributed.shards import gathered, padded, reduced


class Unit:
    """Weights that are reduced and gathered together: those of one block, or of the rest.

    They are laid end to end in one vector, padded with zeros to N equal shards.
    """

    def __init__(self, named: dict[str, nn.Parameter], ranks: Ranks):
        self.ranks = ranks
        self.names = list(named)
        self.weights = list(named.values())
        self.shapes = [weight.shape for weight in self.weights]

    def flatten(self, tensors: list[Tensor]) -> Tensor:
        """Tensors of the weights' shapes -> one padded vector."""
        return padded(torch.cat([t.detach().flatten() for t in tensors]), self.ranks.n)

    def split(self, flat: Tensor) -> list[Tensor]:
        """The opposite of `flatten`: views of the weights' shapes."""
        sizes = [shape.numel() for shape in self.shapes]
        pieces = flat[: sum(sizes)].split(sizes)
        return [piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def mine(self, flat: Tensor) -> Tensor:
        """This rank's shard of a padded vector, as a view."""
        return flat.chunk(self.ranks.n)[self.ranks.rank]

    def gathered(self, shard: Tensor) -> Tensor:
        """The padded vector whose shards the ranks hold."""
        return gathered(shard, self.ranks.n)


def units_of(model: nn.Module, ranks: Ranks) -> list[Unit]:
    """A unit per block of the transformer, and one of all other weights; a tied weight once."""
    groups: dict[str, dict[str, nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        block = ".".join(name.split(".")[:2]) if name.startswith("blocks.") else ""
        groups.setdefault(block, {})[name] = weight
    return [Unit(named, ranks) for named in groups.values()]


class Sharded(Replicas):
    """What all stages share: the optimizer steps one shard per unit.

    AdamW treats every weight alone. Muon orthogonalizes whole matrices and cannot step a piece.
    """

    sharded = True
    optimizers = ("adamw",)

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        self.units = units_of(model, ranks)

    def gather(self, tensors: Named) -> Named:
        whole: Named = {}
        for unit, shard in zip(self.units, tensors.values(), strict=True):
            whole |= zip(unit.names, unit.split(unit.gathered(shard)), strict=True)
        return whole

    def scatter(self, tensors: Named) -> Named:
        flats = [unit.flatten([tensors[name] for name in unit.names]) for unit in self.units]
        shards = [unit.mine(flat) for unit, flat in zip(self.units, flats, strict=True)]
        names = [name for name, _ in self.trained.named_parameters()]
        return dict(zip(names, shards, strict=True))


class Zero1(Sharded):
    """Optimizer state sharded; weights and gradients whole on every rank."""

    sharded = False  # every rank has the whole gradient, and clips by its length

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        self.flats, shards = [], nn.ParameterList()
        for unit in self.units:
            flat = unit.flatten(unit.weights)
            for weight, view in zip(unit.weights, unit.split(flat), strict=True):
                weight.data = view  # the weights now lie side by side in `flat`
            shards.append(nn.Parameter(unit.mine(flat)))  # shares memory with them
            self.flats.append(flat)
        self.trained = shards

    def reduce(self) -> None:
        self.gradients = []
        for unit, shard in zip(self.units, self.trained, strict=True):
            flat = unit.flatten([weight.grad for weight in unit.weights])
            dist.all_reduce(flat)
            for weight in unit.weights:
                weight.grad = None
            shard.grad = unit.mine(flat)
            self.gradients.append(flat)

    def clip(self, limit: float = 1.0) -> float:
        squared = sum(flat.double().square().sum() for flat in self.gradients)
        return scale_down(self.gradients, squared, limit)

    def finish_step(self) -> None:
        """Gather what the other ranks have stepped."""
        for unit, shard, flat in zip(self.units, self.trained, self.flats, strict=True):
            flat.copy_(unit.gathered(shard))
        self.gradients = []


class Zero2(Zero1):
    """Optimizer state and gradients sharded; the weights whole on every rank.

    As soon as a unit's gradients are complete, they are reduced and freed, so that only one unit's
    whole gradient exists at a time.
    """

    sharded = True
    clip = Replicas.clip

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        self.missing = [len(unit.weights) for unit in self.units]
        for i, unit in enumerate(self.units):
            for weight in unit.weights:
                weight.register_post_accumulate_grad_hook(lambda _, i=i: self._arrived(i))

    def _arrived(self, i: int) -> None:
        self.missing[i] -= 1
        if self.missing[i]:
            return
        unit, shard = self.units[i], self.trained[i]
        flat = unit.flatten([weight.grad for weight in unit.weights])
        for weight in unit.weights:
            weight.grad = None
        mine = reduced(flat, self.ranks.n)
        shard.grad = mine if shard.grad is None else shard.grad + mine
        self.missing[i] = len(unit.weights)

    def reduce(self) -> None:
        """It has happened during the backward pass."""
        self.gradients = []
