"""PyTorch's own ZeRO 3: FSDP2, the function `fully_shard`.

Key idea: one call per block turns its weights into DTensors, tensors that know that they are cut
along their first dimension and which rank holds which piece. Gathering, dropping and reducing are
then done by hooks, prefetched and overlapped, as in `sharded_weights`. Chapter 13.
Source: the PyTorch documentation, "torch.distributed.fsdp.fully_shard".
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import distribute_tensor

from grooves.training.distributed.gradient_sync import Named, Replicas
from grooves.training.distributed.ranks import Ranks


class FSDP2(Replicas):
    """The whole model in DTensors; each rank's optimizer steps the pieces that it holds."""

    sharded = True
    optimizers = ("adamw",)

    def __init__(self, model: nn.Module, ranks: Ranks):
        super().__init__(model, ranks)
        mesh = init_device_mesh(ranks.place.type, (ranks.n,))
        for block in model.blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(model, mesh=mesh)

    def forward_backward(self, inputs: Tensor, targets: Tensor, fraction: float) -> float:
        loss = self.model.loss(inputs, targets) * (fraction * self.ranks.n)  # it averages
        loss.backward()
        return loss.item() / self.ranks.n

    def reduce(self) -> None:
        """It has happened during the backward pass."""

    def gather(self, tensors: Named) -> Named:
        return {n: t.full_tensor() if hasattr(t, "full_tensor") else t for n, t in tensors.items()}

    def scatter(self, tensors: Named) -> Named:
        weights = dict(self.model.named_parameters())
        return {
            name: distribute_tensor(t, weights[name].device_mesh, weights[name].placements)
            for name, t in tensors.items()
        }
