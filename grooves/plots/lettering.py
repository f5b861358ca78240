"""Labels that do not overlap: names beside lines or above the axes, and ticks with room.

Key idea: a figure is read on a phone, where it is 342 pixels wide, so labels compete for room. What
does not fit is wrapped, thinned or moved out of the axes, and never drawn over something else.
Chapters: all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from grooves.plots.colours import INK
from grooves.plots.typeset import signed

GAP = 1.25  # lines of text from one name to the next
WIDEST_NAME = 0.26  # of the figure's width, for a name beside its line


@dataclass
class Name:
    """A series' name and the style of its line, as matplotlib's settings."""

    text: str
    end: float  # the last value, in the axis' unit
    look: dict = field(default_factory=dict)


def text_width(text: str, size: float) -> float:
    """The width of a line of text, in points."""
    from matplotlib.textpath import TextPath

    return max(TextPath((0, 0), line, size=size).get_extents().x1 for line in text.split("\n"))


def name_lines(axes, names: list[Name], size: float, beside: bool = True) -> None:
    """Write the names of lines at their right ends, or above the axes with a piece of each line.

    They stand above where one is too long, or two lines have one colour and differ in dashes.

    size: of the text, in points. beside: False where the lines do not end at the right edge.
    """
    figure = axes.figure
    room = WIDEST_NAME * figure.get_figwidth() * 72
    alike = len({name.look["color"] for name in names}) < len(names)
    if not beside or alike or max(text_width(name.text, size) for name in names) > room:
        legend(axes, names, size)
        return
    edge = axes.get_yaxis_transform()
    texts = [
        axes.annotate(
            name.text, (1, name.end), xycoords=edge, xytext=(7, 0), textcoords="offset points",
            color=name.look["color"], va="center", fontsize=size, annotation_clip=False,
        )
        for name in names
    ]  # fmt: skip
    for _ in range(2):  # room for the names changes the axes, and these the names' places
        figure.draw_without_rendering()
        ends = [axes.transData.transform((1, name.end))[1] * 72 / figure.dpi for name in names]
        box = axes.get_window_extent()
        low, high = box.y0 * 72 / figure.dpi, box.y1 * 72 / figure.dpi
        for text, end, place in zip(texts, ends, spread(ends, GAP * size, low, high), strict=True):
            text.set_position((7, place - end))


def spread(ends: list[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near to `ends` as possible, at least `gap` apart and between low and high.

    If the range is too short for all of them, they continue above it.
    """
    order = sorted(range(len(ends)), key=lambda i: ends[i])
    places, above = [0.0] * len(ends), -math.inf
    for i in order:
        above = places[i] = max(min(max(ends[i], low), high), above + gap)
    below = high + max(0.0, (len(ends) - 1) * gap - (high - low))
    for i in reversed(order):
        below = places[i] = min(places[i], below)
        below -= gap
    return places


def legend(axes, names: list[Name], size: float) -> None:
    """The names above the axes, each with its line, in as many columns as fit."""
    from matplotlib.lines import Line2D

    figure = axes.figure
    lines = [Line2D([], [], label=name.text, **({"linewidth": 2} | name.look)) for name in names]
    column = max(text_width(name.text, size) for name in names) + 3.4 * size
    columns = max(1, min(len(names), int(figure.get_figwidth() * 72 / column)))
    figure.legend(
        handles=lines, loc="outside upper left", ncols=columns, fontsize=size, frameon=False,
        handlelength=1.8, handletextpad=0.5, columnspacing=0.9, borderpad=0, labelspacing=0.3,
    )  # fmt: skip


def note(axes, text: str, spot: tuple[float, float], size: float, colour=INK, taken=()) -> bool:
    """Write a text beside a point (data units), at the first position where it covers nothing.

    taken: boxes to keep clear of, besides the lines and texts of the axes.
    Returns: whether there was such a position; otherwise nothing is written.
    """
    from itertools import product

    figure = axes.figure
    figure.draw_without_rendering()
    shapes = obstacles(axes)
    inside = axes.get_window_extent()
    sides = ((1, 0), (-1, 0), (0, 1), (0, -1), *product((1, -1), (0.7, -0.7)))
    for away, (side, up) in product((6, 12, 20, 30), sides):
        written = axes.annotate(
            text, spot, xytext=(side * away, up * (away + 5)), textcoords="offset points",
            ha={1: "left", -1: "right", 0: "center"}[side], va="center", color=colour,
            fontsize=size, annotation_clip=False,
        )  # fmt: skip
        box = written.get_window_extent()
        clear = not any(shape.intersects_bbox(box, filled=False) for shape in shapes)
        apart = box.padded(0.7 * size * figure.dpi / 72, 0)  # two names in a row read as one
        clear &= not any(apart.overlaps(other) for other in (*taken, *texts_of(axes, written)))
        if clear and all(inside.contains(x, y) for x, y in (box.min, box.max)):
            return True
        written.remove()
    return False


def texts_of(axes, but=None) -> list:
    """Boxes of the texts that were written into the axes."""
    return [text.get_window_extent() for text in axes.texts if text is not but and text.get_text()]


