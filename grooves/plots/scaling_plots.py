"""Pictures of scaling: runs as dots, laws as lines, and what a model knows by fame.

Key idea: a law is drawn over the runs that it was fitted to as a solid line and beyond them as a
dashed one, so that a forecast is seen to be one. Chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from grooves.plots import figures, lettering

Points = tuple[list[float], list[float]]


def laws(
    series: dict[str, tuple[Points, Callable | None]],
    labels: tuple[str, str],
    alt: str,
    caption: str,
    beyond: Points | None = None,
) -> figures.Picture:
    """Runs and the laws through them on logarithmic axes.

    series: name -> ((x, y) of runs, a function from x to y or None). beyond: (x, y) of runs that no
    law was fitted to, drawn as hollow diamonds; the laws are then continued to them, dashed.
    labels: of the two axes, with units.
    """
    figure, axes = figures.canvas(3.2)
    names = []
    for place, (name, ((x, y), law)) in enumerate(series.items()):
        look = figures.look_of(name, place)
        axes.plot(x, y, **look | {"linestyle": "none"})
        if law is not None:
            within = np.geomspace(min(x), max(x), 50)
            axes.plot(within, law(within), **look | {"marker": ""})
            if beyond:
                further = np.geomspace(max(x), 1.1 * max(beyond[0]), 50)
                axes.plot(further, law(further), **look | {"marker": "", "linestyle": "--"})
        names.append(lettering.Name(name, y[-1], look))
    if beyond:
        look = {"color": "black", "marker": "D", "markersize": 7, "linestyle": "none"}
        look |= {"markerfacecolor": "none", "markeredgewidth": 2}
        axes.plot(*beyond, **look)
        names.append(lettering.Name("not used for the fit", beyond[1][-1], look))
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def budgets(
    curves: dict[str, Points], best: Points, labels: tuple[str, str], alt: str, caption: str
) -> figures.Picture:
    """One curve per budget of compute, over the size of the model, and the best size of each.

    curves: name -> (sizes, gaps). best: (sizes, gaps) of the minima, drawn as diamonds.
    """
    figure, axes = figures.canvas(3.4)
    names = []
    for place, (name, (x, y)) in enumerate(curves.items()):
        look = figures.look_of(name, place)
        axes.plot(x, y, **look)
        names.append(lettering.Name(name, y[-1], look))
    look = {"color": "black", "marker": "D", "markersize": 8, "linestyle": "none"}
    look |= {"markerfacecolor": "none", "markeredgewidth": 2}
    axes.plot(*best, **look)
    names.append(lettering.Name("lowest point", best[1][-1], look))
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def fame(
    surprises: dict[str, np.ndarray], guess: float, alt: str, caption: str, bins: int = 24
) -> figures.Picture:
    """Surprise at a fact's value over the rank of its person, averaged in bins of equal ratio.

    surprises: name -> nats by rank, the most famous first. guess: what a pure guess costs.
    """
    figure, axes = figures.canvas(3.0)
    names = []
    for place, (name, by_rank) in enumerate(surprises.items()):
        edges = np.unique(np.geomspace(1, len(by_rank) + 1, bins + 1).astype(int))
        pairs = list(pairwise(edges))
        middle = [float(np.sqrt(a * (b - 1))) for a, b in pairs]
        means = [float(by_rank[a - 1 : b - 1].mean()) for a, b in pairs]
        look = figures.look_of(name, place)
        axes.plot(middle, means, **look)
        names.append(lettering.Name(name, means[-1], look))
    axes.axhline(guess, color="grey", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlabel="rank of the person, 1 is the most famous")
    axes.set_ylabel("nats of surprise at the value")
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
