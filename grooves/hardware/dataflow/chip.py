"""A chip without caches: its units, how long each takes, and how far apart they are.

Key idea: nothing on this chip decides anything at run time. Every latency is a constant, so a
compiler that knows the constants knows the cycle in which each value exists. Chapter 14.
The chip is modelled on what is published of Groq's tensor streaming processor. Which figures are
published and which are assumed stands here and nowhere else: `PUBLISHED_FROM` and `ASSUMED`.
Source: Abts et al. 2020, "Think Fast: A Tensor Streaming Processor", ISCA.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from grooves.hardware.chips import groqchip

UNITS = ("matrix", "vector", "switch", "memory", "weights", "link")

# Cycles. No latency of a unit is published in detail, so all of these are assumptions of the
# course; `sensitivity` in `schedule.py` says what each of them is worth.
ASSUMED = MappingProxyType(
    {
        "vector": 4,  # an addition, a product, a maximum: one pass through a vector unit
        "transcendental": 8,  # exp, 1/x, 1/sqrt(x), sigmoid, tanh
        "matrix": 32,  # from a vector at the edge of a plane to the sums at its other edge
        "switch": 8,  # any permutation of the lanes of one vector
        "memory": 5,  # one read or write of a memory slice
        "weights": 10,  # from the port to weights that a plane can multiply with
        "link": 650,  # from one chip's link to the memory next to another chip's link
        "near": 5,  # travel between memory and any unit
        "far": 14,  # travel between the vector unit and the matrix or switch unit
    }
)
TRANSCENDENTAL = frozenset({"exp", "reciprocal", "rsqrt", "sqrt", "sigmoid", "tanh"})
GROQ = groqchip()
BYTES = MappingProxyType({"fp32": 4, "fp16": 2, "int8": 1})


@dataclass(frozen=True)
class Chip:
    """One chip. All times are in cycles, all sizes in bytes.

    The figures are those of Groq's first chip where they are published, from `chips.toml`;
    `latency_cycles` is assumed. `planes` lists the number format of each matrix plane: four of
    int8, or two of fp16, since two int8 planes together make one of fp16.
    Raises: ValueError where a size is not positive.
    """

    lanes: int = GROQ.lanes  # values in one vector; rows and columns of a matrix plane
    planes: tuple[str, ...] = ("fp16",) * (GROQ.matrix_planes // 2)
    n_vector: int = GROQ.vector_alus // GROQ.lanes  # vector operations that may begin in one cycle
    n_switch: int = 2
    n_memory: int = 8  # table lookups and writes that may begin in one cycle
    n_link: int = GROQ.links
    slices: int = GROQ.memory_slices  # each reads one vector and writes one vector a cycle
    memory_bytes: int = int(GROQ.sram_bytes)
    port_bytes_per_cycle: int = GROQ.streams * GROQ.lanes  # through which weights enter the planes
    link_bytes_per_cycle: int = math.ceil(GROQ.link_bytes_per_s / GROQ.clock_hz)  # one direction
    clock_hz: float = GROQ.clock_hz
    latency_cycles: dict = field(default_factory=lambda: dict(ASSUMED))

    def __post_init__(self):
        for name in ("lanes", "n_vector", "n_switch", "n_memory", "n_link", "slices"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        if unknown := set(self.latency_cycles) ^ set(ASSUMED):
            raise ValueError(f"latency_cycles must name {', '.join(ASSUMED)}; see {unknown}")

    def count(self, unit: str) -> int:
        """How many units of a kind there are; each can begin one operation a cycle."""
        return {
            "matrix": len(self.planes),
            "vector": self.n_vector,
            "switch": self.n_switch,
            "memory": self.n_memory,
            "weights": 1,
            "link": self.n_link,
        }[unit]

    def latency(self, unit: str, kind: str) -> int:
        """Cycles from the issue of an operation to its result, without the travel to the next."""
        if unit == "vector" and kind in TRANSCENDENTAL:
            return self.latency_cycles["transcendental"]
        return self.latency_cycles[unit]

    def travel(self, producer: str, consumer: str) -> int:
        """Cycles from one unit to another: 0 from the vector unit to itself (chained units)."""
        if producer == consumer == "vector":
            return 0
        if {producer, consumer} & {"memory", "weights", "link"}:
            return self.latency_cycles["near"]
        return self.latency_cycles["far"]

    def holds(self, plane: int, number: str) -> bool:
        """Whether a plane multiplies weights of a format. One of fp16 is two of int8 in tandem, so
        it can multiply in int8 as well, with one of the two."""
        return self.planes[plane] == number or (self.planes[plane], number) == ("fp16", "int8")

    @property
    def from_append_to_plane(self) -> int:
        """Least number of cycles from writing a row of a cache to multiplying with it."""
        written = self.latency("memory", "append") + self.travel("memory", "weights")
        return written + self.latency("weights", "install") + self.travel("weights", "matrix")

    def with_planes(self, numbers: str) -> Chip:
        """The same chip with its planes set up for one kind of numbers.

        fp32 exists on no such chip: it is simulated on two planes in order to check the compiler
        without rounding. Sums over lanes need fp16 in every setting.
        """
        planes = {
            "fp32": ("fp32", "fp32"),
            "fp16": ("fp16", "fp16"),
            "int8": ("int8", "int8", "fp16"),
            "mixed": ("fp16", "fp16"),  # most products of a word that is waited for need fp16
        }
        if numbers not in planes:
            raise ValueError(f"{numbers=} is not one of {', '.join(planes)}")
        return replace(self, planes=planes[numbers])

    def slower(self, name: str, factor: float) -> Chip:
        """The same chip with one assumed latency multiplied, at least one cycle."""
        cycles = dict(self.latency_cycles)
        cycles[name] = max(1, round(cycles[name] * factor))
        return replace(self, latency_cycles=cycles)
