"""Pictures of learning from feedback: reward against distance, and what happens step by step.

Key idea: every method buys reward with distance from the reference. So reward is drawn against the
KL divergence, beside the exact curve of the best possible, and a run is drawn step by step, because
what is too much is seen only in what comes after the best point. Chapter 10.
"""

from __future__ import annotations

import numpy as np

from grooves.plots import figures, lettering
from grooves.plots.colours import GREEN, VERMILION

WAYS = {  # of `accepted_and_varied`, where more ways are drawn than there are colours in order
    "own accepted stories": {"color": GREEN},
    "corrected by word": {"color": VERMILION, "marker": "P"},
}


def frontier(best: np.ndarray, methods: dict, caption: str) -> figures.Picture:
    """Reward against KL from the reference: the exact best as a line, methods as marks.

    best: (n, 2), KL and reward of the optima, in order. methods: name -> (runs, 2), the same of
    each run; a name that begins with "best of" is joined by a line.
    """
    figure, axes = figures.canvas(4.0)
    axes.set(xlabel="KL from the reference, nats", ylabel="expected reward")
    axes.plot(*np.asarray(best).T, color=figures.INK, linewidth=1.5)
    names = [lettering.Name("best possible", 0, {"color": figures.INK, "linewidth": 1.5})]
    for place, (name, runs) in enumerate(methods.items()):
        style = "-" if name.startswith("best of n") else "none"
        look = figures.look_of(name, place, linestyle=style, linewidth=1)
        look |= {"markersize": 6, "fillstyle": "none", "markeredgewidth": 1.4}  # marks overlap
        axes.plot(*np.asarray(runs).T, **look)
        names.append(lettering.Name(name, 0, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    middles = {name: np.mean(runs, axis=0) for name, runs in methods.items()}
    alt = "Reward against KL; a rising curve is the best possible. Means of the methods: "
    alt += "; ".join(f"{name} {reward:.2f} at {kl:.2f}" for name, (kl, reward) in middles.items())
    return figures.picture(figure, alt + ".", caption)


def step_by_step(
    x, panels: dict, xlabel: str, caption: str, limits: dict | None = None
) -> figures.Picture:
    """Measures of several methods over the steps of a run, one panel below the other.

    x: (n,) steps. panels: label of an axis -> {method: (runs, n) values}; lines are means, bands
    go from the least run to the greatest. limits: label -> settings of that panel's axes.
    """
    figure, all_axes = figures.canvas(
        0.7 + 1.9 * len(panels), rows=len(panels), sharex=True, squeeze=False
    )
    names = []
    for axes, (label, series) in zip(all_axes[:, 0], panels.items(), strict=True):
        axes.set(ylabel=label, **(limits or {}).get(label, {}))
        for place, (name, runs) in enumerate(series.items()):
            runs = np.atleast_2d(np.asarray(runs, dtype=float))
            look = figures.look_of(name, place, markersize=4)
            if runs.shape[1] > 20:
                look |= {"marker": "", "linewidth": 1.6}
            axes.fill_between(
                x, runs.min(0), runs.max(0), color=look["color"], alpha=0.13, linewidth=0
            )
            axes.plot(x, runs.mean(0), **look)
            if name not in {n.text for n in names}:
                names.append(lettering.Name(name, 0, look))
    all_axes[-1, 0].set_xlabel(xlabel)
    lettering.legend(all_axes[0, 0], names, figures.FONT_SIZE)
    ends = "; ".join(
        f"{label} at {x[-1]:,}: "
        + ", ".join(f"{n} {np.mean(np.atleast_2d(r), axis=0)[-1]:.2f}" for n, r in series.items())
        for label, series in panels.items()
    )
    return figures.picture(figure, f"Lines over {xlabel}. {ends}.", caption)


def accepted_and_varied(points: dict, caption: str) -> figures.Picture:
    """Share of accepted stories against the number of plots: a mark for each way and run.

    points: name -> (runs, 2), accepted share and effective number of plots.
    """
    figure, axes = figures.canvas(3.6)
    axes.set(xlabel="accepted", ylabel="plots (of 6)", xlim=(-0.03, 1.03), ylim=(0.5, 6.4))
    names = []
    for place, (name, runs) in enumerate(points.items()):
        look = figures.look_of(name, place, linestyle="none", markersize=6) | WAYS.get(name, {})
        axes.plot(*np.atleast_2d(runs).T, **look)
        names.append(lettering.Name(name, 0, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    middles = {name: np.mean(np.atleast_2d(runs), axis=0) for name, runs in points.items()}
    alt = "Plots against accepted share: "
    alt += "; ".join(f"{name} {p:.1f} plots at {a:.0%}" for name, (a, p) in middles.items())
    return figures.picture(figure, alt + ".", caption)
