"""Jitter: how much the latency of a token differs from one run to the next.

Key idea: an answer of a thousand tokens contains the slowest token in a thousand, and a service
that consists of many parts is as slow as its slowest part, so the mean says little. The tail says
how much longer than usual one token in a hundred takes, and one in a thousand. A token is compared
with others at the same position, since later ones have more to read. Chapter 14.
Source: Dean & Barroso 2013, doi:10.1145/2408776.2408794.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from grooves.inference.decoder import Decoder


@dataclass(frozen=True)
class Tail:
    """Latencies of many tokens: the mean, and how much longer than usual the slow ones take.

    Usual is the median at the same position, since a later token has more keys to read on any
    machine; so 1.0 everywhere is a machine that always takes the same time.
    """

    n: int
    mean: float
    p99: float  # this and the following as multiples of the median at the same position
    p99_9: float
    worst: float
    doubled: float  # the part of all tokens that take more than twice as long as usual


def tail(latencies: Iterable[float], positions: Iterable[int]) -> Tail:
    """How latencies spread about the median at the same position.

    Raises: ValueError where there are no latencies or not one position each.
    """
    latencies, positions = np.asarray(list(latencies), float), np.asarray(list(positions))
    if len(latencies) != len(positions) or not len(latencies):
        raise ValueError(f"{len(latencies)} latencies at {len(positions)} positions")
    usual = {p: np.median(latencies[positions == p]) for p in np.unique(positions)}
    relative = latencies / np.array([usual[p] for p in positions])
    p99, p99_9 = np.percentile(relative, (99, 99.9))
    return Tail(
        len(latencies),
        float(latencies.mean()),
        float(p99),
        float(p99_9),
        float(relative.max()),
        float(np.mean(relative > 2)),
    )


def decoder_latencies(
    model,
    n_tokens: int,
    warm_up: int = 200,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> tuple[np.ndarray, np.ndarray]:
    """Nanoseconds of each of n_tokens that the course's own decoder writes here, and positions.

    The likeliest word is written each time; where the context is full, a new text begins. The first
    warm_up tokens are left out. clock: in nanoseconds; the ordinary one counts what a user waits,
    with the time in which other programs had the processor; `time.process_time_ns` leaves that out.
    """
    decoder = Decoder(model, torch.tensor([[0]]))
    words, taken, positions = torch.tensor([0]), [], []
    with torch.inference_mode():
        for _ in range(n_tokens + warm_up):
            if decoder.position >= model.config.context - 1:
                decoder.position = 1  # its cache is written over; what it says does not matter
            positions.append(decoder.position)
            started = clock()
            words = decoder.read(words).argmax(-1)
            taken.append(clock() - started)
    return np.array(taken[warm_up:], float), np.array(positions[warm_up:])
