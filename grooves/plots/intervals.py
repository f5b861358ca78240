"""How certain a mean is: its confidence interval when there are few measurements.

Key idea: compare within pairs. The same draw of labels affects two methods in much the same way, so
their difference varies less than either result, and a few draws can show whether it is real.
Chapter 03.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.plots import figures, lettering


def interval(differences, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of differences, and the ends of its confidence interval by Student's t.

    differences: (n,), n of 2 or more, independent of each other, such as one per draw of labels.
    Source: Student 1908, "The probable error of a mean".
    """
    from scipy.special import stdtrit  # half a second that importing this module need not take

    differences = np.asarray(differences, dtype=float)
    n, middle = len(differences), differences.mean()
    half = stdtrit(n - 1, (1 + level) / 2) * differences.std(ddof=1) / math.sqrt(n)
    return float(middle), float(middle - half), float(middle + half)


def in_words(better: str, worse: str, differences, unit: str = "points") -> str:
    """What the differences (n,) of two methods show, in a sentence chosen by their interval.

    better, worse: names; differences: of the first from the second, positive where it is better.
    """
    middle, low, high = interval(differences)
    found = f"{middle:+.1f} {unit}, 95% interval {low:+.1f} to {high:+.1f}"
    if low > 0:
        return f"{better} ahead of {worse}: {found}"
    if high < 0:
        return f"{better} behind {worse}: {found}"
    return f"{better} and {worse} cannot be told apart: {found}"


def mean_curves(
    x,
    series: dict,
    labels,
    alt: str,
    caption: str,
    band: str = "interval",
    skip: int = 0,
    points: dict | None = None,
    **scales,
) -> figures.Picture:
    """Means as lines, with bands around them, named at their right ends or above the axes.

    x: (n,) positive numbers, on a logarithmic axis. series: name -> (n, runs) values. labels: of
    the two axes, with units. band: "interval" of 95%, or "range" from the least to the greatest
    run, where there are too few for an interval. skip: markers to leave out, so that a name has the
    same one in two pictures. points: name -> (x, y) of single results, drawn as diamonds. scales:
    settings of the axes.
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
        look = figures.dashed(figures.look_of(name, place), names)
        axes.fill_between(x, low, high, color=look["color"], alpha=0.15, linewidth=0)
        axes.plot(x, middle, **look)
        names.append(lettering.Name(name, middle[-1], look))
    for place, (name, (across, up)) in enumerate((points or {}).items(), start=len(series)):
        look = figures.look_of(name, place, marker="D", markersize=8, linestyle="none")
        axes.plot(across, up, **look | {"markerfacecolor": "none", "markeredgewidth": 2})
        names.append(lettering.Name(name, up, look))
    lettering.name_lines(axes, names, figures.FONT_SIZE, beside=not points)
    return figures.picture(figure, alt, caption)


def forest(groups: dict, label: str, alt: str, caption: str) -> figures.Picture:
    """Differences with their 95% intervals, one row per comparison: a forest plot.

    groups: title of a group -> {name of a comparison: (runs,) paired differences}. label: of the
    axis, with its unit. A marker is filled if its interval excludes zero, which is drawn as a line.
    """
    n_rows = sum(map(len, groups.values()))
    figure, axes = figures.canvas(0.5 + 0.24 * n_rows + 0.3 * len(groups))
    axes.axvline(0, color=figures.INK, linewidth=1)
    place, ticks, names = 0.0, [], []
    for title, rows in groups.items():
        ticks.append(place)
        names.append(title)
        for name, runs in rows.items():
            place -= 1
            middle, low, high = interval(runs)
            sure = low > 0 or high < 0
            colour = figures.colour_of(name, 0)
            axes.plot([low, high], [place, place], color=colour, linewidth=2)
            axes.plot(middle, place, "o", color=colour, markerfacecolor=colour if sure else "none")
            ticks.append(place)
            names.append(name)
        place -= 1.4
    axes.set_yticks(ticks, names)
    for text in axes.get_yticklabels():
        text.set_weight("bold" if text.get_text() in groups else "normal")
    axes.set(xlabel=label, ylim=(place + 0.7, 0.7))
    axes.grid(False, axis="y")
    return figures.picture(figure, alt, caption)
