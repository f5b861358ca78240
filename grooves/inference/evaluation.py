"""The two yardsticks of a story model, and the command that remakes the committed one.

Key idea: a model of *Stories* can be judged exactly. Its gap is what it loses against the
language's own probabilities, and each story that it generates either is a story of the language or
is not.
Chapters: all from 04 on.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import torch

from grooves import assets
from grooves.inference.generate import sample_stories
from grooves.language.stories import Stories
from grooves.models.transformer import count_parameters
from grooves.training.checkpoint import save_model
from grooves.training.lineage import BASE_STEPS, BATCH, base, gap, make_base


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


def accepted(
    model, language: Stories | None = None, n: int = 200, temperature=1.0, seed=0
) -> float:
    """Share of `n` stories told by the model that are stories of the language."""
    language = language or Stories()
    stories = sample_stories(model, language, n, temperature, seed)
    return sum(language.parse(story).ok for story in stories) / n


def evaluate(model, language: Stories | None = None, n: int = 200, seed: int = 0) -> Score:
    """Both yardsticks at once."""
    mean, error = gap(model, language)
    share = accepted(model, language, n, seed=seed)
    return Score(mean, error, share, math.sqrt(max(share * (1 - share), 1 / n) / n))


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
        print(evaluate(base(), n=400))
        return 0
    started = time.perf_counter()
    model = make_base()
    seconds = time.perf_counter() - started
    score = evaluate(model, n=400)
    save_model(model, assets.WEIGHTS / "base.safetensors", {"steps": BASE_STEPS})
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
    (assets.WEIGHTS / "base.md").write_text(card, encoding="utf-8")
    print(score)
    return 0
