"""Check of lab 06: the largest rank that a budget allows (chapter 06).

Key idea: the counts are small enough to be done on paper, and together they show each mistake: a
budget that is used up exactly, one too small for rank 1, one that allows more than the maximum
rank of a matrix.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake, written_by_hand

LAB = "06_fine_tuning"
EXACT = 1e-9


def _rank(shapes, budget, price=lambda n_out, n_in: n_out + n_in, side=min, how=math.floor) -> int:
    """The right rank, or one with a part exchanged."""
    most = min(side(shape) for shape in shapes)
    return min(how(budget / sum(price(*shape) for shape in shapes)), most)


MISTAKES = (
    Mistake(
        "no_upper_limit",
        lambda shapes, budget: budget // sum(map(sum, shapes)),
        "the result is larger than the shorter side of a matrix, and the rank of a matrix cannot "
        "exceed that.",
    ),
    Mistake(
        "longer_side",
        lambda shapes, budget: _rank(shapes, budget, side=max),
        "you limit the rank by the longer side. The rank of a matrix cannot exceed its shorter "
        "side.",
    ),
    Mistake(
        "only_a",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: n_in),
        "you count A alone. B has r · O numbers.",
    ),
    Mistake(
        "only_b",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: n_out),
        "you count B alone. A has r · I numbers.",
    ),
    Mistake(
        "square_assumed",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: 2 * n_out),
        "you count 2 · O, which holds for square matrices only. A has r · I numbers and B has r · "
        "O.",
    ),
    Mistake(
        "full_matrices",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: n_out * n_in),
        "O · I is the size of the full matrix. At rank 1, A has I numbers and B has O.",
    ),
    Mistake(
        "first_matrix_only",
        lambda shapes, budget: _rank(shapes[:1], budget),
        "you count the first matrix only. The budget covers all of them.",
    ),
    Mistake(
        "budget_not_shared",
        lambda shapes, budget: min(_rank([shape], budget) for shape in shapes),
        "you give each matrix the whole budget. They share it.",
    ),
    Mistake(
        "rounded",
        lambda shapes, budget: _rank(shapes, budget, how=round),
        "you round to the nearest rank, and the budget does not always allow it. Round down.",
    ),
    Mistake(
        "at_least_one",
        lambda shapes, budget: max(1, _rank(shapes, budget)),
        "you return 1 where the budget does not allow rank 1. Return 0 there: no change.",
    ),
    Mistake(
        "budget_excluded",
        lambda shapes, budget: max(0, _rank(shapes, budget - 1)),
        'a rank that uses up the budget exactly is left out. "At most" means <=.',
    ),
)


@check(lab=LAB, exercise="largest_rank")
def largest_rank(answer):
    """largest_rank(shapes, budget) -> the largest rank for all matrices."""

    def ask(shapes, budget):
        others = [shape for shape in shapes if shape != shapes[0]]
        alike = f"{len(shapes) - len(others)} of the shape {shapes[0]}"
        alike += f", then {others}" if others else ""
        listed = shapes if len(shapes) < 10 else alike
        given = f"shapes = {listed} and a budget of {budget:,}"
        judge(call, (shapes, budget), _rank(shapes, budget), MISTAKES, given, "it should be", EXACT)

    def call(*inputs):
        return written_by_hand(answer, *inputs)

    ask([(12, 8), (42, 20)], 2_145)
    ask([(28, 44), (20, 18), (56, 22)], 798)
    ask([(16, 22), (56, 40)], 1_015)
    ask([(20, 30), (30, 31)], 110)  # one number fewer than rank 1 takes
    ask([(21, 30), (30, 40), (44, 25)], 6 * 190 - 1)
    ask([(6, 10)], 5)
    ask([(6, 10), (7, 3)], 0)
    ask([(1, 1)], 2)
    ask([(5, 5), (5, 5), (5, 5)], 75)
    ask([(34, 26), (28, 4), (30, 56)], 5_182)
    ask([(64, 64), (256, 64), (64, 256)], 6_144)
    ask([(9, 9), (14, 7), (9, 9)], 150)
    ask([(40, 50), (50, 40), (44, 60)], 500)
    ask([(300, 500)], 700 * 800)
    ask([(50, 60)] * 150 + [(50, 7)], 10**7)
    ask([(50, 60)] * 300 + [(9, 300), (1, 3)], 10**6)
    ask([(12_288, 12_288)] * 192, 37_748_735)
    ask([(12_288, 4_096), (4_096, 12_288)], 131 * 32_768)
