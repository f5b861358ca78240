"""Pictures of generation: three measures of every setting, likely stories, and what compute buys.

Key idea: no single number tells whether a setting is good. Distance, acceptance and variety stand
side by side, each on its own axis, so that a gain in one shows what it cost in another.
Chapter 08.
"""

from __future__ import annotations

import numpy as np

from grooves.plots import figures, lettering

MEASURES = {  # key of a row -> what its axis says
    "jensen_shannon": "distance",
    "accepted": "accepted",
    "entropy": "entropy",
}
MODELS = ("perfect", "base", "short-trained")  # in the order of their colours


def three_way(sweeps: dict, language_entropy: float, caption: str) -> figures.Picture:
    """Distance to the language, accepted share and entropy of every setting: three columns.

    sweeps: model (of `MODELS`) -> runs, each a list of rows with "setting" and the three measures;
    the marks are means over runs. language_entropy: nats per word, drawn as a line.
    """
    settings = [row["setting"] for row in next(iter(sweeps.values()))[0]]
    figure, columns = figures.canvas(0.24 * len(settings) + 1.2, columns=3, sharey=True)
    places = -np.arange(len(settings))
    names = []
    for model, runs in sweeps.items():
        look = figures.look_of(model, MODELS.index(model), linestyle="none", markersize=4.5)
        names.append(lettering.Name(model, 0, look))
        for axes, measure in zip(columns, MEASURES, strict=True):
            values = np.mean([[row[measure] for row in run] for run in runs], axis=0)
            axes.plot(values, places, **look)
    columns[2].axvline(language_entropy, color=figures.INK, linewidth=1)
    for axes, label in zip(columns, MEASURES.values(), strict=True):
        axes.set_xlabel(label)
        axes.axhline(-0.5, color=figures.INK, linewidth=0.6)
        axes.margins(x=0.1)
    columns[0].set_yticks(places, [_brief(setting) for setting in settings])
    columns[0].set_ylim(-len(settings) + 0.4, 0.6)
    lettering.legend(columns[0], names, figures.FONT_SIZE)
    lasts = {model: {row["setting"]: row for row in runs[0]} for model, runs in sweeps.items()}
    some = [s for s in ("temperature 1", "top-p 0.9", "epsilon 0.005") if s in settings]
    alt = (
        "Three columns of dots, a row for each setting: distance, accepted, entropy. "
        + "; ".join(
            f"{model}, {setting}: {rows[setting]['jensen_shannon']:.2f}, "
            f"{rows[setting]['accepted']:.0%}, {rows[setting]['entropy']:.3f}"
            for model, rows in lasts.items()
            for setting in some
        )
    )
    return figures.picture(figure, alt + ".", caption)


def _brief(setting: str) -> str:
    """A setting as a short label, for a figure that is read on a phone."""
    return setting.replace("temperature", "T").replace("repetition penalty", "penalty")


def typical(log_p: np.ndarray, marks: dict, caption: str) -> figures.Picture:
    """How probable stories are that a language tells, as bars, and some others, as named lines.

    log_p: (N,), log-probability of each story. marks: name -> log-probability.
    """
    figure, axes = figures.canvas(2.8)
    axes.set(xlabel="log-probability of a story, nats", ylabel="stories")
    axes.hist(log_p, bins=14, color=figures.BLUE, alpha=0.6)
    names = [lettering.Name("drawn", 0, {"color": figures.BLUE})]
    for place, (name, value) in enumerate(marks.items(), start=1):
        look = figures.look_of(name, place, marker="", linestyle=("-", "--", ":", "-.")[place % 4])
        axes.axvline(value, **look)
        names.append(lettering.Name(name, 0, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    others = ", ".join(f"{name} {value:.1f}" for name, value in marks.items())
    alt = f"A histogram of drawn stories around {np.mean(log_p):.1f} nats, and lines: {others}."
    return figures.picture(figure, alt, caption)


def two_panels(x, panels: dict, xlabel: str, caption: str, **scales) -> figures.Picture:
    """Two or more measures of the same methods, one below the other, over a logarithmic axis.

    x: (n,) positive numbers. panels: label of an axis -> {method: (runs, n) values}; lines are
    means, bands go from the least run to the greatest. scales: settings of all axes.
    """
    figure, all_axes = figures.canvas(0.6 + 2.1 * len(panels), rows=len(panels), sharex=True)
    names = []
    for axes, (label, series) in zip(all_axes, panels.items(), strict=True):
        axes.set(ylabel=label, xscale="log", **scales)
        axes.minorticks_off()
        axes.set_xticks(x, [f"{value:,}" for value in x])
        for place, (name, runs) in enumerate(series.items()):
            runs, look = np.asarray(runs, dtype=float), figures.look_of(name, place)
            low, high = runs.min(0), runs.max(0)
            axes.fill_between(x, low, high, color=look["color"], alpha=0.12, linewidth=0)
            axes.plot(x, runs.mean(0), **look)
            if axes is all_axes[0]:
                names.append(lettering.Name(name, 0, look))
    all_axes[-1].set_xlabel(xlabel)
    lettering.legend(all_axes[0], names, figures.FONT_SIZE)
    ends = "; ".join(
        f"{label} at {x[-1]:,}: "
        + ", ".join(f"{name} {np.mean(runs, axis=0)[-1]:.2f}" for name, runs in series.items())
        for label, series in panels.items()
    )
    return figures.picture(figure, f"Lines of several methods over {xlabel}. {ends}.", caption)


def reliability(series: dict, caption: str) -> figures.Picture:
    """How often predictions are right against how confident they are.

    series: name -> list of `grooves.inference.calibration.Bin`. The diagonal is perfect.
    """
    figure, axes = figures.canvas(3.2)
    axes.plot([0, 1], [0, 1], color=figures.INK, linewidth=1, linestyle=":")
    axes.set(xlabel="confidence of the likeliest word", ylabel="accuracy")
    names = []
    for name, bins in series.items():
        look = figures.look_of(name, MODELS.index(name) if name in MODELS else len(MODELS))
        axes.plot([b.confidence for b in bins], [b.accuracy for b in bins], **look)
        names.append(lettering.Name(name, 0, look))
    lettering.legend(axes, names, figures.FONT_SIZE)
    worst = {n: max(abs(b.confidence - b.accuracy) for b in bins) for n, bins in series.items()}
    alt = "Accuracy against confidence; the diagonal is perfect calibration. Farthest from it: "
    alt += ", ".join(f"{name} by {gap:.2f}" for name, gap in worst.items()) + "."
    return figures.picture(figure, alt, caption)
