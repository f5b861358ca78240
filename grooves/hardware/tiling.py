"""Tiling: do all the work on a piece of data while it is near, and fetch it less often.

Key idea: a product of (n, n) matrices in tiles of b rows and columns reads 2 n³ / b numbers in
place of 2 n³, so its arithmetic intensity grows with the tile. Attention can be done the same way
although its softmax needs a whole row: a running maximum and a running sum are enough to correct
what was added up before. Chapter 11.
Sources: Milakov & Gimelshein 2018, arXiv:1805.02867 (the running maximum and sum); Dao et al. 2022,
arXiv:2205.14135 (attention in tiles); Lam, Rothberg & Wolf 1991, ASPLOS (products in tiles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def product_traffic(n: int, rows: int, columns: int) -> float:
    """Numbers that a product of (n, n) matrices reads and writes in memory, tile by tile.

    A tile of the result with so many rows and columns stays near until it is done: the rows of the
    first matrix are read n / columns times, the columns of the second n / rows times, and the
    result is written once: n³ / columns + n³ / rows + n².
    Raises: ValueError where a size is not between 1 and n.
    """
    if not (1 <= rows <= n and 1 <= columns <= n):
        raise ValueError(f"{rows=} and {columns=} must lie between 1 and {n=}")
    return n**3 / columns + n**3 / rows + n**2


def multiply_in_tiles(a: np.ndarray, b: np.ndarray, tile: int) -> np.ndarray:
    """The product of two (n, n) matrices, one product of (tile, tile) blocks at a time.

    Each block is multiplied by NumPy; what is ours is the order.
    Raises: ValueError where the tile does not divide n.
    """
    n = len(a)
    if tile < 1 or n % tile:
        raise ValueError(f"{tile=} must divide {n=}")
    c = np.zeros((n, n), a.dtype)
    pieces = [slice(start, start + tile) for start in range(0, n, tile)]
    for i in pieces:
        for j in pieces:
            total = c[i, j]  # a view: stays in a cache while k runs
            for k in pieces:
                total += a[i, k] @ b[k, j]
    return c


def multiply_by_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of two (n, n) matrices, one row of the first at a time: b is read n times."""
    c = np.empty_like(a)
    for i in range(len(a)):
        np.matmul(a[i], b, out=c[i])
    return c


def multiply_by_elements(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of two (n, n) matrices, one dot product at a time: n² calls."""
    columns = b.T.copy()  # a column at a stride would be slower still
    return np.array([[row @ column for column in columns] for row in a])


# ---- a chain of operations ----------------------------------------------------------------------


def chain(x: Tensor, operations: Sequence[Callable[[Tensor], object]], piece: int | None = None):
    """Apply operations to x in place, one after the other, to all of x or piece by piece.

    Piece by piece each number is fetched once and not once for each operation: what a fused kernel
    achieves with registers, done here with the cache. piece: numbers; None is all at once.
    """
    for part in x.split(piece) if piece else (x,):
        for operation in operations:
            operation(part)
    return x


# ---- attention ----------------------------------------------------------------------------------


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention as the formula says: (T, D) each -> (T, D), with all T² scores in memory."""
    scores = q @ k.T / math.sqrt(q.size(1))  # (T, T)
    return scores.softmax(1) @ v


def attention_in_tiles(q: Tensor, k: Tensor, v: Tensor, tile: int) -> Tensor:
    """The same result, and never more than (tile, tile) scores at a time.

    For each tile of queries the keys and values pass by, tile after tile. m is the greatest score
    so far and total the sum of exp(score - m); where a greater score comes, what was added up
    before is scaled by exp(old m - new m).
    Raises: ValueError where the tile is not positive.
    """
    if tile < 1:
        raise ValueError(f"{tile=} must be at least 1")
    done = []
    for q_tile in q.split(tile):  # (b, D)
        m = q.new_full((len(q_tile), 1), -math.inf)
        total, out = q.new_zeros(len(q_tile), 1), torch.zeros_like(q_tile)
        for k_tile, v_tile in zip(k.split(tile), v.split(tile), strict=True):
            scores = q_tile @ k_tile.T / math.sqrt(q.size(1))  # (b, b)
            greatest = torch.maximum(m, scores.amax(1, keepdim=True))
            weights, before = (scores - greatest).exp(), (m - greatest).exp()
            total = total * before + weights.sum(1, keepdim=True)
            out = out * before + weights @ v_tile
            m = greatest
        done.append(out / total)
    return torch.cat(done)


def attention_traffic(n_tokens: int, head_dim: int, tile: int | None = None) -> int:
    """Numbers that attention of one head reads and writes in memory.

    tile None: q, k, v read and the result written, 4 T D; and the T² scores written, read by the
    softmax, written as weights and read again, 4 T². With tiles: q read and the result written
    once, and k and v read once for each tile of queries, 2 T D (1 + T / tile).
    Raises: ValueError where a size is not positive.
    """
    if n_tokens < 1 or head_dim < 1 or (tile is not None and tile < 1):
        raise ValueError(f"{n_tokens=}, {head_dim=} and {tile=} must be positive")
    if tile is None:
        return 4 * n_tokens * head_dim + 4 * n_tokens**2
    return 2 * n_tokens * head_dim * (1 + math.ceil(n_tokens / tile))
