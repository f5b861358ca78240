"""Digits drawn as pictures, and the weights of neurons drawn in the same way.

Key idea: a neuron has as many weights as a picture has pixels, so they can be laid out like one:
blue where ink raises the neuron's output, vermilion where it lowers it.
Chapters: 01, 02, 03.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from grooves.plots import figures

LEVELS = 24  # shades that are told apart; all pixels of one shade are one shape in the drawing
GAP = 0.18  # between two pictures, as a share of a picture's width
LINE = 0.5  # height of a title, in the same unit, where ten pictures share the page's width


def digit_grid(
    images, titles, alt: str, caption: str, diverging: bool = False, columns: int = 10
) -> figures.Picture:
    """Small square pictures in rows, in ink on the page's background, for light and dark pages.

    images: (N, P) with P a square number, or (N, side, side). Ink goes from 0 (clear) to the
    largest value of all pictures (full). With `diverging`, positive values are blue and negative
    ones vermilion, on one scale for all, so that strong weights look stronger than weak ones.
    titles: one short text above each picture, or (). alt: what it shows. caption: what to notice.
    Raises: ValueError where P is not a square number, titles are too few or too many, there is no
    picture, or a value is negative without `diverging`.
    """
    images = np.asarray(images, dtype=float)
    if not len(images):
        raise ValueError("no picture to draw")
    images = images.reshape(len(images), -1)
    side = math.isqrt(images.shape[1])
    if side**2 != images.shape[1]:
        raise ValueError(f"{images.shape[1]} pixels are no square picture")
    if len(titles) not in (0, len(images)):
        raise ValueError(f"{len(titles)} titles for {len(images)} pictures")
    if images.min() < 0 and not diverging:
        raise ValueError(f"ink of {images.min():.2g} cannot be drawn: use diverging=True")

    in_row = min(columns, len(images))
    n_rows = math.ceil(len(images) / in_row)
    across = max(in_row, 5)  # few pictures do not grow to fill the page
    line = LINE * across / 10 if len(titles) else 0.0
    width, height = across * (1 + GAP), n_rows * (1 + GAP + line)
    figure, axes = figures.canvas(figures.WIDTH * height / width + 0.08)
    axes.set(xlim=(-GAP / 2, width - GAP / 2), ylim=(height - GAP / 2, -GAP / 2), aspect="equal")
    axes.axis("off")
    places = [(i % in_row, i // in_row) for i in range(len(images))]
    corners = [(x * (1 + GAP), y * (1 + GAP + line) + line) for x, y in places]  # left, top
    _draw(axes, images.reshape(-1, side, side), corners, diverging)
    for (left, top), title in zip(corners, titles, strict=False):
        axes.text(left + 0.5, top - 0.08, title, ha="center", va="bottom")
    return figures.picture(figure, alt, caption)


def _draw(axes, images, corners, diverging) -> None:
    """Images (N, side, side), each as a square of width 1 with its upper left corner there."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    side = images.shape[-1]
    levels = np.rint(LEVELS * images / (np.abs(images).max() or 1.0)).astype(int)
    shades = defaultdict(list)  # level -> the upper left corners of the pixels that have it
    for (i, row, column), level in np.ndenumerate(levels):
        if level:
            left, top = corners[i]
            shades[level].append((left + column / side, top + row / side))
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]) / side
    codes = [Path.MOVETO, *3 * [Path.LINETO], Path.CLOSEPOLY]
    for level, pixels in sorted(shades.items()):
        colour = figures.INK if not diverging else figures.BLUE if level > 0 else figures.VERMILION
        path = Path(np.concatenate([pixel + square for pixel in pixels]), codes * len(pixels))
        look = {"facecolor": colour, "alpha": abs(level) / LEVELS, "linewidth": 0}
        axes.add_patch(PathPatch(path, clip_on=False, **look))
    frame = {"fill": False, "edgecolor": figures.INK, "alpha": 0.35, "linewidth": 0.6}
    for corner in corners:
        axes.add_patch(Rectangle(corner, 1, 1, clip_on=False, **frame))
