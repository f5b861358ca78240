"""The paged cache arranged for generation on a CPU, as `decoder` is for the contiguous one.

Key idea: while texts are written, each reads one token per step, so a step is small and its time is
spent on calls. The weights folded by `Decoder` and NumPy do the same arithmetic with fewer and
cheaper calls; blocks are gathered whole, as runs of memory. A short prompt is computed in the same
step: each of its tokens is a row of its own, because all keys are stored before any row attends.
Long ones go through the readable forward pass, which gathers a text's blocks once and not for each
token. A test holds the two equal.
Chapter 09. Source: Kwon et al. 2023 (PagedAttention, vLLM), arXiv:2309.06180, section 4.1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.inference.decoder import Decoder, length, unit
from grooves.inference.paged_cache import PagedCache

MOST_ROWS = 32  # new tokens of a text, beyond which the readable forward pass is faster


class PagedDecoder(PagedCache):
    """A `PagedCache` whose texts that read few tokens are computed by NumPy.

    Raises: ValueError where `Decoder` cannot run the model.
    """

    def __init__(self, model, n_blocks: int, block_size: int = 16):
        if not Decoder.fits(model):
            raise ValueError("PagedDecoder needs a float32 model on the CPU: use PagedCache")
        super().__init__(model, n_blocks, block_size)
        self.folded = Decoder(model, torch.zeros((1, 1), dtype=torch.long))
        self.keys, self.values = self.memory.keys.numpy(), self.memory.values.numpy()
        self.steps = np.arange(model.config.context + block_size)

    def _forward(self, names: list, tokens: list[list[int]], starts: list[int]) -> Tensor:
        """Logits after the last new token of each text, (B, V); the tables have grown."""
        long = [len(row) > MOST_ROWS for row in tokens]
        if not any(long):
            return self._decode(names, tokens, starts)
        logits = torch.empty(len(names), self.model.config.vocabulary_size)
        for wanted, forward in ((True, super()._forward), (False, self._decode)):
            if group := [b for b, is_long in enumerate(long) if is_long == wanted]:
                parts = ([values[b] for b in group] for values in (names, tokens, starts))
                logits[group] = forward(*parts)
        return logits

    def _decode(self, names: list, tokens: list[list[int]], starts: list[int]) -> Tensor:
        """The same, each of the n new tokens being a row that attends to its text up to itself."""
        size, tables = self.tables.pool.block_size, self._padded_tables(names)
        held = [self.tables.tokens[name] for name in names]
        rows = [(b, starts[b] + i) for b, new in enumerate(tokens) for i in range(len(new))]
        new = np.array([tables[b][p // size] * size + p % size for b, p in rows])  # (n,), slots
        table, at = np.array(tables), np.array([p for _, p in rows])  # (B, blocks), (n,)
        x = self._embed([held[b][p] for b, p in rows], [held[b][p - 1] for b, p in rows], at)
        if len(rows) > len(names):
            table = table[[b for b, _ in rows]]  # (n, blocks)
        hidden = (self.steps[: table.shape[1] * size] > at[:, None])[:, None, :, None]  # (n,1,S,1)
        turn = self.folded.turn[at]  # (n, 2H, D / 2)
        for layer, (qkv, out, mlp) in enumerate(self.folded.layers):
            x += self._look_around(layer, unit(x).dot(qkv), turn, new, table, hidden).dot(out)
            if mlp is not None:
                wide = unit(x).dot(mlp[0])  # (n, 4C)
                np.maximum(wide, 0, out=wide)
                wide *= wide
                x += wide.dot(mlp[1])
        if len(rows) > len(names):
            x = x[np.cumsum([len(new) for new in tokens]) - 1]  # (B, C), the last of each text
        return torch.from_numpy(unit(x).dot(self.folded.head))

    def _embed(self, words: list[int], before: list[int], at: np.ndarray) -> np.ndarray:
        """What n words and the words before them bring to the residual stream: (n, C)."""
        folded, words, before = self.folded, np.array(words), np.array(before)
        if folded.place is None:
            x, left = folded.embedding[words], folded.leaves[before]
        else:
            x, left = folded._embed(words, at)[0], folded._embed(before, at - 1)[1]
        left[at == 0] = 0  # nothing comes before the first word
        return x + left

    def _look_around(self, layer: int, qkv, turn, new, table, hidden) -> np.ndarray:
        """Attention of each text's new token over its own blocks: (n, 3C) -> (n, C)."""
        H = self.folded.n_head
        heads = qkv.reshape(len(qkv), 3 * H, -1)  # queries, keys, values of every head: (n, 3H, D)
        qk = heads[:, : 2 * H]
        turn = turn / length(qk) if self.folded.bounded else turn
        qk = (qk.view(np.complex64) * turn).view(np.float32)
        self.keys[layer, new], self.values[layer, new] = qk[:, H:], heads[:, 2 * H :]
        keys, values = (self._blocks(memory[layer], table) for memory in (self.keys, self.values))
        scores = keys @ qk[:, :H, :, None]  # (n, H, S, 1)
        np.copyto(scores, -np.inf, where=hidden)
        if not self.folded.bounded:
            scores -= scores.max(2, keepdims=True)
        weights = np.exp(scores, out=scores)
        y = weights.swapaxes(2, 3) @ values  # (n, H, 1, D)
        y /= weights.sum(2, keepdims=True)
        return y.reshape(len(y), -1)

    def _blocks(self, memory: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Keys or values of whole blocks, (n_slots, H, D) -> (n, H, S, D)."""
        whole = memory.reshape(self.tables.pool.n_blocks, -1)  # a block is one run of memory
        gathered = whole.take(table, axis=0)  # (n, blocks, size * H * D)
        return gathered.reshape(len(table), -1, *memory.shape[1:]).swapaxes(1, 2)
