"""Check of lab 15: the dense peak behind a printed one (chapter 15).

Key idea: printed at 4, 8 and 16 bits, with and without sparsity, wanted at more and at fewer bits.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# printed, printed_bits, sparse, wanted_bits
CASES = (
    (31.664, 8, True, 8),
    (31.664, 8, True, 16),
    (0.404, 8, False, 16),
    (20.0, 4, True, 16),
    (2.25, 16, True, 8),
    (0.312, 16, False, 32),
    (9.0, 4, False, 4),
)


def right(printed, printed_bits, sparse, wanted_bits, factor=2, scale=None):
    """Dense operations per second at the wanted precision, with a place for each mistake."""
    scale = printed_bits / wanted_bits if scale is None else scale(printed_bits, wanted_bits)
    return printed / (factor if sparse else 1) * scale


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "sparsity_kept",
        "you keep the factor of sparsity. A dense model multiplies all weights: divide by 2 where "
        "the printed figure counts sparsity.",
        _with(factor=1),
    ),
    *in_forms(
        "sparsity_multiplied",
        "the dense peak is lower than the sparse one: divide by 2.",
        _with(factor=0.5),
    ),
    Mistake(
        "always_halved",
        lambda p, b, s, w: right(p, b, True, w),
        "you halve every figure. Only those that count sparsity are twice the dense one.",
    ),
    *in_forms(
        "four_of_sparsity",
        "in 2:4 sparsity two of four weights are left, which promises a factor of 2.",
        _with(factor=4),
    ),
    *in_forms(
        "precision_ignored",
        "half as many bits mean twice as many operations: the peak depends on the precision.",
        _with(scale=lambda b, w: 1),
    ),
    *in_forms(
        "precision_inverted",
        "your factor is the wrong way round. At more bits fewer operations are done.",
        _with(scale=lambda b, w: w / b),
    ),
    *in_forms(
        "bits_squared",
        "the figures of one chip grow in proportion to 1 / bits: twice from 16 to 8, and not four "
        "times.",
        _with(scale=lambda b, w: (b / w) ** 2),
        _with(scale=lambda b, w: (b / w) ** 0.5),
    ),
    *in_forms(
        "only_halved_once",
        "from 4 to 16 bits the precision doubles twice.",
        _with(scale=lambda b, w: 0.5 if w > b else 2 if w < b else 1),
    ),
)


@check(lab=LAB, exercise="dense_peak")
def dense_peak(answer):
    """dense_peak(printed, printed_bits, sparse, wanted_bits) -> 10¹⁵ operations per second."""
    names = ("printed", "printed_bits", "sparse", "wanted_bits")
    unit = "· 10¹⁵ operations per second"
    judge_figures(answer, names, CASES, right, ("the dense peak",), MISTAKES, (unit,))
