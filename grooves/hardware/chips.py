"""What is published of a chip that keeps weights on the chip, and of the energy that moving costs.

Key idea: "its bandwidth" is not one number. A GroqChip's memory, the way from it into the matrix
units, and its links to other chips differ by factors of 9 and 300, and each of them limits
something else. `chips.toml` holds the figures, each with its source and how it was checked.
Chapters: 14, 15.
Sources: Abts et al. 2020, doi:10.1109/ISCA45697.2020.00021; Abts et al. 2022,
doi:10.1145/3470496.3527405; Horowitz 2014, doi:10.1109/ISSCC.2014.6757323.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grooves.hardware.roofline import ridge
from grooves.models.published import check_positive, entries


@dataclass(frozen=True)
class PublishedChip:
    """One chip as its maker describes it; rates in bytes per second are computed from these."""

    name: str
    clock_mhz: float
    sram_mb: float  # as the product brief prints it
    sram_mib: float  # as the papers do, in 2²⁰ bytes
    on_chip_tb_per_s: float  # the product brief's "up to"
    memory_slices: int
    banks: int  # per slice, one byte for each lane and cycle
    lanes: int
    matrix_planes: int  # of lanes × lanes multiply-accumulate units, at int8
    vector_alus: int
    streams: int  # bytes that enter the matrix units per lane and cycle
    links: int
    link_lanes: int
    link_gbit_per_s: float  # of each lane and direction
    average_w: float
    tdp_w: float
    max_w: float
    peak_tops: dict[str, float]  # precision -> 10¹² operations per second
    source: str
    checked: str
    read: str

    @property
    def clock_hz(self) -> float:
        """Cycles per second."""
        return self.clock_mhz * 1e6

    @property
    def sram_bytes(self) -> float:
        """Bytes of its memory: slices of 2.5 MiB, which is where both printed figures come from."""
        return self.sram_mib * 2**20

    @property
    def brief_bytes_per_s(self) -> float:
        """The rate of the on-chip memory that the product brief prints."""
        return self.on_chip_tb_per_s * 1e12

    @property
    def memory_bytes_per_s(self) -> float:
        """The same rate counted as the paper does: every bank of every slice, every cycle."""
        return self.memory_slices * self.banks * self.lanes * self.clock_hz

    @property
    def port_bytes_per_s(self) -> float:
        """The rate at which weights can be loaded into the matrix units."""
        return self.streams * self.lanes * self.clock_hz

    @property
    def link_bytes_per_s(self) -> float:
        """The rate of one link in one direction."""
        return self.link_lanes * self.link_gbit_per_s * 1e9 / 8

    @property
    def links_bytes_per_s(self) -> float:
        """The rate of all links together in one direction."""
        return self.links * self.link_bytes_per_s

    def peak_ops_per_s(self, precision: str) -> float:
        """Its greatest rate, a multiplication and an addition counted as two.

        Raises: ValueError where none was published for the precision.
        """
        if precision not in self.peak_tops:
            known = ", ".join(self.peak_tops)
            raise ValueError(f"{precision=} was not published for {self.name}: there are {known}")
        return self.peak_tops[precision] * 1e12

    def counted_ops_per_s(self, precision: str) -> float:
        """The same from units and clock: 2 × planes × lanes² × clock, at fp16 a quarter of it."""
        whole = 2 * self.matrix_planes * self.lanes**2 * self.clock_hz
        return whole if precision == "int8" else whole / 4

    def ridge_points(self, precision: str) -> dict[str, float]:
        """Operations per byte at which arithmetic and each way for bytes take equally long."""
        ways = {
            "on-chip memory, as printed": self.brief_bytes_per_s,
            "on-chip memory, as counted": self.memory_bytes_per_s,
            "into the matrix units": self.port_bytes_per_s,
            "links": self.links_bytes_per_s,
        }
        peak = self.peak_ops_per_s(precision)
        return {way: ridge(peak, bytes_per_s) for way, bytes_per_s in ways.items()}


@dataclass(frozen=True)
class Energy:
    """What one operation costs, or one byte moved."""

    name: str
    picojoules: float
    unit: str  # "byte" or "operation"
    source: str
    checked: str
    read: str

    @property
    def joules(self) -> float:
        """The same in joules."""
        return self.picojoules * 1e-12


@cache
def chips() -> dict[str, PublishedChip]:
    """All chips of the table by name."""
    return read_chips(_table())


@cache
def energies() -> dict[str, Energy]:
    """All energies of the table by name."""
    return read_energies(_table())


def groqchip() -> PublishedChip:
    """The chip of chapter 14."""
    return chips()["GroqChip 1"]


def read_chips(text: str) -> dict[str, PublishedChip]:
    """The chips of a table in TOML. Raises: ValueError for a field that is missing or unknown, a
    name that comes twice, or a figure that is not positive."""
    found = entries(text, "chip", PublishedChip)
    for one in found.values():
        figures = [v for v in vars(one).values() if isinstance(v, int | float)]
        check_positive(one, (*figures, *one.peak_tops.values()))
    return found


def read_energies(text: str) -> dict[str, Energy]:
    """The energies of a table in TOML. Raises: ValueError as `read_chips` does, and for a unit that
    is neither a byte nor an operation."""
    found = entries(text, "energy", Energy)
    for one in found.values():
        check_positive(one, (one.picojoules,))
        if one.unit not in ("byte", "operation"):
            raise ValueError(f"energy {one.name!r} is per {one.unit!r}: write byte or operation")
    return found


def _table() -> str:
    return Path(__file__).with_name("chips.toml").read_text("utf-8")
