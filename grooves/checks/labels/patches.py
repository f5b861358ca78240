"""Check of lab 03: patches hidden in pictures (chapter 03).

Key idea: some pixels inside the patches are paper, which is 0 before and after, so a mask that is
read off the picture is found out.
Letters: B pictures of H rows and W columns.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge_parts
from grooves.checks.compare import Mistake, shape_of
from grooves.checks.labels.rules import LAB, PAIR, SHOULD, as_pair, pictures


def _cut(images, tops, lefts, down: int, across: int, fill=0.0, back=0, clipped=True):
    """Pictures with a rectangle filled in each, and masks of the rectangles.

    back: how far its corner lies up and to the left of the place. clipped: whether places outside
    the picture are left out; slices count them from the other end.
    """
    masks = np.zeros(images.shape, dtype=bool)
    for mask, *corner in zip(masks, tops - back, lefts - back, strict=False):
        rows, columns = (
            slice(*(max(end, 0) if clipped else end for end in (int(start), int(start) + length)))
            for start, length in zip(corner, (down, across), strict=True)
        )
        mask[rows, columns] = True
    return np.where(masks, fill, images), masks


def _bands(images, tops, lefts, size, rows=True, columns=True):
    across = _cut(images, tops, 0 * lefts, size, images.shape[2])[1]
    down = _cut(images, 0 * tops, lefts, images.shape[1], size)[1]
    masks = (across & rows) | (down & columns)
    return np.where(masks, 0, images), masks


def _turned_round(images, tops, lefts, size):
    masks = _cut(images, tops, lefts, size, size)[1]
    return np.where(masks, images, 0), ~masks


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
        "leak",
        lambda images, tops, lefts, size: (images, _cut(images, tops, lefts, size, size)[1]),
        "the pictures still show what is asked for. Set the patch to 0.",
    ),
    Mistake(
        "mask_turned_round",
        lambda images, tops, lefts, size: (
            _cut(images, tops, lefts, size, size)[0],
            ~_cut(images, tops, lefts, size, size)[1],
        ),
        "the mask is False in the patch and True around it. True means hidden.",
    ),
    Mistake(
        "all_but_the_patch",
        _turned_round,
        "you hide everything but the patch.",
    ),
    Mistake(
        "rows_for_columns",
        lambda images, tops, lefts, size: _cut(images, lefts, tops, size, size),
        "rows and columns are exchanged: `tops` counts rows, which are axis 1 of the pictures.",
    ),
    Mistake(
        "one_place_for_all",
        lambda images, tops, lefts, size: _cut(
            images, tops * 0 + tops[0], lefts * 0 + lefts[0], size, size
        ),
        "every picture loses the same patch, the first one's. Each has a corner of its own.",
    ),
    Mistake(
        "one_pixel_more",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size + 1, size + 1),
        "the patch is a pixel too large. The end of a slice is not part of it, so "
        "`top : top + size` holds rows top to top + size - 1.",
    ),
    Mistake(
        "one_pixel_less",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size - 1, size - 1),
        "the patch is a pixel too small. The end of a slice is not part of it: "
        "`top : top + size` has `size` rows.",
    ),
    Mistake(
        "length_for_end",
        lambda images, tops, lefts, size: _slices_to(size, images, tops, lefts),
        "your slices end at row and column `size`. A slice has a beginning and an end, not a "
        "length: the end is `top + size`.",
    ),
    *(
        Mistake(
            "corner_for_centre",
            lambda images, tops, lefts, size, clipped=clipped: _cut(
                images, tops, lefts, size, size, back=size // 2, clipped=clipped
            ),
            "you put the middle of the patch where its upper left corner belongs.",
        )
        for clipped in (True, False)
    ),
    Mistake(
        "whole_rows",
        lambda images, tops, lefts, size: _bands(images, tops, lefts, size, columns=False),
        "whole rows are hidden. The patch ends after `size` columns too.",
    ),
    Mistake(
        "whole_columns",
        lambda images, tops, lefts, size: _bands(images, tops, lefts, size, rows=False),
        "whole columns are hidden. The patch ends after `size` rows too.",
    ),
    Mistake(
        "cross",
        lambda images, tops, lefts, size: _bands(images, tops, lefts, size),
        "a cross of rows and columns is hidden. A pixel of the patch lies in its rows *and* in "
        "its columns: use & for |.",
    ),
    Mistake(
        "mask_from_zeros",
        _mask_from_zeros,
        "you call hidden whatever is 0. Paper is 0 too: make the mask from the corner, not from "
        "the picture.",
    ),
    Mistake(
        "mask_from_change",
        lambda images, tops, lefts, size: (lambda hidden: (hidden, hidden != images))(
            _cut(images, tops, lefts, size, size)[0]
        ),
        "you call hidden whatever has changed. Paper that is hidden was 0 before: make the mask "
        "from the corner, not from the picture.",
    ),
    *(
        Mistake(
            "not_blank",
            lambda images, tops, lefts, size, fill=fill: _cut(
                images, tops, lefts, size, size, fill(images)
            ),
            "the patch is filled with another number than 0. Here hidden pixels are 0, which is "
            "paper.",
        )
        for fill in (
            lambda images: 1,
            lambda images: images.mean(),
            lambda images: images.mean(axis=(1, 2), keepdims=True),
            lambda images: -1,
        )
    ),
    Mistake(
        "first_picture_only",
        lambda images, tops, lefts, size: _cut(images, tops[:1], lefts[:1], size, size),
        "only the first picture loses its patch. Does a `return` stand inside the loop?",
    ),
    *(
        Mistake(
            "lower_right_corner",
            lambda images, tops, lefts, size, clipped=clipped: _cut(
                images, tops, lefts, size, size, back=size - 1, clipped=clipped
            ),
            "you put the lower right pixel of the patch where its upper left one belongs.",
        )
        for clipped in (True, False)
    ),
    Mistake(
        "one_column",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size, 1),
        "the patch is one pixel wide. It has `size` columns, as it has `size` rows.",
    ),
    Mistake(
        "patches_alone",
        lambda images, tops, lefts, size: (
            np.stack(
                [
                    image[top : top + size, left : left + size]
                    for image, top, left in zip(images, tops, lefts, strict=True)
                ]
            ),
            _cut(images, tops, lefts, size, size)[1],
        ),
        "you return the patches that were cut out. The pictures keep their size, with 0 inside "
        "the patch.",
    ),
    Mistake(
        "swapped",
        lambda images, tops, lefts, size: _cut(images, tops, lefts, size, size)[::-1],
        "pictures and masks are exchanged.",
    ),
)


@check(lab=LAB, exercise="hide_patches", returns=PAIR)
def hide_patches(answer):
    """hide_patches(images, tops, lefts, size) -> hidden pictures and masks, each (B, H, W)."""

    def ask(call, images, tops, lefts, size):
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
    some[:, 2::3, 1::2] = 0  # paper, inside the patches too
    ask(by_hand(answer), some, [1, 3, 2], [2, 1, 4], 3)
    ask(answer, pictures(52, 1, 5, 5), [1], [2], 2)
    corner = [3, 0, 1, 1]  # one array for rows and columns
    ask(answer, pictures(57, 4, 6, 7) * [[[1]], [[0]], [[0]], [[1]]], corner, corner, 3)
    ask(answer, pictures(58, 1, 3, 5), [0], [2], 3)
    ask(answer, pictures(53, 2, 3, 4), [2, 0], [0, 3], 1)
    ask(answer, pictures(54, 3, 6, 8), [0, 2, 1], [4, 0, 3], 4)
    ask(answer, pictures(55, 2, 71, 80), [66, 0], [0, 73], 5)
    ask(answer, pictures(56, 2, 7, 7), [0, 0], [0, 0], 7)
    ask(answer, 256 - np.arange(2 * 9 * 7).reshape(2, 9, 7), [4, 0], [2, 0], 5)  # integers
    ask(answer, pictures(59, 1_400, 4, 3), [0, 2, 1, 2] * 350, [1, 0] * 700, 2)
    return "The patch is the question, and the old picture is the answer."
