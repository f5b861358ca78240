"""The same operations on a machine with a cache, outside memory and a scheduler at run time.

Key idea: where a cache decides what is near and a scheduler decides what goes first, both at run
time, the latency of a token depends on what happened before it, also on what other programs did.
The mean may be excellent and one token in a thousand take three times as long. The noise here is an
assumption (see `Noise`) and is varied, since the tail follows from it. Chapter 14.
Sources: Jacob, Ng & Wang 2008, "Memory Systems" (rows, banks and refresh of a DRAM); Dean & Barroso
2013, doi:10.1145/2408776.2408794 (why the tail matters).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Work:
    """One operation as this machine sees it.

    inputs: indices of operations before it in the list. latency: cycles until its result is there;
    occupies: until its unit can begin another one. n_bytes: of weights that it reads for every
    token; bytes_per_token: of keys or values that it reads for each token so far.
    """

    name: str
    unit: str
    inputs: tuple[int, ...]
    latency: int
    occupies: int = 1
    n_bytes: int = 0
    bytes_per_token: int = 0


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


class Cache:
    """A set-associative cache that forgets what was used least recently; all sets side by side."""

    def __init__(self, sets: int, ways: int):
        self.sets = sets
        self._held = np.full((sets, ways), -1, np.int64)
        self._used = np.zeros((sets, ways), np.int64)
        self._clock = 0

    def missed(self, lines: np.ndarray) -> np.ndarray:
        """Touch lines in this order, each an integer: which of them were not there. (n,) bool."""
        places = lines % self.sets
        order = np.argsort(places, kind="stable")
        begins = np.flatnonzero(np.diff(places[order], prepend=-1))
        turn = np.arange(len(lines)) - np.repeat(begins, np.diff(begins, append=len(lines)))
        missed = np.empty(len(lines), bool)
        for now in range(turn.max(initial=-1) + 1):  # the first of each set, the second, ...
            which = order[turn == now]
            place, line = places[which], lines[which]
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
    """Runs a list of operations token by token; its cache and its clock go on from token to token."""

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
        self._layout: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._room = 512  # tokens for which space is kept

    def run(self, n_tokens: int, context: int) -> list[Token]:
        """Write n_tokens; the position begins again at 0 after `context` tokens, a new text."""
        return [self.token(k % context) for k in range(n_tokens)]

    def token(self, position: int) -> Token:
        """One token at a position: other programs' accesses, its own, then the schedule."""
        own, top = self._lines(position)
        if noisy := self.noise.lines(self._rng):
            self._cache.missed(top + self._rng.integers(0, 1 << 20, noisy))
        missed = self._cache.missed(own[0])
        fetch = self._fetch_cycles(own[0], own[1], missed)
        starts, cycles = self._schedule(fetch)
        self._now += cycles
        return Token(position, cycles, int(missed.sum()), tuple(starts))

    def _lines(self, position: int):
        """The lines that a token at this position reads, with the operation that reads each."""
        if position not in self._layout:
            size, at, lines, owners = self.machine.line_bytes, 0, [], []
            for i, work in enumerate(self.work):
                n = -(-(work.n_bytes + work.bytes_per_token * (position + 1)) // size)
                lines.append(np.arange(at, at + n))
                owners.append(np.full(n, i))
                at += -(-(work.n_bytes + work.bytes_per_token * self._room) // size)
            self._layout[position] = (np.concatenate(lines), np.concatenate(owners)), at
        return self._layout[position]

    def _fetch_cycles(self, lines, owners, missed) -> np.ndarray:
        """Cycles that each operation waits for its lines: from the cache, and from the memory."""
        m, n = self.machine, len(self.work)
        fetch = np.bincount(owners, minlength=n) / m.lines_per_cycle
        if missed.any():
            from_memory, whose = lines[missed], owners[missed]
            rows = from_memory * m.line_bytes // m.row_bytes
            opened = np.diff(rows, prepend=-1) != 0
            ns = np.where(opened, m.row_miss_ns, m.row_hit_ns) / m.in_flight
            fetch += np.bincount(whose, ns, n) * m.clock_hz / 1e9
        return fetch

    def _schedule(self, fetch: np.ndarray) -> tuple[list[float], float]:
        """At run time: whenever a unit is free it takes, of its ready operations, the oldest one.

        All reads share one way to the memory, first come, first served; a refresh makes it wait.
        """
        waiting = [len(w.inputs) for w in self.work]
        starts = [0.0] * len(self.work)
        free = {unit: [0.0] * count for unit, count in self.machine.units}
        way = 0.0
        ready = [(0.0, i) for i, n in enumerate(waiting) if not n]
        heapq.heapify(ready)
        there = [0.0] * len(self.work)  # when the last input of each operation is there
        end = 0.0
        while ready:
            at, i = heapq.heappop(ready)
            work = self.work[i]
            unit = free.setdefault(work.unit, [0.0])
            begin = max(at, unit[0])
            if fetch[i]:
                begin = way = self._refreshed(max(begin, way)) + fetch[i]
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


# ---- the tail ----------------------------------------------------------------------------------


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
    return Tail(len(latencies), latencies.mean(), p99, p99_9, relative.max())
