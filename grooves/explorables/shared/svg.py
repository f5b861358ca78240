"""Drawing tools for the explorables' still pictures: colours, text, and the card around them.

Key idea: a still picture stands on a white card of its own, so it is readable on a dark page and
in print, and its widths are measured, so it looks the same in every font. Chapters: all with an
explorable.
"""

from __future__ import annotations

from html import escape

from grooves.plots.figures import BLUE, VERMILION

INK, SOFT, MODEL, EXACT = "#1d2733", "#566170", BLUE, VERMILION
WIDTH, MARGIN = 720, 24  # pixels of every still picture


def text(x, y, words, size, ink=INK, width=None, anchor="start", weight=400) -> str:
    """A line of text at a place, in pixels; stretched to a width where one is given."""
    length = f' textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"' if width else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{ink}" text-anchor="{anchor}"'
    return f'<text {place} font-weight="{weight}"{length}>{escape(words)}</text>'


def width_of(words: str, size: float) -> float:
    """Width of a text in pixels, in the font that comes with matplotlib."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=size)
    return text_to_path.get_text_width_height_descent(words, font, False)[0]


def card(parts: list[str], height: float) -> str:
    """A whole picture: its parts on a white card of the usual width."""
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="DejaVu Sans, Verdana, sans-serif">'
    )
    ground = f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#fff"/>'
    return "\n".join((frame, ground, *parts, "</svg>")) + "\n"
