"""Check of lab 12: sixteen bits decoded by hand (chapter 12).

Key idea: every kind of pattern is asked for, normal, subnormal, zero, infinite and no number, and
each result must be the exact value, the sign of a zero included. What a pattern means is read off
PyTorch, which an answer may therefore not do.
"""

from __future__ import annotations

import math
import sys

import torch

from grooves.checks import CheckFailed, check
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.precision_memory.rules import LAB, NUMBER, as_number, refuse

PATTERNS = (
    0b0_10000000_1001001,  # 3.140625
    0b1_01111110_1000000,  # -0.75
    0b0_01111111_0000000,  # 1
    0b0_11111110_1111111,  # the largest
    0b1_10010110_0000101,
    0b1_10000001_0000000,  # -4
    0b0_00000001_0000000,  # the smallest normal one
    0b0_00000000_0000001,  # the smallest of all
    0b1_00000000_1010101,
    0b0_00000000_0000000,
    0b1_00000000_0000000,  # minus zero
    0b0_11111111_0000000,
    0b1_11111111_0000000,
    0b0_11111111_1000001,  # no number
    0b1_11111111_1111111,
)
READY_MADE = {"unpack", "unpack_from", "iter_unpack", "view", "frombuffer"}


def pattern(bits: int) -> str:
    """Bits as a message shows them: 0 10000000 1001001."""
    text = f"{bits:016b}"
    return f"{text[0]} {text[1:9]} {text[9:]}"


def value(bits: int) -> float:
    """What a pattern means, by PyTorch."""
    signed = bits - 2**16 if bits >= 2**15 else bits
    return torch.tensor([signed], dtype=torch.int16).view(torch.bfloat16).double().item()


def _decode(
    bits, bias=127, n_mantissa=7, leading=1, divide=None, signed=True, low=None, special=True
):
    """By formula, with a place for each mistake. low: how the lowest exponent is read."""
    n_exponent = 15 - n_mantissa
    mantissa = bits % 2**n_mantissa
    exponent = bits >> n_mantissa & (2**n_exponent - 1)
    sign = -1 if signed and bits >> 15 else 1
    fraction = mantissa / (divide or 2**n_mantissa)
    if special and exponent == 2**n_exponent - 1:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0 and low != "normal":
        return sign * fraction * 2.0 ** ((0 if low == "shifted" else 1) - bias)
    return sign * (leading + fraction) * 2.0 ** (exponent - bias)


def _power(exponent):
    """2 to a stored exponent less its bias."""
    return 2.0 ** (exponent - 127)


def _with(**changes):
    return lambda bits: _decode(bits, **changes)


def _where(condition, then):
    """The right value, but for patterns of one kind: condition and then get (right value, bits)."""

    def compute(bits):
        right = _decode(bits)
        return then(right, bits) if condition(right, bits) else right

    return compute


