"""The network that draws: a transformer over patches of a picture, which reads a sentence.

Key idea: the sentence is encoded by the course's own transformer. A second transformer works on a
noisy picture as on a text whose words are patches, and every patch attends to the patches and to
the words. What holds for the whole picture, the time and the summary of the sentence, scales and
shifts the activations in every block. Chapter 07.
Shapes: B pictures (B, 3, H, W), P patches, T tokens, C channels, E channels of the text encoder.
Source: Peebles & Xie 2023, arXiv:2212.09748 (DiT, adaptive normalisation); Radford et al. 2021,
arXiv:2103.00020, section 2.4 (the end mark of a causal text encoder as the summary).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.images.picture_language import LONGEST
from grooves.images.sentences import vocabulary
from grooves.models import transformer
from grooves.models.transformer import Transformer, norm

MEAN = -0.87  # of the numbers in a picture: most of it is black, -1
POSITION = 0.7  # standard deviation of the position embeddings of the patches
FASTEST = 200.0  # of the sines that encode the time, in radians over the whole path
N_WAVES = 32


@dataclass(frozen=True)
class Config:
    """Sizes of a drawer; the default has 1.1 million weights.

    size: of the pictures, in pixels. patch: side of a patch; the default divides a picture into
    four. n_layer, n_head, n_embd: of the transformer over patches, those with `text_` of the text
    encoder. Raises: ValueError where the sizes do not fit each other.
    """

    size: int = 16
    patch: int = 8
    n_layer: int = 3
    n_head: int = 4
    n_embd: int = 128
    text_layer: int = 2
    text_head: int = 4
    text_embd: int = 64

    def __post_init__(self):
        for name, value in asdict(self).items():
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if self.size % self.patch:
            raise ValueError(f"size={self.size} must be a multiple of patch={self.patch}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd={self.n_embd} must be a multiple of n_head={self.n_head}")

    @property
    def n_patches(self) -> int:
        return (self.size // self.patch) ** 2

    @property
    def text(self) -> transformer.Config:
        """The text encoder's: one place more than the longest sentence, for the end mark."""
        return transformer.Config(
            vocabulary_size=len(vocabulary()),
            context=LONGEST + 1,
            n_layer=self.text_layer,
            n_head=self.text_head,
            n_embd=self.text_embd,
            mlp_from=0,
            positions="learned",
        )

    def to_dict(self) -> dict:
        """The fields as plain data."""
        return asdict(self)


class Attention(nn.Module):
    """Every patch attends to all patches and to all words."""

    def __init__(self, config: Config):
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.text_kv = nn.Linear(config.text_embd, 2 * config.n_embd)
        self.out = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        """x: (B, P, C), words: (B, T, E) -> (B, P, C)."""
        q, k, v = self.qkv(x).chunk(3, dim=2)
        k_text, v_text = self.text_kv(words).chunk(2, dim=2)
        k, v = torch.cat((k_text, k), dim=1), torch.cat((v_text, v), dim=1)  # (B, T + P, C)
        q, k, v = (each.unflatten(2, (self.n_head, -1)).transpose(1, 2) for each in (q, k, v))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then the feed-forward network, each with adaptive normalisation.

    The condition (B, C) gives a shift, a scale and a gate for each of the two. All begin at zero,
    so the block begins by adding nothing (adaLN-Zero).
    """

    def __init__(self, config: Config):
        super().__init__()
        C = config.n_embd
        self.attention = Attention(config)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C))
        self.modulation = _zero(nn.Linear(C, 6 * C))

    def forward(self, x: Tensor, words: Tensor, condition: Tensor) -> Tensor:
        """x: (B, P, C), words: (B, T, E), condition: (B, C) -> (B, P, C)."""
        shift, scale, gate, *of_mlp = self.modulation(condition)[:, None].chunk(6, dim=2)
        x = x + gate * self.attention(_modulated(x, shift, scale), words)
        shift, scale, gate = of_mlp
        return x + gate * self.mlp(_modulated(x, shift, scale))


class Drawer(nn.Module):
    """Predicts the picture from its mixture with noise, the time, and the sentence.

    seed: of the initial weights. Before training it predicts the mean grey everywhere.
    """

    def __init__(self, config: Config | None = None, seed: int = 0):
        super().__init__()
        self.config = config = config or Config()
        C, numbers = config.n_embd, 3 * config.patch**2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.text = Transformer(config.text, seed)
            self.patches = nn.Linear(numbers, C)
            self.position = nn.Parameter(POSITION * torch.randn(config.n_patches, C))
            self.time = nn.Sequential(nn.Linear(2 * N_WAVES, C), nn.SiLU(), nn.Linear(C, C))
            self.summary = nn.Linear(config.text_embd, C)
            self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
            self.modulation = _zero(nn.Linear(C, 2 * C))
            self.out = _zero(nn.Linear(C, numbers))

    def encode(self, tokens: Tensor) -> Tensor:
        """Vectors of the words and of the end mark: tokens (B, T) -> (B, T + 1, E).

        The encoder is causal, so only the end mark has seen the whole sentence: it is the summary.
        """
        return norm(self.text.hidden(F.pad(tokens, (0, 1))))

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        """Predicted pictures (B, 3, H, W) from x of that shape, t (B,) and tokens (B, T).

        Raises: ValueError for pictures of another size.
        """
        size = self.config.size
        if x.shape[1:] != (3, size, size):
            raise ValueError(
                f"pictures of shape {tuple(x.shape)} are not (B, 3, {size}, {size}): this model "
                f"draws pictures of size {size}"
            )
        words = self.encode(tokens)
        condition = F.silu(self.time(waves(t)) + self.summary(words[:, -1]))
        # The mean of the mixtures at time t is t * MEAN: without it, the numbers are around zero.
        centred = x - MEAN * t[:, None, None, None]
        h = self.patches(to_patches(centred, self.config.patch)) + self.position  # (B, P, C)
        for block in self.blocks:
            h = block(h, words, condition)
        h = _modulated(h, *self.modulation(condition)[:, None].chunk(2, dim=2))
        return MEAN + from_patches(self.out(h), self.config.patch)


def waves(t: Tensor) -> Tensor:
    """Sines and cosines of times (B,), from slow to fast: (B, 2 * N_WAVES)."""
    speed = torch.linspace(0, math.log(FASTEST), N_WAVES, device=t.device).exp()
    angle = t[:, None] * speed
    return torch.cat((angle.sin(), angle.cos()), dim=1)


def to_patches(pictures: Tensor, side: int) -> Tensor:
    """Cut pictures (B, 3, H, W) into patches, row by row: (B, P, 3 * side * side)."""
    return F.unfold(pictures, side, stride=side).mT


def from_patches(patches: Tensor, side: int) -> Tensor:
    """Put square pictures together again: the inverse of `to_patches`."""
    size = side * math.isqrt(patches.size(1))
    return F.fold(patches.mT, size, side, stride=side)


def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return norm(x) * (1 + scale) + shift


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
