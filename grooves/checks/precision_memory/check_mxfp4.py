"""Check of lab 12: a block of weights in MXFP4, bit for bit (chapter 12).

Key idea: blocks are made from codes and a scale that the check chose, each weight a little off its
level, so the right bits are known and no rounding of the last bit decides. The largest weights lie
in all quarters of the top power of two, where wrong scales differ from the right one.
Letters: N weights of a block.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import NOT_THIS, by_hand
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.precision_memory.rules import LAB, as_number, refuse

LEVELS = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
BIAS, TOP = 127, 2  # of the scale's bits, and the top power of two of the levels
# Sizes of blocks, exponents of their scales, and their largest magnitudes divided by the scale.
CASES = (
    (32, -6, 4.4), (32, -3, 5.6), (32, 2, 6.6), (19, -9, 7.7), (33, 0, 4.0), (7, 21, 5.3),
    (1, -40, 6.9), (2, 9, 4.9), (64, -100, 7.3), (31, 60, 4.6), (21, -5, 4.15), (20, 3, 5.8),
)  # fmt: skip


def block(seed: int, n: int, exponent: int, largest: float) -> Tensor:
    """Weights (N,), whose largest magnitude is `largest` times the scale; some are negative."""
    rng = np.random.default_rng(seed)
    levels = rng.choice(LEVELS, n)
    gaps = np.where(levels < 2, 0.5, np.where(levels < 4, 1, 2))
    scaled = levels + rng.choice([0.07, 0.19, -0.13], n) * np.where(levels == 2, 0.5, gaps)
    scaled = scaled.clip(0.03, 3.8)
    place = rng.integers(n)
    if n > 32:
        place = n - 1  # where a scale of the first 32 weights is wrong
    scaled *= rng.choice([-1, 1], n)
    scaled[place] = largest * (-1 if seed % 2 else 1)  # negative in every other block
    return torch.tensor(scaled * 2.0**exponent, dtype=torch.float32)


def _nearest(scaled: np.ndarray) -> np.ndarray:
    return abs(scaled[:, None] - LEVELS).argmin(1)


def _encode(
    weights, top=TOP, whole=math.floor, bias=BIAS, pick=_nearest, signed=None, largest=None
):
    """Scale bits and codes by the definition, with a place for each mistake."""
    w = np.asarray(weights, dtype=float)
    size = largest(w) if largest else abs(w).max()
    if size == 0:
        return BIAS, (0.0,) * len(w)
    if size < 0:
        return NOT_THIS
    exponent = whole(math.log2(size) if callable(whole) else size) - top
    codes = pick(abs(w) / 2.0**exponent)
    codes = signed(codes, w) if signed else codes + 8 * (w < 0)
    return exponent + bias, _plain(codes)


def _plain(codes) -> tuple[float, ...]:
    """Codes as plain numbers; 8, which is −0, counts as 0."""
    return tuple(0.0 if code == 8 else float(code) for code in codes)


def _with(**changes) -> Callable:
    return lambda weights: _encode(weights, **changes)


def _of_sixths(whole: Callable) -> Callable:
    """The scale as for integers: the largest divided by the largest level."""
    return lambda weights: _encode(weights, top=0, whole=lambda x: whole(x - math.log2(6)))


def _lower(scaled):
    return (scaled[:, None] >= LEVELS).sum(1) - 1


def _upper(scaled):
    return np.minimum((scaled[:, None] > LEVELS).sum(1), 7)


MISTAKES = (
    *in_forms(
        "top_left_out",
        "the scale is too large: subtract the 2 of 4 = 2², so that the largest magnitude divided "
        "by the scale lies from 4 to below 8.",
        _with(top=0),
        _with(top=1),
    ),
    *in_forms(
        "sixth_of_the_largest",
        "you divide the largest magnitude by 6 and take the power of two near that. In MX the "
        "scale's exponent is ⌊log₂ max⌋ − 2, and what lies beyond 6 becomes 6.",
        _of_sixths(round),
        _of_sixths(math.ceil),
        _of_sixths(math.floor),
    ),
    *in_forms(
        "exponent_not_floored",
        "the exponent is rounded up, or to the nearest. Take the floor: `math.floor`, since "
        "`int` truncates negative numbers upward.",
        _with(whole=math.ceil),
        _with(whole=round),
        _with(whole=int),
    ),
    *in_forms(
        "bias",
        "the scale's bits are the exponent plus 127, since negative exponents have to be stored "
        "as well.",
        _with(bias=0),
        _with(bias=128),
        _with(bias=126),
        _with(bias=-127),
    ),
    Mistake(
        "no_absolute_value",
        _with(largest=lambda w: w.max()),
        "you take the largest weight, but the largest magnitude may be that of a negative weight.",
    ),
    *in_forms(
        "not_the_nearest",
        "codes are always rounded down, or always up. Take the level that is nearest.",
        _with(pick=_lower),
        _with(pick=_upper),
    ),
    *in_forms(
        "sign_lost",
        "negative weights have the code of their magnitude. Their first bit is 1: add 8.",
        _with(signed=lambda codes, w: codes),
    ),
    *in_forms(
        "twos_complement",
        "negative codes are written in two's complement. A float has a bit for the sign: add 8 to "
        "the code of the magnitude.",
        _with(signed=lambda codes, w: np.where(w < 0, (16 - codes) % 16, codes)),
        _with(signed=lambda codes, w: np.where(w < 0, -codes, codes)),
        _with(signed=lambda codes, w: np.where(w < 0, (15 - codes) % 16, codes)),
    ),
    *in_forms(
        "integers",
        "your codes are integers as in int4. The codes 0 to 7 stand for 0, 0.5, 1, 1.5, 2, 3, 4 "
        "and 6.",
        _with(pick=lambda scaled: np.rint(scaled).clip(0, 7)),
        _with(pick=lambda scaled: np.rint(2 * scaled).clip(0, 7)),
    ),
    *in_forms(
        "levels_returned",
        "you return the levels. Return their codes, the positions from 0 to 7, plus 8 where the "
        "weight is negative.",
        _with(pick=lambda scaled: LEVELS[_nearest(scaled)], signed=lambda c, w: c * np.sign(w)),
        _with(pick=lambda scaled: LEVELS[_nearest(scaled)]),
    ),
    Mistake(
        "no_highest_level",
        _with(pick=lambda scaled: np.minimum(_nearest(scaled), 6)),
        "what lies near 6 and beyond becomes 4. The highest level is 6, with the code 7.",
    ),
)


@check(lab=LAB, exercise="mxfp4", returns=(tuple, list))
def mxfp4(answer):
    """mxfp4(weights): (N,) -> the scale's bits, an integer, and the codes (N,), 0 to 15."""
    blocks = [block(seed, *one) for seed, one in enumerate(CASES)]
    call, got = by_hand(answer), []
    for i, weights in enumerate(blocks):
        got.append(_two((answer if i else call)(weights.clone()), weights))
    expected = [_encode(weights) for weights in blocks]

    def said(i):
        n, largest = len(blocks[i]), float(blocks[i].abs().max())
        given = f"for {n} weights, the largest of magnitude {largest:.6g}"
        (bits, codes), (right_bits, right) = got[i], expected[i]
        if bits != right_bits:
            return f"{given}, your scale's bits are {bits:g}; they should be {right_bits}."
        at = next(k for k in range(n) if codes[k] != right[k])
        weight = float(blocks[i][at])
        return (
            f"{given}, and the scale 2^({right_bits - BIAS}), the weight {weight:.6g} "
            f"has your code {codes[at]:g}; it should be {right[at]:g}."
        )

    refuse(got, expected, MISTAKES, [(weights,) for weights in blocks], said, _alike)
    if all(map(_alike, got, expected)):  # ordinary blocks come first
        _judge_zeros(answer)
    return "Each weight takes 4 bits, and the block 8 more."


