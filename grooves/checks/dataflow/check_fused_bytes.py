"""Check of lab 14: bytes to and from memory with some layers fused (chapter 14).

Key idea: chains of one to six layers of unequal widths, in which none, some or all of the
intermediate results stay on the chip.
"""

from __future__ import annotations

import itertools

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.dataflow.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms

# widths, n_vectors, bits, kept
CASES = (
    ([3, 5, 2], 4, 16, [False]),
    ([3, 5, 2], 4, 16, [True]),
    ([3, 5, 2], 1, 8, [False]),
    ([64, 256, 64], 192, 16, [True]),
    ([64, 256, 64], 192, 16, [False]),
    ([10, 70, 30, 20], 7, 8, [True, False]),
    ([10, 70, 30, 20], 7, 8, [False, True]),
    ([10, 70, 30, 20], 7, 32, [True, True]),
    ([12, 7], 9, 8, []),
    ([6, 40, 9, 80, 11, 5, 13], 3, 4, [True, False, False, True, True]),
    ([6, 40, 9, 80, 11, 5, 13], 300, 4, [False, True, False, False, True]),
)


def right(
    widths, n_vectors, bits, kept, weights=1, there=2, written=0, first=1, last=1, biases=0,
    divide=8, turned=False, neighbours=False,
):  # fmt: skip
    """Bytes, with a place for each mistake.

    there: how often an intermediate result that is not kept crosses the edge. written: the same
    for one that is kept.
    """
    numbers = weights * sum(a * b + biases * b for a, b in itertools.pairwise(widths))
    numbers += n_vectors * (first * widths[0] + last * widths[-1])
    inner = widths[:-2] if neighbours else widths[1:-1]
    for width, stays in zip(inner, kept, strict=True):
        numbers += n_vectors * width * (written if stays != turned else there)
    return numbers * bits / divide


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    Mistake(
        "intermediate_written",
        _with(written=1),
        "a result that is kept on the chip is still written to memory. Nobody reads it there.",
    ),
    *in_forms(
        "not_fused",
        "you count the layers as if nothing were kept, or everything. `kept` says for each "
        "intermediate result whether it stays on the chip.",
        _with(written=2),
        _with(there=0),
    ),
    Mistake(
        "not_read_back",
        _with(there=1),
        "an intermediate result that leaves the chip crosses the edge twice: it is written, and "
        "then read by the next layer.",
    ),
    Mistake(
        "turned",
        _with(turned=True),
        "you count the intermediate results that are kept. Those that are not kept are moved.",
    ),
    Mistake(
        "another_result",
        _with(neighbours=True),
        "the intermediate results are shifted by one: `kept[0]` is about the output of the first "
        "layer, whose width is `widths[1]`.",
    ),
    Mistake(
        "weights_forgotten",
        _with(weights=0),
        "the weights are missing: each layer's matrix is read.",
    ),
    Mistake(
        "weights_for_each_vector",
        lambda widths, n, bits, kept: right(widths, n, bits, kept, weights=n),
        "you count the weights once per vector. A layer's matrix is read once for all vectors.",
    ),
    *in_forms(
        "ends_forgotten",
        "the vectors that go into the first layer are read, and the results of the last one are "
        "written, whatever is kept in between.",
        _with(first=0),
        _with(last=0),
        _with(first=0, last=0),
    ),
    *in_forms(
        "ends_twice",
        "input and output cross the edge once each: the first is read, the last is written.",
        _with(first=2, last=2),
        _with(first=1, last=2),
        _with(first=2, last=1),
    ),
    Mistake("biases", _with(biases=1), "these layers have no biases."),
    *in_forms(
        "bits_for_bytes",
        "the result should be in bytes, of eight bits each.",
        _with(divide=1),
        lambda widths, n, bits, kept: right(widths, n, 8, kept),
        lambda widths, n, bits, kept: right(widths, n, 16, kept),
    ),
)


@check(lab=LAB, exercise="fused_bytes")
def fused_bytes(answer):
    """fused_bytes(widths, n_vectors, bits, kept) -> bytes."""
    names = ("widths", "n_vectors", "bits", "kept")
    cases = [
        Case(
            inputs,
            {"the bytes": right(*inputs)},
            ", ".join(f"{name} = {value}" for name, value in zip(names, inputs, strict=True)),
        )
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, ("bytes",))
