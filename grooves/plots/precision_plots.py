"""Pictures of precision and memory: where numbers lie, what bytes buy, what takes the room.

Key idea: both what a format can say and what a model loses run over many powers of ten, so their
axes go by powers. Chapter 12.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.plots import figures
from grooves.precision.formats import Format

COLOURS = (*figures.PALETTE[:4], figures.INK)


def number_lines(formats: list[Format], scales: list[float], alt: str, caption: str):
    """All positive numbers of some small formats, one row each, on an axis of powers of two.

    scales: what each format's numbers are multiplied by. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.55 * len(formats) + 0.9)
    for row, (one, scale, colour) in enumerate(zip(formats, scales, COLOURS, strict=False)):
        values = [one.decode(bits) for bits in range(2 ** (one.bits - 1))]
        values = scale * np.array([v for v in values if 0 < v < math.inf])
        axes.plot(values, np.full(len(values), -row), "|", color=colour, markersize=16)
    axes.set(xscale="log", ylim=(0.6 - len(formats), 0.6), xlabel="number, by powers of two")
    axes.set_xscale("log", base=2)
    axes.grid(False, axis="y")
    axes.set_yticks(-np.arange(len(formats)), [one.name for one in formats])
    return figures.picture(figure, alt, caption)


def bytes_and_gaps(series: dict, level: tuple[float, str], alt: str, caption: str):
    """What a model is worse than perfect against bytes a weight; each point has its bits.

    series: name -> list of (bytes a weight, nats, label). level: nats at which a line is drawn,
    and its name. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.8)
    axes.set(xscale="log", yscale="log", xlabel="bytes a weight, scales included")
    axes.set_ylabel("nats a word above the exact entropy")
    axes.axhline(level[0], color=figures.INK, linewidth=1, linestyle=":")
    axes.annotate(
        level[1], (1, level[0]), xycoords=axes.get_yaxis_transform(), ha="right", va="bottom"
    )
    ends = []
    for (name, points), colour, mark in zip(series.items(), COLOURS, "os^Dv", strict=False):
        x, y, texts = zip(*points, strict=True)
        line = "none" if len(points) < 4 else "-"
        axes.plot(x, y, color=colour, marker=mark, markersize=5, linestyle=line, label=name)
        for place, text in enumerate(texts):
            if text:
                ends.append((x[place], y[place], text, colour))
    for x, y, text, colour in ends:
        axes.annotate(
            text, (x, y), xytext=(0, 7), textcoords="offset points", color=colour, ha="center"
        )
    axes.minorticks_off()
    ticks = (0.25, 0.5, 1, 2, 4)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.86), frameon=False)
    return figures.picture(figure, alt, caption)


def stacked(bars: dict, unit: float, ylabel: str, marks: dict, alt: str, caption: str):
    """Bars made of parts, one bar a case, and a mark where something was measured.

    bars: name -> {part: bytes}, the parts alike in all. unit: bytes of one unit of the axis.
    marks: name -> bytes, for some of the bars. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.2)
    bottoms = np.zeros(len(bars))
    for part, colour in zip(next(iter(bars.values())), COLOURS, strict=False):
        heights = np.array([parts[part] for parts in bars.values()]) / unit
        axes.bar(range(len(bars)), heights, bottom=bottoms, color=colour, width=0.6, label=part)
        bottoms += heights
    for place, name in enumerate(bars):
        if name in marks:
            label = "measured" if name == next(iter(marks)) else ""  # once in the legend
            ends, height = [place - 0.42, place + 0.42], marks[name] / unit
            axes.plot(ends, [height, height], color=figures.INK, linewidth=2, label=label)
    axes.set_xticks(range(len(bars)), list(bars))
    axes.grid(False, axis="x")
    axes.set(ylabel=ylabel)
    axes.legend(loc="upper left", frameon=False)
    return figures.picture(figure, alt, caption)
