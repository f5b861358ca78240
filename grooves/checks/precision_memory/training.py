"""Check of lab 12: the memory of a training, counted before it is run (chapter 12).

Key idea: the check trains the network that it asks about, on a processor, and watches every tensor
from its making to its end. A count within a tenth of the peak is right, whatever it leaves out.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from grooves.checks import check
from grooves.checks.compare import Mistake, draw, number, own_seed
from grooves.checks.precision_memory.rules import LAB, NUMBER, as_number, refuse
from grooves.precision.memory import watched_peak_bytes

WITHIN = 0.1
NEAR = 0.03  # of the mistake's number: what it leaves out besides hides no mistake
# Much weight and few pictures, few weights and many pictures, both alike; then biases that count,
# and few tables, so that each counts.
CASES = (
    ((64, *[192] * 10, 10), 24),
    ((20, *[48] * 9, 8), 1500),
    ((32, *[96] * 8, 10), 250),
    ((5, *[5] * 30, 5), 1),
    ((64, 64, 64, 2), 2000),
)


def measured(widths: tuple[int, ...], batch: int) -> int:
    """The most bytes that PyTorch holds at once while such a network learns from two batches that
    are added up, and does so twice. Adam is the fused one, which needs no memory of its own."""

    def run():
        net = nn.Sequential()
        for n_in, n_out in itertools.pairwise(widths):
            net.extend([nn.Linear(n_in, n_out), nn.ReLU()])
        net = net[:-1]  # the scores are not bent
        optimizer = torch.optim.Adam(net.parameters(), fused=True)
        x, labels = draw(1, batch, widths[0]), torch.arange(batch) % widths[-1]
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
    widths, batch, weights=1, gradients=1, moments=2, inside=1, blame=2, texts=None, each=4,
    biases=1, first=0, kept_rows=None,
):  # fmt: skip
    """By formula, with a place for each mistake. inside: tensors that each hidden layer keeps."""
    pairs = list(itertools.pairwise(widths))
    n = sum(a * b + biases * b for a, b in pairs)
    kept = widths[0] + inside * sum(widths[1:-1]) + widths[-1]
    kept = kept if not first else widths[0] + widths[-1]
    rows = batch if texts is None else texts
    kept *= rows if kept_rows is None else kept_rows
    return each * ((weights + gradients + moments) * n + kept + rows * blame * max(widths[1:-1]))


def _with(**changes):
    return lambda widths, batch: _count(widths, batch, **changes)


TRAINING_MISTAKES = (
    Mistake("no_optimizer", _with(moments=0), "Adam is missing: it keeps two numbers a weight."),
    Mistake(
        "one_moment",
        _with(moments=1),
        "you count one number of Adam's a weight. It keeps two: a mean of the gradients and a "
        "mean of their squares.",
    ),
    Mistake(
        "no_gradients",
        _with(gradients=0),
        "the gradients are missing. They are added up here, so all of them are there, one a "
        "weight.",
    ),
    Mistake("no_weights", _with(weights=0), "the weights themselves are missing."),
    Mistake(
        "weights_alone",
        _with(gradients=0, moments=0, inside=0, blame=0, first=1, texts=0),
        "that is the weights alone. Gradients, Adam and activations come on top.",
    ),
    Mistake(
        "no_batch",
        _with(texts=1),
        "what is kept for the way back is missing, or is that of one picture. Each picture of the "
        "batch has its own.",
    ),
    Mistake(
        "kept_once",
        lambda widths, batch: _count(widths, batch, kept_rows=1),
        "what is kept is that of one picture. Each picture of the batch has its own.",
    ),
    Mistake(
        "both_batches",
        lambda widths, batch: _count(widths, batch, kept_rows=2 * batch),
        "you count what two batches keep. The first has gone back before the second is read, and "
        "only its gradients are left.",
    ),
    Mistake(
        "both_batches",
        lambda widths, batch: _count(widths, 2 * batch),
        "you count what two batches keep. The first has gone back before the second is read, and "
        "only its gradients are left.",
    ),
    Mistake(
        "blame_everywhere",
        lambda widths, batch: _count(widths, batch, blame=2 * (len(widths) - 2)),
        "you count two tables of blame for every ReLU. The way back is at one ReLU at a time, so "
        "there are two in all.",
    ),
    Mistake(
        "one_blame",
        _with(blame=1),
        "you count one table of blame. There are two at a ReLU: of what comes out of it, and of "
        "what goes in.",
    ),
    Mistake(
        "no_biases", _with(biases=0), "the biases are missing: each output of a layer has one."
    ),
    Mistake(
        "no_blame",
        _with(blame=0),
        "on the way back there are two tables more: the blame behind a ReLU, and before it.",
    ),
    Mistake(
        "kept_twice",
        _with(inside=2),
        "you count what goes into each ReLU as well. What comes out of it says all that the way "
        "back needs, and goes into the next layer: one table a hidden layer.",
    ),
    Mistake(
        "ends_alone",
        _with(first=1),
        "the hidden layers' activations are missing: each keeps one table for the way back.",
    ),
    Mistake("numbers", _with(each=1), "that is how many numbers. Each takes four bytes."),
    Mistake("bits", _with(each=32), "those are bits. Eight of them are a byte."),
    Mistake("half", _with(each=2), "you count two bytes a number. These have 32 bits: four bytes."),
    Mistake("double", _with(each=8), "you count eight bytes a number. These have 32 bits: four."),
    Mistake(
        "all_times_batch",
        lambda widths, batch: batch * _count(widths, 0) + _count(widths, batch) - _count(widths, 0),
        "you multiply everything by the batch. Weights, gradients and Adam's numbers are there "
        "once.",
    ),
    Mistake(
        "kibibytes",
        lambda widths, batch: _count(widths, batch) / 1024,
        "the result is in kibibytes. Return bytes.",
    ),
    Mistake(
        "megabytes",
        lambda widths, batch: _count(widths, batch) / 1e6,
        "the result is in megabytes. Return bytes.",
    ),
)


def _apart(a: float, b: float) -> bool:
    return not math.isclose(a, b, rel_tol=WITHIN)


@check(lab=LAB, exercise="training_bytes", points=2, returns=NUMBER)
def training_bytes(answer):
    """training_bytes(widths, batch) -> bytes at the peak of a training with Adam, within 10 %."""
    got = [as_number(answer(list(widths), batch)) for widths, batch in CASES]
    expected = _peaks()

    def said(i):
        widths, batch = CASES[i]
        inner = f"{len(widths) - 2} hidden layers of {widths[1]}"
        return (
            f"for {widths[0]} inputs, {inner}, {widths[-1]} outputs and a batch of {batch}, your "
            f"result is {number(got[i])} bytes; PyTorch took {number(expected[i])}, and a tenth "
            "off is allowed."
        )

    def alike(a, b):
        return math.isclose(a, b, rel_tol=NEAR)

    refuse(got, expected, TRAINING_MISTAKES, CASES, said, alike, _apart)
    worst = max(abs(a / b - 1) for a, b in zip(got, expected, strict=True))
    return f"At most {worst:.1%} off what PyTorch took, in {len(CASES)} networks."
