"""Check of lab 03: patches hidden in pictures (chapter 03).

Key idea: some pixels inside the patches are background, which is 0 before and after, so a mask
that is derived from the picture is found out.
Letters: B pictures of H rows and W columns.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_pair, pictures


def _cut(images, tops, lefts, down: int, across: int):
    """Pictures with a rectangle set to 0 in each, and masks of the rectangles."""
    masks = np.zeros(images.shape, dtype=bool)
    for mask, top, left in zip(masks, tops, lefts, strict=False):
        mask[top : top + down, left : left + across] = True
    return np.where(masks, 0, images), masks


def _slices_to(end: int, images, tops, lefts):
    masks = np.zeros(images.shape, dtype=bool)
    for mask, top, left in zip(masks, tops, lefts, strict=True):
        mask[top:end, left:end] = True
    return np.where(masks, 0, images), masks


def _mask_from_zeros(images, tops, lefts, size):
    hidden = _cut(images, tops, lefts, size, size)[0]
    return hidden, hidden == 0


PATCH_MISTAKES = (
    Mistake(
        "swapped",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size, size)[::-1],
        "the two results are swapped: return the pictures first, then the masks.",
    ),
    Mistake(
        "leak",
        lambda images, tops, lefts, size: (images, _cut(images, tops, lefts, size, size)[1]),
        "the pictures still show the patch that the model must predict. Set it to 0.",
    ),
    Mistake(
        "mask_inverted",
        lambda images, tops, lefts, size: (
            _cut(images, tops, lefts, size, size)[0],
            ~_cut(images, tops, lefts, size, size)[1],
        ),
        "the mask is False inside the patch and True outside. True means hidden.",
    ),
    Mistake(
        "rows_and_columns_swapped",
        lambda images, tops, lefts, size: _cut(images, lefts, tops, size, size),
        "rows and columns are swapped: `tops` are rows, which are axis 1 of the pictures.",
    ),
    Mistake(
        "same_patch_for_all",
        lambda images, tops, lefts, size: _cut(
            images, tops * 0 + tops[0], lefts * 0 + lefts[0], size, size
        ),
        "the same patch is hidden in every picture, the first one's. Each picture has "
        "its own corner.",
    ),
    Mistake(
        "too_large",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size + 1, size + 1),
        "the patch is one pixel too large. The end of a slice is excluded, so "
        "`top : top + size` covers rows top to top + size - 1.",
    ),
    Mistake(
        "size_as_end",
        lambda images, tops, lefts, size: _slices_to(size, images, tops, lefts),
        "your slices end at row and column `size`. A slice takes a start and an end, not a "
        "length: the end is `top + size`.",
    ),
    Mistake(
        "whole_rows",
        lambda images, tops, lefts, size: _cut(images, tops, 0 * lefts, size, images.shape[2]),
        "whole rows are hidden. The patch is only `size` columns wide.",
    ),
    Mistake(
        "mask_from_zeros",
        _mask_from_zeros,
        "your mask is True wherever a pixel is 0. Background is 0 too: compute the mask from the "
        "corner, not from the picture.",
    ),
    Mistake(
        "mask_from_change",
        lambda images, tops, lefts, size: (lambda hidden: (hidden, hidden != images))(
            _cut(images, tops, lefts, size, size)[0]
        ),
        "your mask is True wherever a pixel has changed. Hidden background was 0 before: compute "
        "the mask from the corner, not from the picture.",
    ),
    Mistake(
        "first_picture_only",
        lambda images, tops, lefts, size: _cut(images, tops[:1], lefts[:1], size, size),
        "only the first picture's patch is hidden. Is the `return` inside the loop?",
    ),
)


@check(lab=LAB, exercise="hide_patches", returns=PAIR)
def hide_patches(answer):
    """hide_patches(images, tops, lefts, size) -> hidden pictures and masks, each (B, H, W)."""

    def judge(call, images, tops, lefts, size):
        expected = {"pictures": images.copy(), "masks": np.zeros(images.shape, dtype=bool)}
        for b, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            for row in range(size):
                for column in range(size):
                    expected["pictures"][b, top + row, left + column] = 0
                    expected["masks"][b, top + row, left + column] = True
        rows = np.array(tops)
        inputs = (images, rows, rows if lefts is tops else np.array(lefts), size)
        places = f"tops {tops}, lefts {lefts}" if len(tops) < 9 else f"{len(tops)} places"
        given = f"pictures of shape {shape_of(images)}, {places}, size {size}"
        judge_parts(
            as_pair(call),
            inputs,
            {f"the {n}": e for n, e in expected.items()},
            PATCH_MISTAKES,
            given,
            SHOULD,
        )

    some = pictures(51, 3, 6, 8)
    some[:, 2::3, 1::2] = 0  # background, inside the patches too
    judge(by_hand(answer), some, [1, 3, 2], [2, 1, 4], 3)
    judge(answer, pictures(52, 1, 5, 5), [1], [2], 2)
    corner = [3, 0, 1, 1]  # one array for rows and columns
    judge(answer, pictures(57, 4, 6, 7) * [[[1]], [[0]], [[0]], [[1]]], corner, corner, 3)
    judge(answer, pictures(58, 1, 3, 5), [0], [2], 3)
    judge(answer, pictures(53, 2, 3, 4), [2, 0], [0, 3], 1)
    judge(answer, pictures(54, 3, 6, 8), [0, 2, 1], [4, 0, 3], 4)
    judge(answer, pictures(55, 2, 71, 80), [66, 0], [0, 73], 5)
    judge(answer, pictures(56, 2, 7, 7), [0, 0], [0, 0], 7)
    judge(answer, 256 - np.arange(2 * 9 * 7).reshape(2, 9, 7), [4, 0], [2, 0], 5)  # integers
    judge(answer, pictures(59, 1_400, 4, 3), [0, 2, 1, 2] * 350, [1, 0] * 700, 2)
    return "The input has a hidden patch, and the original picture is the target."
