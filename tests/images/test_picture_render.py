"""Pictures: each shows its scene, chance decides the rest, and handwriting is divided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grooves.images.held_out import COLOURS, SHAPE
from grooves.images.picture_language import PictureLanguage
from grooves.images.render import (
    DARKEST,
    RGB,
    PictureData,
    draw,
    draw_rows,
    glyphs,
    layout,
)
from grooves.images.sentences import Scene, Thing, scene_of
from grooves.language.corpora import digits

SCENE = Scene(Thing(3, "red", "small"), "left of", Thing(7, "blue", "large"))
SIZES = (16, 24)


def many(scene, size, n=300, seed=0):
    """Pictures of one scene as brightness from 0 to 1: (n, 3, H, W)."""
    rng = np.random.default_rng(seed)
    return (draw_rows(np.array([scene.row] * n), glyphs(), rng, size).numpy() + 1) / 2


def boxes(ink):
    """Top, bottom, left, right of what is not black in each picture: (n, 4)."""
    found = []
    for axis in (2, 1):
        filled = (ink > 0).any(axis=axis)
        found += [filled.argmax(1), filled.shape[1] - 1 - filled[:, ::-1].argmax(1)]
    return np.stack(found, axis=1)


# ---- glyphs ------------------------------------------------------------------------------------


def test_the_handwriting_is_divided_into_three_sets_that_share_nothing():
    sets = {name: glyphs(name) for name in ("training", "judge", "test")}
    assert {name: len(one.digits) for name, one in sets.items()} == {
        "training": 900,
        "judge": 600,
        "test": 297,
    }
    # No two of the 1,797 digits are alike, so a glyph in two sets would be missed here.
    images = np.concatenate([one.images.reshape(-1, 64) for one in sets.values()])
    everything = digits()
    original = np.concatenate([everything.train_images, everything.test_images])
    assert len(np.unique(images, axis=0)) == len(np.unique(original, axis=0)) == 1797
    assert np.isin(np.unique(images), np.arange(17) / 16).all()


def test_every_digit_is_as_frequent_in_the_set_of_training_and_of_the_judge():
    assert (np.bincount(glyphs("training").digits) == 90).all()
    assert (np.bincount(glyphs("judge").digits) == 60).all()
    assert np.bincount(glyphs("test").digits).min() >= 24


def test_glyphs_are_drawn_of_the_digit_and_all_of_them():
    of = glyphs("judge")
    wanted = np.repeat(np.arange(10), 1500)
    chosen = of.draw(wanted, np.random.default_rng(0))
    assert (of.digits[chosen] == wanted).all() and len(set(chosen.tolist())) == 600


@pytest.mark.parametrize("size", SIZES)
def test_glyphs_keep_their_ink_when_they_are_scaled(size):
    """The mean grey value of a glyph is that of the original, up to what clipping takes away."""
    of = glyphs("test")
    for side, scaled in zip(layout(size).sides, of.scaled(size).swapaxes(0, 1), strict=True):
        assert scaled.shape[1] == layout(size).sides[1] + 1
        assert (scaled[:, side:] == 0).all() and (scaled[:, :, side:] == 0).all()
        mean = scaled[:, :side, :side].mean(axis=(1, 2))
        assert mean == pytest.approx(of.images.mean(axis=(1, 2)), abs=0.03)
    with pytest.raises(ValueError, match="name='train' is no set of glyphs"):
        glyphs("train")


# ---- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_has_three_channels_between_minus_one_and_one(size):
    picture = draw(SCENE, glyphs(), np.random.default_rng(0), size)
    assert picture.shape == (3, size, size) and picture.dtype == torch.float32
    assert picture.min() == -1 and 0 < picture.max() <= 1
    assert (picture == -1).all(0).float().mean() > 0.4  # what is not ink is black


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("relation", ["left of", "above"])
def test_the_first_thing_is_on_the_left_or_above_and_both_stand_side_by_side(size, relation):
    """A red and a blue thing do not share a channel: green is nearly empty, so each is seen."""
    scene = Scene(SCENE.first, relation, SCENE.second)
    pictures = many(scene, size)
    red = pictures[:, 0] > 2 * pictures[:, 2]
    blue = pictures[:, 2] > 2 * pictures[:, 0]
    first, second = (boxes(ink).astype(float) for ink in (red, blue))
    start, end = (2, 3) if relation == "left of" else (0, 1)
    assert (first[:, end] < second[:, start]).all()
    other = [0, 1] if relation == "left of" else [2, 3]
    apart = np.abs(first[:, other].mean(1) - second[:, other].mean(1))
    assert (apart < second[:, [start, end]].mean(1) - first[:, [start, end]].mean(1)).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_small_thing_is_smaller_than_a_large_one(size):
    pictures = many(SCENE, size)
    small = boxes(pictures[:, 0] > 2 * pictures[:, 2])
    large = boxes(pictures[:, 2] > 2 * pictures[:, 0])
    heights = [(box[:, 1] - box[:, 0] + 1) for box in (small, large)]
    assert [each.max() for each in heights] == list(layout(size).sides)


def test_things_have_the_colour_that_is_asked_for():
    """The hue of all that is drawn, for each colour, is nearest to that colour's own."""
    for i, colour in enumerate(COLOURS):
        scene = Scene(Thing(0, colour, "large"), "above", Thing(8, colour, "large"))
        seen = many(scene, 16, n=50).sum(axis=(0, 2, 3))
        hues = RGB / np.linalg.norm(RGB, axis=1, keepdims=True)
        assert (hues @ seen).argmax() == i


