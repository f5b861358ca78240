"""Two processes, one request or two: what dividing every matrix does for one user.

Key idea: with tensor parallelism both processes work on one token, and must add up their results
twice per block; with a request each, they never wait for each other. The first can shorten one
user's answer, the second serves two users; only measuring tells from which width on the first does
anything. Chapter 13.

Under torchrun, rank 0 prints one JSON object per width:
    torchrun --standalone --nproc-per-node 2 -m grooves.hardware.many_devices.tensor_requests
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
import torch.distributed as dist

from grooves.models.transformer import Block, Config
from grooves.training.distributed.ranks import Ranks, joined
from grooves.training.distributed.tensor_parallel import TensorParallelBlock

MODULE = "grooves.hardware.many_devices.tensor_requests"
WIDTHS = (64, 256, 1024, 2048)


def program(widths: Sequence[int] = WIDTHS, seconds: float = 1.0) -> list[str]:
    """This module with its arguments, as `launch.torchrun` takes a program."""
    return ["-m", MODULE, "--widths", ",".join(map(str, widths)), "--seconds", str(seconds)]


def time_together(ranks: Ranks, run: Callable, seconds: float, who: int | None = None) -> float:
    """Median time of the slowest rank; a rank that is not `who` waits, or all run if it is None."""
    mine = who is None or who == ranks.rank
    times = []
    started = time.perf_counter()
    ends = torch.zeros(1)
    while not ends:
        dist.barrier()
        before = time.perf_counter()
        if mine:
            run()
        took = torch.tensor(time.perf_counter() - before if mine else 0.0, dtype=torch.float64)
        ends = torch.tensor([float(time.perf_counter() - started > seconds and len(times) > 4)])
        dist.all_reduce(took, dist.ReduceOp.MAX)
        dist.all_reduce(ends, dist.ReduceOp.MAX)
        times.append(float(took))
    return median(times[1:])


@torch.inference_mode()
def measure(width: int, ranks: Ranks, seconds: float) -> dict:
    """One token through one block of a width, without a cache.

    Returns: width; seconds of one process while the other does nothing (alone_s), of each of two
    that answer a request each (two_s), and of both together on one (together_s); what that does for
    one user (speedup = alone / together) and for two (throughput = two requests together, one after
    the other, over two at once).
    """
    heads = max(2, width // 64)
    torch.manual_seed(width)
    block = Block(Config(8, n_layer=1, n_head=heads, n_embd=width, mlp_from=0)).eval()
    half = TensorParallelBlock(block, ranks)
    x = torch.randn(1, 1, width)
    alone = time_together(ranks, lambda: block(x, None), seconds, who=0)
    two = time_together(ranks, lambda: block(x, None), seconds)
    together = time_together(ranks, lambda: half(x, None), seconds)
    difference = float((half(x, None) - block(x, None)).abs().max())
    return {
        "width": width,
        "alone_s": alone,
        "two_s": two,
        "together_s": together,
        "speedup": alone / together,
        "throughput": two / (2 * together),
        "difference": difference,
    }


def main(words: Sequence[str] | None = None) -> None:
    """Measure every width."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)), help="with commas")
    parser.add_argument("--seconds", type=float, default=1.0, help="per width and way")
    args = parser.parse_args(words)
    torch.set_num_threads(1)
    with joined() as ranks:
        for width in map(int, args.widths.split(",")):
            found = measure(width, ranks, args.seconds)
            if ranks.is_first:
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
