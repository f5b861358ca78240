"""Part of a check of lab 12: the usual mistakes in quantising a matrix (chapter 12).

Key idea: each mistake is written out as code and returns scales and codes, as an answer with that
mistake would; int8 wraps around.
Letters: R rows, C columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from grooves.checks.arrays import NOT_THIS
from grooves.checks.mistakes import Mistake, in_forms

BOUNDS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 2.0**-23, 1e-6, 1e-5, 1e-4, 1e-3)  # the usual ones


def _parts(weight, bits, limit=None, largest=None, to_whole=np.rint, axis=1, absolute=True,
           inverse=False, clip=None):  # fmt: skip
    """Scales and codes by formula, with a place for each mistake; int8 wraps around."""
    w = np.asarray(weight, dtype=float)
    limit = 2 ** (bits - 1) - 1 if limit is None else limit
    size = abs(w) if absolute else w
    top = size.max(axis=axis, keepdims=True) if largest is None else largest(w)
    scales = np.where(top == 0, 1, top / limit)
    with np.errstate(all="ignore"):
        codes = to_whole(w / scales)
    codes = (codes + 128) % 256 - 128 if clip is None else codes.clip(-clip - 1, clip)
    scales = (1 / scales if inverse else scales).reshape(-1)
    return np.repeat(scales, len(w)) if len(scales) == 1 else scales, codes


def _with(**changes):
    return lambda weight, bits: _parts(weight, bits, **changes)


def _of_matrix(one):
    """A number of the whole matrix, one for each row."""
    return lambda w: np.full((len(w), 1), one(w))


def _bounded(bound: float, way: Callable, of_scale: bool):
    """Scales, or the largest magnitudes, that are kept above a bound or moved by it."""

    def compute(weight, bits):
        limit = 2 ** (bits - 1) - 1
        factor = limit if of_scale else 1  # `_parts` divides by the limit
        return _parts(
            weight, bits, largest=lambda w: way(abs(w).max(axis=1, keepdims=True), factor * bound)
        )

    return compute


def _across_columns(weight, bits, bounded: Callable):
    """The scales of the rows, with which the columns are divided, where that fits."""
    scales, _ = _parts(weight, bits)
    if weight.shape[0] != weight.shape[1]:
        return scales, NOT_THIS
    codes = np.rint(np.asarray(weight, dtype=float) / scales)
    return scales, (bounded(codes, 2 ** (bits - 1) - 1) + 128) % 256 - 128


CODE_MISTAKES = (
    *in_forms(
        "per_tensor_scale",
        "every row has the scale of the whole matrix (per-tensor). Take the largest magnitude of "
        "each row (per-channel).",
        _with(largest=_of_matrix(lambda w: abs(w).max())),
        _with(largest=_of_matrix(lambda w: abs(w[0]).max())),
    ),
    Mistake(
        "scale_per_column",
        _with(axis=0),
        "you compute one scale per column. Compute one per row: take the maximum along axis 1.",
    ),
    *in_forms(
        "scales_across_columns",
        "you divide by scales of shape (R,), so that column c is divided by scales[c]: "
        "broadcasting aligns them with the last axis, and with a square matrix there is no error. "
        "A scale belongs to a row: divide by `scales[:, None]`, of shape (R, 1).",
        lambda weight, bits: _across_columns(weight, bits, lambda codes, n: codes),
        lambda weight, bits: _across_columns(weight, bits, lambda codes, n: codes.clip(-n, n)),
        lambda weight, bits: _across_columns(weight, bits, lambda codes, n: codes.clip(-n - 1, n)),
    ),
    *in_forms(
        "qmax_too_large",
        "you divide the largest magnitude by 2^(bits − 1), so it becomes a code that does not "
        "exist: 128 wraps around to −128. Divide by 2^(bits − 1) − 1.",
        lambda weight, bits: _parts(weight, bits, limit=2 ** (bits - 1)),
        lambda weight, bits: _parts(weight, bits, limit=2 ** (bits - 1), clip=2 ** (bits - 1) - 1),
    ),
    *in_forms(
        "unsigned_range",
        "your largest code is twice as large as it may be. Half of the codes are negative, so the "
        "limit is 2^(bits − 1) − 1.",
        lambda weight, bits: _parts(weight, bits, limit=2**bits - 1),
        lambda weight, bits: _parts(weight, bits, limit=2**bits - 1, clip=127),
    ),
    *in_forms(
        "fixed_bits",
        "you use the same largest code for all `bits`. It is 2^(bits − 1) − 1.",
        _with(limit=127),
        _with(limit=7),
    ),
    Mistake(
        "truncated",
        _with(to_whole=np.trunc),
        "the codes are truncated towards 0. Round before you convert: `.to(torch.int8)` alone "
        "truncates.",
    ),
    *in_forms(
        "floor_or_ceil",
        "all codes are rounded down, or all up. Round to the nearest integer.",
        _with(to_whole=np.floor),
        _with(to_whole=np.ceil),
    ),
    *in_forms(
        "half_up",
        "you do not round halves to even as `round` does: 2.5 becomes 2, and −2.5 becomes −2.",
        _with(to_whole=lambda x: np.floor(x + 0.5)),
        _with(to_whole=lambda x: np.trunc(x + np.copysign(0.5, x))),
        _with(to_whole=lambda x: np.ceil(x - 0.5)),
    ),
    Mistake(
        "no_absolute_value",
        _with(absolute=False),
        "you take the largest weight of a row, but its largest magnitude may be that of a "
        "negative weight. Call `.abs()` first.",
    ),
    *in_forms(
        "scale_clamped",
        "you replace small scales by a larger number. Only a row of zeros gets another scale, "
        "which is 1; all other rows keep theirs, however small.",
        *itertools.starmap(
            _bounded, itertools.product(BOUNDS, (np.maximum, np.add), (True, False))
        ),
    ),
    Mistake(
        "inverted",
        _with(inverse=True),
        "the scales are inverted. Codes times scales must give the weights.",
    ),
)
