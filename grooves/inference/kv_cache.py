"""The key-value cache: the keys and values of the tokens that a transformer has processed.

Key idea: the keys and values of earlier words never change, so generation computes them once and
stores them. The cache grows with the context and with the batch. Chapters: 04, 09, 12.
"""

from __future__ import annotations

import torch
from torch import Tensor


class LayerCache:
    """Keys and values of one layer, (B, H, T, D) each, in memory taken once."""

    def __init__(self, batch_size: int, n_head: int, context: int, head_dim: int, device, dtype):
        shape = (batch_size, n_head, context, head_dim)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.length = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the keys and values of new words, (B, H, t, D); return those of all words so far.

        Raises: ValueError for several words at once after the prompt: without a mask of their own
        the first would see the second.
        """
        if self.length and keys.size(2) > 1:
            raise ValueError(f"one word at a time after the prompt, not {keys.size(2)}")
        stop = self.length + keys.size(2)
        self.keys[:, :, self.length : stop] = keys
        self.values[:, :, self.length : stop] = values
        self.length = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]


class KVCache:
    """What a model stores of a text between two words: a `LayerCache` per layer, and the last word.

    Words are added in one call at the start (the prompt) and one at a time after it.
    """

    def __init__(self, model, batch_size: int = 1):
        config = model.config
        weight = model.embedding.weight
        head_dim = config.n_embd // config.n_head
        self.layers = [
            LayerCache(
                batch_size, config.n_head, config.context, head_dim, weight.device, weight.dtype
            )
            for _ in range(config.n_layer)
        ]
        self.last: Tensor | None = (
            None  # the embedding that the next word's token shift adds, (B, 1, C)
        )
        self._length = 0

    def __len__(self) -> int:
        """Number of words that the cache holds."""
        return self._length

    def swap_last(self, last: Tensor) -> Tensor | None:
        """Keep the embedding of the newest word; give back that of the one before."""
        before, self.last = self.last, last
        return before

    def select(self, rows: Tensor) -> None:
        """Keep the given texts, (B',) indices, in this order; one may be taken several times."""
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
        if self.last is not None:
            self.last = self.last[rows]

    def advance(self, n_words: int) -> None:
        """Count `n_words` as read."""
        self._length += n_words

    @property
    def nbytes(self) -> int:
        """Bytes taken by the keys and values of all layers."""
        return sum(t.numel() * t.element_size() for c in self.layers for t in (c.keys, c.values))
