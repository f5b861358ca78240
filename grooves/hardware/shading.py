"""A shaded picture is a small network: Lambert's cosine law is a layer with a ReLU.

Key idea: a matt surface is as bright as the cosine between its normal and the light, and dark where
that is negative. The cosine of unit vectors is a dot product and "dark where negative" is a ReLU,
so all pixels and all lights are one matrix product and a ReLU, and their colours a second product:
the same code that recognises digits. What differs is where the numbers come from. Chapter 11.
Source: Lambert 1760, Photometria.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def layers(x: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """A batch through affine layers with a ReLU between them: (B, fan_in) -> (B, fan_out).

    Raises: ValueError where there are not as many biases as weights.
    """
    if len(weights) != len(biases) or not weights:
        raise ValueError(f"{len(weights)} weights and {len(biases)} biases are no layers")
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        x = torch.addmm(b, x, W)  # (B, fan_out)
        if i < len(weights) - 1:
            x = x.relu()
    return x


def sphere(height: int, place: torch.device) -> tuple[Tensor, Tensor]:
    """Where rays straight ahead meet a ball, and which way its surface looks there.

    Returns: normals of unit length (B, 3) for the B pixels that show the ball, and which of the
    height * height pixels those are, (height * height,) bool.
    Raises: ValueError where the picture is smaller than two pixels.
    """
    if height < 2:
        raise ValueError(f"{height=} must be at least 2 pixels")
    line = torch.linspace(-1.1, 1.1, height, device=place)
    y, x = torch.meshgrid(-line, line, indexing="ij")
    depth = 1 - x**2 - y**2  # what the square of z must be on a ball of radius 1
    hit = depth > 0
    normals = torch.stack((x[hit], y[hit], depth[hit].sqrt()), 1)  # (B, 3)
    return normals, hit.flatten()


def lights(place: torch.device) -> tuple[list[Tensor], list[Tensor]]:
    """Three lamps as the weights of two layers.

    Returns: [directions (3, 3), one lamp a column; colours (3, 3), one lamp a row], and biases:
    none for the cosines, and a little light from everywhere.
    """
    directions = torch.tensor([[-1.0, 1.0, 0.2], [1.0, 0.3, -1.0], [1.0, 0.4, 0.6]])
    directions = directions / directions.norm(dim=0)
    colours = torch.tensor([[0.9, 0.5, 0.1], [0.0, 0.3, 0.6], [0.25, 0.05, 0.25]])
    biases = torch.zeros(3), torch.tensor([0.04, 0.04, 0.06])
    return [directions.to(place), colours.to(place)], [b.to(place) for b in biases]


def lambert(normal: tuple[float, ...], weights: list[Tensor], biases: list[Tensor]) -> list[float]:
    """The colour of one pixel, lamp by lamp, without any matrix: what `layers` must equal."""
    directions, colours = (w.tolist() for w in weights)
    colour = biases[1].tolist()
    for lamp in range(3):
        cosine = sum(normal[axis] * directions[axis][lamp] for axis in range(3))
        for channel in range(3):
            colour[channel] += max(0.0, cosine) * colours[lamp][channel]
    return colour


def picture(colours: Tensor, hit: Tensor) -> Tensor:
    """The pixels' colours (B, 3) put where the ball is: (height, height, 3), from 0 to 1."""
    height = math.isqrt(len(hit))
    canvas = torch.zeros(len(hit), 3, device=colours.device)
    canvas[hit] = colours.clamp(0, 1)
    return canvas.view(height, height, 3)
