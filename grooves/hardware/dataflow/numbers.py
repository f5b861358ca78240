"""Number formats of the matrix planes: what is rounded, and to what.

Key idea: the matrix unit multiplies in fp16 or int8 and adds exactly enough digits; the vector unit
works in fp32 throughout. So rounding happens at one place, on the way into a plane. Chapter 14.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from grooves.hardware.dataflow.operations import Tile, rounded

KINDS = ("fp32", "fp16", "int8", "mixed")
LARGEST = 127  # of int8; -128 is left out, so that the range is symmetric


@dataclass
class Numbers:
    """Which format each matrix product uses.

    name: "fp32" (for checking alone), "fp16", "int8", or "mixed": int8, except for attention over
    the caches and the weights named in `fine`, which stay fp16. Sums over lanes are fp16 except in
    fp32. largest: for int8, the largest absolute input of each product, found by `calibrate`.
    Raises: ValueError for another name.
    """

    name: str = "fp16"
    fine: tuple[str, ...] = ("down",)
    largest: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        if self.name not in KINDS:
            raise ValueError(f"numbers={self.name!r} is not one of {', '.join(KINDS)}")

    def of(self, role: str, name: str) -> str:
        """The format of one product; role: "sum", "cache" or "weights"."""
        if self.name in ("fp32", "fp16"):
            return self.name
        fine = self.name == "mixed" and (role == "cache" or any(f in name for f in self.fine))
        return "fp16" if role == "sum" or fine else "int8"


def quantised(x: np.ndarray, largest: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """x as integers from -127 to 127 (held in fp32) and the scale that restores it.

    largest: the absolute value that becomes 127; larger ones are clipped.
    """
    scale = np.maximum(np.float32(largest), np.float32(1e-12)) / LARGEST
    return np.clip(np.round(x / scale), -LARGEST, LARGEST), scale


def installed(tile: Tile, weights: np.ndarray):
    """A tile as it lies in its plane: (values, scale of each column, or None)."""
    if tile.number != "int8":
        return rounded(weights, tile.number), None
    return quantised(weights, np.abs(weights).max(-2, keepdims=True))


def product(x: np.ndarray, values: np.ndarray, scale, number: str, largest: float) -> np.ndarray:
    """What a plane computes: inputs (S, rows) times values (rows, N) or (S, rows, N) -> (S, N).

    int8: the integer sums stay below 2**24, so fp32 holds them exactly.
    """
    step = np.float32(1)
    if number == "int8":
        x, step = quantised(x, largest)
    else:
        x = rounded(x, number)
    with np.errstate(all="ignore"):
        sums = x @ values if values.ndim == 2 else np.matmul(x[:, None], values)[:, 0]
        if scale is not None:
            sums = sums * (scale.reshape(-1, scale.shape[-1]) * step)
    return sums.astype(np.float32)
