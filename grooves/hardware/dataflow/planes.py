"""Which matrix lies in which plane, and when it has to be brought back.

Key idea: a plane has as many cells as it has, and the rows of a matrix are fixed by the lanes of
its input. So matrices that read the same vector compete for the same cells, and a compiler plans
their residency as an operating system plans pages, except that it knows the future. Chapter 14.
"""

from __future__ import annotations

import math
from dataclasses import replace

from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.operations import Operation, Tile


def earliest_starts(operations: list[Operation], chip: Chip) -> dict[str, int]:
    """The cycle in which each operation could begin if units were never busy."""
    start, by_name = {}, {o.name: o for o in operations}
    for o in operations:
        start[o.name] = max((s for s, _ in requirements(o, by_name, start, chip)), default=0)
    return start


def gaps(o: Operation, by_name: dict[str, Operation], chip: Chip):
    """Pairs (name, cycles): o is issued at least so many cycles after the operation `name`.

    For what lies in memory before the program begins, it is so many cycles after cycle 0.
    """
    for name in o.inputs:
        before = by_name.get(name)
        if before is None:
            yield name, chip.latency("memory", "read") + chip.travel("memory", o.unit)
        else:
            yield name, before.duration(chip) + chip.travel(before.unit, o.unit)
    yield from o.after


def requirements(o: Operation, by_name: dict, start: dict, chip: Chip):
    """Pairs (earliest cycle, name of what is waited for) that one operation has to respect."""
    for name, cycles in gaps(o, by_name, chip):
        yield start.get(name, 0) + cycles, name


def paths_to_end(operations: list[Operation], chip: Chip) -> dict[str, int]:
    """Cycles from the issue of each operation to the end of the program, if nothing is busy."""
    by_name = {o.name: o for o in operations}
    left = {o.name: o.duration(chip) for o in operations}
    for o in reversed(operations):
        for name, cycles in gaps(o, by_name, chip):
            if name in left:
                left[name] = max(left[name], cycles + left[o.name])
    return left


def place(
    operations: list[Operation],
    tiles: dict[str, Tile],
    chip: Chip,
    late: float = 0.0,
    wanted: dict[str, int] | None = None,
) -> tuple[list[Operation], dict[str, int], list[str]]:
    """Give each tile a plane and add the operations that install it.

    late: in which order the planes serve their users: 0 by the earliest cycle in which a product
    could begin, 1 by the latest one that would not lengthen the program, between them by a mean.
    wanted: planes of some tiles, chosen before.
    Two passes over a word: the second begins with the planes as the first has left them, as the
    next word will. What lies in the planes at the end of a word is there for the next one.
    Returns: operations with installs, the plane of each tile, and the constant tiles that lie in a
    plane between two words: they are installed once before the first word, at no cost to a word.
    Raises: ValueError for a number format for which the chip has no plane.
    """
    first, left = earliest_starts(operations, chip), paths_to_end(operations, chip)
    end = max(first[o.name] + left[o.name] for o in operations)

    def turn(o: Operation) -> float:
        return (1 - late) * first[o.name] + late * (end - left[o.name])

    multiplies = sorted((o for o in operations if o.unit == "matrix"), key=turn)
    plane_of = dict(wanted or {})
    lying: dict[tuple[int, int], list[str]] = {}  # (chip, plane) -> tiles
    last_use: dict[str, int] = {}
    for word in range(2):
        installs: list[Operation] = []
        uses: dict[tuple[int, int], list[Operation]] = {}  # installs and multiplications
        placed: dict[str, Operation] = {}
        source: dict[str, str] = {}
        for k, o in enumerate(multiplies):
            tile = tiles[o.tile]
            if tile.name not in plane_of:
                plane_of[tile.name] = _choice(tile, o.chip, tiles, lying, last_use, chip)
            plane = plane_of[tile.name]
            there, used = (
                lying.setdefault((o.chip, plane), []),
                uses.setdefault((o.chip, plane), []),
            )
            if tile.name not in there or (tile.cache and tile.name not in source):
                earlier = [u for u in used if tiles[u.tile].overlaps(tile)]
                again = sum(i.tile == tile.name for i in installs)
                install = replace(_install(tile, plane, earlier, chip, again), chip=o.chip)
                installs.append(install)
                used.append(install)
                there[:] = [t for t in there if not tiles[t].overlaps(tile)] + [tile.name]
                source[tile.name] = install.name
            used.append(o)
            last_use[tile.name] = word * len(multiplies) + k
            inputs = (*o.inputs, source[tile.name]) if tile.name in source else o.inputs
            placed[o.name] = replace(o, plane=plane, inputs=inputs)
    there = [t for plane in lying.values() for t in plane if not tiles[t].cache]
    return _merged(operations, placed, installs, chip), plane_of, there


