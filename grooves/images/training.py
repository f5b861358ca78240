"""Training a model that draws, and the moving average of its weights that is used afterwards.

Key idea: each step mixes new pictures with new noise at random times, so the loss jumps from step
to step, and the weights with it. An average over the last few hundred steps draws better than the
weights of any one of them. Chapter 07.
Source: Polyak & Juditsky 1992, SIAM J. Control Optim. 30, 838 (averaged weights); Karras et al.
2024, arXiv:2312.02696 (what such an average does for models that draw).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from grooves.images import flow
from grooves.training import checkpoint
from grooves.training.loop import Divergence, History
from grooves.training.optimizers import build_optimizers, schedule
from grooves.training.run_control import StopTraining

LR = 2e-3  # with twice as much, far less is learned in the same time
WEIGHT_DECAY = 0.01
DECAY = 0.995  # of the average: it reaches back about 200 steps


class Average:
    """The exponential moving average of a model's weights, as a model of its own.

    After each step, average = d * average + (1 - d) * weights. d rises to `decay` from a small
    value, so that the first steps are soon forgotten. model: the average, which takes no gradient.
    Raises: ValueError where decay is not from 0 to below 1.
    """

    def __init__(self, model: nn.Module, decay: float = DECAY):
        if not 0 <= decay < 1:
            raise ValueError(f"{decay=} must be from 0 to below 1")
        self.decay, self.model = decay, copy.deepcopy(model).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        own, new = list(self.model.parameters()), list(model.parameters())
        torch._foreach_lerp_(own, new, 1 - decay)


def train_drawer(
    model: nn.Module,
    data,
    seconds: float | None = None,
    steps: int | None = None,
    lr: float = LR,
    decay: float = DECAY,
    seed: int = 0,
    save_to: Path | str | None = None,
    save_every: int = 200,
    on_step: Callable[[History, float], None] | None = None,
) -> tuple[nn.Module, History]:
    """Train a model for a number of steps or of processor seconds.

    model: predicts pictures, as `flow.loss` calls it. data: its `batch(step)` gives pictures and
    sentences first, as that of `PictureData`. seconds: of processor time, summed over its cores;
    with a budget in steps, training is repeatable on one machine, with one in seconds it is not.
    seed: of the noise, the times, and the sentences that are left out.
    save_to: a checkpoint, written every `save_every` steps and at the end; where it exists,
    training continues from it, with identical results on the same machine.
    on_step: called after each step with the history and the fraction of the budget that is spent.
    Where it raises `StopTraining`, training is saved and ends.
    Returns: the average of the weights, as a model for drawing, and the history, whose losses are
    those of `flow.loss`. `model` itself holds the last weights.
    Raises: ValueError unless exactly one positive budget is given; Divergence where the loss is no
    number; CheckpointError where the checkpoint is of another model.
    """
    if (seconds is None) == (steps is None) or not 0 < (seconds or steps or 0) < math.inf:
        raise ValueError(f"give one positive budget, not {seconds=} and {steps=}")
    (optimizer,) = build_optimizers(model, "adamw", lr=lr)
    optimizer.param_groups[0]["weight_decay"] = WEIGHT_DECAY
    average, history = Average(model, decay), History()
    if save_to is not None and Path(save_to).exists():
        _resume(model, average, optimizer, history, save_to)
    place = next(model.parameters()).device
    model.train()

    def spent() -> float:
        return min(1.0, history.steps / steps if steps else history.seconds / seconds)

    while (done := spent()) < 1 and not history.interrupted:
        started = time.process_time()
        history.learning_rate = optimizer.param_groups[0]["lr"] = lr * schedule(done)
        pictures, tokens, *_ = (each.to(place) for each in data.batch(history.steps))
        # A stream of its own: `data` may have drawn its pictures from (seed, step).
        rng = np.random.default_rng((seed, history.steps, 1))
        noise, t = flow.noise_like(pictures, rng), flow.times(len(pictures), rng).to(place)

        loss = flow.loss(model, pictures, noise, t, flow.without_sentences(tokens, rng))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        history.gradient_norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

        history.losses.append(loss.item())
        history.words += int((tokens > 0).sum())
        average.update(model, history.steps)
        history.seconds += time.process_time() - started
        if not math.isfinite(history.losses[-1]):
            raise Divergence(
                f"the loss is not a number after step {history.steps}: try a third of {lr=:g}"
            )
        if save_to is not None and history.steps % save_every == 0:
            _save(model, average, optimizer, history, save_to)
        if on_step is not None:
            try:
                on_step(history, spent())
            except StopTraining:
                history.interrupted = True
    model.eval()
    if save_to is not None:
        _save(model, average, optimizer, history, save_to)
    return average.model, history


def _save(model, average, optimizer, history, path) -> None:
    tensors = {"losses": torch.tensor(history.losses, dtype=torch.float64)}
    for part, holder in (("model", model), ("average", average.model)):
        tensors |= {f"{part}.{name}": p for name, p in holder.named_parameters()}
    for place, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{place}.{key}": value for key, value in state.items()}
    checkpoint.write(path, tensors, {"words": history.words, "seconds": history.seconds})


def _resume(model, average, optimizer, history, path) -> None:
    tensors, notes = checkpoint.read(path)
    if "losses" not in tensors:
        raise checkpoint.CheckpointError(f"{path} holds no training to go on from")

    def those_of(part: str) -> dict:
        return {n.removeprefix(part): p for n, p in tensors.items() if n.startswith(part)}

    checkpoint.restore(model, those_of("model."), path)
    checkpoint.restore(average.model, those_of("average."), path)
    state: dict[int, dict] = {}
    for name, tensor in those_of("optimizer.").items():
        place, key = name.split(".")
        state.setdefault(int(place), {})[key] = tensor
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    history.losses = tensors["losses"].tolist()
    history.words, history.seconds = notes["words"], notes["seconds"]
