"""ZeRO 3: no rank keeps the whole model, not even its weights.

Key idea: a block's weights are needed only while the block computes. Before its forward pass the
ranks gather them, after it they drop them, and in the backward pass they gather them once more;
then a reduce-scatter leaves each rank its shard of the gradient. Memory falls with the number of
ranks, and the price is half as much traffic again: two all-gathers and one reduce-scatter, where
data parallelism sends one of each. Chapter 13.
Source: Rajbhandari et al. 2019, arXiv:1910.02054; Zhao et al. 2023, "PyTorch FSDP",
arXiv:2304.11277.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from grooves.training.distributed.ranks import Ranks
from grooves.training.distributed.shards import reduced
from grooves.training.distributed.zero import Sharded, Unit


class Gather(torch.autograd.Function):
    """Shard in, whole vector out; its gradient goes the opposite way, summed over the ranks."""

    @staticmethod
    def forward(ctx, shard: Tensor, unit: GatheredUnit) -> Tensor:
        ctx.of = unit
        return unit.gathered(shard)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        ctx.of.release()  # autograd has finished with this unit's weights
        return reduced(gradient, ctx.of.unit.ranks.n), None


class GatheredUnit:
    """One unit whose weights exist only between `gather` and `release`.

    owner: the module whose forward pass uses them. values_held: how many gathered numbers all
    units of this model hold now, and the most that they ever held, as a list [now, most].
    """

    def __init__(self, unit: Unit, owner: nn.Module, values_held: list[int]):
        self.unit, self.values_held = unit, values_held
        self.whole: Tensor | None = None
        self.shard = nn.Parameter(unit.mine(unit.flatten(unit.weights)).clone())
        place_of = {id(weight): i for i, weight in enumerate(unit.weights)}
        self.places = [  # (module, attribute, which weight); a tied weight has two places
            (module, name, place_of[id(weight)])
            for module in owner.modules()
            for name, weight in module._parameters.items()
            if id(weight) in place_of
        ]
        for module, name, _ in self.places:
            del module._parameters[name]
        unit.weights = []
        compute = owner.forward

        def forward(*args, **more):
            self.gather()
            with saved_tensors_hooks(self.pack, self.unpack):
                result = compute(*args, **more)
            for module, name, _ in self.places:
                delattr(module, name)
            self.release()
            return result

        owner.forward = forward

    def gather(self) -> None:
        """Put the whole weights where the modules look for them."""
        self.hold(Gather.apply(self.shard, self))
        views = self.unit.split(self.whole)
        for module, name, i in self.places:
            setattr(module, name, views[i])

    def gathered(self, shard: Tensor) -> Tensor:
        """The whole vector, from all ranks."""
        return self.unit.gathered(shard)

    def hold(self, whole: Tensor) -> None:
        """Keep a gathered vector, and count it."""
        self.whole = whole
        now = self.values_held[0] + whole.numel()
        self.values_held[:] = now, max(now, self.values_held[1])

    def release(self) -> None:
        """Drop the gathered vector, if there is one."""
        if self.whole is not None:
            self.values_held[0] -= self.whole.numel()
            self.whole = None

    # Autograd stores the weights that the backward pass will need, and would keep the whole vector
    # alive. So it stores only where in the vector they lie, and they are gathered again.

    def pack(self, tensor: Tensor):
        """What autograd stores in place of a tensor of the forward pass."""
        if tensor.untyped_storage().data_ptr() != self.whole.untyped_storage().data_ptr():
            return tensor
        return tensor.size(), tensor.stride(), tensor.storage_offset()

    def unpack(self, stored):
        """The tensor that `pack` stored something for."""
        if isinstance(stored, Tensor):
            return stored
        if self.whole is None:
            self.hold(self.gathered(self.shard))
        return self.whole.detach().as_strided(*stored)


class Zero3(Sharded):
    """Optimizer state, gradients and weights sharded.

    values_held: [gathered numbers held now, the most that were held at once].
    """

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        self.values_held = [0, 0]
        self.trained = nn.ParameterList()
        blocks = dict(model.named_modules())
        for unit in self.units:
            in_block = unit.names[0].startswith("blocks.")
            owner = blocks[".".join(unit.names[0].split(".")[:2])] if in_block else model
            self.trained.append(GatheredUnit(unit, owner, self.values_held).shard)

    def reduce(self) -> None:
        """It has happened during the backward pass."""