def obstacles(axes) -> list:
    """Paths on the screen of the lines and marks that a text must not lie on."""
    from matplotlib.path import Path
    from matplotlib.transforms import Bbox

    found = []
    for line in axes.lines:
        path = line.get_transform().transform_path(line.get_path())
        if len(path.vertices) and line.get_linestyle() not in ("None", "none", "", " "):
            found.append(path)
        if line.get_marker() not in ("None", "none", "", None, " "):
            half = (line.get_markersize() / 2 + 1) * axes.figure.dpi / 72
            for x, y in path.vertices:
                box = Bbox([[x - half, y - half], [x + half, y + half]])
                found.append(Path.unit_rectangle().transformed(box_to(box)))
    return found


def box_to(box):
    """The transform that maps the unit square to a box."""
    from matplotlib.transforms import BboxTransformTo

    return BboxTransformTo(box)


# ---- before a figure is saved -------------------------------------------------------------------


def settle(figure, least: float) -> None:
    """Make labels readable: none smaller than `least` points, too long for its axis or crowded.

    Long labels are wrapped, logarithmic axes get ticks, and tick labels that would collide are
    removed.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), least))
        text.set_text(signed(text.get_text()))
    for axes in figure.axes:
        figure.draw_without_rendering()
        box = axes.get_window_extent()
        for text, length in (
            (axes.xaxis.label, box.width), (axes.yaxis.label, box.height), (axes.title, box.width)
        ):  # fmt: skip
            drawn = text.get_window_extent()
            if max(drawn.width, drawn.height) > length and "\n" not in text.get_text():
                text.set_text(wrapped(text.get_text()))
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                label_powers(axis)
    figure.draw_without_rendering()
    for axes in figure.axes:
        thin(axes.xaxis, figure.dpi)
        thin(axes.yaxis, figure.dpi)


def wrapped(text: str) -> str:
    """A text on two lines, broken at the space nearest to its middle."""
    blanks = [i for i, sign in enumerate(text) if sign == " "]
    if not blanks:
        return text
    middle = min(blanks, key=lambda i: abs(i - len(text) / 2))
    return text[:middle] + "\n" + text[middle + 1 :]


def label_powers(axis) -> None:
    """Give a logarithmic axis ticks at powers of ten, or at 1, 2 and 5 where these are too few.

    Ticks that were set by hand stay as they are.
    """
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    if isinstance(axis.get_major_locator(), FixedLocator):
        axis.set_minor_locator(NullLocator())
        return
    low, high = sorted(axis.get_view_interval())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [step * 10.0**k for k in decades for step in steps if low <= step * 10.0**k <= high]
        if len(ticks) >= 3:
            break
    else:  # hardly more than one value
        ticks = [tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    every = math.ceil(len(ticks) / 6)
    ticks = ticks[::every]
    axis.set_minor_locator(NullLocator())
    far = ticks[0] < 0.99e-3 or ticks[-1] > 1.01e5
    if not far:
        labels = [f"{tick:,.10g}" for tick in ticks]
    elif axis.get_label_text().endswith("seconds"):
        said = [prefixed(tick) for tick in ticks]
        labels = [f"{text}s" if " " in text else f"{text} s" for text in said]
    else:  # "10 m" would be read as ten metres
        labels = [power_of_ten(tick) if ticks[0] < 1 else prefixed(tick) for tick in ticks]
    axis.set_ticks(ticks, labels=labels)


def power_of_ten(value: float) -> str:
    """A positive number of one or two digits: 10⁻⁵, 2×10⁻³, 1, 50, 10⁴."""
    if 0.99 <= value < 99:
        return f"{value:.2g}"
    power = math.floor(math.log10(value) + 1e-9)
    raised = "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    front = f"{value / 10.0**power:.2g}"
    return raised if front == "1" else f"{front}×{raised}"


def prefixed(value: float) -> str:
    """A positive number with an SI prefix: 10 m (of an axis in seconds), 1, 100 G."""
    if 0.99 <= value < 999:
        return f"{value:.3g}"
    prefixes = {-9: "n", -6: "µ", -3: "m", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}
    power = 3 * math.floor(math.log10(value) / 3 + 1e-9)
    return f"{value / 10.0**power:.3g} {prefixes[power]}" if power in prefixes else f"{value:g}"


def thin(axis, dpi: float) -> None:
    """Blank each tick label that would touch the one before it."""
    low, high = sorted(axis.get_view_interval())
    kept, texts, places, blank = None, [], [], False
    for tick in axis.get_major_ticks():
        place, label = tick.get_loc(), tick.label1
        if not low <= place <= high:
            continue
        places.append(place)
        texts.append(label.get_text())
        box = label.get_window_extent()
        if not texts[-1] or not label.get_visible():
            continue
        if kept is not None and box.padded(1.5 * dpi / 72).overlaps(kept):
            texts[-1], blank = "", True
        else:
            kept = box
    if blank:
        axis.set_ticks(places, labels=texts)
