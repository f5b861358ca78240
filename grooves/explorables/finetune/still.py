"""The still picture of the explorable `finetune`, for readers without scripts and for print.

Key idea: four lines that go down with the number of stories, each with its spread over the recorded
runs, and beside each what was forgotten. Chapter 06.
"""

from __future__ import annotations

from statistics import mean

from grooves.explorables.roofline.still import Axes, apart
from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text

HEIGHT, GAP, GREEN = 400, 34, "#007d5a"
COLOURS = {"scratch": SOFT, "head": GREEN, "lora": EXACT, "full": MODEL}


def draw(recorded: dict) -> str:
    """A picture (SVG) of what the explorable shows when all was seen, of `finetune.recorded()`."""
    counts, chosen = recorded["counts"], recorded["chosen"]
    box = (MARGIN + 40, WIDTH - 200, 52, HEIGHT - 74)
    axes = Axes((counts[0] / 1.3, counts[-1] * 1.2), (0.003, 10), box)
    said = "Nats per word above the dialect's entropy"
    parts = [text(MARGIN, 32, said, 15, INK, weight=600)]
    xs = {n: f"{n:,}" for n in chosen}
    parts += axes.grid(xs, {0.01: "0.01", 0.1: "0.1", 1: "1", 10: "10"})
    for way in recorded["ways"]:
        colour = COLOURS[way["key"]]
        means = [mean(runs) for runs in way["new"]]
        line = zip(counts, means, strict=True)
        parts.append(axes.line(line, f'stroke="{colour}" stroke-width="2"'))
        for n, runs in zip(counts, way["new"], strict=True):
            (x, low), (_, high) = axes.place(n, min(runs)), axes.place(n, max(runs))
            parts.append(f'<path d="M{x:.1f} {high:.1f}V{low:.1f}" stroke="{colour}"/>')
        parts += [axes.dot(n, means[counts.index(n)], colour) for n in chosen]
    parts += _names(recorded, axes)
    note = "stories of the dialect; bars from the best to the worst of the recorded runs"
    return card([*parts, text(MARGIN, HEIGHT - 22, note, 13, SOFT)], HEIGHT)


def _names(recorded: dict, axes: Axes) -> list[str]:
    """The name of each line and what its method forgot, at the line's end."""
    last, right = recorded["counts"][-1], axes.box[1]
    ways = sorted(recorded["ways"], key=lambda way: -mean(way["new"][-1]))  # from above
    ends = [axes.place(last, mean(way["new"][-1]))[1] for way in ways]
    parts = []
    for way, y, end in zip(ways, apart(ends, GAP), ends, strict=True):
        lost = mean(way["old"][-1]) - recorded["base_old"]
        fate = f"forgot {lost:.2f} of the first"
        if way["key"] == "scratch":
            fate = "never learned the first"
        name = f"{way['name']} {mean(way['new'][-1]):.3f}"
        parts.append(f'<path d="M{right - 8} {end:.1f}L{right + 14} {y:.1f}" stroke="{SOFT}"/>')
        parts.append(text(right + 18, y + 1, name, 13, COLOURS[way["key"]], weight=600))
        parts.append(text(right + 18, y + 15, fate, 12, SOFT))
    return parts
