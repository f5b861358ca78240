"""Figures of rooflines and of sweeps over sizes.

Key idea: both axes are logarithmic, so that each limit is a straight line and machines that differ
a thousandfold share one figure. What was measured is drawn solid, what was only published is dashed
and labelled so. Chapters: 11, 12.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grooves.hardware.roofline import attainable, ridge
from grooves.plots import figures, lettering


@dataclass(frozen=True)
class Roof:
    """A device's two limits. `published`: from a data sheet and not measured."""

    name: str
    peak_flops_per_s: float
    bandwidth_bytes_per_s: float
    published: bool = False

    @property
    def ridge(self) -> float:
        """FLOPs per byte at which both limits bind."""
        return ridge(self.peak_flops_per_s, self.bandwidth_bytes_per_s)


def draw(
    roofs: list[Roof], points: list[tuple[str, float, float]], alt: str, caption: str
) -> figures.Picture:
    """Rooflines, and operations as points below them.

    points: (name, intensity in FLOPs per byte, rate in FLOP/s). Published roofs are dashed.
    Raises: ValueError where there is no roofline, or a point is not positive.
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
    axes.set(xlabel="FLOPs per byte", ylabel="FLOP/s")
    rates = [rate for _, _, rate in points] + [roof.peak_flops_per_s for roof in roofs]
    axes.set_ylim(min(rates) / 5, max(rates) * 8)  # before names are placed
    names = []
    for place, roof in enumerate(roofs):
        corners = [left, roof.ridge, right]
        limits = (roof.peak_flops_per_s, roof.bandwidth_bytes_per_s)
        look = {"color": figures.colour_of(roof.name, place)}
        look |= {"linestyle": "--", "linewidth": 1.3} if roof.published else {}
        look |= {"linestyle": ":"} if roof.name.endswith("from its cache") else {}
        axes.plot(corners, [attainable(x, *limits) for x in corners], **look)
        label = f"{roof.name} (published)" if roof.published else roof.name
        names.append(lettering.Name(label, roof.peak_flops_per_s, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    for _, intensity, rate in points:
        axes.plot([intensity], [rate], "o", color=figures.INK, markersize=5)
    lettering.settle(figure, figures.FONT_SIZE)  # before places are looked for
    unnamed = [
        (name, (intensity, rate))
        for name, intensity, rate in points
        if not lettering.note(axes, name, (intensity, rate), figures.FONT_SIZE)
    ]
    key = []
    for letter, (name, spot) in zip("ABCDEFGHIJ", unnamed, strict=False):
        if lettering.note(axes, letter, spot, figures.FONT_SIZE):
            key.append(f"{letter}: {name}")
    caption = " ".join([caption, *(f"{entry}." for entry in key)])
    return figures.picture(figure, alt, caption)


def sweeps(
    series: dict[str, tuple[list[float], list[float]]],
    labels: tuple[str, str],
    alt: str,
    caption: str,
    faint: tuple[str, ...] = (),
    **scales,
) -> figures.Picture:
    """Curves over a size on a logarithmic axis, each with its own x and y, named above the axes.

    series: name -> (x, y). faint: names of curves that are drawn thin because they were recorded
    elsewhere.
    """
    figure, axes = figures.canvas(3.6)
    axes.set(xlabel=labels[0], ylabel=labels[1], **({"xscale": "log", "yscale": "log"} | scales))
    names = []
    for place, (name, (x, y)) in enumerate(series.items()):
        thin = {"linewidth": 1, "markersize": 3} if name in faint else {}
        look = figures.dashed(figures.look_of(name, place, **thin), names)
        axes.plot(x, y, **look)
        names.append(lettering.Name(name, y[-1], look))
    same_end = len({x[-1] for x, _ in series.values()}) == 1
    lettering.name_lines(axes, names, figures.FONT_SIZE, beside=same_end)
    return figures.picture(figure, alt, caption)


def shown(picture_rgb, alt: str, caption: str) -> figures.Picture:
    """An image of numbers from 0 to 1, (height, width, 3), shown unchanged."""
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
