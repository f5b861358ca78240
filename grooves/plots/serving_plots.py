"""Pictures of serving: who is in which slot, what batches cost, and how a long prompt is felt.

Key idea: a server's schedule is a timetable, a row for each slot. Whatever one way of batching
loses against another can be seen there as empty space. Chapter 09.
"""

from __future__ import annotations

from grooves.inference.latency import Timing
from grooves.inference.scheduler import Request
from grooves.plots import figures, lettering


def slots_of(requests: list[Request], n_slots: int) -> list[tuple[int, float, float, object]]:
    """In which slot each request ran: (slot, first token, last token, name), in order of start.

    Times are in seconds; a request takes the slot that has been free for longest.
    Raises: ValueError where more run at once than there are slots.
    """
    free_s, bars = [float("-inf")] * n_slots, []
    for request in sorted(requests, key=lambda r: (r.token_times_s[0], str(r.name))):
        start_s, end_s = request.token_times_s[0], request.token_times_s[-1]
        slot = min(range(n_slots), key=lambda i: free_s[i])
        if free_s[slot] > start_s:
            raise ValueError(f"more requests run at {start_s:.3f} s than {n_slots=} slots can hold")
        free_s[slot] = end_s
        bars.append((slot, start_s, end_s, request.name))
    return bars


def timetable(runs: dict[str, list[Request]], n_slots: int, caption: str) -> figures.Picture:
    """A row for each slot, a bar for each request, a panel for each way of batching.

    runs: name of the way -> its finished requests. Empty space in a row is a slot that is not used.
    """
    figure, panels = figures.canvas(0.9 + 1.25 * len(runs), rows=len(runs), sharex=True)
    ends = {}
    for axes, (way, requests) in zip(panels, runs.items(), strict=True):
        bars = slots_of(requests, n_slots)
        for place, (slot, start_s, end_s, name) in enumerate(bars):
            colour = figures.SERIES[place % 4]
            span = [(start_s, end_s - start_s)], (slot - 0.375, 0.75)
            axes.broken_barh(*span, facecolors=colour, alpha=0.75)  # labels stand on these
            axes.text((start_s + end_s) / 2, slot, f"{name}", ha="center", va="center", fontsize=9)
        ends[way] = max(end_s for _, _, end_s, _ in bars)
        axes.set(ylabel=way, yticks=[], ylim=(n_slots - 0.4, -0.6))
        axes.axvline(ends[way], color=figures.INK, linewidth=1, linestyle=":")
    panels[-1].set_xlabel("time, s")
    said = ", ".join(f"{way} batching ends after {end_s:.2f} s" for way, end_s in ends.items())
    alt = f"Requests as bars in {n_slots} rows, a row for each slot: {said}."
    return figures.picture(figure, alt, caption)


def batching(batches: list[int], models: dict, caption: str) -> figures.Picture:
    """What a batch does: words per second above, and the time of a step below, on log-log axes.

    models: name -> (n,) seconds of a step, one for each size of batch.
    """
    figure, (upper, lower) = figures.canvas(4.6, rows=2, sharex=True)
    names = []
    for place, (name, seconds) in enumerate(models.items()):
        look = figures.look_of(name, place)
        upper.plot(batches, [b / s for b, s in zip(batches, seconds, strict=True)], **look)
        lower.plot(batches, [1e3 * s for s in seconds], **look)
        names.append(lettering.Name(name, 0, look))
    for axes, label in ((upper, "words per second"), (lower, "ms per step")):
        axes.set(ylabel=label, xscale="log", yscale="log")
        axes.minorticks_off()
        axes.set_xticks(batches, [f"{b:,}" for b in batches])
    lower.set_xlabel("texts in the batch")
    lettering.legend(upper, names, figures.FONT_SIZE)
    said = "; ".join(
        f"{name}: {1 / s[0]:,.0f} words per second at batch {batches[0]}, "
        f"{batches[-1] / s[-1]:,.0f} at {batches[-1]}"
        for name, s in models.items()
    )
    return figures.picture(figure, f"Lines over the size of the batch. {said}.", caption)


def gaps(runs: dict[str, Timing], caption: str) -> figures.Picture:
    """The time between the tokens of one text, token by token, under several settings.

    runs: name of the setting -> the text's `Timing`.
    """
    figure, axes = figures.canvas(2.9)
    axes.set(xlabel="time, s", ylabel="ms since the last word", yscale="log")
    names, worst = [], {}
    for place, (name, timing) in enumerate(runs.items()):
        look = figures.look_of(name, place, marker="", linewidth=1.4)
        waits_ms = [1e3 * gap for gap in timing.between_tokens_s]
        axes.plot(timing.token_times_s[1:], waits_ms, **look)
        names.append(lettering.Name(name, 0, look))
        worst[name] = max(waits_ms)
    low, high = min(map(_least_ms, runs.values())), max(worst.values())
    marks = [m for m in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low / 1.5 <= m <= high * 1.5]
    axes.minorticks_off()
    axes.set_yticks(marks, [f"{m:,}" for m in marks])
    lettering.legend(axes, names, figures.FONT_SIZE)
    said = ", ".join(f"{name} {ms:.0f} ms" for name, ms in worst.items())
    return figures.picture(figure, f"Gaps between words over time. The longest: {said}.", caption)


def _least_ms(timing: Timing) -> float:
    return 1e3 * min(timing.between_tokens_s)
