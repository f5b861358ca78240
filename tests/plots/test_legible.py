"""The reader of figures sees what hinders reading, and every kind of figure is free of it."""

import numpy as np
import pytest
from legible import faults

from grooves.plots import (
    figures,
    fine_tuning_plots,
    intervals,
    lettering,
    precision_plots,
    roofline_plots,
)
from grooves.plots.digit_plots import digit_grid
from grooves.plots.roofline_plots import Roof
from grooves.precision.formats import FP8_E4M3, FP8_E5M2, INT8


def collide(axes):
    axes.text(0.5, 0.5, "one")
    axes.text(0.52, 0.52, "two")


def lie_on_a_line(axes):
    axes.text(0.45, 0.45, "one")
    axes.plot([0, 1], [0, 1])


def leave(axes):
    axes.text(0.99, 0.5, "a long name").set_in_layout(False)


def be_small(axes):
    axes.text(0.5, 0.5, "one", fontsize=8)


def be_pale(axes):
    axes.text(0.5, 0.5, "one", color="#e6e600")


def have_one_tick(axes):
    axes.set(yscale="log", ylim=(12, 240))
    axes.minorticks_off()


def change_colour(axes):
    look = {"color": figures.BLUE}
    axes.plot([0, 1], [0, 1], **look)
    lettering.legend(axes, [lettering.Name("LoRA", 1, look)], figures.FONT_SIZE)


PLANTED = {
    collide: "'one' and 'two' collide",
    lie_on_a_line: "'one' lies on a line",
    leave: "'a long name' leaves the figure",
    be_small: "'one' is 8.1 px high",
    be_pale: "'one' is #e6e600",
    have_one_tick: "has fewer than two ticks",
    change_colour: "'LoRA' is #0072b2",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_hinders_reading_is_seen(plant):
    figure, axes = figures.canvas()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    assert not faults(figure)
    plant(axes)
    for text in axes.texts:
        if plant is not be_small:
            text.set_fontsize(figures.FONT_SIZE)
    found = faults(figure)
    assert any(PLANTED[plant] in sentence for sentence in found), found


SIZES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
META = ("stories of the dialect", "nats a word above its entropy"), "alt", "caption"
WAYS = ("from scratch", "last layer", "LoRA", "full")
RUNS = {name: np.outer(np.geomspace(5, 0.01, 9), (1, 1.1, 1.2)) + i for i, name in enumerate(WAYS)}
LONG = {f"{model}, {verb}": [20 + i, 21, 20.5] for i, model in enumerate(("transformer", "LSTM"))
        for verb in ("training", "writing")}  # fmt: skip
ROOFS = [Roof("here, CPU", 1e11, 2e10), Roof("here, from its cache", 1e11, 4e10)]
ROOFS += [Roof("NVIDIA H200", 5e13, 4e12), Roof("H100", 6e13, 3e12, published=True)]
POINTS = [("a digit", 0.4, 3e8), ("64 digits", 6.7, 1.4e10), ("a word of a story", 0.5, 4e9)]
POINTS += [("a training step", 6.1, 1.5e10), ("row times matrix", 0.5, 1e10)]
POINTS += [("matrix times matrix", 170, 1e11)]
BITS = {name: [(0.3, 9, "2"), (0.4, 0.5 + i, "3"), (0.6, 0.02, ""), (1, 0.002, "8")]
        for i, name in enumerate(("one scale a matrix", "16 neighbours"))}  # fmt: skip
PARTS = {"weights": 4e5, "optimizer": 4e5, "activations": 3e7, "loss": 1e7}
KINDS = {
    "lines that meet": lambda: figures.lines(
        (1, 2, 3), {"one": [3, 1, 2], "two": [1, 3, 2], "three": [2, 2, 2]}, *META
    ),
    "long names": lambda: figures.lines(
        (16, 64, 256), LONG, *META, xscale="log", yscale="log"
    ),
    "frontier": lambda: fine_tuning_plots.frontier(
        {n: np.geomspace((1, 0.1), (0.1, 1), 20).reshape(4, 5, 2) for n in WAYS[1:]}, *META
    ),
    "every run": lambda: fine_tuning_plots.every_run(
        {f"{n}, embeddings": RUNS[n][0] for n in WAYS}, *META[0][:1], *META[1:]
    ),
    "means": lambda: intervals.mean_curves(SIZES, RUNS, *META, yscale="log", band="range"),
    "differences": lambda: intervals.forest(
        {f"at {n} labels": {name: RUNS[name][i] for name in WAYS} for i, n in enumerate((10, 50))},
        "points of accuracy",
        "alt",
        "caption",
    ),
    "means and single results": lambda: intervals.mean_curves(
        SIZES, RUNS, *META, yscale="log", points={"another": (20, 60.0)}
    ),
    "rooflines": lambda: roofline_plots.draw(ROOFS, POINTS, "alt", "caption"),
    "sweeps": lambda: roofline_plots.sweeps(
        {"here, CPU": ((16, 4096), (1e-6, 1)), "NVIDIA H200": ((16, 10_000), (1e-5, 0.03))}, *META
    ),
    "formats": lambda: precision_plots.number_lines(
        [FP8_E5M2, FP8_E4M3, INT8], [1, 1, 3.5], "alt", ""
    ),
    "bytes": lambda: precision_plots.bytes_and_gaps(BITS, (6, "every word alike"), "alt", ""),
    "bars": lambda: precision_plots.stacked(
        {f"{n} x 180": PARTS for n in range(4)}, 1e6, "MB at the peak", {"0 x 180": 4e7}, "alt", ""
    ),
    "digits": lambda: digit_grid(np.eye(16)[:10], [f"{k} as 8" for k in range(10)], "alt", "",
                                 columns=8),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_figure_can_be_read(kind, monkeypatch):
    seen, draw = [], figures.picture

    def picture(figure, *arguments, **more):
        drawn = draw(figure, *arguments, **more)
        seen.append(faults(figure))
        return drawn

    monkeypatch.setattr(figures, "picture", picture)
    KINDS[kind]()
    assert seen == [[]]
