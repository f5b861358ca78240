"""Flow matching: pictures from noise, along straight lines, guided by a sentence.

Key idea: mix a picture with noise in every proportion, and train a network to predict the picture
from the mixture. The prediction gives a direction, from the noise to the picture. To draw, start
from noise alone and follow that direction in small steps. At the start the best prediction is an
average of all pictures that fit the sentence, so the direction changes as the mixture becomes
clearer, and more than one step is needed.
Chapter 07. Shapes: B pictures (B, 3, H, W) in [-1, 1], noise of the same shape, times t (B,): 0 is
noise and 1 a picture; sentences as tokens (B, T), and N pictures of a training set.
Source: Liu et al. 2022, arXiv:2209.03003 (rectified flow); Lipman et al. 2022, arXiv:2210.02747
(flow matching); Ho & Salimans 2022, arXiv:2207.12598 (classifier-free guidance).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

WITHOUT = 0.1  # share of the sentences that training replaces by the empty one
# What predicts pictures: (mixtures, times, sentences) -> (B, 3, H, W).
Model = Callable[[Tensor, Tensor, Tensor], Tensor]


# ---- the path and the loss ---------------------------------------------------------------------


def path(pictures: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """The mixture (1 - t) noise + t picture, a straight line from one to the other."""
    t = _per_picture(t)
    return (1 - t) * noise + t * pictures


def velocity(pictures: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """The velocity at a point x of the path that ends in `pictures`: (picture - x) / (1 - t).

    On the path it is picture - noise at every t. A network may predict either of the two, because
    each follows from the other; ours predicts the picture. t: below 1.
    """
    return (pictures - x) / (1 - _per_picture(t))


def weight(t: Tensor) -> Tensor:
    """Weight of the squared error of the picture in the loss: 1 / (1.25 - t).

    The error of the velocity is that of the picture divided by 1 - t. So a loss on the velocity has
    the weight 1 / (1 - t)**2, which emphasises the end of the path, where only the finest details
    are missing; the weight 1 neglects them. This one is between the two, and 4 at t = 1.
    """
    return 1 / (1.25 - t)


def loss(model: Model, pictures: Tensor, noise: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
    """Mean of `weight` times the squared error per number of the predicted pictures: a scalar."""
    found = model(path(pictures, noise, t), t, tokens)
    return (weight(t) * (found - pictures).square().flatten(1).mean(1)).mean()


def times(n: int, rng: np.random.Generator) -> Tensor:
    """Times (n,) at which to train: the square of uniform numbers, so that more are near the noise.

    There the sentence matters most, because the mixture shows little of the picture.
    """
    return torch.from_numpy(rng.random(n, dtype=np.float32)) ** 2


def noise_like(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Standard normal numbers, in the shape and on the device of pictures."""
    numbers = rng.standard_normal(tuple(pictures.shape), dtype=np.float32)
    return torch.from_numpy(numbers).to(pictures.device)


def without_sentences(tokens: Tensor, rng: np.random.Generator, share: float = WITHOUT) -> Tensor:
    """Sentences, a random share of them replaced by the empty sentence: end marks, token 0.

    Guidance needs a prediction without the sentence. A sentence is kept or replaced as a whole.
    Raises: ValueError where the share is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"{share=} must be a probability, from 0 to 1")
    empty = torch.from_numpy(rng.random(len(tokens)) < share).to(tokens.device)
    return torch.where(empty[:, None], 0, tokens)


# ---- guidance and sampling ---------------------------------------------------------------------


def guided(with_sentence: Tensor, without: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance: without + scale * (with - without), of pictures or of velocities.

    scale: 0 ignores the sentence; 1 is no guidance, the model's own prediction given the sentence;
    more exaggerates what the sentence changes. This is the convention of Imagen (Saharia et al.
    2022, arXiv:2205.11487, eq. 2) and of Stable Diffusion; `scale_of_strength` converts the other.
    """
    return without + scale * (with_sentence - without)


def scale_of_strength(strength: float) -> float:
    """The scale of `guided` for the w of Ho & Salimans (eq. 6), where 0 means no guidance.

    They write (1 + w) * with - w * without, so the scale is 1 + w. Both numbers are called guidance
    scale, and a published one means little without its convention.
    """
    return 1 + strength


def euler_times(steps: int) -> Tensor:
    """The times between which Euler steps go: (steps + 1,), from 0 to 1, closer near the noise.

    Raises: ValueError where steps is below 1.
    """
    if steps < 1:
        raise ValueError(f"{steps=} must be at least 1")
    return torch.linspace(0, 1, steps + 1) ** 2


@torch.no_grad()
def draw(
    model: Model,
    tokens: Tensor,
    steps: int = 16,
    scale: float = 4.0,
    seed: int = 0,
    size: int = 16,
    keep_path: bool = False,
) -> Tensor:
    """Draw a picture for each sentence: Euler steps along the predicted velocity, from noise.

    tokens: (B, T). scale: of `guided`. seed: of the noise; the noise of the first pictures is the
    same however many there are. size: of the pictures.
    Returns: pictures (B, 3, H, W) in [-1, 1]. With `keep_path`, all points from the noise to the
    picture, (steps + 1, B, 3, H, W), not limited to this range.
    Raises: ValueError where steps is below 1.
    """
    moments = euler_times(steps).to(tokens.device)
    rng = np.random.default_rng(seed)
    x = noise_like(torch.empty(len(tokens), 3, size, size, device=tokens.device), rng)
    points = [x]
    for now, then in pairwise(moments):
        t = now.expand(len(x))
        x = x + (then - now) * velocity(predict(model, x, t, tokens, scale), x, t)
        points.append(x)
    return torch.stack(points) if keep_path else x.clamp(-1, 1)


def predict(model: Model, x: Tensor, t: Tensor, tokens: Tensor, scale: float) -> Tensor:
    """The guided prediction of the pictures (B, 3, H, W); both predictions in one forward pass."""
    if scale == 1:
        return model(x, t, tokens)
    both = torch.cat((tokens, torch.zeros_like(tokens)))
    return guided(*model(x.repeat(2, 1, 1, 1), t.repeat(2), both).chunk(2), scale)


# ---- the best possible -------------------------------------------------------------------------


def optimal_picture(x: Tensor, t: Tensor, pictures: Tensor) -> Tensor:
    """The prediction that has the smallest possible loss on a training set, all equally likely.

    It is the mean of the training pictures, each weighted by the probability that the mixture x was
    made of it: the softmax of -|x - t picture|**2 / (2 (1 - t)**2). A model that reached it could
    draw nothing but training pictures.
    x: (B, 3, H, W). t: (B,), below 1. pictures: (N, 3, H, W), the training set. Returns: as x.
    Source: Karras et al. 2022, arXiv:2206.00364, eq. 57 (the same for diffusion).
    """
    flat = pictures.flatten(1).double()  # differences of large numbers, near t = 1
    t = t.double()[:, None]
    # |x - t picture|**2 without |x|**2, which is the same for all pictures
    distance = t**2 * flat.square().sum(1) - 2 * t * (x.flatten(1).double() @ flat.T)  # (B, N)
    share = (-distance / (2 * (1 - t) ** 2)).softmax(dim=1)
    return (share @ flat).to(x.dtype).view_as(x)


def _per_picture(t: Tensor) -> Tensor:
    return t[:, None, None, None]