DECODE_MISTAKES = (
    Mistake(
        "sign_in_exponent",
        lambda bits: _decode(bits) if bits < 2**15 else -(1 + bits % 128 / 128) * _power(bits >> 7),
        "the sign is still in your exponent, which comes out 256 too large. Keep the last eight "
        "bits of it: `& 255`.",
    ),
    Mistake("bias_128", _with(bias=128), "you take 128 off the exponent. It is 127, 2⁷ − 1."),
    Mistake("bias_15", _with(bias=15), "15 is the bias of 5 bits. With 8 bits it is 127."),
    Mistake(
        "not_biased", _with(bias=0), "nothing is taken off the exponent. It is stored with 127."
    ),
    Mistake(
        "fp16_split",
        _with(bias=15, n_mantissa=10),
        "you split the bits as fp16 does, 5 and 10. bfloat16 has 8 of exponent, 7 of mantissa.",
    ),
    Mistake(
        "no_leading_one",
        _with(leading=0),
        "the leading one is missing. It is not stored, and counts: 1 + mantissa / 128.",
    ),
    Mistake(
        "divided_by_256",
        _with(divide=256),
        "the mantissa is divided by 256. It has 7 bits, so by 128.",
    ),
    Mistake(
        "divided_by_127",
        _with(divide=127),
        "the mantissa is divided by 127. Seven bits count 128ths.",
    ),
    Mistake("not_divided", _with(divide=1), "the mantissa counts 128ths: divide it by 128."),
    Mistake(
        "whole_division",
        lambda bits: _decode(bits >> 7 << 7) if bits & 127 < 128 else 0,
        "the mantissa is lost. `//` rounds it down to 0; `/` keeps the fraction.",
    ),
    Mistake("no_sign", _with(signed=False), "the sign is missing. The first bit says minus."),
    Mistake(
        "times_the_bit",
        lambda bits: -(bits >> 15) * _decode(bits, signed=False),
        "you multiply by the sign's bit, and 0 makes everything 0. It is (−1) to that power.",
    ),
    Mistake(
        "subnormal_as_normal",
        _with(low="normal"),
        "with the exponent 0 there is no leading one. Such numbers are subnormal: "
        "mantissa / 128 · 2⁻¹²⁶.",
    ),
    Mistake(
        "subnormal_shifted",
        _with(low="shifted"),
        "subnormal numbers have the power of the smallest normal ones, 2⁻¹²⁶, not 2⁻¹²⁷.",
    ),
    Mistake(
        "subnormal_as_zero",
        _where(lambda right, bits: bits >> 7 & 255 == 0, lambda right, bits: 0 * right),
        "you take every number with the exponent 0 for 0. Only a mantissa of 0 makes it 0.",
    ),
    Mistake(
        "nothing_special",
        _with(special=False),
        "the exponent 255 is set aside: infinity where the mantissa is 0, else not a number.",
    ),
    Mistake(
        "nan_as_infinity",
        _where(lambda right, bits: math.isnan(right), lambda right, bits: math.inf),
        "with the exponent 255 and a mantissa that is not 0 the pattern is NaN.",
    ),
    Mistake(
        "nan_as_infinity",
        _where(
            lambda right, bits: math.isnan(right),
            lambda right, bits: -math.inf if bits >> 15 else math.inf,
        ),
        "with the exponent 255 and a mantissa that is not 0 the pattern is NaN.",
    ),
    Mistake(
        "all_nan",
        _where(lambda right, bits: math.isinf(right), lambda right, bits: math.nan),
        "with the exponent 255 and a mantissa of 0 the pattern is infinity.",
    ),
    Mistake(
        "infinity_unsigned",
        _where(lambda right, bits: math.isinf(right), lambda right, bits: math.inf),
        "infinity has a sign too.",
    ),
    Mistake(
        "zero_unsigned",
        _where(lambda right, bits: right == 0, lambda right, bits: 0.0),
        "there are two zeros. They are equal, and the second has a minus: return -0.0.",
    ),
)


def _same(a: float, b: float) -> bool:
    """Whether two numbers are one: of the same sign, if they are 0, and near, if they are not."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-6) and math.copysign(1, a) == math.copysign(1, b)


@check(lab=LAB, exercise="decode_bf16", points=2, returns=NUMBER)
def decode_bf16(answer):
    """decode_bf16(bits) -> the number that sixteen bits mean; bits: 0 to 65535."""
    ways = [_unread, written_by_hand, *[lambda answer, bits: answer(bits)] * (len(PATTERNS) - 2)]
    got = [as_number(way(answer, bits)) for way, bits in zip(ways, PATTERNS, strict=True)]
    expected = [value(bits) for bits in PATTERNS]

    def said(i):
        return (
            f"for the bits {pattern(PATTERNS[i])}, your result is {got[i]:.6g}; bfloat16's is "
            f"{expected[i]:.6g}."
        )

    refuse(got, expected, DECODE_MISTAKES, [(bits,) for bits in PATTERNS], said, _same)
    return "All kinds are read rightly: normal, subnormal, zero, infinite, and no number."


def _unread(answer, bits: int):
    """The answer's result, refused where it lets a library read the bits.

    Raises: CheckFailed with the hint "ready_made".
    """
    seen: set[str] = set()

    def note(frame, event, function):
        if event == "c_call":
            seen.add(getattr(function, "__name__", ""))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        result = answer(bits)
    finally:
        sys.setprofile(before)
    if found := seen & READY_MADE:
        raise CheckFailed(
            f"your code calls {min(found)}, which reads the bits for you. Take them apart "
            "yourself: `>>`, `&` and powers of 2 will do.",
            hint="ready_made",
        )
    return result
