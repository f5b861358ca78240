"""What passes between a processor and its memory: cache lines, and the sectors that a warp touches.

Key idea: memory delivers whole lines, and a cache keeps the lines that were used last. So the order
in which a program visits its numbers decides how many bytes move, although the arithmetic is the
same. Both simulators count; neither measures time. Chapter 11.
Sources: Mattson et al. 1970, IBM Systems Journal 9(2) (replacing the line that was used longest
ago); NVIDIA, CUDA C++ Best Practices Guide, "Coalesced access to global memory" (32-byte sectors).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import product

ORDERS = ("ijk", "ikj", "tiled")
WARP = 32  # threads that execute one instruction together
SECTOR_BYTES = 32  # what a GPU's memory delivers at least


def lines_fetched(addresses: Iterable[int], n_lines: int, line_values: int = 8) -> int:
    """Cache lines that must be fetched from memory for a sequence of reads and writes.

    addresses: which number is visited, one after the other. n_lines: how many lines the cache
    holds; the one that was used longest ago makes room for a new one. line_values: numbers in a
    line, 8 of eight bytes each in 64 bytes.
    Raises: ValueError where a size is not positive.
    """
    if n_lines < 1 or line_values < 1:
        raise ValueError(f"{n_lines=} and {line_values=} must be at least 1")
    cache: OrderedDict[int, None] = OrderedDict()
    fetched = 0
    for address in addresses:
        line = address // line_values
        if line in cache:
            cache.move_to_end(line)
            continue
        fetched += 1
        cache[line] = None
        if len(cache) > n_lines:
            cache.popitem(last=False)
    return fetched


def product_visits(n: int, order: str = "ijk", tile: int = 1) -> Iterator[int]:
    """Which numbers a product C = A B of (n, n) matrices visits, three for each multiplication.

    A occupies the addresses 0 to n² - 1, row by row, B the next n², C the last. order: "ijk" takes
    for each element of C a row of A and a column of B; "ikj" adds multiples of B's rows to a row of
    C; "tiled" does "ikj" within tiles of (tile, tile), tile by tile.
    Raises: ValueError for another order, or where the tile does not divide n.
    """
    if order not in ORDERS:
        raise ValueError(f"{order=} is unknown: choose from {', '.join(ORDERS)}")
    if tile < 1 or n % tile:
        raise ValueError(f"{tile=} must divide {n=}")
    size = n * n
    if order == "tiled":
        starts = range(0, n, tile)
        inside = [(i, k, j) for i, k, j in product(range(tile), repeat=3)]
        steps = (
            (i0 + i, j0 + j, k0 + k)
            for i0, j0, k0 in product(starts, repeat=3)
            for i, k, j in inside
        )
    elif order == "ikj":
        steps = ((i, j, k) for i, k, j in product(range(n), repeat=3))
    else:
        steps = ((i, j, k) for i, j, k in product(range(n), repeat=3))
    for i, j, k in steps:
        yield i * n + k
        yield size + k * n + j
        yield 2 * size + i * n + j


def sectors(stride: int, value_bytes: int = 4, offset: int = 0) -> int:
    """Sectors of 32 bytes that one load of a warp touches, where neighbours are `stride` apart.

    Thread t loads the number at offset + t stride, counted in numbers. 32 numbers of four bytes
    fill 4 sectors, so 4 is the least.
    Raises: ValueError where the stride is negative or the size is not positive.
    """
    if stride < 0 or value_bytes < 1 or offset < 0:
        raise ValueError(f"{stride=} and {offset=} must not be negative, {value_bytes=} positive")
    touched = set()
    for thread in range(WARP):
        first = (offset + thread * stride) * value_bytes
        touched |= {first // SECTOR_BYTES, (first + value_bytes - 1) // SECTOR_BYTES}
    return len(touched)
