"""Check of lab 9: block tables with shared prefixes (chapter 9).

Key idea: texts that begin alike, that have equal blocks behind unequal ones, that end inside a
block, at its end or one token later, and that share with any earlier text, not the last one only.
"""

from __future__ import annotations

from itertools import count

import numpy as np

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, judge_plain

CASES = (
    ([[5, 6, 7, 8, 9]], 2),
    ([[5, 6, 7, 8]], 2),
    ([[1, 2, 3, 4, 5], [1, 2, 3, 4, 6, 7]], 2),
    ([[1, 2, 3], [1, 2, 3, 4]], 2),
    ([[1, 2, 3], [1, 2, 3]], 2),
    ([[1, 2, 3, 4], [7, 7, 3, 4]], 2),
    ([[4, 4, 4, 4, 4]], 2),
    ([[1, 2, 3, 4], [5, 6], [1, 2, 3, 4, 5]], 2),
    ([[1, 2, 3, 4, 5, 6], [1, 2, 9, 4, 5, 6, 7], [1, 2, 9, 4, 8]], 2),
    ([[3, 1, 4, 1, 5], [3, 1, 4, 2], [3, 1, 4, 1, 5, 9, 2, 6]], 3),
    ([[8], [8], [8, 9]], 1),
    ([[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7]], 4),
    ([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]], 4),
    ([[1, 2, 3], [4, 5]], 16),
)


def random_cases(n: int = 25) -> list[tuple[list, int]]:
    """Texts over two tokens, in which blocks are often equal, sometimes behind unequal ones."""
    rng = np.random.default_rng(93)
    cases = []
    for _ in range(n):
        size, texts = int(rng.integers(1, 5)), []
        for _ in range(int(rng.integers(2, 6))):
            begun = texts[rng.integers(len(texts))] if texts and rng.random() < 0.6 else []
            kept = begun[: rng.integers(len(begun) + 1)]
            texts.append([*kept, *rng.integers(1, 3, rng.integers(1, 9)).tolist()])
        cases.append((texts, size))
    return cases


