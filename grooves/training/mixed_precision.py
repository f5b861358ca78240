"""Training in 16 bits: the products in few bits, the weights and their sums in 32.

Key idea: a product of rounded numbers is good enough, a sum of many small steps is not: a step
below half the spacing of the weight's format is lost whenever it is rounded to the nearest number.
And a gradient too small for fp16 survives the backward pass of an enlarged loss, if the factor is
taken off again in 32 bits. Chapter 12.
Source: Micikevicius et al. 2018, arXiv:1710.03740, sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from grooves.models.transformer import Config, Transformer


class MixedTransformer(Transformer):
    """A transformer with weights in 32 bits ("master weights") and matrix products in 16.

    dtype: torch.bfloat16 or torch.float16. What needs range or precision stays at 32 bits: norms,
    the softmax of the loss, gradients of weights, and the optimizer's state.
    """

    def __init__(self, config: Config, seed: int = 0, dtype: torch.dtype = torch.bfloat16):
        super().__init__(config, seed)
        self.dtype = dtype

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """As `Transformer.loss`."""
        with torch.autocast(ids.device.type, dtype=self.dtype):
            return super().loss(ids, targets)


class LossScaler:
    """Enlarges the loss for the backward pass, and divides the gradients before the step.

    scale: a power of two, so that no bit of a mantissa changes. Where a gradient overflows, the
    step is skipped and the scale halved; after `patience` good steps in a row it is doubled.
    """

    def __init__(self, scale: float = 2.0**16, patience: int = 100):
        self.scale, self.patience, self.good = scale, patience, 0

    def backward(self, loss: Tensor) -> None:
        """The backward pass of the enlarged loss."""
        (loss * self.scale).backward()

    def step(
        self, parameters: Iterable[nn.Parameter], optimizers: Iterable[torch.optim.Optimizer]
    ) -> bool:
        """Divide the gradients by the scale and step; returns whether there was a step.

        Raises: ValueError for a gradient in 16 bits, in which the division would lose what the
        scale has saved.
        """
        gradients = [p.grad for p in parameters if p.grad is not None]
        for gradient in gradients:
            if gradient.dtype != torch.float32:
                raise ValueError(
                    f"a gradient of {gradient.dtype} cannot be unscaled without loss: "
                    "keep the weights in 32 bits, as MixedTransformer does"
                )
        fine = all(torch.isfinite(g).all() for g in gradients)
        if fine:
            for gradient in gradients:
                gradient /= self.scale
            for optimizer in optimizers:
                optimizer.step()
            self.good += 1
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        if not fine or self.good == self.patience:
            self.scale *= 2 if fine else 0.5
            self.good = 0
        return fine


def round_stochastically(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Round to bf16, up or down by chance, so that the expected result is x. Shape unchanged.

    x: float32, finite. bf16 is the first half of the bits of float32, so a random number added to
    the second half carries over as often as the number lies near the next one.
    Source: Gupta et al. 2015, arXiv:1502.02551, section 3.
    """
    bits = x.float().contiguous().view(torch.int32)
    noise = torch.randint(0, 2**16, x.shape, generator=generator, dtype=torch.int32)
    return ((bits + noise.to(bits.device)) & ~0xFFFF).view(torch.float32).bfloat16()


@torch.no_grad()
def round_weights(
    model: nn.Module, stochastic: bool = False, generator: torch.Generator | None = None
) -> None:
    """Round a model's weights to bf16 in place, though they stay tensors of 32 bits.

    Called after every step it does to the sum of the steps what weights kept in bf16 do, and to
    nothing else: products, gradients and the optimizer's state keep their precision.
    """
    for weight in model.parameters():
        weight.copy_(
            round_stochastically(weight, generator) if stochastic else weight.bfloat16().float()
        )
