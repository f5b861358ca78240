"""QLoRA: LoRA beside matrices that are frozen in 4 bits.

Key idea: a frozen matrix needs no gradient and no optimizer state, so nothing stands in the way of
storing it coarsely. It is dequantised for each product, in the forward pass and again in the
backward pass, because keeping the dequantised matrix would cost the memory that was saved.
Chapter 06.
Source: Dettmers et al. 2023, arXiv:2305.14314. Departures: integers of 4 bits in the place of
their NF4, scales of 16 bits that are not quantised a second time, no paging.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.fine_tuning.lora import LoRALinear, low_rank
from grooves.precision.quantize import QuantizedWeight, Scheme

SCHEME = Scheme("int4", 64)  # as many weights share a scale as in the source


class _Product(torch.autograd.Function):
    """x W^T with a quantised W, which is dequantised once more in the backward pass."""

    @staticmethod
    def forward(ctx, x, stored):
        ctx.stored = stored
        return F.linear(x, stored())

    @staticmethod
    def backward(ctx, grad):
        return grad @ ctx.stored(), None


class QLoRALinear(nn.Module):
    """A quantised, frozen matrix with a learned low-rank change beside it.

    layer: the LoRA layer whose matrix is stored by `scheme`; its A and B are kept, not copied.
    Raises: ValueError where a row is not made of whole groups of the scheme.
    """

    def __init__(self, layer: LoRALinear, scheme: Scheme = SCHEME):
        super().__init__()
        self.stored = QuantizedWeight(layer.weight, scheme)
        self.A, self.B, self.scale = layer.A, layer.B, layer.scale

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, fan_in) -> (B, T, fan_out)."""
        return _Product.apply(x, self.stored) + self.scale * low_rank(x, self.A, self.B)


def quantize_base(model: nn.Module, scheme: Scheme = SCHEME) -> nn.Module:
    """Store every matrix beside which LoRA stands by a scheme; changed in place, returned.

    The embedding stays at 32 bits, as in the source.
    Raises: ValueError where the model has no LoRA.
    """
    layers = {n: m for n, m in model.named_modules() if isinstance(m, LoRALinear)}
    if not layers:
        raise ValueError("this model has no LoRA: add_lora comes first")
    for name, layer in layers.items():
        model.set_submodule(name, QLoRALinear(layer, scheme))
    return model
