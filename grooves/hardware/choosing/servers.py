"""Servers: how much memory, bandwidth and arithmetic several devices in one case have.

Key idea: a server's memory and rates are its devices' times their number, and no more. A headline
peak is often counted with 2:4 sparsity, at the lowest precision: without it, it is half as large.
Chapter: 15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from grooves.hardware.devices import published
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.links import published_links
from grooves.hardware.many_devices.requests import Group
from grooves.models.published import check_positive, entries


@dataclass(frozen=True)
class Server:
    """One server; all figures but power and height are those of one of its devices.

    peak_16, peak_8: 10¹² operations per second, dense, at 16 and 8 bits. sparse: the factor that
    2:4 sparsity promises. power_w, idle_w: of the whole machine, at most and with nothing to do.
    height_u: rack units, 0 where it stands in no rack. link: of `many_devices/links.toml`. Of a
    device that stands in `devices.toml`, memory, bandwidth and peaks are taken from there.
    """

    name: str
    device: str
    n_devices: int
    sparse: float
    power_w: float
    idle_w: float
    source: str
    checked: str
    read: str
    memory_gib: float = 0
    bandwidth_gb_per_s: float = 0
    peak_16: float = 0
    peak_8: float = 0
    link: str = ""
    height_u: float = 0

    @property
    def memory_bytes(self) -> float:
        """Memory of all devices together."""
        return self.n_devices * self.memory_gib * 2**30

    def peak_flops_per_s(self, bits: float, sparsity: bool = False) -> float:
        """Operations per second of all devices together.

        bits: of a weight. Above 8, and where the weights are narrower than the arithmetic (4 bits
        are widened to 8 or 16), the rate is that of the arithmetic. sparsity: with 2:4 sparsity.
        """
        one = self.peak_16 if bits > 8 else self.peak_8
        return self.n_devices * one * 1e12 * (self.sparse if sparsity else 1)

    def group(self, bits: float = 16, n_devices: int = 0) -> Group:
        """So many of its devices (0: all) that answer together, for `many_devices.requests`.

        Raises: ValueError for more devices than there are.
        """
        n = n_devices or self.n_devices
        if not 1 <= n <= self.n_devices:
            raise ValueError(f"{n_devices=} must be between 1 and {self.n_devices} of {self.name}")
        link = published_links()[self.link or "PCIe 4 x16"].short  # a single device sends nothing
        flops = self.peak_flops_per_s(bits) / self.n_devices
        return Group(n, self.bandwidth_gb_per_s * 1e9, flops, link)


@cache
def servers() -> dict[str, Server]:
    """All servers of the table by name. Raises: ValueError for a figure that is not positive."""
    found = entries(Path(__file__).with_name("servers.toml").read_text("utf-8"), "server", Server)
    found = {name: with_figures(one) for name, one in found.items()}
    for one in found.values():
        check_positive(one, (one.n_devices, one.memory_gib, one.bandwidth_gb_per_s, one.peak_16,
                             one.peak_8, one.sparse, one.power_w, one.idle_w))  # fmt: skip
    return found


def with_figures(one: Server) -> Server:
    """A server with the figures of its device, where these are published.

    The peak at 8 bits is that of int8 or fp8, or that at 16 bits where there is no faster one.
    """
    if one.device not in published():
        return one
    device = published()[one.device]
    peaks = device.peak_tflops
    at_16 = peaks.get("bf16") or peaks.get("fp16") or peaks["fp32"]
    return replace(
        one,
        memory_gib=device.memory_gib,
        bandwidth_gb_per_s=device.bandwidth_gb_per_s,
        peak_16=at_16,
        peak_8=peaks.get("int8") or peaks.get("fp8") or at_16,
    )


def server(name: str) -> Server:
    """One server of the table. Raises: ValueError for a name that is not there."""
    if name not in servers():
        raise ValueError(f"{name!r} is not one of the servers: {', '.join(servers())}")
    return servers()[name]


def part_of(where: Server, n_devices: int) -> Server:
    """So many devices of a server, with their part of its power, as they are rented.

    Raises: ValueError where n_devices does not divide the server's.
    """
    if n_devices < 1 or where.n_devices % n_devices:
        raise ValueError(f"{n_devices=} must divide the {where.n_devices} devices of {where.name}")
    part = n_devices / where.n_devices
    return replace(
        where, n_devices=n_devices, power_w=where.power_w * part, idle_w=where.idle_w * part
    )


def needed_bytes(model: Dense, bits: float, users: int = 1, tokens: int = 0) -> float:
    """Memory of a model's weights and of its users' caches, both at `bits` per number.

    users: answered at once, each with `tokens` cached tokens: 2 L C_kv numbers per token.
    Raises: ValueError where bits is not positive, or users or tokens are negative.
    """
    if not bits > 0 or users < 0 or tokens < 0:
        raise ValueError(f"{bits=} must be positive, {users=} and {tokens=} not negative")
    cached = 2 * model.n_layer * (model.kv_width or model.width) * tokens * users
    return (model.parameters + cached) * bits / 8


def fits(where: Server, model: Dense, bits: float, users: int = 1, tokens: int = 0) -> bool:
    """Whether all of it fits into the server's memory, nothing kept free."""
    return needed_bytes(model, bits, users, tokens) <= where.memory_bytes


def servers_needed(n_bytes: float, memory_bytes: float) -> int:
    """Servers whose memory holds so many bytes: the quotient, rounded up.

    Raises: ValueError where one of them is not positive.
    """
    if not (n_bytes > 0 and memory_bytes > 0):
        raise ValueError(f"{n_bytes=} and {memory_bytes=} must be positive")
    return math.ceil(n_bytes / memory_bytes)


def most_users(where: Server, model: Dense, bits: float, tokens: int) -> int:
    """How many users' caches of `tokens` tokens fit beside the weights; 0 if these do not."""
    free = where.memory_bytes - needed_bytes(model, bits)
    per_user = needed_bytes(model, bits, 1, tokens) - needed_bytes(model, bits)
    return max(0, int(free // per_user)) if per_user else 0
