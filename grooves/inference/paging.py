"""The KV cache in blocks: memory is taken as texts grow, and shared where they begin alike.

Key idea: a contiguous cache reserves the whole context for every text, though most texts are
shorter. Paging divides the memory into blocks of a few tokens and gives each text a block table,
as an operating system gives each program a page table. Then at most the last block of a text is
partly empty, and texts that begin alike can refer to the same blocks.
Chapter 09. Source: Kwon et al. 2023 (PagedAttention, vLLM), arXiv:2309.06180, section 4.

`BlockPool` counts references, `BlockTables` says which block holds which tokens of which text, and
`grooves.inference.paged_cache` adds the keys and values. A scheduler needs the first two only.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from hashlib import sha256


class OutOfBlocks(RuntimeError):
    """No block is free. Nothing was changed; free a text's blocks and try again."""


class BlockPool:
    """Blocks 0 to n_blocks - 1 with reference counts, and an index of full blocks by content.

    A block that nobody refers to any more stays in the index until it is taken for something else,
    so that a later text with the same beginning can have it back. The one that has been free for
    longest is taken first.
    Raises: ValueError unless both sizes are positive.
    """

    def __init__(self, n_blocks: int, block_size: int):
        if n_blocks < 1 or block_size < 1:
            raise ValueError(f"{n_blocks=} and {block_size=} must be at least 1")
        self.n_blocks, self.block_size = n_blocks, block_size
        self.references = [0] * n_blocks
        self.free = deque(range(n_blocks))  # in the order in which they will be taken
        self.by_content: dict[bytes, int] = {}
        self.content_of: dict[int, bytes] = {}

    def take(self) -> int:
        """A free block, with one reference. Raises: OutOfBlocks where there is none."""
        if not self.free:
            raise OutOfBlocks(f"all {self.n_blocks} blocks of {self.block_size} tokens are in use")
        block = self.free.popleft()
        self.unpublish(block)  # its old content is about to be overwritten
        self.references[block] = 1
        return block

    def share(self, block: int) -> int:
        """One more reference to a block, which may have been free."""
        if self.references[block] == 0:
            self.free.remove(block)
        self.references[block] += 1
        return block

    def release(self, block: int) -> None:
        """One reference less; with the last one the block is free.

        Raises: ValueError where nobody refers to the block (it would be freed twice).
        """
        if self.references[block] == 0:
            raise ValueError(f"block {block} is free already: it was released once too often")
        self.references[block] -= 1
        if self.references[block] == 0:
            self.free.append(block)

    def publish(self, block: int, content: bytes) -> None:
        """Enter a full block into the index; of two with the same content the first stays."""
        if content not in self.by_content:
            self.unpublish(block)
            self.by_content[content], self.content_of[block] = block, content

    def unpublish(self, block: int) -> None:
        """Take a block out of the index, because its content changes."""
        if (content := self.content_of.pop(block, None)) is not None:
            del self.by_content[content]

    @property
    def n_used(self) -> int:
        """Blocks with at least one reference."""
        return self.n_blocks - len(self.free)


def content_hash(before: bytes, tokens: list[int]) -> bytes:
    """The key of a full block: its tokens and, by the key of the block before, all earlier ones.

    The keys and values of a token depend on everything before it, so equal tokens alone do not make
    blocks equal. A cryptographic hash, because a collision would show one user's text to another.
    """
    return sha256(before + b"|" + array("q", tokens).tobytes()).digest()


