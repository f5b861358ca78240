"""Check of lab 12: weights as whole numbers with a scale a row (chapter 12).

Key idea: the weights are made from codes and scales that the check chose, each a little off the
middle of its step. So the right codes are known, and no rounding of the last bit decides.
Letters: R rows, C columns.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import compare_parts
from grooves.checks.compare import Mistake, shape_of, written_by_hand
from grooves.checks.precision_memory.rules import LAB, SHOULD

OFF = np.array([0.3, -0.3, 0.4, -0.15])  # of a step: what rounding takes away
SCALES = np.array([3, 5, 7, 11, 13, 19]) / 16  # the largest codes times these are exact
READY_MADE = ("quantize_per_channel", "fake_quantize_per_channel_affine")
NAMES = ("the scales", "the codes")  # first what the second hangs on


def case(seed: int, shape: tuple[int, int], bits: int, zero_row: int | None = None):
    """Weights (R, C), with the codes and scales that they were made from."""
    rng, limit = np.random.default_rng(seed), 2 ** (bits - 1) - 1
    rows, columns = shape
    scales = rng.permutation(SCALES)[:rows]
    codes = rng.integers(-limit + 1, limit, shape)  # no limit yet: one place a row is to have it
    off = rng.choice(OFF, shape)
    for row in range(rows):
        place = rng.integers(columns)
        codes[row, place], off[row, place] = limit * (-1) ** row, 0  # below 0 in every other row
    if zero_row is not None:
        codes[zero_row], off[zero_row], scales[zero_row] = 0, 0, 1
    weight = torch.tensor(scales[:, None] * (codes + off), dtype=torch.float32)
    return weight, codes, scales


def _parts(
    weight, bits, limit=None, largest=None, to_whole=np.rint, axis=1, absolute=True, inverse=False,
    wrap=False,
):  # fmt: skip
    """Scales and codes by formula, with a place for each mistake."""
    w = np.asarray(weight, dtype=float)
    limit = 2 ** (bits - 1) - 1 if limit is None else limit
    size = abs(w) if absolute else w
    top = size.max(axis=axis, keepdims=True) if largest is None else largest(w)
    scales = top / limit
    if largest is None:
        scales = np.where(scales == 0, 1, scales)
    with np.errstate(all="ignore"):
        codes = to_whole(w / scales)
    if wrap:
        codes = (codes + 128) % 256 - 128
    return (1 / scales if inverse else scales).squeeze(), codes


def _with(**changes):
    return lambda weight, bits: _parts(weight, bits, **changes)


def _full(one):
    """The largest of a whole matrix, or another number for all rows, one for each row."""
    return lambda w: np.full((len(w), 1), one(w))


def _clipped(weight, bits):
    scales, codes = _parts(weight, bits, limit=2 ** (bits - 1))
    return scales, np.minimum(codes, 2 ** (bits - 1) - 1)


CODE_MISTAKES = (
    Mistake(
        "one_scale",
        _with(largest=_full(lambda w: abs(w).max())),
        "every row has the scale of the whole matrix. Take the largest weight of each row.",
    ),
    Mistake(
        "columns",
        _with(axis=0),
        "there is a scale for each column. Rows get them: look along axis 1.",
    ),
    Mistake(
        "limit_128",
        _with(limit=128),
        "you divide the largest by 2^(bits − 1), so it becomes a code that does not exist: 128 "
        "wraps round to −128. Divide by 2^(bits − 1) − 1.",
    ),
    Mistake(
        "limit_128",
        lambda weight, bits: _parts(weight, bits, limit=2 ** (bits - 1), wrap=bits == 8),
        "you divide the largest by 2^(bits − 1), so it becomes a code that does not exist: 128 "
        "wraps round to −128. Divide by 2^(bits − 1) − 1.",
    ),
    Mistake(
        "limit_128",
        _clipped,
        "you divide the largest by 2^(bits − 1), so it becomes a code that does not exist: 128 "
        "wraps round to −128. Divide by 2^(bits − 1) − 1.",
    ),
    Mistake(
        "all_codes_positive",
        lambda weight, bits: _parts(weight, bits, limit=2**bits - 1),
        "you divide by 2^bits − 1. Half of the codes are below 0: 2^(bits − 1) − 1.",
    ),
    Mistake(
        "always_8_bits",
        _with(limit=127),
        "the largest code is always 127. That is for 8 bits; use `bits`.",
    ),
    Mistake(
        "limit_is_bits",
        lambda weight, bits: _parts(weight, bits, limit=bits),
        "you divide by the number of bits. So many bits make codes up to 2^(bits − 1) − 1.",
    ),
    Mistake(
        "truncated",
        _with(to_whole=np.trunc),
        "the codes are cut off, which makes every weight smaller. Round before you make them "
        "whole numbers: `.to(torch.int8)` alone cuts.",
    ),
    Mistake(
        "floored", _with(to_whole=np.floor), "the codes are rounded down. Round to the nearest."
    ),
    Mistake("raised", _with(to_whole=np.ceil), "the codes are rounded up. Round to the nearest."),
    Mistake(
        "no_absolute",
        _with(absolute=False),
        "you take the largest weight, and a row's farthest from 0 may be negative: `.abs()` first.",
    ),
    Mistake(
        "inverse",
        _with(inverse=True),
        "the scales are upside down. Codes times scales must give the weights.",
    ),
    Mistake(
        "mean_for_largest",
        _with(largest=lambda w: abs(w).mean(axis=1, keepdims=True)),
        "the scale comes from a row's mean. Its largest weight would get no code.",
    ),
    Mistake(
        "spread_for_largest",
        _with(largest=lambda w: w.max(axis=1, keepdims=True) - w.min(axis=1, keepdims=True)),
        "the scale comes from largest less smallest. Here 0 stays 0: the largest magnitude.",
    ),
    Mistake(
        "weights_returned",
        lambda weight, bits: (_parts(weight, bits)[0], np.prod(_both(weight, bits), axis=0)),
        "those are rounded weights. The codes are whole numbers, before they meet the scale again.",
    ),
)


def _both(weight, bits):
    scales, codes = _parts(weight, bits)
    return codes, np.broadcast_to(scales.reshape(-1, 1), codes.shape)


@check(lab=LAB, exercise="quantize", points=2, returns=(tuple, list))
def quantize(answer):
    """quantize(weight, bits) -> codes (R, C) as int8, and scales (R,) with codes * scales ≈ weight.

    The scale of a row of zeros may be any positive number.
    """

    def ask(call, seed, shape, bits, zero_row=None):
        weight, codes, scales = case(seed, shape, bits, zero_row)
        given = f"weights of shape {shape}, bits = {bits}"
        given += "" if zero_row is None else f", row {zero_row} all zeros"
        got = _two(call(weight.clone(), bits), shape, given)
        got[0] = _without_zero_row(got[0], zero_row, given)
        expected = dict(zip(NAMES, (scales, codes), strict=True))
        _compare(got, (weight, bits), expected, given)

    ask(lambda *inputs: written_by_hand(answer, *inputs, ready_made=READY_MADE), 1, (4, 9), 8)
    ask(answer, 2, (6, 6), 8)
    ask(answer, 3, (5, 8), 4)
    ask(answer, 4, (3, 5), 3, zero_row=1)
    return "Codes times scales are within half a step of every weight."


def _two(result, shape, given: str) -> list[np.ndarray]:
    """A scale a row, and the codes, whole numbers of eight bits, of what an answer returned."""
    if len(result) != 2:
        raise CheckFailed(
            f"expected two results, codes and scales, got {len(result)}.", hint="not_two"
        )
    codes, scales = (p if isinstance(p, Tensor) else torch.as_tensor(np.array(p)) for p in result)
    if scales.dtype == torch.int8 and codes.is_floating_point():
        raise CheckFailed(
            f"for {given}, your result has codes of {codes.dtype} and scales of {scales.dtype}: "
            "the two are exchanged.",
            hint="swapped",
        )
    if codes.dtype == torch.uint8:
        raise CheckFailed(
            f"for {given}, your result has codes of uint8, which has no number below 0: a weight "
            "of −1 would come back as 255. Take torch.int8.",
            hint="unsigned",
        )
    if codes.shape == shape and not codes.is_floating_point() and codes.dtype != torch.int8:
        raise CheckFailed(
            f"for {given}, your result has codes of {describe(codes)}. A code takes one byte: "
            "`.to(torch.int8)`.",
            hint="wide_codes",
        )
    codes, scales = codes.detach().cpu(), scales.detach().cpu().double()
    whole = not codes.is_floating_point() or bool((codes == codes.round()).all())
    if codes.shape == shape and codes.is_floating_point() and whole:
        raise CheckFailed(
            f"for {given}, your result has codes of {codes.dtype}, which takes "
            f"{codes.element_size()} bytes each. Make them int8 at the end.",
            hint="codes_not_int8",
        )
    if scales.numel() == 1:  # one for the whole matrix: a mistake that is known by its numbers
        scales = scales.reshape(-1).repeat(shape[0])
    scales = scales.reshape(-1) if scales.shape == (shape[0], 1) else scales
    return [scales.numpy(), codes.double().numpy()]


def _without_zero_row(scales: np.ndarray, row: int | None, given: str) -> np.ndarray:
    """The scales with a 1 for the row of zeros, where any positive number is right."""
    if row is None or scales.shape[:1] <= (row,) or scales.ndim != 1:
        return scales
    if not (scales[row] > 0 and np.isfinite(scales[row])):
        raise CheckFailed(
            f"for {given}, your result has the scale {scales[row]:.3g} for that row. Dividing by "
            "0 gives NaN, which int8 hides. Give such a row a scale of 1.",
            hint="zero_row",
        )
    scales = scales.copy()
    scales[row] = 1
    return scales


def _compare(got, inputs, expected, given):
    if got[1].shape != (shape := tuple(inputs[0].shape)):
        raise CheckFailed(
            f"for {given}, your result has codes of shape {shape_of(got[1])}, expected {shape}.",
            hint="shape",
        )
    compare_parts(got, inputs, expected, CODE_MISTAKES, given, SHOULD)
