"""The one family of models that the course trains, tunes, serves and shrinks.

Key idea: the same small model goes through every chapter, so each chapter can say in one unit,
nats above the exact entropy, what its idea buys. Chapters: all from 04 on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from grooves import device
from grooves.checkpoint import load_model, save_model
from grooves.data import HeldOut, StoryData
from grooves.generate import sample_stories
from grooves.stories import Stories
from grooves.train import train
from grooves.transformer import Config, Transformer, count_parameters

WEIGHTS = Path(__file__).parent / "weights"
RECORDED = Path(__file__).parent / "recorded"
BATCH = 6  # stories a step: many small steps learn the recalls sooner than few large ones
BASE_STEPS = 6_000  # of the committed checkpoint


@dataclass(frozen=True)
class Score:
    """How far from perfect: nats a word above the exact entropy, and the share of true stories."""

    gap_nats: float
    gap_error: float
    accepted: float
    accepted_error: float

    def __str__(self) -> str:
        gap = f"{self.gap_nats:.4f} ± {self.gap_error:.4f} nats a word above the exact entropy"
        return f"{gap}, {self.accepted:.0%} ± {self.accepted_error:.0%} of its stories accepted"


def new_model(language: Stories | None = None, seed: int = 0, **changes) -> Transformer:
    """An untrained model of the lineage, on this machine's device; `changes` go to `Config`."""
    size = len((language or Stories()).vocabulary)
    return Transformer(Config(vocabulary_size=size, **changes), seed).to(device())


def new_data(language: Stories | None = None, n_stories: int = 20_000, seed: int = 1) -> StoryData:
    """Training stories for a model of the lineage."""
    return StoryData(language or Stories(), n_stories, BATCH, seed)


def base() -> Transformer:
    """The committed story model, trained for `BASE_STEPS` steps, on this machine's device."""
    return load_model(WEIGHTS / "base.safetensors").to(device()).eval()


def recorded(name: str) -> dict:
    """A measurement too long for a notebook, as a benchmark wrote it: rows, machine, date.

    Raises: ValueError where nothing of this name was recorded.
    """
    path = RECORDED / f"{name}.json"
    if not path.exists():
        names = ", ".join(sorted(p.stem for p in RECORDED.glob("*.json")))
        raise ValueError(f"{name=} was not recorded; there are {names}")
    return json.loads(path.read_text(encoding="utf-8"))


def make_base(steps: int = BASE_STEPS, progress: bool = True) -> Transformer:
    """Train the base model anew, from nothing, with fixed seeds."""
    model = new_model()
    train(model, new_data(), steps=steps, progress=progress)
    return model


def gap(model, language: Stories | None = None, n_stories: int = 100) -> tuple[float, float]:
    """Nats a word that the model is worse than perfect, with the standard error.

    The mean of `divergence` over held-out stories. It is loss minus entropy, without the noise of
    which word happened to come.
    """
    held_out = _held_out(language or Stories(), n_stories)
    total = divergence(model, held_out).sum(-1).double()
    words = (held_out.targets >= 0).sum(-1).double()
    mean = total.sum() / words.sum()
    error = (total - mean * words).std() / math.sqrt(n_stories) / words.mean()
    return float(mean), float(error)


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


def accepted(
    model, language: Stories | None = None, n: int = 200, temperature=1.0, seed=0
) -> float:
    """Share of `n` stories told by the model that are stories of the language."""
    language = language or Stories()
    stories = sample_stories(model, language, n, temperature, seed)
    return sum(language.parse(story).ok for story in stories) / n


def judge(model, language: Stories | None = None, n: int = 200, seed: int = 0) -> Score:
    """Both yardsticks at once."""
    mean, error = gap(model, language)
    share = accepted(model, language, n, seed=seed)
    return Score(mean, error, share, math.sqrt(max(share * (1 - share), 1 / n) / n))


_KEPT: dict[tuple, HeldOut] = {}


def _held_out(language: Stories, n_stories: int) -> HeldOut:
    key = (language.dialect, n_stories)
    if key not in _KEPT:
        _KEPT[key] = HeldOut(language, n_stories)
    return _KEPT[key]


_CARD = """# base.safetensors

The story model of the course: {weights:,} weights, {config}.

Made by `grooves lineage remake`: {steps:,} steps of {batch} stories each from `lineage.new_data()`
(the course's own language; no text from elsewhere), Muon and AdamW, fixed seeds, in {seconds:.0f} s
on {machine}. Remaking on another machine gives other last digits and the same quality.

Judged when it was made: {score}.

Meant for the notebooks of this course. It knows {vocabulary} words and nothing of the world.
Licence: MIT, as the code.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves lineage`."""
    parser.add_argument("action", choices=["remake", "judge"], help="train anew, or score")


def main(args: argparse.Namespace) -> int:
    """`grooves lineage remake` trains and saves the base model; `judge` scores the saved one."""
    if args.action == "judge":
        print(judge(base(), n=400))
        return 0
    started = time.perf_counter()
    model = make_base()
    seconds = time.perf_counter() - started
    score = judge(model, n=400)
    save_model(model, WEIGHTS / "base.safetensors", {"steps": BASE_STEPS})
    config = model.config
    card = _CARD.format(
        weights=count_parameters(model),
        config=f"{config.n_layer} layers, width {config.n_embd}, {config.n_head} heads",
        steps=BASE_STEPS,
        batch=BATCH,
        seconds=seconds,
        machine=f"{next(model.parameters()).device.type} with {torch.get_num_threads()} threads",
        score=score,
        vocabulary=config.vocabulary_size,
    )
    (WEIGHTS / "base.md").write_text(card, encoding="utf-8")
    print(score)
    return 0
