"""What makers print about their devices: memory, bandwidth, and peak by precision.

Key idea: a published figure is a promise and not a measurement. So it stands in one table,
`devices.toml`, with its source and the day on which it was read, and whatever is drawn from it
says "published". Chapters: 11, 12, 15.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Device:
    """One device as its maker describes it. Peaks are dense: no sparsity is counted."""

    name: str
    kind: str  # "gpu" or "cpu"
    memory_gb: float
    bandwidth_gb_per_s: float
    peak_tflops: dict[str, float]  # precision -> 10¹² operations a second
    source: str
    read: str  # the date

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """What its own memory delivers."""
        return self.bandwidth_gb_per_s * 1e9

    def peak_flops_per_s(self, precision: str) -> float:
        """Its greatest rate at one precision.

        Raises: ValueError where none was published for it.
        """
        if precision not in self.peak_tflops:
            known = ", ".join(self.peak_tflops)
            raise ValueError(f"{precision=} was not published for {self.name}: there are {known}")
        return self.peak_tflops[precision] * 1e12


@cache
def published() -> dict[str, Device]:
    """All devices of the table by name.

    Raises: ValueError for an entry with a figure that is not positive, or a name that comes twice.
    """
    text = (resources.files("grooves") / "devices.toml").read_text("utf-8")
    return read_devices(text)


def read_devices(text: str) -> dict[str, Device]:
    """The devices of a table in TOML, by name. Raises: ValueError as `published` does."""
    found: dict[str, Device] = {}
    for entry in tomllib.loads(text).get("device", []):
        fields = {name: entry.get(name) for name in Device.__dataclass_fields__}
        if missing := [name for name, value in fields.items() if value is None]:
            raise ValueError(f"device {entry.get('name')!r} lacks {', '.join(missing)}")
        one = Device(**fields)
        figures = (one.memory_gb, one.bandwidth_gb_per_s, *one.peak_tflops.values())
        if not all(value > 0 for value in figures):
            raise ValueError(f"device {one.name!r} has a figure that is not positive: {figures}")
        if one.name in found:
            raise ValueError(f"device {one.name!r} stands in the table twice")
        found[one.name] = one
    return found
