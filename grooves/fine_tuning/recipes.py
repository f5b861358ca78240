"""Fine-tuning: a trained model learns a dialect from a few examples, in four ways.

Key idea: the loop is the one that trained the model. What differs is the initialisation, the set of
trainable weights, how far training goes, and a second question: how much of the first language the
model has forgotten. Chapter 06.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from grooves.fine_tuning.lora import add_lora, last_layer_only
from grooves.language.corpora import IGNORED, StoryData
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.loop import History, train

BATCH = 5  # stories of the dialect per step, as many as the smallest number of examples
RANK = 4  # of LoRA, by default
MUON_RATIO = 1.25  # of the rate of Muon to that of AdamW, as in pre-training
METHODS = ("from scratch", "last layer", "LoRA", "full")
N_OLD = 1_000  # stories of the first language that replay draws from
_OLD_SEED = 31_337  # not those that the base model was trained on


@dataclass(frozen=True)
class Recipe:
    """How far to go: the peak learning rate, and the number of steps."""

    lr: float
    steps: int


# Best of the sweep in `benchmarks/fine_tuning.py --sweep`, by number of examples. LoRA and full
# fine-tuning had the same grid.
RECIPES: dict[str, dict[int, Recipe]] = {
    "from scratch": {
        5: Recipe(0.005, 100),
        20: Recipe(0.005, 300),
        50: Recipe(0.02, 100),
        100: Recipe(0.01, 300),
        200: Recipe(0.02, 300),
        500: Recipe(0.02, 600),
        1000: Recipe(0.02, 1500),
        2000: Recipe(0.02, 1500),
    },
    "last layer": {
        5: Recipe(0.003, 300),
        20: Recipe(0.01, 100),
        50: Recipe(0.01, 300),
        500: Recipe(0.03, 300),
        2000: Recipe(0.03, 600),
    },
    "LoRA": {
        5: Recipe(0.003, 100),
        20: Recipe(0.003, 300),
        50: Recipe(0.01, 300),
        500: Recipe(0.03, 300),
        2000: Recipe(0.03, 1500),
    },
    "full": {
        5: Recipe(0.001, 100),
        20: Recipe(0.003, 100),
        50: Recipe(0.003, 100),
        500: Recipe(0.003, 300),
        2000: Recipe(0.003, 600),
    },
}


def recipe(method: str, n_examples: int) -> Recipe:
    """The recipe of a method: that of the greatest number of examples in RECIPES up to this one.

    Raises: ValueError for a method that there is not.
    """
    _check(method)
    known = RECIPES[method]
    return known[max((n for n in known if n <= n_examples), default=min(known))]


class Examples:
    """`n` stories of a language in batches of five, with replayed old stories if wanted.

    `batch(step)` depends on seed and step alone, so an interrupted run resumes with the batches it
    would have seen. The same seed with a greater n adds stories to the same ones.
    replay: stories of the first language added to each batch; they are drawn from N_OLD of them.
    batch_size: stories of `language` in a batch.
    Raises: ValueError where n is not a multiple of batch_size (no story may be left out), or
    replay < 0.
    """

    def __init__(
        self, language: Stories, n: int, seed: int = 0, replay: int = 0, batch_size: int = BATCH
    ):
        if n < batch_size or n % batch_size:
            raise ValueError(f"{n=} must be a multiple of {batch_size}, or examples are left out")
        if replay < 0:
            raise ValueError(f"{replay=} must be 0 or more stories per step")
        self.new = StoryData(language, n, batch_size, seed)
        self.old = StoryData(Stories(), N_OLD, replay, _OLD_SEED) if replay else None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one step, each (5 + replay, T)."""
        new = self.new.batch(step)
        if self.old is None:
            return new
        return _one_below_the_other(new, self.old.batch(step))


def prepare(method: str, seed: int = 0, rank: int = RANK, start=None) -> torch.nn.Module:
    """The model that a method begins with, in which only what it trains is trainable.

    start: a model of the lineage to begin with, changed in place (default: the base model).
    seed: of the initialisation, from scratch, and of LoRA.
    Raises: ValueError for a method that there is not, or a rank that does not fit.
    """
    _check(method)
    if method == "from scratch":
        return lineage.new_model(seed=seed)
    model = lineage.base() if start is None else start
    if method == "last layer":
        return last_layer_only(model)
    return add_lora(model, rank, seed=seed) if method == "LoRA" else model


def fine_tune(
    method: str,
    language: Stories,
    n_examples: int,
    seed: int = 0,
    replay: int = 0,
    rank: int = RANK,
    lr: float | None = None,
    steps: int | None = None,
    save_to: Path | str | None = None,
    on_step=None,
) -> tuple[torch.nn.Module, History]:
    """Learn a language from a number of its stories; returns the model and the history.

    method: one of METHODS. From scratch uses the optimizers of pre-training, Muon and AdamW; the
    other ways use AdamW. seed: of the examples, and of the initialisation where there is one.
    replay: old stories per step. lr, steps: in place of the recipe's. save_to, on_step: as for
    `grooves.training.loop.train`, whose loop and schedule this uses, so the number of steps is
    fixed beforehand and nothing is stopped early.
    Raises: ValueError as `prepare` and `Examples`.
    """
    usual = recipe(method, n_examples)
    usual = Recipe(usual.lr if lr is None else lr, usual.steps if steps is None else steps)
    model = prepare(method, seed, rank)
    history = train(
        model,
        Examples(language, n_examples, seed, replay),
        steps=usual.steps,
        lr=usual.lr,
        optimizer="muon" if method == "from scratch" else "adamw",
        matrix_lr=MUON_RATIO * usual.lr,
        save_to=save_to,
        progress=False,
        on_step=on_step,
    )
    return model, history


def evaluate_both(model, language: Stories, n_stories: int = 100) -> tuple[float, float]:
    """Gaps in nats per word above the exact entropy: of the new language, and of the first one.

    The second minus the base model's own is what was forgotten.
    """
    return lineage.gap(model, language, n_stories)[0], lineage.gap(model, None, n_stories)[0]


def _check(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"{method=} is not one of {', '.join(METHODS)}")


def _one_below_the_other(first, second) -> tuple[Tensor, Tensor]:
    """Two pairs (B, T) of inputs and targets as one, padded to the longer."""
    width = max(first[0].size(1), second[0].size(1))
    both = []
    for upper, lower, padding in zip(first, second, (0, IGNORED), strict=True):
        rows = torch.full((len(upper) + len(lower), width), padding, dtype=upper.dtype)
        rows[: len(upper), : upper.size(1)] = upper
        rows[len(upper) :, : lower.size(1)] = lower
        both.append(rows)
    return both[0], both[1]
