"""Checks of lab 04, fourth part: counting weights, FLOPs and bytes (chapter 04).

Key idea: the weights are counted in the course's own model, built at that size; the FLOPs follow
from its matrix products, which a test compares with PyTorch's own counter.
Shapes: B texts, T words, C channels, V words in the vocabulary, L layers.
"""

from __future__ import annotations

from grooves import transformer
from grooves.checks import CheckFailed, check
from grooves.checks.compare import Slip, compare
from grooves.transformer import Config, Transformer

LAB = "04_transformer"
EXACT = 1e-9  # counts, so only a float's rounding is forgiven
SMALL = Config(vocabulary_size=50, context=32, n_layer=3, n_head=2, n_embd=12)
COURSE = Config(vocabulary_size=500)


def _given(config: Config) -> str:
    return (
        f"vocabulary_size = {config.vocabulary_size}, n_layer = {config.n_layer}, "
        f"n_head = {config.n_head}, n_embd = {config.n_embd}"
    )


def _sizes(config: Config) -> tuple[int, int, int]:
    return config.vocabulary_size, config.n_layer, config.n_embd


# ---- 9 parameters ----------------------------------------------------------------------------


def _parameters(
    config: Config, embeddings=1, per_layer=12, mix=1, per_channel=0, layers=None
) -> int:
    """The count, or one with a part exchanged."""
    V, L, C = _sizes(config)
    layers = L if layers is None else layers
    return embeddings * V * C + layers * (per_layer * C * C + per_channel * C) + mix * C


PARAMETER_SLIPS = (
    Slip(
        "head_counted_apart",
        lambda c: _parameters(c, embeddings=2),
        "the vocabulary's matrix is counted twice. The head uses the embedding's weights: "
        "they are tied, and one matrix is stored.",
    ),
    Slip(
        "mix_forgotten",
        lambda c: _parameters(c, mix=0),
        "C weights are missing: the share of the previous word that is mixed in, one a channel.",
    ),
    Slip(
        "narrow_mlp",
        lambda c: _parameters(c, per_layer=6),
        "the MLP is four times as wide as the stream: up is (4C, C) and down (C, 4C).",
    ),
    Slip(
        "one_way_mlp",
        lambda c: _parameters(c, per_layer=8),
        "the MLP has two matrices, up and down, with 4C² weights each.",
    ),
    Slip(
        "out_forgotten",
        lambda c: _parameters(c, per_layer=11),
        "a layer lacks C² weights: attention ends in a matrix `out` that mixes the heads.",
    ),
    Slip(
        "keys_and_values_forgotten",
        lambda c: _parameters(c, per_layer=10),
        "attention has three matrices before the scores, for queries, keys and values.",
    ),
    Slip(
        "heads_multiplied",
        lambda c: _parameters(c, per_layer=4 * c.n_head + 8),
        "you gave every head matrices of full width. The heads share C: "
        "their number costs nothing.",
    ),
    Slip(
        "one_layer",
        lambda c: _parameters(c, layers=1),
        "that is the count for one layer.",
    ),
    Slip(
        "norms_counted",
        lambda c: _parameters(c, per_channel=4),
        "this model's norms have no weights: no gain, no bias.",
    ),
    Slip(
        "biases_counted",
        lambda c: _parameters(c, per_channel=9),
        "this model's matrices have no biases.",
    ),
    Slip(
        "positions_learned",
        lambda c: _parameters(c) + c.context * c.n_embd,
        "rotary positions are computed, not learned: they need no weights.",
    ),
)


@check(lab=LAB, exercise="count_parameters", points=1)
def count_parameters(answer):
    """count_parameters(config) -> number of learned weights of the course's model."""
    for config in (SMALL, COURSE):
        expected = transformer.count_parameters(Transformer(config))
        source = "the model itself has"
        got = answer(config)
        compare(got, expected, PARAMETER_SLIPS, (config,), _given(config), source, EXACT)


# ---- 10 FLOPs of a training step -------------------------------------------------------------


def training_step_flops(
    config: Config, batch: int, length: int, per_weight=12, scores=2.0, head=1, passes=3
) -> float:
    """FLOPs of the matrix products of one training step; the defaults are right.

    per_weight: matrices of C² in a layer. scores: products over all pairs of words (QK and AV).
    head: matrices of the size of the vocabulary. passes: forward 1, backward 2.
    """
    V, L, C = _sizes(config)
    words = batch * length
    forward = L * (2 * words * per_weight * C * C + scores * 2 * words * length * C)
    return passes * (forward + head * 2 * words * V * C)


