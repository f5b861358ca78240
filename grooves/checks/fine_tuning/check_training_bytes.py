"""Check of lab 06: the memory that LoRA and QLoRA take in training (chapter 06).

Key idea: the frozen matrices and the trained ones follow different rules, and in no case do two
mistakes come to the same number: sizes that differ, more than one group, weights of 4, 8, 16 and 32
bits.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake, written_by_hand

LAB = "06_fine_tuning"
EXACT = 1e-9


def _bytes(
    shapes,
    rank,
    bits,
    group,
    per_frozen=lambda bits: bits / 8,
    per_learned=16,
    per_scale=2,
    scales=lambda frozen, bits, group: frozen / group if bits < 16 else 0,
    learned=lambda n_out, n_in, rank: rank * (n_out + n_in),
    small=None,
) -> float:
    """The right number of bytes, or one with a part exchanged.

    small: bytes for each number of A and B, from the bits of the frozen weights.
    """
    per_learned = small(bits) if small else per_learned
    frozen = sum(n_out * n_in for n_out, n_in in shapes)
    n_learned = sum(learned(*shape, rank) for shape in shapes)
    stored = frozen * per_frozen(bits) + per_scale * scales(frozen, bits, group)
    return stored + per_learned * n_learned


def _with(**parts):
    """A mistake's computation: the right one, with parts exchanged."""
    return lambda *inputs: _bytes(*inputs, **parts)


MISTAKES = tuple(
    Mistake(name, compute, says)
    for name, compute, says in (
        (
            "bits_for_bytes",
            _with(per_frozen=lambda bits: bits),
            "you count the bits of the frozen weights as bytes. A byte has 8 bits.",
        ),
        (
            "no_scales",
            _with(scales=lambda frozen, bits, group: 0),
            "the scales are missing. Below 16 bits, each group of weights has one.",
        ),
        *(
            (
                "scales_at_any_precision",
                _with(scales=scales),
                "you count scales at 16 bits or more. Only fewer bits need them.",
            )
            for scales in (
                lambda frozen, bits, group: frozen / group,
                lambda frozen, bits, group: frozen / group if bits <= 16 else 0,
            )
        ),
        (
            "scale_per_weight",
            _with(scales=lambda frozen, bits, group: frozen if bits < 16 else 0),
            "you count a scale for each weight. A whole group shares one.",
        ),
        *(
            (
                "size_of_a_scale",
                _with(per_scale=n_bytes),
                "you do not count 2 bytes for each scale. A scale has 16 bits.",
            )
            for n_bytes in (1, 4)
        ),
        *(
            (
                "frozen_has_gradients",
                _with(per_frozen=per_frozen),
                "you count gradients for the frozen weights. Only A and B have gradients and "
                "AdamW's moments.",
            )
            for per_frozen in (
                lambda bits: bits / 8 + 4,  # the gradients alone
                lambda bits: bits / 8 + 12,  # the moments too
                lambda bits: 4 * bits / 8,  # all four in few bits
                lambda bits: 16,  # and in 32
            )
        ),
        (
            "trained_in_few_bits",
            _with(small=lambda bits: 4 * bits / 8),
            "you store A and B with `bits` bits. They are trained in 32, whatever the frozen "
            "weights have.",
        ),
        (
            "trained_in_few_bits",
            _with(small=lambda bits: 12 + bits / 8),
            "you store A and B with `bits` bits. They are trained in 32, whatever the frozen "
            "weights have.",
        ),
        (
            "twelve_bytes",
            _with(per_learned=12),
            "you count 12 bytes for each number of A and B. There are four numbers of 32 bits: the "
            "weight, its gradient and AdamW's two moments.",
        ),
        (
            "no_moments",
            _with(per_learned=8),
            "AdamW's two moments of A and B are missing.",
        ),
        (
            "no_moments",
            _with(per_learned=4),
            "gradients and moments of A and B are missing.",
        ),
        *(
            (
                "one_of_a_and_b",
                _with(learned=learned),
                "you count only one of the matrices A and B. A has r · I numbers, and B has r · O.",
            )
            for learned in (
                lambda n_out, n_in, rank: rank * n_in,
                lambda n_out, n_in, rank: rank * n_out,
            )
        ),
        (
            "rank_forgotten",
            _with(learned=lambda n_out, n_in, rank: n_out + n_in),
            "you count A and B for rank 1. Multiply by the rank.",
        ),
        (
            "frozen_forgotten",
            _with(per_frozen=lambda bits: 0),
            "the frozen weights themselves are missing.",
        ),
    )
)


@check(lab=LAB, exercise="training_bytes")
def training_bytes(answer):
    """training_bytes(shapes, rank, bits, group) -> bytes."""

    def call(*inputs):
        return written_by_hand(answer, *inputs)

    def ask(shapes, rank, bits, group):
        inputs = (shapes, rank, bits, group)
        listed = shapes if len(shapes) < 10 else f"{len(shapes)} of the shape {shapes[0]}"
        given = f"shapes = {listed}, {rank = }, {bits = } and {group = }"
        judge(call, inputs, _bytes(*inputs), MISTAKES, given, "it should be", EXACT)

    ask([(10, 12), (14, 6)], 3, 4, 6)
    ask([(10, 12), (14, 6)], 3, 16, 6)
    ask([(40, 24)], 5, 8, 12)
    ask([(7, 8), (8, 9), (16, 5)], 2, 2, 4)
    ask([(7, 5), (9, 11)], 1, 32, 64)
    ask([(64, 64), (192, 64), (64, 256)], 4, 4, 64)
    ask([(30, 20)], 6, 3, 1)
    ask([(6, 8), (6, 8)], 7, 15, 3)
    ask([(6, 8)], 0, 4, 4)
    ask([(4_096, 4_096)] * 128, 16, 4, 64)
    ask([(14_336, 4_096), (4_096, 14_336)], 256, 8, 128)
