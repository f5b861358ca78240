"""The schedules on which lab 14 checks the search for hazards (chapter 14).

Key idea: schedules with one hazard of each kind, and with none although it nearly is one; then
random ones, which have several.
"""

from __future__ import annotations

import numpy as np

# name, unit, start, occupies, latency, reads, address. Each has a hazard, since an empty list says
# little about an answer.
COLLISION = [("y", "switch", 0, 2, 3, (), 8), ("z", "switch", 1, 2, 3, (), 9)]
CASES = (
    # a unit is free just in time, a value is read as it lands, a dead value makes room
    [
        ("a", "matrix", 0, 3, 5, (), 0),
        ("b", "matrix", 3, 1, 4, (), 1),
        ("c", "vector", 7, 1, 2, ("a", "b"), 0),
        *COLLISION,
    ],
    [("a", "matrix", 0, 3, 5, (), 0), ("b", "matrix", 2, 1, 4, (), 1)],
    [("a", "matrix", 0, 2, 6, (), 0), ("b", "vector", 5, 1, 2, ("a",), 1)],
    # the address is written in the cycle of the last read, and in the cycle after it
    [
        ("a", "matrix", 0, 1, 2, (), 0),
        ("b", "vector", 4, 1, 2, ("a",), 1),
        ("c", "matrix", 1, 1, 3, (), 0),
    ],
    [
        ("a", "matrix", 0, 1, 2, (), 0),
        ("b", "vector", 4, 1, 2, ("a",), 1),
        ("c", "matrix", 1, 1, 4, (), 0),
        *COLLISION,
    ],
    [
        ("c", "matrix", 6, 2, 3, (), 0),
        ("b", "vector", 12, 1, 2, ("a",), 1),
        ("a", "matrix", 0, 4, 5, (), 0),
    ],
    # a value that is read before its operation has started
    [("a", "matrix", 6, 1, 2, (), 0), ("b", "vector", 3, 1, 2, ("a",), 1)],
    # two in one cycle on one unit, and two in one cycle on two
    [
        ("a", "matrix", 4, 1, 2, (), 0),
        ("b", "matrix", 4, 1, 3, (), 1),
        ("c", "vector", 4, 1, 3, (), 2),
    ],
)


def random_case(seed: int) -> list[tuple]:
    """Nine operations of which some collide, listed in no order."""
    rng, lands, ends, operations = np.random.default_rng(seed), {}, {"matrix": 0, "vector": 0}, []
    for i, name in enumerate("abcdefghi"):
        unit = str(rng.choice(["matrix", "vector"]))
        n_reads = min(i, int(rng.integers(0, 3)))
        reads = tuple("abcdefghi"[j] for j in rng.permutation(i)[:n_reads])
        occupies, later = int(rng.integers(1, 5)), int(rng.integers(0, 4))
        start = max([ends[unit], *(lands[r] for r in reads)]) + int(rng.integers(-1, 3))
        start = max(start, 0)
        ends[unit] = max(ends[unit], start + occupies)
        lands[name] = start + occupies + later
        operations.append(
            (name, unit, start, occupies, occupies + later, reads, int(rng.integers(0, 5)))
        )
    order = rng.permutation(len(operations))
    return [operations[i] for i in order]
