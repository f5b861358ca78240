"""Block formats: small floats that share a scale, as the hardware of 2025 computes with them.

Key idea: a 4-bit float has eight magnitudes, so a block of weights shares a scale that brings its
largest within their range. The formats differ in the size of the block and in the scale: a power of
two (MX), a float of 8 bits (NVFP4), or 16 levels chosen for normally distributed weights (NF4).
Chapter 12. Sources: OCP Microscaling Formats (MX) Specification v1.0, 2023; NVIDIA 2025,
"Pretraining Large Language Models with NVFP4", arXiv:2509.25149; Dettmers et al. 2023 (QLoRA),
arXiv:2305.14314.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import torch
from torch import Tensor, nn

from grooves.precision.formats import FP4_E2M1, FP8_E4M3, Format, decode_e8m0
from grooves.precision.quantize import matrices

SCALE_BITS = {"e8m0": 8, "e4m3": 8, "bf16": 16}


@dataclass(frozen=True)
class BlockFormat:
    """A format in which `block` neighbouring weights of a row share one scale.

    levels: what each bit pattern of an element represents, in units of the scale. scale: one of
    `SCALE_BITS`; "e4m3" comes with one more scale of 32 bits for the whole matrix.
    """

    name: str
    levels: tuple[float, ...]
    block: int
    scale: str

    @property
    def element_bits(self) -> int:
        """Bits of one element, without its part of the scale."""
        return int(math.log2(len(self.levels)))

    @property
    def bits_per_weight(self) -> float:
        """Bits of one weight with its part of the block's scale."""
        return self.element_bits + SCALE_BITS[self.scale] / self.block

    @property
    def largest(self) -> float:
        """The largest level."""
        return max(level for level in self.levels if math.isfinite(level))


@dataclass(frozen=True)
class Blocks:
    """A matrix in a block format: patterns of elements (G, block) and of scales (G,), as integers.

    tensor_scale: the scale of the whole matrix, 1 where the format has none.
    """

    codes: Tensor
    scales: Tensor
    tensor_scale: float
    shape: tuple[int, int]


def nf4_levels() -> tuple[float, ...]:
    """The 16 levels of NF4: quantiles of the normal distribution, scaled to -1 to 1, with a zero.

    Eight levels above zero and seven below it, each the middle of an equal share of the normal
    distribution, up to a tail that is cut off. Source: Dettmers et al. 2023, section 3, and the
    reference implementation's offset, the mean of two quantiles.
    """
    end = 0.5 * ((1 - 1 / 32) + (1 - 1 / 30))  # where the tail is cut off: 0.9677
    steps = lambda n: [end + (0.5 - end) * k / n for k in range(n)]  # noqa: E731
    quantile = NormalDist().inv_cdf
    above = [quantile(p) for p in reversed(steps(8))]
    below = [-quantile(p) for p in steps(7)]
    return tuple(float(level / above[-1]) for level in (*below, 0.0, *above))


def _levels(element: Format) -> tuple[float, ...]:
    return tuple(element.decode(bits) for bits in range(2**element.bits))


MXFP8 = BlockFormat("mxfp8", _levels(FP8_E4M3), 32, "e8m0")
MXFP4 = BlockFormat("mxfp4", _levels(FP4_E2M1), 32, "e8m0")
NVFP4 = BlockFormat("nvfp4", _levels(FP4_E2M1), 16, "e4m3")
NF4 = BlockFormat("nf4", nf4_levels(), 64, "bf16")
BLOCK_FORMATS = {one.name: one for one in (MXFP8, MXFP4, NVFP4, NF4)}


# ---- from weights to bits and back --------------------------------------------------------------


