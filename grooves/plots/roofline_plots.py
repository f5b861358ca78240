"""Rooflines and sweeps as pictures.

Key idea: both axes go by powers, so that each limit is a straight line and machines that differ a
thousandfold share one picture. What was measured is drawn in full, what was only published is
dashed and says so. Chapters: 11, 12.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from grooves.hardware.roofline import attainable, ridge
from grooves.plots import figures

if TYPE_CHECKING:
    from matplotlib.transforms import Bbox


@dataclass(frozen=True)
class Roof:
    """A device's two limits. `published`: from a data sheet and not measured."""

    name: str
    peak_flops_per_s: float
    bandwidth_bytes_per_s: float
    published: bool = False

    @property
    def ridge(self) -> float:
        """FLOPs a byte at which both limits bind."""
        return ridge(self.peak_flops_per_s, self.bandwidth_bytes_per_s)


def draw(
    roofs: list[Roof], points: list[tuple[str, float, float]], alt: str, caption: str
) -> figures.Picture:
    """Rooflines, and operations as points below them.

    points: (name, intensity in FLOPs a byte, rate in FLOP/s). Published roofs are dashed.
    Raises: ValueError where there is no roof, or a point that logarithms cannot show.
    """
    if not roofs:
        raise ValueError("a picture of rooflines needs at least one roof")
    for name, intensity, rate in points:
        if not (intensity > 0 and rate > 0):
            raise ValueError(f"{name}: {intensity=} and {rate=} must be positive on a log-log plot")
    figure, axes = figures.canvas(4.2)
    spots = [intensity for _, intensity, _ in points] + [roof.ridge for roof in roofs]
    left, right = 10 ** math.floor(math.log10(min(spots) / 3)), max(spots) * 12
    axes.set(xscale="log", yscale="log", xlim=(left, right))
    axes.set(xlabel="FLOPs a byte", ylabel="FLOP/s")
    rates = [rate for _, _, rate in points] + [roof.peak_flops_per_s for roof in roofs]
    axes.set_ylim(min(rates) / 5, max(rates) * 8)  # before names are placed
    above, to_points = -math.inf, axes.transData.transform
    colours = dict(zip((roof.name for roof in roofs), cycle(figures.PALETTE), strict=False))
    for roof in sorted(roofs, key=lambda roof: roof.peak_flops_per_s):
        corners = [left, roof.ridge, right]
        limits = (roof.peak_flops_per_s, roof.bandwidth_bytes_per_s)
        style = {"linestyle": "--", "linewidth": 1.3} if roof.published else {}
        colour = colours[roof.name]
        axes.plot(corners, [attainable(x, *limits) for x in corners], color=colour, **style)
        label = f"{roof.name} (published)" if roof.published else roof.name
        place = to_points((right, roof.peak_flops_per_s))[1] * 72 / figure.dpi
        shift = max(3.0, above + 1.2 * figures.FONT_SIZE - place)  # names clear of each other
        above = place + shift
        axes.annotate(
            label, (right, roof.peak_flops_per_s), xytext=(0, shift), textcoords="offset points",
            ha="right", color=colour, fontsize=figures.FONT_SIZE - 1,
        )  # fmt: skip
    for _, intensity, rate in points:
        axes.plot([intensity], [rate], "o", color=figures.INK, markersize=5)
    taken: list[Bbox] = []
    for name, intensity, rate in points:
        _name_point(axes, name, (intensity, rate), taken)
    return figures.picture(figure, alt, caption)


def _name_point(axes, name: str, point: tuple[float, float], taken: list[Bbox]) -> None:
    """Write a point's name beside it, at the first side where no other name stands."""
    for side, (dx, dy) in itertools.product(("left", "right"), ((4, -11), (4, 5))):
        text = axes.annotate(
            name, point, xytext=(dx if side == "left" else -dx, dy), textcoords="offset points",
            ha=side, fontsize=figures.FONT_SIZE - 1,
        )  # fmt: skip
        box = text.get_window_extent()
        if (side == "right" and dy == 5) or not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return
        text.remove()


def sweeps(
    series: dict[str, tuple[list[float], list[float]]],
    labels: tuple[str, str],
    alt: str,
    caption: str,
    faint: tuple[str, ...] = (),
    **scales,
) -> figures.Picture:
    """Curves over powers of a size, each with values of its own on both axes and its name at hand.

    series: name -> (x, y). faint: names that are drawn thin, because they were made elsewhere.
    """
    figure, axes = figures.canvas(3.4)
    axes.set(xlabel=labels[0], ylabel=labels[1], **({"xscale": "log", "yscale": "log"} | scales))
    ends = []
    for (name, (x, y)), colour, mark in zip(
        series.items(), cycle(figures.PALETTE), cycle("os^Dvx"), strict=False
    ):
        style = {"linewidth": 1, "markersize": 3} if name in faint else {"markersize": 5}
        axes.plot(x, y, color=colour, marker=mark, **style)
        ends.append((x[-1], y[-1], name, colour))
    # Names keep a line's height from each other, from the lowest end upwards.
    above, to_points = -math.inf, axes.transData.transform
    for x, y, name, colour in sorted(ends, key=lambda end: to_points(end[:2])[1]):
        place = to_points((x, y))[1] * 72 / figure.dpi
        shift = max(0.0, above + 1.2 * figures.FONT_SIZE - place)
        above = place + shift
        axes.annotate(
            name, (x, y), xytext=(8, shift), textcoords="offset points", color=colour,
            va="center", annotation_clip=False,
        )  # fmt: skip
    return figures.picture(figure, alt, caption)


def shown(picture_rgb, alt: str, caption: str) -> figures.Picture:
    """A picture of numbers from 0 to 1, (height, width, 3), as it is."""
    import base64
    import io

    from matplotlib.image import imsave

    target = io.BytesIO()
    imsave(target, picture_rgb, format="png")
    data = base64.b64encode(target.getvalue()).decode()
    style = "display: block; width: 100%; max-width: 20em; image-rendering: pixelated"
    image = f'<img src="data:image/png;base64,{data}" alt="{alt}" style="{style}">'
    legend = f'<figcaption style="font-size: 0.9em">{caption}</figcaption>'
    return figures.Picture(f'<figure style="margin: 1em 0">{image}{legend}</figure>', alt)
