"""Checks of lab 04, fourth part: counting weights and bytes (chapter 04).

Key idea: the weights are counted in the course's own model, built at that size, so the check holds
for any answer that counts them right.
Shapes: B texts, T words, C channels, V words in the vocabulary, L layers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, compare, own_seed
from grooves.models import transformer
from grooves.models.transformer import Config, Transformer

LAB = "04_transformer"
EXACT = 1e-9  # counts, so only a float's rounding is forgiven
# No two sizes alike, so that no mistake hides behind another.
SMALL = Config(vocabulary_size=50, context=32, n_layer=4, n_head=3, n_embd=18, mlp_from=1)
LARGER = Config(vocabulary_size=500, n_layer=6, n_head=4, n_embd=64, mlp_from=2)


def given(config: Config) -> str:
    """A configuration as a message shows it."""
    return (
        f"vocabulary_size = {config.vocabulary_size}, n_layer = {config.n_layer}, "
        f"n_head = {config.n_head}, n_embd = {config.n_embd}, mlp_from = {config.mlp_from}"
    )


def sizes(config: Config) -> tuple[int, int, int, int]:
    """V, L, C and the number of layers with an MLP."""
    return (
        config.vocabulary_size,
        config.n_layer,
        config.n_embd,
        config.n_layer - config.mlp_from,
    )


# ---- 9 parameters ----------------------------------------------------------------------------


def _parameters(config: Config, embeddings=1, mix=1, attention=4, mlp=8, vectors=0) -> int:
    """The count, or one with a part exchanged.

    attention, mlp: matrices of C² in each. vectors: further vectors of C weights in a layer.
    """
    V, L, C, L_mlp = sizes(config)
    matrices = (L * attention + L_mlp * mlp) * C * C
    return embeddings * V * C + mix * C + matrices + L * vectors * C


PARAMETER_MISTAKES = (
    Mistake(
        "head_counted_apart",
        lambda c: _parameters(c, embeddings=2),
        "the vocabulary's matrix is counted twice. The head uses the embedding's weights: "
        "they are tied, and one matrix is stored.",
    ),
    Mistake(
        "mix_forgotten",
        lambda c: _parameters(c, mix=0),
        "C weights are missing: the share of the previous word that is mixed in, one a channel.",
    ),
    Mistake(
        "mlp_everywhere",
        lambda c: _parameters(replace(c, mlp_from=0)),
        "you count an MLP in every layer. The first mlp_from layers have none.",
    ),
    Mistake(
        "narrow_mlp",
        lambda c: _parameters(c, mlp=2),
        "the MLP is four times as wide as the stream: up is (4C, C) and down (C, 4C).",
    ),
    Mistake(
        "one_way_mlp",
        lambda c: _parameters(c, mlp=4),
        "the MLP has two matrices, up and down, with 4C² weights each.",
    ),
    Mistake(
        "out_forgotten",
        lambda c: _parameters(c, attention=3),
        "a layer lacks C² weights: attention ends in a matrix `out` that mixes the heads.",
    ),
    Mistake(
        "keys_and_values_forgotten",
        lambda c: _parameters(c, attention=2),
        "attention has three matrices before the scores, for queries, keys and values.",
    ),
    Mistake(
        "heads_multiplied",
        lambda c: _parameters(c, attention=4 * c.n_head),
        "you gave every head matrices of full width. The heads share C: "
        "their number costs nothing.",
    ),
    Mistake(
        "one_layer",
        lambda c: _parameters(replace(c, n_layer=1, mlp_from=0)),
        "that is the count for one layer.",
    ),
    Mistake(
        "norms_counted",
        lambda c: _parameters(c, vectors=4),
        "this model's norms have no weights: no gain, no bias.",
    ),
    Mistake(
        "biases_counted",
        lambda c: _parameters(c, vectors=9),
        "this model's matrices have no biases.",
    ),
    Mistake(
        "positions_learned",
        lambda c: _parameters(c) + c.context * c.n_embd,
        "rotary positions are computed, not learned: they need no weights.",
    ),
)


@check(lab=LAB, exercise="count_parameters", points=1)
def count_parameters(answer):
    """count_parameters(config) -> number of learned weights of the course's model."""
    for config in (SMALL, LARGER):
        with own_seed(0):
            expected = transformer.count_parameters(Transformer(config))
        source = "the model itself has"
        got = answer(config)
        compare(got, expected, PARAMETER_MISTAKES, (config,), given(config), source, EXACT)


