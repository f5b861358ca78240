"""Pictures, tables and numbers that go from a cell to the page.

Key idea: a picture is SVG inside the page, and its ink is the page's own text colour. So the same
picture is right on white and on black, sharp at any size, and carries its own words for readers
who cannot see it. Chapters: all.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape

import numpy as np

# Okabe and Ito's colours, the same values in the same order as in book/_static/grooves.css. Lines
# and bars take the first four, which keep a contrast of 3 on white and on black.
BLUE, VERMILION, GREEN, PINK, ORANGE, SKY = PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)
INK = "#000000"  # becomes the page's text colour
FONT_SIZE = 10  # points, in a picture as wide as WIDTH
WIDTH = 5.8  # inches, and at most 37 em on the page

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
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.labelsize": FONT_SIZE - 1,
}
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "grooves"}


# ---- from a cell to the page --------------------------------------------------------------------


def keep(**values) -> None:
    """Keep values under names, for the book's chapter to quote: `keep(gap_nats=0.004)`.

    A picture or a table is also shown; a number or a text is kept without a word.
    Quoted in a page by myst-nb's `glue`, whose form of storage this is.
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
    """A table whose first column names the rows; the other cells are texts or numbers."""

    def line(cells, tag):
        first = f'<th scope="{"col" if tag == "th" else "row"}">{escape(str(cells[0]))}</th>'
        scope = ' scope="col"' if tag == "th" else ""
        style = ' style="text-align: right"'
        rest = (f"<{tag}{scope}{style}>{escape(str(cell))}</{tag}>" for cell in cells[1:])
        return f"<tr>{first}{''.join(rest)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    markup = (
        f'<table class="table"><caption>{escape(caption)}</caption>'
        f"<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
    )
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = ["  ".join(map(str.rjust, row[1:], widths[1:])) for row in texts]
    first = [row[0].ljust(widths[0]) for row in texts]
    words = "\n".join([caption, *("  ".join(pair) for pair in zip(first, lines, strict=True))])
    return Picture(markup, words)


# ---- drawing ------------------------------------------------------------------------------------


def canvas(height: float = 2.6, columns: int = 1, **settings):
    """An empty figure in the course's style, and its axes (an array where columns > 1).

    height: inches. settings: as for matplotlib's `Figure.subplots`.
    """
    import matplotlib  # a quarter of a second that importing the package need not spend
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        return figure, figure.subplots(1, columns, **settings)


def picture(figure, alt: str) -> Picture:
    """A drawn figure as a picture. alt: what it shows, for readers who cannot see it."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context(_STYLE | _SVG):
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return Picture(_inline(target.getvalue(), alt), alt)


def _inline(svg: str, alt: str) -> str:
    """An SVG file as an element of a page: no prologue, unique ids, the page's colour as ink."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"stroke: #000000", "stroke: currentColor", svg)
    svg = re.sub(r"fill: #000000", "fill: currentColor", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 sans-serif", svg)
    prefix = "p" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)[1]
    style = "display: block; width: 100%; max-width: 37em; height: auto; fill: currentColor"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'role="img" aria-label="{escape(alt, quote=True)}" viewBox="{box}" style="{style}">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1)


def lines(x, series: dict, x_label: str, y_label: str, alt: str, **scales) -> Picture:
    """Lines that carry their names at their right ends.

    series: name -> values, as many as x has. scales: settings of the axes, such as
    `xscale="log"` or `ylim=(0, 1)`.
    """
    figure, axes = canvas()
    for (name, values), colour in zip(series.items(), PALETTE, strict=False):
        axes.plot(x, values, color=colour, marker="o", markersize=4)
        axes.annotate(
            name, (x[-1], values[-1]), xytext=(7, 0), textcoords="offset points",
            color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
    axes.set(xlabel=x_label, ylabel=y_label, **scales)
    if scales.get("xscale") == "log":
        axes.set_xticks(x, [f"{value:,}" for value in x])
        axes.minorticks_off()
    return picture(figure, alt)


def attention_map(weights, words, alt: str, n_columns: int = 2, titles=()) -> Picture:
    """Who looks at whom: one square a head, one row a word, shares from 0 (clear) to 1 (blue).

    weights: (H, T, T), rows that look and columns that are looked at. words: the T words.
    """
    weights = np.asarray(weights)
    figure, axes = canvas(2.9 if len(weights) > 1 else 3.4, columns=len(weights), sharey=True)
    for i, square in enumerate(np.atleast_1d(axes)):
        square.grid(False)
        for (row, column), share in np.ndenumerate(weights[i]):
            if share > 0.004:
                square.fill_between(
                    [column - 0.5, column + 0.5], row - 0.5, row + 0.5,
                    color=BLUE, alpha=float(share), linewidth=0,
                )  # fmt: skip
        square.set_xticks(range(len(words)), words, rotation=90)
        square.set_yticks(range(len(words)), words)
        square.set(xlim=(-0.5, len(words) - 0.5), ylim=(len(words) - 0.5, -0.5), aspect="equal")
        if i < len(titles):
            square.set_title(titles[i], fontsize=FONT_SIZE)
    return picture(figure, alt)


def look_back(words, weights, at: int, caption: str) -> Picture:
    """A text up to one word, with a bar below each earlier word as high as the look it gets.

    weights: shares that sum to 1, one for each of words[:at + 1]. at: the word that looks.
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
    markup = (
        '<figure style="margin: 0.8em 0"><div style="line-height: 2.1; max-width: 40em">'
        f"{' '.join(spans)}</div><figcaption>{escape(caption)}</figcaption></figure>"
    )
    top = ", ".join(f"{words[place]!r} {share:.0%}" for share, place in sorted(shares)[:-4:-1])
    return Picture(markup, f"{caption} Most looked at: {top}.")