def test_brightness_varies_between_its_bounds():
    scene = Scene(Thing(0, "white", "large"), "above", Thing(8, "white", "large"))
    brightest = many(scene, 16).max(axis=(1, 2, 3))
    assert brightest.min() > DARKEST - 0.05 and brightest.std() > 0.02


@pytest.mark.parametrize(("size", "n_places"), [(16, 2), (24, 13)])
def test_places_vary_and_at_size_24_more_than_at_size_16(size, n_places):
    scene = Scene(Thing(1, "red", "large"), "left of", Thing(1, "blue", "large"))
    top = boxes(many(scene, size).max(axis=1))[:, 0]
    assert len(np.unique(top)) >= n_places
    assert top.max() - top.min() >= size // 2 - 1


def test_pictures_of_many_scenes_are_those_of_each():
    """The glyph in each half is one of the digit that is asked for, scaled and coloured."""
    rng = np.random.default_rng(5)
    rows = rng.integers(0, SHAPE, size=(100, 7))
    rows[:, [3, 6]] = 1  # large things fill their cells at size 16
    rows[:, 0] = 0
    of = glyphs("test")
    brightness = ((draw_rows(rows, of, rng) + 1) / 2).numpy().max(axis=1)
    for row, picture in zip(rows, brightness, strict=True):
        band = slice(0, 8) if picture[:8].sum() > picture[8:].sum() else slice(8, 16)
        for digit, cell in ((row[1], picture[band, :8]), (row[4], picture[band, 8:])):
            fits = of.images.reshape(-1, 64) @ cell.flatten()
            fits /= np.linalg.norm(of.images.reshape(-1, 64), axis=1)
            assert of.digits[fits.argmax()] == digit


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="size=32 is no size of a picture: there are 16, 24"):
        draw(SCENE, glyphs(), np.random.default_rng(0), 32)


# ---- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_batch_has_pictures_with_their_sentences_and_scenes(size):
    language = PictureLanguage("new pair")
    pictures, tokens, rows = PictureData(language, "test", size, batch_size=48).batch(0)
    assert pictures.shape == (48, 3, size, size) and tokens.shape == (48, 10)
    assert rows.shape == (48, 7) and {language.splits.kind(row) for row in rows} == {"new pair"}
    for row, said in zip(rows, tokens.tolist(), strict=True):
        words = [language.vocabulary[i] for i in said]
        assert language.grade(words, scene_of(row)).true


def test_batches_depend_on_seed_and_step_alone():
    language = PictureLanguage()
    data = PictureData(language, batch_size=8, seed=4)
    later = data.batch(9)
    again = PictureData(PictureLanguage(), batch_size=8, seed=4).batch(9)
    assert all(map(torch.equal, later, again))
    assert not torch.equal(PictureData(language, batch_size=8, seed=5).batch(9)[0], later[0])
    assert not torch.equal(data.batch(8)[0], later[0])
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        PictureData(language, batch_size=0)
