"""Check of lab 14: chips for a model, and its ceiling (chapter 14).

Key idea: sizes for which rounding down, GB for GiB, and a cache that is left out each give another
number of chips; and rates that one chip, several, or all of them would allow.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.dataflow.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms

# n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once
CASES = (
    (10**9, 8, 0, 220, 1_000, 2),
    (70 * 10**9, 16, 0, 220, 9_216, 1),
    (70 * 10**9, 8, 1_342_177_280, 220, 9_216, 7),
    (7 * 10**9, 8, 512 * 2**20, 220, 9_216, 1),
    (5 * 220 * 2**20, 8, 0, 220, 500, 5),  # exactly five chips
    (3 * 10**9, 4, 9 * 10**9, 900, 640, 3),
    (400 * 10**6, 16, 10**7, 64, 77, 4),
    (10**6, 8, 10**3, 220, 9_216, 1),  # one chip
)


def right(
    n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once, byte=8, mib=2**20, giga=1e9,
    round_=math.ceil, cached=True, cache_read=True, weights_read=True, together=None, each=False,
):  # fmt: skip
    """Chips, and tokens per second, with a place for each mistake."""
    weight_bytes = n_weights * bits / byte
    chips = round_((weight_bytes + cached * cache_bytes) / (memory_mib * mib))
    if each:
        chips = round_(weight_bytes / (memory_mib * mib)) + round_(cache_bytes / (memory_mib * mib))
    read = weights_read * weight_bytes + cache_read * cache_bytes
    working = at_once if together is None else chips if together == "all" else together
    return chips, working * gb_per_s * giga / read if read else math.inf


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _from_chips(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once):
    """The memory of all chips is read, whether full or not."""
    chips, _ = right(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once)
    return chips, at_once * gb_per_s * 1e9 / (chips * memory_mib * 2**20)


MISTAKES = (
    *in_forms(
        "rounded_down",
        "your number of chips is rounded down or to the nearest. What does not fit needs a chip of "
        "its own, so round up.",
        _with(round_=math.floor),
        _with(round_=round),
        _with(round_=lambda n: max(1, math.floor(n))),
    ),
    Mistake(
        "not_rounded",
        _with(round_=lambda n: n),
        "your number of chips is a fraction. Round up.",
    ),
    Mistake(
        "one_too_many",
        _with(round_=lambda n: math.floor(n) + 1),
        "you count a chip too many where the last one is filled exactly.",
    ),
    *in_forms(
        "mib_for_mb",
        "you take a MiB for something else than 2²⁰ bytes.",
        _with(mib=1e6),
        _with(mib=1024),
        _with(mib=2**30),
    ),
    *in_forms(
        "gb_for_gib",
        "you take the GB of the rate for something else than 10⁹ bytes. Rates count in powers of "
        "ten; memory here in powers of two.",
        _with(giga=2**30),
        _with(giga=1e6),
        _with(giga=1),
    ),
    *in_forms(
        "bits_for_bytes",
        "`bits` is the number of bits of a weight. A byte has eight of them.",
        _with(byte=1),
        lambda n, bits, *rest: right(n, 8, *rest),
        lambda n, bits, *rest: right(n, 16, *rest),
    ),
    *in_forms(
        "cache_not_stored",
        "the chips hold the weights only. The cache must be stored too.",
        _with(cached=False),
        _with(cached=False, cache_read=False),
    ),
    Mistake(
        "cache_not_read",
        _with(cache_read=False),
        "for each token the cache is read as well as the weights.",
    ),
    Mistake(
        "cache_on_chips_of_its_own",
        _with(each=True),
        "you round up twice. A chip may hold weights and a part of the cache.",
    ),
    Mistake(
        "all_at_once",
        _with(together="all"),
        "you let all chips read at once. For one text, layer follows layer, so at any time only "
        "the `at_once` chips that share a layer have something to do: that is not the rate that "
        "all chips have together.",
    ),
    Mistake(
        "one_at_a_time",
        _with(together=1),
        "you let one chip read at a time. `at_once` chips share a layer and read their parts of it "
        "in the same time.",
    ),
    Mistake(
        "whole_memory_read",
        _from_chips,
        "you divide by the memory of the chips. Only what is stored is read, and the last chip "
        "need not be full.",
    ),
    Mistake(
        "seconds_per_token",
        lambda *inputs: (right(*inputs)[0], 1 / right(*inputs)[1]),
        "those are seconds per token. Tokens per second are asked for.",
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "chips first, then the rate."),
)


@check(lab=LAB, exercise="chips_for", returns=(tuple, list))
def chips_for(answer):
    """chips_for(n_weights, bits, cache_bytes, memory_mib, gb_per_s, at_once) -> chips, tokens/s."""
    names = ("n_weights", "bits", "cache_bytes", "memory_mib", "gb_per_s", "at_once")
    cases = []
    for inputs in CASES:
        chips, rate = right(*inputs)
        told = ", ".join(f"{name} = {value:,}" for name, value in zip(names, inputs, strict=True))
        cases.append(Case(inputs, {"the chips": chips, "the rate": rate}, told))
    judge(by_hand(answer), cases, MISTAKES, ("chips", "tokens per second"))
