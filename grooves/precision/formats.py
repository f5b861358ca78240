"""Number formats down to the bit: which numbers 32, 16, 8 or 4 bits can represent.

Key idea: a floating-point number is a sign, an exponent and a mantissa. The exponent's bits give
range, the mantissa's bits give precision, and a format is a decision about the split.
Chapter 12. Source: IEEE 754-2019, section 3.4; for 8 bits Micikevicius et al. 2022,
arXiv:2209.05433, table 1; for E2M1 and E8M0 the OCP Microscaling Formats (MX) Specification v1.0,
2023, section 5.3 and 5.4 (Rouhani et al. 2023, arXiv:2310.10537).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A number format: one bit of sign, then exponent, then mantissa, the sign leftmost.

    exponent_bits: 0 for an integer in two's complement. infinities: whether the highest exponent
    is reserved for infinities and NaNs, as in IEEE 754. Without them `n_nan` patterns, the highest
    of each sign, are NaN (1, or 0 in 4 bits), and the rest of that exponent are numbers.
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    infinities: bool = True
    n_nan: int = 1

    # ---- sizes and limits -----------------------------------------------------------------------

    @property
    def bits(self) -> int:
        """Bits of one number, the sign included."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def bias(self) -> int:
        """What is subtracted from the stored exponent, so that it can be negative."""
        return 2 ** (self.exponent_bits - 1) - 1

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer format, without an exponent."""
        return self.exponent_bits == 0

    @property
    def has_nan(self) -> bool:
        """Whether there is a pattern for "not a number"."""
        return not self.is_integer and (self.infinities or self.n_nan > 0)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        if self.is_integer:
            return 2**self.mantissa_bits - 1
        return self.decode(self._largest_bits)

    @property
    def smallest_normal(self) -> float:
        """The smallest positive number whose mantissa has its leading one."""
        return 1 if self.is_integer else 2.0 ** (1 - self.bias)

    @property
    def smallest(self) -> float:
        """The smallest positive number; below `smallest_normal` the steps no longer shrink."""
        return 1 if self.is_integer else 2.0 ** (1 - self.bias - self.mantissa_bits)

    def spacing(self, value: float) -> float:
        """From |value| to the next larger number of the format. value: finite.

        The largest rounding error is half of it.
        """
        if self.is_integer:
            return 1
        return math.ldexp(1.0, self._exponent(abs(value)) - self.mantissa_bits)

    # ---- from bits to a number and back ---------------------------------------------------------

    def split(self, bits: int) -> tuple[int, int, int]:
        """Sign, exponent and mantissa as they are stored.

        Raises: ValueError where `bits` is no pattern of this format.
        """
        self._check(bits)
        mantissa = bits & (2**self.mantissa_bits - 1)
        exponent = (bits >> self.mantissa_bits) & (2**self.exponent_bits - 1)
        return bits >> (self.bits - 1), exponent, mantissa

    def decode(self, bits: int) -> float:
        """The number that a bit pattern represents: a float, or an int for an integer format.

        bits: 0 to 2 ** self.bits - 1. Raises: ValueError where it is not.
        """
        sign, exponent, mantissa = self.split(bits)
        if self.is_integer:
            return mantissa - sign * 2**self.mantissa_bits
        if self._is_special(bits):
            return math.nan if mantissa or not self.infinities else math.inf * (-1) ** sign
        if exponent == 0:  # subnormal: no leading one, and the exponent of the smallest normal
            magnitude = math.ldexp(mantissa, 1 - self.bias - self.mantissa_bits)
        else:  # normal: a leading one that is not stored
            significand = 2**self.mantissa_bits + mantissa
            magnitude = math.ldexp(significand, exponent - self.bias - self.mantissa_bits)
        return -magnitude if sign else magnitude

    def encode(self, value: float) -> int:
        """The bit pattern nearest to a number; of two equally near, the one that ends in 0.

        What is too large becomes infinity. A format without infinities saturates: integers do,
        fp4, and fp8 e4m3 as in PyTorch (its specification allows NaN as well).
        Raises: ValueError for a NaN where the format has none.
        """
        if math.isnan(value) and not self.has_nan:
            raise ValueError(f"{value=} is not a number: {self.name} cannot hold it")
        if self.is_integer:
            low, high = -(2**self.mantissa_bits), self.largest
            whole = value if math.isinf(value) else round(value)  # half to even
            return int(min(max(whole, low), high)) & (2**self.bits - 1)
        sign = int(math.copysign(1, value) < 0) << (self.bits - 1)
        return sign | self._magnitude_bits(abs(value))

    def round(self, value: float) -> float:
        """The number of this format that is nearest to `value`."""
        return self.decode(self.encode(value))

    def pattern(self, bits: int) -> str:
        """The bits as text, with a space between sign, exponent and mantissa."""
        self._check(bits)
        text = format(bits, f"0{self.bits}b")
        parts = (text[:1], text[1 : 1 + self.exponent_bits], text[1 + self.exponent_bits :])
        return " ".join(part for part in parts if part)

    # ---- what the above is made of --------------------------------------------------------------

    @property
    def _largest_bits(self) -> int:
        """The pattern of the largest finite number; the patterns above it are special."""
        ones = 2 ** (self.bits - 1) - 1
        return ones - 2**self.mantissa_bits if self.infinities else ones - self.n_nan

    def _is_special(self, bits: int) -> bool:
        return bits & (2 ** (self.bits - 1) - 1) > self._largest_bits

    def _exponent(self, magnitude: float) -> int:
        """The power of two at or below a magnitude, but none below the smallest normal's."""
        return max(math.frexp(magnitude)[1] - 1 if magnitude else -1100, 1 - self.bias)

    def _magnitude_bits(self, magnitude: float) -> int:
        overflow = self._largest_bits + self.infinities
        if math.isnan(magnitude):
            return 2 ** (self.bits - 1) - 1
        if math.isinf(magnitude):
            return overflow
        exponent = self._exponent(magnitude)
        # How many steps of this exponent's spacing: exact, but for the rounding, half to even.
        steps = round(math.ldexp(magnitude, self.mantissa_bits - exponent))
        # The leading one adds 1 to the exponent's field, and so does a mantissa that overflows:
        # that is why patterns in order are numbers in order.
        field = (exponent + self.bias - 1) << self.mantissa_bits
        return min(field + steps, overflow)

    def _check(self, bits: int) -> None:
        if not 0 <= bits < 2**self.bits:
            raise ValueError(f"{bits=} is no pattern of {self.name}, which has {self.bits} bits")


