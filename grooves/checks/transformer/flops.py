"""Check of lab 04, fourth part: the FLOPs of a training step (chapter 04).

Key idea: nearly all arithmetic is matrix products, whose cost follows from their shapes. A test
compares the formula with PyTorch's own counter on the course's model.
Shapes: B texts, T words, C channels, V words in the vocabulary, L layers.
"""

from __future__ import annotations

from dataclasses import replace

from grooves.checks import check
from grooves.checks.compare import Mistake
from grooves.checks.transformer.costs import (
    DEEP,
    EQUAL,
    HUGE,
    LAB,
    LARGER,
    ONE_LAYER,
    SMALL,
    compare_count,
    counted,
    given,
    sizes,
)
from grooves.models.transformer import Config


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


def _n_weights(config: Config) -> int:
    """All parameters, as exercise 9 counts them."""
    V, L, C, L_mlp = sizes(config)
    return V * C + C + (4 * L + 8 * L_mlp) * C * C


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
        lambda c, B, T: 6 * B * T * _n_weights(c),
        "6 · parameters · words is the rule of thumb. It omits the products over pairs of words "
        "and counts the token shift `mix`, which is not a matrix product.",
    ),
    Mistake(
        "mlp_everywhere",
        lambda c, *a: training_step_flops(replace(c, mlp_from=0), *a),
        "you count an MLP in every layer. The first mlp_from layers have none.",
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


@check(lab=LAB, exercise="training_flops")
def training_flops(answer):
    """training_flops(config, batch, length) -> FLOPs of the matrix products of one step."""
    small = (SMALL, 5, 7)
    for inputs in (
        small,
        (LARGER, 9, 131),
        (SMALL, 2, 61),
        (ONE_LAYER, 1, 1),
        (HUGE, 8, 125),
        (DEEP, 300, 5_053),
        (EQUAL, 12, 12),
        small,
    ):
        config, batch, length = inputs
        described = f"{given(config)}, batch = {batch}, length = {length}"
        expected = training_step_flops(*inputs)
        compare_count(counted(answer, *inputs), expected, FLOP_MISTAKES, inputs, described)
