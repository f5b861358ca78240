"""LoRA: to change a large matrix, learn two small ones and add their product.

Key idea: the change that fine-tuning makes to a matrix can be restricted to a low rank. The matrix
is frozen, and beside it x A B is learned, where A maps to `rank` numbers and B maps back. B is
initialised to zero, so the model is unchanged before the first step. After training A B is added to
the matrix, and the model has its former size and speed.
Chapter 06.
Source: Hu et al. 2021, arXiv:2106.09685, which writes W x where we write x W.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# ---- freezing ------------------------------------------------------------------------------------


def freeze(model: nn.Module) -> nn.Module:
    """Make no weight of the model trainable; returns the model, changed in place."""
    for weight in model.parameters():
        weight.requires_grad_(False)
    return model


def last_layer_only(model: nn.Module) -> nn.Module:
    """Make only the last layer trainable; returns the model, changed in place.

    In the course's model the last layer is the embedding (tied weights). Here the two are untied:
    the last layer becomes a copy, or the embedding would change with it. So the model has V * C
    weights more afterwards, and a checkpoint of it fits only a model like it.
    """
    freeze(model)
    model.head.weight = nn.Parameter(model.head.weight.detach().clone())
    return model


def trainable_parameters(model: nn.Module) -> int:
    """Number of trainable weights; a tied weight counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


# ---- LoRA ----------------------------------------------------------------------------------------


class LoRALinear(nn.Linear):
    """A frozen matrix W with a learned low-rank change beside it: x W + (alpha / rank) x A B.

    linear: the layer to adapt; its weight is kept, not copied. n_parts: matrices that are stacked
    in its weight, 3 for queries, keys and values; each gets an A and a B of its own.
    A: (n_parts, fan_in, rank), random. B: (n_parts, rank, fan_out / n_parts), zero.
    Raises: ValueError where the rank is not from 1 to the shorter side of the matrix.
    Source: Hu et al. 2021, arXiv:2106.09685, eq. 3 and the scale alpha / r below it.
    """

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, n_parts: int, generator):
        fan_out, fan_in = linear.weight.shape
        wide = fan_out // n_parts
        if not 1 <= rank <= min(fan_in, wide):
            raise ValueError(
                f"{rank=} must be from 1 to {min(fan_in, wide)}: a matrix of {fan_in} by {wide} "
                "cannot have a larger rank"
            )
        # On the device without memory nothing is drawn for a weight that is replaced at once.
        super().__init__(fan_in, fan_out, bias=False, device="meta")
        self.weight, self.scale = linear.weight, alpha / rank
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        A = torch.randn(n_parts, fan_in, rank, generator=generator) * fan_in**-0.5
        self.A = nn.Parameter(A.to(**like))
        self.B = nn.Parameter(torch.zeros(n_parts, rank, wide, **like))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, fan_in) -> (B, T, fan_out). The product A B is never computed."""
        return F.linear(x, self.weight) + self.scale * low_rank(x, self.A, self.B)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """An ordinary layer that computes the same: the change is added to a copy of W."""
        change = (self.A @ self.B).mT.flatten(0, 1)  # (fan_out, fan_in), as PyTorch keeps W
        linear = nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        linear.weight = nn.Parameter(self.weight + self.scale * change)
        return linear


def low_rank(x: Tensor, A: Tensor, B: Tensor) -> Tensor:
    """x A B with the parts of B side by side; x: (B, T, fan_in) -> (B, T, fan_out).

    A: (n_parts, fan_in, rank). B: (n_parts, rank, fan_out / n_parts).
    """
    narrow = x.unsqueeze(-3) @ A  # (B, n_parts, T, rank)
    return (narrow @ B).movedim(-3, -2).flatten(-2)


def add_lora(model: nn.Module, rank: int = 4, alpha: float = 8.0, seed: int = 0) -> nn.Module:
    """Freeze a model and put LoRA beside every matrix of its blocks; changed in place, returned.

    rank: of each change. alpha: scale of the change, which is divided by the rank so that the best
    learning rate depends little on the rank. seed: of the random A.
    A departure from the source, which adapts the matrices of attention alone: all are adapted, as
    Schulman et al. 2025 ("LoRA Without Regret") recommend.
    Raises: ValueError for a rank that does not fit, or where the model has LoRA already; the model
    is then as it was.
    """
    if any(isinstance(module, LoRALinear) for module in model.modules()):
        raise ValueError("this model has LoRA already: merge it first")
    generator = torch.Generator().manual_seed(seed)
    adapted = {
        name: LoRALinear(layer, rank, alpha, 3 if name.endswith("qkv") else 1, generator)
        for name, layer in model.blocks.named_modules()
        if isinstance(layer, nn.Linear)
    }
    freeze(model)
    for name, layer in adapted.items():
        model.blocks.set_submodule(name, layer)
    return model


def merge(model: nn.Module) -> nn.Module:
    """Add what LoRA learned to the matrices and remove LoRA; changed in place, returned.

    The model then computes the same, up to rounding, with as many weights as before LoRA was added,
    and all of them are trainable again.
    Raises: ValueError where there is nothing to merge.
    """
    layers = {n: m for n, m in model.blocks.named_modules() if isinstance(m, LoRALinear)}
    if not layers:
        raise ValueError("this model has no LoRA to merge: add_lora comes first")
    for name, layer in layers.items():
        model.blocks.set_submodule(name, layer.merged())
    for weight in model.parameters():
        weight.requires_grad_(True)
    return model
