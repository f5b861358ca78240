"""The course's own models as experiments: the work that they are, and how fast a device does it.

Key idea: a model is a point on the roofline like any other operation. Small ones lie far below both
limits, because calling a function takes longer than what it computes. Chapters: 11, 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import torch

from grooves.hardware import roofline
from grooves.hardware.microbench import Measurement, time_operation, values
from grooves.inference.decoder import Decoder
from grooves.inference.generate import Reader
from grooves.training import lineage
from grooves.training.optimizers import build_optimizers

DIGITS = (64, 32, 10)  # numbers in the layers of the network of chapters 1 and 2


def digits_forward(batch: int, place: torch.device, **how) -> Measurement:
    """A batch of pictures through the network of chapters 1 and 2. `how` goes to `measure`."""
    layers = [torch.nn.Linear(*sizes) for sizes in pairwise(DIGITS)]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]).to(place)
    x = values((batch, DIGITS[0]), "fp32", place)
    operation = roofline.network_forward(DIGITS, batch)

    @torch.inference_mode()
    def forward():
        network(x)

    how = {"repeat": 20} | how
    return time_operation("digits", batch, "fp32", place, operation, forward, **how)


def story_word(place: torch.device, position: int = 64, program=Reader, **how) -> Measurement:
    """One more word of a story after `position` others, with a cache, as in generation.

    program: `Reader`, which runs the same PyTorch code on every device, or `Decoder`, which runs
    fused NumPy code on a CPU. Two devices are compared with the same program only; recordings made
    before 30 November 2026 hold "story word", by the `Decoder` on a CPU and by the `Reader` on a
    GPU. Each run reads the word anew at the same place: what it would append is written over.
    Raises: ValueError for a `Decoder` where it cannot run.
    """
    model = lineage.base().to(place)
    if program is Decoder and not Decoder.fits(model):
        raise ValueError(f"a Decoder runs on a CPU only, not on {place.type}: choose Reader")
    ids = torch.randint(1, model.config.vocabulary_size, (1, position), device=place)
    operation = roofline.decoded_word(model.config, position)
    with torch.inference_mode():
        reader = program(model, ids)

        def write():
            reader.read(ids[:, -1:])
            if isinstance(reader, Decoder):
                reader.position = position
            else:
                reader.cache.advance(-1)
                for layer in reader.cache.layers:
                    layer.length = position

        kind = f"word by {program.__name__}"
        return time_operation(kind, 1, "fp32", place, operation, write, **how)


def story_words(place: torch.device, **how) -> list[Measurement]:
    """A word by each program that runs on a device."""
    programs = (Reader, Decoder) if place.type == "cpu" else (Reader,)
    return [story_word(place, program=program, **how) for program in programs]


def calls_of_a_step(place: torch.device, **changes) -> int:
    """Operations that PyTorch calls in one step of the story model's training."""
    step = story_step(place, **changes)
    step()  # the optimizers make their state
    with roofline.Tally() as tally:
        step()
    return tally.calls


def story_step(place: torch.device, **changes):
    """A step of the story model's training as a function: forward, backward, update.

    changes: to the model's `Config`, such as its width `n_embd`.
    """
    model = lineage.new_model(**changes).to(place)
    inputs, targets = (batch.to(place) for batch in lineage.new_data(n_stories=50).batch(0))
    optimizers = build_optimizers(model)

    def step():
        model.loss(inputs, targets).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def training_step(place: torch.device, **how) -> Measurement:
    """One step of the story model's training, for a batch of the lineage's stories.

    FLOPs and bytes are tallied while it runs once, after the optimizers have made their state.
    """
    return _timed("training step", lineage.BATCH, place, story_step(place), **how)


def wider_steps(
    widths: Iterable[int], place: torch.device, budget_s: float = 0.5, **how
) -> list[Measurement]:
    """The same training step for models of other widths (`size`), from the narrowest.

    Each head has 32 channels, as in the course's model. budget_s: ends before the first width
    whose step would take longer, as the last one lets expect.
    """
    found: list[Measurement] = []
    for width in sorted(widths):
        if found and found[-1].timing.median_s * (width / found[-1].size) ** 2 > budget_s:
            break
        step = story_step(place, n_embd=width, n_head=max(1, width // 32))
        found.append(_timed("wider step", width, place, step, **how))
    return found


def _timed(kind: str, size: int, place: torch.device, step: Callable, **how) -> Measurement:
    step()  # the optimizers make their state
    operation = roofline.tallied("training step", step)
    return time_operation(kind, size, "fp32", place, operation, step, **how)
