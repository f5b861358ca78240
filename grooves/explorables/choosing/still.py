"""The still picture of the explorable `choosing`, for readers without scripts and for print.

Key idea: the cheapest of the rented machines over requests per day and the goal for a token's time,
as `grooves.hardware.choosing` finds it. Chapter 15.
"""

from __future__ import annotations

import math

from grooves.explorables.choosing.widget import CONTEXT, MODELS, RENTED
from grooves.explorables.shared.svg import INK, MARGIN, SOFT, WIDTH, card, text
from grooves.hardware.choosing.cheapest import Workload
from grooves.hardware.choosing.customers import rented_offers
from grooves.hardware.choosing.winners import winners
from grooves.hardware.many_devices.dense import from_published
from grooves.plots.colours import PALETTE

LEFT, TOP, WIDE, TALL = 80, 60, 600, 240
REQUESTS = [10 ** (2 + 5 * i / 23) for i in range(24)]
SECONDS = [10 ** (-3 + 2 * i / 11) for i in range(12)]
WORK = Workload(10_000, 500, 200)


def found() -> list[list[str]]:
    """The winner at each point, a row per value of SECONDS."""
    offers = [offer for offer in rented_offers() if offer.name in RENTED]
    model = from_published(MODELS[0], CONTEXT)
    axes = ("requests_per_day", REQUESTS), ("token_s", SECONDS)
    return winners(offers, model, WORK, *axes)


def draw(cells: list[list[str]]) -> str:
    """A picture (SVG) of the map, as `found` gives it."""
    names = [name for name in RENTED if any(name in row for row in cells)]
    colours = dict(zip(names, PALETTE, strict=False))
    said = f"The cheapest rented machine for {MODELS[0]}"
    parts = [text(MARGIN, 34, said, 15, INK, weight=600)]
    width, height = WIDE / len(REQUESTS), TALL / len(SECONDS)
    for i, row in enumerate(cells):
        for j, name in enumerate(row):
            if name:
                x, y = LEFT + j * width, TOP + TALL - (i + 1) * height
                place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
                parts.append(f'<rect {place} fill="{colours[name]}"/>')
    for power in range(2, 8):
        x = LEFT + (power - 2) / 5 * WIDE
        parts.append(text(x, TOP + TALL + 18, f"{10**power:,}", 12, SOFT, anchor="middle"))
    for seconds in (0.001, 0.01, 0.1):
        y = TOP + TALL - (math.log10(seconds) + 3) / 2 * TALL
        parts.append(text(LEFT - 8, y + 4, f"{1000 * seconds:g} ms", 12, SOFT, anchor="end"))
    parts.append(
        text(LEFT + WIDE / 2, TOP + TALL + 38, "requests per day", 13, SOFT, anchor="middle")
    )
    x, y = MARGIN, TOP + TALL + 58
    for i, name in enumerate(names):
        place = f'x="{x + i % 3 * 225}" y="{y + i // 3 * 22}" width="13" height="13"'
        parts.append(f'<rect {place} fill="{colours[name]}"/>')
        parts.append(text(x + 19 + i % 3 * 225, y + 11 + i // 3 * 22, name, 13, SOFT))
    assert WIDTH >= LEFT + WIDE
    return card(parts, y + 22 * math.ceil(len(names) / 3) + 10)
