"""Check of lab 12: a matrix product of codes, with the scales taken out of the sum (chapter 12).

Key idea: the right product is that of the matrices that codes and scales stand for, computed at
64 bits. The codes are large, so that a sum kept in too few bits shows; and once large products
cancel, so that scaling before the sum shows, which rounds each of them.
Letters: B texts, C channels that are summed over, R outputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.arrays import NOT_THIS, judge
from grooves.checks.compare import Mistake, as_tensor, close, shape_of, written_by_hand
from grooves.checks.precision_memory.rules import LAB, SHOULD

ROUNDED = 0.2  # more than scaling first is off; a sum that is one off is 0.49 off at the least


def case(seed: int, B: int, C: int, R: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes and scales of inputs (B, C), (B,) and of weights (R, C), (R,)."""
    random = torch.Generator().manual_seed(seed)
    x, w = (torch.randint(40, 128, shape, generator=random) for shape in ((B, C), (R, C)))
    w[:, ::4] *= -1
    x_scales, w_scales = (0.002 * 1.6 ** torch.randperm(n, generator=random) for n in (B, R))
    return x.to(torch.int8), x_scales, w.to(torch.int8), w_scales


def cancelling(seed: int, B: int, C: int, R: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `case`, with sums that are small beside their products; scales are near 1.

    Each row of weights has its first half with a minus as its second; inputs differ by 1 there.
    """
    random = torch.Generator().manual_seed(seed)
    x, w = (torch.randint(90, 127, shape, generator=random) for shape in ((B, C), (R, C)))
    x[:, C // 2 :], w[:, C // 2 :] = x[:, : C // 2], -w[:, : C // 2]
    x[:, C // 2 :: 2] += 1
    x[:, C // 2 + 1 :: 2] -= 1
    x_scales, w_scales = (0.7 + torch.rand(n, generator=random) for n in (B, R))
    return x.to(torch.int8), x_scales, w.to(torch.int8), w_scales


def _sums(x, w, bits=64):
    """Products of codes summed up, in whole numbers of so many bits, which wrap round."""
    total = np.asarray(x, dtype=np.int64) @ np.asarray(w, dtype=np.int64).T  # (B, R)
    half = 2 ** (bits - 1)
    return total if bits == 64 else (total + half) % (2 * half) - half


def _scaled(total, x_scales, w_scales):
    return total * np.asarray(x_scales, dtype=float)[:, None] * np.asarray(w_scales, dtype=float)


def _turned(x, x_scales, w, w_scales):
    """Without the transpose, where that fits."""
    if x.shape[1] != w.shape[0]:
        return NOT_THIS
    total = np.asarray(x, dtype=float) @ np.asarray(w, dtype=float)
    return _scaled(total, x_scales, w_scales) if total.shape[1] == len(w_scales) else NOT_THIS


def _exchanged(x, x_scales, w, w_scales):
    """Each scale along the other axis, where that fits."""
    if len(x) != len(w):
        return NOT_THIS
    return _scaled(_sums(x, w), w_scales, x_scales)


def _one_axis(keep):
    """Both scales along one axis."""

    def compute(x, x_scales, w, w_scales):
        if len(x) != len(w):
            return NOT_THIS
        both = np.asarray(x_scales * w_scales, dtype=float)
        return _sums(x, w) * (both[:, None] if keep == 0 else both)

    return compute


PRODUCT_MISTAKES = (
    Mistake(
        "wrapped_at_8",
        lambda x, a, w, b: _scaled(_sums(x, w, 8), a, b),
        "the sum was kept in int8, which ends at 127 and wraps round without a word. Make the "
        "codes larger numbers first: `.int()`, or `.float()`.",
    ),
    Mistake(
        "wrapped_at_16",
        lambda x, a, w, b: _scaled(_sums(x, w, 16), a, b),
        "the sum was kept in 16 bits, which end at 32,767. Three products of 127 · 127 are more.",
    ),
    Mistake(
        "rounded_sum",
        lambda x, a, w, b: _scaled((x.half() @ w.half().T).double().numpy(), a, b),
        "the sum was kept in fp16, which tells whole numbers apart up to 2,048 only.",
    ),
    Mistake(
        "not_turned",
        _turned,
        "the weights were not transposed. Their rows are outputs; on a square matrix nothing "
        "complains.",
    ),
    Mistake(
        "no_scales",
        lambda x, a, w, b: _sums(x, w),
        "those are sums of codes. Both scales are missing.",
    ),
    Mistake(
        "no_input_scale",
        lambda x, a, w, b: _scaled(_sums(x, w), 0 * a + 1, b),
        "the scales of the inputs are missing.",
    ),
    Mistake(
        "no_weight_scale",
        lambda x, a, w, b: _scaled(_sums(x, w), a, 0 * b + 1),
        "the scales of the weights are missing.",
    ),
    Mistake(
        "divided",
        lambda x, a, w, b: _scaled(_sums(x, w), 1 / a, 1 / b),
        "you divided by the scales. Codes times scales are the numbers.",
    ),
    Mistake(
        "scales_added",
        lambda x, a, w, b: _sums(x, w) * (np.asarray(a)[:, None] + np.asarray(b)),
        "the scales are added. The number in row i and column j is multiplied by both.",
    ),
    Mistake(
        "axes_exchanged",
        _exchanged,
        "each scale is on the other's axis. Those of the inputs belong to rows: `[:, None]`.",
    ),
    Mistake(
        "all_in_rows", _one_axis(0), "both scales go along the rows. Those of the weights do not."
    ),
    Mistake(
        "all_in_columns",
        _one_axis(1),
        "both scales go along the columns. Those of the inputs want `[:, None]`.",
    ),
)


@check(lab=LAB, exercise="int8_product", points=1, returns=(Tensor, np.ndarray, list))
def int8_product(answer):
    """int8_product(x_codes, x_scales, w_codes, w_scales) -> (B, R), the product x Wᵀ."""

    def in_numpy(call):
        return lambda *inputs: as_tensor(call(*inputs)).numpy()

    def in_order(x, x_scales, w, w_scales):
        """The answer, refused where it is off by what rounding before the sum makes."""
        got = as_tensor(answer(x, x_scales, w, w_scales))
        right = as_tensor(_scaled(_sums(x, w), x_scales, w_scales))
        if got.shape == right.shape and not close(got, right):
            off = float((got.double() - right).abs().max())
            if off < ROUNDED:
                raise CheckFailed(
                    f"for codes of shapes {shape_of(x)} and {shape_of(w)} whose products nearly "
                    f"cancel, your result is up to {off:.2g} off.\nLikely mistake: the scales "
                    f"went in "
                    "before the sum, so each product was rounded. Sums of codes are exact: sum "
                    "them first, and scale once.",
                    hint="scaled_first",
                )
        return got

    def ask(call, *sizes, made=case):
        inputs = made(sum(sizes), *sizes)
        x, x_scales, w, w_scales = (part.double().numpy() for part in inputs)
        expected = (x * x_scales[:, None]) @ (w * w_scales[:, None]).T
        given = f"codes of shapes {x.shape} and {w.shape}"
        judge(in_numpy(call), inputs, expected, PRODUCT_MISTAKES, given, SHOULD)

    ask(lambda *inputs: written_by_hand(answer, *inputs), 3, 50, 4)
    ask(answer, 8, 8, 8)
    ask(in_order, 5, 60, 6, made=cancelling)
    return "Right also where large products nearly cancel."
