"""Where each element of a tensor lies: in which vector, and in which lane of it.

Key idea: a tensor is a table of places. A view (reshape, slice, flip, concatenate) is PyTorch's own
operation carried out on that table, so it moves nothing and costs nothing. Chapter 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

VIEWS = frozenset(
    (
        *("view", "reshape", "slice", "select", "flip", "cat", "stack", "unbind", "transpose"),
        *("permute", "t", "numpy_T", "unsqueeze", "squeeze", "expand", "split", "chunk"),
        *("split_with_sizes", "getitem", "alias", "contiguous", "clone"),
    )
)
LANE_BITS = 1 << 12  # a place is source * LANE_BITS + lane + 1; lane 0 of that is ANY


@dataclass
class Where:
    """A tensor on the chip: the place of each element, as integers in the tensor's own shape."""

    places: Tensor

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Sources and lanes of all elements in order, (n,) each."""
        flat = self.places.reshape(-1).numpy()
        return flat // LANE_BITS, flat % LANE_BITS - 1


@dataclass
class Constant:
    """A tensor that is known before the program runs."""

    value: Tensor
    name: str


@dataclass
class Cache:
    """A cache (T, n) in memory. after: the operation that wrote its newest row, if any."""

    name: str
    transposed: bool = False
    after: str = ""
