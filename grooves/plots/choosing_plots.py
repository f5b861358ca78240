"""Pictures of a choice: total cost over time, a tornado chart, a map of the cheapest machine.

Key idea: a choice depends on assumptions, so the pictures show where the winner changes and which
assumption moves the result most, and not only one number. Chapter 15.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grooves.plots import figures, lettering

SQUARE = {"linestyle": "none", "marker": "s", "markersize": 9}
SHADES = (*figures.PALETTE, figures.INK, "#999999")


def over_time(years: Sequence[float], series: dict[str, Sequence[float]], alt: str, caption: str):
    """Total cost in thousands of euros against years. Returns: `figures.Picture`."""
    figure, axes = figures.canvas(3.0)
    names = []
    for place, (name, euros) in enumerate(series.items()):
        look = figures.dashed(figures.look_of(name, place, marker=""), names)
        axes.plot(years, np.array(euros) / 1000, **look)
        names.append(lettering.Name(name, 0, look))
    axes.set(xlabel="years", ylabel="thousand euros", xlim=(0, max(years)), ylim=(0, None))
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def tornado(rows: list[dict], labels: dict[str, str], usual: float, alt: str, caption: str):
    """The outcome at both ends of each assumption, widest first, in thousands of euros.

    rows: as `grooves.hardware.choosing.assumptions.tornado` gives them. labels: of the inputs.
    usual: the outcome if no assumption is moved. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.42 * len(rows) + 1.1)
    for place, row in enumerate(rows):
        for end, colour in (("at_low", figures.BLUE), ("at_high", figures.VERMILION)):
            width = (row[end] - usual) / 1000
            axes.barh(-place, width, left=usual / 1000, color=colour, height=0.62)
    axes.axvline(usual / 1000, color=figures.INK, linewidth=1)
    axes.axvline(0, color=figures.INK, linewidth=1, linestyle=":")
    axes.set_yticks([-place for place in range(len(rows))], [labels[r["name"]] for r in rows])
    axes.set_xlabel("thousand euros that buying saves")
    axes.grid(False, axis="y")
    names = [
        lettering.Name(text, 0, SQUARE | {"color": colour})
        for text, colour in (
            ("at the low end", figures.BLUE),
            ("at the high end", figures.VERMILION),
        )
    ]
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def winner_map(
    x: Sequence[float], y: Sequence[float], found: list[list[str]], axes_names: tuple[str, str],
    alt: str, caption: str,
):  # fmt: skip
    """Which offer is the cheapest where, on logarithmic axes; "" where no plan meets the goal.

    found: as `grooves.hardware.choosing.winners.winners` gives it, a row per y.
    Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.6)
    order = list(dict.fromkeys(name for row in found for name in row if name))
    colours = {name: SHADES[i % len(SHADES)] for i, name in enumerate(order)}
    edges = [np.sqrt(np.array(a[:-1]) * np.array(a[1:])) for a in (x, y)]
    for i, row in enumerate(found):
        for j, name in enumerate(row):
            if name:
                axes.fill_between(
                    _cell(edges[0], x, j), *_cell(edges[1], y, i), color=colours[name], linewidth=0
                )
    axes.set(xscale="log", yscale="log", xlabel=axes_names[0], ylabel=axes_names[1])
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.grid(False)
    names = [lettering.Name(name, 0, SQUARE | {"color": colours[name]}) for name in order]
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def _cell(edges: np.ndarray, values: Sequence[float], i: int) -> tuple[float, float]:
    """Where the cell around a value begins and ends."""
    low = edges[i - 1] if i else values[0]
    high = edges[i] if i < len(edges) else values[-1]
    return low, high
