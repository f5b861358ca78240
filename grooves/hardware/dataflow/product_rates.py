"""Utilisation: how much of its arithmetic a machine uses for one user, and for many at once.

Key idea: at batch 1 a layer is a vector times a matrix, in which each weight takes part in one
multiplication: 2 operations per byte at 8 bits, 1 at 16, 1/2 at 32. No machine fetches bytes fast
enough for that, so its arithmetic units are idle most of the time. With 64 users the same weights
serve 64 vectors, and the intensity is 64 times as large. Chapter 14; `grooves.hardware.roofline`
counts the operations.
Source: Williams, Waterman & Patterson 2009, Communications of the ACM 52(4), 65-76.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grooves.hardware import roofline
from grooves.hardware.timing import measure, one_thread, processor_time

FORMATS = {  # name -> PyTorch's type, bytes per value; 16 bits as this type of CPU multiplies them
    "fp32": (torch.float32, 4),
    "bf16": (torch.bfloat16, 2),
    "int8": (torch.int8, 1),
}


@dataclass(frozen=True)
class Rate:
    """What a (batch, size) times (size, size) product reaches on this machine."""

    precision: str
    batch: int
    size: int
    intensity: float  # operations per byte that must be moved at least once
    ops_per_s: float
    bytes_per_s: float
    seconds: float  # the median

    def utilisation(self, peak_ops_per_s: float) -> float:
        """The part of a peak that it uses."""
        return self.ops_per_s / peak_ops_per_s


def product_rates(
    size: int = 4096,
    batches: Sequence[int] = (1, 64),
    precisions: Sequence[str] = tuple(FORMATS),
    min_s: float = 0.05,
) -> list[Rate]:
    """Time products with one matrix of `size` rows and columns, on one core, in processor time.

    The matrix should be larger than the caches: 4,096 rows are 64 MB in fp32 and 16 MB in int8.
    Raises: ValueError for a precision that is not in `FORMATS`.
    """
    found = []
    for precision in precisions:
        if precision not in FORMATS:
            raise ValueError(f"{precision=} is unknown: choose from {', '.join(FORMATS)}")
        dtype, n_bytes = FORMATS[precision]
        weights = _numbers((size, size), dtype)
        for batch in batches:
            x = _numbers((batch, size), dtype)
            multiply = torch._int_mm if dtype is torch.int8 else torch.mm
            with one_thread(), torch.inference_mode():
                timing = measure(
                    lambda x=x, w=weights, f=multiply: f(x, w),
                    min_s=min_s,
                    place=torch.device("cpu"),
                    clock=processor_time,
                )
            need = roofline.matmul(batch, size, size, n_bytes)
            seconds = timing.median_s
            found.append(
                Rate(
                    precision,
                    batch,
                    size,
                    need.intensity,
                    need.flops / seconds,
                    need.n_bytes / seconds,
                    seconds,
                )
            )
    return found


def _numbers(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Numbers between 0 and 1, or between -127 and 127."""
    generator = torch.Generator().manual_seed(0)
    if dtype is torch.int8:
        return torch.randint(-127, 128, shape, generator=generator, dtype=dtype)
    return torch.rand(shape, generator=generator).to(dtype)
