"""Check of lab 06: the largest rank that a budget pays for (chapter 06).

Key idea: the counts are small enough to be done on paper, and between them they show each mistake:
a budget that is met to the number, one that pays for nothing, one that pays for more directions
than a matrix has.
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
        "no_end",
        lambda shapes, budget: budget // sum(map(sum, shapes)),
        "a matrix has no more directions than its shorter side is long.",
    ),
    Mistake(
        "last_rank_left_out",
        lambda shapes, budget: min(_rank(shapes, budget), min(map(min, shapes)) - 1),
        "you end one short of the shorter side, as range(1, side) does. A matrix has as many "
        "directions as that side is long.",
    ),
    Mistake(
        "longer_side",
        lambda shapes, budget: _rank(shapes, budget, side=max),
        "the longer side sets no limit: a matrix has as many directions as its shorter side.",
    ),
    *(
        Mistake(
            "one_side_alone",
            lambda shapes, budget, at=at: _rank(shapes, budget, side=lambda shape: shape[at]),
            "your limit is one of O and I alone. The shorter of them sets it, whichever it is.",
        )
        for at in (0, 1)
    ),
    Mistake(
        "first_matrix_ends",
        lambda shapes, budget: min(budget // sum(map(sum, shapes)), *shapes[0]),
        "the limit is that of the first matrix. All of them must allow the rank.",
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
        "equal_shapes_once",
        lambda shapes, budget: _rank(list(set(shapes)), budget),
        "matrices of the same shape are counted once. Each has an A and a B of its own.",
    ),
    Mistake(
        "square_assumed",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: 2 * n_out),
        "you count 2 · O, which is right for square matrices. A has r · I numbers, B r · O.",
    ),
    Mistake(
        "whole_matrices",
        lambda shapes, budget: _rank(shapes, budget, lambda n_out, n_in: n_out * n_in),
        "O · I is the price of a whole matrix. A and B of rank 1 are two vectors, I and O long.",
    ),
    Mistake(
        "first_matrix_alone",
        lambda shapes, budget: _rank(shapes[:1], budget),
        "you pay for the first matrix alone. The budget is for all of them.",
    ),
    Mistake(
        "each_gets_all",
        lambda shapes, budget: min(_rank([shape], budget) for shape in shapes),
        "each matrix gets the whole budget. They share it.",
    ),
    Mistake(
        "equal_shares",
        lambda shapes, budget: min(_rank([shape], budget // len(shapes)) for shape in shapes),
        "each matrix gets the same share of the budget. What a small one does not need is then "
        "lost; only the sum counts.",
    ),
    Mistake(
        "rounded",
        lambda shapes, budget: _rank(shapes, budget, how=round),
        "you round to the nearest rank, and the budget does not always pay for it. Round down.",
    ),
    Mistake(
        "at_least_one",
        lambda shapes, budget: max(1, _rank(shapes, budget)),
        "you give rank 1 where the budget does not pay for it. Then the rank is 0: no change.",
    ),
    Mistake(
        "rounded_up",
        lambda shapes, budget: _rank(shapes, budget, how=math.ceil),
        "you round up, and the budget does not pay for that. Round down.",
    ),
    Mistake(
        "just_below",
        lambda shapes, budget: max(0, _rank(shapes, budget - 1)),
        "a rank that takes the whole budget is left out. At most means <=.",
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
