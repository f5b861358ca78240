"""Digits are drawn where their ink is, on one scale, in colours that any page can carry."""

import re

import numpy as np
import pytest

from grooves.plots import figures
from grooves.plots.digit_plots import digit_grid


def shapes(picture):
    """Every drawn shape of a picture: its style, and its points (n, 2) in the page's direction."""
    found = []
    for points, style in re.findall(
        r'<path d="([^"]*)"[^>]*?(?:style="([^"]*)")?/>', picture.markup
    ):
        numbers = re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", points)
        found.append((style, np.array(numbers, dtype=float)))
    return found[1:]  # the first is the picture's empty ground


def drawn(*pixels, diverging=False):
    """Pictures of 4 x 4, each a list of (row, column, value), as (pixels, frames)."""
    images = np.zeros((len(pixels), 4, 4))
    for i, points in enumerate(pixels):
        for row, column, value in points:
            images[i, row, column] = value
    parts = shapes(digit_grid(images, (), "Pictures", "", diverging))
    frames = [points for style, points in parts if "fill: none" in style]
    return [part for part in parts if "fill: none" not in part[0]], frames


def test_ink_is_drawn_at_its_row_and_column():
    [(_, ink)], [frame] = drawn([(1, 3, 1.0)])
    size = np.ptp(frame, axis=0)
    low, high = (ink.min(0) - frame.min(0)) / size, (ink.max(0) - frame.min(0)) / size
    assert low == pytest.approx([0.75, 0.25], abs=1e-3)  # column 3 from the left, row 1 from above
    assert high == pytest.approx([1.0, 0.5], abs=1e-3)


def test_pixels_are_squares():
    _, [frame, _] = drawn([(0, 0, 1)], [(0, 0, 1)])
    width, height = np.ptp(frame, axis=0)
    assert width == pytest.approx(height, rel=1e-3)


def test_ink_takes_the_pages_colour():
    [(style, _)], _ = drawn([(0, 0, 1.0)])
    assert "#" not in style  # neither black nor white: what the page writes in
    assert not re.search("#000000|<image", digit_grid(np.eye(4)[None], (), "a", "").markup)


def test_the_sign_of_a_weight_chooses_its_colour():
    parts, _ = drawn([(0, 0, 1.0), (3, 3, -1.0)], diverging=True)
    tops = {colour: points[:, 1].min() for style, points in parts
            for colour in (figures.BLUE, figures.VERMILION) if colour in style}  # fmt: skip
    assert tops[figures.BLUE] < tops[figures.VERMILION]


def test_all_pictures_share_one_scale():
    parts, _ = drawn([(0, 0, 2.0)], [(0, 0, 1.0)])
    opacities = {float(found[1]) if (found := re.search(r"opacity: ([\d.]+)", style)) else 1.0
                 for style, _ in parts}  # fmt: skip
    assert opacities == {1.0, 0.5}


def test_titles_and_words_reach_the_page():
    picture = digit_grid(np.ones((2, 16)), [3, "8 as 1"], "A three, an eight", "Look.")
    assert ">3<" in picture.markup and ">8 as 1<" in picture.markup
    assert 'aria-label="A three, an eight"' in picture.markup and ">Look.<" in picture.markup


@pytest.mark.parametrize(
    ("images", "titles", "words"),
    [
        (np.ones((2, 15)), (), "15 pixels"),
        (np.ones((2, 16)), ["one"], "1 titles for 2"),
        (-np.ones((2, 16)), (), "diverging=True"),
        (np.ones((0, 16)), (), "no picture"),
    ],
)
def test_what_is_no_picture_is_refused(images, titles, words):
    with pytest.raises(ValueError, match=words):
        digit_grid(images, titles, "Pictures", "")
