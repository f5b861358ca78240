"""Check of lab 9: the bytes of a KV cache (chapter 9).

Key idea: no two of the numbers are equal or multiples that hide each other, so leaving one out, or
taking one for another, gives another count.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, SHOULD

# lengths, n_layers, n_heads, n_kv_heads, head_dim, bits
CASES = (
    ([7], 3, 10, 5, 12, 16),
    ([7, 30, 11], 5, 12, 4, 18, 16),
    ([9, 4], 7, 6, 6, 20, 8),
    ([5, 3, 8, 13], 3, 14, 2, 10, 32),
    ([6, 10], 4, 21, 3, 22, 4),
    ([1], 1, 4, 1, 8, 4),
    ([100, 1, 1, 1, 1, 1, 25], 28, 24, 8, 128, 16),
    ([4000, 31_000, 70], 80, 64, 8, 128, 8),
    ([], 6, 9, 3, 14, 16),
)


def right(lengths, n_layers, n_heads, n_kv_heads, head_dim, bits):
    """Two tensors a layer, K and V, of n_kv_heads x tokens x head_dim numbers."""
    return 2 * n_layers * n_kv_heads * head_dim * sum(lengths) * bits / 8


def _of(compute):
    """From the tokens t, layers l, heads h, key-value heads g, head size d, and bytes b."""
    return lambda lengths, l, h, g, d, bits: compute(sum(lengths), l, h, g, d, bits / 8)  # noqa: E741


def _by_length(tokens):
    return lambda lengths, *sizes: right([tokens(lengths)], *sizes)


MISTAKES = (
    Mistake(
        "query_heads",
        _of(lambda t, n, h, g, d, b: 2 * n * h * d * t * b),
        "you count the query heads. Only keys and values are stored, and of these there are "
        "n_kv_heads heads.",
    ),
    *in_forms(
        "group_size",
        "you count n_heads / n_kv_heads heads, the size of a group. Stored are n_kv_heads heads.",
        _of(lambda t, n, h, g, d, b: 2 * n * (h / g) * d * t * b),
        _of(lambda t, n, h, g, d, b: 2 * n * (h // g) * d * t * b),
    ),
    Mistake(
        "keys_only",
        _of(lambda t, n, h, g, d, b: n * g * d * t * b),
        "a factor of 2 is missing: both keys and values are stored.",
    ),
    *in_forms(
        "queries_stored",
        "you count queries too. The query of a token is needed only once, so it is not stored.",
        _of(lambda t, n, h, g, d, b: 3 * n * g * d * t * b),
        _of(lambda t, n, h, g, d, b: n * (h + 2 * g) * d * t * b),
    ),
    Mistake(
        "one_layer",
        _of(lambda t, n, h, g, d, b: 2 * g * d * t * b),
        "that is one layer. Each layer has keys and values of its own.",
    ),
    *in_forms(
        "head_missing",
        "n_kv_heads or head_dim is missing: each of the n_kv_heads heads has a key and a value of "
        "head_dim numbers.",
        _of(lambda t, n, h, g, d, b: 2 * n * d * t * b),
        _of(lambda t, n, h, g, d, b: 2 * n * g * t * b),
    ),
    *in_forms(
        "padded",
        "every text is counted as if it were as long as the longest. Add up the lengths.",
        _by_length(lambda lengths: len(lengths) * max(lengths, default=0)),
    ),
    *in_forms(
        "tokens_missing",
        "not every token of every text is counted. Add up the lengths.",
        _by_length(len),
        _by_length(lambda lengths: lengths[0] if lengths else 0),
        _by_length(lambda lengths: max(lengths, default=0)),
        _by_length(lambda lengths: lengths[-1] if lengths else 0),
        _by_length(lambda lengths: sum(lengths) / max(len(lengths), 1)),
    ),
    *in_forms(
        "bits_as_bytes",
        "that is the number of bits. Eight bits are one byte.",
        _of(lambda t, n, h, g, d, b: 16 * n * g * d * t * b),
    ),
    *in_forms(
        "whole_bytes",
        "`bits // 8`, or one byte at least, is wrong for 4 bits: two such numbers share a byte. "
        "Divide by 8 at the end.",
        lambda lengths, *n: right(lengths, *n[:4], n[4] // 8 * 8),
        lambda lengths, *n: right(lengths, *n[:4], max(n[4], 8)),
    ),
    Mistake(
        "fixed_precision",
        lambda lengths, *n: right(lengths, *n[:4], 16),
        "every number is counted as 2 bytes. It has `bits` bits.",
    ),
    *in_forms(
        "other_unit",
        "that is in kB, MB, GB, KiB, MiB or GiB. Return bytes.",
        *(
            lambda *inputs, unit=unit: right(*inputs) / unit
            for unit in (1e3, 1e6, 1e9, 2**10, 2**20, 2**30)
        ),
    ),
)


@check(lab=LAB, exercise="cache_bytes")
def cache_bytes(answer):
    """cache_bytes(lengths, n_layers, n_heads, n_kv_heads, head_dim, bits) -> bytes."""
    for i, inputs in enumerate(CASES):
        lengths, *sizes = inputs
        names = "n_layers", "n_heads", "n_kv_heads", "head_dim", "bits"
        told = ", ".join(f"{name} = {n}" for name, n in zip(names, sizes, strict=True))
        call = by_hand(answer) if i == 0 else answer
        given = f"lengths = {lengths}, {told}"
        judge(call, inputs, right(*inputs), MISTAKES, given, SHOULD, tolerance=1e-9)
