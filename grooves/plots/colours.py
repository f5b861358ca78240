"""The colours of figures: one palette, its shades for text, and one colour for each method.

Key idea: a colour names a method, so a method keeps its colour in every figure and explorable of a
chapter. Chapters: all.
"""

from __future__ import annotations

# Okabe and Ito's colours, the same values in the same order as in book/_static/grooves.css. Lines
# and bars take the first four, which keep a contrast of 3 on white and on black.
BLUE, VERMILION, GREEN, PINK, ORANGE, SKY = PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)
INK = "#000000"  # becomes the page's text colour

# What text takes in place of a colour, on a light and on a dark page: a contrast of at least 4.5.
SHADES = {
    BLUE: ("#0072b2", "#56b4e9"),
    VERMILION: ("#b84f00", "#f0833c"),
    GREEN: ("#007d5a", "#2fc39a"),
    PINK: ("#a64d80", "#d893b8"),
    ORANGE: ("#8a6100", "#e69f00"),
}
SHADED_MARKS = (ORANGE,)  # too pale for lines on white, so its lines take the shade, too
SERIES = (*PALETTE[:4], INK, ORANGE)  # the order in which series without a colour of their own go

# The keys are the names that figures show.
METHODS = {
    # chapter 2: optimizers
    "plain": BLUE,
    "momentum": VERMILION,
    "Adam": GREEN,
    # chapter 3: ways of learning from few labels, and what they add
    "labels only": BLUE,
    "augmented": VERMILION,
    "augmentation": VERMILION,
    "pre-trained": GREEN,
    "pre-training": GREEN,
    "pseudo-labels": PINK,
    "both": INK,
    "named clusters": ORANGE,
    # chapter 4
    "transformer": BLUE,
    "LSTM": VERMILION,
    # chapter 6: ways of fine-tuning, as in the explorable `finetune`; and two voices
    "from scratch": INK,
    "last layer": GREEN,
    "LoRA": VERMILION,
    "full": BLUE,
    "woman": BLUE,
    "man": VERMILION,
    # chapter 10: ways of learning from feedback
    "DPO": VERMILION,
    "IPO": BLUE,
    "ordinary training": GREEN,
    "weighted": GREEN,
    "policy gradient": PINK,
    "best of n": ORANGE,
    # chapter 11: devices; and ways through memory, as in the explorable `trucks`
    "here": BLUE,
    "AMD EPYC, 1 thread": VERMILION,
    "AMD EPYC, 2 threads": ORANGE,
    "Intel Xeon": PINK,
    "NVIDIA H200": GREEN,
    "A100 40 GB": ORANGE,
    "H100": INK,
    "one walk": VERMILION,
    "8,192 walks": BLUE,
    # chapter 12: what takes memory, as in the explorable `memory`
    "weights": BLUE,
    "gradients": VERMILION,
    "optimizer": GREEN,
    "activations": PINK,
    "loss": INK,
}


def colour_of(name: str, place: int) -> str:
    """The colour of a series: its method's, otherwise the palette's colour at its place.

    name: as the figure shows it; what follows a comma, "transformer, training", is not part of the
    method. place: counted from 0.
    """
    method = name.split(", ")[0] if name not in METHODS else name
    return METHODS.get(method, SERIES[place % len(SERIES)])


def shaded(colour: str) -> str:
    """A colour as CSS: its shade on a light page and on a dark one, or itself where it has none."""
    light, dark = SHADES.get(colour, (colour, colour))
    return f"light-dark({light}, {dark})" if colour in SHADES else colour