def tables_of(
    texts, size, key="prefix", whole=True, n_needed=None, slot=None, among="all", skipped=False,
    first_only=False, number=0,
):  # fmt: skip
    """The right tables and slots, with a place for each mistake."""
    numbers, known, tables, slots = count(number), {}, [], []
    n_needed = n_needed or (lambda n: -(-n // size))
    slot = slot or (lambda table, i: table[i // size] * size + i % size)
    for text in texts:
        table = []
        for i in range(n_needed(len(text))):
            block = tuple(text[i * size : (i + 1) * size])
            prefix = tuple(text[: (i + 1) * size])
            name = {"prefix": prefix, "block": block, "place": (i, block), "first": prefix[:1]}[key]
            full = len(block) == size or not whole
            shared = full and name in known and among != "none" and (i == 0 or not first_only)
            if shared:
                table.append(known[name])
                if skipped:
                    next(numbers)
            else:
                table.append(next(numbers))
                if full and among == "all":
                    known.setdefault(name, table[-1])
        if among == "last":
            whole_blocks = enumerate(table[: len(text) // size], 1)
            known = {tuple(text[: i * size]): block for i, block in whole_blocks}
        tables.append(table)
        slots.append([slot(table, i) for i in range(len(text))])
    return tables, slots


def _with(**changes):
    return lambda texts, size: tables_of(texts, size, **changes)


def _slot(slot):
    return lambda texts, size: tables_of(texts, size, slot=lambda t, i: slot(t, i, size))


def _rounded_down(texts, size):
    """A block is taken only when it is full; tokens behind the last one go into it."""
    return tables_of(
        texts, size, n_needed=lambda n: max(n // size, 1),
        slot=lambda t, i: t[min(i // size, len(t) - 1)] * size + i % size,
    )  # fmt: skip


MISTAKES = (
    Mistake(
        "never_shared",
        _with(among="none"),
        "every text gets blocks of its own. A full block is shared if an earlier text has the same "
        "tokens up to its end.",
    ),
    *in_forms(
        "same_tokens_only",
        "you share blocks that hold the same tokens, but stand behind different ones. The keys and "
        "values of a token depend on everything before it, so all tokens up to the end of the "
        "block must be equal.",
        _with(key="block"),
        _with(key="place"),
        _with(key="block", whole=False),
        _with(key="place", whole=False),
    ),
    Mistake(
        "partial_shared",
        _with(whole=False),
        "you share a block that is not full. The next token of one text would overwrite what the "
        "other text needs there.",
    ),
    Mistake(
        "first_block_only",
        _with(first_only=True),
        "only the first block is shared. Every full block is, as long as all tokens before it are "
        "the same too.",
    ),
    Mistake(
        "last_text_only",
        _with(among="last"),
        "you compare each text only with the one before it. Any earlier text can have the block.",
    ),
    *in_forms(
        "one_block_too_many",
        "a text that fills its last block exactly gets another, empty one. n tokens need "
        "⌈n / block_size⌉ blocks, which `n // block_size + 1` is not.",
        lambda texts, size: tables_of(texts, size, n_needed=lambda n: n // size + 1),
    ),
    *in_forms(
        "rounded_down",
        "the tokens behind the last full block have no block. Round the number of blocks up.",
        _rounded_down,
        lambda texts, size: tables_of(
            texts,
            size,
            n_needed=lambda n: n // size,
            slot=lambda t, i: t[i // size] * size + i % size if i // size < len(t) else -1,
        ),
        lambda texts, size: _cut(
            tables_of(
                texts,
                size,
                n_needed=lambda n: n // size,
                slot=lambda t, i: t[i // size] * size + i % size if i // size < len(t) else None,
            )
        ),
    ),
    Mistake(
        "numbers_skipped",
        _with(skipped=True),
        "block numbers are skipped where a block is shared. Take the next number only for a new "
        "block.",
    ),
    *in_forms(
        "from_one",
        "your blocks are counted from 1. The first is block 0.",
        _with(number=1),
    ),
    *in_forms(
        "block_not_multiplied",
        "block b begins at slot b · block_size, and not at slot b.",
        _slot(lambda t, i, size: t[i // size] + i % size),
    ),
    *in_forms(
        "positions_as_slots",
        "you return positions in the text. Look up the block in the table: its slots lie somewhere "
        "else in memory.",
        _slot(lambda t, i, size: i),
        _slot(lambda t, i, size: i % size),
        _slot(lambda t, i, size: t[0] * size + i),
    ),
    *in_forms(
        "exchanged",
        "quotient and remainder are exchanged. Token i stands in block `i // block_size` of the "
        "text, at the place `i % block_size` there.",
        _slot(lambda t, i, size: t[i % size % len(t)] * size + i // size),
    ),
)


def _cut(result):
    tables, slots = result
    return tables, [[slot for slot in row if slot is not None] for row in slots]


def as_plain(result) -> tuple[list[list[int]], list[list[int]]]:
    """Tables and slots as lists of integers.

    Raises: CheckFailed with the hint "not_two_lists".
    """
    try:
        tables, slots = result
        return tuple([[_whole(n) for n in row] for row in part] for part in (tables, slots))
    except (TypeError, ValueError):
        raise CheckFailed(
            "expected two results: for each text the list of its blocks, and for each text the "
            f"list of its slots. Your function returned {describe(result)}.",
            hint="not_two_lists",
        ) from None


def _whole(n) -> int:
    if int(n) != n:
        raise ValueError(f"{n} is not an integer")
    return int(n)


@check(lab=LAB, exercise="block_table", returns=(tuple, list))
def block_table(answer):
    """block_table(texts, block_size) -> blocks of each text, slots of each text."""
    for i, inputs in enumerate((*CASES, *random_cases())):
        given = f"texts = {inputs[0]} and block_size = {inputs[1]}"
        call = by_hand(answer) if i == 0 else answer
        judge_plain(call, inputs, tables_of, MISTAKES, given, as_plain)