FLOP_SLIPS = (
    Slip(
        "forward_only",
        lambda *a: training_step_flops(*a, passes=1),
        "that is the forward pass. Training goes back too, at twice its cost.",
    ),
    Slip(
        "backward_as_forward",
        lambda *a: training_step_flops(*a, passes=2),
        "going back costs twice the forward pass: one product for the gradient of the input, "
        "one for that of the weights.",
    ),
    Slip(
        "multiply_add_as_one",
        lambda *a: training_step_flops(*a) / 2,
        "a multiplication and an addition are two FLOPs.",
    ),
    Slip(
        "scores_forgotten",
        lambda *a: training_step_flops(*a, scores=0),
        "the products of attention itself are missing: QKᵀ and the weighted sum of V. "
        "They need no weights, but cost T² · C each.",
    ),
    Slip(
        "one_product_of_scores",
        lambda *a: training_step_flops(*a, scores=1),
        "attention multiplies twice over all pairs of words: QKᵀ, then the shares times V. "
        "(If you halved them for the mask: here they count in full.)",
    ),
    Slip(
        "scores_times_heads",
        lambda c, *a: training_step_flops(c, *a, scores=2 * c.n_head),
        "each head's product is only D wide. All H together cost T² · C.",
    ),
    Slip(
        "head_forgotten",
        lambda *a: training_step_flops(*a, head=0),
        "the last product is missing: C channels to V scores, for every word.",
    ),
    Slip(
        "look_up_counted",
        lambda *a: training_step_flops(*a, head=2),
        "the embedding is looked up, not multiplied: no FLOPs.",
    ),
    Slip(
        "mask_halves",
        lambda *a: training_step_flops(*a, scores=1.0 + 1.0 / a[2]),
        "here the T × T products count in full, future words included.",
    ),
    Slip(
        "one_text",
        lambda c, B, T: training_step_flops(c, 1, T),
        "that is one text. The batch holds more.",
    ),
    Slip(
        "one_word",
        lambda c, B, T: training_step_flops(c, B, T) / (B * T),
        "that is one word. A step reads B · T of them.",
    ),
)


@check(lab=LAB, exercise="training_flops", points=2)
def training_flops(answer):
    """training_flops(config, batch, length) -> FLOPs of the matrix products of one step."""
    for inputs in ((SMALL, 2, 7), (COURSE, 8, 144)):
        config, batch, length = inputs
        given = f"{_given(config)}, batch = {batch}, length = {length}"
        expected = training_step_flops(*inputs)
        compare(answer(*inputs), expected, FLOP_SLIPS, inputs, given, "the right one is", EXACT)


# ---- 11 memory -------------------------------------------------------------------------------


def _weight_bytes(config: Config, batch: int, length: int, bytes_per_value: int) -> int:
    return _parameters(config) * bytes_per_value


def _cache_bytes(config: Config, batch: int, length: int, bytes_per_value: int) -> int:
    _, L, C = _sizes(config)
    return 2 * L * C * batch * length * bytes_per_value


WEIGHT_SLIPS = (
    Slip("swapped", _cache_bytes, "the order: weights first, then the cache."),
    Slip(
        "weights_times_batch",
        lambda c, B, T, b: B * _weight_bytes(c, B, T, b),
        "the weights are stored once, whatever the batch.",
    ),
    Slip(
        "weights_in_bits",
        lambda *a: 8 * _weight_bytes(*a),
        "bits? bytes_per_value is in bytes already.",
    ),
    Slip(
        "values_not_bytes",
        lambda c, *a: _parameters(c),
        "that is the number of values. Each takes bytes_per_value bytes.",
    ),
    Slip(
        "always_four_bytes",
        lambda c, *a: 4 * _parameters(c),
        "you assume 4 bytes a value. Use the argument.",
    ),
)
CACHE_SLIPS = (
    Slip(
        "keys_only",
        lambda *a: _cache_bytes(*a) // 2,
        "the factor 2 is missing: keys and values are both kept.",
    ),
    Slip(
        "queries_too",
        lambda *a: _cache_bytes(*a) // 2 * 3,
        "queries are not kept: a past word never asks again.",
    ),
    Slip(
        "one_layer",
        lambda c, *a: _cache_bytes(c, *a) // c.n_layer,
        "that is one layer. Every layer keeps its own keys and values.",
    ),
    Slip(
        "one_text",
        lambda c, B, *a: _cache_bytes(c, 1, *a),
        "that is one text. Each text of the batch keeps its own.",
    ),
    Slip(
        "one_head",
        lambda c, *a: _cache_bytes(c, *a) // c.n_head,
        "that is one head, D wide. All H heads together are C wide.",
    ),
    Slip(
        "scores_kept",
        lambda c, B, T, b: 2 * c.n_layer * c.n_head * B * T * T * b,
        "the T × T scores are not kept, only one key and one value a word and layer.",
    ),
    Slip(
        "whole_context",
        lambda c, B, T, b: _cache_bytes(c, B, c.context, b),
        "that is a cache for the longest possible text. Here it holds `length` words.",
    ),
)


@check(lab=LAB, exercise="memory", points=1)
def memory(answer):
    """memory(config, batch, length, bytes_per_value) -> (bytes of weights, bytes of cache)."""
    for inputs in ((SMALL, 5, 7, 2), (COURSE, 16, 120, 1)):
        config, batch, length, width = inputs
        given = f"{_given(config)}, batch = {batch}, length = {length}, bytes_per_value = {width}"
        got = answer(*inputs)
        if len(got) != 2:
            raise CheckFailed(
                f"expected two numbers, (weights, cache), got {len(got)}.", hint="not_two"
            )
        parts = (("weights", _weight_bytes, WEIGHT_SLIPS), ("cache", _cache_bytes, CACHE_SLIPS))
        for value, (name, right, slips) in zip(got, parts, strict=True):
            source = f"the {name} take"
            compare(value, right(*inputs), slips, inputs, f"{given}", source, EXACT)
