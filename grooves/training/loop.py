"""Training: forward pass, loss, backward pass, step, repeat.

Key idea: one plain loop. Everything around the few lines in its middle keeps work from being lost:
a budget, a progress bar, checkpoints, and clear messages when training fails.
Chapters: 02, 04, 05.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from grooves.training import checkpoint
from grooves.training.data_parallel import Team
from grooves.training.optimizers import build_optimizers, schedule
from grooves.training.run_control import StopTraining


class Divergence(RuntimeError):
    """The loss became infinite or far too large; the message names the step and a likely cause."""


@dataclass
class History:
    """A record of training: loss in nats per word at each step, words seen, seconds spent."""

    losses: list[float] = field(default_factory=list)
    words: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    learning_rate: float = math.nan  # of the last step; AdamW's where there are two optimizers
    gradient_norm: float | torch.Tensor = math.nan  # of the last step, before clipping

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def words_per_s(self) -> float:
        """Words trained on per second."""
        return self.words / self.seconds if self.seconds else 0.0


def train(
    model: nn.Module,
    data,
    seconds: float | None = None,
    steps: int | None = None,
    optimizer: str = "muon",
    matrix_lr: float = 0.025,
    lr: float = 0.02,
    entropy: float | None = None,
    save_to: Path | str | None = None,
    save_every: int = 200,
    resume: bool = True,
    progress: bool = True,
    on_step: Callable[[History, float], None] | None = None,
) -> History:
    """Train a model for a number of steps or of seconds, and return the history.

    model: anything with `loss(inputs, targets)`. data: anything with `batch(step)`.
    entropy: nats per word of the language; the progress bar then shows the loss above it.
    save_to: a checkpoint written every `save_every` steps and at the end; where it exists and
    `resume` is true, training continues from it, with identical results on the same machine.
    on_step: called after each step with the history and the fraction of the budget that is spent.
    Ctrl-C (or the kernel's stop button) finishes the step, saves, and returns, and so does a
    `StopTraining` that `on_step` raises.
    Raises: ValueError unless exactly one budget is given; Divergence where the loss explodes.
    """
    if (seconds is None) == (steps is None) or not 0 < (seconds or steps or 0) < math.inf:
        raise ValueError(f"give one positive budget, not {seconds=} and {steps=}")
    device = next(model.parameters()).device
    optimizers = build_optimizers(model, optimizer, matrix_lr, lr)
    peak_rates = [o.param_groups[0]["lr"] for o in optimizers]
    history = History()
    if save_to is not None and resume and Path(save_to).exists():
        _resume(model, optimizers, history, save_to)
    model.train()
    bar = _bar(steps, seconds, progress, history)

    def spent() -> float:
        return min(1.0, history.steps / steps if steps else history.seconds / seconds)

    with Team(model) as team, _postponed_interrupt() as interrupted:
        while (done := spent()) < 1 and not interrupted.is_set():
            started = time.perf_counter()
            factor = schedule(done)
            for opt, rate in zip(optimizers, peak_rates, strict=True):
                opt.param_groups[0]["lr"] = rate * factor
            history.learning_rate = peak_rates[-1] * factor
            inputs, targets = data.batch(history.steps)

            loss = team.backward(inputs.to(device), targets.to(device))  # forward and backward pass
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # at most 1 afterwards
            for opt in optimizers:
                opt.step()
                opt.zero_grad(set_to_none=True)

            history.losses.append(loss)
            history.gradient_norm = norm  # a tensor, because reading it would synchronise a GPU
            history.words += int((targets >= 0).sum())
            history.seconds += time.perf_counter() - started
            _refuse_divergence(history, lr, matrix_lr, save_to)
            if save_to is not None and history.steps % save_every == 0:
                _save(model, optimizers, history, save_to)
            if on_step is not None:
                try:
                    on_step(history, spent())
                except StopTraining:
                    interrupted.set()
            _show(bar, history, steps, entropy)
        history.interrupted = interrupted.is_set()
    bar.close()
    model.eval()
    if save_to is not None:
        _save(model, optimizers, history, save_to)
    if history.interrupted:
        kept = f"saved in {save_to}, the same call goes on from there" if save_to else "not saved"
        print(f"Stopped after step {history.steps}; {kept}.")
    return history


def _refuse_divergence(history: History, lr: float, matrix_lr: float, save_to) -> None:
    """Raise `Divergence` where the newest loss is not a number, or far above the first."""
    loss, first = history.losses[-1], history.losses[0]
    finite = math.isfinite(loss)
    if finite and loss < 2 * first + 5:
        return
    what = "is not a number" if not finite else f"rose from {first:.2f} to {loss:.2f}"
    saved = f"; the last checkpoint in {save_to} is untouched" if save_to is not None else ""
    cause = (
        f"the learning rates (lr={lr:g}, matrix_lr={matrix_lr:g}) are the likely cause: try a "
        "third of these rates"
        if history.steps > 1
        else "it was so before any step, so look at the data and the weights first"
    )
    raise Divergence(f"The loss {what} at step {history.steps}; {cause}{saved}.")


@contextmanager
def _postponed_interrupt():
    """Turn Ctrl-C into a flag, so that no step is cut in half. Gives the flag."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGINT, lambda *_: flag.set())
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


# ---- checkpoints: weights, optimizer state and history in one safetensors file -----------------


def _save(model, optimizers, history: History, path) -> None:
    tensors = {f"model.{name}": p for name, p in model.named_parameters()}
    for i, opt in enumerate(optimizers):
        for place, state in opt.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{place}.{key}": value for key, value in state.items()}
    tensors["losses"] = torch.tensor(history.losses, dtype=torch.float64)
    notes = {"words": history.words, "seconds": history.seconds, "optimizers": _names(optimizers)}
    checkpoint.write(path, tensors, notes)


def _names(optimizers) -> list[str]:
    return [type(opt).__name__ for opt in optimizers]


def _resume(model, optimizers, history: History, path) -> None:
    tensors, notes = checkpoint.read(path)
    if "losses" not in tensors:
        raise checkpoint.CheckpointError(f"{path} holds a model, but no training to go on from")
    if (used := notes["optimizers"]) != (asked := _names(optimizers)):
        raise checkpoint.CheckpointError(
            f"{path} was trained with another optimizer ({' and '.join(used)}, not "
            f"{' and '.join(asked)}): go on with that one, or save under another name"
        )
    weights = {n[6:]: t for n, t in tensors.items() if n.startswith("model.")}
    checkpoint.restore(model, weights, path)
    for i, opt in enumerate(optimizers):
        state: dict[int, dict] = {}
        for name, tensor in tensors.items():
            if name.startswith(f"optimizer.{i}."):
                _, _, place, key = name.split(".")
                state.setdefault(int(place), {})[key] = tensor
        opt.load_state_dict(opt.state_dict() | {"state": state})
    history.losses = tensors["losses"].tolist()
    history.words, history.seconds = notes["words"], notes["seconds"]


# ---- the progress bar --------------------------------------------------------------------------


def _bar(steps, seconds, progress: bool, history: History):
    from tqdm.auto import tqdm

    total = steps if steps else round(seconds, 1)
    # A timed run shows its seconds once; tqdm would add how long it took and a rate in s/s.
    timed = {"bar_format": "{desc}: {percentage:.0f}%|{bar}| {n:.1f} of {total:.1f} s{postfix}"}
    bar = tqdm(
        total=total, disable=not progress, desc="training", **({"unit": "step"} if steps else timed)
    )
    bar.update(history.steps if steps else round(min(history.seconds, seconds), 1))
    return bar


def _show(bar, history: History, steps, entropy: float | None) -> None:
    recent = history.losses[-20:]
    loss = sum(recent) / len(recent)
    text = f"{loss:.3f} nats a word"
    if entropy is not None:
        text += f", {loss - entropy:.3f} above the best possible"
    bar.set_postfix_str(text, refresh=False)
    target = history.steps if steps else round(min(history.seconds, bar.total), 1)
    bar.update(target - bar.n)
