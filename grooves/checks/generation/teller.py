"""A story model with a budget: every token that a text reads is paid for (lab 8, the challenge).

Key idea: drawing, searching and choosing all come down to reading tokens, so the number of tokens
read is a fair price for any way of decoding. Copies of a text are free, as with a shared KV cache.
Chapter 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from grooves.checks import CheckFailed
from grooves.inference.readers import context_of, open_reader


class Teller:
    """A model that tells B texts at a time, and may read `left` tokens more.

    texts: the tokens of each text so far, B lists. logits: (B, V), of the next token of each; token
    0 is the end mark. left: how many tokens may still be read. written: every text that there was.
    """

    def __init__(self, model, n_tokens: int):
        self._model, self.left = model, n_tokens
        self.texts: list[list[int]] = []
        self.written: set[tuple[int, ...]] = set()

    def begin(self, n: int) -> None:
        """Begin n empty texts, in place of those that there are. It costs nothing."""
        self.texts = [[] for _ in range(n)]
        self._reader = open_reader(self._model, torch.zeros((n, 1), dtype=torch.long))

    @property
    def logits(self) -> Tensor:
        """Logits of the next token of each text: (B, V)."""
        if not self.texts:
            raise CheckFailed(
                "there is no text: call begin(n) before you ask for logits.", hint="no_text"
            )
        return self._reader.logits

    def read(self, tokens: Sequence[int] | Tensor) -> None:
        """Append one token to each text. It costs one token for each.

        Raises: CheckFailed with the hint "how_many_tokens", "over_budget" or "too_long".
        """
        tokens = torch.as_tensor(tokens).reshape(-1).long()
        if len(tokens) != len(self.texts):
            raise CheckFailed(
                f"{len(tokens)} tokens were read by {len(self.texts)} texts: read one for each.",
                hint="how_many_tokens",
            )
        if len(tokens) > self.left:
            raise CheckFailed(
                f"{len(tokens)} tokens were to be read when {self.left} "
                f"{'was' if self.left == 1 else 'were'} left. Stop before "
                "that, and drop texts that have ended with `select`: they would go on costing.",
                hint="over_budget",
            )
        if self.texts and max(map(len, self.texts)) + 2 > context_of(self._model):
            raise CheckFailed(
                f"a text has {max(map(len, self.texts))} tokens, and the model reads at most "
                f"{context_of(self._model)}. Drop texts that do not end.",
                hint="too_long",
            )
        self.left -= len(tokens)
        for text, token in zip(self.texts, tokens.tolist(), strict=True):
            text.append(token)
            self.written.add(tuple(text))
        if self.texts:
            self._reader.read(tokens)

    def select(self, rows: Sequence[int] | Tensor) -> None:
        """Keep these texts, in this order. A row may be taken several times, which is free."""
        rows = torch.as_tensor(rows).reshape(-1).long()
        self.texts = [list(self.texts[row]) for row in rows.tolist()]
        if self.texts:
            self._reader.select(rows)
