"""Check of lab 06: the sweeps that the learning rate's exercise is asked about (chapter 06).

Key idea: each false reading finds another rate in one of them at least; the last is larger than any
sweep of the lab, and its arrays cannot be written to.
Letters: R runs, S looks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

NAN, INF = float("nan"), float("inf")


def read_only(call: Callable) -> Callable:
    """The call, with arrays that cannot be written to: not even to be put right afterwards."""

    def asked(*inputs):
        for part in inputs:
            if isinstance(part, np.ndarray):
                part.flags.writeable = False
        with warnings.catch_warnings():  # PyTorch's, about arrays that cannot be written to
            warnings.simplefilter("ignore")
            return call(*inputs)

    return asked


def _large(runs: int, looks: int) -> tuple:
    """Losses that fall until late; the last run but one is best, and many from 200 on diverged."""
    rates = 0.5 + np.arange(runs) % 7 + np.arange(runs) / 1_000
    losses = 3 + np.abs(np.arange(looks) - (looks - 3)) / looks + np.arange(runs)[::-1, None] / 100
    training = losses - 1
    training[200 : runs - 5, looks - 1] = NAN
    losses[runs - 1] += 5
    return rates, losses, training


# Of each sweep: rates (R,), held-out and training losses (R, S); a line is a run.
SWEEPS = (
    (  # the best is inside, in the list and by its rate
        (0.5, 0.02, 0.005, 0.1, 2.0),
        (
            (2.5, 1.625, 2, 2.25),
            (3, 1.5, 1.75, 2),
            (3, 2.75, 2.5, 1.5625),
            (2, 1.75, 1.625, 1.65),
            (9, 1, 5, NAN),
        ),
        (
            (2.5, 1.25, 0.5, 0.4),
            (3, 1.4, 1.3, 1.2),
            (3, 2.75, 2.5, 1.5),
            (2, 1.6, 1, 0.8),
            (9, 1, 5, NAN),
        ),
    ),
    (  # it is the first of the list, and inside by its rate
        (0.1, 0.01, 0.3, 0.03, 1.0),
        (
            (3, 2.5, 1.25, 1.5),
            (2, 1.9, 2.1, 2.4),
            (2, 1.5, 1.6, 2),
            (2.2, 1.125, 1.4, 1.45),
            (1, 5, NAN, 7),
        ),
        (
            (3, 2.5, 1.2, 1),
            (1, 0.5, 0.3, 0.2),
            (2, 1.2, 0.9, 0.7),
            (2.2, NAN, 1.1, 0.8),
            (1, 5, 4, 7),
        ),
    ),
    (  # beyond it all runs diverged
        (0.25, 4.0, 0.5, 1.0, 2.0),
        (
            (3, 2.8, 2.5, 2.4),
            (1, 1.1, 1.2, 1.3),
            (3, 2.6, 2.3, 2.2),
            (2.5, 2, 1.5, 1.75),
            (9, 0.5, INF, 3),
        ),
        (
            (3, 2.8, 2.5, 2.4),
            (1, INF, 3, 2),
            (3, 2.6, 2.2, 2),
            (2.5, 2, 1.4, 1),
            (9, 0.5, 2, 3),
        ),
    ),
    (  # it is the largest
        (0.001, 0.004, 0.064, 0.016),
        ((4, 3.9, 3.8), (4, 3.5, 3.25), (2.5, 1.75, 2), (3.5, 3, 2.5)),
        ((4, 3.9, 3.8), (4, 3.5, 3.2), (2.5, 1.7, 1.1), (3.5, 3, 2.5)),
    ),
    (  # it is the smallest
        (0.5, 0.125, 0.25),
        ((4, 3, 3.5, 3.75), (3, 2, 1.75, 1.5), (3, 2.5, 2.25, 2.5)),
        ((3, 2, 1, 0.5), (3, 2, 1.5, 1), (3, 2.5, 2, 0.75)),
    ),
    (  # tiny rates, and the best run, which begins badly, is best at its end
        (1e-8, 3e-9, 1e-9),
        ((1e4, 12.5, 13), (1e9, 20, 12.25), (15, 14, 13.5)),
        ((1e4, 12.5, 11), (1e9, 20, 12), (15, 14, -INF)),
    ),
    (  # it is best at its first look, and neither the next best loss nor the next run is the last
        (0.2, 0.1, 0.4),
        ((1, 2.5, 3, 2.75), (3, 2, 2.25, 2.9), (4, 3.5, 3.25, 3)),
        ((1, 2, 1.5, 1.25), (3, 2, 1.75, 1.5), (4, 3, 2, 1.75)),
    ),
    ((0.3,), ((4, 3.5, 3.75),), ((4, 3, 2),)),  # one rate is the smallest and the largest
    (  # the order of the sorted rates is not that of the places
        (0.2, 0.8, 0.4, 0.05),
        ((3, 2.5, 2), (3, 2.75, 2.5), (3, 2.25, 2.375), (4, 3.5, 3.25)),
        ((3, 1.5, 1), (3, 2, 1.75), (3, 2, 1.25), (4, 3, 2.5)),
    ),
    (  # the best loss is 0, at the first look
        (0.25, 0.5, 1.0),
        ((3, 1, 2), (0, 1, 2), (4, 3, 3.5)),
        ((3, 1, 0.5), (0, 0, 0), (4, 3, 2)),
    ),
    (  # every loss is enormous, every rate above 1, and two runs diverged
        (8, 2, 32, 16, 4),
        ((3e40, 2e40, 2.5e40), (4e40, 3e40, 5e40), (9e40, 8e40, 7e40), (1, NAN, 2), (1, 2, 3)),
        ((3e40, 2e40, 1e40), (4e40, 3e40, 2e40), (9e40, 8e40, 7e40), (1, 2, 2), (-INF, 2, 3)),
    ),
    (  # a run that would be best has an infinite loss, of one kind and of the other
        (0.1, 0.4, 0.2, 0.8),
        ((3, 2), (1, 1.5), (2.5, 2.25), (0.5, INF)),
        ((3, 2), (INF, 1), (2, 1.5), (1, 0.5)),
    ),
    (  # minute losses
        (0.1, 0.4, 0.2),
        ((3e-30, 2e-30), (4e-30, 5e-30), (1.5e-30, 1e-30)),
        ((3e-30, 2e-30), (4e-30, 3e-30), (1.5e-30, 1e-31)),
    ),
    _large(runs=300, looks=1_100),
)
