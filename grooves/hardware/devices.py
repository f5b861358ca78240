"""What makers publish about their devices: memory, bandwidth, peak.

Key idea: a published figure is a promise and not a measurement. So it stands in one table,
`devices.toml`, with the maker's own document as its source, how it was checked and the day on which
it was read, and whatever is drawn from it says "published". Chapters: 11, 12, 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grooves.models.published import check_positive, entries


@dataclass(frozen=True)
class Device:
    """One device as its maker describes it. Peaks are dense: no sparsity is counted."""

    name: str
    kind: str  # "gpu", "cpu", "tpu", "npu", or "system" for several in one case
    memory_gb: float  # as the maker prints it, which is neither always 10⁹ nor always 2³⁰ bytes
    memory_gib: float  # what a program finds, in 2³⁰ bytes
    bandwidth_gb_per_s: float
    peak_tflops: dict[str, float]  # precision -> 10¹² operations per second; may be empty
    source: str  # the maker's own document
    checked: str  # "page", "quoted" or "recalled", as the table's head explains
    read: str  # the date

    @property
    def memory_bytes(self) -> float:
        """Bytes of its memory, before a driver or a framework takes its share."""
        return self.memory_gib * 2**30

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """What its own memory delivers."""
        return self.bandwidth_gb_per_s * 1e9

    def peak_flops_per_s(self, precision: str) -> float:
        """Its greatest rate at one precision.

        Raises: ValueError where none was published for it.
        """
        if precision not in self.peak_tflops:
            known = ", ".join(self.peak_tflops) or "none"
            raise ValueError(f"{precision=} was not published for {self.name}: there are {known}")
        return self.peak_tflops[precision] * 1e12


@cache
def published() -> dict[str, Device]:
    """All devices of the table by name.

    Raises: ValueError for an entry with a figure that is not positive, or a name that comes twice.
    """
    return read_devices(_table())


def read_devices(text: str) -> dict[str, Device]:
    """The devices of a table in TOML, by name. Raises: ValueError as `published` does."""
    found = entries(text, "device", Device)
    for one in found.values():
        figures = (one.memory_gb, one.memory_gib, one.bandwidth_gb_per_s)
        check_positive(one, (*figures, *one.peak_tflops.values()))
    return found


def limits(name: str, precision: str) -> tuple[float, float]:
    """A device's published peak in FLOP/s at one precision, and its bandwidth in bytes/s."""
    device = published()[name]
    return device.peak_flops_per_s(precision), device.bandwidth_bytes_per_s


def _table() -> str:
    return Path(__file__).with_name("devices.toml").read_text("utf-8")
