"""Pictures, tables and numbers that a page takes from a notebook's cell.

Key idea: a picture is inline SVG, drawn in the page's text colour. So the same picture is right on
white and on black, sharp at any size, and has alt text for readers
who cannot see it. Chapters: all.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape

from grooves.plots.colours import (  # noqa: F401 - for those who draw
    BLUE,
    GREEN,
    INK,
    METHODS,
    ORANGE,
    PALETTE,
    PINK,
    SERIES,
    SHADED_MARKS,
    SHADES,
    SKY,
    VERMILION,
    colour_of,
    shaded,
)
from grooves.plots.lettering import Name, name_lines, settle
from grooves.plots.typeset import typeset

FONT_SIZE = 11  # points; on a phone, where a figure is 342 px wide, hardly more than a pixel each
WIDTH = 4.7  # inches, and at most 31 em on the page

_STYLE = {
    "axes.prop_cycle": f"cycler('color', {list(PALETTE)!r})",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": FONT_SIZE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": FONT_SIZE,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "axes.titlesize": FONT_SIZE,
    "legend.fontsize": FONT_SIZE,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelsize": FONT_SIZE,
}
_NUMBER = re.compile(r"\W*\d")  # also "−3", "< 1", "(0.5 to 0.7)"
_LEGEND = "color: inherit; font-size: 0.9em; font-weight: normal; text-align: left"
# JupyterLab and VS Code say on an element of their own whether a page is dark.
_SCHEME = (
    "<style>.grooves-figure * { stroke-linejoin: round } "
    '[data-jp-theme-light="false"] .grooves-figure, .vscode-dark .grooves-figure '
    "{ color-scheme: dark }</style>"
)
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "grooves"}


# ---- from a cell to the page --------------------------------------------------------------------


def keep(**values) -> None:
    """Store values under names, for the book's chapter to quote: `keep(gap_nats=0.004)`.

    A picture or a table is also shown; a number or a text is stored without output.
    Pages quote the values with myst-nb's `glue`, whose storage format this is.
    """
    from IPython.core.formatters import format_display_data
    from IPython.display import display

    for name, value in values.items():
        value = value.item() if hasattr(value, "item") else value
        hidden = "" if isinstance(value, Picture) else "application/papermill.record/"
        bundle, _ = format_display_data(value)
        note = {"scrapbook": {"name": name, "mime_prefix": hidden}}
        display({hidden + kind: data for kind, data in bundle.items()}, raw=True, metadata=note)


class Picture:
    """Markup for a page, and the same in words for readers without it."""

    def __init__(self, markup: str, words: str):
        self.markup, self.words = markup, words

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": self.markup, "text/plain": self.words}


def table(header: list[str], rows: list[list], caption: str) -> Picture:
    """A table whose first column names the rows; the other cells are texts or numbers.

    If that column needs no name, give "": the corner is then a plain cell, not an empty header.
    A column of numbers is aligned on the right, one of words on the left.
    """
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    columns = list(zip(*texts, strict=True))
    sides = [_side(column[1:]) for column in columns[1:]]

    def line(cells, tag):
        first = f'<th scope="{"col" if tag == "th" else "row"}">{typeset(str(cells[0]))}</th>'
        first = first if cells[0] else "<td></td>"
        scope = ' scope="col"' if tag == "th" else ""
        rest = (
            f'<{tag}{scope} style="text-align: {side}">{typeset(str(cell))}</{tag}>'
            for side, cell in zip(sides, cells[1:], strict=True)
        )
        return f"<tr>{first}{''.join(rest)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    markup = (
        f'<table class="table"><caption>{typeset(caption)}</caption>'
        f"<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
    )
    widths = [max(map(len, column)) for column in columns]
    lines = ["  ".join(map(str.rjust, row[1:], widths[1:])) for row in texts]
    first = [row[0].ljust(widths[0]) for row in texts]
    words = "\n".join([caption, *("  ".join(pair) for pair in zip(first, lines, strict=True))])
    return Picture(markup, words)


def _side(cells: tuple[str, ...]) -> str:
    """Where a column's cells stand: "right" for numbers, "left" for words."""
    said = [cell for cell in cells if re.search(r"\w", cell)]
    numbers = sum(bool(_NUMBER.match(cell)) for cell in said)
    return "right" if 2 * numbers >= len(said) else "left"


# ---- drawing ------------------------------------------------------------------------------------


def canvas(height: float = 2.6, columns: int = 1, rows: int = 1, **settings):
    """An empty figure in the course's style, and its axes (an array where there are several).

    height: inches. settings: as for matplotlib's `Figure.subplots`.
    """
    import matplotlib  # a quarter of a second that importing the package need not spend
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        return figure, figure.subplots(rows, columns, **settings)


def picture(figure, alt: str, caption: str = "") -> Picture:
    """A drawn figure as a picture.

    alt: what it shows, for readers who cannot see it. caption: what to notice.
    """
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context(_STYLE | _SVG):
        settle(figure, FONT_SIZE)
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return Picture(_captioned(_inline(target.getvalue(), alt), caption), alt)


def _captioned(markup: str, caption: str) -> str:
    legend = f'<figcaption style="{_LEGEND}">{typeset(caption)}</figcaption>' if caption else ""
    return f'<figure style="margin: 1em 0">{markup}{legend}</figure>'


