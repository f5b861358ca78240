"""How sure a mean is: the interval around it that few measurements allow.

Key idea: compare within pairs. Two ways of learning from the same draw of labels share that draw's
luck, so their difference varies less than either, and a few draws can tell whether it is real.
Chapter 03.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from grooves.plots import figures, lettering


def interval(differences, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of differences, and the ends of its interval by Student's t.

    differences: (n,), n of 2 or more, independent of each other, such as one a draw of labels.
    Source: Student 1908, "The probable error of a mean".
    """
    differences = np.asarray(differences, dtype=float)
    n, middle = len(differences), differences.mean()
    half = t.ppf((1 + level) / 2, n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return float(middle), float(middle - half), float(middle + half)


def in_words(better: str, worse: str, differences, unit: str = "points") -> str:
    """What the differences (n,) of two ways allow to say, in a sentence chosen by their interval.

    better, worse: names; differences: of the first from the second, positive where it is better.
    """
    middle, low, high = interval(differences)
    found = f"{middle:+.1f} {unit}, 95 % interval {low:+.1f} to {high:+.1f}"
    if low > 0:
        return f"{better} ahead of {worse}: {found}"
    if high < 0:
        return f"{better} behind {worse}: {found}"
    return f"{better} and {worse} cannot be told apart: {found}"


def mean_curves(
    x, series: dict, labels, alt: str, caption: str, band: str = "interval", skip: int = 0, **scales
) -> figures.Picture:
    """Means as lines, with bands around them, named at their right ends or above the axes.

    x: (n,) positive numbers, on an axis of powers. series: name -> (n, runs) values. labels: of
    the two axes, with units. band: "interval" of 95 %, or "range" from the least to the greatest
    run, where there are too few for an interval. skip: marks to leave out, so that a name has the
    same one in two pictures. scales: settings of the axes.
    """
    figure, axes = figures.canvas(3.6)
    axes.set(xlabel=labels[0], ylabel=labels[1], xscale="log", xlim=(x[0] / 1.1, x[-1] * 1.1))
    axes.set(**scales)
    axes.minorticks_off()
    axes.set_xticks(x, [f"{value:,}" for value in x])
    names = []
    for place, (name, values) in enumerate(series.items(), start=skip):
        middle, low, high = np.transpose([interval(runs) for runs in values])
        if band == "range":
            low, high = np.min(values, axis=1), np.max(values, axis=1)
        look = figures.look_of(name, place)
        axes.fill_between(x, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axes.plot(x, middle, **look)
        names.append(lettering.Name(name, middle[-1], look))
    lettering.name_lines(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def differences_picture(x, series: dict, labels, alt: str, caption: str) -> figures.Picture:
    """Differences with their 95 % intervals, one panel a comparison; zero is drawn as a line.

    x: (n,) numbers, drawn evenly spaced. series: name of a comparison -> (n, runs) differences.
    A mark is filled where its interval excludes zero.
    """
    rows = math.ceil(len(series) / 2)
    figure, panels = figures.canvas(
        0.9 + 1.5 * rows, columns=min(2, len(series)), rows=rows, sharey=True, sharex=True
    )
    panels = np.atleast_1d(panels).ravel()
    for place, ((name, values), axes) in enumerate(zip(series.items(), panels, strict=False)):
        colour = figures.colour_of(name, place + 1)
        axes.axhline(0, color=figures.INK, linewidth=1)
        for spot, runs in enumerate(values):
            middle, low, high = interval(runs)
            sure = low > 0 or high < 0
            axes.plot([spot, spot], [low, high], color=colour, linewidth=2)
            axes.plot(spot, middle, "o", color=colour, markerfacecolor=colour if sure else "none")
        axes.set_xticks(range(len(x)), [f"{value:,}" for value in x], rotation=90)
        axes.set_title(name)
    for axes in panels[len(series) :]:
        axes.set_visible(False)
    figure.supxlabel(labels[0], fontsize=figures.FONT_SIZE)
    figure.supylabel(labels[1], fontsize=figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
