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


def requirements(o: Operation, by_name: dict, start: dict, chip: Chip):
    """Pairs (earliest cycle, reason) that one operation has to respect."""
    for name in o.inputs:
        if name in by_name:
            before = by_name[name]
            travel = chip.travel(before.unit, o.unit)
            yield start[name] + before.duration(chip) + travel, name
        else:  # it lies in memory before the program begins
            yield chip.latency("memory", "read") + chip.travel("memory", o.unit), name
    for name, cycles in o.after:
        yield start[name] + cycles, name


def place(
    operations: list[Operation], tiles: dict[str, Tile], chip: Chip
) -> tuple[list[Operation], dict[str, int], list[str]]:
    """Give each tile a plane and add the operations that install it.

    Two passes over a word: the second begins with the planes as the first has left them, as the
    next word will. A tile that is never displaced is installed once, before the first word.
    Returns: operations with installs, the plane of each tile, names of the resident tiles.
    Raises: ValueError for a number format for which the chip has no plane.
    """
    start = earliest_starts(operations, chip)
    order = sorted(range(len(operations)), key=lambda i: start[operations[i].name])
    order = {operations[i].name: k for k, i in enumerate(order)}
    multiplies = sorted((o for o in operations if o.unit == "matrix"), key=lambda o: order[o.name])
    plane_of: dict[str, int] = {}
    lying: list[list[str]] = [[] for _ in chip.planes]
    last_use: dict[str, int] = {}
    for word in range(2):
        installs: list[Operation] = []
        uses: list[list[Operation]] = [[] for _ in chip.planes]  # installs and multiplications
        placed: dict[str, Operation] = {}
        source: dict[str, str] = {}
        displaced: set[str] = set()
        for k, o in enumerate(multiplies):
            tile = tiles[o.tile]
            if tile.name not in plane_of:
                plane_of[tile.name] = _choice(tile, tiles, lying, last_use, chip)
            plane = plane_of[tile.name]
            if tile.name not in lying[plane] or (tile.cache and tile.name not in source):
                out = [t for t in lying[plane] if tiles[t].overlaps(tile)]
                earlier = [u for u in uses[plane] if tiles[u.tile].overlaps(tile)]
                again = sum(i.tile == tile.name for i in installs)
                install = _install(tile, plane, earlier, chip, again)
                installs.append(install)
                uses[plane].append(install)
                lying[plane] = [t for t in lying[plane] if t not in out] + [tile.name]
                displaced |= {*out, tile.name}
                source[tile.name] = install.name
            uses[plane].append(o)
            last_use[tile.name] = word * len(multiplies) + k
            inputs = (*o.inputs, source[tile.name]) if tile.name in source else o.inputs
            placed[o.name] = replace(o, plane=plane, inputs=inputs)
    resident = [t for t in plane_of if t not in displaced]
    return _merged(operations, placed, installs, chip), plane_of, resident


def _choice(tile: Tile, tiles, lying, last_use, chip: Chip) -> int:
    """The plane whose overlapping tiles were used longest ago; one without any comes first."""
    fitting = [p for p, number in enumerate(chip.planes) if number == tile.number]
    if not fitting:
        raise ValueError(f"{tile.name} needs a plane of {tile.number}; there are {chip.planes}")

    def recency(plane: int) -> int:
        return max((last_use[t] for t in lying[plane] if tiles[t].overlaps(tile)), default=-1)

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
    inputs = (tile.name.split(" after ")[1],) if " after " in tile.name else ()
    return Operation(
        f"install {tile.name}" + (f" #{again + 1}" if again else ""),
        "weights",
        "install",
        inputs,
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
