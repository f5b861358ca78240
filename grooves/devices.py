"""What makers print about their devices and models: memory, bandwidth, peak, and sizes.

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
    kind: str  # "gpu", "cpu", or "system" for several in one case
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


@dataclass(frozen=True)
class Model:
    """One published model: how many weights it has, and what its memory depends on besides."""

    name: str
    parameters: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    width: int
    mlp_width: int
    vocabulary: int
    source: str
    read: str  # the date


@cache
def published() -> dict[str, Device]:
    """All devices of the table by name.

    Raises: ValueError for an entry with a figure that is not positive, or a name that comes twice.
    """
    return read_devices(_table())


@cache
def models() -> dict[str, Model]:
    """All models of the table by name. Raises: ValueError as `published` does."""
    return read_models(_table())


def read_devices(text: str) -> dict[str, Device]:
    """The devices of a table in TOML, by name. Raises: ValueError as `published` does."""
    found = _entries(text, "device", Device)
    for one in found.values():
        _positive(one, (one.memory_gb, one.bandwidth_gb_per_s, *one.peak_tflops.values()))
    return found


def read_models(text: str) -> dict[str, Model]:
    """The models of a table in TOML, by name. Raises: ValueError as `published` does."""
    found = _entries(text, "model", Model)
    for one in found.values():
        _positive(one, [v for v in vars(one).values() if not isinstance(v, str)])
        if one.n_head % one.n_kv_head:
            raise ValueError(f"{one.name!r}: {one.n_head=} cannot share {one.n_kv_head=}")
    return found


def _table() -> str:
    return (resources.files("grooves") / "devices.toml").read_text("utf-8")


def _entries(text: str, kind: str, of: type) -> dict:
    """The entries of one kind, by name, each with all fields of its class."""
    found: dict = {}
    for entry in tomllib.loads(text).get(kind, []):
        fields = {name: entry.get(name) for name in of.__dataclass_fields__}
        if missing := [name for name, value in fields.items() if value is None]:
            raise ValueError(f"{kind} {entry.get('name')!r} lacks {', '.join(missing)}")
        one = of(**fields | {"read": str(fields["read"])})
        if one.name in found:
            raise ValueError(f"{kind} {one.name!r} stands in the table twice")
        found[one.name] = one
    return found


def _positive(one, figures) -> None:
    if not all(value > 0 for value in figures):
        raise ValueError(
            f"{type(one).__name__.lower()} {one.name!r} has a figure that is not positive: "
            f"{tuple(figures)}"
        )
