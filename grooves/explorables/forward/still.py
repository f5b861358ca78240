"""The still picture of the explorable `forward`, for readers without scripts and for print.

Key idea: the same picture, activations, probabilities and weights that the page would show first,
drawn once from the trained network. Chapter 01.
"""

from __future__ import annotations

import numpy as np

from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.models.layers import Network, softmax

HEIGHT = 330  # pixels


def draw(network: Network, pixels: np.ndarray, neuron: int) -> str:
    """A picture (SVG): the digit, the hidden layer with one neuron's weights, and ten
    probabilities.

    pixels: 64 numbers from 0 to 16. neuron: the hidden neuron that is shown, from 0.
    """
    _, hidden, logits = (a[0] for a in network.activations(pixels[None] / 16))
    parts = [text(MARGIN, 38, "the picture", 13, INK, weight=600)]
    parts += _grid(pixels / 16, MARGIN, 52, 150, INK, INK)
    parts.append(text(210, 38, "the hidden layer", 13, INK, weight=600))
    parts += _neurons(hidden, neuron)
    parts.append(text(480, 38, "the prediction", 13, INK, weight=600))
    parts += _digits(softmax(logits))
    stencil = network.weights[0][:, neuron]
    parts += _grid(stencil / np.abs(stencil).max(), 210, 190, 100, MODEL, EXACT)
    said = f"weights of neuron {neuron + 1}:", "blue: positive,", "vermilion: negative"
    parts += [text(322, 222 + 20 * i, line, 13, SOFT) for i, line in enumerate(said)]
    return card(parts, HEIGHT)


def _grid(values, left: float, top: float, side: float, positive: str, negative: str) -> list[str]:
    """64 numbers from -1 to 1 as squares, stronger where they are farther from 0."""
    cell, parts = side / 8, []
    for i, value in enumerate(values):
        if abs(value) > 0.02:
            x, y = left + cell * (i % 8), top + cell * (i // 8)
            colour = positive if value > 0 else negative
            shape = f'x="{x:.1f}" y="{y:.1f}" width="{cell:.2f}" height="{cell:.2f}"'
            parts.append(f'<rect {shape} fill="{colour}" fill-opacity="{abs(value):.2f}"/>')
    shape = f'x="{left}" y="{top}" width="{side}" height="{side}"'
    return [*parts, f'<rect {shape} fill="none" stroke="{SOFT}"/>']


def _neurons(hidden: np.ndarray, chosen: int) -> list[str]:
    """A bar for every neuron of the hidden layer; the chosen one is framed."""
    left, bottom, height, step = 210, 150, 90, 240 / len(hidden)
    parts = [f'<path d="M{left} {bottom}h240" stroke="{SOFT}"/>']
    for i, value in enumerate(hidden):
        x, tall = left + step * i, height * value / max(hidden.max(), 1e-9)
        shape = f'x="{x + 1:.1f}" y="{bottom - tall:.1f}" width="{step - 2:.1f}"'
        parts.append(f'<rect {shape} height="{tall:.1f}" fill="{MODEL}"/>')
        if i == chosen:
            shape = (
                f'x="{x:.1f}" y="{bottom - height - 4}" width="{step:.1f}" height="{height + 8}"'
            )
            parts.append(f'<rect {shape} fill="none" stroke="{INK}" stroke-width="1.5"/>')
    return [*parts, text(left, bottom + 24, "after ReLU, neuron by neuron", 13, SOFT)]


def _digits(probabilities: np.ndarray) -> list[str]:
    """The ten digits, each with a bar and its probability."""
    parts = []
    for digit, p in enumerate(probabilities):
        y = 66 + 24 * digit
        weight = 600 if digit == probabilities.argmax() else 400
        parts.append(text(480, y, str(digit), 14, INK, weight=weight))
        shape = f'x="500" y="{y - 11}" width="{110 * p:.1f}" height="12"'
        parts.append(f'<rect {shape} fill="{MODEL}"/>')
        said = f"{p:.1%}" if p >= 0.001 else "< 0.1%"
        parts.append(text(WIDTH - MARGIN, y, said, 14, INK, anchor="end", weight=weight))
    return parts
