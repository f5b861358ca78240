"""Byte-pair encoding: a vocabulary of pieces of words, learned by counting.

Key idea: begin with the 256 bytes, so that no text is ever unknown. Then, again and again, make the
most frequent pair of neighbouring tokens a token of its own. Frequent words end up as one token,
rare ones as several. Chapter 04.
Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909; on bytes, Radford et al. 2019 (GPT-2).
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

# A word with the space before it, a run of other marks, or white space: no token crosses these.
CHUNKS = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+|_+")
FIRST_MERGE = 257  # token 0 is the end mark, 1 to 256 are the bytes


class BytePairTokenizer:
    """A tokenizer with the interface of `grooves.language.tokenizers.ByteTokenizer`.

    merges: the pairs of tokens that were merged, in order; the first becomes token 257.
    """

    def __init__(self, merges: list[tuple[int, int]]):
        self.rank = {pair: i for i, pair in enumerate(merges)}
        self.pieces = [b"", *(bytes([byte]) for byte in range(256))]  # the bytes of every token
        for left, right in merges:
            self.pieces.append(self.pieces[left] + self.pieces[right])
        self._known: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, n_merges: int) -> BytePairTokenizer:
        """Learn up to `n_merges` merges from a text; fewer where no pair occurs twice.

        Raises: ValueError for a negative number of merges.
        """
        if n_merges < 0:
            raise ValueError(f"{n_merges=} must be 0 or more")
        counts = Counter(CHUNKS.findall(text))
        words = [[byte + 1 for byte in chunk.encode()] for chunk in counts]  # tokens of each chunk
        weights = list(counts.values())
        pairs, where = Counter(), {}  # how often each pair occurs, and in which chunks
        for i, word in enumerate(words):
            for pair in pairwise(word):
                pairs[pair] += weights[i]
                where.setdefault(pair, set()).add(i)
        merges: list[tuple[int, int]] = []
        while len(merges) < n_merges and pairs:
            best = max(pairs, key=lambda pair: (pairs[pair], pair))  # ties: the larger numbers
            if pairs[best] < 2:
                break
            for i in where[best]:  # recount the chunks that change, and no others
                for pair in pairwise(words[i]):
                    pairs[pair] -= weights[i]
                words[i] = merged(words[i], best, FIRST_MERGE + len(merges))
                for pair in pairwise(words[i]):
                    pairs[pair] += weights[i]
                    where.setdefault(pair, set()).add(i)
            merges.append(best)
        return cls(merges)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Tokens of any text: each chunk's bytes, merged in the order that was learned."""
        return [token for chunk in CHUNKS.findall(text) for token in self._encode_chunk(chunk)]

    def _encode_chunk(self, chunk: str) -> list[int]:
        if chunk not in self._known:
            tokens = [byte + 1 for byte in chunk.encode()]
            while len(tokens) > 1:
                pair = min(pairwise(tokens), key=lambda pair: self.rank.get(pair, len(self)))
                if pair not in self.rank:
                    break
                tokens = merged(tokens, pair, FIRST_MERGE + self.rank[pair])
            self._known[chunk] = tokens
        return self._known[chunk]

    def decode(self, tokens) -> str:
        """The text of the tokens; bytes that are not UTF-8 become the replacement mark."""
        return b"".join(self.pieces[token] for token in tokens).decode("utf-8", errors="replace")


def merged(tokens: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """The tokens with every occurrence of the pair replaced by `new`, from left to right."""
    out: list[int] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out
