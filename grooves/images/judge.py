"""A network that reads the scene from a picture, and so judges pictures that a model has drawn.

Key idea: whether a drawn three is a three cannot be computed, only judged. The judge is trained on
pictures whose scene is known, and tested on handwriting that it has never seen: its errors there
are the ceiling for a model that draws. It has learned from other handwriting than that model, so
copies of what the model has seen have no advantage. It finds the two things with attention and
reads both with one classifier, so that what it learns of a digit serves both places. Chapter 07.
Shapes: B pictures (B, 3, H, W) in [-1, 1], scenes as rows (B, 7), C channels, P places.
Source: Salimans et al. 2016, arXiv:1606.03498, section 4 (a classifier that judges samples);
Jaderberg et al. 2015, arXiv:1506.02025 (a network that first looks where the digits are).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grooves import device
from grooves.images.held_out import ATTRIBUTES, SHAPE
from grooves.images.picture_language import PictureLanguage
from grooves.images.render import PictureData, draw_rows, glyphs, layout
from grooves.images.sentences import agreement

STEPS, BATCH = 1500, 96
LR, WEIGHT_DECAY, SMOOTHING = 2e-3, 0.1, 0.05
DISTORTION = ((0.04, 0.08, 0.05), (0.08, 0.04, 0.05))  # scaled less than turned: size is to be read
NOISE = 0.15


class Judge(nn.Module):
    """Convolutions, attention to each of the two things, and one classifier for both.

    size: of the pictures, 16 or 24. width: channels of the first convolution. hidden: units of the
    classifier. seed: of the initial weights.
    """

    def __init__(self, size: int = 16, width: int = 24, hidden: int = 192, seed: int = 0):
        super().__init__()
        self.size, n_places = layout(size).size, (size // 4) ** 2
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.features = nn.Sequential(
                *_convolution(3, width),
                *_convolution(width, 2 * width, stride=2),
                *_convolution(2 * width, 2 * width),
                *_convolution(2 * width, 3 * width, stride=2),
                *_convolution(3 * width, 4 * width),
            )
            self.overview = nn.Sequential(
                nn.Conv2d(4 * width, 16, 1),
                nn.Flatten(),
                nn.Linear(16 * n_places, 64),
                nn.ReLU(),
                nn.Linear(64, SHAPE[0] + 2 * n_places),
            )
            self.classifier = nn.Sequential(
                nn.Linear(4 * width, hidden, bias=False),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Linear(hidden, sum(SHAPE[1:4])),
            )

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits of the seven attributes: a tensor (B, number of values) for each.

        Raises: ValueError for pictures of another size.
        """
        if pictures.shape[1:] != (3, self.size, self.size):
            raise ValueError(
                f"pictures of shape {tuple(pictures.shape)} are not (B, 3, {self.size}, "
                f"{self.size}): this judge reads pictures of size {self.size}"
            )
        features = self.features(pictures.contiguous(memory_format=torch.channels_last))
        relation, scores = self.overview(features).tensor_split([SHAPE[0]], dim=1)
        attention = scores.unflatten(1, (2, -1)).softmax(dim=2)  # (B, 2, P)
        things = torch.einsum("bcp,bkp->bkc", features.flatten(2), attention)  # (B, 2, C)
        logits = self.classifier(things.flatten(0, 1)).unflatten(0, (-1, 2))  # (B, 2, 20)
        first, second = (logits[:, k].split(SHAPE[1:4], dim=1) for k in (0, 1))
        return relation, *first, *second


def _convolution(n_in: int, n_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    )


# ---- training ----------------------------------------------------------------------------------