FP32 = Format("fp32", 8, 23)
TF32 = Format("tf32", 8, 10)  # computed with by tensor cores, and stored as fp32
BF16 = Format("bf16", 8, 7)
FP16 = Format("fp16", 5, 10)
FP8_E4M3 = Format("fp8 e4m3", 4, 3, infinities=False)
FP8_E5M2 = Format("fp8 e5m2", 5, 2)
FP6_E3M2 = Format("fp6 e3m2", 3, 2, infinities=False, n_nan=0)
FP4_E2M1 = Format("fp4 e2m1", 2, 1, infinities=False, n_nan=0)
INT8 = Format("int8", 0, 7)
INT4 = Format("int4", 0, 3)

ALL = (FP32, TF32, BF16, FP16, FP8_E4M3, FP8_E5M2, FP6_E3M2, FP4_E2M1, INT8, INT4)
FORMATS = {one.name: one for one in ALL}


def decode_e8m0(bits: int) -> float:
    """The power of two that the 8 bits of an MX scale represent: an exponent and nothing else.

    bits: 0 to 255; 255 is NaN. Raises: ValueError for anything else.
    """
    if not 0 <= bits < 256:
        raise ValueError(f"{bits=} is no pattern of e8m0, which has 8 bits")
    return math.nan if bits == 255 else 2.0 ** (bits - 127)
