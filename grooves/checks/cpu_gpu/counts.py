"""Check of lab 11, second part: arithmetic intensity (chapter 11).

Key idea: FLOPs and bytes of an operation follow from its shapes. No two sizes are equal, so that no
mistake hides another. Letters: n rows, k inner, m columns, b bytes per number.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge

CASES = (
    ("matmul", (6, 10, 15), 4),
    ("matmul", (512, 64, 2048), 2),
    ("matmul", (1009, 2003, 3001), 8),
    ("matmul", (11, 11, 3), 1),
    ("matvec", (40, 25), 4),
    ("matvec", (1024, 4096), 1),
    ("matvec", (700, 3), 8),
    ("add", (30, 7), 2),
    ("add", (30, 7), 4),  # the shape alone does not decide
    ("add", (9, 130), 8),
    ("copy", (30, 7), 4),
    ("copy", (5, 60), 1),
    ("matmul", (1, 7, 1), 2),
    ("matmul", (70_001, 60_013, 50_021), 16),
    ("matvec", (1, 90_001), 3),
    ("add", (70_001, 90_001), 0.5),
    ("copy", (1, 1), 16),
)


def flops(operation: str, shape: tuple) -> float:
    """FLOPs: a multiplication and an addition are two."""
    if operation == "matmul":
        n, k, m = shape
        return 2 * n * k * m
    a, b = shape
    return {"matvec": 2 * a * b, "add": a * b, "copy": 0}[operation]


def moved(operation: str, shape: tuple) -> tuple[float, float]:
    """Numbers that are read, and numbers that are written."""
    if operation == "matmul":
        n, k, m = shape
        return n * k + k * m, n * m
    a, b = shape
    return {
        "matvec": (a + a * b, b),
        "add": (2 * a * b, a * b),
        "copy": (a * b, a * b),
    }[operation]


def right(operation: str, shape: tuple, bytes_per_number: float) -> float:
    """FLOPs per byte."""
    return flops(operation, shape) / (sum(moved(operation, shape)) * bytes_per_number)


def _of(*operations: str):
    """A mistake in these operations only: elsewhere it gives the right answer."""

    def only(compute):
        return lambda o, s, b: compute(o, s, b) if o in operations else right(o, s, b)

    return only


def _inverse(o, s, b):
    return 1 / right(o, s, b) if flops(o, s) else float("inf")


SQUARE = "your formula holds only where all sizes are equal. Here they are not."
ROW = (
    "for row times matrix, you leave out the row that is read, the one that is written, or both. "
    "They are few bytes, but they count."
)
MISTAKES = (
    Mistake(
        "output_forgotten",
        lambda o, s, b: flops(o, s) / (moved(o, s)[0] * b),
        "the bytes of the result are missing: it is written to memory too.",
    ),
    Mistake(
        "multiply_add_as_one",
        _of("matmul", "matvec")(lambda o, s, b: right(o, s, b) / 2),
        "you count a multiplication and an addition as one FLOP. They are two.",
    ),
    Mistake(
        "numbers_not_bytes",
        lambda o, s, b: right(o, s, b) * b,
        "that is FLOPs per number. Each number takes bytes_per_number bytes.",
    ),
    Mistake(
        "parentheses_missing",
        lambda o, s, b: right(o, s, b) * b**2,
        "you divide by the count of numbers and then multiply by bytes_per_number. Put "
        "parentheses around the whole denominator.",
    ),
    Mistake(
        "first_addition_left_out",
        _of("matmul", "matvec")(lambda o, s, b: right(o, s, b) * (1 - 0.5 / s[-2])),
        "you count one addition fewer than multiplications. By convention each product is added "
        "to a sum that starts at 0, which makes two FLOPs each.",
    ),
    Mistake("inverted", _inverse, "those are bytes per FLOP. Divide the FLOPs by the bytes."),
    Mistake(
        "square_assumed",
        _of("matmul")(lambda o, s, b: right(o, (s[0],) * 3, b)),
        SQUARE,
    ),
    Mistake(
        "square_assumed",
        _of("matmul", "matvec")(lambda o, s, b: right(o, (s[0],) * len(s), b)),
        SQUARE,
    ),
    Mistake(
        "weights_only",
        _of("matmul")(lambda o, s, b: flops(o, s) / (s[1] * s[2] * b)),
        "you count the bytes of the second matrix only. The first matrix and the result are "
        "transferred as well.",
    ),
    *(
        Mistake("vector_forgotten", _of("matvec")(compute), ROW)
        for compute in (
            lambda o, s, b: flops(o, s) / (s[0] * s[1] * b),
            lambda o, s, b: flops(o, s) / (s[0] * s[1] + s[0]) / b,
            lambda o, s, b: flops(o, s) / (s[0] * s[1] + s[1]) / b,
        )
    ),
    Mistake(
        "two_flops_per_addition",
        _of("add")(lambda o, s, b: 2 * right(o, s, b)),
        "you count two FLOPs for adding two numbers. There is no multiplication, so it is one.",
    ),
    Mistake(
        "operand_forgotten",
        _of("add")(lambda o, s, b: flops(o, s) / (2 * s[0] * s[1] * b)),
        "the bytes of one matrix are missing: two are read and a third is written.",
    ),
)


@check(lab=LAB, exercise="intensity")
def intensity(answer):
    """intensity(operation, shape, bytes_per_number) -> FLOPs per byte."""
    cases = [
        Case(
            inputs,
            {"the intensity": right(*inputs)},
            "{} with shape = {} and bytes_per_number = {}".format(*inputs),
        )
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, ("FLOPs per byte",))
