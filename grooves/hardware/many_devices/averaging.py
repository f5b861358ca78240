"""Average the weights now and then, in place of the gradients at every step.

Key idea: over a slow wire, a step waits longer than it computes. Hosts that train on their own and
average their weights every H steps send H times less; but weights that have drifted apart are not
the weights of one training with twice the batch. What that costs is measured in equal time, beside
a host that trains alone. What a second host brings is its stories: if each has plenty, one host's
are enough, and averaging gains nothing in so short a time. Chapter 13.
Source: McMahan et al. 2017, arXiv:1602.05629 (federated averaging); Stich 2019, arXiv:1805.09767
(local SGD); Douillard et al. 2023, arXiv:2311.08105 (DiLoCo: momentum on the averaged change).

Under torchrun, rank 0 prints one JSON object per training:
    torchrun --standalone --nproc-per-node 2 -m grooves.hardware.many_devices.averaging
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.distributed.gradient_sync import copy_back
from grooves.training.distributed.ranks import Ranks, joined
from grooves.training.optimizers import build_optimizers, schedule

MODULE = "grooves.hardware.many_devices.averaging"
MODES = ("alone", "every step", "every 16", "every 64", "every 16 with momentum")
OUTER_RATE, OUTER_MOMENTUM = 0.7, 0.9  # of DiLoCo


def program(
    seconds: float = 6, seeds: Sequence[int] = (0, 1, 2), modes: Sequence[str] = MODES, **more
) -> list[str]:
    """This module with its arguments. more: `stories` to judge by, `corpus`, `rate`."""
    words = ["-m", MODULE, "--seconds", str(seconds), "--seeds", ",".join(map(str, seeds))]
    for name, value in more.items():
        words += [f"--{name}", str(value)]
    return [*words, "--modes", ",".join(modes)]


class Outer:
    """Averaging the ranks' weights, with momentum on the averaged change where it is not 0."""

    def __init__(self, weights: list[nn.Parameter], n: int, momentum: float = 0.0):
        self.weights, self.n, self.momentum = weights, n, momentum
        self.start = flat(weights)
        self.velocity = torch.zeros_like(self.start)

    @torch.no_grad()
    def average(self, clock: float) -> float:
        """Replace the weights by their average; returns the average of the ranks' clocks, which
        travels along, so that all ranks stop after the same step."""
        message = torch.cat([flat(self.weights), torch.tensor([clock])])
        dist.all_reduce(message)
        message /= self.n
        new = message[:-1]
        if self.momentum:  # Nesterov's, as DiLoCo has it
            change = self.start - new
            self.velocity.mul_(self.momentum).add_(change)
            new = self.start - OUTER_RATE * (change + self.momentum * self.velocity)
        copy_back(new, [weight.data for weight in self.weights])
        self.start = new.clone()
        return float(message[-1])


def flat(weights: Sequence[Tensor]) -> Tensor:
    """All weights as one vector."""
    return torch.cat([weight.detach().flatten() for weight in weights])


def parse(mode: str) -> tuple[int, float]:
    """Steps between two meetings (0: none, 1: gradients at every step), and outer momentum.

    Raises: ValueError for an unknown mode.
    """
    if mode == "alone":
        return 0, 0.0
    if mode == "every step":
        return 1, 0.0
    words = mode.split()
    if len(words) < 2 or words[0] != "every" or not words[1].isdigit() or int(words[1]) < 2:
        raise ValueError(f"{mode=} must be alone, every step, or every N with N above 1")
    return int(words[1]), OUTER_MOMENTUM if words[2:] == ["with", "momentum"] else 0.0


def train(
    mode: str, seconds: float, seed: int, ranks: Ranks, corpus: int = 4000, rate: float = 1.0
) -> tuple[nn.Module, int]:
    """Train for so many seconds of wall time; returns the model and the steps of this rank.

    Each rank has its own stories. The learning rate falls to zero with the time that is spent, from
    `rate` times the usual one. After the last meeting, all ranks have the same weights; alone, each
    has its own.
    """
    every, momentum = parse(mode)
    model = lineage.new_model(seed=seed)
    weights = list(model.parameters())
    optimizers = build_optimizers(model)
    peaks = [rate * o.param_groups[0]["lr"] for o in optimizers]
    own = 1 + seed + 1000 * ranks.rank
    data = StoryData(Stories(), corpus, lineage.BATCH, own)
    outer = Outer(weights, ranks.n, momentum)
    dist.barrier()
    started, step, spent = time.perf_counter(), 0, 0.0
    while spent < 1:
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * schedule(min(1.0, spent))
        model.loss(*data.batch(step)).backward()
        now = (time.perf_counter() - started) / seconds
        if every == 1:
            message = torch.cat([flat([w.grad for w in weights]), torch.tensor([now])])
            dist.all_reduce(message)
            message /= ranks.n
            copy_back(message[:-1], [w.grad for w in weights])
            now = float(message[-1])
        nn.utils.clip_grad_norm_(weights, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if every < 2:
            spent = now
        elif step % every == 0:
            spent = outer.average(now)
        else:
            spent = min(now, 0.999)  # it ends with a meeting only
    return model.eval(), step


def main(words: Sequence[str] | None = None) -> None:
    """Train in every mode with every seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6, help="of each training")
    parser.add_argument("--seeds", default="0,1,2", help="with commas")
    parser.add_argument("--modes", default=",".join(MODES), help="with commas")
    parser.add_argument("--stories", type=int, default=60, help="to judge by")
    parser.add_argument("--corpus", type=int, default=4000, help="stories to learn from")
    parser.add_argument("--rate", type=float, default=1.0, help="times the usual learning rate")
    args = parser.parse_args(words)
    torch.set_num_threads(1)
    with joined() as ranks:
        for seed in map(int, args.seeds.split(",")):
            for mode in args.modes.split(","):
                model, steps = train(mode, args.seconds, seed, ranks, args.corpus, args.rate)
                if ranks.is_first:
                    gap, error = lineage.gap(model, n_stories=args.stories)
                    row = {"mode": mode, "seed": seed, "steps": steps, "gap": gap, "error": error}
                    print(json.dumps(row | {"seconds": args.seconds}), flush=True)
                dist.barrier()


if __name__ == "__main__":
    main()
