"""Number formats: every pattern of 16 and 8 bits against PyTorch, and the limits."""

import math
import random
import struct

import numpy as np
import pytest
import torch

from grooves.precision.formats import (
    BF16,
    FORMATS,
    FP8_E4M3,
    FP8_E5M2,
    FP16,
    FP32,
    INT4,
    INT8,
    TF32,
    Format,
)

DTYPES = {
    BF16: torch.bfloat16,
    FP16: torch.float16,
    FP8_E4M3: torch.float8_e4m3fn,
    FP8_E5M2: torch.float8_e5m2,
}
WHOLE = {16: (torch.int16, np.int16), 8: (torch.int8, np.int8)}


def all_values(number_format):
    """What PyTorch makes of every pattern, in order, as 64-bit floats."""
    signed = WHOLE[number_format.bits][1]
    patterns = np.arange(2**number_format.bits, dtype=np.int64).astype(signed)
    return torch.from_numpy(patterns).view(DTYPES[number_format]).double().numpy()


def torch_bits(number_format, values):
    """The patterns that PyTorch rounds 32-bit numbers to."""
    rounded = torch.from_numpy(values).to(DTYPES[number_format])
    patterns = rounded.view(WHOLE[number_format.bits][0]).numpy().astype(np.int64)
    return patterns & (2**number_format.bits - 1)


def same(a, b):
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(
        np.signbit(a)[~np.isnan(a)], np.signbit(b)[~np.isnan(b)]
    )


@pytest.mark.parametrize("number_format", DTYPES, ids=lambda f: f.name)
def test_every_pattern_of_16_and_8_bits_means_what_it_means_in_torch(number_format):
    own = [number_format.decode(bits) for bits in range(2**number_format.bits)]
    assert same(np.array(own), all_values(number_format))


@pytest.mark.parametrize("number_format", DTYPES, ids=lambda f: f.name)
def test_numbers_between_two_patterns_are_rounded_as_in_torch(number_format):
    values = all_values(number_format)
    finite = np.unique(values[np.isfinite(values)])
    middles = ((finite[1:] + finite[:-1]) / 2).astype(np.float32)  # exact ties
    near = [np.nextafter(middles, np.float32(side)) for side in (np.inf, -np.inf)]
    top = (finite[-1] * np.array([1, 1.0001, 1.001, 1.02, 1.05, 1.07, 2])).clip(max=3.4e38)
    top = top.astype(np.float32)  # around where rounding begins to overflow
    asked = np.concatenate([finite.astype(np.float32), middles, *near, top, -top])
    asked = asked[:: max(1, len(asked) // 20_000)]
    asked = np.concatenate([asked, np.float32([np.inf, -np.inf, 0.0, -0.0])])
    own = np.array([number_format.encode(value) for value in asked.tolist()])
    assert np.array_equal(own, torch_bits(number_format, asked))


def test_nan_stays_nan_and_32_bits_agree_with_the_machine():
    for number_format in FORMATS.values():
        if number_format.has_nan:
            assert math.isnan(number_format.round(math.nan))
    rng = random.Random(0)
    for _ in range(3_000):
        bits = rng.getrandbits(32)
        (value,) = struct.unpack("<f", struct.pack("<I", bits))
        if not math.isnan(value):
            assert FP32.decode(bits) == value and FP32.encode(value) == bits
            nudged = value * (1 + rng.uniform(-1, 1) * 2**-24)
            assert FP32.round(nudged) == float(np.float32(nudged))


def test_tf32_is_fp32_without_its_last_13_bits():
    rng = random.Random(1)
    for _ in range(2_000):
        bits = rng.randrange(255 << 10)  # finite
        assert TF32.decode(bits) == FP32.decode(bits << 13)
        between = FP32.decode((bits << 13) + rng.randrange(1, 2**12))  # in the lower half
        assert TF32.encode(between) == bits
    assert TF32.bits == 19


def test_whole_numbers_are_twos_complement_and_stay_at_the_limit():
    for number_format in (INT8, INT4):
        n = 2**number_format.bits
        assert [number_format.decode(b) for b in range(n)] == [
            *range(n // 2), *range(-n // 2, 0)
        ]  # fmt: skip
        assert all(number_format.encode(number_format.decode(b)) == b for b in range(n))
    assert INT8.round(1000) == 127 and INT8.round(-math.inf) == -128
    assert [INT4.round(x) for x in (0.5, 1.5, -2.5, 6.6)] == [0, 2, -2, 7]
    with pytest.raises(ValueError, match="int4 cannot hold it"):
        INT4.encode(math.nan)


def test_limits_are_those_of_the_published_tables():
    for number_format, dtype in DTYPES.items():
        info = torch.finfo(dtype)
        assert number_format.largest == info.max
        assert number_format.smallest_normal == info.smallest_normal
        assert number_format.spacing(1.0) == info.eps
    assert (FP8_E4M3.largest, FP8_E4M3.smallest) == (448, 2**-9)  # arXiv:2209.05433, table 1
    assert (FP8_E5M2.largest, FP8_E5M2.smallest) == (57344, 2**-16)
    assert FP16.spacing(2048) == 2 and FP16.round(2049) == 2048 and BF16.round(257) == 256
    assert FP16.spacing(0) == FP16.spacing(1e-6) == FP16.smallest == 2**-24


def test_a_pattern_is_shown_in_its_parts_and_a_wrong_one_refused():
    assert BF16.pattern(BF16.encode(-1.5)) == "1 01111111 1000000"
    assert BF16.split(0b1_01111111_1000000) == (1, 127, 64)
    assert INT4.pattern(INT4.encode(-1)) == "1 111"
    tiny = Format("fp4 e2m1", 2, 1, infinities=False)
    assert tiny.bits == 4 and tiny.decode(0b0110) == 4
    for bits in (-1, 16):
        with pytest.raises(ValueError, match="no pattern of int4"):
            INT4.decode(bits)
