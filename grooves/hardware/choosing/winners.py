"""Which machine wins where: a map over two properties of a workload, with its borders.

Key idea: no machine is the cheapest everywhere. With few requests the smallest that meets the goal
wins, because it is paid for every hour; with many, the one with the lowest cost per token; with a
strict goal, the one with the greatest bandwidth. Chapter: 15.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from grooves.hardware.choosing.cheapest import Offer, Workload, cheapest
from grooves.hardware.many_devices.dense import Dense


def winner(offers: Iterable[Offer], model: Dense, work: Workload, **how) -> str:
    """The offer of the cheapest plan, or "" where no plan meets the goals."""
    best = cheapest(offers, model, work, **how)
    return best.offer if best else ""


def winners(
    offers: Iterable[Offer],
    model: Dense,
    work: Workload,
    x: tuple[str, Sequence[float]],
    y: tuple[str, Sequence[float]],
    **how,
) -> list[list[str]]:
    """The winner at each point of a grid, one row per value of y.

    x, y: a field of `Workload` and its values; all other fields are those of `work`.
    Raises: ValueError for a field that does not exist, or the same field twice.
    """
    offers = list(offers)
    (x_name, x_values), (y_name, y_values) = x, y
    _field(x_name)
    _field(y_name)
    if x_name == y_name:
        raise ValueError(f"both axes are {x_name!r}; take two different fields")
    return [
        [winner(offers, model, replace(work, **{x_name: a, y_name: b}), **how) for a in x_values]
        for b in y_values
    ]


def border(
    offers: Iterable[Offer],
    model: Dense,
    work: Workload,
    field: str,
    low: float,
    high: float,
    steps: int = 40,
    **how,
) -> float:
    """A value of `field` between low and high at which the winner changes, by bisection.

    The winner at low differs from that at high; of several borders, one is found. Bisection is
    geometric, because the axes are logarithmic.
    Raises: ValueError where both ends have the same winner, or low is not below high.
    """
    _field(field)
    if not 0 < low < high:
        raise ValueError(f"{low=} must be positive and below {high=}")
    offers = list(offers)

    def at(value: float) -> str:
        return winner(offers, model, replace(work, **{field: value}), **how)

    first = at(low)
    if first == at(high):
        raise ValueError(f"{first or 'no plan'!r} wins at both {field}={low} and {field}={high}")
    for _ in range(steps):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if at(middle) == first else (low, middle)
    return high


def _field(name: str) -> None:
    known = [field.name for field in fields(Workload)]
    if name not in known:
        raise ValueError(f"{name!r} is no field of a workload; there are {', '.join(known)}")
