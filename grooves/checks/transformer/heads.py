"""Checks of lab 04, second part: heads and rotary positions (chapter 04).

Key idea: several wrong ways to split and join axes give the right shape, so all sizes in the inputs
differ and the numbers decide. The rotation is compared with one by complex numbers.
Shapes: B texts, T words, C channels, H heads, D = C / H channels per head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.compare import Mistake, compare, draw, number, written_by_hand

LAB = "04_transformer"


# ---- split heads -----------------------------------------------------------------------------

SPLIT_MISTAKES = (
    Mistake(
        "reshaped_only",
        lambda x, h: x.reshape(x.size(0), h, x.size(1), -1),
        "the shape is right, but head 0 got the first words with all their channels. "
        "Split C into (H, D) first, then move H in front of T.",
    ),
    Mistake(
        "channels_interleaved",
        lambda x, h: x.unflatten(-1, (-1, h)).permute(0, 3, 1, 2),
        "head h got every H-th channel. It should get D consecutive ones: "
        "split C into (H, D), not (D, H).",
    ),
    Mistake(
        "not_transposed",
        lambda x, h: x.unflatten(-1, (h, -1)),
        "the axis of heads is still after that of words: (B, T, H, D). Swap those two axes.",
    ),
    *(
        Mistake(
            "sizes_swapped",
            compute,
            "you made D heads of H channels. n_heads is the number of heads. (torch.split(x, n) "
            "makes pieces of n channels, torch.chunk(x, n) makes n pieces.)",
        )
        for compute in (
            lambda x, h: x.unflatten(-1, (-1, h)).transpose(1, 2),
            lambda x, h: torch.stack(x.split(h, dim=-1)),
        )
    ),
    Mistake(
        "heads_first",
        lambda x, h: x.unflatten(-1, (h, -1)).permute(2, 0, 1, 3),
        "the axis of heads comes before the batch: (H, B, T, D). The batch is the first axis.",
    ),
    Mistake(
        "words_last",
        lambda x, h: x.unflatten(-1, (h, -1)).permute(0, 2, 3, 1),
        "words and channels are swapped: (B, H, D, T).",
    ),
    *(
        Mistake(
            "axes_mixed",
            lambda x, h, a=a, b=b: x.transpose(a, b).reshape(x.size(0), h, x.size(1), -1),
            "the shape is right, but reshape reads the numbers in their new order after a "
            "transpose. Split the last axis of x first, then swap words and heads.",
        )
        for a, b in ((1, 2), (0, 1))
    ),
    Mistake(
        "not_split",
        lambda x, h: x.unsqueeze(1).expand(-1, h, -1, -1),
        "every head got all C channels. Divide them among the heads: C = H · D.",
    ),
)


@check(lab=LAB, exercise="split_heads", returns=Tensor)
def split_heads(answer):
    """split_heads(x, n_heads): (B, T, C) -> (B, H, T, D), head h holding channels hD to hD+D-1."""

    def judge(call, shape, n_heads, seed=10):
        x = draw(seed, *shape)
        expected = torch.stack(x.chunk(n_heads, dim=-1), dim=1)  # (B, H, T, D)
        given = f"x of shape {shape} and n_heads = {n_heads}"
        got = call(x.clone(), n_heads)
        compare(got, expected, SPLIT_MISTAKES, (x, n_heads), given, "the right one is")

    judge(lambda *inputs: written_by_hand(answer, *inputs), (2, 5, 12), 3)
    judge(answer, (2, 5, 12), 3, seed=13)
    small = ((2, 5, 12), 4), ((1, 2, 4), 2), ((1, 1, 10), 5), ((4, 3, 11), 11), ((5, 2, 6), 1)
    wide = ((3, 4, 70), 7), ((1, 2, 1_056), 264), ((1, 3, 600), 2)
    for shape, n_heads in (*small, *wide, ((1, 1_100, 4), 2), ((300, 2, 6), 3)):
        judge(answer, shape, n_heads)


# ---- rotary positions ------------------------------------------------------------------------


def _turn(x: Tensor, turns: Tensor) -> Tensor:
    """Adjacent channels as complex numbers, rotated by the angles (T, D/2)."""
    x = x.double()
    pairs = torch.complex(x[..., 0::2], x[..., 1::2])
    return torch.view_as_real(pairs * torch.exp(1j * turns)).flatten(-2)


def _angles(x: Tensor, base: float, first: int = 0) -> Tensor:
    D = x.size(-1)
    frequencies = base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    return torch.arange(first, first + x.size(-2), dtype=torch.float64)[:, None] * frequencies


def _halves(x: Tensor, base: float) -> Tensor:
    """Channel i paired with channel i + D/2."""
    half = x.size(-1) // 2
    order = torch.arange(x.size(-1)).view(2, half).mT.flatten()  # 0, D/2, 1, D/2 + 1, ...
    return _turn(x[..., order], _angles(x, base))[..., order.argsort()]


def _by_head(x: Tensor, base: float) -> Tensor:
    """Positions counted along the axis of heads."""
    return _turn(x.transpose(1, 2), _angles(x.transpose(1, 2), base)).transpose(1, 2)


def _overwritten(x: Tensor, base: float) -> Tensor:
    """The second channel of a pair computed from the first one after its rotation."""
    a, cos, sin = x.double(), _angles(x, base).cos(), _angles(x, base).sin()
    first = a[..., 0::2] * cos - a[..., 1::2] * sin
    return torch.stack((first, first * sin + a[..., 1::2] * cos), -1).flatten(-2)


def _not_interleaved(x: Tensor, base: float) -> Tensor:
    rotated = _turn(x, _angles(x, base))
    return torch.cat((rotated[..., 0::2], rotated[..., 1::2]), -1)


ROTATE_MISTAKES = (
    Mistake(
        "not_interleaved",
        _not_interleaved,
        "the pairs are rotated correctly, but cat puts all first channels before all second ones. "
        "stack((first, second), dim=-1).flatten(-2) interleaves them again.",
    ),
    Mistake(
        "first_overwritten",
        _overwritten,
        "the second channel of a pair is computed from the first after its rotation. Compute both "
        "before you overwrite either; x[..., 0::2] is a view, so writing to x changes it.",
    ),
    Mistake(
        "split_halves",
        _halves,
        "you pair channel i with channel i + D/2, as Llama's code does. Here the pairs are "
        "adjacent channels: (0, 1), (2, 3), …",
    ),
    Mistake(
        "rotated_backwards",
        lambda x, base: _turn(x, -_angles(x, base)),
        "you rotate in the opposite direction. (a, b) becomes (a cos − b sin, a sin + b cos).",
    ),
    Mistake(
        "counts_from_one",
        lambda x, base: _turn(x, _angles(x, base, first=1)),
        "your first word is rotated too. It is at position 0: no rotation.",
    ),
    Mistake(
        "same_frequency",
        lambda x, base: _turn(x, _angles(x, 1.0)),
        "all pairs have the same frequency. Pair i rotates by t · base^(−2i/D).",
    ),
    Mistake(
        "frequencies_rise",
        lambda x, base: _turn(x, _angles(x, 1 / base)),
        "later pairs rotate faster. The exponent is negative: base^(−2i/D).",
    ),
    Mistake(
        "half_exponent",
        lambda x, base: _turn(x, _angles(x, math.sqrt(base))),
        "the exponent is −i/D instead of −2i/D, so the slow pairs are too fast.",
    ),
    Mistake(
        "positions_along_heads",
        _by_head,
        "the angle grows along the heads, not along the words. T is the second to last axis.",
    ),
    *(
        Mistake(
            "base_ignored",
            lambda x, base, fixed=fixed: _turn(x, _angles(x, fixed)),
            "your base is a constant. Use the argument.",
        )
        for fixed in (100.0, 1000.0, 10_000.0)
    ),
)


@check(lab=LAB, exercise="rotate", returns=Tensor)
def rotate(answer):
    """rotate(x, base): (B, H, T, D) -> the same shape, pair i of word t rotated by
    t·base^(−2i/D)."""

    def judge(call, shape, base, seed=12, tolerance=None, scale=1):
        x = scale * draw(seed, *shape)
        x[0, -1, -1, :2] = 0  # a pair without a length
        given = f"x of shape {shape} and base = {number(base)}"
        expected = _turn(x, _angles(x, base))
        got = call(x.clone(), base)
        inputs = (x, base)
        compare(got, expected, ROTATE_MISTAKES, inputs, given, "the right one is", tolerance)

    judge(lambda *inputs: written_by_hand(answer, *inputs), (2, 3, 5, 6), 50.0)
    judge(answer, (2, 3, 5, 6), 50.0, seed=15)
    judge(answer, (2, 3, 5, 6), 20.0)
    judge(answer, (1, 1, 2, 4), 100.0)
    judge(answer, (1, 2, 4, 14), 70, scale=30)
    judge(answer, (3, 1, 1, 4), 10_000.0)
    judge(answer, (70, 2, 3, 4), 60_000.0)
    judge(answer, (1, 70, 2, 150), 1.5)
    judge(answer, (1, 1, 1_100, 2), 100.0, tolerance=2e-3)  # a large angle has few accurate digits
