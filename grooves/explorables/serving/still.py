"""The still picture of the explorable `serving`, for readers without scripts and for print.

Key idea: the same requests with both policies on one time axis. Static batching lets slots idle
until the longest answer of a batch has ended, so later requests wait. Chapter 09.
"""

from __future__ import annotations

from collections.abc import Sequence

from grooves.explorables.serving.simulation import served
from grooves.explorables.serving.widget import COST
from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.inference.scheduler import Request
from grooves.inference.serving_simulation import Trace
from grooves.plots.colours import GREEN

ROW, GAP, TOP, LEFT = 15, 46, 62, MARGIN + 30  # pixels: of a row, between the parts, above, left
BATCH = 4
# When each request comes, in milliseconds, its prompt's tokens, and the words of its answer.
ARRIVALS_MS = (0, 20, 40, 60, 150, 200, 260, 320, 420, 500)
LENGTHS = ((40, 12), (60, 48), (30, 16), (50, 20), (40, 14), (70, 30), (30, 10), (50, 18))
LENGTHS = (*LENGTHS, (40, 44), (60, 12))


def requests() -> list[Request]:
    """The picture's requests, whose prompts share no beginning."""
    pairs = enumerate(zip(ARRIVALS_MS, LENGTHS, strict=True))
    return [
        Request(i, ms / 1000, [1000 * (i + 1) + j for j in range(n)], n_new)
        for i, (ms, (n, n_new)) in pairs
    ]


def traces() -> dict[str, Trace]:
    """What each policy makes of them."""
    return {
        policy: served(requests(), {}, COST, policy=policy, batch=BATCH)
        for policy in ("continuous", "static")
    }


def draw(found: dict[str, Trace]) -> str:
    """A picture (SVG) of the timetables of both policies, as `traces` gives them."""
    last = max(step.end_s for trace in found.values() for step in trace.steps)
    heading = f"{len(ARRIVALS_MS)} requests and {BATCH} slots, with both policies"
    parts = [text(MARGIN, 32, heading, 15, INK, weight=600)]
    height = TOP
    for policy, trace in found.items():
        parts += timetable(policy, trace, height, last)
        height += len(trace.finished) * ROW + GAP
    said = (
        "Dotted: waits. Green: prefill. Each mark: a token. Grey: a slot idle until its batch ends."
    )
    parts.append(text(MARGIN, height - 4, said, 13, SOFT))
    return card(parts, height + 14)


def timetable(policy: str, trace: Trace, top: float, last_s: float) -> list[str]:
    """The rows of one policy; last_s: the end of the time axis."""
    colour = {"continuous": MODEL, "static": EXACT}[policy]

    def x(time_s):
        return LEFT + time_s / last_s * (WIDTH - MARGIN - LEFT)

    rows = sorted(trace.finished, key=lambda request: request.name)
    waits = sorted(r.token_times_s[0] - r.arrival_s for r in rows)
    ends = max(r.token_times_s[-1] for r in rows)
    said = f"{policy}: first token after {1000 * waits[len(waits) // 2]:.0f} ms (median)"
    said += f", all done after {ends:.2f} s"
    parts = [text(MARGIN, top, said, 14, colour, weight=600)]
    batches = idle_until(trace) if policy == "static" else {}
    for i, request in enumerate(rows):
        y = top + 10 + i * ROW
        first, end = request.token_times_s[0], request.token_times_s[-1]
        begin = next(s.start_s for s in trace.steps if s.end_s == first)
        line = f'stroke="{SOFT}" stroke-width="2" stroke-dasharray="2 3"'
        parts.append(text(LEFT - 8, y + 10, str(i + 1), 11, SOFT, anchor="end"))
        parts.append(f'<path d="M{x(request.arrival_s):.1f} {y + 6}H{x(begin):.1f}" {line}/>')
        if (held := batches.get(request.name, end)) > end:
            idle = 'stroke="#d5dae0" stroke-width="4"'
            parts.append(f'<path d="M{x(end):.1f} {y + 6}H{x(held):.1f}" {idle}/>')
        width = x(first) - x(begin)
        place = f'x="{x(begin):.1f}" y="{y + 1}" width="{width:.1f}" height="{ROW - 4}"'
        parts.append(f'<rect {place} fill="{GREEN}"/>')
        marks = "".join(f"M{x(t):.1f} {y + 1}v{ROW - 4}" for t in request.token_times_s)
        parts.append(f'<path d="{marks}" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<circle cx="{x(end):.1f}" cy="{y + 6}" r="3" fill="{INK}"/>')
    return parts


def idle_until(trace: Trace) -> dict[int, float]:
    """When each request's static batch ended, in seconds, by name."""
    ends, batch = {}, []
    finished: Sequence[Request] = trace.finished
    for step in trace.steps:
        batch += [r for r in finished if r.token_times_s[-1] == step.end_s]
        running = step.n_running - sum(r.token_times_s[-1] == step.end_s for r in finished)
        if running == 0:
            ends |= {r.name: step.end_s for r in batch}
            batch = []
    return ends
