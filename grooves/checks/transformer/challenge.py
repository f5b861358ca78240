"""Check of lab 04, last part: the open challenge (chapter 04).

Key idea: a fair budget is counted, not timed. The check allows a number of FLOPs, so a slow or busy
machine makes no difference; the race against the clock is for fun and gives a score.
"""

from __future__ import annotations

from functools import cache

from grooves import device
from grooves.checks import CheckFailed, check
from grooves.checks.compare import own_seed
from grooves.checks.transformer.flops import training_step_flops
from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.models.transformer import Config, Transformer
from grooves.training.lineage import gap
from grooves.training.loop import Divergence, History, train

LAB = "04_transformer"
BUDGET_FLOPS = 6e10  # about a second on two cores
MOST_STEPS = 150  # a tiny model spends its time in Python, not in FLOPs
FEWEST_STEPS = 10
BAR_NATS = 0.6  # the course's own values reach about 0.7 on this budget, good recipes 0.4
STORY_WORDS = 125  # mean length of a story, for the cost of a step
SIZES = ("n_layer", "n_head", "n_embd", "mlp_from", "positions", "qk_norm", "mix")
TRAINING = ("optimizer", "lr", "matrix_lr")
CHOICES = (*SIZES, *TRAINING, "batch_size")


@check(lab=LAB, exercise="recipe", returns=dict)
def recipe(answer):
    """recipe() -> dict of choices (see CHOICES); what is left out stays at the course's value."""
    choices = answer()
    config, batch_size, training = _read(choices)
    cost = training_step_flops(config, batch_size, STORY_WORDS)
    steps = min(MOST_STEPS, int(BUDGET_FLOPS / cost))
    bill = f"one step costs {cost:.2g} FLOPs, so {BUDGET_FLOPS:.2g} FLOPs pay for {steps} steps"
    if steps < FEWEST_STEPS:
        raise CheckFailed(
            f"{bill}.\nThat is too few to train. Make the model or the batch smaller.",
            hint="too_large",
        )
    model = _model(config)
    history = _train(model, batch_size, 4_000, training, steps=steps, progress=False)
    if history.interrupted:
        raise KeyboardInterrupt
    reached = gap(model, n_stories=50)[0]
    if not reached < BAR_NATS:
        mistake, name = _why(steps, choices)
        raise CheckFailed(
            f"your recipe ends {reached:.2f} nats above the exact entropy, the bar is {BAR_NATS} "
            f"({bill}).\nLikely mistake: {mistake}",
            hint=name,
        )
    return f"{reached:.3f} nats above the exact entropy after {steps} steps (bar: {BAR_NATS})."


def race(answer, seconds: float = 20) -> float:
    """Train by the recipe against the clock and return the score: nats above the exact entropy.

    Lower is better, 0 is perfect. Not graded.
    Raises: CheckFailed if the recipe has an unknown or impossible choice.
    """
    config, batch_size, training = _read(answer())
    model = _model(config)
    n_stories = 4_000 if seconds < 5 else 20_000
    history = _train(model, batch_size, n_stories, training, seconds=seconds)
    reached, error = gap(model)
    print(
        f"{reached:.4f} ± {error:.4f} nats above the exact entropy after {history.steps} steps "
        f"({history.words_per_s:,.0f} words per second)."
    )
    return reached


def _read(choices: dict) -> tuple[Config, int, dict]:
    """The model's configuration, the batch size and the arguments of `train` in a recipe."""
    if not isinstance(choices, dict):
        raise CheckFailed("a recipe must return a dict of choices.", hint="wrong_type")
    if unknown := [name for name in choices if name not in CHOICES]:
        raise CheckFailed(
            f"there is no choice {unknown[0]!r}. The choices are {', '.join(CHOICES)}.",
            hint="unknown_choice",
        )
    sizes = {name: choices[name] for name in SIZES if name in choices}
    training = {name: choices[name] for name in TRAINING if name in choices}
    batch_size = choices.get("batch_size", 8)
    if training.get("optimizer", "muon") not in ("muon", "adamw"):
        raise CheckFailed(
            f"optimizer = {training['optimizer']!r} must be 'muon' or 'adamw'.",
            hint="unknown_optimizer",
        )
    for name in ("lr", "matrix_lr"):
        if not isinstance(training.get(name, 0.02), int | float):
            raise CheckFailed(f"{name} = {training[name]!r} must be a number.", hint="no_number")
    if not (isinstance(batch_size, int) and 1 <= batch_size <= 256):
        raise CheckFailed(
            f"{batch_size = } must be an integer from 1 to 256.", hint="impossible_batch"
        )
    try:
        # A single layer needs an MLP, although the course's model has none in its first one.
        sizes.setdefault("mlp_from", min(Config.mlp_from, sizes.get("n_layer", 2) - 1))
        config = Config(len(Stories().vocabulary), **sizes)
    except (ValueError, TypeError) as error:
        raise CheckFailed(f"this model cannot be built: {error}.", hint="impossible_size") from None
    return config, batch_size, training


def _model(config: Config) -> Transformer:
    with own_seed(0):
        return Transformer(config).to(device())


def _train(model, batch_size: int, n_stories: int, training: dict, **budget) -> History:
    try:
        return train(model, _stories(batch_size, n_stories), **training, **budget)
    except Divergence as error:
        raise CheckFailed(f"{error}", hint="diverged") from None
    except ValueError as error:
        raise CheckFailed(f"this cannot be trained: {error}.", hint="impossible_rate") from None


def _why(steps: int, choices: dict) -> tuple[str, str]:
    """The likely reason that a recipe stays above the bar, and its name."""
    if not choices:
        return "these are the course's own values. Change one of them.", "nothing_chosen"
    rates = [choices.get(name, 0.02) for name in ("lr", "matrix_lr")]
    if steps < MOST_STEPS // 5:
        return "there are too few steps. A smaller model or batch leaves more of them.", "few_steps"
    if rates[0] < 5e-3 or rates[1] < 5e-3:
        return (
            "the learning rate is so low that training does not get there in time: raise it.",
            "rate_too_low",
        )
    if choices.get("optimizer") == "adamw":
        return "AdamW needs a higher learning rate or more steps here than Muon.", "adamw"
    return (
        "the model is too small, or lacks a component that is worth its cost. Change one thing.",
        "above_bar",
    )


@cache
def _stories(batch_size: int, n_stories: int) -> StoryData:
    return StoryData(Stories(), n_stories, batch_size, seed=5)
