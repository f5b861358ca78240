"""Targets that cost no labels: what to predict, made from the data themselves.

Key idea: hide a part of the data, or change it in a way that you know, and ask for what was
hidden or done. The answer is right by construction, and nobody had to write it down.
Chapter 03. Pictures are rows of 64 pixels in [0, 1] (8 x 8), or any other square.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.language.corpora import IGNORED


def next_word(ids) -> tuple[np.ndarray, np.ndarray]:
    """Next-word prediction: the text without its last word, and without its first.

    ids: (T,) token numbers. `grooves.language.corpora.next_word_rows` does the same for a batch of
    stories and puts an end mark at both ends.
    Returns: inputs, targets, each (T - 1,); targets[t] is the word after inputs[t].
    Raises: ValueError where there are fewer than two words.
    """
    ids = _text(ids, at_least=2)
    return ids[:-1].copy(), ids[1:].copy()


def masked_word(ids, mask_id: int, share: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Masked-word prediction: some words are hidden, and only they are asked for.

    ids: (T,) token numbers. mask_id: the token that stands in a hidden word's place.
    share: chance of each word to be hidden, 0 to 1; where chance hides none, one is hidden.
    rng: a NumPy generator.
    Returns: inputs, targets, each (T,); targets are `grooves.language.corpora.IGNORED` where
    nothing is hidden.
    Raises: ValueError for an empty text or a share outside 0 to 1.
    Source: Devlin et al. 2019 (BERT), arXiv:1810.04805, section 3.1, which hides 15%; it also
    leaves some of the words to be predicted as they are, or replaces them by random ones.
    """
    ids = _text(ids, at_least=1)
    if not 0 <= share <= 1:
        raise ValueError(f"{share=} is no share: it lies between 0 and 1")
    hidden = rng.random(len(ids)) < share
    if not hidden.any():
        hidden[rng.integers(len(ids))] = True
    return np.where(hidden, mask_id, ids), np.where(hidden, ids, IGNORED)


