"""Check of lab 12: sixteen bits decoded by hand (chapter 12).

Key idea: every kind of pattern is tested, normal, subnormal, zero, infinite and NaN, and each
result must be the exact value, including the sign of a zero. The right value comes from PyTorch,
which an answer may therefore not use.
"""

from __future__ import annotations

import itertools
import math
import sys

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grooves.checks import CheckFailed, check
from grooves.checks.compare import written_by_hand
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.precision_memory.rules import LAB, as_number, refuse

PATTERNS = (
    0b0_10000000_1001001,  # 3.140625
    0b1_01111110_1000000,  # -0.75
    0b0_00000000_0000010,  # the text's subnormal one
    0b0_01111111_0000000,  # 1
    0b0_11111110_1111111,  # the largest
    0b1_11111110_0000000,
    0b1_10010110_0000101,
    0b1_10000001_0000000,  # -4
    0b0_00000001_0000000,  # the smallest normal one
    0b1_00000001_0110010,
    0b0_00000010_0000001,
    0b0_01000000_0111111,
    0b0_00000000_0000001,  # the smallest of all
    0b1_00000000_1010101,
    0b0_00000000_1111111,  # the largest subnormal one
    0b1_00000000_1000000,
    0b0_00000000_0000000,
    0b1_00000000_0000000,  # minus zero
    0b0_11111111_0000000,
    0b1_11111111_0000000,
    0b0_11111111_0000001,  # no number
    0b0_11111111_1000000,
    0b1_11111111_1111111,
    0b1_11111111_0001000,
)
READY_MADE = {
    "unpack", "unpack_from", "iter_unpack", "view", "frombuffer", "from_buffer", "from_buffer_copy",
    "cast",
}  # fmt: skip


def pattern(bits: int) -> str:
    """Bits as a message shows them: 0 10000000 1001001."""
    text = f"{bits:016b}"
    return f"{text[0]} {text[1:9]} {text[9:]}"


def value(bits: int) -> float:
    """What a pattern means, by PyTorch."""
    signed = bits - 2**16 if bits >= 2**15 else bits
    return torch.tensor([signed], dtype=torch.int16).view(torch.bfloat16).double().item()


def _decode(
    bits, bias=127, n_mantissa=7, leading=1, divide=None, signed=True, low="subnormal", special=True
):
    """By formula, with a place for each mistake. low: how the lowest exponent is read."""
    n_exponent = 15 - n_mantissa
    mantissa = bits % 2**n_mantissa
    exponent = bits >> n_mantissa & (2**n_exponent - 1)
    sign = -1.0 if signed and bits >> 15 else 1.0
    fraction = mantissa / (divide or 2**n_mantissa)
    if special and exponent == 2**n_exponent - 1:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0 and low != "normal":
        return sign * fraction * 2.0 ** ((0 if low == "shifted" else 1) - bias)
    return sign * (leading + fraction) * 2.0 ** (exponent - bias)


def _with(**changes):
    return lambda bits: _decode(bits, **changes)


def _where(condition, then):
    """The right value, but then(right, bits) for patterns of one kind."""

    def compute(bits):
        right = _decode(bits)
        return then(right, bits) if condition(right, bits) else right

    return compute


def _low(right, bits):
    return bits >> 7 & 255 == 0


def _subnormal(right, bits):
    return _low(right, bits) and bits & 127 > 0


def _with_leading_one(power: int):
    return lambda right, bits: math.copysign((1 + bits % 128 / 128) * 2.0**power, right)


def _sign_in_exponent(bits):
    """The exponent is not cut to eight bits."""
    return _decode(bits) if bits < 2**15 else -(1 + bits % 128 / 128) * 2.0 ** ((bits >> 7) - 127)


def _cut(bits, n_exponent, n_mantissa):
    """Masks that keep too few bits."""
    mantissa = bits % 2**n_mantissa
    return _decode(bits & 2**15 | (bits >> 7) % 2**n_exponent << 7 | mantissa)


def _not_padded(bits):
    """The digits of `bin`, which have no leading zeros."""
    text = f"{bits:b}"
    sign, exponent, mantissa = text[0] == "1", int(text[1:9] or "0", 2), int(text[9:] or "0", 2)
    return _decode(sign << 15 | exponent << 7 | mantissa)


