"""The still picture of the explorable `dataflow`, for readers without scripts and for print.

Key idea: two schedules of one decoding step on one axis. Their units are idle nearly all the time,
because each operation of the critical path waits for the one before it. Chapter 14.
"""

from __future__ import annotations

from grooves.explorables.dataflow.programs import operations_of, shortest
from grooves.explorables.shared.svg import INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.hardware.dataflow import Chip, Schedule, critical_path, schedule

BAND, GAP, TOP, LEFT = 18, 44, 62, MARGIN + 58  # pixels: of a band, between parts, above, left
UNITS = ("weights", "matrix", "vector", "switch", "memory")
OTHER = "#b7bdc4"


def draw(programs: dict[str, list[dict]]) -> str:
    """A picture (SVG) of the schedules of the first and the shortest of some recorded programs."""
    chip = Chip().with_planes("fp16")
    names = (next(iter(programs)), shortest(programs, chip))
    plans = {name: schedule(operations_of(programs[name], chip), chip) for name in names}
    last = max(plan.cycles for plan in plans.values())
    heading = "One decoding step on a chip without a cache: which unit works in which cycle"
    parts = [text(MARGIN, 32, heading, 15, INK, weight=600)]
    height = TOP
    for name, plan in plans.items():
        parts += timetable(name, plan, height, last)
        height += len(UNITS) * BAND + GAP
    said = "Blue: the critical path. Grey: other operations. Both programs give the same result."
    parts.append(text(MARGIN, height - 6, said, 13, SOFT))
    return card(parts, height + 14)


def timetable(name: str, plan: Schedule, top: float, last: int) -> list[str]:
    """A band for each kind of unit; last: the cycle at the end of the axis."""

    def x(cycle: float) -> float:
        return LEFT + cycle / last * (WIDTH - MARGIN - LEFT)

    path = {one["name"] for one in critical_path(plan)}
    said = f"{name[0].upper()}{name[1:]}: {plan.cycles:,} cycles, "
    said += f"{1e6 * plan.seconds:.2f} µs; {len(path)} of {len(plan.operations)} operations on the "
    parts = [text(MARGIN, top, said + "critical path", 14, INK, weight=600)]
    for i, unit in enumerate(UNITS):
        y = top + 10 + i * BAND
        parts.append(text(LEFT - 8, y + 13, unit, 11, SOFT, anchor="end"))
        for critical in (False, True):  # the critical path lies on top
            mine = [o for o in plan.operations if o.unit == unit and (o.name in path) == critical]
            spans = [(plan.start[o.name], plan.start[o.name] + o.duration(plan.chip)) for o in mine]
            if spans:
                marks = "".join(f"M{x(a):.1f} {y + 9}H{x(b):.1f}" for a, b in sorted(spans))
                stroke, width = (MODEL, 9) if critical else (OTHER, 13)
                parts.append(f'<path d="{marks}" stroke="{stroke}" stroke-width="{width}"/>')
    end = f"M{x(plan.cycles):.1f} {top + 10}v{len(UNITS) * BAND}"
    parts.append(f'<path d="{end}" stroke="{INK}" stroke-width="2"/>')
    return parts