def encode(weight: Tensor, form: BlockFormat) -> Blocks:
    """The bits of a matrix in a block format. weight: (R, C), C a multiple of the block.

    Raises: ValueError where a row is not made of whole blocks, or a weight is not finite.
    """
    if not torch.isfinite(weight).all():
        raise ValueError("a weight is infinite or not a number: it has no scale")
    if weight.size(1) % form.block:
        raise ValueError(f"rows of {weight.size(1)} are not made of whole blocks of {form.block}")
    groups = weight.detach().float().reshape(-1, form.block)  # (G, block)
    largest = groups.abs().amax(1)  # (G,)
    tensor_scale = 1.0
    if form.scale == "e8m0":  # the power of two that takes the largest to the top power of two
        top = math.floor(math.log2(form.largest))
        exponent = torch.frexp(largest).exponent - 1 - top
        scales = (exponent + 127).clamp(0, 254).where(largest > 0, torch.tensor(127))
    elif form.scale == "e4m3":  # the matrix's scale takes the largest block to the top of e4m3
        tensor_scale = float(largest.max()) / form.largest / FP8_E4M3.largest or 1.0
        wanted = largest / form.largest / tensor_scale
        scales = wanted.to(torch.float8_e4m3fn).view(torch.uint8)
    else:
        scales = (largest / form.largest).bfloat16().view(torch.int16)
    factors = scale_values(scales, form) * tensor_scale  # (G,)
    scaled = groups / factors.where(factors > 0, torch.tensor(1.0))[:, None]
    return Blocks(_nearest(scaled, form), scales, tensor_scale, tuple(weight.shape))


def decode(blocks: Blocks, form: BlockFormat) -> Tensor:
    """The matrix that bits represent, at 32 bits, (R, C)."""
    levels = torch.tensor(form.levels, dtype=torch.float32)
    factors = scale_values(blocks.scales, form) * blocks.tensor_scale
    return (levels[blocks.codes.long()] * factors[:, None]).view(blocks.shape)


def rounded(weight: Tensor, form: BlockFormat) -> Tensor:
    """A matrix as a block format represents it, at 32 bits, on the device it was on."""
    return decode(encode(weight.cpu(), form), form).to(weight.device)


def scale_values(scales: Tensor, form: BlockFormat) -> Tensor:
    """The numbers that patterns of scales represent, (G,)."""
    if form.scale == "e8m0":
        table = torch.tensor([decode_e8m0(bits) for bits in range(256)])
        return table[scales.long()].float()
    return scales.view(torch.float8_e4m3fn if form.scale == "e4m3" else torch.bfloat16).float()


def with_rounded(
    model: nn.Module, rounding: Callable[[Tensor], Tensor], skip: tuple[str, ...] = ()
) -> nn.Module:
    """A copy of a model whose matrices went through `rounding`: (R, C) -> (R, C).

    skip: names of matrices that stay as they are. Memory is not saved: the copy has 32 bits.
    """
    other = copy.deepcopy(model)
    with torch.no_grad():
        for name, weight in matrices(other).items():
            if name not in skip:
                weight.copy_(rounding(weight))
    return other.eval()


# ---- what the above is made of ------------------------------------------------------------------


@cache
def _order(form: BlockFormat) -> tuple[Tensor, Tensor]:
    """Patterns in the order of their levels, and the middles between neighbours; -0 is left out."""
    found = [
        (level, bits)
        for bits, level in enumerate(form.levels)
        if math.isfinite(level) and not (level == 0 and math.copysign(1, level) < 0)
    ]
    levels, patterns = zip(*sorted(found), strict=True)
    levels = torch.tensor(levels, dtype=torch.float64)
    return torch.tensor(patterns), (levels[1:] + levels[:-1]) / 2


def _nearest(scaled: Tensor, form: BlockFormat) -> Tensor:
    """Patterns of the nearest levels; of two equally near, the even one."""
    patterns, middles = _order(form)
    scaled = scaled.double()
    low = patterns[torch.bucketize(scaled, middles)]
    high = patterns[torch.bucketize(scaled, middles, right=True)]
    return torch.where(low % 2 == 0, low, high).to(torch.uint8)