def masked_patch(images, rng, size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Hide a square of every picture, to be painted in again.

    images: (N, P). size: side of the square in pixels; its place is drawn for each picture.
    Returns: the pictures with 0 where they are hidden, and masks, True there; each (N, P).
    Raises: ValueError where the square does not fit.
    Source: Pathak et al. 2016, arXiv:1604.07379; He et al. 2022, arXiv:2111.06377, hide 75%.
    """
    images = np.asarray(images)
    side = _side(images)
    if not 1 <= size <= side:
        raise ValueError(f"{size=} does not fit into a picture of {side} x {side} pixels")
    top, left = rng.integers(0, side - size + 1, (2, len(images), 1))
    place = np.arange(side)
    rows = (place >= top) & (place < top + size)  # (N, side)
    columns = (place >= left) & (place < left + size)
    masks = (rows[:, :, None] & columns[:, None, :]).reshape(images.shape)
    return np.where(masks, 0, images).astype(images.dtype), masks


def rotations(images) -> tuple[np.ndarray, np.ndarray]:
    """Every picture in four positions, and how far it was turned.

    images: (N, P). Returns: pictures (4 N, P), first all upright ones, then all turned by a
    quarter (against the clock), and so on; labels (4 N,), the number of quarter turns, 0 to 3.
    Source: Gidaris et al. 2018, arXiv:1803.07728.
    """
    images = np.asarray(images)
    side = _side(images)
    square = images.reshape(-1, side, side)
    turned = [np.rot90(square, quarter, axes=(1, 2)).reshape(images.shape) for quarter in range(4)]
    return np.concatenate(turned), np.repeat(np.arange(4), len(images))


def augment(images, rng, erase: float = 0.5) -> np.ndarray:
    """Each picture as another hand might have written it: shifted, turned, scaled, partly erased.

    images: (N, P). Shift up to 1 pixel, turn up to 15 degrees, scale by 0.85 to 1.15, all drawn
    for each picture; with a chance of `erase`, a square of 2 x 2 pixels is emptied.
    Returns: (N, P), the label's meaning unchanged. Not mirrored: a mirrored 2 is no digit.
    """
    images = np.asarray(images)
    side = _side(images)
    angle = rng.uniform(-math.radians(15), math.radians(15), (len(images), 1))
    scale = rng.uniform(0.85, 1.15, (len(images), 1))
    down, right = rng.uniform(-1, 1, (2, len(images), 1))
    grid = np.arange(side) - (side - 1) / 2
    y, x = (axis.reshape(1, -1) for axis in np.meshgrid(grid, grid, indexing="ij"))  # (1, P)
    # For each pixel of the new picture, the place in the old one that it comes from.
    sine, cosine = np.sin(angle) / scale, np.cos(angle) / scale  # (N, 1)
    from_y = cosine * y + sine * x + down + (side - 1) / 2  # (N, P)
    from_x = cosine * x - sine * y + right + (side - 1) / 2
    drawn = _look_up(images, from_y, from_x, side)
    some = rng.random(len(images)) < erase
    drawn[some] = masked_patch(drawn[some], rng, size=2)[0]
    return drawn


def views(images, rng) -> tuple[np.ndarray, np.ndarray]:
    """Two augmented copies of every picture: the same thing seen twice.

    images: (N, P). Returns: two arrays (N, P); row i of both comes from picture i.
    """
    return augment(images, rng), augment(images, rng)


def contrastive_loss(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Each view must find its partner among all other views of the batch (NT-Xent).

    z1, z2: (..., B, D), row i of both made from picture i. With unit vectors, s(a, b) = a . b /
    temperature, and ln(sum over all others b of e^s(a, b)) - s(a, partner) is a view's loss, in
    nats; it is that of a choice among 2 B - 1.
    Returns: the mean over the 2 B views, of shape (...).
    Source: Chen et al. 2020 (SimCLR), arXiv:2002.05709, eq. 1.
    """
    n = z1.size(-2)
    z = F.normalize(torch.cat((z1, z2), dim=-2), dim=-1)  # (..., 2B, D)
    scores = z @ z.mT / temperature  # (..., 2B, 2B)
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    scores = scores.masked_fill(itself, -math.inf)  # nobody is asked to find itself
    partner = torch.arange(2 * n, device=z.device).roll(n)  # i and i + n belong together
    right = scores.gather(-1, partner.expand(scores.shape[:-1])[..., None])[..., 0]  # (..., 2B)
    return (scores.logsumexp(-1) - right).mean(-1)


def pseudo_labels(probabilities, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The model's own answers as labels, where it is sure enough.

    probabilities: (N, K), rows that sum to 1. threshold: least probability of the best answer.
    Returns: indices (M,) of the rows that are sure, and labels (M,), their best answers.
    Source: Lee 2013, "Pseudo-Label"; the threshold as in Sohn et al. 2020 (FixMatch),
    arXiv:2001.07685, eq. 4.
    """
    probabilities = np.asarray(probabilities)
    indices = np.flatnonzero(probabilities.max(-1) >= threshold)
    return indices, probabilities[indices].argmax(-1)


def _text(ids, at_least: int) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 1 or len(ids) < at_least:
        raise ValueError(
            f"a text of shape {ids.shape}, where one row of {at_least} or more words is needed"
        )
    return ids


def _side(images: np.ndarray) -> int:
    """Side of square pictures (N, P)."""
    side = math.isqrt(images.shape[-1])
    if images.ndim != 2 or side**2 != images.shape[-1]:
        raise ValueError(f"pictures of shape {images.shape}, where (N, P) with square P is needed")
    return side


def _look_up(images: np.ndarray, y: np.ndarray, x: np.ndarray, side: int) -> np.ndarray:
    """Pictures (N, P) at places between pixels (N, P each), 0 outside; bilinear."""
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    below, beside = y - top, x - left  # shares of the next row and of the next column
    framed = np.zeros((len(images), side + 2, side + 2), images.dtype)
    framed[:, 1:-1, 1:-1] = images.reshape(-1, side, side)
    flat = framed.reshape(len(images), -1)
    out = np.zeros(y.shape)
    for row, weight_y in ((top, 1 - below), (top + 1, below)):
        for column, weight_x in ((left, 1 - beside), (left + 1, beside)):
            place = np.clip(row + 1, 0, side + 1) * (side + 2) + np.clip(column + 1, 0, side + 1)
            out += weight_y * weight_x * np.take_along_axis(flat, place, axis=1)
    return out.astype(images.dtype)
