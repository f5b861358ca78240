"""Check of lab 04, the costs of a model, with its FLOPs (chapter 04).

Key idea: nearly all arithmetic is matrix products, whose cost follows from their shapes. A test
compares the formula with PyTorch's own counter on the course's model.
Shapes: B texts, T words, C channels, V words in the vocabulary, L layers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, as_tensor, compare
from grooves.checks.transformer.costs import (
    CACHE_MISTAKES,
    DEEP,
    EQUAL,
    HUGE,
    LAB,
    LARGER,
    ONE_LAYER,
    PARAMETER_MISTAKES,
    SMALL,
    cache_bytes,
    counted,
    counted_on_the_model,
    given,
    parameters,
    sizes,
)
from grooves.models.transformer import Config

EXACT = 1e-9  # counts, so only a float's rounding is forgiven


def training_step_flops(
    config: Config, batch: int, length: int, scores=2, head=1, passes=3
) -> float:
    """FLOPs of the matrix products of one training step; the defaults are right.

    scores: products over all pairs of words (QK and AV). head: matrices of the vocabulary's size.
    passes: forward 1, backward 2.
    """
    V, L, C, L_mlp = sizes(config)
    words = batch * length
    weights = (4 * L + 8 * L_mlp) * C * C + head * V * C
    return passes * 2 * words * (weights + L * scores * length * C)


FLOP_MISTAKES = (
    Mistake(
        "forward_only",
        lambda *a: training_step_flops(*a, passes=1),
        "that is the forward pass alone. The backward pass costs twice as much again.",
    ),
    Mistake(
        "backward_as_forward",
        lambda *a: training_step_flops(*a, passes=2),
        "the backward pass costs twice the forward pass: one product for the gradient of the "
        "input, one for that of the weights.",
    ),
    Mistake(
        "multiply_add_as_one",
        lambda *a: training_step_flops(*a) / 2,
        "a multiplication and an addition are two FLOPs.",
    ),
    Mistake(
        "scores_forgotten",
        lambda *a: training_step_flops(*a, scores=0),
        "the products of attention itself are missing: QKᵀ and the weighted sum of V. "
        "They have no weights, but take T² · C multiplications each.",
    ),
    Mistake(
        "six_per_weight",
        lambda c, B, T: 6 * B * T * parameters(c),
        "6 · parameters · words is the rule of thumb. It omits the products over pairs of words "
        "and counts the token shift `mix`, which is not a matrix product.",
    ),
    Mistake(
        "flops_of_mlp_everywhere",
        lambda c, *a: training_step_flops(replace(c, mlp_from=0), *a),
        "among the FLOPs you count an MLP in every layer. The first mlp_from layers have none.",
    ),
    Mistake(
        "one_product_of_two",
        lambda *a: training_step_flops(*a, scores=1),
        "attention has two products over all pairs of words: QKᵀ, then the attention weights times "
        "V. (If you halved them for the mask: here they count in full.)",
    ),
    Mistake(
        "scores_of_one_head",
        lambda c, *a: training_step_flops(c, *a, scores=2 / c.n_head),
        "you count the pairs of words for one head, D wide. All H together take T² · C.",
    ),
    Mistake(
        "scores_times_heads",
        lambda c, *a: training_step_flops(c, *a, scores=2 * c.n_head),
        "each head's product is only D wide. All H together take T² · C.",
    ),
    Mistake(
        "head_forgotten",
        lambda *a: training_step_flops(*a, head=0),
        "the head's product is missing: C channels to V logits, for every word.",
    ),
)


PARTS = (
    ("parameters", PARAMETER_MISTAKES, lambda c, B, T: counted_on_the_model(c)),
    ("bytes of the cache", CACHE_MISTAKES, cache_bytes),
    ("FLOPs of a training step", FLOP_MISTAKES, training_step_flops),
)


@check(lab=LAB, exercise="costs", returns=(tuple, list, Tensor, np.ndarray))
def costs(answer):
    """costs(config, batch, length) -> (parameters, bytes of the cache, FLOPs of a step)."""
    small = (SMALL, 5, 7)
    others = (LARGER, 9, 131), (SMALL, 2, 61), (ONE_LAYER, 1, 1), (HUGE, 8, 125)
    for inputs in (small, *others, (DEEP, 300, 5_053), (EQUAL, 12, 12), small):
        config, batch, length = inputs
        got = counted(answer, *inputs)
        if len(got) != 3:
            raise CheckFailed(
                f"expected three numbers, (parameters, bytes, FLOPs), got {len(got)}.",
                hint="not_three",
            )
        described = f"{given(config)}, batch = {batch}, length = {length}"
        for value, (name, mistakes, right) in zip(got, PARTS, strict=True):
            value = as_tensor(value)
            value = value.reshape(()) if value.numel() == 1 else value
            which = f"the {name}, {described}"
            expected = right(*inputs)
            compare(value, expected, mistakes, inputs, which, "the right one is", EXACT)
