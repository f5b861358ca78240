"""Check of lab 14: cycles of a systolic array (chapter 14).

Key idea: matrices that fill the array exactly, that leave a rest in one direction or in both, and
that are smaller than it; few vectors and many; loading beside computing, or before it.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.cpu_gpu.rules import Case, judge
from grooves.checks.dataflow.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms

# rows, columns, n_in, n_out, n_vectors, overlapped
CASES = tuple(
    (*sizes, overlapped)
    for sizes in (
        (2, 3, 2, 3, 4),
        (2, 3, 4, 5, 4),
        (8, 5, 20, 12, 1),
        (8, 5, 20, 12, 30),
        (5, 9, 3, 4, 7),
        (16, 4, 64, 40, 16),
        (3, 17, 50, 18, 2),
        (320, 320, 1_000, 700, 1),
        (128, 256, 4_096, 1_500, 77),
        (1, 1, 3, 2, 5),
    )
    for overlapped in (False, True)
)


def right(
    rows, columns, n_in, n_out, n_vectors, overlapped, load=None, drain=None, tiles=None,
    apart=None, lasts=1,
):  # fmt: skip
    """Cycles, with a place for each mistake.

    load: cycles of loading a tile. drain: what passing through the array adds. tiles: their number.
    apart: cycles between the beginnings of tiles if overlapped. lasts: tiles that are drained then.
    """
    load = rows if load is None else load
    drain = rows + columns - 2 if drain is None else drain
    tiles = math.ceil(n_in / rows) * math.ceil(n_out / columns) if tiles is None else tiles
    if not overlapped:
        return tiles * (load + n_vectors + drain)
    apart = max(n_vectors, load) if apart is None else apart
    return load + (tiles - lasts) * apart + lasts * (n_vectors + drain)


def _of(**changes):
    """A mistake whose places are computed from the inputs."""
    return lambda *inputs: right(*inputs, **{k: f(*inputs) for k, f in changes.items()})


def _edges_smaller(rows, columns, n_in, n_out, n_vectors, overlapped):
    """Tiles at the edges take less time, as if the array ended where they do."""
    sizes = [
        (min(rows, n_in - i), min(columns, n_out - j))
        for i in range(0, n_in, rows)
        for j in range(0, n_out, columns)
    ]
    if not overlapped:
        return sum(r + n_vectors + r + c - 2 for r, c in sizes)
    apart = sum(max(n_vectors, r) for r, _ in sizes[1:])
    return sizes[0][0] + apart + n_vectors + sum(sizes[-1]) - 2


def _drained_each(rows, columns, n_in, n_out, n_vectors, overlapped):
    inputs = (rows, columns, n_in, n_out, n_vectors, False)
    return right(*inputs, load=0) + rows if overlapped else right(*inputs)


def _overlapped_only(**changes):
    """A mistake that is made where loading overlaps, and only there."""
    return lambda *inputs: _of(**changes)(*inputs) if inputs[5] else right(*inputs)


def _larger(rows, _c, _i, _o, n_vectors, _):
    return max(n_vectors, rows)


def _none(*_):
    return 0


MISTAKES = (
    Mistake(
        "drain_forgotten",
        _of(drain=lambda *_: 0),
        "you count the vectors only. The last one enters in cycle n_vectors - 1 and must still "
        "pass through the rows and the columns.",
    ),
    *in_forms(
        "one_direction",
        "a vector passes through the rows and through the columns; you add one of them only.",
        _of(drain=lambda r, *_: r - 1),
        _of(drain=lambda r, c, *_: c - 1),
        _of(drain=lambda r, *_: r),
        _of(drain=lambda r, c, *_: c),
        _of(drain=lambda r, c, *_: max(r, c) - 1),
    ),
    *in_forms(
        "off_by_one",
        "you are one or two cycles per tile off. The last cell is rows - 1 steps down and columns "
        "- 1 steps to the right of the first.",
        _of(drain=lambda r, c, *_: r + c),
        _of(drain=lambda r, c, *_: r + c - 1),
        _of(drain=lambda r, c, *_: r + c - 3),
    ),
    *in_forms(
        "load_forgotten",
        "loading the weights is missing, which takes one cycle per row. Where nothing overlaps, "
        "every tile is loaded before its first vector; if `overlapped`, only the first tile's "
        "loading shows.",
        _of(load=_none),
        _of(load=_none, apart=_larger),
        _overlapped_only(load=_none),
        _overlapped_only(load=_none, apart=_larger),
        lambda *inputs: right(*inputs, load=None if inputs[5] else 0),
    ),
    *in_forms(
        "tail_forgotten",
        "if `overlapped`, the end of the last tile is missing. From the cycle in which its first "
        "vector enters, it takes n_vectors + rows + columns - 2 cycles, as any tile does; only "
        "the tiles before it are hidden behind the next one.",
        _overlapped_only(lasts=_none),
        _overlapped_only(drain=_none),
        _overlapped_only(lasts=_none, load=_none, apart=_larger),
        lambda *inputs: right(*inputs) - inputs[5] * (inputs[4] + inputs[0] + inputs[1] - 2),
    ),
    *in_forms(
        "another_load",
        "loading a tile takes `rows` cycles: a row per cycle, and all its columns at once.",
        _of(load=lambda r, c, *_: r * c),
        _of(load=lambda r, c, *_: c),
        _of(load=lambda *_: 1),
        _of(load=lambda r, *_: r - 1),
    ),
    *in_forms(
        "tiles_not_rounded_up",
        "a tile that fills the array in part is a tile too. Round n_in / rows up, and n_out / "
        "columns up, before you multiply.",
        _of(tiles=lambda r, c, i, o, *_: i // r * (o // c)),
        _of(tiles=lambda r, c, i, o, *_: i / r * o / c),
        _of(tiles=lambda r, c, i, o, *_: math.ceil(i * o / (r * c))),
        _of(tiles=lambda r, c, i, o, *_: round(i / r) * round(o / c)),
        _of(tiles=lambda r, c, i, o, *_: max(i // r, 1) * max(o // c, 1)),
    ),
    Mistake(
        "tiles_added",
        _of(tiles=lambda r, c, i, o, *_: math.ceil(i / r) + math.ceil(o / c)),
        "you add the tiles along the rows to those along the columns. Multiply them.",
    ),
    Mistake(
        "sides_exchanged",
        _of(tiles=lambda r, c, i, o, *_: math.ceil(i / c) * math.ceil(o / r)),
        "the inputs lie along the rows, n_in / rows, and the outputs along the columns.",
    ),
    Mistake(
        "one_tile",
        _of(tiles=lambda *_: 1),
        "you count one tile. A matrix that is larger than the array is cut into several.",
    ),
    Mistake(
        "edges_smaller",
        _edges_smaller,
        "you let tiles at the edge take less time. A vector passes through the whole array, "
        "whatever part of it holds weights.",
    ),
    Mistake(
        "peak_rate",
        lambda r, c, i, o, n, _: i * o * n / (r * c),
        "that is what the array would take if all its cells computed in every cycle: its peak "
        "rate. Loading, filling and draining it, and cells without a weight, are left out.",
    ),
    Mistake(
        "not_overlapped",
        lambda *inputs: right(*inputs[:5], False),
        "that is right where nothing overlaps. If `overlapped`, tiles follow each other at a "
        "distance of max(n_vectors, rows) cycles.",
    ),
    Mistake(
        "always_overlapped",
        lambda *inputs: right(*inputs[:5], True),
        "that is right if loading overlaps. If not `overlapped`, a tile is loaded when the one "
        "before has left the array.",
    ),
    Mistake(
        "drained_each",
        _drained_each,
        "if `overlapped`, you drain the array after every tile. The next tile's vectors follow "
        "behind the last ones; only the last tile is drained.",
    ),
    *in_forms(
        "wrong_distance",
        "if `overlapped`, the beginnings of two tiles are max(n_vectors, rows) cycles apart: the "
        "vectors of a tile must have entered, and the weights of the next must be there.",
        _of(apart=lambda r, c, i, o, n, _: n),
        _of(apart=lambda r, *_: r),
        _of(apart=lambda r, c, i, o, n, _: n + r),
        _of(apart=lambda r, c, i, o, n, _: min(n, r)),
    ),
    Mistake(
        "distance_too_many",
        lambda r, c, i, o, n, overlapped: right(r, c, i, o, n, overlapped) + overlapped * max(n, r),
        "if `overlapped`, you count a distance for every tile. There is one between two tiles, so "
        "one fewer than tiles.",
    ),
)


@check(lab=LAB, exercise="systolic_cycles")
def systolic_cycles(answer):
    """systolic_cycles(rows, columns, n_in, n_out, n_vectors, overlapped) -> cycles."""
    names = ("rows", "columns", "n_in", "n_out", "n_vectors", "overlapped")
    cases = [
        Case(
            inputs,
            {"the cycles": right(*inputs)},
            ", ".join(f"{name} = {value}" for name, value in zip(names, inputs, strict=True)),
        )
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, ("cycles",))
