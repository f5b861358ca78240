"""Pictures of precision and memory: where numbers lie, what bytes buy, what takes the memory.

Key idea: both the numbers of a format and the loss of a model run over many powers of ten, so their
axes are logarithmic. Every seed is a dot. Chapter 12.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.plots import figures, lettering
from grooves.precision.formats import Format


def number_lines(formats: list[Format], scales: list[float], alt: str, caption: str):
    """All positive numbers of some small formats, one row each, on a logarithmic axis (base 2).

    scales: what each format's numbers are multiplied by. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.55 * len(formats) + 0.9)
    for row, (one, scale) in enumerate(zip(formats, scales, strict=True)):
        colour = figures.colour_of(one.name, row)
        values = [one.decode(bits) for bits in range(2 ** (one.bits - 1))]
        values = scale * np.array([v for v in values if 0 < v < math.inf])
        axes.plot(values, np.full(len(values), -row), "|", color=colour, markersize=16)
    axes.set(ylim=(0.6 - len(formats), 0.6), xlabel="number, by powers of two")
    axes.set_xscale("log", base=2)
    low, high = (round(math.log2(end)) for end in axes.get_xlim())
    powers = range(low - low % 4 + 4, high, 4)  # every fourth power
    axes.set_xticks([2.0**k for k in powers], [f"2{_raised(k)}" for k in powers])
    axes.grid(False, axis="y")
    axes.set_yticks(-np.arange(len(formats)), [one.name for one in formats])
    return figures.picture(figure, alt, caption)


def _raised(power: int) -> str:
    """A power with its exponent in superscript digits."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def bytes_and_gaps(series: dict, level: tuple[float, str], alt: str, caption: str):
    """Gap against bytes per weight; each point is labelled with its bits.

    series: name -> list of (bytes per weight, nats, label). level: nats at which a line is drawn,
    and its name. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.8)
    axes.set(xscale="log", yscale="log", xlabel="bytes per weight, scales included")
    axes.set_ylabel("nats per word above the exact entropy")
    axes.axhline(level[0], color=figures.INK, linewidth=1, linestyle=":")
    names, notes = [], []
    for place, (name, points) in enumerate(series.items()):
        x, y, texts = zip(*points, strict=True)
        look = figures.look_of(name, place, linestyle="none" if len(points) < 4 else "-")
        axes.plot(x, y, **look)
        names.append(lettering.Name(name, y[-1], look))
        notes += [(text, spot, look) for text, *spot in zip(texts, x, y, strict=True) if text]
    names.append(lettering.Name(level[1], level[0], {"color": figures.INK, "linestyle": ":"}))
    ticks = (0.25, 0.5, 1, 2, 4)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    lettering.legend(axes, names, figures.FONT_SIZE)
    lettering.settle(figure, figures.FONT_SIZE)  # before places are looked for
    for text, spot, look in notes:
        lettering.note(axes, text, spot, figures.FONT_SIZE, look["color"])
    return figures.picture(figure, alt, caption)


def stacked(bars: dict, unit: float, ylabel: str, marks: dict, alt: str, caption: str):
    """Stacked bars, one per case, with a marker where something was measured.

    bars: name -> {part: bytes}, the same parts in all bars. unit: bytes of one unit of the axis.
    marks: name -> bytes, for some of the bars. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.4)
    bottoms, names = np.zeros(len(bars)), []
    for spot, part in enumerate(next(iter(bars.values()))):
        heights = np.array([parts[part] for parts in bars.values()]) / unit
        colour = figures.colour_of(part, spot)
        axes.bar(range(len(bars)), heights, bottom=bottoms, color=colour, width=0.6)
        look = {"color": colour, "linestyle": "none", "marker": "s", "markersize": 9}
        names.append(lettering.Name(part, 0, look))
        bottoms += heights
    for spot, name in enumerate(bars):
        if name in marks:
            height = marks[name] / unit
            axes.plot([spot - 0.42, spot + 0.42], [height] * 2, color=figures.INK, linewidth=2)
    if marks:
        names.append(lettering.Name("measured", 0, {"color": figures.INK, "linewidth": 2}))
    axes.set_xticks(range(len(bars)), list(bars))
    axes.grid(False, axis="x")
    axes.set(ylabel=ylabel)
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def dots(rows: dict, xlabel: str, alt: str, caption: str, log: bool = False):
    """One row for each name, a dot for each seed and a bar at their mean.

    rows: name -> (n_seeds,) values. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.36 * len(rows) + 0.9)
    for place, (name, values) in enumerate(rows.items()):
        colour = figures.colour_of(name, place)
        axes.plot(values, np.full(len(values), -place), "o", color=colour, alpha=0.7, markersize=7)
        mean = float(np.mean(values))
        axes.plot([mean, mean], [-place - 0.32, -place + 0.32], color=figures.INK, linewidth=2)
    if log:
        axes.set_xscale("log")
    axes.axvline(0 if not log else axes.get_xlim()[0], color=figures.INK, linewidth=1)
    axes.set(xlabel=xlabel, ylim=(0.6 - len(rows), 0.6))
    axes.grid(False, axis="y")
    axes.set_yticks(-np.arange(len(rows)), list(rows))
    return figures.picture(figure, alt, caption)


def run_lines(x, series: dict, labels: tuple[str, str], alt: str, caption: str):
    """Several runs of each kind: every run a thin line, and a dot where it ends.

    x: (n,) steps. series: name -> (n_runs, n) values. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.4)
    axes.set(xlabel=labels[0], ylabel=labels[1], yscale="log")
    names = []
    for place, (name, values) in enumerate(series.items()):
        look = figures.look_of(name, place)
        for one in values:
            axes.plot(x, one, color=look["color"], linewidth=1, alpha=0.8)
            axes.plot(x[-1], one[-1], "o", color=look["color"], markersize=4)
        names.append(lettering.Name(name, values[0][-1], {"color": look["color"], "linewidth": 2}))
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
