"""What hinders reading a figure: labels that collide, leave it, are too small or too pale.

`faults(figure)` reads one; `watch()` makes every figure of a Python be read when it is drawn, which
is how the notebooks are tested: strict_nbval starts each kernel with `watch_cells`. What is drawn
is the same at every width, since a figure scales as a whole, so that collisions are looked for
once and sizes at the width of a phone.
"""

import sys
from itertools import combinations

PHONE_PX = 342  # a figure's width on a page of 390 px
LEAST_PX = 11
NONE = ("None", "none", "", " ", None)


def watch() -> None:
    """From now on a figure that is hard to read raises AssertionError where it is drawn."""
    from grooves.plots import figures

    draw, colours = figures.picture, {}

    def picture(figure, *arguments, **more):
        drawn = draw(figure, *arguments, **more)
        found = faults(figure, colours)
        assert not found, "; ".join(found)
        return drawn

    figures.picture = picture


def watch_cells(shell) -> None:
    """Watch the figures of an IPython shell from the first cell on that finds them imported."""

    def begin(info):
        if "grooves.plots.figures" in sys.modules:
            shell.events.unregister("pre_run_cell", begin)
            watch()

    shell.events.register("pre_run_cell", begin)


def faults(figure, colours: dict | None = None) -> list[str]:
    """What is wrong with a figure that was laid out, one sentence each.

    colours: name of a series -> its colour, in the figures of the chapter so far; is added to.
    """
    figure.draw_without_rendering()
    written = texts(figure)
    boxes = [(text, text.get_window_extent()) for text, _ in written]
    found = too_small(figure, written) + outside(figure, boxes) + too_pale(written)
    found += collisions(boxes) + on_lines(figure, boxes) + poor_scales(figure)
    return found + recoloured(figure, {} if colours is None else colours)


def texts(figure) -> list[tuple]:
    """Every text that shows, and whether it stands in the axes."""
    found = [(text, False) for text in figure.texts]
    found += [(text, False) for text in (figure._supxlabel, figure._supylabel) if text is not None]
    for legend in (*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())):
        found += [(text, False) for text in legend.get_texts()]
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        found += [(text, True) for text in axes.texts]
        found.append((axes.title, False))
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                found += [(axis.label, False), *((label, False) for label in tick_labels(axis))]
    unique = {id(text): (text, inside) for text, inside in found}
    return [
        (t, inside) for t, inside in unique.values() if t.get_text().strip() and t.get_visible()
    ]


def tick_labels(axis) -> list:
    """The labels of ticks that lie on the axis."""
    low, high = sorted(axis.get_view_interval())
    return [
        tick.label1
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if low <= tick.get_loc() <= high and tick.label1.get_visible() and tick.label1.get_text()
    ]


def too_small(figure, written) -> list[str]:
    px_a_point = PHONE_PX / (figure.get_figwidth() * 72)
    found = []
    for text, _ in written:
        size = text.get_fontsize() * px_a_point * (0.7 if "^" in text.get_text() else 1)
        if size < LEAST_PX:
            found.append(f"{text.get_text()!r} is {size:.1f} px high on a phone")
    return found


def outside(figure, boxes) -> list[str]:
    edge = figure.bbox.padded(1)
    return [
        f"{text.get_text()!r} leaves the figure"
        for text, box in boxes
        if not (edge.contains(*box.min) and edge.contains(*box.max))
    ]


def too_pale(written) -> list[str]:
    from matplotlib.colors import to_hex

    from grooves.plots.colours import INK, SHADES

    return [
        f"{text.get_text()!r} is {to_hex(text.get_color())}, a colour without a shade for text"
        for text, _ in written
        if to_hex(text.get_color()) not in (INK, *SHADES)
    ]


def collisions(boxes) -> list[str]:
    return [
        f"{one.get_text()!r} and {other.get_text()!r} collide"
        for (one, a), (other, b) in combinations(boxes, 2)
        if a.padded(-0.5).overlaps(b.padded(-0.5))
    ]


def on_lines(figure, boxes) -> list[str]:
    from matplotlib.transforms import Bbox

    found = []
    for axes in figure.axes:
        frame = axes.get_window_extent()
        shapes = drawn_shapes(axes)
        for text, box in boxes:
            seen = Bbox.intersection(box.padded(-1), frame)  # lines end with the axes
            if seen is None or seen.width <= 0 or seen.height <= 0:
                continue
            if any(path.intersects_bbox(seen, filled) for path, filled in shapes):
                found.append(f"{text.get_text()!r} lies on a line or mark")
    return found


def drawn_shapes(axes) -> list[tuple]:
    """Paths of lines, marks, contours, arrows and bars, in pixels, and whether they are filled."""
    from matplotlib.patches import Rectangle
    from matplotlib.path import Path
    from matplotlib.transforms import Bbox

    found = []
    for line in axes.lines:
        path = line.get_transform().transform_path(line.get_path())
        if len(path.vertices) > 1 and line.get_linestyle() not in NONE:
            found.append((path, False))
        if line.get_marker() not in NONE:
            half = line.get_markersize() / 2 * axes.figure.dpi / 72
            for x, y in path.vertices:
                box = Bbox([[x - half, y - half], [x + half, y + half]])
                found.append((Path([box.min, (box.x1, box.y0), box.max, (box.x0, box.y1)]), True))
    for group in axes.collections:
        if not any(len(colours) for colours in (group.get_facecolor(),)):
            found += [(group.get_transform().transform_path(p), False) for p in group.get_paths()]
    for bar in axes.patches:
        if isinstance(bar, Rectangle) and bar.get_fill() and bar.get_height() and bar.get_width():
            found.append((bar.get_transform().transform_path(bar.get_path()), True))
    for text in axes.texts:
        arrow = getattr(text, "arrow_patch", None)
        if arrow is not None:
            found.append((Path(arrow._posA_posB), False))  # ours are straight
    return found


def poor_scales(figure) -> list[str]:
    return [
        f"the logarithmic axis {axis.label.get_text()!r} has fewer than two ticks with a label"
        for axes in figure.axes
        if axes.axison
        for axis in (axes.xaxis, axes.yaxis)
        if axis.get_scale() == "log" and len(tick_labels(axis)) < 2 and not shared(axes, axis)
    ]


def shared(axes, axis) -> bool:
    """Whether a neighbour of the axes carries the labels of this axis for both."""
    return not any(tick.label1.get_visible() for tick in axis.get_major_ticks())


def recoloured(figure, colours: dict) -> list[str]:
    """Names of series whose colour is not their method's, or not that of an earlier figure."""
    from matplotlib.colors import to_hex

    from grooves.plots.colours import METHODS

    named = [(text.get_text(), to_hex(text.get_color())) for a in figure.axes for text in a.texts]
    for legend in figure.legends:
        for text, line in zip(legend.get_texts(), legend.legend_handles, strict=True):
            named.append((text.get_text(), to_hex(line.get_color())))
    found = []
    for name, colour in named:
        method = name.split(", ")[0]
        expected = METHODS.get(name) or METHODS.get(method) or colours.get(name, colour)
        if len(name) > 2 and not name.isdigit():  # a letter or a number names a point
            if colour != expected:
                found.append(f"{name!r} is {colour}, and {expected} elsewhere")
            colours[name] = colour
    return found
