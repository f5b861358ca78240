"""How often a model that draws has drawn what the sentence says.

Key idea: the judge reads each picture, and what it reads is compared with the sentence attribute by
attribute. Sentences about combinations that training never showed tell whether the model has
combined what it learned or memorised it. Chapter 07.
Source: as `grooves.images.judge` and `grooves.images.held_out`.
"""

from __future__ import annotations

import numpy as np
import torch

from grooves.images import flow
from grooves.images.judge import Judge, count_right, read
from grooves.images.picture_language import PictureLanguage


def evaluate(
    model: flow.Model,
    judge: Judge,
    kind: str = "seen",
    n: int = 200,
    steps: int = 16,
    scale: float = 4.0,
    seed: int = 0,
) -> dict[str, tuple[int, int]]:
    """How often each attribute of a drawn picture is right, and "all": (number right, number).

    n sentences about scenes of a kind (one of `KINDS`, or "any"), which mention every attribute and
    name either thing first, each drawn once. steps, scale: as `flow.draw`. seed: of the sentences
    and of the noise. The judge errs on true pictures too: compare with `judge.ceiling`.
    Raises: ValueError where n is below 1, or the kind is unknown.
    """
    if n < 1:
        raise ValueError(f"{n=} must be at least 1")
    rows, tokens = PictureLanguage(kind, left_out=0.0).batch(n, np.random.default_rng(seed))
    place = next(judge.parameters()).device
    tokens = torch.from_numpy(tokens).to(place)
    pictures = flow.draw(model, tokens, steps, scale, seed, judge.size)
    return count_right(rows, read(judge, pictures).rows)
