"""The transformer: a language model in which every token can attend to every token before it.

Key idea: the query of a token is compared with the keys of all tokens up to it; the result is the
average of their values, weighted by the softmax of those dot products.
Chapter 04. Shapes: B texts, T tokens, C channels, H heads, D = C / H, V tokens in the vocabulary.
Source: Vaswani et al. 2017, arXiv:1706.03762, with the changes named at each class.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """Size and ingredients of a model. The switches exist so that each can be taken out.

    Raises: ValueError where a size is not positive or the sizes do not fit each other.
    """

    vocabulary_size: int
    context: int = 192  # longest text, in tokens
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 64
    mlp_from: int = 1  # blocks before this one are attention alone; they have no MLP
    positions: str = "rotary"  # "rotary", "learned" or "none"
    qk_norm: bool = True
    mix: bool = True  # token shift: part of the vector of the token before is added

    def __post_init__(self):
        for name in ("vocabulary_size", "context", "n_layer", "n_head", "n_embd"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if not 0 <= self.mlp_from < self.n_layer:
            raise ValueError(f"mlp_from={self.mlp_from} must name one of the {self.n_layer} blocks")
        if self.n_embd % (2 * self.n_head):
            raise ValueError(
                f"n_embd={self.n_embd} must be a multiple of 2 * n_head={2 * self.n_head}: "
                "every head gets an even share of the channels"
            )
        if self.positions not in ("rotary", "learned", "none"):
            raise ValueError(f"positions={self.positions!r} must be rotary, learned or none")

    def to_dict(self) -> dict:
        """The fields as plain data."""
        return asdict(self)


def norm(x: Tensor) -> Tensor:
    """Shift and scale each token's channels to mean 0 and variance 1. Shape unchanged.

    Source: Ba et al. 2016, arXiv:1607.06450, without its learned gain and bias.
    """
    return F.layer_norm(x, (x.size(-1),))


class _SquaredReLU(torch.autograd.Function):
    """relu(x) ** 2 that keeps one tensor for the backward pass, not two."""

    @staticmethod
    def forward(ctx, x):
        r = x.relu()
        ctx.save_for_backward(r)
        return r * r

    @staticmethod
    def backward(ctx, grad):
        (r,) = ctx.saved_tensors
        return (r * grad).mul_(2)


def squared_relu(x: Tensor) -> Tensor:
    """max(x, 0) ** 2. Shape unchanged.

    Source: So et al. 2021 (Primer), arXiv:2109.08668.
    """
    return _SquaredReLU.apply(x)


def rotation_angles(n_positions: int, head_dim: int, base: float = 1000.0) -> Tensor:
    """The rotation of every position and pair of channels, as unit complex numbers (T, D/2).

    Pair i turns by t * base**(-2i/D) at position t. Fast pairs tell neighbouring distances apart
    but repeat after a few tokens; slow pairs do not repeat within the context.
    Source: Su et al. 2021 (RoPE), arXiv:2104.09864, eq. 15.
    """
    speed = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angle = torch.arange(n_positions, dtype=torch.float32)[:, None] * speed  # (T, D/2)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Turn each pair of channels by its position's angle. x: (B, H, T, D), unchanged in shape.

    A pair (a, b) is read as the complex number a + ib. Multiplying it by a complex number of length
    1 turns it in the plane, so one product turns all pairs of all tokens.
    """
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))  # (B, H, T, D/2)
    return torch.view_as_real(pairs * rotation).flatten(-2).type_as(x)


def previous(x: Tensor, before: Tensor | None = None) -> Tensor:
    """The vector of the token before: x moved one place to the right. x: (B, T, C).

    before: (B, 1, C), what comes before the first token; zeros where None.
    """
    if before is None:
        return F.pad(x, (0, 0, 1, -1))
    return torch.cat((before, x[:, :-1]), dim=1)


class Attention(nn.Module):
    """Causal self-attention with several heads.

    Queries and keys are normalised (QK-norm, Henry et al. 2020, arXiv:2010.04245), so that no score
    exceeds sqrt(D) whatever the weights are, and rotated by their positions.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.n_head, self.qk_norm = config.n_head, config.qk_norm
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)
        self.out = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def split_heads(self, x: Tensor, rotation: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every head, each (B, H, T, D), from x (B, T, C)."""
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)
        if self.qk_norm:
            q, k = norm(q), norm(k)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        return q, k, v

    def forward(self, x: Tensor, rotation: Tensor | None, cache=None) -> Tensor:
        """x: (B, T, C) -> (B, T, C). cache: one layer of a `grooves.inference.kv_cache.KVCache`."""
        q, k, v = self.split_heads(x, rotation)
        if cache is not None:
            k, v = cache.append(k, v)
        causal = q.size(2) > 1  # a single new token may attend to all that came before it
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))  # heads side by side again: (B, T, C)


