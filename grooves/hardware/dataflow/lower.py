"""From PyTorch to operations: `torch.export` gives a graph of tensors, the chip wants vectors.

Key idea: every element of a tensor is a number that says which vector it lies in and in which lane.
A view (reshape, slice, flip, concatenate) is then PyTorch's own operation carried out on these
numbers, and costs nothing. Only an operation that brings two elements together has to look where
they are. Chapter 14.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.numbers import Numbers
from grooves.hardware.dataflow.operations import ANY, Operation, Tile
from grooves.hardware.dataflow.places import LANE_BITS, Cache, Constant, Where

SMALL = 2.0**-6  # squares of the residual stream would overflow fp16 without it


class Lowering:
    """Turns the graph of a step into operations. `homes`: see `_append`."""

    def __init__(self, chip: Chip, numbers: Numbers, homes: dict[str, tuple] | None = None):
        self.chip, self.numbers = chip, numbers
        self.operations: list[Operation] = []
        self.tiles: dict[str, Tile] = {}
        self.memory: dict[str, np.ndarray] = {}  # vectors and tables that lie in memory
        self.sources: list[str] = []
        self.lands: list[int] = []  # the cycle in which each is there, if no unit is ever busy
        self.homes, self.seen_homes = homes or {}, {}
        self.readers: dict[str, list[str]] = {}  # of caches and state: who reads the old contents
        self._used: dict[str, int] = {}
        self._kept: dict[tuple, object] = {}
        self.path = ""

    # --- naming and emitting ------------------------------------------------------------------

    def emit(self, unit: str, kind: str, inputs=(), lanes: int = 0, **more) -> int:
        """Add an operation; returns the number of its source."""
        name = f"{self.path}.{kind}".strip(".")
        self._used[name] = count = self._used.get(name, 0) + 1
        name = name if count == 1 else f"{name}.{count}"
        names = tuple(self.sources[i] if isinstance(i, (int, np.integer)) else i for i in inputs)
        made = Operation(name, unit, kind, names, int(lanes), **more)
        self.operations.append(made)
        ready = [self.lands[i] for i in inputs if not isinstance(i, str)]
        far = self.chip.latency_cycles["far"] if unit != "vector" else 0  # an estimate
        return self.source(name, max(ready, default=0) + far + made.duration(self.chip))

    def source(self, name: str, lands: int = 0) -> int:
        """The number of a vector by its name; lands: about when it is there."""
        self.sources.append(name)
        self.lands.append(lands)
        return len(self.sources) - 1

    def once(self, key: tuple, make):
        """The result of an earlier `make` for the same key, if there was one."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def stored(self, name: str, array: np.ndarray) -> str:
        """Keep a constant in the chip's memory."""
        self.memory[name] = np.ascontiguousarray(array, np.float32)
        return name

    # --- vector and switch unit ---------------------------------------------------------------

    def moved(self, source: int, lanes: np.ndarray, target: np.ndarray) -> int:
        """A vector in which lane target[i] holds what lies in lane lanes[i] of `source`."""
        return self.once(
            ("move", source, lanes.tobytes(), target.tobytes()),
            lambda: self.emit(
                "switch",
                "move",
                (source,),
                target.max() + 1,
                data=dict(source=lanes, target=target),
            ),
        )

    def elementwise(self, kind: str, *operands, **data) -> Where:
        """One vector operation for each combination of vectors that meet. Shapes broadcast."""
        shape = torch.broadcast_shapes(
            *(o.places.shape if isinstance(o, Where) else o.value.shape for o in operands)
        )
        n = int(np.prod(shape))
        places = [
            Where(o.places.expand(shape)).split() if isinstance(o, Where) else None
            for o in operands
        ]
        values = [
            o.value.expand(shape).reshape(-1).numpy() if isinstance(o, Constant) else None
            for o in operands
        ]
        present = [p for p in places if p is not None]
        result = np.empty(n, np.int64)
        meeting, group_of = np.unique([s for s, _ in present], axis=1, return_inverse=True)
        for group in range(meeting.shape[1]):
            here = np.flatnonzero(group_of.reshape(-1) == group)
            candidates = [(self.lands[int(s[here[0]])], lanes[here]) for s, lanes in present]
            target = self._meeting_lanes(candidates, values)
            inputs = []
            for k, (place, value) in enumerate(zip(places, values, strict=True)):
                if place is None:
                    vector = np.zeros(target.max() + 1, np.float32)
                    vector[target] = value[here]
                    inputs.append(self.stored(f"{operands[k].name}@{len(self.memory)}", vector))
                    continue
                source, lanes = int(place[0][here[0]]), place[1][here]
                fits = (lanes == ANY).all() or (lanes == target).all()
                inputs.append(source if fits else self.moved(source, lanes, target))
            uniform = (target == ANY).all()
            width = self.chip.lanes if uniform else target.max() + 1
            made = self.emit("vector", kind, inputs, width, data=data)
            result[here] = made * LANE_BITS + target + 1
        return Where(torch.from_numpy(result).reshape(shape))

    @staticmethod
    def _meeting_lanes(candidates: list[tuple[int, np.ndarray]], values: list) -> np.ndarray:
        """The lanes in which operands meet: those of the vector that lands last stay in place, so
        that the moves are over before it comes. candidates: landing cycle and lanes of each."""
        n = len(candidates[0][1])
        lanes = [lane for _, lane in sorted(candidates, key=lambda c: -c[0])]
        for candidate in sorted(lanes, key=lambda a: bool((np.diff(a) < 0).any())):
            if (candidate != ANY).all() and len(np.unique(candidate)) == n:
                return candidate
        if all((a == ANY).all() for a in lanes) and all(v is None for v in values):
            return lanes[0]
        return np.arange(n)

    # --- matrix unit --------------------------------------------------------------------------

    def product(self, x: Where, matrix: Constant | Cache, scale_name: str = "") -> Where:
        """x (K,) times a matrix (K, N): a vector of N, in pieces of at most 320 lanes."""
        if isinstance(matrix, Cache):
            return self._cache_product(x, matrix)
        sources, lanes = x.split()
        weights = matrix.value.detach().numpy()  # (K, N)
        lanes = np.where(lanes == ANY, np.arange(len(lanes)) % self.chip.lanes, lanes)
        pieces = []
        for start in range(0, weights.shape[1], self.chip.lanes):
            part = weights[:, start : start + self.chip.lanes]
            partial = [
                self._multiply(int(s), lanes[sources == s], part[sources == s], matrix.name)
                for s in dict.fromkeys(sources)
            ]
            pieces.append(self._added(partial).places)
        return Where(torch.cat(pieces))

    def _multiply(self, source: int, lanes, weights, name: str, role: str = "weights") -> Where:
        order = np.argsort(lanes)
        lanes, weights = lanes[order], np.ascontiguousarray(weights[order])
        key = ("tile", tuple(lanes), weights.shape, weights.tobytes())
        number = self.numbers.of(role, name)

        def make() -> str:
            full = name if name not in self.tiles else f"{name}@{len(self.tiles)}"
            rows = tuple(int(lane) for lane in lanes)
            self.tiles[full] = Tile(full, rows, weights.shape[1], number, weights)
            return full

        tile = self.once(key, make)
        made = self.emit(
            "matrix", "multiply", (source,), weights.shape[1], tile=tile, macs=weights.size
        )
        return Where(torch.arange(weights.shape[1]) + made * LANE_BITS + 1)

    def _added(self, parts: list[Where]) -> Where:
        while len(parts) > 1:
            parts = [*parts[2:], self.elementwise("add", *parts[:2])]
        return parts[0]

    def total(self, x: Where, weight: float) -> Where:
        """weight times the sum over the last axis, in every lane: a product with equal weights."""
        groups = x.places.reshape(-1, x.places.shape[-1])
        results = []
        for group in groups:
            sources, lanes = Where(group).split()
            partial = []
            for s in dict.fromkeys(sources):
                rows = lanes[sources == s]
                ones = np.full((len(rows), self.chip.lanes), weight, np.float32)
                partial.append(self._multiply(int(s), rows, ones, f"sum of {rows[0]}", "sum"))
            results.append(self._added(partial).places[:1] // LANE_BITS * LANE_BITS)  # ANY
        return Where(torch.cat(results).reshape(*x.places.shape[:-1], 1))

    def layer_norm(self, x: Where, eps: float) -> Where:
        """(x - mean) / sqrt(variance + eps) over the last axis."""
        n = x.places.shape[-1]
        x = self.elementwise("sub", x, self.total(x, 1 / n))
        x = self.elementwise("mul", x, scalar=SMALL)
        variance = self.total(self.elementwise("square", x), 1 / n)
        root = self.elementwise("rsqrt", self.elementwise("add", variance, scalar=eps * SMALL**2))
        return self.elementwise("mul", x, root)

    # --- memory -------------------------------------------------------------------------------

    def lookup(self, table: Constant, index: str) -> Where:
        """The row of a table that an input of the program selects."""

        def make() -> Where:
            name, pieces = self.stored(table.name, table.value.detach().numpy()), []
            for start in range(0, table.value.shape[1], self.chip.lanes):
                width = min(self.chip.lanes, table.value.shape[1] - start)
                data = dict(table=name, index=index, start=start)
                made = self.emit("memory", "lookup", (), width, data=data, read_bytes=4 * width)
                pieces.append(torch.arange(width) + made * LANE_BITS + 1)
            return Where(torch.cat(pieces))

        return self.once(("lookup", table.name, tuple(table.value.shape), index), make)

    def _gathered(self, x: Where, target: np.ndarray) -> int:
        """One vector with the elements of x in the lanes `target`; moves what lies elsewhere."""
        sources, lanes = x.split()
        names = list(dict.fromkeys(sources))
        if len(names) == 1 and (lanes == target).all():
            return int(names[0])
        moved = [self.moved(int(s), lanes[sources == s], target[sources == s]) for s in names]
        while len(moved) > 1:
            width = max(self.operations[-1].lanes, int(target.max()) + 1)
            moved = [*moved[2:], self.emit("vector", "add", moved[:2], width)]
        return moved[0]

    def _cache_product(self, x: Where, cache: Cache) -> Where:
        """x times a cache: its rows are the lanes of x; each column of the plane is one vector."""
        sources, lanes = x.split()
        if len(set(sources)) > 1 or (np.diff(lanes) != 1).any():
            lanes = np.arange(len(lanes))
            sources = np.full(len(lanes), self._gathered(x, lanes))
        home = tuple(int(lane) for lane in lanes)
        self.seen_homes[cache.name] = (cache.transposed, home)
        T, n = self.shapes[cache.name]
        columns = T if cache.transposed else n
        if columns > self.chip.lanes:
            raise ValueError(f"cache {cache.name} of {columns} columns exceeds {self.chip.lanes}")
        tile = f"{cache.name} after {cache.after}" if cache.after else cache.name
        number = self.numbers.of("cache", cache.name)
        more = dict(cache=cache.name, after=cache.after, transposed=cache.transposed)
        self.tiles[tile] = Tile(tile, home, columns, number, **more)
        made = self.emit(
            *("matrix", "multiply", (int(sources[0]),), columns),
            tile=tile,
            macs=columns * len(home),
            after=((cache.after, self.chip.from_append_to_plane),) if cache.after else (),
        )
        return Where(torch.arange(columns) + made * LANE_BITS + 1)

    def append(self, cache: Cache, row: Where) -> Cache:
        """Write a row of a cache in place.

        Where the cache is multiplied with the lanes as channels (keys), the row is a column of the
        plane and must lie in the lanes of its query: its home, known from a first pass. Where the
        lanes are positions (values), every element goes to another vector, in the lane of the
        position: the switch unit transposes it.
        """
        row = Where(row.places.reshape(-1))
        transposed, home = self.homes.get(cache.name, (True, tuple(range(len(row.places)))))
        if transposed:
            vector = self._gathered(row, np.array(home))
            data = dict(cache=cache.name, lanes=np.array(home))
        else:
            n = len(row.places)
            vector = self._gathered(row, np.arange(n))
            vector = self.emit("switch", "transpose", (vector,), n, occupies=16)
            data = dict(cache=cache.name, lanes=np.arange(n))
        made = self.emit("memory", "append", (vector,), data=data)
        return Cache(cache.name, cache.transposed, self.sources[made])
