"""Pictures of a chip without caches: its timetable, its critical path, and the tail of a cache.

Key idea: a static schedule is a timetable, a row for each unit and a bar for each operation. What
is on the critical path is drawn in the chip's colour, so that one sees what the rest waits for.
Chapter 14.
"""

from __future__ import annotations

import numpy as np

from grooves.plots import figures, lettering

KINDS = {  # of units, in the order of the rows, and what their rows are called
    "memory": "memory slice",
    "weights": "weight port",
    "matrix": "matrix unit",
    "switch": "switch unit",
    "vector": "vector unit",
    "link": "link",
}
PARTS = {  # what a critical path consists of, with the colour of each part
    "matrix": figures.BLUE,
    "travel": figures.INK,
    "vector": figures.VERMILION,
    "switch": figures.GREEN,
    "weights": figures.PINK,
    "memory": figures.ORANGE,
}

SQUARE = {"linestyle": "none", "marker": "s", "markersize": 9}  # of a bar, in the legend
CRITICAL = {"color": figures.BLUE, "alpha": 0.85}
OTHER = {"color": figures.INK, "alpha": 0.3}


def timetable(rows: list[dict], critical, alt: str, caption: str, named: bool = False):
    """A bar for each operation, in a row for each kind of unit.

    rows: as `Schedule.as_rows()` gives them. critical: names of the operations on the path, which
    are drawn in blue, others in grey. named: whether each unit has a row of its own, and each bar
    its operation's name. Returns: `figures.Picture`.
    """
    places = rows_of(rows, named)
    figure, axes = figures.canvas(0.4 * len(places) + 1.0)
    end = max(row["end"] for row in rows)
    for row in sorted(rows, key=lambda row: row["name"] in critical):
        y = -list(places).index(_place(row, named))
        look = CRITICAL if row["name"] in critical else OTHER
        width = max(row["end"] - row["start"], end / 400)  # never too thin to be seen
        bar = [(row["start"], width)], (y - 0.36, 0.72)
        axes.broken_barh(*bar, facecolors=look["color"], alpha=look["alpha"])
        if named:
            axes.text(row["start"] + width + end / 150, y, row["name"], va="center", size=10)
    axes.set(xlabel="cycle", xlim=(0, (1.1 if named else 1.01) * end))
    axes.set_ylim(0.55 - len(places), 0.55)
    axes.set_yticks([-spot for spot in range(len(places))], list(places.values()))
    axes.grid(False, axis="y")
    names = [
        lettering.Name("on the critical path", 0, SQUARE | CRITICAL),
        lettering.Name("other operations", 0, SQUARE | OTHER),
    ]
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def rows_of(rows: list[dict], each: bool) -> dict[str, str]:
    """The rows of a timetable from top to bottom: a key of `_place` -> what the row is called.

    each: whether every unit that is used has a row, and not only every kind.
    """
    keys = {_place(row, each) for row in rows}
    ordered = sorted(keys, key=lambda key: (list(KINDS).index(key.split()[0]), key))
    return {key: KINDS[key.split()[0]] + key[len(key.split()[0]) :] for key in ordered}


def _place(row: dict, each: bool) -> str:
    kind, number = row["unit"].split()[-2:]
    return f"{kind} {number}" if each else kind


def paths(steps: dict[str, dict[str, int]], alt: str, caption: str):
    """Critical paths as bars, divided into what their cycles are spent on.

    steps: name of a program -> cycles of each of `PARTS`. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(0.42 * len(steps) + 1.1)
    left, names = np.zeros(len(steps)), []
    for part, colour in PARTS.items():
        widths = np.array([parts.get(part, 0) for parts in steps.values()])
        if not widths.any():
            continue
        alpha = 0.35 if part == "travel" else 1.0
        axes.barh(-np.arange(len(steps)), widths, left=left, color=colour, height=0.66, alpha=alpha)
        look = SQUARE | {"color": colour, "alpha": alpha}
        names.append(lettering.Name(KINDS.get(part, part), 0, look))
        left += widths
    for place, total in enumerate(left):
        axes.text(total, -place, f" {total:,.0f}", va="center", ha="left")
    axes.set(xlabel="cycles per word", xlim=(0, 1.14 * left.max()))
    axes.set_yticks(-np.arange(len(steps)), list(steps))
    axes.grid(False, axis="y")
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)


def tails(latencies: dict, alt: str, caption: str):
    """Which part of all words takes longer than so many times the median, on log-log axes.

    latencies: name -> (n,) latencies, as multiples of the median at the same position; a machine
    that always takes the same time falls straight down at 1. Returns: `figures.Picture`.
    """
    figure, axes = figures.canvas(3.2)
    names, most = [], 1.0
    for place, (name, relative) in enumerate(latencies.items()):
        look = figures.look_of(name, place, marker="")
        ordered = np.sort(np.asarray(relative, float))
        above = 1 - np.arange(len(ordered)) / len(ordered)  # of all words, as slow or slower
        axes.step(ordered, above, where="post", **look)
        most = max(most, ordered[-1])
        names.append(lettering.Name(name, 0, look))
    axes.set(xscale="log", yscale="log", ylabel="share of words", xlim=(0.9, 1.2 * most))
    axes.set_xlabel("latency, as a multiple of the median at the same position")
    marks = [m for m in (1, 1.5, 2, 3, 5, 10, 30, 100, 300, 1000) if m <= 1.2 * most]
    axes.minorticks_off()
    axes.set_xticks(marks, [f"{m:g}" for m in marks])
    axes.set_yticks([1, 0.1, 0.01, 0.001], ["100%", "10%", "1%", "0.1%"])
    lettering.legend(axes, names, figures.FONT_SIZE)
    return figures.picture(figure, alt, caption)
