"""The still picture of the explorable `trucks`, for readers without scripts and for print.

Key idea: twice as many trips in flight deliver twice as much per second until the road is full, so
Little's law looks like a roofline. Chapter 11.
"""

from __future__ import annotations

from dataclasses import replace

from grooves.explorables.roofline.still import Axes
from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.explorables.trucks.widget import Fleet

HEIGHT, MOST = 380, 2**14  # pixels; trips in flight


def draw(car: Fleet, trucks: Fleet) -> str:
    """A picture (SVG) of each fleet's throughput over the number of trips in flight."""
    axes = Axes((1, MOST), (0.1, 4000), (MARGIN + 46, WIDTH - MARGIN, 52, HEIGHT - 74))
    xs = {1: "1", 10: "10", 100: "100", 1000: "1,000", 10000: "10,000"}
    ys = {0.1: "0.1", 1: "1", 10: "10", 100: "100", 1000: "1,000"}
    parts = [text(MARGIN, 32, "Throughput, in gigabytes per second", 15, INK, weight=600)]
    parts += axes.grid(xs, ys)
    numbers = [2 ** (i / 8) for i in range(8 * 14 + 1)]
    for name, fleet, colour in (("the car", car, EXACT), ("the trucks", trucks, MODEL)):
        line = [(n, replace(fleet, in_flight=n).throughput_gb_per_s()) for n in numbers]
        parts.append(axes.line(line, f'stroke="{colour}" stroke-width="3"'))
        reached = fleet.throughput_gb_per_s()
        parts.append(axes.dot(fleet.in_flight, reached, colour))
        x, y = axes.place(fleet.in_flight, reached)
        said = f"{name}: {fleet.in_flight:,} in flight, {reached:,.4g} GB/s"
        ends = x > WIDTH / 2  # then there is room before it, above its line; else below both lines
        place = (x - 12, y - 8) if ends else (x - 30, y + 62)
        anchor = "end" if ends else "start"
        parts.append(text(*place, said, 14, colour, anchor=anchor, weight=600))
    said = "trips in flight; where the line is flat, the bandwidth is the limit"
    return card([*parts, text(MARGIN, HEIGHT - 22, said, 13, SOFT)], HEIGHT)
