"""Check of lab 14: operations per byte of a matrix times one vector or several (chapter 14).

Key idea: precisions of weights and vectors differ in most cases, so that bits, bytes and numbers
cannot be exchanged unnoticed.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.dataflow.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms

# n_out, n_in, n_vectors, weight_bits, other_bits
CASES = (
    (4, 6, 1, 16, 16),
    (4, 6, 1, 8, 16),
    (4, 6, 3, 8, 16),
    (8_192, 28_672, 1, 8, 8),
    (8_192, 28_672, 1, 16, 16),
    (8_192, 28_672, 64, 4, 16),
    (300, 7, 11, 4, 32),
    (7, 300, 11, 4, 32),
    (320, 320, 5, 8, 32),
    (1, 90, 2, 6, 16),
    (640, 1, 1, 32, 16),
)


def right(
    n_out, n_in, n_vectors, weight_bits, other_bits, per_product=2, bits=8, weights=1, read=1,
    written=1, vectors=None, products=None,
):  # fmt: skip
    """Operations per byte, with a place for each mistake."""
    rows = n_vectors if vectors is None else vectors
    operations = per_product * n_out * n_in * (n_vectors if products is None else products)
    moved = weights * n_out * n_in * weight_bits
    moved += rows * (read * n_in + written * n_out) * other_bits
    return operations / (moved / bits)


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    Mistake(
        "multiply_add_as_one",
        _with(per_product=1),
        "you count a multiplication and an addition as one operation. They are two.",
    ),
    *in_forms(
        "bits_for_bytes",
        "that is operations per bit, or per number. A byte has eight bits.",
        _with(bits=1),
        lambda n_out, n_in, n, *_: right(n_out, n_in, n, 8, 8),
        _with(bits=1 / 8),
    ),
    Mistake(
        "weights_for_each_vector",
        lambda n_out, n_in, n, *rest: right(n_out, n_in, n, *rest, weights=n),
        "you count the weights once per vector, or everything for one vector. The weights are read "
        "once, and all vectors use them.",
    ),
    *in_forms(
        "one_precision",
        "weights and vectors have precisions of their own: `weight_bits` for the matrix, "
        "`other_bits` for what is read and written besides.",
        lambda n_out, n_in, n, w, _: right(n_out, n_in, n, w, w),
        lambda n_out, n_in, n, _, other: right(n_out, n_in, n, other, other),
        lambda n_out, n_in, n, w, other: right(n_out, n_in, n, other, w),
    ),
    Mistake(
        "weights_only",
        _with(read=0, written=0),
        "you count the bytes of the matrix only. The vectors are read, and the results written.",
    ),
    Mistake(
        "results_forgotten",
        _with(written=0),
        "the bytes of the results are missing: n_out numbers for each vector are written.",
    ),
    Mistake(
        "inputs_forgotten",
        _with(read=0),
        "the bytes of the vectors that are read are missing: n_in numbers for each of them.",
    ),
    Mistake(
        "sides_exchanged",
        lambda n_out, n_in, n, w, other: (
            2 * n_out * n_in * n / ((n_out * n_in * w + 2 * n * n_in * other) / 8)
        ),
        "you count n_in numbers for each result. A result has n_out of them.",
    ),
    *in_forms(
        "one_vector",
        "you count the operations, or the bytes, of one vector. There are n_vectors.",
        _with(vectors=1),
        _with(products=1),
    ),
    Mistake(
        "inverted",
        lambda *inputs: 1 / right(*inputs),
        "those are bytes per operation. Divide the operations by the bytes.",
    ),
)


@check(lab=LAB, exercise="intensity")
def intensity(answer):
    """intensity(n_out, n_in, n_vectors, weight_bits, other_bits) -> operations per byte."""
    names = ("n_out", "n_in", "n_vectors", "weight_bits", "other_bits")
    cases = [
        Case(
            inputs,
            {"the intensity": right(*inputs)},
            ", ".join(f"{name} = {value:,}" for name, value in zip(names, inputs, strict=True)),
        )
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, ("operations per byte",))
