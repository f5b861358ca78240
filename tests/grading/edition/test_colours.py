"""The colour of an edition can be read in both schemes, or is refused."""

import colorsys
import random
import re

import pytest

from grooves.grading.edition.colours import (
    DARK_GROUND,
    LIGHT_GROUND,
    TEXT_CONTRAST,
    contrast,
    schemes,
    style_sheet,
)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the known near miss
    assert contrast("#0000ff", "#ffffff") == contrast("#ffffff", "#0000ff")


def test_every_colour_is_readable_in_both_schemes_or_refused_for_one_that_is():
    draw, taken = random.Random(1), 0
    for _ in range(300):
        hue, light, strength = draw.random(), draw.random(), draw.random()
        channels = colorsys.hls_to_rgb(hue, light, strength)
        colour = "#" + "".join(f"{round(255 * c):02x}" for c in channels)
        try:
            on_light, on_dark = schemes(colour)
        except ValueError as refused:
            instead = re.findall("#[0-9a-f]{6}", str(refused))[-1]
            on_light, on_dark = schemes(instead)
        else:
            taken += 1
            assert on_light == colour
        assert contrast(on_light, LIGHT_GROUND) >= TEXT_CONTRAST
        assert contrast(on_dark, DARK_GROUND) >= TEXT_CONTRAST
    assert 100 < taken < 250


@pytest.mark.parametrize("text", ["red", "#fff", "#12345g", "8a1538", "#8a1538;}"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match="not a colour: write '#' and six hexadecimal digits"):
        schemes(text)


def test_the_style_sheet_sets_links_in_both_schemes():
    told = dict(re.findall(r'"(\w+)"\] \{[^}]*--pst-color-link: (#\w+);', style_sheet("#8A1538")))
    assert told == dict(zip(("light", "dark"), schemes("#8a1538"), strict=True))
