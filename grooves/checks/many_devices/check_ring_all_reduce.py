"""Check of lab 13: the steps of a ring all-reduce (chapter 13).

Key idea: simulated devices follow the answer's steps. So it does not matter which convention is
followed as long as neighbours agree, but the task states one, and mistakes are known by their
steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.many_devices.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

SIZES = (2, 3, 4, 7, 8)
Steps = list[tuple[int, int, bool]]  # the chunk sent, the chunk received, whether it is added


def right(rank: int, n: int, adding=None, passing=None, first=0, second=1, shift=0) -> Steps:
    """The steps of one device, with a place for each mistake.

    adding, passing: how many steps each half has. first, second: by how much the chunk that is sent
    first in each half differs from the rank. shift: of what is received, besides one.
    """
    adding = n - 1 if adding is None else adding
    passing = n - 1 if passing is None else passing
    half_1 = [((rank + first - s) % n, (rank + first - s - 1 + shift) % n, True)
              for s in range(adding)]  # fmt: skip
    half_2 = [((rank + second - s) % n, (rank + second - s - 1 + shift) % n, False)
              for s in range(passing)]  # fmt: skip
    return half_1 + half_2


def _changed(change):
    """The right steps, each changed."""
    return lambda rank, n: [change(step, n) for step in right(rank, n)]


MISTAKES = (
    *in_forms(
        "half_missing",
        "one half of the ring is missing. In the first, chunks are added on their way around; in "
        "the second, the complete sums travel around once more.",
        lambda rank, n: right(rank, n, passing=0),
        lambda rank, n: right(rank, n, adding=0),
    ),
    *in_forms(
        "steps_not_n_minus_1",
        "each half has n - 1 steps: a chunk that starts at one device must pass the n - 1 others.",
        lambda rank, n: right(rank, n, n, n),
        lambda rank, n: right(rank, n, n, n - 1),
        lambda rank, n: right(rank, n, n - 1, n),
        lambda rank, n: right(rank, n, n - 2, n - 2),
        lambda rank, n: right(rank, n, n - 1, n - 2),
    ),
    *in_forms(
        "added_twice",
        "in the second half you still add. The chunks that arrive there are complete sums, and "
        "replace what is in their place.",
        _changed(lambda step, n: (step[0], step[1], True)),
    ),
    Mistake(
        "never_added",
        _changed(lambda step, n: (step[0], step[1], False)),
        "you never add what is received.",
    ),
    *in_forms(
        "wrong_start_of_second_half",
        "the second half must begin with the chunk that is complete on this device. After the "
        "first half that is the one which was received last, chunk rank + 1.",
        lambda rank, n: right(rank, n, second=0),
        lambda rank, n: right(rank, n, second=-1),
        lambda rank, n: right(rank, n, second=2),
    ),
    *in_forms(
        "other_direction",
        "your chunks go round the other way. A device sends to its right and receives from its "
        "left neighbour, rank - 1, so in step s what arrives is what rank - 1 sends: chunk "
        "rank - 1 - s in the first half.",
        lambda rank, n: [
            ((-a + 2 * rank) % n, (-b + 2 * rank) % n, c) for a, b, c in right(rank, n)
        ],
        lambda rank, n: [(b, a, c) for a, b, c in right(rank, n)],
        lambda rank, n: right(rank, n, shift=2),
    ),
    Mistake(
        "same_chunk",
        lambda rank, n: [(a, a, c) for a, b, c in right(rank, n)],
        "you receive into the chunk that you send. Your left neighbour sends another one, because "
        "its rank is one lower.",
    ),
    Mistake(
        "always_the_same",
        lambda rank, n: [right(rank, n)[0]] * (n - 1) + [right(rank, n)[-1]] * (n - 1),
        "you send the same chunk in every step. In each step a device passes on what it received "
        "in the step before.",
    ),
    Mistake(
        "not_modulo",
        lambda rank, n: (
            [(rank - s, rank - s - 1, True) for s in range(n - 1)]
            + [(rank + 1 - s, rank - s, False) for s in range(n - 1)]
        ),
        "your chunks leave the range 0 to n - 1. The ring is closed: take them modulo n.",
    ),
)


def read(result, n: int, given: str) -> Steps:
    """An answer's steps as plain values. Raises: CheckFailed where they are none."""
    try:
        steps = [(_integer(a), _integer(b), bool(c)) for a, b, c in result]
    except (TypeError, ValueError):
        raise CheckFailed(
            f"for {given}, expected a list of steps (chunk sent, chunk received, whether to add). "
            f"Your function returned {describe(result)}.",
            hint="not_steps",
        ) from None
    return steps


def _integer(value) -> int:
    if isinstance(value, (bool, str)) or int(value) != value:
        raise ValueError
    return int(value)


def perform(steps: Sequence[Steps], vectors: np.ndarray) -> np.ndarray:
    """Let simulated devices follow their steps.

    steps: of every rank. vectors: (n, n), one row per device and one number per chunk.
    Returns: (n, n), what each device holds at the end.
    Raises: ValueError where a device is sent another chunk than it expects, or a step is missing.
    """
    held = np.array(vectors, float)
    n = len(held)
    if len(steps) != n or len({len(mine) for mine in steps}) != 1:
        raise ValueError("all devices must take the same number of steps")
    for number, now in enumerate(zip(*steps, strict=True)):
        sent = [held[rank, now[rank][0] % n] for rank in range(n)]
        for rank, (_, into, add) in enumerate(now):
            left = (rank - 1) % n
            if now[left][0] % n != into % n:
                raise ValueError(
                    f"in step {number} device {rank} expects chunk {into}, but device {left} sends "
                    f"chunk {now[left][0]}"
                )
            held[rank, into % n] = sent[left] + (held[rank, into % n] if add else 0)
    return held


def _refused(steps: Sequence[Steps], n: int) -> str:
    """What is wrong with the steps of all ranks, or nothing."""
    for rank, mine in enumerate(steps):
        if len(mine) != 2 * (n - 1):
            return f"device {rank} takes {len(mine)} steps; it should take {2 * (n - 1)}"
        if outside := next((c for step in mine for c in step[:2] if not 0 <= c < n), None):
            return f"device {rank} names chunk {outside}; there are chunks 0 to {n - 1}"
    vectors = np.random.default_rng(n).normal(size=(n, n))
    try:
        held = perform(steps, vectors)
    except ValueError as error:
        return str(error)
    if not np.allclose(held, vectors.sum(0)):
        rank, chunk = np.argwhere(~np.isclose(held, vectors.sum(0)))[0]
        return f"device {rank} does not end with the sum of chunk {chunk}"
    if steps[0][0][0] != 0:
        return f"device 0 sends chunk {steps[0][0][0]} first; it should send chunk 0"
    return ""


@check(lab=LAB, exercise="ring_all_reduce", returns=(list, tuple))
def ring_all_reduce(answer):
    """ring_all_reduce(rank, n) -> [(chunk sent, chunk received, whether it is added), ...]."""
    call = by_hand(answer)
    for n in SIZES:
        got = [read(call(rank, n), n, f"rank = {rank}, n = {n}") for rank in range(n)]
        wrong = _refused(got, n)

        def agrees(mistake, n=n, got=got):
            return [list(mistake.compute(rank, n)) for rank in range(n)] == got

        told = f"for n = {n}, {wrong}."
        note(Finding(bool(wrong), told, MISTAKES, agrees, inputs=(n,)))
    return f"Rings of {', '.join(map(str, SIZES))} devices end with the sum everywhere."
