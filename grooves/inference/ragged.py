"""One forward pass for texts of different lengths, with keys and values in numbered slots.

Key idea: the keys and values of one token need H * D numbers each, and it does not matter where
they are stored, as long as it is known which slot belongs to which position of which text. So the
forward pass takes a table of slots, (B, S), and everything else follows from it: a contiguous cache
(`ContiguousCache`) and a paged one (`grooves.inference.paging`) differ in that table only.
Several tokens of a text can be read at once after the prompt, which speculative decoding and
chunked prefill need; `grooves.inference.kv_cache` is the simpler version without that.
Chapter 09. Source: Yu et al. 2022 (Orca), OSDI 22, section 3.2 (batches whose texts differ).
"""

from __future__ import annotations

from itertools import takewhile

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.models.transformer import norm, previous


class Slots:
    """Memory for the keys and values of `n_slots` tokens in every layer, taken once.

    keys, values: (L, n_slots, H, D).
    Raises: ValueError unless n_slots is positive.
    """

    def __init__(self, model, n_slots: int):
        if n_slots < 1:
            raise ValueError(f"{n_slots=} must be at least 1")
        config, weight = model.config, model.embedding.weight
        shape = (config.n_layer, n_slots, config.n_head, config.n_embd // config.n_head)
        self.keys = torch.zeros(shape, device=weight.device, dtype=weight.dtype)
        self.values = torch.zeros_like(self.keys)

    def write(self, layer: int, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store the keys and values (N, H, D) of N tokens in the given slots (N,)."""
        self.keys[layer, slots], self.values[layer, slots] = keys, values

    def read(self, layer: int, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Gather keys and values for attention: slots (B, S) -> (B, H, S, D) each."""
        keys, values = self.keys[layer, slots], self.values[layer, slots]  # (B, S, H, D)
        return keys.transpose(1, 2), values.transpose(1, 2)


@torch.inference_mode()
def forward_ragged(
    model, memory: Slots, slots: Tensor, tokens: list[list[int]], starts: list[int], before=None
) -> Tensor:
    """Read the next tokens of B texts: logits (B, t, V), of which row b is valid up to its own t.

    slots: (B, S), the slot of every position of each text, the new tokens' positions included; what
    lies beyond a text's end is not used. tokens: the new tokens of each text, at least one; t is
    the most that any text has. starts: how many tokens of each text are stored already. before:
    the token before the new ones, for the token shift; ignored where a text starts.
    Raises: ValueError where a text has no new token or does not fit into the context.
    """
    counts = check_lengths(model, tokens, starts)
    place = slots.device
    ids = torch.tensor([[*row, *[0] * (max(counts) - len(row))] for row in tokens], device=place)
    start = torch.tensor(starts, device=place)[:, None]  # (B, 1)
    steps = torch.arange(ids.size(1), device=place)
    valid = steps < torch.tensor(counts, device=place)[:, None]  # (B, t)
    at = (start + steps).clamp_max(slots.size(1) - 1)  # (B, t), position of each new token
    new = slots.gather(1, at)[valid]  # (N,)
    mask = (torch.arange(slots.size(1), device=place) <= at[..., None])[:, None]  # (B, 1, t, S)
    x = _embed(model, ids, at)  # (B, t, C)
    if model.config.mix:
        x = x + model.mix * previous(x, _embed_last(model, before or [0] * len(tokens), start))
    rotation = model.rotation[at][:, None] if model.config.positions == "rotary" else None
    for layer, block in enumerate(model.blocks):
        q, k, v = block.attention.split_heads(norm(x), rotation)  # (B, H, t, D)
        memory.write(layer, new, k.transpose(1, 2)[valid], v.transpose(1, 2)[valid])
        y = F.scaled_dot_product_attention(q, *memory.read(layer, slots), attn_mask=mask)
        x = x + block.attention.out(y.transpose(1, 2).flatten(2))
        x = x if block.mlp is None else x + block.mlp(norm(x))
    return model.head(norm(x))


def _embed(model, ids: Tensor, at: Tensor) -> Tensor:
    """The normalised embedding of tokens at given positions: ids, at (B, t) -> (B, t, C)."""
    x = model.embedding(ids)
    return norm(x + model.position(at) if model.config.positions == "learned" else x)


def _embed_last(model, before: list[int], start: Tensor) -> Tensor:
    """The embedding of the token before each text's new ones, 0 where it starts: (B, 1, C)."""
    ids = torch.tensor(before, device=start.device)[:, None]
    return _embed(model, ids, (start - 1).clamp_min(0)) * (start > 0)[..., None]


def check_lengths(model, tokens: list[list[int]], starts: list[int]) -> list[int]:
    """How many new tokens each text has.

    Raises: ValueError where a text has none or does not fit into the context.
    """
    counts = [len(row) for row in tokens]
    if not counts or min(counts) == 0:
        raise ValueError(f"{counts=}: every text in the batch needs at least one new token")
    longest = max(start + count for start, count in zip(starts, counts, strict=True))
    if longest > model.config.context:
        raise ValueError(f"{longest} tokens do not fit into a context of {model.config.context}")
    return counts


class ContiguousCache:
    """A KV cache of B texts, each with a row of `context` slots and a length of its own.

    Texts may grow by several tokens at once and be cut: `next_logits` compares each text with what
    the cache holds, forgets the rest (this is the rewinding) and computes what is missing.
    """

    def __init__(self, model, n_texts: int):
        self.model, self.context = model, model.config.context
        self.memory = Slots(model, n_texts * self.context)
        self.slots = torch.arange(n_texts * self.context, device=self.memory.keys.device)
        self.slots = self.slots.view(n_texts, self.context)
        self.held: list[list[int]] = [[] for _ in range(n_texts)]  # tokens in the cache

    def next_logits(self, rows: list[int], texts: list[list[int]], n_last: int = 1) -> Tensor:
        """Logits after each of the last `n_last` tokens of the texts in `rows`: (B, n_last, V).

        texts: with the mark at the beginning; each needs at least n_last tokens.
        Raises: ValueError where a text has fewer, or does not fit into the context.
        """
        if (shortest := min(map(len, texts))) < n_last:
            raise ValueError(f"{n_last=}, but one of the texts has {shortest} tokens only")
        starts = [
            min(_n_common(self.held[row], text), len(text) - n_last)
            for row, text in zip(rows, texts, strict=True)
        ]
        new = [text[start:] for text, start in zip(texts, starts, strict=True)]
        before = [text[start - 1] for text, start in zip(texts, starts, strict=True)]
        slots = self.slots[rows, : max(map(len, texts))]
        logits = forward_ragged(self.model, self.memory, slots, new, starts, before)
        for row, text in zip(rows, texts, strict=True):
            self.held[row] = list(text)
        last = torch.tensor([len(row) for row in new], device=logits.device)[:, None]
        at = last - n_last + torch.arange(n_last, device=logits.device)  # (B, n_last)
        return logits[torch.arange(len(rows), device=logits.device)[:, None], at]


def _n_common(one: list[int], other: list[int]) -> int:
    """How many tokens two texts have in common before they first differ."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
