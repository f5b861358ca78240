"""The still picture of the explorable `memory`, for readers without scripts and for print.

Key idea: the memory that the page's first model needs, part by part, drawn into devices of every
size; computed by `grooves.precision.budget`. Chapter 12.
"""

from __future__ import annotations

from grooves.explorables.shared.svg import INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.models.published import Model
from grooves.plots.figures import PINK
from grooves.precision.budget import RESERVE, budget

LEFT, RIGHT, ROW, TALL = 210, 586, 34, 18  # pixels: the frames' place, a row's height, a frame's
CACHE = "#6a51a3"  # as in memory.css: no colour of the palette is left for it
COLOURS = {
    "weights": (MODEL, "weights"),
    "activations": (PINK, "activations"),
    "cache": (CACHE, "KV cache"),
}


def draw(model: Model, devices: list[dict], n_tokens: int) -> str:
    """A picture (SVG) of a model at inference in 16 bits, and the devices that it may fit into.

    devices: rows {"memory_gib": ..., "names": ...}.
    """
    need = budget(model, "answer", n_tokens=n_tokens)
    total = sum(need.values())
    said = f"{model.name}: inference on one text of {n_tokens:,} tokens in 16 bits"
    parts = [text(MARGIN, 38, said, 15, INK, weight=600)]
    x = MARGIN
    for name, (colour, label) in COLOURS.items():
        words = f"{label} {need[name] / 2**30:.1f} GiB"
        parts.append(f'<rect x="{x}" y="54" width="13" height="13" fill="{colour}"/>')
        parts.append(text(x + 19, 65, words, 13, SOFT))
        x += 190
    for i, device in enumerate(devices):
        parts += _device(device, need, total, 92 + ROW * i)
    y = 92 + ROW * len(devices) + 16
    said = "frame: the device; dashed: a tenth is left free; striped: what does not fit"
    return card([*parts, text(MARGIN, y, said, 13, SOFT)], y + 18)


def _device(device: dict, need: dict[str, float], total: float, y: float) -> list[str]:
    """One row: a frame for the device's memory, filled with the parts that the model needs."""
    memory = device["memory_gib"] * 2**30
    scale = (RIGHT - LEFT) / max(total, memory)
    fits = total <= (1 - RESERVE) * memory
    parts = [text(MARGIN, y + 14, f"{device['memory_gib']:.0f} GiB", 14, INK, weight=600)]
    parts.append(text(MARGIN + 66, y + 14, device["names"].split(" or ")[0], 13, SOFT))
    x = LEFT
    for name, (colour, _) in COLOURS.items():
        width = need[name] * scale
        place = f'x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{TALL - 6}"'
        parts.append(f'<rect {place} fill="{colour}"/>')
        x += width
    end = LEFT + memory * scale
    if end < x:
        stripes = range(int(end) + 6, int(x), 8)
        lines = "".join(f"M{at} {y + 3}l-6 {TALL - 6}" for at in stripes)
        parts.append(f'<path d="{lines}" stroke="#fff" stroke-width="3" fill="none"/>')
    place = f'x="{LEFT}" y="{y}" width="{memory * scale:.1f}" height="{TALL}" rx="3"'
    parts.append(f'<rect {place} fill="none" stroke="{INK}" stroke-width="2"/>')
    limit = LEFT + (1 - RESERVE) * memory * scale
    parts.append(f'<path d="M{limit:.1f} {y}v{TALL}" stroke="{INK}" stroke-dasharray="2 2"/>')
    said = f"fits: {total / memory:.0%}" if fits else "does not fit"
    parts.append(text(WIDTH - MARGIN, y + 14, said, 13, INK, anchor="end", weight=600))
    return parts