class BlockTables:
    """The texts that are in memory: for each its tokens and the blocks that hold them.

    Texts are named by any hashable value, such as the number of a request.
    """

    def __init__(self, pool: BlockPool):
        self.pool = pool
        self.blocks: dict[object, list[int]] = {}
        self.tokens: dict[object, list[int]] = {}
        self.contents: dict[object, list[bytes]] = {}  # the keys of a text's full blocks

    def open(self, name, prompt: list[int] = ()) -> int:
        """Begin a text; returns how many tokens of its prompt are in memory already.

        Full blocks with the same content are shared. The prompt's last token is never taken from
        memory: it has to be computed, because its logits predict the first new token.
        Raises: ValueError where a text of this name is open.
        """
        if name in self.blocks:
            raise ValueError(f"text {name!r} is open already: close it or choose another name")
        size, blocks, contents = self.pool.block_size, [], []
        for end in range(size, len(prompt), size):
            content = content_hash(contents[-1] if contents else b"", prompt[end - size : end])
            if content not in self.pool.by_content:
                break
            blocks.append(self.pool.share(self.pool.by_content[content]))
            contents.append(content)
        self.blocks[name], self.contents[name] = blocks, contents
        self.tokens[name] = list(prompt[: len(blocks) * size])
        return len(self.tokens[name])

    def n_needed(self, name, n_new: int) -> int:
        """How many free blocks `append` would take for `n_new` more tokens."""
        table, size = self.blocks[name], self.pool.block_size
        room = len(table) * size - len(self.tokens[name])  # in the last block, less than its size
        shared = room > 0 and n_new > 0 and self.pool.references[table[-1]] > 1
        return -(-(n_new - room) // size) + shared

    def append(self, name, new: list[int]) -> list[tuple[int, int]]:
        """Make room for more tokens of a text; returns and raises as `append_all` does."""
        return self.append_all({name: new})

    def append_all(self, new: dict[object, list[int]]) -> list[tuple[int, int]]:
        """Make room for more tokens of several texts, by their names; or for none of them.

        Returns: pairs (from, to) of blocks whose content must be copied before it is written to.
        This is copy on write: a text must not write into a block that others read. Of two texts
        that share their last block only the first needs a copy, so this asks for one block too many
        at times.
        Raises: OutOfBlocks, with nothing changed.
        """
        pool, size, copies = self.pool, self.pool.block_size, []
        needed = sum([self.n_needed(name, len(tokens)) for name, tokens in new.items()])
        if needed > len(pool.free):
            raise OutOfBlocks(
                f"{needed} more blocks of {size} tokens are needed, "
                f"but {len(pool.free)} of {pool.n_blocks} are free"
            )
        for name, tokens in new.items():
            table, held = self.blocks[name], self.tokens[name]
            if tokens and len(table) * size > len(held):  # the last block has room
                if pool.references[table[-1]] > 1:
                    copies.append((table[-1], pool.take()))
                    pool.release(table[-1])
                    table[-1] = copies[-1][1]
                elif table[-1] in pool.content_of:
                    pool.unpublish(table[-1])  # it was full before the text was cut
            held += tokens
            while len(table) * size < len(held):
                table.append(pool.take())
        return copies

    def publish(self, *names) -> None:
        """Enter texts' full blocks into the index, once their keys and values are computed."""
        size = self.pool.block_size
        for name in names:
            contents, held = self.contents[name], self.tokens[name]
            while (start := len(contents) * size) + size <= len(held):
                tokens = held[start : start + size]
                contents.append(content_hash(contents[-1] if contents else b"", tokens))
                self.pool.publish(self.blocks[name][len(contents) - 1], contents[-1])

    def fork(self, name, other) -> None:
        """Begin text `other` as a copy of a text that shares all its blocks (for n > 1, or beams).

        Raises: ValueError where a text of this name is open.
        """
        if other in self.blocks:
            raise ValueError(f"text {other!r} is open already: close it or choose another name")
        self.blocks[other] = [self.pool.share(block) for block in self.blocks[name]]
        self.tokens[other] = list(self.tokens[name])
        self.contents[other] = list(self.contents[name])

    def cut(self, name, length: int) -> None:
        """Keep the first `length` tokens of a text and release the blocks behind them.

        Raises: ValueError where the text is shorter.
        """
        if not 0 <= length <= len(self.tokens[name]):
            raise ValueError(f"{length=} is not from 0 to {len(self.tokens[name])}")
        del self.tokens[name][length:]
        del self.contents[name][length // self.pool.block_size :]
        while len(self.blocks[name]) * self.pool.block_size >= length + self.pool.block_size:
            self.pool.release(self.blocks[name].pop())

    def close(self, name) -> None:
        """Release all blocks of a text, the last one first, so that its beginning stays longest."""
        for block in reversed(self.blocks.pop(name)):
            self.pool.release(block)
        del self.tokens[name], self.contents[name]

    @property
    def waste(self) -> float:
        """Share of the slots in used blocks that hold no token, from 0 to 1; 0 without texts."""
        size, filled = self.pool.block_size, Counter()
        if (n_blocks := sum(map(len, self.blocks.values()))) == self.pool.n_used > 0:  # none shared
            return 1 - sum(map(len, self.tokens.values())) / (n_blocks * size)
        for name, table in self.blocks.items():
            for i, block in enumerate(table):
                filled[block] = max(filled[block], min(len(self.tokens[name]) - i * size, size))
        return 1 - filled.total() / (len(filled) * size) if filled else 0.0

    def check(self) -> None:
        """Raise AssertionError where reference counts, free list and tables do not agree."""
        counted = Counter(block for table in self.blocks.values() for block in table)
        references = self.pool.references
        assert references == [counted[block] for block in range(self.pool.n_blocks)], "references"
        assert sorted(self.pool.free) == [b for b, n in enumerate(references) if n == 0], "free"
        for name, table in self.blocks.items():
            full = -(-len(self.tokens[name]) // self.pool.block_size)
            assert len(table) == full, f"text {name!r} has {len(table)} blocks, needs {full}"


# ------------------------------------------------------------------------------------------ waste


def contiguous_waste(lengths: list[int], context: int) -> float:
    """Share of the reserved slots that hold no token if every text reserves the whole context.

    lengths: tokens of each text. Raises: ValueError where one exceeds the context.
    """
    if not lengths or max(lengths) > context:
        raise ValueError(f"{lengths=} must be one or more lengths of at most {context=}")
    return 1 - sum(lengths) / (len(lengths) * context)


def paged_waste(lengths: list[int], block_size: int) -> float:
    """The same for blocks: only the last block of each text may be partly empty."""
    if not lengths or block_size < 1 or min(lengths) < 1:
        raise ValueError(f"{lengths=} and {block_size=} must be at least 1")
    return 1 - sum(lengths) / (block_size * sum(-(-length // block_size) for length in lengths))
