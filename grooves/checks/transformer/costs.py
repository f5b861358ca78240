"""Check of lab 04, the costs of a model: parameters, bytes of the cache, FLOPs (chapter 04).

Key idea: the expected count of parameters is that of the course's own model, built at that size, so
any correct way of counting passes. Each of the three numbers has its own mistakes.
Shapes: B texts, T words, C channels, V words in the vocabulary, L layers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch

from grooves.checks.compare import Mistake, own_seed
from grooves.models import transformer
from grooves.models.transformer import Config, Transformer

LAB = "04_transformer"
# All sizes differ, so that no mistake looks like another.
SMALL = Config(vocabulary_size=50, context=32, n_layer=4, n_head=3, n_embd=18, mlp_from=1)
LARGER = Config(vocabulary_size=500, n_layer=6, n_head=4, n_embd=64, mlp_from=2)
ONE_LAYER = Config(vocabulary_size=23, context=45, n_layer=1, n_head=1, n_embd=10, mlp_from=0)
# its counts need more than 32 bits
HUGE = Config(vocabulary_size=50_257, n_layer=5, n_head=28, n_embd=12_320, mlp_from=3)
# more layers than any model of the lab, and few words
DEEP = Config(vocabulary_size=3, n_layer=130, n_head=2, n_embd=4, mlp_from=129)
# sizes that are equal, though they mean different things
EQUAL = Config(vocabulary_size=12, context=12, n_layer=3, n_head=3, n_embd=12, mlp_from=1)


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


def counted(answer, *inputs):
    """What an answer returns; a model that it builds for counting takes no memory."""
    with torch.device("meta"):
        got = answer(*inputs)
    if any(getattr(part, "is_meta", False) for part in (got, *as_parts(got))):
        got = answer(*inputs)  # a tensor of counts, which must be read
    return got


def as_parts(got) -> tuple:
    """The results of an answer that returns several."""
    return tuple(got) if isinstance(got, (tuple, list)) else ()


# ---- parameters ------------------------------------------------------------------------------


def parameters(config: Config, embeddings=1, mix=1, attention=4, mlp=8, vectors=(0, 0, 0)) -> int:
    """The count, or one with a part replaced.

    attention, mlp: matrices of C² in each. vectors: further vectors of C weights, per layer,
    per MLP, and in the whole model.
    """
    V, L, C, L_mlp = sizes(config)
    matrices = (L * attention + L_mlp * mlp) * C * C
    further = L * vectors[0] + L_mlp * vectors[1] + vectors[2]
    return embeddings * V * C + mix * C + matrices + further * C


PARAMETER_MISTAKES = (
    Mistake(
        "untied_head",
        lambda c, *_: parameters(c, embeddings=2),
        "the vocabulary's matrix is counted twice. The head uses the embedding's weights: "
        "they are tied, and one matrix is stored.",
    ),
    Mistake(
        "mix_forgotten",
        lambda c, *_: parameters(c, mix=0),
        "C weights are missing: the token shift `mix` has one per channel.",
    ),
    Mistake(
        "mlp_everywhere",
        lambda c, *_: parameters(replace(c, mlp_from=0)),
        "you count an MLP in every layer. The first mlp_from layers have none.",
    ),
    Mistake(
        "narrow_mlp",
        lambda c, *_: parameters(c, mlp=2),
        "the MLP is four times as wide as the stream: up is (4C, C) and down (C, 4C).",
    ),
    Mistake(
        "half_mlp",
        lambda c, *_: parameters(c, mlp=4),
        "the MLP has two matrices, up and down, with 4C² weights each.",
    ),
    Mistake(
        "out_forgotten",
        lambda c, *_: parameters(c, attention=3),
        "C² weights per layer are missing: attention ends in a matrix `out` that mixes the heads.",
    ),
    Mistake(
        "embedding_forgotten",
        lambda c, *_: parameters(c, embeddings=0),
        "V · C weights are missing: the embedding has a row of C for each word of the vocabulary.",
    ),
    Mistake(
        "heads_multiplied",
        lambda c, *_: parameters(c, attention=4 * c.n_head),
        "you count matrices of full width for every head. The heads divide C among them, so "
        "their number does not change the count.",
    ),
    Mistake(
        "one_layer",
        lambda c, *_: parameters(replace(c, n_layer=1, mlp_from=0)),
        "that is the count for one layer.",
    ),
    *(
        Mistake(
            "norms_counted",
            lambda c, *_, vectors=vectors: parameters(c, vectors=vectors),
            "this model's norms have no parameters: no gain, no bias.",
        )
        for vectors in ((4, 0, 0), (2, 0, 0), (4, 0, 2), (2, 0, 1), (2, 2, 0), (1, 1, 0))
    ),
    *(
        Mistake(
            "biases_counted",
            lambda c, *_, vectors=vectors: parameters(c, vectors=vectors),
            "this model's matrices have no biases.",
        )
        for vectors in ((9, 0, 0), (4, 5, 0))
    ),
    Mistake(
        "positions_learned",
        lambda c, *_: parameters(c) + c.context * c.n_embd,
        "rotary positions are computed, not learned: they need no weights.",
    ),
)


@cache
def counted_on_the_model(config: Config) -> int:
    """The number of parameters of the course's own model."""
    with own_seed(0), torch.device("meta"):
        return transformer.count_parameters(Transformer(config))


# ---- the cache -------------------------------------------------------------------------------


def cache_bytes(config: Config, batch: int, length: int) -> int:
    """Bytes of a key and a value of 16 bits, in every layer, for every word of every text."""
    _, L, C, _ = sizes(config)
    return 2 * 2 * L * C * batch * length


CACHE_MISTAKES = (
    Mistake(
        "keys_only",
        lambda *a: cache_bytes(*a) // 2,
        "a factor 2 is missing from the cache: it holds keys and values, of 2 bytes each.",
    ),
    Mistake(
        "cache_of_one_layer",
        lambda c, *a: cache_bytes(c, *a) // c.n_layer,
        "that is the cache of one layer. Every layer caches its own keys and values.",
    ),
    Mistake(
        "one_text",
        lambda c, B, *a: cache_bytes(c, 1, *a),
        "that is one text. Each text of the batch has its own cache.",
    ),
    Mistake(
        "one_head",
        lambda c, *a: cache_bytes(c, *a) // c.n_head,
        "that is one head, D wide. All H heads together are C wide.",
    ),
    Mistake(
        "times_heads",
        lambda c, *a: cache_bytes(c, *a) * c.n_head,
        "C is the width of all heads together: H · D = C. Do not multiply by H again.",
    ),
    Mistake(
        "four_bytes",
        lambda *a: 2 * cache_bytes(*a),
        "you assume 4 bytes per value. At 16 bits it is 2.",
    ),
    Mistake(
        "whole_context",
        lambda c, B, T: cache_bytes(c, B, c.context),
        "that is a cache for config.context words. Here it holds `length` words.",
    ),
)
