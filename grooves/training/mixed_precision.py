"""Training in 16 bits: the products in few bits, the weights and their sums in 32.

Key idea: a product of rounded numbers is good enough, a sum of many small steps is not. And what 16
bits cannot hold because it is too small can be made larger for the backward pass, and smaller again
before the step. Chapter 12.
Source: Micikevicius et al. 2018, arXiv:1710.03740, sections 3.1 to 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from grooves.models.transformer import Config, Transformer


class MixedTransformer(Transformer):
    """A transformer whose weights have 32 bits, and whose matrix products are done in 16.

    dtype: torch.bfloat16 or torch.float16. What needs range or exactness stays at 32 bits: norms,
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
    """Makes the loss larger for the backward pass, and the gradients smaller again before the step.

    scale: a power of two, so that no bit of a mantissa changes. Where a gradient overflows, the
    step is left out and the scale halved; after `patience` good steps in a row it is doubled.
    """

    def __init__(self, scale: float = 2.0**16, patience: int = 100):
        self.scale, self.patience, self.good = scale, patience, 0

    def backward(self, loss: Tensor) -> None:
        """The backward pass of the enlarged loss."""
        (loss * self.scale).backward()

    def step(
        self, parameters: Iterable[nn.Parameter], optimizers: Iterable[torch.optim.Optimizer]
    ) -> bool:
        """Make the gradients small again and step; returns whether there was a step."""
        gradients = [p.grad for p in parameters if p.grad is not None]
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
