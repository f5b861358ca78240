"""The matrix unit as a systolic array: how many cycles a product takes, and why one row is slow.

Key idea: each cell of the array keeps one weight, multiplies the number that comes from the left by
it, adds what comes from above, and passes both on. No memory is accessed in between, so a weight
that was loaded once serves every row of the input; but the numbers need as many cycles to pass the
array as it has rows and columns, whether one row of the input passes or a thousand. Chapter 14.
Source: Kung 1982, doi:10.1109/MC.1982.1653825; the cycle counts are held to those of SCALE-Sim
(Samajdar et al. 2018, arXiv:1811.02883) in `benchmarks/dataflow.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Count:
    """Cycles of a product on an array, and how well its cells were used."""

    cycles: int
    tiles: int  # pieces of the weight matrix, one after the other in the array
    utilisation: float  # multiplications done over multiplications possible, between 0 and 1


def weight_stationary(rows: int, inner: int, columns: int, height: int, width: int) -> Count:
    """Cycles of a (rows, inner) times (inner, columns) product on an array of height × width cells.

    Per tile of the weights: `height` cycles to shift them in, then the first row of the input needs
    height + width - 1 cycles to pass, each further row one more. Weights of the next tile are not
    shifted in meanwhile, and a tile that is not full takes as long as a full one.
    Raises: ValueError where a size is not positive.
    """
    _positive(rows=rows, inner=inner, columns=columns, height=height, width=width)
    tiles = math.ceil(inner / height) * math.ceil(columns / width)
    cycles = tiles * (height + rows + height + width - 2)
    return Count(cycles, tiles, rows * inner * columns / (cycles * height * width))


def output_stationary(rows: int, inner: int, columns: int, height: int, width: int) -> Count:
    """The same where each cell keeps one number of the result, and both operands pass by.

    Per tile of the result: inner + height + width - 2 cycles until the last cell has met its last
    pair. The result is shifted out while the next tile's operands come in, and is not counted.
    """
    _positive(rows=rows, inner=inner, columns=columns, height=height, width=width)
    tiles = math.ceil(rows / height) * math.ceil(columns / width)
    cycles = tiles * (inner + height + width - 2)
    return Count(cycles, tiles, rows * inner * columns / (cycles * height * width))


def simulate(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, int]:
    """Let x (rows, inner) pass an array that is as large as the weights (inner, columns).

    Cell by cell and cycle by cycle: row i of the input enters cell row k in cycle i + k, so that it
    meets the sum that comes from above. Returns: the product, and the cycles with those in which
    the weights are shifted in.
    """
    (rows, inner), columns = x.shape, weights.shape[1]
    passing = np.zeros((inner, columns), x.dtype)  # from left to right
    sums = np.zeros((inner, columns), np.result_type(x, weights))  # from top to bottom
    out = np.zeros((rows, columns), sums.dtype)
    cycles = rows + inner + columns - 2
    for cycle in range(cycles):
        i = cycle - np.arange(inner)  # which row of the input enters each row of cells
        entering = np.where((i >= 0) & (i < rows), x[i.clip(0, rows - 1), np.arange(inner)], 0)
        passing = np.concatenate((entering[:, None], passing[:, :-1]), 1)
        above = np.concatenate((np.zeros((1, columns), sums.dtype), sums[:-1]))
        sums = above + passing * weights
        j = np.arange(columns)
        i = cycle - (inner - 1) - j  # the row whose sum leaves each column now
        leaving = (i >= 0) & (i < rows)
        out[i[leaving], j[leaving]] = sums[-1, leaving]
    return out, inner + cycles


def _positive(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name}={size} must be at least 1")
