"""Check of lab 12: the memory of a training run, predicted (chapter 12).

Key idea: the check trains the network on a CPU and watches every tensor from its creation to its
end. A count within 10% of the peak is right, whatever it leaves out.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from grooves.checks import check
from grooves.checks.compare import number, own_seed
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.precision_memory.rules import LAB, as_number, refuse
from grooves.precision.memory import watched_peak_bytes

WITHIN = 0.1
NEAR = 0.03  # of the mistake's number: what it leaves out besides hides no mistake
# Many weights and few pictures, few weights and many pictures, both alike; then biases that count,
# a wide input, a wide output, and an input that is much wider than what follows.
CASES = (
    ((64, *[192] * 10, 10), 24),
    ((20, *[48] * 9, 8), 1500),
    ((32, *[96] * 8, 10), 250),
    ((5, *[5] * 30, 5), 1),
    ((310, 40, 40, 6), 900),
    ((7, 60, 54), 401),
    ((150, *[2] * 30, 3), 6),
    ((6, 200, 30), 30),
)


def measured(widths: tuple[int, ...], batch: int) -> int:
    """The most bytes that PyTorch holds at once while such a network learns from two batches that
    are added up, and does so twice. Adam is the fused one, which needs no memory of its own."""

    def run():
        net = nn.Sequential()
        for n_in, n_out in itertools.pairwise(widths):
            net.extend([nn.Linear(n_in, n_out), nn.ReLU()])
        net = net[:-1]  # no ReLU behind the scores
        optimizer = torch.optim.Adam(net.parameters(), fused=True)
        x, labels = torch.randn(batch, widths[0]), torch.arange(batch) % widths[-1]
        for _ in range(2):
            for _ in range(2):
                F.cross_entropy(net(x), labels).backward()
            optimizer.step()
            optimizer.zero_grad()

    with own_seed(0):
        return watched_peak_bytes(run)


@cache
def _peaks() -> list[int]:
    return [measured(*case) for case in CASES]


def _count(
    widths, batch, weights=1, gradients=1, moments=2, inside=1, tables=2, table=None, each=4,
    biases=1, ends=(1, 1), rows=None, kept_rows=None,
):  # fmt: skip
    """By formula, with a place for each mistake. inside: tensors that each hidden layer keeps.

    tables: of gradients at a ReLU, each `rows` x `table`. ends: whether input and output are kept.
    """
    pairs = list(itertools.pairwise(widths))
    n = sum(a * b + biases * b for a, b in pairs)
    kept = ends[0] * widths[0] + inside * sum(widths[1:-1]) + ends[1] * widths[-1]
    rows = batch if rows is None else rows
    kept *= rows if kept_rows is None else kept_rows
    width = widths[1] if table is None else table(widths)
    return each * ((weights + gradients + moments) * n + kept + rows * tables * width)


def _with(**changes):
    return lambda widths, batch: _count(widths, batch, **changes)


TRAINING_MISTAKES = (
    *in_forms(
        "numbers_per_weight",
        "each weight needs four numbers: the weight, its gradient, which is accumulated over both "
        "batches, and Adam's two moments.",
        *(_with(weights=0, gradients=0, moments=n) for n in (1, 2, 3, 5)),
    ),
    *in_forms(
        "one_picture",
        "you count the activations of one picture. Each picture of the batch has its own.",
        _with(rows=1),
        lambda widths, batch: _count(widths, batch, kept_rows=1),
    ),
    *in_forms(
        "both_batches",
        "you count the activations of two batches. The backward pass of the first ends before the "
        "second is read, and only its gradients remain.",
        lambda widths, batch: _count(widths, batch, kept_rows=2 * batch),
        lambda widths, batch: _count(widths, 2 * batch),
    ),
    Mistake(
        "gradients_of_every_relu",
        lambda widths, batch: _count(widths, batch, tables=2 * (len(widths) - 2)),
        "you count two tables of gradients for every ReLU. The backward pass is at one ReLU at a "
        "time, so there are two in all.",
    ),
    *in_forms(
        "wrong_gradient_tables",
        "the tables of gradients at a ReLU are not counted correctly. There are two of batch × "
        "hidden width: the gradient of its output and that of its input.",
        *(_with(tables=n) for n in (0, 1, 3, 4)),
        _with(table=lambda widths: widths[0]),
        _with(table=lambda widths: widths[-1]),
        _with(table=max),
        _with(tables=1, table=sum),
        _with(table=sum),
    ),
    Mistake(
        "no_biases", _with(biases=0), "the biases are missing: each output of a layer has one."
    ),
    Mistake(
        "relu_inputs_kept",
        _with(inside=2),
        "you also count the input of each ReLU. Its output is enough for the backward pass and is "
        "the input of the next layer, so there is one table per hidden layer.",
    ),
    *in_forms(
        "activations_missing",
        "the activations of some layers are missing: the input, the output of each ReLU and the "
        "scores are all kept for the backward pass.",
        _with(inside=0),
        _with(ends=(0, 1)),
        _with(ends=(1, 0)),
        _with(ends=(0, 0)),
    ),
    *in_forms(
        "wrong_unit",
        "the result should be in bytes, and each number takes four of them.",
        *(_with(each=each) for each in (1, 32, 2, 8, 4 / 1024, 4 / 1e3, 4 / 2**20, 4 / 1e6)),
    ),
    Mistake(
        "all_times_batch",
        lambda widths, batch: batch * _count(widths, 0) + _count(widths, batch) - _count(widths, 0),
        "you multiply everything by the batch. Weights, gradients and Adam's moments exist once.",
    ),
)


def _apart(a: float, b: float) -> bool:
    return not math.isclose(a, b, rel_tol=WITHIN)


@check(lab=LAB, exercise="training_bytes")
def training_bytes(answer):
    """training_bytes(widths, batch) -> peak bytes of a training run with Adam, within 10%."""
    got = [as_number(answer(list(widths), batch)) for widths, batch in CASES]
    expected = _peaks()

    def said(i):
        widths, batch = CASES[i]
        inner = f"{len(widths) - 2} hidden layers of {widths[1]}"
        return (
            f"for {widths[0]} inputs, {inner}, {widths[-1]} outputs and a batch of {batch}, your "
            f"result is {number(got[i])} bytes; PyTorch took {number(expected[i])}, and 10% "
            "off is allowed."
        )

    def alike(a, b):
        return math.isclose(a, b, rel_tol=NEAR)

    refuse(got, expected, TRAINING_MISTAKES, CASES, said, alike, _apart)
    worst = max(abs(a / b - 1) for a, b in zip(got, expected, strict=True))
    return f"At most {worst:.1%} off PyTorch's peak, in {len(CASES)} networks."
