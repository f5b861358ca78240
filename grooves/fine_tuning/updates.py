"""One gradient step, as all methods of chapter 10 take it.

Key idea: learning from feedback is short (a hundred steps, not thousands), so there is a warm-up
and no schedule after it, and every gradient is clipped. Chapter 10.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grooves.training.optimizers import build_optimizers


class Updater:
    """The optimizers of a model, with clipping and a linear warm-up.

    optimizer: "adamw" or "muon" (Muon for the blocks' matrices and AdamW for the rest, both at the
    same rate). lr: after the warm-up. warmup: steps over which the rate rises.
    Raises: ValueError unless the rate is positive, or as `build_optimizers`.
    """

    def __init__(self, model: nn.Module, optimizer: str = "adamw", lr: float = 3e-4, warmup=5):
        if not lr > 0:
            raise ValueError(f"{lr=} must be positive")
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.optimizers = build_optimizers(model, optimizer, matrix_lr=lr, lr=lr)
        self.lr, self.warmup, self.steps = lr, warmup, 0

    def step(self, loss: Tensor, factor: float = 1.0) -> None:
        """Backward pass of a scalar loss, then one step. factor: on the rate, for a schedule."""
        for opt in self.optimizers:
            opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.steps += 1
        rate = self.lr * min(1.0, self.steps / self.warmup) * factor
        for opt in self.optimizers:
            opt.param_groups[0]["lr"] = rate
            opt.step()


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device
