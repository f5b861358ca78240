"""The still picture of the explorable `devices`, for readers without scripts and for print.

Key idea: the same model on the same eight devices, divided in three ways; what each step consists
of, as bars on one time axis. Chapter 13.
"""

from __future__ import annotations

from grooves.explorables.shared.svg import INK, MARGIN, SOFT, WIDTH, card, text
from grooves.hardware.many_devices import cluster, plans
from grooves.hardware.many_devices.cluster import Step
from grooves.hardware.many_devices.memory import Plan
from grooves.plots.colours import BLUE, GREEN, PINK

MODEL, BATCH = "MPT 30B", 256
PLANS = {
    "matrices by 2, NVLink": ("NVLink 4", Plan(4, 2, 1, 32, 3)),
    "matrices by 2, PCIe": ("PCIe 5 x16", Plan(4, 2, 1, 32, 3)),
    "a pipeline of 4, PCIe": ("PCIe 5 x16", Plan(2, 1, 4, 64, 1, "full")),
}
LEFT, ROW, TALL = 190, 46, 24
PARTS = {
    "compute_s": (BLUE, "computing"),
    "tensor_s": (GREEN, "adding up layers"),
    "data_s": (PINK, "gradients or weights"),
    "bubble_s": ("#c9ced6", "idle in the bubble"),
}


def steps() -> dict[str, Step]:
    """The predicted step of each plan."""
    model = plans.sizes()[MODEL]
    return {
        name: cluster.training_step(model, cluster.server(link=link), plan, BATCH)
        for name, (link, plan) in PLANS.items()
    }


def draw(found: dict[str, Step]) -> str:
    """A picture (SVG) of what each step consists of, as `steps` gives them."""
    parts = [text(MARGIN, 34, f"A training step of {MODEL} on eight H100", 15, INK, weight=600)]
    x = MARGIN
    for colour, label in PARTS.values():
        parts.append(f'<rect x="{x}" y="50" width="13" height="13" fill="{colour}"/>')
        parts.append(text(x + 19, 61, label, 13, SOFT))
        x += 165
    longest = max(step.seconds for step in found.values())
    for i, (name, step) in enumerate(found.items()):
        y, x = 86 + ROW * i, float(LEFT)
        parts.append(text(LEFT - 10, y + 17, name, 13, INK, anchor="end"))
        for field, (colour, _) in PARTS.items():
            width = getattr(step, field) / longest * (WIDTH - MARGIN - 60 - LEFT)
            place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{TALL}"'
            parts.append(f'<rect {place} fill="{colour}"/>')
            x += width
        parts.append(text(x + 8, y + 17, f"{step.seconds:.1f} s", 13, INK, weight=600))
    return card(parts, 86 + ROW * len(found) + 4)
