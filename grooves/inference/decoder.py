"""The transformer arranged for generation: one word at a time, on a CPU.

Key idea: one new word is so little arithmetic that a small model spends its time on calling
functions, not on computing. So whatever does not depend on the new word is done once, before
generation begins, and the rest is written with as few calls as possible, in NumPy, whose calls cost
less than PyTorch's. `grooves.models.transformer` is the readable version; a test holds the two
equal.
Chapters: 04, 09, 11.

What is folded into the weights beforehand:

- `norm` subtracts a mean and divides by a length. The mean needs no subtracting where everything
  that is added to the residual stream has mean 0 already, so the weights that write into it are
  centred, and so are those that make queries and keys.
- `norm` divides by sqrt(mean(x²) + eps), which is sqrt(sum(x²) + n eps) / sqrt(n); the sqrt(n)
  goes into the weights that read, and the 1 / sqrt(D) of attention into the rotation.
- Where a position is not added to the embedding, norm and token shift are done for the vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.inference.kv_cache import KVCache

EPS = 1e-5  # of `torch.nn.functional.layer_norm`


class Decoder:
    """A frozen copy of a model that has read `prompt` and goes on one word at a time.

    prompt: (B, T). `logits` are the scores of the word after the prompt, (B, V).
    """

    @torch.no_grad()
    def __init__(self, model, prompt: Tensor):
        cache = KVCache(model, prompt.size(0))
        self.logits = model(prompt, cache)[:, -1]
        self.position = prompt.size(1)
        self.keys = [layer.keys.numpy() for layer in cache.layers]  # (B, H, context, D)
        self.values = [layer.values.numpy() for layer in cache.layers]
        self._fold(model)
        _, self.left = self._embed(prompt[:, -1].numpy(), self.position - 1)

    @staticmethod
    def fits(model) -> bool:
        """Whether this class can run a model: float32 weights on a CPU, with the usual layers.

        A model whose last layer is no longer tied to its embeddings, or that has layers of another
        type, such as LoRA's, is refused (merge it), and so is one whose weights are quantised.
        """
        weight = model.embedding.weight
        types = {type(m).__module__ for m in model.modules()}
        own = all(
            m == "grooves.models.transformer" or m.startswith("torch.nn.modules") for m in types
        )
        plain = own and model.head.weight is weight and isinstance(weight, torch.nn.Parameter)
        return plain and weight.device.type == "cpu" and weight.dtype == torch.float32

    def _fold(self, model) -> None:
        """Arrange the weights: everything that does not depend on the words to come."""
        config = model.config
        C, H, D = config.n_embd, config.n_head, config.n_embd // config.n_head
        weights = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
        self.n_head, self.bounded = H, config.qk_norm
        self.mix = weights["mix"] if config.mix else np.float32(0)
        embedding, self.place = weights["embedding.weight"], weights.get("position.weight")
        self.head = turned(embedding, C)
        self.embedding = embedding if self.place is not None else norm(embedding)
        self.leaves = centred(self.mix * self.embedding, 1)  # what each word leaves to the next
        rotation = model.rotation.numpy() if config.positions == "rotary" else np.ones((1, D // 2))
        queries, keys = (1, D**0.5) if config.qk_norm else (D**-0.5, 1)
        scale = np.repeat((queries, keys), H)[:, None]  # (2H, 1)
        turn = rotation[:, None] * scale  # (context, 2H, D / 2)
        self.turn = np.broadcast_to(turn, (config.context, *turn.shape[1:])).astype(np.complex64)
        self.layers = []
        for i, block in enumerate(model.blocks):
            part = lambda name, i=i: weights[f"blocks.{i}.{name}.weight"]  # noqa: E731
            q, k, v = part("attention.qkv").reshape(3, H, D, C)
            if config.qk_norm:
                q, k = centred(q, 1), centred(k, 1)
            qkv = turned(np.concatenate((q, k, v)).reshape(3 * C, C), C)
            out = turned(centred(part("attention.out"), 0))
            mlp = None
            if block.mlp is not None:
                mlp = turned(part("mlp.up"), C), turned(centred(part("mlp.down"), 0))
            self.layers.append((qkv, out, mlp))

    def _embed(self, words: np.ndarray, position: int) -> tuple[np.ndarray, np.ndarray]:
        """What each word brings to the residual stream and what it leaves to the next: (B, C)."""
        if self.place is None:
            return self.embedding[words], self.leaves[words]
        x = norm(self.embedding[words] + self.place[position])
        return x, centred(self.mix * x, 1)

    def read(self, words: Tensor) -> Tensor:
        """Read one more word of each text, (B,) or (B, 1): scores of the word after it, (B, V)."""
        x, leaves = self._embed(words.numpy().reshape(-1), self.position)  # (B, C)
        x += self.left
        self.left = leaves
        for (qkv, out, mlp), keys, values in zip(self.layers, self.keys, self.values, strict=True):
            x += self._look_around(unit(x).dot(qkv), keys, values).dot(out)
            if mlp is not None:
                up, down = mlp
                wide = unit(x).dot(up)  # (B, 4C)
                np.maximum(wide, 0, out=wide)
                wide *= wide
                x += wide.dot(down)
        self.position += 1
        return torch.from_numpy(unit(x).dot(self.head))

    def select(self, rows: Tensor) -> None:
        """Keep the given texts, (B',) indices, in this order; one may be taken several times."""
        order = rows.numpy()
        self.keys = [keys[order] for keys in self.keys]
        self.values = [values[order] for values in self.values]
        self.left = self.left[order]

    def _look_around(self, qkv: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Attention of one new word over all before it and itself: (B, 3C) -> (B, C)."""
        B, H, t = len(qkv), self.n_head, self.position
        heads = qkv.reshape(B, 3 * H, -1)  # queries, keys, values of every head: (B, 3H, D)
        qk = heads[:, : 2 * H]
        turn = self.turn[t]
        if self.bounded:
            turn = turn / length(qk)
        qk = (qk.view(np.complex64) * turn).view(np.float32)
        keys[:, :, t], values[:, :, t] = qk[:, H:], heads[:, 2 * H :]
        weights = keys[:, :, : t + 1] @ qk[:, :H, :, None]  # (B, H, t + 1, 1)
        if not self.bounded:  # normed queries and keys score sqrt(D) at most: no overflow
            weights -= weights.max(2, keepdims=True)
        np.exp(weights, out=weights)
        y = weights.swapaxes(2, 3) @ values[:, :, : t + 1]  # (B, H, 1, D)
        y /= weights.sum(2, keepdims=True)
        return y.reshape(B, -1)


def length(x: np.ndarray) -> np.ndarray:
    """sqrt(n) times the divisor of `norm` for centred x (..., n): (..., 1)."""
    squares = np.vecdot(x, x)[..., None]
    squares += x.shape[-1] * EPS
    return np.sqrt(squares, out=squares)


def unit(x: np.ndarray) -> np.ndarray:
    """`norm` of centred x, up to sqrt(n): nearly of length 1. Shape unchanged."""
    return x / length(x)


def norm(x: np.ndarray) -> np.ndarray:
    """`grooves.models.transformer.norm` in NumPy. Shape unchanged."""
    return unit(centred(x, -1)) * x.shape[-1] ** 0.5


def centred(x: np.ndarray, axis: int) -> np.ndarray:
    """x less its mean along an axis. Shape unchanged."""
    return x - x.mean(axis, keepdims=True)


def turned(weight: np.ndarray, n: int = 1) -> np.ndarray:
    """A weight (rows, columns) as x.dot wants it, times sqrt(n): (columns, rows)."""
    return np.ascontiguousarray(weight.T * np.float32(n**0.5))
