"""The one family of models that the course trains, tunes, serves and shrinks.

Key idea: the same small model goes through every chapter, so each chapter can say in one unit,
nats above the exact entropy, what its idea buys. Chapters: all from 04 on.
"""

from __future__ import annotations

from pathlib import Path

import torch

from grooves import assets, device
from grooves.language.corpora import HeldOut, StoryData
from grooves.language.stories import Stories, per_word
from grooves.models.transformer import Config, Transformer
from grooves.training.checkpoint import load_model
from grooves.training.loop import train

BATCH = 6  # stories a step: many small steps learn the recalls sooner than few large ones
BASE_STEPS = 6_000  # of the committed checkpoint
SHORT_STEPS = (700, 1_100)  # of the two that were trained too briefly, to show errors


def new_model(language: Stories | None = None, seed: int = 0, **changes) -> Transformer:
    """An untrained model of the lineage, on this machine's device; `changes` go to `Config`."""
    size = len((language or Stories()).vocabulary)
    return Transformer(Config(vocabulary_size=size, **changes), seed).to(device())


def new_data(language: Stories | None = None, n_stories: int = 20_000, seed: int = 1) -> StoryData:
    """Training stories for a model of the lineage."""
    return StoryData(language or Stories(), n_stories, BATCH, seed)


def base() -> Transformer:
    """The committed story model, trained for `BASE_STEPS` steps, on this machine's device."""
    return load_model(weights_path(BASE_STEPS)).to(device()).eval()


def short_trained(steps: int = SHORT_STEPS[-1]) -> Transformer:
    """A committed model of the same recipe with fewer steps, on this machine's device.

    About 70 % of the stories of the one with 1,100 steps are accepted, and 1 % of those with 700.
    The learning rate fell to zero in these steps: it is no early checkpoint of the base model.
    Raises: ValueError where no model with so many steps is committed.
    """
    if steps not in SHORT_STEPS:
        raise ValueError(f"{steps=} is not one of {', '.join(map(str, SHORT_STEPS))}")
    return load_model(weights_path(steps)).to(device()).eval()


def weights_path(steps: int) -> Path:
    """Where the model trained for `steps` steps is stored."""
    name = "base" if steps == BASE_STEPS else f"short_{steps}"
    return assets.WEIGHTS / f"{name}.safetensors"


def make_base(steps: int = BASE_STEPS, progress: bool = True) -> Transformer:
    """Train the base model anew, from nothing, with fixed seeds; or one with fewer steps."""
    model = new_model()
    train(model, new_data(), steps=steps, progress=progress)
    return model


def gap(model, language: Stories | None = None, n_stories: int = 100) -> tuple[float, float]:
    """Nats a word that the model is worse than perfect, with the standard error.

    The mean of `divergence` over held-out stories. It is loss minus entropy, without the noise of
    which word happened to come.
    """
    held_out = _held_out(language or Stories(), n_stories)
    nats = divergence(model, held_out).sum(-1).double()
    words = (held_out.targets >= 0).sum(-1)
    return per_word(nats.numpy(), words.numpy())


@torch.no_grad()
def divergence(model, held_out: HeldOut) -> torch.Tensor:
    """At every place of held-out stories, nats that the model is worse than perfect: (N, T).

    The exact divergence Σ p ln(p / q) of the model's probabilities q from the language's p; 0 in
    the padding.
    """
    place, parts = next(model.parameters()).device, []
    for start in range(0, len(held_out.inputs), 50):
        rows = slice(start, start + 50)
        log_q = model(held_out.inputs[rows].to(place)).float().log_softmax(-1).cpu()
        p = held_out.truth[rows]
        parts.append((torch.special.xlogy(p, p) - p * log_q).sum(-1))
    return torch.cat(parts)


_KEPT: dict[tuple, HeldOut] = {}


def _held_out(language: Stories, n_stories: int) -> HeldOut:
    key = (language.dialect, n_stories)
    if key not in _KEPT:
        _KEPT[key] = HeldOut(language, n_stories)
    return _KEPT[key]