DECODE_MISTAKES = (
    Mistake(
        "sign_in_exponent",
        _sign_in_exponent,
        "the sign bit is still part of your exponent, which comes out 256 too large. Keep its "
        "last eight bits: `& 255`.",
    ),
    *in_forms(
        "wrong_bias",
        "the number that you subtract from the exponent is not 127.",
        *(_with(bias=bias) for bias in (128, 126, 15, 0, 255, 256)),
    ),
    Mistake(
        "fp16_layout",
        _with(bias=15, n_mantissa=10),
        "you split the bits as in fp16, into 5 and 10. bfloat16 has 8 bits of exponent and 7 of "
        "mantissa.",
    ),
    Mistake(
        "no_leading_one",
        _with(leading=0),
        "the leading 1 is missing. It is not stored, but it counts: 1 + mantissa / 128.",
    ),
    *in_forms(
        "wrong_fraction",
        "the mantissa is not divided by 128. It is a fraction: `mantissa / 128`.",
        *(_with(divide=by) for by in (256, 127, 1, 64, 100, 1024)),
        lambda bits: _decode(bits & ~127) if bits >> 7 & 255 < 255 else _decode(bits),
    ),
    *in_forms(
        "mask_too_narrow",
        "a mask cuts off one bit too many. `& 255` keeps eight bits, `& 127` seven.",
        lambda bits: _cut(bits, 7, 7),
        lambda bits: _cut(bits, 8, 6),
    ),
    *in_forms(
        "not_padded",
        "`bin` gives fewer than sixteen digits where the first bits are 0, so your parts begin at "
        'the wrong position. `f"{bits:016b}"` pads with zeros.',
        _not_padded,
    ),
    *in_forms(
        "no_sign",
        "the sign is missing. Where the first bit is 1 the number is negative, and zero has a sign "
        "too: return `-0.0`, a float, because the integer −0 is 0.",
        _with(signed=False),
        _where(lambda right, bits: right == 0, lambda right, bits: 0.0),
    ),
    Mistake(
        "nothing_reserved",
        _with(low="normal", special=False),
        "you use the formula for all exponents, but two are reserved: 0 for zero and the subnormal "
        "numbers, which have no leading 1, and 255 for infinity and NaN. Test for both before you "
        "compute.",
    ),
    *in_forms(
        "subnormal_as_normal",
        "numbers with an exponent of 0 are subnormal: mantissa / 128 · 2⁻¹²⁶. They have no leading "
        "1, and the power of the smallest normal numbers, 2⁻¹²⁶ and not 2⁻¹²⁷.",
        *(
            _where(which, _with_leading_one(power))
            for which in (_low, _subnormal)
            for power in (-126, -127)
        ),
        _with(low="shifted"),
    ),
    *in_forms(
        "subnormal_as_zero",
        "you return 0 for every number with an exponent of 0. It is 0 only where the mantissa is "
        "0.",
        _where(_low, lambda right, bits: 0 * right),
        _where(_low, lambda right, bits: 0.0),
    ),
    *in_forms(
        "special_values",
        "the exponent 255, and no other, is reserved: infinity, with its sign, where the mantissa "
        "is 0, and NaN where it is not.",
        _where(
            lambda right, bits: bits >> 7 & 255 == 254,
            lambda right, bits: math.nan if bits & 127 else math.copysign(math.inf, right),
        ),
        _where(
            lambda right, bits: bits >> 7 & 255 == 254,
            lambda right, bits: math.copysign(math.inf, right),
        ),
        _with(special=False),
        _where(lambda right, bits: math.isnan(right), lambda right, bits: math.inf),
        _where(
            lambda right, bits: math.isnan(right),
            lambda right, bits: -math.inf if bits >> 15 else math.inf,
        ),
        _where(lambda right, bits: math.isinf(right), lambda right, bits: math.nan),
        _where(lambda right, bits: bits >> 7 & 255 == 255, lambda right, bits: math.inf),
        _where(lambda right, bits: math.isinf(right), lambda right, bits: math.inf),
    ),
)


def _same(a: float, b: float) -> bool:
    """Whether two numbers are one: of the same sign, if they are 0, and near, if they are not."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-9) and math.copysign(1, a) == math.copysign(1, b)


@check(lab=LAB, exercise="decode_bf16")
def decode_bf16(answer):
    """decode_bf16(bits) -> the number that sixteen bits represent; bits: 0 to 65535."""
    ways = itertools.cycle((_unread, written_by_hand))  # each sees all kinds of patterns
    for way, bits in zip(ways, (*PATTERNS, *range(0, 2**16, 509)), strict=False):
        got, right = as_number(way(answer, bits)), value(bits)
        told = f"for the bits {pattern(bits)}, your result is {got:.6g}; bfloat16's is {right:.6g}."
        refuse([got], [right], DECODE_MISTAKES, [(bits,)], lambda _, told=told: told, _same)
    return "All kinds are decoded: normal, subnormal, zero, infinite and NaN."


def _unread(answer, bits: int):
    """The answer's result, refused where it lets a library read the bits.

    Raises: CheckFailed with the hint "ready_made".
    """
    seen: set[str] = set()

    def note(frame, event, function):
        of_pytorch = isinstance(getattr(function, "__self__", None), Tensor)
        if event == "c_call" and not of_pytorch:
            seen.add(getattr(function, "__name__", ""))

    before = sys.getprofile()
    with _Views() as views:
        sys.setprofile(note)
        try:
            result = answer(bits)
        finally:
            sys.setprofile(before)
    if found := (seen | views.seen) & READY_MADE:
        raise CheckFailed(
            f"your code calls {min(found)}, which interprets the bits for you. Decode them "
            "yourself: `>>`, `&` and powers of 2 will do.",
            hint="ready_made",
        )
    return result


class _Views(TorchFunctionMode):
    """Notes where a tensor's bits are read as another type; `view` with a shape is harmless."""

    def __init__(self):
        super().__init__()
        self.seen: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        given = (*args, *(kwargs or {}).values())
        if any(isinstance(one, torch.dtype) for one in given):
            self.seen.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))
