"""Steps over a wire: measure the wire, predict a training step, then take it.

Key idea: a step takes what it computes, and then alpha per message and its bytes over beta. Tensor
by tensor, there are as many messages as tensors; as one flat buffer, there is one. The wire is
fitted with vectors that no model sends, so each step is a prediction. Chapter 13.

Under torchrun, rank 0 prints one JSON object per measurement:
    torchrun --standalone --nproc-per-node 2 -m grooves.hardware.many_devices.wire_steps
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from statistics import median

import torch
import torch.distributed as dist

from grooves.hardware.many_devices.alpha_beta import AlphaBeta, fit
from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.models.transformer import count_parameters
from grooves.training import lineage
from grooves.training.distributed import loop
from grooves.training.distributed.all_reduce_timing import time_all_reduce
from grooves.training.distributed.ranks import Ranks, joined

MODULE = "grooves.hardware.many_devices.wire_steps"
SIZES = (4 << 10, 64 << 10, 256 << 10, 1 << 20)  # bytes of the fit
MODELS = {"96k": {}, "0.7M": {"n_embd": 128, "n_layer": 4, "n_head": 4}}
WAYS = ("alone", "flat", "naive")


def program(
    steps: int = 8,
    seconds: float = 0.4,
    models: Sequence[str] = tuple(MODELS),
    stories: int = 6,
    ways: Sequence[str] = WAYS,
) -> list[str]:
    """This module with its arguments, as `launch.torchrun` takes a program.

    seconds: per size of the fit; 0 leaves the fit out. ways: of WAYS, or of `loop.NAMES`.
    """
    numbers = ["--steps", str(steps), "--seconds", str(seconds), "--stories", str(stories)]
    return ["-m", MODULE, *numbers, "--models", ",".join(models), "--ways", ",".join(ways)]


def time_steps(way: str, changes: dict, ranks: Ranks, steps: int, stories: int) -> dict:
    """Median time of a training step, of the slowest rank; two steps before are not counted.

    way: of `loop.NAMES`, or "alone", which computes the same and sends nothing. The ranks start
    each step together. stories: in all.
    """
    model = lineage.new_model(**changes)
    divided, optimizers = loop.build("flat" if way == "alone" else way, model, ranks)
    if way == "alone":
        divided.reduce = lambda: None
    data = StoryData(Stories(), max(120, 4 * stories), stories, 1)
    times = []
    for step in range(steps + 2):
        inputs, targets = data.batch(step)
        dist.barrier()
        started = time.perf_counter()
        divided.backward(inputs, targets)
        divided.clip()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        times.append(time.perf_counter() - started)
    slowest = torch.tensor(times[2:], dtype=torch.float64)
    dist.all_reduce(slowest, dist.ReduceOp.MAX)
    return {
        "way": way,
        "n_bytes": 4 * count_parameters(model),
        "messages": {"alone": 0, "naive": len(list(model.parameters()))}.get(way, 1),
        "step_s": median(slowest.tolist()),
        "samples_s": slowest.tolist(),
    }


def predicted(rows: Sequence[dict], kind: str = "all_reduce") -> tuple[AlphaBeta, list[dict]]:
    """Fit the wire to the all-reduces, and predict every step that communicates.

    rows: what the program printed. A step is predicted from the one "alone" at the same model.
    Returns: the wire (per all-reduce, not per message of its ring), and rows with predicted_s and
    error (predicted / measured - 1).
    """
    sums = [row for row in rows if row.get("kind") == kind]
    wire = fit([row["n_bytes"] for row in sums], [row["median_s"] for row in sums])
    steps = [row for row in rows if "way" in row]
    alone = {row["model"]: row["step_s"] for row in steps if row["way"] == "alone"}
    found = []
    for row in steps:
        if row["way"] != "alone":
            sent = row["messages"] * wire.alpha_s + row["n_bytes"] / wire.beta_bytes_per_s
            total = alone[row["model"]] + sent
            found.append(row | {"predicted_s": total, "error": total / row["step_s"] - 1})
    return wire, found


def main(words: Sequence[str] | None = None) -> None:
    """Measure the wire and the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8, help="per model and way")
    parser.add_argument("--seconds", type=float, default=0.4, help="per size of the fit")
    parser.add_argument("--stories", type=int, default=6, help="per step, on all ranks together")
    parser.add_argument("--models", default=",".join(MODELS), help="with commas")
    parser.add_argument("--ways", default=",".join(WAYS), help="with commas")
    args = parser.parse_args(words)
    torch.set_num_threads(1)
    with joined() as ranks:
        sizes = SIZES if args.seconds > 0 else ()
        found = [time_all_reduce(ranks, n, seconds=args.seconds) for n in sizes]
        for name in args.models.split(","):
            for way in args.ways.split(","):
                row = time_steps(way, MODELS[name], ranks, args.steps, args.stories)
                found.append(row | {"model": name})
        if ranks.is_first:
            for row in found:
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
