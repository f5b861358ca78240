"""The explorable `forward` in JupyterLab: draw a digit and follow it through your network.

Key idea: a drawing must be preprocessed as the data set's pictures were (32 x 32 dots that the
digit fills, counted in blocks of 4 x 4), or it lies outside the distribution that the network was
trained on. `drawing.mjs` does the same in the page. Chapter 01.
"""

from __future__ import annotations

import numpy as np
import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.language.corpora import digits
from grooves.models.layers import Network, templates

DOTS, BLOCK = 32, 4  # dots along a side, and in a pixel's
PEN = 2.5  # radius of the pen in dots
WIDEST = 26  # dots: the data set's digits are higher than wide
BLANK = [0] * (DOTS // BLOCK) ** 2


def pack(network: Network) -> dict:
    """A network as the page takes it: nested lists, with all digits of every number.

    Raises: ValueError where it does not have 64 inputs and 10 outputs.
    """
    if network.sizes[0] != 64 or network.sizes[-1] != 10:
        raise ValueError(
            f"the explorable shows 64 pixels and 10 digits, not {network.sizes[0]} and "
            f"{network.sizes[-1]}: give a network of sizes such as (64, 32, 10)"
        )
    if len(network.sizes) > 3:
        raise ValueError(
            f"it shows one hidden layer at most, and this has {len(network.sizes) - 2}"
        )
    return {
        "weights": [W.tolist() for W in network.weights],
        "biases": [b.tolist() for b in network.biases],
    }


class Forward(Explorable):
    """A widget in which one draws a digit, and each of `networks` classifies it.

    networks: by name, such as {"mine": network}. pixels: the picture, 64 numbers from 0 to 16;
    set by the page. network: the name of the one that is shown. neuron: of the first layer, from 0.
    fit: whether drawings are fitted to the frame. stage: of the forward pass, from 0; -1: the last.
    examples: pictures to choose from, each {"pixels": [64 numbers], "label": digit, "hard": bool}.
    Raises: as `pack`.
    """

    module = "forward"

    networks = traitlets.Dict().tag(sync=True)
    network = traitlets.Unicode("").tag(sync=True)
    pixels = traitlets.List(BLANK).tag(sync=True)
    fit = traitlets.Bool(True).tag(sync=True)
    neuron = traitlets.Int(0, min=0).tag(sync=True)
    stage = traitlets.Int(-1, min=-1).tag(sync=True)
    examples = traitlets.List().tag(sync=True)

    def __init__(self, networks: dict[str, Network], **choices):
        packed = {name: pack(network) for name, network in networks.items()}
        super().__init__(**{"networks": packed, "network": next(iter(packed))} | choices)


def picture(strokes: list[list[tuple[float, float]]], fit: bool = True) -> np.ndarray:
    """The picture of strokes, as the page makes it: 64 numbers from 0 to 16.

    strokes: points between 0 and 1, from the upper left. fit: scale and centre them first, so that
    they fill the frame's height, or the widest width.
    Source: Alpaydin & Kaynak 1998 (32 x 32 dots, counted in blocks of 4 x 4).
    """
    if not strokes:
        return np.zeros(len(BLANK))
    lines = [np.array(stroke, dtype=float) * DOTS for stroke in strokes]
    if fit:
        points = np.concatenate(lines)
        low, high = points.min(0), points.max(0)
        width, height = np.maximum(high - low, 1e-9)
        scale = min((DOTS - 2 * PEN) / height, (WIDEST - 2 * PEN) / width)
        lines = [(line - (low + high) / 2) * scale + DOTS / 2 for line in lines]
    y, x = np.mgrid[:DOTS, :DOTS] + 0.5
    dots = np.stack([x, y], axis=-1)  # (32, 32, 2)
    inked = np.zeros((DOTS, DOTS), dtype=bool)
    for line in lines:
        for a, b in zip(np.concatenate([line[:1], line[:-1]]), line, strict=True):
            length = ((b - a) ** 2).sum()
            along = (
                ((dots - a) @ (b - a) / length).clip(0, 1) if length else np.zeros(dots.shape[:2])
            )
            inked |= ((dots - a - along[..., None] * (b - a)) ** 2).sum(-1) <= PEN**2
    return inked.reshape(8, BLOCK, 8, BLOCK).sum((1, 3)).ravel().astype(float)


def state(trained: Network) -> dict:
    """All that the book's page starts from: two networks, and pictures from the test set.

    One picture of each digit from the test set, and three that `trained` misclassifies; the
    page opens on the picture of a 3.
    """
    data = digits()
    said = trained.forward(data.test_images).argmax(axis=1)
    chosen = [int(np.flatnonzero(data.test_labels == digit)[0]) for digit in range(10)]
    misread = np.flatnonzero(said != data.test_labels)[:3].tolist()
    chosen += misread
    pixels = [(16 * image).astype(int).tolist() for image in data.test_images[chosen]]
    examples = [
        {"pixels": pixels[i], "label": int(data.test_labels[at]), "hard": at in misread}
        for i, at in enumerate(chosen)
    ]
    networks = {
        "trained: 64, 32, 10": pack(trained),
        "class means: ten templates": pack(templates(data.train_images, data.train_labels)),
    }
    begin = {"networks": networks, "network": next(iter(networks)), "examples": examples}
    hidden = trained.activations(data.test_images[chosen[3]][None])[1][0]
    return Forward.defaults() | begin | {"pixels": pixels[3], "neuron": int(hidden.argmax())}
