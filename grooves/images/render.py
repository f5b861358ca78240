"""Scenes drawn from handwritten digits, with the variation that handwriting has.

Key idea: the sentence fixes what is in a picture, and chance the rest: which person's three it is,
where exactly it stands, its shade. A model that draws has to learn all pictures that a sentence
allows, not one. The handwriting is divided, so that what a model draws is judged by a network that
has never seen the digits which the model learned from, and both are tested on a third set.
Chapter 07. Shapes: B pictures of 3 colours, height and width H = W = 16 or 24, values in [-1, 1].
Source: Alpaydin & Kaynak 1998, UCI Machine Learning Repository (the digits, 8 x 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from grooves.images.held_out import DIGITS
from grooves.images.picture_language import PictureLanguage
from grooves.images.sentences import Scene

PER_DIGIT = {"training": 90, "judge": 60, "test": None}  # None: what is left, 24 to 33
RGB = np.array(
    [
        [1.0, 0.1, 0.1],  # in the order of COLOURS
        [1.0, 0.5, 0.0],
        [1.0, 1.0, 0.1],
        [0.1, 0.8, 0.1],
        [0.1, 0.9, 0.9],
        [0.2, 0.3, 1.0],
        [0.75, 0.15, 0.95],
        [1.0, 1.0, 1.0],
    ],
    dtype=np.float32,
)
TINT = 0.04  # standard deviation of each channel of a colour
DARKEST = 0.8  # brightness is drawn between this and 1


@dataclass(frozen=True)
class Layout:
    """Where things may stand in a picture of `size` pixels.

    Along the relation, each thing has one half of the picture; across it, both stand in a band of
    half the picture's size, whose first pixel is one of `bands`. sides: of a small and of a large
    glyph, in pixels. A glyph may stand anywhere in its half of the band.
    """

    size: int
    sides: tuple[int, int]
    bands: tuple[int, ...]

    @property
    def half(self) -> int:
        return self.size // 2


LAYOUTS = {
    16: Layout(16, (6, 8), (0, 8)),  # a large glyph fills one of four cells
    24: Layout(24, (7, 10), tuple(range(13))),
}


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Handwritten digits of one set. images: (N, 8, 8) in [0, 1]. digits: (N,), sorted."""

    name: str
    images: np.ndarray
    digits: np.ndarray

    def scaled(self, size: int) -> np.ndarray:
        """Glyphs for pictures of `size`: (N, 2, S + 1, S + 1), small and large, S of the large.

        Bicubic with antialiasing. The last row and column are empty: what lies outside a glyph.
        """
        return _scaled(self, size)

    def draw(self, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One glyph at random for each digit: indices of the same shape."""
        starts = np.searchsorted(self.digits, np.arange(len(DIGITS) + 1))
        share = rng.random(digits.shape)
        return starts[digits] + (share * np.diff(starts)[digits]).astype(int)


@lru_cache
def glyphs(name: str = "training") -> Glyphs:
    """The set `"training"` (900 glyphs), `"judge"` (600) or `"test"` (297).

    The division is random for each digit, always the same. scikit-learn does not say who wrote
    which digit, so no writer is kept out of a set: new handwriting is a new digit, not a new hand.
    Raises: ValueError for another name.
    """
    from sklearn.datasets import load_digits

    if name not in PER_DIGIT:
        raise ValueError(f"{name=} is no set of glyphs: there are {', '.join(PER_DIGIT)}")
    images, labels = load_digits(return_X_y=True)
    rng, chosen = np.random.default_rng(0), []
    for digit in range(len(DIGITS)):
        of_digit = rng.permutation(np.flatnonzero(labels == digit))
        end = np.cumsum([PER_DIGIT["training"], PER_DIGIT["judge"]])
        parts = dict(zip(PER_DIGIT, np.split(of_digit, end), strict=True))
        chosen.append(np.sort(parts[name]))
    chosen = np.concatenate(chosen)
    return Glyphs(name, (images[chosen] / 16).reshape(-1, 8, 8).astype(np.float32), labels[chosen])


@lru_cache
def _scaled(of: Glyphs, size: int) -> np.ndarray:
    images = torch.from_numpy(of.images)[:, None]
    sides = layout(size).sides
    found = np.zeros((len(images), 2, sides[1] + 1, sides[1] + 1), np.float32)
    for i, side in enumerate(sides):
        resized = torch.nn.functional.interpolate(
            images, size=(side, side), mode="bicubic", align_corners=False, antialias=True
        )
        found[:, i, :side, :side] = resized[:, 0].clamp(0, 1)
    return found


def layout(size: int) -> Layout:
    """The layout of pictures of `size`. Raises: ValueError where there is none."""
    if size not in LAYOUTS:
        raise ValueError(
            f"{size=} is no size of a picture: there are {', '.join(map(str, LAYOUTS))}"
        )
    return LAYOUTS[size]


def draw(scene: Scene, of: Glyphs, rng: np.random.Generator, size: int = 16) -> Tensor:
    """One picture of a scene: (3, H, W), black (-1) where there is nothing."""
    return draw_rows(np.array([scene.row]), of, rng, size)[0]


def draw_rows(rows: np.ndarray, of: Glyphs, rng: np.random.Generator, size: int = 16) -> Tensor:
    """Pictures of scenes, given as rows (B, 7): (B, 3, H, W).

    Each thing has a glyph, a place in its half, a tint and a brightness of its own at random; both
    share the band in which they stand.
    """
    where, bank = layout(size), of.scaled(size)
    sides, outside, pixels = np.array(where.sides), where.sides[1], np.arange(size)
    band = rng.choice(where.bands, len(rows))
    pictures = np.zeros((len(rows), 3, size, size), np.float32)
    for second in (0, 1):
        digit, colour, large = rows[:, 1 + 3 * second : 4 + 3 * second].T
        slack = where.half - sides[large] + 1
        along, across = (rng.random((2, len(rows))) * slack).astype(int)
        along, across = along + second * where.half, across + band
        corner = np.where(rows[:, :1], np.c_[across, along], np.c_[along, across])  # (B, 2): x, y
        x, y = pixels - corner[:, :1], pixels - corner[:, 1:]  # (B, W), (B, H): inside the glyph
        x, y = (np.where((i >= 0) & (i < outside), i, outside) for i in (x, y))
        chosen = of.draw(digit, rng)[:, None, None]
        ink = bank[chosen, large[:, None, None], y[:, :, None], x[:, None, :]]  # (B, H, W)
        paint = RGB[colour] + TINT * rng.standard_normal((len(rows), 3))
        paint = paint.clip(0, 1) * rng.uniform(DARKEST, 1, (len(rows), 1))
        pictures += ink[:, None] * paint[:, :, None, None].astype(np.float32)
    return torch.from_numpy(2 * pictures.clip(0, 1) - 1)


class PictureData:
    """Pictures with a sentence each, in batches that are drawn anew at every step.

    of: the set of glyphs, by name. size: of the pictures, 16 or 24. A batch depends on the seed and
    the step alone, so that an interrupted training continues with what it would have seen.
    Raises: ValueError where batch_size is below 1, or size or set is unknown.
    """

    def __init__(
        self,
        language: PictureLanguage,
        of: str = "training",
        size: int = 16,
        batch_size: int = 96,
        seed: int = 0,
    ):
        if batch_size < 1:
            raise ValueError(f"{batch_size=} must be at least 1")
        self.language, self.batch_size, self.seed = language, batch_size, seed
        self.glyphs, self.size = glyphs(of), layout(size).size

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B, 3, H, W), sentences as tokens (B, 10), and scenes as rows (B, 7)."""
        rng = np.random.default_rng((self.seed, step))
        rows, tokens = self.language.batch(self.batch_size, rng)
        pictures = draw_rows(rows, self.glyphs, rng, self.size)
        return pictures, torch.from_numpy(tokens), torch.from_numpy(rows)
