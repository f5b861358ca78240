"""Optimizers: from a gradient to a step.

Key idea: AdamW divides each weight's step by the typical size of its gradients. Muon takes a whole
matrix and makes the step equally strong in every direction, so that rare directions are learned as
fast as common ones.
Chapters: 02, 04, 05.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BASE_WIDTH = 64  # at which "scaled adamw" is AdamW


def orthogonalize(matrices: Tensor, n_iterations: int = 5) -> Tensor:
    """Bring all singular values of each matrix near 1 and keep the singular vectors.

    matrices: (N, R, C) with R <= C. A Newton-Schulz iteration: a polynomial of degree 5 in the
    matrix, whose products are much faster than a singular value decomposition.
    Source: Jordan et al. 2024, "Muon", kellerjordan.github.io/posts/muon, coefficients there.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(n_iterations):
        gram = x @ x.mT  # (N, R, R)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Momentum whose step is orthogonalized, for the matrices inside the blocks.

    Matrices of equal shape are orthogonalized in one batched product. A fused query-key-value
    matrix is treated as the three matrices that it consists of.
    The source recommends momentum 0.95 and five iterations. For runs as short as ours a smaller
    momentum is better, and three iterations are enough (`benchmarks/quality.py`).
    Raises: ValueError for a parameter that is not a matrix.
    Source: as `orthogonalize`; the scale sqrt(rows / columns) keeps the change of every output
    alike (Bernstein 2025, jeremybernste.in/writing/deriving-muon).
    """

    def __init__(self, parameters, lr: float = 0.02, momentum: float = 0.85, n_iterations: int = 3):
        parameters = list(parameters)
        for p in parameters:
            if p.ndim != 2:
                raise ValueError(f"Muon takes matrices, not a tensor of shape {tuple(p.shape)}")
        super().__init__(parameters, dict(lr=lr, momentum=momentum, n_iterations=n_iterations))

    @torch.no_grad()
    def step(self, closure=None):
        """One step along the orthogonalized momentum."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            by_shape: dict[tuple, list] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(buffer, group["momentum"])  # Nesterov: look one step ahead
                parts = 3 if p.size(0) == 3 * p.size(1) else 1
                for weight, u in zip(p.chunk(parts), update.chunk(parts), strict=True):
                    wide = u if u.size(0) <= u.size(1) else u.mT
                    by_shape.setdefault(wide.shape, []).append((weight, wide))
            for pairs in by_shape.values():
                wides = torch.stack([wide for _, wide in pairs])
                steps = orthogonalize(wides, group["n_iterations"])
                for (weight, _), update in zip(pairs, steps, strict=True):
                    rows, columns = weight.shape
                    update = update if rows <= columns else update.mT
                    weight.add_(update, alpha=-group["lr"] * math.sqrt(max(1, rows / columns)))
        return loss


def build_optimizers(
    model: nn.Module,
    kind: str = "muon",
    matrix_lr: float = 0.025,
    lr: float = 0.02,
) -> list[torch.optim.Optimizer]:
    """The optimizers of a model: [Muon for the blocks' matrices, AdamW for the rest], or AdamW.

    Frozen weights are left out. A model without blocks (an LSTM), or one whose blocks are frozen
    except for LoRA (`grooves.fine_tuning.lora`, three-dimensional), gets AdamW alone.
    kind: "muon", "adamw", or "scaled adamw", which makes the steps of the blocks' matrices
    BASE_WIDTH / width times as long. lr: AdamW's step; matrix_lr: Muon's.
    Source of AdamW: Loshchilov & Hutter 2019, arXiv:1711.05101; of the scaling: Yang et al. 2022,
    arXiv:2203.03466, table 3.
    Raises: ValueError for another kind, or where every weight is frozen.
    """
    if kind not in ("muon", "adamw", "scaled adamw"):
        raise ValueError(f"{kind=} must be 'muon', 'adamw' or 'scaled adamw'")
    learns = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not learns:
        raise ValueError("every weight of this model is frozen: there is nothing to train")
    matrices = [p for n, p in learns.items() if n.startswith("blocks.") and p.ndim == 2]
    chosen = set() if kind == "adamw" else {id(p) for p in matrices}
    rest = [p for p in learns.values() if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = []
    if chosen and kind == "muon":
        optimizers.append(Muon(matrices, lr=matrix_lr))
    elif chosen:
        optimizers.append(_adamw(matrices, lr * BASE_WIDTH / matrices[0].size(1)))
    return [*optimizers, _adamw(rest, lr)] if rest else optimizers


def _adamw(parameters, lr: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def schedule(fraction: float, warmup: float = 0.03, decay: float = 0.6) -> float:
    """Factor on every learning rate, given the fraction of the training that is done (0 to 1).

    Linear warm-up, a constant phase, and a decay to 0 as 1 - sqrt(fraction of the decay that is
    done): fast at first, then slowly.
    Source: Hägele et al. 2024, arXiv:2405.18392, eq. 1.
    """
    if fraction < warmup:
        return min(1.0, (fraction + 1e-3) / warmup)
    into_decay = min(1.0, max(0.0, (fraction - (1.0 - decay)) / decay))
    return 1.0 - math.sqrt(into_decay)