class MLP(nn.Module):
    """Feed-forward network of each token: widen, apply the nonlinearity, narrow. (B, T, C)."""

    def __init__(self, config: Config):
        super().__init__()
        self.up = nn.Linear(config.n_embd, 4 * config.n_embd, bias=False)
        self.down = nn.Linear(4 * config.n_embd, config.n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(squared_relu(self.up(x)))


class Block(nn.Module):
    """Attention, then the feed-forward network; each adds to the residual stream. (B, T, C).

    A departure from the usual: the blocks before `mlp_from` have no feed-forward network. In a
    model of two layers that learns the long recalls sooner (measured in notebook 04).
    """

    def __init__(self, config: Config, index: int = 0):
        super().__init__()
        self.attention = Attention(config)
        self.mlp = MLP(config) if index >= config.mlp_from else None

    def forward(self, x: Tensor, rotation: Tensor | None, cache=None) -> Tensor:
        x = x + self.attention(norm(x), rotation, cache)
        return x if self.mlp is None else x + self.mlp(norm(x))


class Transformer(nn.Module):
    """The whole model: tokens in, logits of the next token out."""

    def __init__(self, config: Config, seed: int = 0):
        super().__init__()
        self.config = config
        C = config.n_embd
        with torch.random.fork_rng(devices=[]):  # weights drawn here are drawn again by reset()
            self.embedding = nn.Embedding(config.vocabulary_size, C)
            if config.positions == "learned":
                self.position = nn.Embedding(config.context, C)
            self.blocks = nn.ModuleList(Block(config, i) for i in range(config.n_layer))
            self.head = nn.Linear(C, config.vocabulary_size, bias=False)
        self.head.weight = self.embedding.weight  # Press & Wolf 2017, arXiv:1608.05859
        if config.positions == "rotary":
            angles = rotation_angles(config.context, C // config.n_head)
            self.register_buffer("rotation", angles, persistent=False)
        if config.mix:
            self.mix = nn.Parameter(torch.empty(C))
        self.reset(seed)

    def _apply(self, fn, recurse=True):
        """Move or cast the weights; the angles move along, but remain 32-bit complex numbers."""

        def but_angles(t: Tensor) -> Tensor:
            return t.to(fn(t.new_empty(0).real).device) if t.is_complex() else fn(t)

        return super()._apply(but_angles, recurse)

    @torch.no_grad()
    def reset(self, seed: int) -> None:
        """Draw all weights; the same seed gives the same weights."""
        generator = torch.Generator().manual_seed(seed)
        for name, p in self.named_parameters():
            if name == "mix":
                p.fill_(0.5)
            elif name.endswith(("out.weight", "down.weight")):
                p.zero_()  # every block begins by adding nothing
            elif name.startswith("blocks."):
                p.normal_(std=self.config.n_embd**-0.5, generator=generator)  # keeps the scale
            else:
                p.normal_(std=0.1, generator=generator)

    def forward(self, ids: Tensor, cache=None) -> Tensor:
        """Logits of the next token at every position: ids (B, T) -> (B, T, V).

        cache: a `grooves.inference.kv_cache.KVCache` that holds the tokens before `ids`.
        Raises: ValueError where the text is longer than the context.
        """
        return self.head(norm(self.hidden(ids, cache)))

    def hidden(self, ids: Tensor, cache=None) -> Tensor:
        """The residual stream after the last block: ids (B, T) -> (B, T, C)."""
        start = len(cache) if cache is not None else 0
        stop = start + ids.size(1)
        if stop > self.config.context:
            raise ValueError(f"{stop} words do not fit into a context of {self.config.context}")
        x = self.embedding(ids)  # (B, T, C)
        if self.config.positions == "learned":
            x = x + self.position.weight[start:stop]
        x = norm(x)
        rotation = self.rotation[start:stop] if self.config.positions == "rotary" else None
        if self.config.mix:
            before = cache.swap_last(x[:, -1:]) if cache is not None else None
            x = x + self.mix * previous(x, before)
        for i, block in enumerate(self.blocks):
            x = block(x, rotation, cache.layers[i] if cache is not None else None)
        if cache is not None:
            cache.advance(ids.size(1))
        return x

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of the next tokens in nats. ids, targets: (B, T); -100 is ignored."""
        logits = self(ids)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    @torch.no_grad()
    def attention_weights(self, ids: Tensor) -> Tensor:
        """Attention weights of every head: ids (B, T) -> (L, B, H, T, T).

        Row t sums to 1 over the columns up to t. PyTorch's own attention keeps no weights, so they
        are computed here once more.
        """
        seen = []

        def watch(module, inputs):
            q, k, _ = module.split_heads(*inputs[:2])
            scores = q @ k.mT / math.sqrt(q.size(-1))  # (B, H, T, T)
            future = torch.ones_like(scores, dtype=torch.bool).triu(1)
            seen.append(scores.masked_fill(future, -math.inf).softmax(-1))

        hooks = [block.attention.register_forward_pre_hook(watch) for block in self.blocks]
        try:
            self(ids)
        finally:
            for hook in hooks:
                hook.remove()
        return torch.stack(seen)


def count_parameters(model: nn.Module) -> int:
    """Number of learned weights; a tied weight counts once."""
    return sum(p.numel() for p in model.parameters())