def _inline(svg: str, alt: str) -> str:
    """An SVG file as an element of a page: no prologue, unique ids, the page's text colour."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style[^>]*>.*?</style>", _SCHEME, svg, count=1, flags=re.S)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"<text[^>]*>", lambda text: _shades(text[0], SHADES), svg)
    svg = _shades(svg, SHADED_MARKS)
    svg = re.sub(r"stroke: #000000", "stroke: currentColor", svg)
    svg = re.sub(r"fill: #000000", "fill: currentColor", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 sans-serif", svg)
    prefix = "p" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)[1]
    style = "display: block; width: 100%; max-width: 31em; height: auto; fill: currentColor"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'class="grooves-figure" role="img" aria-label="{escape(alt, quote=True)}" '
        f'viewBox="{box}" style="{style}">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1)


def _shades(markup: str, colours) -> str:
    """Markup whose strokes and fills in these colours follow the page's scheme."""
    for colour in colours:
        markup = re.sub(rf"(fill|stroke): {colour}", rf"\1: {shaded(colour)}", markup)
    return markup


def lines(x, series: dict, labels: tuple[str, str], alt: str, caption: str, **scales) -> Picture:
    """Lines labelled at their right ends, or above the axes if the names are long.

    series: name -> values, as many as x has. labels: of the two axes, with units. scales:
    settings of the axes, such as `xscale="log"` or `ylim=(0, 1)`.
    """
    figure, axes = canvas(3.0)
    axes.set(xlabel=labels[0], ylabel=labels[1], **scales)
    names = []
    for place, (name, values) in enumerate(series.items()):
        look = dashed(look_of(name, place), names)
        axes.plot(x, values, **look)
        names.append(Name(name, values[-1], look))
    if scales.get("xscale") == "log":
        axes.minorticks_off()
        axes.set_xticks(x, [f"{value:,}" for value in x])
    if len(series) > 1:
        name_lines(axes, names, FONT_SIZE)
    return picture(figure, alt, caption)


def look_of(name: str, place: int, **changes) -> dict:
    """The style of a series' line, as matplotlib's settings. place: among the series, from 0.

    A method keeps its colour; the marker distinguishes its variants, such as "LSTM, writing".
    """
    look = {"color": colour_of(name, place), "marker": "os^Dvx"[place % 6], "markersize": 5}
    return look | changes


def dashed(look: dict, drawn: list[Name]) -> dict:
    """A line's style, with dashes if one of the lines already drawn has its colour."""
    taken = {name.look["color"] for name in drawn}
    return look | {"linestyle": "--"} if look["color"] in taken else look


def look_back(words, weights, at: int, caption: str) -> Picture:
    """A text up to one word, with a bar below each word as high as its attention weight.

    weights: attention weights that sum to 1, one for each of words[:at + 1]. at: the word that
    attends.
    """
    spans, shares = [], []
    for place, (word, share) in enumerate(zip(words[: at + 1], weights, strict=True)):
        share = float(share)
        bar = f"border-bottom: {0.9 * share:.2f}em solid {BLUE}" if share >= 0.02 else ""
        looks = f"outline: 2px solid {VERMILION}; outline-offset: 1px" if place == at else ""
        style = "; ".join(filter(None, ("display: inline-block; line-height: 1.3", bar, looks)))
        number = f"<sub> {share:.0%}</sub>" if share >= 0.1 else ""
        spans.append(f'<span style="{style}">{escape(word)}{number}</span>')
        shares.append((share, place))
    text = f'<div style="line-height: 2.1; max-width: 40em">{" ".join(spans)}</div>'
    top = ", ".join(f"{words[place]!r} {share:.0%}" for share, place in sorted(shares)[:-4:-1])
    return Picture(_captioned(text, caption), f"{caption} Most looked at: {top}.")


def stream(parts: list[tuple[str, str, bool]], ends: tuple[str, str], caption: str) -> Picture:
    """A model's residual stream from top to bottom, and the parts that it passes.

    parts: (name, number of weights, whether it reads the stream and adds to it, or makes or ends
    it). ends: names of the input and the output.
    """
    figure, axes = canvas(0.55 * len(parts) + 0.8)
    axes.set(xlim=(-0.6, 5.4), ylim=(-len(parts) - 0.5, 0.5))
    axes.axis("off")
    line, edge = 0.5, 1.5  # of the stream, and the left edge of the boxes beside it

    def arrow(start, end, width=1.2):
        style = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        axes.annotate("", end, start, arrowprops=style | {"color": INK, "linewidth": width})

    top = 0.15
    for row, (name, weights, adds) in enumerate(parts):
        y, left = -row - 0.5, edge if adds else -0.5
        colour = BLUE if "attention" in name else VERMILION if "feed-forward" in name else GREEN
        box = {"boxstyle": "round,pad=0.25", "facecolor": "none", "edgecolor": colour}
        axes.text(left + 0.1, y, name, va="center", bbox=box | {"linewidth": 1.6})
        axes.text(5.3, y, weights, va="center", ha="right")
        if adds:
            arrow((line, y + 0.14), (edge, y + 0.14))
            arrow((edge, y - 0.14), (line, y - 0.14))
            axes.text(line - 0.18, y - 0.14, "+", va="center", ha="center", fontsize=12)
        else:  # the stream begins or ends here
            arrow((line, top), (line, y + 0.24), width=2)
            top = y - 0.24
    arrow((line, top), (line, -len(parts) - 0.15), width=2)
    axes.text(line, 0.25, ends[0], ha="center")
    axes.text(line, -len(parts) - 0.45, ends[1], ha="center")
    names = ", ".join(f"{name} ({weights} weights)" for name, weights, _ in parts)
    alt = f"The stream runs from {ends[0]} to {ends[1]}, past or through: {names}."
    return picture(figure, alt, caption)