# ---- 10 memory -------------------------------------------------------------------------------


def _weight_bytes(config: Config, batch: int, length: int, bytes_per_value: int) -> int:
    return _parameters(config) * bytes_per_value


def _cache_bytes(config: Config, batch: int, length: int, bytes_per_value: int) -> int:
    _, L, C, _ = sizes(config)
    return 2 * L * C * batch * length * bytes_per_value


WEIGHT_MISTAKES = (
    Mistake("swapped", _cache_bytes, "the order: weights first, then the cache."),
    Mistake(
        "weights_times_batch",
        lambda c, B, T, b: B * _weight_bytes(c, B, T, b),
        "the weights are stored once, whatever the batch.",
    ),
    Mistake(
        "weights_in_bits",
        lambda *a: 8 * _weight_bytes(*a),
        "bits? bytes_per_value is in bytes already.",
    ),
    Mistake(
        "values_not_bytes",
        lambda c, *a: _parameters(c),
        "that is the number of values. Each takes bytes_per_value bytes.",
    ),
    Mistake(
        "always_four_bytes",
        lambda c, *a: 4 * _parameters(c),
        "you assume 4 bytes a value. Use the argument.",
    ),
)
CACHE_MISTAKES = (
    Mistake(
        "keys_only",
        lambda *a: _cache_bytes(*a) // 2,
        "the factor 2 is missing: keys and values are both kept.",
    ),
    Mistake(
        "queries_too",
        lambda *a: _cache_bytes(*a) // 2 * 3,
        "queries are not kept: a past word never asks again.",
    ),
    Mistake(
        "one_layer",
        lambda c, *a: _cache_bytes(c, *a) // c.n_layer,
        "that is one layer. Every layer keeps its own keys and values.",
    ),
    Mistake(
        "one_text",
        lambda c, B, *a: _cache_bytes(c, 1, *a),
        "that is one text. Each text of the batch keeps its own.",
    ),
    Mistake(
        "one_head",
        lambda c, *a: _cache_bytes(c, *a) // c.n_head,
        "that is one head, D wide. All H heads together are C wide.",
    ),
    Mistake(
        "scores_kept",
        lambda c, B, T, b: 2 * c.n_layer * c.n_head * B * T * T * b,
        "the T × T scores are not kept, only one key and one value a word and layer.",
    ),
    Mistake(
        "whole_context",
        lambda c, B, T, b: _cache_bytes(c, B, c.context, b),
        "that is a cache for the longest possible text. Here it holds `length` words.",
    ),
)


@check(lab=LAB, exercise="memory", points=1, returns=(tuple, list, Tensor, np.ndarray))
def memory(answer):
    """memory(config, batch, length, bytes_per_value) -> (bytes of weights, bytes of cache)."""
    for inputs in ((SMALL, 7, 11, 2), (LARGER, 16, 120, 1)):
        config, batch, length, width = inputs
        got = answer(*inputs)
        if len(got) != 2:
            raise CheckFailed(
                f"expected two numbers, (weights, cache), got {len(got)}.", hint="not_two"
            )
        sizes_given = f"{given(config)}, {batch = }, {length = }, bytes_per_value = {width}"
        parts = (
            ("weights", _weight_bytes, WEIGHT_MISTAKES),
            ("cache", _cache_bytes, CACHE_MISTAKES),
        )
        for value, (name, right, mistakes) in zip(got, parts, strict=True):
            described = f"the bytes of the {name}, {sizes_given}"
            compare(value, right(*inputs), mistakes, inputs, described, "the right one is", EXACT)
