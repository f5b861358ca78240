"""One training on *Gazette*, with everything that a later fit needs.

Key idea: a point of a scaling law is a whole training, with its own schedule and its own learning
rate; the loss in the middle of a longer one is no substitute, because its rate has not decayed.
Chapter 5. Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.1 (the schedule must end with
the run).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from grooves import device
from grooves.language.corpora import GazetteData
from grooves.language.gazette import WORDS, Gazette
from grooves.models.transformer import Config, Transformer
from grooves.training.loop import History, train
from grooves.training.optimizers import BASE_WIDTH
from grooves.training.scaling.counting import count, flops_per_token
from grooves.training.scaling.gaps import gap, known_up_to, surprise_by_rank

TOKENS = WORDS + 1  # that are predicted per sentence


@dataclass(frozen=True)
class Setting:
    """What one run depends on.

    width, n_layer: of the model. sentences: that it trains on, D in sentences. batch: of one step.
    optimizer: as `build_optimizers` takes it; "scaled adamw" trains a `ScaledHead`.
    n_sentences: how many sentences are different; None: all are drawn anew.
    """

    width: int
    sentences: int
    batch: int = 256
    n_layer: int = 1
    optimizer: str = "muon"
    matrix_lr: float = 0.025
    lr: float = 0.02
    seed: int = 0
    n_sentences: int | None = None

    @property
    def steps(self) -> int:
        """Of the training, at least 1."""
        return max(1, round(self.sentences / self.batch))

    def config(self, gazette: Gazette) -> Config:
        """The model's sizes: one head, and feed-forward layers in the last block only."""
        return Config(
            len(gazette.vocabulary),
            context=TOKENS,
            n_layer=self.n_layer,
            mlp_from=self.n_layer - 1,
            n_embd=self.width,
            n_head=1,
        )


def tuned(width: int, sentences: int, **more) -> Setting:
    """A run with the rates and the batch that `benchmarks/scaling.py` found for Gazette.

    The best batch grows with the square root of the data; narrow models want a larger rate for the
    embedding.
    """
    lr = 0.08 if width < 24 else 0.06 if width < 32 else 0.04
    batch = max(8, 8 * round(math.sqrt(sentences) / 16))
    return Setting(width, sentences, **({"batch": batch, "lr": lr} | more))


def for_compute(width: int, n_flops: float, gazette: Gazette, **more) -> Setting:
    """A tuned run of a width that costs so many FLOPs: the sentences follow from them."""
    config = Setting(width, 1).config(gazette)
    sentences = n_flops / (flops_per_token(config, TOKENS) * TOKENS)
    return tuned(width, round(sentences), **more)


class ScaledHead(Transformer):
    """A transformer whose logits are BASE_WIDTH / width times as large: (B, T, V).

    With "scaled adamw", no update then grows with the width, so one learning rate suits all widths.
    Source: Yang et al. 2022, arXiv:2203.03466, table 3 (maximal update parametrization).
    """

    def forward(self, ids, cache=None):
        return super().forward(ids, cache) * (BASE_WIDTH / self.config.n_embd)


def trained(
    setting: Setting,
    gazette: Gazette,
    on_step: Callable[[Transformer, History], None] | None = None,
) -> tuple[Transformer, History]:
    """Train a model once. Raises: grooves.training.loop.Divergence where the loss explodes."""
    kind = ScaledHead if setting.optimizer == "scaled adamw" else Transformer
    model = kind(setting.config(gazette), setting.seed).to(device())
    data = GazetteData(gazette, setting.batch, 1 + setting.seed, setting.n_sentences)
    history = train(
        model,
        data,
        steps=setting.steps,
        optimizer=setting.optimizer,
        matrix_lr=setting.matrix_lr,
        lr=setting.lr,
        progress=False,
        on_step=None if on_step is None else lambda history, _: on_step(model, history),
    )
    return model, history


def run(
    setting: Setting,
    gazette: Gazette,
    keep_losses: int = 200,
    checks: int = 0,
    on_check: Callable[[int, float], None] | None = None,
) -> dict:
    """Train once and measure.

    Returns: the setting, parameters, FLOPs, seconds, losses, the exact gap, and `known`, the number
    of people whose facts the model knows.
    keep_losses: means of the loss over so many stretches of the run are returned at most, in nats
    per sentence, with the wall seconds at the end of each.
    on_check: called with 1, 2, … `checks` and the gap at that time, evenly over the run; what it
    raises ends the training.
    Raises: grooves.training.loop.Divergence where the loss explodes.
    """
    stamps = []

    def note(model, history) -> None:
        stamps.append(time.perf_counter() - started)
        before, now = ((history.steps - i) * checks // setting.steps for i in (1, 0))
        if on_check is not None and now > before:
            on_check(now, gap(model, gazette).total)

    started, core = time.perf_counter(), time.process_time()
    model, history = trained(setting, gazette, note)
    core_seconds = time.process_time() - core
    each = max(1, setting.steps // keep_losses)
    ends = range(each, setting.steps + 1, each)
    config, tokens = setting.config(gazette), setting.steps * setting.batch * TOKENS
    return {
        **asdict(setting),
        "steps": setting.steps,
        "tokens": tokens,
        "parameters": asdict(count(config)),
        "flops": flops_per_token(config, TOKENS) * tokens,
        "core_seconds": core_seconds,
        "losses": [float(np.mean(history.losses[e - each : e])) * TOKENS for e in ends],
        "seconds": [stamps[e - 1] for e in ends],
        "gap": gap(model, gazette).to_dict(),
        "known": known_up_to(surprise_by_rank(model, gazette)),
    }
