"""Addresses: where each vector lies, and for how long.

Key idea: a vector is alive from the cycle in which it lands until its last reader has read it;
after that its address can be given to another one. Everything is known in advance, so no program
allocates memory while it runs. Chapter 14.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.hardware.dataflow.operations import Operation
from grooves.hardware.dataflow.schedule import Hazard, Schedule


@dataclass(frozen=True)
class Life:
    """From when until when a vector occupies its address, in cycles (both inclusive)."""

    name: str
    lands: int
    last_read: int
    reads: tuple[int, ...]  # the cycles in which it is read from its slice


def lives(plan: Schedule) -> list[Life]:
    """The life of every vector that an operation makes, in the order in which they land."""
    chip = plan.chip
    by_name = {o.name: o for o in plan.operations}
    reads: dict[str, set[int]] = {}
    for o in plan.operations:
        for name in o.inputs:
            if name in by_name and makes_vector(by_name[name]):
                at = plan.start[o.name] - chip.travel(by_name[name].unit, o.unit)
                reads.setdefault(name, set()).add(at)
    result = []
    for o in plan.operations:
        if makes_vector(o):
            lands = plan.start[o.name] + o.duration(chip)
            mine = tuple(sorted(reads.get(o.name, {lands})))
            result.append(Life(o.name, lands, max(lands, *mine), mine))
    return sorted(result, key=lambda life: (life.lands, life.name))


def makes_vector(o: Operation) -> bool:
    """Whether an operation leaves a vector at an address (installs, appends and writes do not)."""
    return o.kind not in ("install", "append", "write")


def allocate(plan: Schedule, reuse: bool = True) -> dict[str, tuple[int, int]]:
    """(slice, address) of each vector.

    A slice reads one vector and writes one vector a cycle, so two vectors that are read in the same
    cycle, or land in the same, lie in different slices.
    Raises: Hazard where more vectors meet in one cycle than there are slices.
    """
    chip = plan.chip
    chip_of = {o.name: o.home for o in plan.operations}
    reading: set[tuple] = set()
    landing: set[tuple] = set()
    until: dict[tuple, list[int]] = {}  # (chip, slice) -> last read of each address
    places = {}
    for life in lives(plan):
        on = chip_of[life.name]
        for s in range(chip.slices):
            if (on, s, life.lands) in landing or any((on, s, r) in reading for r in life.reads):
                continue
            rows = until.setdefault((on, s), [])
            free = (a for a, last in enumerate(rows) if reuse and last < life.lands)
            address = next(free, len(rows))
            if address == len(rows):
                rows.append(0)
            rows[address] = life.last_read
            landing.add((on, s, life.lands))
            reading.update((on, s, r) for r in life.reads)
            places[life.name] = (s, address)
            break
        else:
            raise Hazard(life.lands, "memory", f"no slice is free for {life.name}")
    return places


def address_hazards(plan: Schedule, places: dict[str, tuple[int, int]]):
    """Every address that is overwritten while the vector in it is still to be read."""
    chip_of = {o.name: o.home for o in plan.operations}
    holder: dict[tuple, Life] = {}
    for life in lives(plan):
        place = (chip_of[life.name], *places[life.name])
        before = holder.get(place)
        if before is not None and before.last_read >= life.lands:
            unit = f"memory slice {place[1]}"
            what = f"{life.name} overwrites {before.name}, which is read until {before.last_read}"
            yield Hazard(life.lands, unit, what)
        holder[place] = life


def working_vectors(places: dict[str, tuple[int, int]]) -> int:
    """How many addresses are in use."""
    return len(set(places.values()))
