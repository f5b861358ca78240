"""The race at the end of lab 04: the lowest gap in twenty seconds (chapter 04).

Key idea: the race is for fun and gives a score, so nothing of it is graded. A choice that cannot be
is refused with a sentence.
"""

from __future__ import annotations

from functools import cache

from grooves import device
from grooves.checks import CheckFailed
from grooves.checks.compare import own_seed
from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.models.transformer import Config, Transformer
from grooves.training.lineage import gap
from grooves.training.loop import Divergence, History, train

SIZES = ("n_layer", "n_head", "n_embd", "mlp_from", "positions", "qk_norm", "mix")
TRAINING = ("optimizer", "lr", "matrix_lr")
CHOICES = (*SIZES, *TRAINING, "batch_size")


def race(choices: dict, seconds: float = 20) -> float:
    """Train a model of these choices against the clock; returns nats above the exact entropy.

    Lower is better, 0 is perfect. Not graded.
    Raises: CheckFailed if a choice is unknown or impossible.
    """
    config, batch_size, training = _read(choices)
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
    """The model's configuration, the batch size and the arguments of `train`."""
    if not isinstance(choices, dict):
        raise CheckFailed("the choices must be a dict, such as {'n_layer': 1}.", hint="wrong_type")
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


@cache
def _stories(batch_size: int, n_stories: int) -> StoryData:
    return StoryData(Stories(), n_stories, batch_size, seed=5)
