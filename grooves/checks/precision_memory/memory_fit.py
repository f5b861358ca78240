"""Check of lab 12: will it fit (chapter 12).

Key idea: made-up models need more or less than a device has, some of them mostly for weights and
some mostly for the cache. One answer of True or False says little, but all together show which part
was forgotten.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from grooves.checks import check
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.precision_memory.rules import LAB, refuse
from grooves.models.published import Model

FREE = 0.1  # of a device's memory
CACHE_BYTES = 2  # of a number in the cache
# Memory in GiB, bits per weight, texts at once.
SITUATIONS = ((24, 16, 2), (12, 4, 5), (80, 8, 3), (40, 4.5, 4), (1, 6, 7))
# How much of the memory the models need, and which fraction of that is cache.
NEEDED = (
    0.7, 0.75, 0.8, 0.86, 0.91, 0.96, 1.006, 1.04, 1.06, 1.1, 1.15, 1.2, 1.35, 1.8, 2.6, 5, 9, 18,
)  # fmt: skip
CACHE_SHARES = (0.97, 0.9, 0.15, 0.5)


def _need(
    model, memory_gib, bits, n_tokens, batch, weights=1.0, both=2, heads="kv", layers=True,
    each=CACHE_BYTES, texts=True, cached=True,
):  # fmt: skip
    """Bytes, with a place for each mistake."""
    n_heads = model.n_kv_head if heads == "kv" else model.n_head
    cache_bytes = both * n_heads * model.head_dim * each * (model.n_layer if layers else 1)
    cache_bytes *= n_tokens * (batch if texts else 1)
    return weights * model.parameters * bits / 8 + (cache_bytes if cached else 0)


def _fits(model, memory_gib, bits, n_tokens, batch, free=FREE, giga=2**30, **changes):
    need = _need(model, memory_gib, bits, n_tokens, batch, **changes)
    return need <= (1 - free) * memory_gib * giga


def _with(**changes):
    return lambda *inputs: _fits(*inputs, **changes)


FIT_MISTAKES = (
    Mistake(
        "billions",
        _with(giga=1e9),
        "you take a GiB to be 10⁹ bytes. It is 2³⁰.",
    ),
    Mistake(
        "billions_and_half_a_cache",
        _with(giga=1e9, both=1),
        "you made two mistakes at once. A GiB is 2³⁰ bytes, not 10⁹; and the cache holds keys and "
        "values, so its size has a factor of 2.",
    ),
    Mistake(
        "tenth_added",
        _with(free=1 - 1 / 1.1),
        "you add a tenth to what is needed. A tenth of the device's memory stays free, so the "
        "need must not exceed 0.9 of the memory.",
    ),
    Mistake(
        "nothing_free", _with(free=0), "you use the whole memory. A tenth of it must stay free."
    ),
    Mistake(
        "no_cache",
        _with(cached=False),
        "that is right for the weights alone. The key–value cache is missing.",
    ),
    *in_forms(
        "wrong_cache_size",
        "the size of your cache is wrong: it holds keys and values (2), with two bytes per number "
        "(2).",
        *(_with(both=both) for both in (1, 0.5, 4, 8)),
    ),
    Mistake(
        "all_heads",
        _with(heads="all"),
        "you count keys and values for every head. Query heads share them, so count n_kv_head.",
    ),
    Mistake(
        "one_text", _with(texts=False), "you count the cache of one text. Each text has its own."
    ),
    Mistake(
        "one_layer",
        _with(layers=False),
        "you count the cache of one layer. Each layer stores its own keys and values.",
    ),
    Mistake(
        "weights_times_batch",
        lambda model, gb, bits, n, batch: _fits(model, gb, bits, n, batch, weights=batch),
        "you multiply the weights by the batch. They are stored once, however many texts there "
        "are.",
    ),
    Mistake(
        "quantized_cache",
        lambda model, gb, bits, n, batch: _fits(model, gb, bits, n, batch, each=bits / 8),
        "you count the cache at the precision of the weights. Here it has 16 bits, whatever the "
        "weights have.",
    ),
    *in_forms(
        "bytes_per_weight",
        "your count of bytes per weight is wrong. It is bits / 8.",
        _with(weights=8),
        *(
            lambda model, gb, bits, n, batch, fixed=fixed: _fits(model, gb, fixed, n, batch)
            for fixed in (8, 16, 32)
        ),
        lambda model, gb, bits, n, batch: _fits(model, gb, bits // 8 * 8, n, batch),
        lambda model, gb, bits, n, batch: _fits(model, gb, math.ceil(bits / 8) * 8, n, batch),
        lambda model, gb, bits, n, batch: _fits(model, gb, int(bits), n, batch),
    ),
)


@cache
def cases() -> list[tuple]:
    """Made-up models with the situations in which they are asked about."""
    rng, found = np.random.default_rng(12), []
    for gb, bits, batch in SITUATIONS:
        for i, times in enumerate(NEEDED):
            need = (1 - FREE) * gb * 2**30 * times
            share = CACHE_SHARES[i % 4] if times < 1.5 else CACHE_SHARES[0]
            layers, heads = int(rng.integers(16, 65)), int(rng.choice([16, 32, 64]))
            shared, head_dim = int(rng.choice([2, 4, 8])), int(rng.choice([64, 128]))
            token = 2 * CACHE_BYTES * layers * (heads // shared) * head_dim  # bytes
            n_tokens = round(share * need / token / batch)
            parameters = int((need - token * n_tokens * batch) / bits * 8)
            model = Model(
                f"made-up {len(found) + 1}", parameters, layers, heads, heads // shared, head_dim,
                heads * head_dim + 640, 4 * heads * head_dim, 32_000, "made up for this check", "",
            )  # fmt: skip
            found.append((model, gb, bits, n_tokens, batch))
    # and one of them with other texts, on another device
    model, gb, bits, n_tokens, batch = found[4]
    found += [(model, gb, bits, n_tokens // 3, batch), (model, gb, bits, n_tokens, batch + 7)]
    # and what just fits, with a large cache and a small one
    just = replace(model, parameters=8 * 2**30 - 10**8, n_layer=25, n_kv_head=4, head_dim=50)
    found.append((just, 10, 8, 53_000, 1))
    found.append((replace(just, parameters=9 * 2**30 - 10**8), 10, 8, 1, 3))
    return [*found, (model, gb / 2, bits, n_tokens, batch), (model, gb, bits / 2, n_tokens, batch)]


@check(lab=LAB, exercise="fits", returns=(bool, np.bool_, torch.Tensor, np.ndarray))
def fits(answer):
    """fits(model, memory_gib, bits, n_tokens, batch) -> True or False."""
    got = [bool(answer(*case)) for case in cases()]
    expected = [_fits(*case) for case in cases()]

    def said(i):
        model, gb, bits, n_tokens, batch = cases()[i]
        need = _need(*cases()[i]) / 2**30
        sizes = (
            f"{model.parameters / 1e9:.2f} · 10⁹ weights of {bits} bits, n_layer = "
            f"{model.n_layer}, n_head = {model.n_head}, n_kv_head = {model.n_kv_head}, head_dim = "
            f"{model.head_dim}, {batch} texts of {n_tokens:,} tokens, {gb} GiB"
        )
        return (
            f"for {sizes}, your result is {got[i]}; it should be {expected[i]}: {need:.2f} GiB are "
            f"needed, and {(1 - FREE) * gb:.2f} may be used."
        )

    refuse(got, expected, FIT_MISTAKES, cases(), said, lambda a, b: a == b)
    return f"{sum(got)} of {len(got)} made-up models fit."
