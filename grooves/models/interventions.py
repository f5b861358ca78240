"""Interventions: change one thing inside a running model, and see what its output does.

Key idea: an attention weight is an observation; whether the model depends on it takes an
experiment. Two are made here. A head's output is replaced by its mean, which removes what it says
about this text and keeps what it always says; or a head is kept from attending to chosen tokens.
Chapter 04. Sources: Meng et al. 2022, arXiv:2202.05262 (interventions on a running model); Wang et
al. 2023, arXiv:2211.00593 (mean ablation).
"""

from __future__ import annotations

import math
from contextlib import contextmanager

import torch
from torch import Tensor


@torch.no_grad()
def mean_of_head(model, layer: int, head: int, ids: Tensor, read: Tensor) -> Tensor:
    """Mean output of one head over all tokens of some texts: (D,).

    ids: (B, T). read: (B, T), True where a token counts and is not padding.
    """
    outputs = []

    def keep(module, inputs):
        outputs.append(_of_head(inputs[0], model, head)[read.to(inputs[0].device)].mean(0))

    hook = model.blocks[layer].attention.out.register_forward_pre_hook(keep)
    try:
        model(ids)
    finally:
        hook.remove()
    return outputs[0]


@contextmanager
def head_replaced(model, layer: int, head: int, value: Tensor | float = 0.0):
    """In this context, one head gives the same output for every token.

    value: what it gives, (D,) from `mean_of_head` for a mean ablation; 0 for a zero ablation.
    """

    def replace(module, inputs):
        changed = inputs[0].clone()  # (B, T, C), the heads side by side
        _of_head(changed, model, head)[:] = value
        return (changed,)

    hook = model.blocks[layer].attention.out.register_forward_pre_hook(replace)
    try:
        yield model
    finally:
        hook.remove()


@contextmanager
def attention_blocked(model, layer: int, head: int, blocked: Tensor):
    """In this context, one head cannot attend from some tokens to some others.

    blocked: (B, T, T), True where row t must not attend to column s. The remaining weights of a row
    sum to 1 again. Raises: ValueError where a token could attend to nothing.
    """
    B, T, _ = blocked.shape
    future = torch.ones(T, T, dtype=torch.bool, device=blocked.device).triu(1)
    if (blocked | future).all(-1).any():
        raise ValueError("a token needs at least one other, or itself, to attend to")
    attention = model.blocks[layer].attention

    def recompute(module, inputs, output):
        q, k, v = module.split_heads(*inputs[:2])  # (B, H, T, D) each
        scores = q @ k.mT / math.sqrt(q.size(-1))  # (B, H, T, T)
        scores = scores.masked_fill(future, -math.inf)
        scores[:, head] = scores[:, head].masked_fill(blocked, -math.inf)
        y = scores.softmax(-1) @ v
        return module.out(y.transpose(1, 2).flatten(2))

    hook = attention.register_forward_hook(recompute)
    try:
        yield model
    finally:
        hook.remove()


def _of_head(side_by_side: Tensor, model, head: int) -> Tensor:
    """The channels of one head, (B, T, D), as a view of those of all, (B, T, C)."""
    D = model.config.n_embd // model.config.n_head
    return side_by_side[..., head * D : (head + 1) * D]