def _choice(tile: Tile, on: int, tiles, lying, last_use, chip: Chip) -> int:
    """The plane whose overlapping tiles were used longest ago; one without any comes first."""
    fitting = [p for p in range(len(chip.planes)) if chip.holds(p, tile.number)]
    if not fitting:
        raise ValueError(f"{tile.name} needs a plane of {tile.number}; there are {chip.planes}")

    def recency(plane: int) -> int:
        return max(
            (last_use[t] for t in lying.get((on, plane), ()) if tiles[t].overlaps(tile)), default=-1
        )

    return min(fitting, key=recency)


def first_displaced(chip: Chip) -> int:
    """Cycles from a multiplication to the earliest install over its weights.

    A vector takes the latency of the matrix unit to pass through a plane, and the first cell is
    overwritten one latency of the port after the install was issued.
    """
    return max(1, chip.latency("matrix", "multiply") - chip.latency("weights", "install") + 1)


def _install(tile: Tile, plane: int, earlier: list[Operation], chip: Chip, again: int):
    """The operation that brings a tile into its plane, after all earlier uses of its cells."""
    gap = {"matrix": first_displaced(chip), "weights": 1}
    after = tuple((u.name, gap[u.unit]) for u in earlier)
    cycles = math.ceil(tile.nbytes / chip.port_bytes_per_cycle)
    return Operation(
        f"install {tile.name}" + (f" #{again + 1}" if again else ""),
        "weights",
        "install",
        (tile.after,) if tile.after else (),
        after=after,
        occupies=cycles,
        tile=tile.name,
        plane=plane,
        read_bytes=tile.nbytes,
        data=dict(cache=tile.cache) if tile.cache else {},
    )


def _merged(operations, placed, installs, chip: Chip) -> list[Operation]:
    """All operations, each after what it depends on; a cache is read before it is appended to."""
    seen = chip.latency("memory", "append") + chip.travel("memory", "weights")
    old = {}  # cache -> installs that read it before its new row is to be seen
    for i in installs:
        if "cache" in i.data and not i.inputs:
            old.setdefault(i.data["cache"], []).append((i.name, 1 - seen))
    waiting = [placed.get(o.name, o) for o in operations] + installs
    readers: dict[str, list[tuple[str, int]]] = {}
    for o in waiting:
        for name in o.inputs:
            readers.setdefault(name, []).append((o.name, 1))
    for k, o in enumerate(waiting):
        if o.kind == "append":
            waiting[k] = replace(o, after=tuple(old.get(o.data["cache"], ())))
        elif o.kind == "write" and o.data["output"] != "logits":
            waiting[k] = replace(o, after=tuple(readers.get(o.data["output"], ())))
    names = {o.name for o in waiting}
    done, result = set(), []
    while waiting:
        ready, later = [], []
        for o in waiting:
            needs = {*(i for i in o.inputs if i in names), *(n for n, _ in o.after)}
            (ready if needs <= done else later).append(o)
            if needs <= done:
                done.add(o.name)
        if not ready:
            raise ValueError(f"operations wait for each other: {[o.name for o in waiting][:4]}")
        result += ready
        waiting = later
    return result
