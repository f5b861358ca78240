"""Check of lab 12: a matrix product of codes, with the scales factored out of the sum (chapter 12).

Key idea: the right product is that of the dequantised matrices, computed in 64 bits. The codes are
large, so that a sum kept in too few bits shows; and in one case large products cancel, so that
scaling before the sum shows, which rounds each of them.
Letters: B texts, C channels that are summed over, R outputs.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import NOT_THIS, by_hand
from grooves.checks.compare import as_tensor, close, number, shape_of
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.precision_memory.rules import LAB
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

ROUNDED = 0.2  # more than scaling first is off; a sum that is one off is 0.49 off at the least
NEAR = 1e-4
# Texts, channels, outputs. First all alike and twice, where a confusion of axes raises no error.
SIZES = ((8, 8, 8), (8, 8, 8), (3, 50, 4), (1, 31, 5), (6, 29, 1), (2, 300, 7), (1, 1, 1))


def case(seed: int, B: int, C: int, R: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Codes and scales of inputs (B, C), (B,) and of weights (R, C), (R,); the sums are large."""
    random = torch.Generator().manual_seed(seed)
    x, w = (torch.randint(40, 128, shape, generator=random) for shape in ((B, C), (R, C)))
    signs = 1 - 2 * torch.randint(2, (C,), generator=random)
    x, w = x * signs, w * signs
    w[:, ::4] *= -1
    x[:, C // 2 : C - 1 : C] = 0  # one channel, where there are several
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
    """Products of codes summed up, in integers of so many bits, which wrap round."""
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


def _exchanged(rows, columns):
    """Scales on other axes, where that fits; both get x_scales and w_scales and choose."""

    def compute(x, a, w, b):
        if len(x) != len(w):
            return NOT_THIS
        return _sums(x, w) * np.asarray(rows(a, b))[:, None] * np.asarray(columns(a, b))

    return compute


def _scaled_with(change, total=_sums):
    """The scales changed before they are used; total: of the codes."""
    return lambda x, a, w, b: _scaled(total(x, w), *change(a.double(), b.double()))


def _products_wrapped(x, w):
    products = (x[:, None] * w).long()  # (B, R, C), in int8
    return products.sum(-1).numpy()


PRODUCT_MISTAKES = (
    *in_forms(
        "int8_overflow",
        "a product or the sum was kept in int8, which overflows silently above 127. Convert the "
        "codes first: `.int()` or `.float()`.",
        lambda x, a, w, b: _scaled(_sums(x, w, 8), a, b),
        lambda x, a, w, b: _scaled(_products_wrapped(x, w), a, b),
    ),
    *in_forms(
        "int16_overflow",
        "the sum was kept in 16 bits, which hold at most 32,767. Three products of 127 · 127 are "
        "more.",
        lambda x, a, w, b: _scaled(_sums(x, w, 16), a, b),
    ),
    *in_forms(
        "sum_clipped",
        "the sum was cut off at the greatest number of 8 or 16 bits. Leave it as it is: 32 bits "
        "hold it.",
        lambda x, a, w, b: _scaled(_sums(x, w).clip(-128, 127), a, b),
        lambda x, a, w, b: _scaled(_sums(x, w).clip(-127, 127), a, b),
        lambda x, a, w, b: _scaled(_sums(x, w).clip(-(2**15), 2**15 - 1), a, b),
    ),
    *in_forms(
        "half_precision_sum",
        "the sum was kept in a 16-bit float, which is exact for integers only up to 2,048 (fp16) "
        "or 256 (bf16).",
        lambda x, a, w, b: _scaled((x.half() @ w.half().T).double(), a, b),
        lambda x, a, w, b: _scaled((x.bfloat16() @ w.bfloat16().T).double(), a, b),
        lambda x, a, w, b: _scaled((x.float() @ w.float().T).half().double(), a, b),
    ),
    Mistake(
        "not_transposed",
        _turned,
        "the weights were not transposed. Their rows are outputs; with a square matrix there is "
        "no error.",
    ),
    *in_forms(
        "scale_missing",
        "a scale is missing. Multiply each sum by the scale of its row of x and by that of its "
        "row of W.",
        _scaled_with(lambda a, b: (0 * a + 1, 0 * b + 1)),
        _scaled_with(lambda a, b: (0 * a + 1, b)),
        _scaled_with(lambda a, b: (a, 0 * b + 1)),
    ),
    *in_forms(
        "one_scale",
        "you use one scale for all rows. Each row has its own.",
        _scaled_with(lambda a, b: (0 * a + a[0], b)),
        _scaled_with(lambda a, b: (a, 0 * b + b[0])),
        _scaled_with(lambda a, b: (0 * a + a[0], 0 * b + b[0])),
        _scaled_with(lambda a, b: (0 * a + a.mean(), b)),
        _scaled_with(lambda a, b: (a, 0 * b + b.mean())),
        _scaled_with(lambda a, b: (0 * a + a.mean(), 0 * b + b.mean())),
    ),
    *in_forms(
        "divided",
        "you divide by the scales. Multiply the codes by them.",
        _scaled_with(lambda a, b: (1 / a, 1 / b)),
        _scaled_with(lambda a, b: (1 / a, b)),
        _scaled_with(lambda a, b: (a, 1 / b)),
    ),
    *in_forms(
        "scales_on_wrong_axis",
        "a scale is on the wrong axis. Those of x belong to the rows of the result, `[:, None]`, "
        "and those of W to its columns.",
        _exchanged(lambda a, b: b, lambda a, b: a),
        _exchanged(lambda a, b: a * b, lambda a, b: 0 * a + 1),
        _exchanged(lambda a, b: 0 * a + 1, lambda a, b: a * b),
    ),
    Mistake(
        "scaled_first",
        lambda x, a, w, b: _scaled(_sums(x, w), a, b),  # or what rounding before the sum makes
        "you scale before you sum, so each product is rounded. Sums of codes are exact: sum them "
        "first and scale once.",
    ),
)


@check(lab=LAB, exercise="int8_product", returns=(Tensor, np.ndarray, list, tuple))
def int8_product(answer):
    """int8_product(x_codes, x_scales, w_codes, w_scales) -> (B, R), the product x Wᵀ."""

    def ask(call, seed, sizes, made=case):
        inputs = made(seed, *sizes)
        right = as_tensor(_scaled(_sums(inputs[0], inputs[2]), *inputs[1::2]))
        given = f"codes of shapes {shape_of(inputs[0])} and {shape_of(inputs[2])}"
        given += " whose products nearly cancel" if made is cancelling else ""
        _note_product(call(*deepcopy(inputs)), right, inputs, given, made is cancelling)

    for seed, sizes in enumerate(SIZES):
        ask(answer if seed else by_hand(answer), seed, sizes)
    ask(answer, 71, (5, 60, 6), made=cancelling)
    return "It is also right where large products nearly cancel."


def _note_product(got, right: Tensor, inputs: tuple, given: str, cancels: bool) -> None:
    """As `compare`; where products cancel, what is off by rounding only was scaled first."""
    got = torch.as_tensor(np.array(got)) if isinstance(got, list | tuple) else as_tensor(got)
    same = got.shape == right.shape
    off = (got.double() - right).abs() if same else torch.zeros(1)
    wrong = not close(got, right, NEAR)

    def agrees(mistake):
        if cancels and mistake.name == "scaled_first":
            return same and bool((off < ROUNDED).all())
        would = as_tensor(mistake.compute(*inputs))
        return close(got, would, NEAR) and not (wrong and close(would, right, NEAR))

    told = f"for {given}, your result has shape {shape_of(got)}, expected {shape_of(right)}."
    if same:
        at = tuple(
            int(i) for i in torch.unravel_index(off.nan_to_num(torch.inf).argmax(), off.shape)
        )
        told = (
            f"for {given}, your result at {list(at)} is {number(got[at])}; it should be "
            f"{number(right[at])}."
        )
    note(Finding(wrong, told if wrong else "", PRODUCT_MISTAKES, agrees, got, right, NEAR))