def _judge_zeros(answer) -> None:
    """Refuse another result than 127 and zeros for a block of zeros, or an error.

    Raises: CheckFailed with the hint "zero_block".
    """
    zeros, error = torch.zeros(5), None
    given = f"for {len(zeros)} weights that are all 0"
    try:
        result = answer(zeros.clone())
    except Exception as raised:
        error, found = raised, f"your result is an error ({type(raised).__name__}: {raised})"
    else:
        bits, codes = _two(result, zeros)
        if (bits, codes) == (BIAS, (0.0,) * len(zeros)):
            return
        found = f"your scale's bits are {bits:g} and your first code is {codes[0]:g}"
    raise CheckFailed(
        f"{given}, {found}; the bits should be {BIAS} and all codes 0.\nLikely mistake: a "
        "block of zeros has no case of its own. Its largest magnitude is 0, and log₂ 0 is −∞, so "
        "return its bits and codes before you compute the logarithm.",
        hint="zero_block",
    ) from error


def _alike(a, b) -> bool:
    if a is NOT_THIS or b is NOT_THIS:
        return False
    return a[0] == b[0] and tuple(a[1]) == tuple(b[1])


def _two(result, weights: Tensor) -> tuple:
    """Bits of the scale and codes, as plain numbers, of what an answer returned."""
    if len(result) != 2:
        raise CheckFailed(
            f"expected two results, the scale's bits and the codes, got {len(result)}.",
            hint="not_two",
        )
    bits, codes = result
    sizes = [one.numel() if isinstance(one, Tensor) else np.size(one) for one in result]
    if sizes[0] == len(weights) != 1 and sizes[1] == 1:
        raise CheckFailed(
            f"for {len(weights)} weights, your two results are swapped: return the scale's bits "
            "first.",
            hint="swapped",
        )
    codes = codes.detach().cpu().numpy() if isinstance(codes, Tensor) else np.asarray(codes)
    if codes.shape != (len(weights),):
        raise CheckFailed(
            f"expected {len(weights)} codes, one per weight, got {describe(result[1])}.",
            hint="how_many",
        )
    if not np.issubdtype(codes.dtype, np.number):
        raise CheckFailed(
            f"for {len(weights)} weights, the codes must be integers from 0 to 15, got "
            f"{describe(result[1])}.",
            hint="wrong_type",
        )
    return as_number(bits), _plain(codes)
