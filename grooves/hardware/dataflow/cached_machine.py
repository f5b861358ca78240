"""The same operations on a machine with a cache, outside memory and a scheduler at run time.

Key idea: where a cache decides what is near and a scheduler decides what goes first, both at run
time, the latency of a token depends on what happened before it, and on what other programs did. The
mean may be excellent while one token in a thousand takes three times as long. The noise here is an
assumption (see `Noise`) and is varied, since the tail follows from it. Chapter 14.
Sources: Jacob, Ng & Wang 2008, "Memory Systems" (rows, banks and refresh of a DRAM); Dean & Barroso
2013, doi:10.1145/2408776.2408794 (why the tail matters).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Work:
    """One operation as this machine sees it.

    inputs: indices of operations before it in the list. latency: cycles until its result is there;
    occupies: until its unit can begin another one. reads: the name of the matrix that it reads, as
    large as n_bytes, or growing by bytes_per_token with each token of the text.
    """

    name: str
    unit: str
    inputs: tuple[int, ...]
    latency: int
    occupies: int = 1
    reads: str = ""
    n_bytes: int = 0
    bytes_per_token: int = 0


def work_of(program) -> list[Work]:
    """The operations of a compiled `Program`, as this machine runs them.

    It has no planes to install weights in: each product reads its matrix, or the keys or values so
    far, when it begins. Matrices of equal numbers, which the chip uses to sum, are not read. A
    result is there `near` cycles after its unit has finished, wherever it goes.
    """
    chip, tiles = program.chip, program.lowered.tiles
    context = {name: T for name, (T, _) in program.lowered.caches.items()}
    index: dict[str, tuple[int, ...]] = {}  # an operation's name -> what waiting for it means
    found: list[Work] = []
    for o in program.operations:
        inputs = tuple(sorted({i for name in o.inputs for i in index.get(name, ())}))
        if o.kind == "install":
            index[o.name] = inputs
            continue
        n_bytes = per_token = 0
        if (tile := tiles.get(o.tile)) is not None:
            if tile.cache:
                per_token = tile.nbytes // context[tile.cache]
            elif len(np.unique(tile.weights[tile.weights != 0])) > 1:
                n_bytes = tile.nbytes
        reads = (tile.cache or o.tile) if n_bytes + per_token else ""
        latency = chip.latency(o.unit, o.kind) + chip.latency_cycles["near"]
        found.append(Work(o.name, o.unit, inputs, latency, o.occupies, reads, n_bytes, per_token))
        index[o.name] = (len(found) - 1,)
    return found


@dataclass(frozen=True)
class Machine:
    """A processor with as many units as the chip, one cache and one outside memory.

    The cache delivers as many bytes per cycle as the chip's weight port if it holds them, so that
    the two differ in who decides and not in how wide they are. The rest is typical of DRAM.
    """

    cache_bytes: int = 512 * 1024
    ways: int = 8
    line_bytes: int = 64
    lines_per_cycle: int = 160
    in_flight: int = 8  # misses that are under way at a time
    row_hit_ns: float = 45.0
    row_miss_ns: float = 75.0  # another row of the DRAM has to be opened first
    row_bytes: int = 8192
    refresh_every_ns: float = 7800.0
    refresh_ns: float = 350.0
    clock_hz: float = 900e6
    units: tuple[tuple[str, int], ...] = (("matrix", 2), ("vector", 16), ("switch", 2))

    def __post_init__(self):
        if self.cache_bytes % (self.ways * self.line_bytes):
            raise ValueError(f"{self.cache_bytes=} must be a multiple of ways × line_bytes")

    @property
    def sets(self) -> int:
        """Groups of lines among which the least recently used one makes room."""
        return self.cache_bytes // (self.ways * self.line_bytes)


@dataclass(frozen=True)
class Noise:
    """What another program does to the cache between two tokens: it touches lines of its own.

    How many is drawn from a Pareto distribution, which is often small and at times very large:
    least lines × u^(-1 / tail), at most `most`. An assumption; least 0 is a machine left alone.
    """

    least: float = 8.0
    tail: float = 1.2  # the smaller, the heavier the tail
    most: int = 4000

    def lines(self, rng: np.random.Generator) -> int:
        """How many lines it touches this time."""
        return min(self.most, int(self.least * rng.random() ** (-1 / self.tail)))


QUIET = Noise(least=0.0)
TOKENS = 512  # for so many tokens of a text there is room in the memory


class Cache:
    """A set-associative cache that forgets what was used least recently; all sets side by side."""

    def __init__(self, sets: int, ways: int):
        self.sets = sets
        self._held = np.full((sets, ways), -1, np.int64)
        self._used = np.zeros((sets, ways), np.int64)
        self._clock = 0

    def in_turns(self, lines: np.ndarray) -> list[np.ndarray]:
        """Indices of lines that can be touched together: the first of each set, the second, ..."""
        places = lines % self.sets
        order = np.argsort(places, kind="stable")
        begins = np.flatnonzero(np.diff(places[order], prepend=-1))
        turn = np.arange(len(lines)) - np.repeat(begins, np.diff(begins, append=len(lines)))
        return [order[turn == now] for now in range(turn.max(initial=-1) + 1)]

    def missed(self, lines: np.ndarray, turns: list[np.ndarray] | None = None) -> np.ndarray:
        """Touch lines in this order, each an integer: which of them were not there. (n,) bool.

        turns: `in_turns(lines)`, if the same lines are touched often.
        """
        missed = np.empty(len(lines), bool)
        for which in self.in_turns(lines) if turns is None else turns:
            line = lines[which]
            place = line % self.sets
            there = self._held[place] == line[:, None]
            hit = there.any(1)
            way = np.where(hit, there.argmax(1), self._used[place].argmin(1))
            self._clock += 1
            self._held[place, way], self._used[place, way] = line, self._clock
            missed[which] = ~hit
        return missed


@dataclass(frozen=True)
class Token:
    """One token: its position, its cycles, and which operation began when."""

    position: int
    cycles: float
    misses: int
    starts: tuple[float, ...]


class CachedMachine:
    """Runs a list of operations for token after token; cache and clock keep their state."""

    def __init__(
        self,
        work: Sequence[Work],
        machine: Machine | None = None,
        noise: Noise | None = None,
        seed: int = 0,
    ):
        self.work, self.machine = list(work), machine or Machine()
        self.noise = noise or Noise()
        self._rng = np.random.default_rng(seed)
        self._cache = Cache(self.machine.sets, self.machine.ways)
        self._now = 0.0  # cycles since the beginning, for the refresh of the memory
        self._followers = [
            [j for j, w in enumerate(self.work) if i in w.inputs] for i in range(len(self.work))
        ]
        self._begins, self._top = self._places()
        self._layout: dict[int, tuple] = {}

    def run(self, n_tokens: int, context: int) -> list[Token]:
        """Write n_tokens; the position begins again at 0 after `context` tokens, a new text."""
        return [self.token(k % context) for k in range(n_tokens)]

    def token(self, position: int) -> Token:
        """One token at a position: other programs' accesses, its own, then the schedule."""
        lines, owners, turns = self._lines(position)
        if noisy := self.noise.lines(self._rng):
            self._cache.missed(self._top + self._rng.integers(0, 1 << 20, noisy))
        missed = self._cache.missed(lines, turns)
        near, far = self._fetch_cycles(lines, owners, missed)
        starts, cycles = self._schedule(near, far)
        self._now += cycles
        return Token(position, cycles, int(missed.sum()), tuple(starts))

    def as_rows(self, token: Token) -> list[dict]:
        """A token's timetable, in the form of `Schedule.as_rows`, in order of issue."""
        rows = [
            {
                "unit": work.unit,
                "start": start,
                "end": start + work.latency + work.occupies - 1,
                "name": work.name,
                "inputs": [self.work[i].name for i in work.inputs],
            }
            for work, start in zip(self.work, token.starts, strict=True)
        ]
        return sorted(rows, key=lambda row: row["start"])

    def _places(self) -> tuple[dict[str, int], int]:
        """The line at which each matrix begins, and the first line that belongs to others."""
        begins, top = {}, 0
        for work in self.work:
            if work.reads and work.reads not in begins:
                begins[work.reads] = top
                top += -(-(work.n_bytes + work.bytes_per_token * TOKENS) // self.machine.line_bytes)
        return begins, top

    def _lines(self, position: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """The lines that a token at this position reads, in program order, who reads each, and
        `Cache.in_turns` of them."""
        if position not in self._layout:
            sizes = [
                -(-(w.n_bytes + w.bytes_per_token * (position + 1)) // self.machine.line_bytes)
                for w in self.work
            ]
            lines = [
                self._begins.get(w.reads, 0) + np.arange(n)
                for w, n in zip(self.work, sizes, strict=True)
            ]
            owners = np.repeat(np.arange(len(self.work)), sizes)
            together = np.concatenate(lines)
            self._layout[position] = together, owners, self._cache.in_turns(together)
        return self._layout[position]

    def _fetch_cycles(self, lines, owners, missed) -> tuple[np.ndarray, np.ndarray]:
        """Cycles that each operation waits for its lines: for the cache, and for the memory."""
        m, n = self.machine, len(self.work)
        near = np.bincount(owners, minlength=n) / m.lines_per_cycle
        from_memory, whose = lines[missed], owners[missed]
        opened = np.diff(from_memory * m.line_bytes // m.row_bytes, prepend=-1) != 0
        ns = np.where(opened, m.row_miss_ns, m.row_hit_ns) / m.in_flight
        return near, np.bincount(whose, ns, n) * m.clock_hz / 1e9

    def _schedule(self, near: np.ndarray, far: np.ndarray) -> tuple[list[float], float]:
        """At run time: whenever a unit is free it takes, of its ready operations, the oldest one.

        All reads share one way to the cache and the memory, first come, first served.
        """
        near, far = near.tolist(), far.tolist()
        waiting = [len(w.inputs) for w in self.work]
        starts = [0.0] * len(self.work)
        free = {unit: [0.0] * count for unit, count in self.machine.units}
        ready = [(0.0, i) for i, n in enumerate(waiting) if not n]
        there = [0.0] * len(self.work)  # when the last input of each operation is there
        way = end = 0.0
        while ready:
            at, i = heapq.heappop(ready)
            work = self.work[i]
            unit = free.setdefault(work.unit, [0.0])
            begin = max(at, unit[0])
            if near[i]:
                begin = max(begin, way)
                if far[i]:
                    begin = self._refreshed(begin) + far[i]
                begin = way = begin + near[i]
            heapq.heapreplace(unit, begin + work.occupies)
            starts[i], done = begin, begin + work.latency + work.occupies - 1
            end = max(end, done)
            for j in self._followers[i]:
                waiting[j] -= 1
                there[j] = max(there[j], done)
                if not waiting[j]:
                    heapq.heappush(ready, (there[j], j))
        return starts, end

    def _refreshed(self, cycle: float) -> float:
        """The cycle from which the memory answers, if it is refreshed now."""
        m = self.machine
        into = (self._now + cycle) / m.clock_hz * 1e9 % m.refresh_every_ns
        return cycle + max(0.0, m.refresh_ns - into) * m.clock_hz / 1e9