def train_judge(
    steps: int = STEPS, seed: int = 0, size: int = 16, width: int = 24, of: str = "judge"
) -> Judge:
    """A judge trained on pictures of all scenes, drawn anew at every step.

    of: the set of glyphs. AdamW, with a learning rate that rises for 3% of the steps, stays, and
    falls to zero over the last 70%; pictures are distorted and labels smoothed.
    Returns: the judge, ready to read.
    Raises: ValueError where steps is below 1.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101 (AdamW); Szegedy et al. 2016,
    arXiv:1512.00567, section 7 (label smoothing).
    """
    if steps < 1:
        raise ValueError(f"{steps=} must be at least 1")
    model = Judge(size, width, seed=seed).to(device(), memory_format=torch.channels_last)
    data = PictureData(PictureLanguage("any"), of, size, BATCH, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        done = (step + 0.5) / steps
        optimizer.param_groups[0]["lr"] = LR * min(1, done / 0.03, (1 - done) / 0.7)
        pictures, _, scenes = data.batch(step)
        logits = model(distort(pictures, generator).to(device()))
        scenes = scenes.to(device())
        loss = sum(
            F.cross_entropy(each, scenes[:, i], label_smoothing=SMOOTHING)
            for i, each in enumerate(logits)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def distort(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W), each turned, scaled, sheared and moved a little, with noise.

    The affine map of coordinates is the identity plus normal numbers of standard deviations
    `DISTORTION`; the standard deviation of the noise is uniform up to `NOISE`.
    """
    n = len(pictures)
    change = torch.randn(n, 2, 3, generator=generator) * torch.tensor(DISTORTION)
    grid = F.affine_grid(torch.eye(2, 3) + change, list(pictures.shape), align_corners=False)
    # Zeros come in from outside the picture, so black has to be 0 here.
    moved = F.grid_sample(pictures + 1, grid, align_corners=False) - 1
    strength = NOISE * torch.rand(n, 1, 1, 1, generator=generator)
    return moved + strength * torch.randn(pictures.shape, generator=generator)


# ---- reading and testing -------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What a judge reads. rows: (B, 7), the most probable scene. probabilities: for each of
    `ATTRIBUTES`, (B, number of its values)."""

    rows: np.ndarray
    probabilities: dict[str, np.ndarray]


@torch.no_grad()
def read(model: Judge, pictures: Tensor) -> Reading:
    """Read the scenes of pictures (B, 3, H, W), with the probability of every attribute.

    Labels were smoothed in training, so what is certain has a probability of about 0.95 to 0.98.
    """
    model.eval()
    place = next(model.parameters()).device
    parts = [model(part.to(place)) for part in pictures.split(256)]
    probabilities = {
        name: torch.cat([part[i] for part in parts]).softmax(dim=1).cpu().numpy()
        for i, name in enumerate(ATTRIBUTES)
    }
    rows = np.stack([each.argmax(axis=1) for each in probabilities.values()], axis=1)
    return Reading(rows, probabilities)


def count_right(said: np.ndarray, scenes: np.ndarray) -> dict[str, tuple[int, int]]:
    """How often each attribute is right, and "all" of them: (number right, number).

    said: (N, 7), rows of sentences; an attribute that is not mentioned counts in "all" alone.
    scenes: (N, 7), what a judge reads in the pictures. Compared as in `agreement`.
    """
    right, mentioned = agreement(said, scenes), said >= 0
    counts = {
        name: (int((right & mentioned)[:, i].sum()), int(mentioned[:, i].sum()))
        for i, name in enumerate(ATTRIBUTES)
    }
    return counts | {"all": (int(right.all(axis=1).sum()), len(right))}


def ceiling(
    model: Judge, of: str = "test", n_pictures: int = 4000, seed: int = 0
) -> dict[str, tuple[int, int]]:
    """How often a judge reads true pictures of a set of glyphs correctly, as `count_right`.

    This is the ceiling for pictures that a model draws, because the judge errs on true ones too.
    The set `"test"` has 297 glyphs, so each occurs in many pictures: an interval that takes the
    pictures as independent is too narrow. A model that draws imitates the set `"training"`, whose
    ceiling is a different one.
    """
    rng = np.random.default_rng(seed)
    rows, _ = PictureLanguage("any").batch(n_pictures, rng)
    return count_right(rows, read(model, draw_rows(rows, glyphs(of), rng, model.size)).rows)
