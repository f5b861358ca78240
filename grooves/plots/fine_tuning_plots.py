"""Pictures of fine-tuning: learned against forgotten, and every run of several conditions.

Key idea: a dot for each run. A mean of five hides whether the runs agree, and a comparison is only
worth what the spread allows. Chapter 06.
"""

from __future__ import annotations

import numpy as np

from grooves.plots import figures, lettering
from grooves.plots.intervals import interval


def frontier(series: dict, labels, alt: str, caption: str, **scales) -> figures.Picture:
    """Two quantities against each other: a faint dot for each run, and a curve through the means.

    series: name -> (n, runs, 2), in the order of the setting that leads along the curve. labels: of
    the two axes, with units. scales: settings of the axes.
    """
    figure, axes = figures.canvas(4.0)
    axes.set(xlabel=labels[0], ylabel=labels[1], **scales)
    names = []
    for place, (name, runs) in enumerate(series.items(), start=1):
        look = figures.dashed(figures.look_of(name, place), names)
        flat = np.concatenate([np.asarray(some) for some in runs])
        axes.plot(*flat.T, look["marker"], color=look["color"], markersize=3, alpha=0.4)
        middle = np.array([np.mean(some, axis=0) for some in runs])
        axes.plot(*middle.T, **look)
        names.append(lettering.Name(name, middle[-1, 1], look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def every_run(series: dict, label: str, alt: str, caption: str, **scales) -> figures.Picture:
    """One line for each condition: a dot for each run, and the 95% interval of their mean.

    series: name -> (runs,). label: of the axis, with its unit. scales: settings of the axes.
    """
    figure, axes = figures.canvas(0.9 + 0.36 * len(series))
    axes.set(xlabel=label, **scales)
    for place, (name, runs) in enumerate(series.items()):
        colour = figures.colour_of(name, place)
        _, low, high = interval(runs)
        axes.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.25)
        axes.plot(runs, [place] * len(runs), "o", color=colour, markersize=4)
    axes.set_yticks(range(len(series)), list(series))
    axes.set_ylim(len(series) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    return figures.picture(figure, alt, caption)
