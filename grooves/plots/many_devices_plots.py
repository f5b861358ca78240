"""Pictures of many devices: what a message costs, who waits in a pipeline, predicted utilisation.

Key idea: a prediction is worth what its errors are, so every picture shows what was measured or
published beside what was predicted. Chapter 13.
"""

from __future__ import annotations

import numpy as np

from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.plots import figures, lettering

FORWARD, BACKWARD = figures.BLUE, figures.VERMILION
DOT = {"linestyle": "none", "marker": "o", "markersize": 6}


def messages(wires: dict[str, tuple[AlphaBeta, list[dict]]], alt: str, caption: str):
    """Effective bandwidth against the size of a message: dots measured, lines alpha-beta.

    wires: name -> the fit, and rows with n_bytes, measured_s and held_out; held-out sizes, which
    the fit has not seen, are filled dots, the others are hollow. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.2)
    names = []
    for place, (name, (link, rows)) in enumerate(wires.items()):
        look = figures.look_of(name, place, marker="")
        sizes = np.array([row["n_bytes"] for row in rows], float)
        x = np.geomspace(sizes.min(), sizes.max(), 60)
        axes.plot(x, [8e-6 * link.bandwidth_bytes_per_s(n) for n in x], **look)
        for row in rows:
            face = look["color"] if row["held_out"] else "none"
            rate = 8e-6 * row["n_bytes"] / row["measured_s"]
            dot = DOT | {"color": look["color"], "markerfacecolor": face}
            axes.plot([row["n_bytes"]], [rate], **dot)
        names.append(lettering.Name(name, 0, look))
    axes.set(xscale="log", yscale="log", xlabel="bytes of the vector")
    axes.set_ylabel("Mbit per second")
    marks = {2**10: "1 KiB", 2**15: "32 KiB", 2**20: "1 MiB", 2**24: "16 MiB"}
    axes.minorticks_off()
    axes.set_xticks(list(marks), list(marks.values()))
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def pipelines(timetables: dict[str, dict], n_stages: int, alt: str, caption: str):
    """Timetables of a pipeline, one below the other: a row per stage, a bar per task.

    timetables: name -> {(stage, "forward" or "backward", micro-batch): slot}, as
    `grooves.training.distributed.pipeline.timetable` gives it. Returns: `figures.Picture`.
    """
    rows = len(timetables)
    figure, all_axes = figures.canvas(0.34 * n_stages * rows + 1.5, rows=rows, squeeze=False)
    end = max(max(slots.values()) for slots in timetables.values())
    for axes, (name, slots) in zip(all_axes[:, 0], timetables.items(), strict=True):
        for (stage, task, _), slot in slots.items():
            colour = FORWARD if task == "forward" else BACKWARD
            axes.broken_barh([(slot - 0.95, 0.9)], (-stage - 0.4, 0.8), facecolors=colour)
        axes.set_title(name, loc="left")
        axes.set(xlim=(0, end), ylim=(0.6 - n_stages, 0.6))
        axes.set_yticks([-stage for stage in range(n_stages)], range(1, n_stages + 1))
        axes.set_ylabel("stage")
        axes.grid(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    all_axes[-1, 0].set_xlabel("time slot")
    square = {"linestyle": "none", "marker": "s", "markersize": 9}
    names = [
        lettering.Name(name, 0, square | {"color": colour})
        for name, colour in (("forward", FORWARD), ("backward", BACKWARD))
    ]
    lettering.legend(all_axes[0, 0], names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def utilisations(rows: list[dict], alt: str, caption: str):
    """Published and predicted MFU of training runs, the smallest model at the top.

    rows: as `published_runs.predictions` gives them. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.3 * len(rows) + 1.2)
    places = -np.arange(len(rows))
    for place, row in zip(places, rows, strict=True):
        axes.plot([row["published"], row["predicted"]], [place, place], color=figures.INK, lw=1)
    looks = {
        "published": DOT | {"color": figures.VERMILION},
        "predicted": DOT | {"color": figures.BLUE, "marker": "D"},
    }
    for name, look in looks.items():
        axes.plot([row[name] for row in rows], places, **look)
    axes.set_yticks(places, [row["name"] for row in rows])
    axes.set(xlabel="MFU", xlim=(0.2, 0.6))
    axes.set_xticks([0.2, 0.3, 0.4, 0.5, 0.6], ["20%", "30%", "40%", "50%", "60%"])
    axes.grid(False, axis="y")
    names = [lettering.Name(name, 0, look) for name, look in looks.items()]
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
