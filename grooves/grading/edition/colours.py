"""The colour of an edition: the same hue in both colour schemes, with sufficient contrast.

Key idea: contrast is a ratio of luminances, so it can be computed. Text needs a ratio of 4.5
(WCAG 2.2, success criterion 1.4.3). In the light scheme, the colour is used unchanged or refused;
in the dark scheme, it is mixed with as much white as it needs. For the pages of every chapter.
"""

from __future__ import annotations

import re

TEXT_CONTRAST = 4.5
LIGHT_GROUND = "#f3f4f5"  # the darkest background of links in the light scheme
DARK_GROUND = "#29313d"  # the lightest background in the dark scheme
STEPS = 100


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 (the same) to 21 (black and white).

    Source: WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    lower, higher = sorted((_luminance(one), _luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


def schemes(colour: str) -> tuple[str, str]:
    """(colour in the light scheme, colour in the dark scheme).

    Raises: ValueError where the text is not a colour, or the colour is too light on white.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(
            f"colour is {colour!r}, which is not a colour: write '#' and six hexadecimal digits, "
            "such as '#8a1538'"
        )
    colour = colour.lower()
    if (reached := contrast(colour, LIGHT_GROUND)) < TEXT_CONTRAST:
        raise ValueError(
            f"colour is {colour!r}, which has a contrast of {reached:.1f} on a light page, but "
            f"links need {TEXT_CONTRAST}: choose a darker one, such as "
            f"{_mixed(colour, '#000000', LIGHT_GROUND)!r}"
        )
    return colour, _mixed(colour, "#ffffff", DARK_GROUND)


def style_sheet(colour: str) -> str:
    """CSS that gives the pages this colour, in both schemes. Raises: ValueError as `schemes`."""
    rules = []
    for scheme, shade in zip(("light", "dark"), schemes(colour), strict=True):
        names = ("--pst-color-primary", "--pst-color-link", "--sd-color-primary")
        lines = "".join(f"  {name}: {shade};\n" for name in names)
        rules.append(f'html[data-theme="{scheme}"] {{\n{lines}}}\n')
    return "".join(rules)


def _mixed(colour: str, other: str, ground: str) -> str:
    """The colour mixed with the least amount of the other that gives enough contrast."""
    pair = list(zip(_channels(colour), _channels(other), strict=True))
    for step in range(STEPS + 1):
        mixed = [round(a + (b - a) * step / STEPS) for a, b in pair]
        shade = "#" + "".join(f"{channel:02x}" for channel in mixed)
        if contrast(shade, ground) >= TEXT_CONTRAST:
            break
    return shade


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
