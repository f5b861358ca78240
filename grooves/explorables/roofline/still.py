"""The still picture of the explorable `roofline`, for readers without scripts and for print.

Key idea: some devices' roofs in fp32 on the same axes, and under them two operations of one size:
one uses each byte once, the other hundreds of times. Chapter 11.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from grooves.explorables.roofline.widget import intensity, work
from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.hardware.roofline import attainable

HEIGHT, GAP, SIDE = 420, 16, 4096  # pixels, pixels between names; rows of the matrices
PUBLISHED = (
    "Two-core laptop CPU",
    "Apple M1 Max",
    "NVIDIA T4",
    "NVIDIA A100 SXM 40 GB",
    "GeForce RTX 4090",
    "NVIDIA H100 SXM",
    "NVIDIA B200 SXM",
    "AMD Instinct MI300X",
)
NAMES = {"matrix_vectors": "matrix × vector", "matrix_matrix": "matrix × matrix"}


class Axes:
    """Two axes on which each step is a factor of ten."""

    def __init__(self, across, up, box):
        """across, up: (from, to). box: left, right, top, bottom in pixels."""
        self.across, self.up, self.box = across, up, box

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A place in pixels."""
        left, right, top, bottom = self.box
        (a, b), (c, d) = self.across, self.up
        across, up = math.log(x / a, b / a), math.log(y / c, d / c)
        return left + across * (right - left), bottom - up * (bottom - top)

    def grid(self, xs: dict[float, str], ys: dict[float, str]) -> list[str]:
        """Labelled lines at the given values."""
        left, right, top, bottom = self.box
        parts = []
        for value, name in xs.items():
            x, _ = self.place(value, self.up[0])
            parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#d5dae0"/>')
            parts.append(text(x, bottom + 18, name, 12, SOFT, anchor="middle"))
        for value, name in ys.items():
            _, y = self.place(self.across[0], value)
            parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#d5dae0"/>')
            parts.append(text(left - 6, y + 4, name, 12, SOFT, anchor="end"))
        return parts

    def line(self, places: Iterable[tuple[float, float]], look: str) -> str:
        """A line through points in data units."""
        points = " ".join("{:.1f},{:.1f}".format(*self.place(*place)) for place in places)
        return f'<polyline points="{points}" fill="none" {look}/>'

    def dot(self, x: float, y: float, colour: str) -> str:
        """A dot with a white centre."""
        cx, cy = self.place(x, y)
        look = f'fill="#fff" stroke="{colour}" stroke-width="3"'
        return f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5" {look}/>'


def apart(places: list[float], gap: float) -> list[float]:
    """Sorted positions, moved as little as a `gap` between them requires; groups stay centred."""
    groups: list[tuple[float, int]] = []  # middle, how many
    for place in places:
        middle, n = place, 1
        while groups and middle - groups[-1][0] < gap * (n + groups[-1][1]) / 2:
            other, m = groups.pop()
            middle, n = (middle * n + other * m) / (n + m), n + m
        groups.append((middle, n))
    return [middle + gap * (i - (n - 1) / 2) for middle, n in groups for i in range(n)]


def shown(device: dict) -> bool:
    """Whether the picture has a roof for it: the recorded devices, and few of the published."""
    return "fp32" in device["peak_tflops"] and (
        device["kind"] == "recorded" or device["name"] in PUBLISHED
    )


def short(device: dict) -> str:
    """A device's name without what its line states."""
    return device["name"].removesuffix(" (recorded)")


def draw(devices: list[dict]) -> str:
    """A picture (SVG) of the rooflines of `roofline.devices`; published ones are dashed."""
    axes = Axes((0.05, 1e4), (1e9, 6e14), (MARGIN + 40, WIDTH - 190, 72, HEIGHT - 74))
    names = {1e9: "1 G", 1e10: "10 G", 1e11: "100 G", 1e12: "1 T", 1e13: "10 T", 1e14: "100 T"}
    parts = [
        text(
            MARGIN,
            32,
            "Attainable FLOPs per second, fp32; dashed: published",
            15,
            INK,
            weight=600,
        )
    ]
    parts += axes.grid({10.0**p: f"{10.0**p:,g}" for p in range(-1, 5)}, names)
    roofs = [
        (short(one), one["peak_tflops"]["fp32"] * 1e12, one["bandwidth_gb_per_s"] * 1e9)
        for one in devices
        if shown(one)
    ]
    measured = {short(one) for one in devices if one["kind"] == "recorded"}
    crossed = {name: intensity(*work(name, SIDE)) for name in NAMES}
    for name, peak, bandwidth in sorted(roofs, key=lambda roof: roof[1]):
        ridge = peak / bandwidth
        start = axes.across[0]
        look = f'stroke="{SOFT}" stroke-width="2"'
        look += "" if name in measured else ' stroke-dasharray="6 4"'
        parts.append(axes.line([(start, start * bandwidth), (ridge, peak), (1e4, peak)], look))
        for operation, value in crossed.items():
            colour = MODEL if operation == "matrix_vectors" else EXACT
            parts.append(axes.dot(value, attainable(value, peak, bandwidth), colour))
    ends = sorted((axes.place(1e4, peak)[1], name) for name, peak, _ in roofs)
    for (y, name), at in zip(ends, apart([y for y, _ in ends], GAP), strict=True):
        right = axes.box[1]
        parts.append(f'<path d="M{right + 2} {y:.1f}L{right + 12} {at:.1f}" stroke="{SOFT}"/>')
        parts.append(text(right + 15, at + 4, name, 13, INK))
    for operation, value in crossed.items():
        x, _ = axes.place(value, axes.up[0])
        colour = MODEL if operation == "matrix_vectors" else EXACT
        low = HEIGHT - 80
        parts.append(text(x, low, NAMES[operation], 13, colour, anchor="middle", weight=600))
    said = "FLOPs per byte moved. Left of a device's ridge point, an operation is memory-bound."
    return card([*parts, text(MARGIN, HEIGHT - 22, said, 13, SOFT)], HEIGHT)
