"""Check of lab 9: attention of new tokens with a KV cache (chapter 9).

Key idea: the expected output is that of the full pass over all tokens, of which the last ones are
kept. Empty caches, one and several new tokens, and grouped queries show each mistake somewhere.
Letters: H query heads, G key-value heads, P cached tokens, T new tokens, D numbers per head.
"""

from __future__ import annotations

import math

import torch

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import draw
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.rules import LAB, SHOULD

PARTS = ("the output", "the new key cache", "the new value cache")
# seed, H, G, P, T, D
CASES = (
    (1, 2, 2, 3, 1, 4),
    (2, 4, 2, 5, 1, 3),
    (3, 4, 2, 3, 2, 5),
    (4, 6, 2, 2, 4, 8),
    (5, 3, 1, 4, 3, 2),
    (6, 4, 4, 0, 3, 6),
    (7, 6, 3, 7, 5, 16),
    (8, 2, 1, 0, 1, 3),
    (9, 8, 4, 40, 9, 7),
    (10, 4, 2, 5, 1, 3),
    (11, 4, 2, 3, 2, 5),
)


def case(seed, H, G, P, T, D):
    """New queries (H, T, D), keys and values (G, T, D), and both caches (G, P, D)."""
    shapes = (H, T, D), (G, T, D), (G, T, D), (G, P, D), (G, P, D)
    return tuple(draw(100 * seed + i, *shape, scale=1.5) for i, shape in enumerate(shapes))


