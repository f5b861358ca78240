"""A model's forward pass over keys and values that are stored in blocks.

Key idea: token number t of a text is in slot `table[t // size] * size + t % size`. The forward pass
gathers the slots of each text; apart from this table it is the contiguous one, number for number.
(Kernels for GPUs read the blocks in place and save the copy that gathering makes.)
Chapter 09. Source: Kwon et al. 2023 (PagedAttention, vLLM), arXiv:2309.06180, section 4.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.ragged import Slots, check_lengths, forward_ragged


class PagedCache:
    """The KV cache of any number of texts in `n_blocks` blocks of `block_size` tokens.

    `tables` says what is stored where; open, fork, cut and close texts there.
    """

    def __init__(self, model, n_blocks: int, block_size: int = 16):
        self.model = model
        self.tables = BlockTables(BlockPool(n_blocks, block_size))
        self.memory = Slots(model, n_blocks * block_size)

    def read(self, new: dict[object, list[int]]) -> dict[object, Tensor]:
        """Read the next tokens of open texts in one forward pass.

        new: the tokens for each text, by its name, at least one for each.
        Returns: the logits after the last of them, (V,) for each text.
        Raises: OutOfBlocks where there is no room for all, ValueError where a text has no new token
        or does not fit into the context; nothing is changed then.
        """
        return dict(zip(new, self.next_logits(new), strict=True))

    def next_logits(self, new: dict[object, list[int]], wanted: list | None = None) -> Tensor:
        """The same as one table, (n, V), for the wanted names in their order; None wants all.

        Raises: as `read`.
        """
        names, tokens = list(new), list(new.values())
        starts = [len(self.tables.tokens[name]) for name in names]
        check_lengths(self.model, tokens, starts)
        for source, target in self.tables.append_all(new):
            self.copy(source, target)
        logits = self._forward(names, tokens, starts)
        self.tables.publish(*names)
        if wanted is None or wanted == names:
            return logits
        order = {name: row for row, name in enumerate(names)}
        return logits[[order[name] for name in wanted]]

    def _forward(self, names: list, tokens: list[list[int]], starts: list[int]) -> Tensor:
        """Logits after the last new token of each text, (B, V); the tables have grown."""
        before = self._before(names, starts)
        slots = self.slots(names)
        logits = forward_ragged(self.model, self.memory, slots, tokens, starts, before)
        return logits[range(len(names)), [len(row) - 1 for row in tokens]]

    def _before(self, names: list, starts: list[int]) -> list[int]:
        """The token before the new ones of each text; where a text starts, some other token."""
        return [self.tables.tokens[name][s - 1] for name, s in zip(names, starts, strict=True)]

    def slots(self, names: list) -> Tensor:
        """The slot of every position of each text: (B, S); what lies beyond its end is 0."""
        size = self.tables.pool.block_size
        padded = torch.tensor(self._padded_tables(names))
        slots = padded[..., None] * size + torch.arange(size)  # (B, blocks, size)
        longest = max(len(self.tables.tokens[name]) for name in names)
        return slots.flatten(1)[:, :longest].to(self.memory.keys.device)

    def _padded_tables(self, names: list) -> list[list[int]]:
        """The block table of each text, filled with block 0 behind its end: (B, blocks)."""
        tables = [self.tables.blocks[name] for name in names]
        longest = max(map(len, tables))
        return [[*table, *[0] * (longest - len(table))] for table in tables]

    def copy(self, source: int, target: int) -> None:
        """Copy a block's keys and values in every layer."""
        size = self.tables.pool.block_size
        here, there = (slice(b * size, (b + 1) * size) for b in (source, target))
        for memory in (self.memory.keys, self.memory.values):
            memory[:, there] = memory[:, here]
