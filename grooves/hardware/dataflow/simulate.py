"""Carrying out an instruction list, cycle by cycle, with the real weights.

Key idea: the simulator knows units, addresses and distances, and nothing of the graph that the
instructions came from. An instruction reads what has landed at its addresses by then: a value that
is late is not waited for, and what is read in its place is whatever lay there before. Only
because of that is it worth something that promised and executed cycles agree. Chapter 14.
S stories are simulated side by side, as the first axis of every array; the chip runs each alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from grooves.hardware.dataflow.addresses import makes_vector
from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.numbers import installed, product
from grooves.hardware.dataflow.operations import (
    Operation,
    Tile,
    switch_result,
    vector_result,
)
from grooves.hardware.dataflow.schedule import Hazard, Schedule

LONG_AGO = -(10**9)


@dataclass(frozen=True)
class Read:
    """Where an operand comes from, and how many cycles before the issue it left that place."""

    place: tuple  # (chip, slice, address), or ("memory", name) for constants and state
    travel: int


@dataclass(frozen=True)
class Instruction:
    """What one unit is told: no name of another operation, only addresses and cycles."""

    cycle: int
    chip: int
    unit: str
    number: int
    reads: tuple[Read, ...]
    write: tuple | None  # (chip, slice, address)
    duration: int
    operation: Operation  # what is computed: kind, width, constants


def instructions(plan: Schedule, places: dict[str, tuple[int, int]]) -> list[Instruction]:
    """The list that the chip is given, in order of issue."""
    chip = plan.chip
    by_name = {o.name: o for o in plan.operations}
    result = []
    for o in plan.operations:
        reads = []
        for name in o.inputs:
            before = by_name.get(name)
            if before is None:
                travel = chip.latency("memory", "read") + chip.travel("memory", o.unit)
                reads.append(Read(("memory", name), travel))
            elif makes_vector(before):
                travel = chip.travel(before.unit, o.unit)
                reads.append(Read((before.home, *places[name]), travel))
        write = (o.home, *places[o.name]) if makes_vector(o) else None
        duration, at = o.duration(chip), plan.start[o.name]
        one = Instruction(at, o.chip, o.unit, plan.number[o.name], tuple(reads), write, duration, o)
        result.append(one)
    return sorted(result, key=lambda i: (i.cycle, i.operation.name))


@dataclass
class Contents:
    """Weights that were installed in some rows of a plane."""

    landed: int
    tile: Tile
    values: np.ndarray
    scale: np.ndarray | None


@dataclass
class Simulator:
    """The chip between two words: memory, planes, caches, state.

    tiles and memory: weights and constants. caches: (T, n) by name. state: widths by name.
    """

    program: list[Instruction]
    chip: Chip
    tiles: dict[str, Tile]
    memory: dict[str, np.ndarray]
    caches: dict[str, tuple[int, int]]
    state: dict[str, int]
    n_outputs: int
    n_stories: int
    resident: dict[str, tuple[int, int]] = field(default_factory=dict)  # tile -> (chip, plane)
    largest: dict[str, float] = field(default_factory=dict)  # of int8 inputs, by operation
    seen_largest: dict[str, float] | None = None  # filled where not None: calibration

    def __post_init__(self):
        S = self.n_stories
        self.vectors: dict[tuple, list] = defaultdict(lambda: [(LONG_AGO, None)])
        self.planes: dict[tuple, list[Contents]] = defaultdict(list)
        self.held = {n: np.zeros((S, *shape), np.float32) for n, shape in self.caches.items()}
        for name, array in self.memory.items():
            self.vectors["memory", name] = [(LONG_AGO, array[None] if array.ndim == 1 else array)]
        for name, width in self.state.items():
            self.vectors["memory", name] = [(LONG_AGO, np.zeros((S, width), np.float32))]
        self._fixed = {}
        for name, where in self.resident.items():
            self._install(where, LONG_AGO, self.tiles[name])

    def word(self, words: np.ndarray, position: int) -> tuple[np.ndarray, int]:
        """Run the program once: words (S,) -> logits (S, V) and the cycle of the last landing.

        Raises: Hazard where a unit is busy, a slice is read or written twice in one cycle, or
        weights are overwritten while a vector passes through them.
        """
        self._forget_time()
        self.index = {"word": words, "position": np.full(len(words), position)}
        self.position = position
        self.logits = np.zeros((self.n_stories, self.n_outputs), np.float32)
        landing: dict[int, list] = defaultdict(list)
        busy: dict[tuple, int] = {}
        self.passing: list[tuple] = []  # (plane, tile, cycle until which a vector passes)
        self.slice_reads: dict[tuple, int] = {}
        cycle, k, last = 0, 0, 0
        while k < len(self.program) or landing:
            for finish in landing.pop(cycle, ()):
                finish(cycle)
                last = cycle
            while k < len(self.program) and self.program[k].cycle <= cycle:
                one = self.program[k]
                unit = (one.chip, one.unit, one.number)
                if busy.get(unit, 0) > one.cycle:
                    what = f"{one.operation.name} finds it busy until cycle {busy[unit]}"
                    raise Hazard(one.cycle, f"{one.unit} {one.number}", what)
                busy[unit] = one.cycle + one.operation.occupies
                landing[one.cycle + one.duration].append(self._issue(one))
                k += 1
            cycle += 1
        return self.logits, last

    # --- one instruction ----------------------------------------------------------------------

    def _issue(self, one: Instruction):
        """Read the operands and compute; returns what to do when the result lands."""
        o, inputs = one.operation, [self._read(one, r) for r in one.reads]
        if o.unit == "vector":
            value = vector_result(o, self._padded(inputs, o.lanes))
        elif o.kind == "move":
            value = switch_result(o, self._padded(inputs, int(o.data["source"].max()) + 1))
        elif o.kind in ("transpose", "send"):
            value = inputs[0]
        elif o.kind == "multiply":
            value = self._multiply(one, inputs[0])
        elif o.kind == "lookup":
            table, start = self.memory[o.data["table"]], o.data["start"]
            value = table[self.index[o.data["index"]], start : start + o.lanes]
        elif o.kind == "install":
            return self._begin_install(one)
        elif o.kind == "append":
            return lambda cycle: self._append(o, inputs[0])
        elif o.kind == "write":
            return lambda cycle: self._write(o, inputs[0], cycle)
        return lambda cycle: self._land(one.write, value, cycle)

    def _read(self, one: Instruction, read: Read) -> np.ndarray:
        """The newest value that had landed when it had to leave for the unit."""
        left = one.cycle - read.travel
        if (
            read.place[0] != "memory"
            and self.slice_reads.setdefault((*read.place[:2], left), read.place[2]) != read.place[2]
        ):
            what = f"two addresses are read in one cycle, one by {one.operation.name}"
            raise Hazard(left, f"memory slice {read.place[1]}", what)
        history = self.vectors[read.place]
        value = next((v for landed, v in reversed(history) if landed <= left), history[0][1])
        return np.zeros((self.n_stories, 1), np.float32) if value is None else value

    @staticmethod
    def _padded(inputs, width):
        """A stale vector may be narrower than the one that was expected: the rest is zero."""
        return [
            x if x.shape[1] >= width else np.pad(x, ((0, 0), (0, width - x.shape[1])))
            for x in inputs
        ]

    def _land(self, place, value, cycle: int) -> None:
        history = self.vectors[place]
        if history[-1][0] == cycle:
            raise Hazard(cycle, f"memory slice {place[1]}", "two vectors land at one address")
        history.append((cycle, value))

    def _write(self, o: Operation, vector, cycle: int) -> None:
        lanes, elements = o.data["lanes"], o.data["elements"]
        (vector,) = self._padded([vector], int(lanes.max()) + 1)
        if o.data["output"] == "logits":
            self.logits[:, elements] = vector[:, lanes]
            return
        history = self.vectors["memory", o.data["output"]]
        value = history[-1][1].copy()
        value[:, elements] = vector[:, lanes]
        history.append((cycle, value))

    def _append(self, o: Operation, vector) -> None:
        (vector,) = self._padded([vector], int(o.data["lanes"].max()) + 1)
        self.held[o.data["cache"]][:, self.position] = vector[:, o.data["lanes"]]

    # --- planes -------------------------------------------------------------------------------

    def _begin_install(self, one: Instruction):
        o, tile, where = (
            one.operation,
            self.tiles[one.operation.tile],
            (one.chip, one.operation.plane),
        )
        first = one.cycle + self.chip.latency("weights", "install")
        for plane, other, until in self.passing:
            if plane == where and other.overlaps(tile) and until >= first:
                what = f"{o.name} overwrites {other.name} while a vector passes through it"
                raise Hazard(one.cycle, f"matrix {where[1]}", what)
        snapshot = None
        if tile.cache:  # rows after this position are zero and are left out
            snapshot = self.held[tile.cache][:, : self.position + 1].copy()
        return lambda cycle: self._install(where, cycle, tile, snapshot)

    def _install(self, where, cycle: int, tile: Tile, held=None) -> None:
        if held is None:
            if tile.name not in self._fixed:
                self._fixed[tile.name] = installed(tile, tile.weights)
            values, scale = self._fixed[tile.name]
        else:
            values, scale = installed(tile, held.swapaxes(1, 2) if tile.transposed else held)
        self.planes[where].append(Contents(cycle, tile, values, scale))

    def _multiply(self, one: Instruction, x: np.ndarray) -> np.ndarray:
        o, tile = one.operation, self.tiles[one.operation.tile]
        where = (one.chip, o.plane)
        self.passing.append((where, tile, one.cycle + self.chip.latency("matrix", "multiply")))
        left = one.cycle - self.chip.travel("weights", "matrix")
        values, scale = self._cells(where, tile, left)
        (x,) = self._padded([x], tile.rows[-1] + 1)
        x = x[:, list(tile.rows[: values.shape[-2]])]
        if self.seen_largest is not None:
            peak = float(np.abs(x).max())
            self.seen_largest[o.name] = max(self.seen_largest.get(o.name, 0.0), peak)
        sums = product(x, values, scale, tile.number, self.largest.get(o.name, 1.0))
        return self._padded([sums], tile.columns)[0]

    def _cells(self, where, tile: Tile, left: int):
        """What lies in the rows of a tile: usually the tile; otherwise what was there before."""
        there = [c for c in self.planes[where] if c.landed <= left and c.tile.overlaps(tile)]
        if there and there[-1].tile.rows == tile.rows and there[-1].tile.columns == tile.columns:
            return there[-1].values, there[-1].scale
        values = np.zeros((self.n_stories, len(tile.rows), tile.columns), np.float32)
        for contents in there:
            n = min(tile.columns, contents.values.shape[-1])
            for row, lane in enumerate(contents.tile.rows[: contents.values.shape[-2]]):
                if lane in tile.rows:
                    values[:, tile.rows.index(lane), :n] = contents.values[..., row, :n]
        return values, None

    def _forget_time(self) -> None:
        """Before the next word: whatever lies on the chip has been there for long."""
        for history in self.vectors.values():
            history[:] = [(LONG_AGO, history[-1][1])]
        for where, contents in self.planes.items():
            newest: list[Contents] = []
            for c in contents:
                newest = [o for o in newest if not o.tile.overlaps(c.tile)] + [c]
                c.landed = LONG_AGO
            self.planes[where] = newest
