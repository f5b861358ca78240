"""Pictures of chapter 4: a row of dots for each model, and recall over a distance.

Key idea: a mean hides whether runs agree. So every run is a dot of its own, and a bar marks the
median. Chapter 04.
"""

from __future__ import annotations

import re
from statistics import median

from grooves.plots import figures, lettering


def dot_rows(
    rows: dict[str, list[float]],
    label: str,
    alt: str,
    caption: str,
    mark: float | None = None,
    spans: dict[str, tuple[float, float]] | None = None,
    **scales,
) -> figures.Picture:
    """One row for each model, from top to bottom: a dot for each run, a bar at the median.

    rows: name -> values. label: of the axis, with its unit. mark: a value at which a dotted line is
    drawn. spans: name -> ends of an interval, drawn as a line. scales: settings of the axes.
    """
    figure, axes = figures.canvas(0.34 * len(rows) + 0.7)
    if mark is not None:
        axes.axvline(mark, color=figures.INK, linewidth=1, linestyle=":")
    for row, (name, values) in enumerate(rows.items()):
        colour = figures.METHODS.get(re.split("[:,]", name)[0], figures.INK)
        axes.plot(values, [-row] * len(values), "o", color=colour, markersize=5, alpha=0.6)
        if spans and name in spans:
            axes.plot(spans[name], [-row, -row], color=colour, linewidth=2, alpha=0.6)
        if len(values) > 1:
            axes.plot([median(values)], [-row], "|", color=colour, markersize=15)
    axes.set(xlabel=label, ylim=(0.6 - len(rows), 0.6), **scales)
    axes.set_yticks([-row for row in range(len(rows))], list(rows))
    axes.grid(False, axis="y")
    return figures.picture(figure, alt, caption)


def recall_by_distance(
    edges, series: dict[str, list[list]], alt: str, caption: str
) -> figures.Picture:
    """Share of recalled words that each model predicts, by the number of words in between.

    edges: (n + 1,) of the bins. series: name -> runs of n shares, None where a bin is empty; the
    line joins the medians.
    """
    figure, axes = figures.canvas(3.0)
    axes.set(xlabel="words since the word was last named", ylabel="first guess is right")
    axes.set(ylim=(-0.03, 1.05), xlim=(edges[0], edges[-1]))
    names = []
    for place, (name, runs) in enumerate(series.items()):
        look = figures.look_of(name, place, linestyle=":" if "," in name else "-")
        bins = [i for i in range(len(edges) - 1) if all(run[i] is not None for run in runs)]
        middles = [(edges[i] + edges[i + 1]) / 2 for i in bins]
        for run in runs:
            dots = look | {"linestyle": "none", "alpha": 0.5, "markersize": 4}
            axes.plot(middles, [run[i] for i in bins], **dots)
        level = [median(run[i] for run in runs) for i in bins]
        axes.plot(middles, level, **look | {"marker": ""})
        names.append(lettering.Name(name, level[-1], look | {"marker": ""}))
    axes.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    lettering.name_lines(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