def full_pass(q, k, v, k_cache, v_cache):
    """The right results, from causal attention over all tokens at once."""
    keys, values = torch.cat((k_cache, k), 1), torch.cat((v_cache, v), 1)
    n_old, group = k_cache.size(1), len(q) // len(k)
    n = keys.size(1)
    # the outputs at earlier tokens are not wanted, so any queries will do there
    queries = torch.cat((torch.zeros(len(q), n_old, q.size(2)), q), 1)
    out = []
    for head, query in enumerate(queries):
        scores = query @ keys[head // group].T / math.sqrt(q.size(2))  # (n, n)
        weights = scores.masked_fill(~torch.ones(n, n).tril().bool(), -math.inf).softmax(-1)
        out.append(weights @ values[head // group])
    return torch.stack(out)[:, n_old:], keys, values


def _heads(x, H, spread):
    if spread == "repeat":
        return x.repeat(H // len(x), 1, 1)
    if spread == "first":
        return x[:1].expand(H, -1, -1)
    return x.repeat_interleave(H // len(x), 0)


def with_cache(
    q, k, v, k_cache, v_cache, scale=None, spread="group", mask="right", zeroed=False,
    attended="all", returned="all", first=False, axis=-1,
):  # fmt: skip
    """Attention with a cache, with a place for each mistake."""
    H, T, D = q.shape
    pairs = (k, k_cache), (v, v_cache)
    keys, values = (torch.cat((new, old) if first else (old, new), 1) for new, old in pairs)
    used = {"all": (keys, values), "cache": (k_cache, v_cache), "new": (k, v)}[attended]
    spread_keys, spread_values = (_heads(x, H, spread) for x in used)
    scores = q @ spread_keys.mT * (1 / math.sqrt(D) if scale is None else scale(D, H))
    n, n_old = scores.size(-1), k_cache.size(1)
    offset = {"right": n - T, "one_later": n - T + 1, "top_left": 0, "strict": n - T - 1}.get(
        mask, n
    )
    if attended != "cache":
        seen = torch.ones(T, n).tril(offset).bool()
        if mask == "cache":
            seen = (torch.arange(n) < n_old).expand(T, n)
        scores = scores.masked_fill(~seen, 0.0 if zeroed else -math.inf)
    weights = scores.softmax(axis)
    if zeroed == "after":
        weights = (q @ spread_keys.mT / math.sqrt(D)).softmax(-1) * seen
    out = weights @ spread_values
    caches = {
        "all": (keys, values),
        "old": (k_cache, v_cache),
        "new": (k, v),
        "exchanged": (values, keys),
        "expanded": (_heads(keys, H, "group"), _heads(values, H, "group")),
        "last": (keys[:, max(n_old, 1) - n_old :], values[:, max(n_old, 1) - n_old :]),
    }[returned]
    return (out, *caches)


def _with(**changes):
    return lambda *inputs: with_cache(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "new_missing",
        "the new tokens attend to the cache alone. Append their keys and values first: each token "
        "attends to itself too.",
        _with(attended="cache"),
        _with(mask="strict"),
        _with(mask="cache"),
        _with(attended="cache", returned="old"),
    ),
    *in_forms(
        "cache_unused",
        "the new tokens attend only to each other. The cached keys and values belong to the same "
        "text.",
        _with(attended="new"),
        _with(attended="new", returned="new"),
    ),
    *in_forms(
        "mask_from_start",
        "your causal mask counts the new tokens from 0. New token i stands at position P + i of "
        "the text, so it attends to the P cached tokens and to new tokens 0 to i.",
        _with(mask="top_left"),
    ),
    *in_forms(
        "no_mask",
        "new tokens attend to later new tokens. With several new tokens, a causal mask is needed "
        "among them: new token i stands at position P + i, and sees nothing behind this position.",
        _with(mask="none"),
        _with(mask="one_later"),
    ),
    *in_forms(
        "masked_with_zero",
        "masked scores become 0, and exp(0) is 1, or the mask comes after the softmax, and the "
        "weights no longer add up to 1. Scores must be -inf before the softmax.",
        _with(zeroed=True),
        _with(zeroed="after"),
    ),
    *in_forms(
        "wrong_scale",
        "the scores are divided by the wrong number, or by none. Divide by the square root of D, "
        "the size of one head.",
        _with(scale=lambda D, H: 1.0),
        _with(scale=lambda D, H: 1 / D),
        _with(scale=lambda D, H: math.sqrt(D)),
        _with(scale=lambda D, H: 1 / math.sqrt(D * H)),
        _with(scale=lambda D, H: 1 / math.sqrt(H)),
    ),
    *in_forms(
        "wrong_group",
        "query heads use the wrong key-value heads. With two query heads to a group, heads 0 and 1 "
        "use key-value head 0, heads 2 and 3 use head 1: `repeat_interleave` gives this order, "
        "`repeat` and `tile` do not.",
        _with(spread="repeat"),
        _with(spread="repeat", returned="expanded"),
        _with(spread="first"),
    ),
    *in_forms(
        "half_a_cache",
        "the caches that you return lack the new tokens, or the earlier ones. The next step needs "
        "both.",
        _with(returned="old"),
        _with(returned="new"),
    ),
    Mistake(
        "expanded_cache",
        _with(returned="expanded"),
        "your caches have H heads. Store the G key-value heads, and repeat them only for the "
        "computation: that they are few is what saves the memory.",
    ),
    *in_forms(
        "new_first",
        "the new tokens stand before the cached ones. They come after them.",
        _with(first=True),
        _with(first=True, mask="none"),
    ),
    Mistake(
        "exchanged",
        _with(returned="exchanged"),
        "the two caches are exchanged: return the keys first.",
    ),
    Mistake(
        "wrong_axis",
        _with(axis=-2),
        "the softmax runs over the queries. Each query distributes its weight over the keys, the "
        "last axis.",
    ),
)


@check(lab=LAB, exercise="cached_attention", returns=(tuple, list))
def cached_attention(answer):
    """cached_attention(q, k, v, k_cache, v_cache) -> output (H, T, D), two caches (G, P + T, D)."""
    for i, sizes in enumerate(CASES):
        inputs = case(*sizes)
        right = dict(zip(PARTS, full_pass(*inputs), strict=True))
        call = by_hand(answer, "scaled_dot_product_attention") if i == 0 else answer
        given = "{} query heads, {} key-value heads, {} cached and {} new tokens and D = {}"
        judge_parts(call, inputs, right, MISTAKES, given.format(*sizes[1:]), SHOULD)
