"""Decision boundaries: the regions of a plane that a classifier assigns to each of two classes.

Key idea: a classifier with two inputs can be drawn completely. The effect of a hidden layer is
visible as a boundary that is no longer a straight line. Chapter 01.
"""

from __future__ import annotations

import math

import numpy as np

from grooves.plots import figures

GRID = 60  # points along each axis at which the classifier is evaluated
MARGIN = 0.4


def boundaries(
    points: np.ndarray, classes: np.ndarray, scores: dict, alt: str, caption: str
) -> figures.Picture:
    """One panel per classifier: its two regions, with the points that it was fitted to.

    points: (N, 2). classes: (N,), 0 or 1. scores: name -> a function from points (M, 2) to a score
    (M,), positive where the answer is class 1. alt: what it shows. caption: what to notice.
    """
    rows = math.ceil(len(scores) / 2)
    figure, panels = figures.canvas(2.4 * rows, columns=2, rows=rows, sharex=True, sharey=True)
    low, high = points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN
    x, y = np.linspace(low[0], high[0], GRID), np.linspace(low[1], high[1], GRID)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # (GRID * GRID, 2)
    for axes, (name, score) in zip(np.ravel(panels), scores.items(), strict=False):
        heights = score(plane).reshape(GRID, GRID)
        ends = [min(heights.min(), -1.0) - 1, 0, max(heights.max(), 1.0) + 1]
        colours = (figures.BLUE, figures.VERMILION)
        axes.contourf(x, y, heights, levels=ends, colors=colours, alpha=0.18)
        axes.contour(x, y, heights, levels=[0], colors=figures.INK, linewidths=1)
        for label, colour, mark in zip((0, 1), colours, ("o", "s"), strict=True):
            axes.plot(*points[classes == label].T, mark, color=colour, markersize=2.5)
        axes.set(title=name, xticks=(), yticks=())
    for axes in np.ravel(panels)[len(scores) :]:
        axes.axis("off")
    return figures.picture(figure, alt, caption)
