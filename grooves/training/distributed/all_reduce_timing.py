"""How long an all-reduce takes, by the size of the vector: the measurement of a link.

Key idea: the ranks start together (a barrier), and the time counts until the slowest has finished,
because a training step continues only then. The median of many repeats is quoted with its spread:
on a machine that others use, some repeats are many times slower. Chapter 13.

Under torchrun, rank 0 prints one JSON object per size:
    torchrun --standalone --nproc-per-node 2 -m grooves.training.distributed.all_reduce_timing
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles

import torch
import torch.distributed as dist
from torch import Tensor

from grooves.training.distributed.launch import run
from grooves.training.distributed.ranks import Ranks, joined
from grooves.training.distributed.ring import ring_all_reduce

KINDS: dict[str, Callable[[Tensor], object]] = {
    "all_reduce": dist.all_reduce,
    "ring": ring_all_reduce,
}
SIZES = tuple(2**k for k in range(10, 25, 2))  # bytes: 1 KiB to 16 MiB
MODULE = "grooves.training.distributed.all_reduce_timing"


def time_all_reduce(
    ranks: Ranks, n_bytes: int, kind: str = "all_reduce", seconds: float = 0.5, least: int = 5
) -> dict:
    """Time all-reduces of one size; all ranks call it together and get the same result.

    n_bytes: of the vector, in 32-bit numbers. kind: "all_reduce" (PyTorch's) or "ring" (ours).
    seconds: about how long to repeat; least: repeats at least.
    Returns: kind, n_ranks, n_bytes, backend, and of the slowest rank's times median_s, low_s and
    high_s (quartiles), samples_s (all of them); correct, whether every sum was right.
    Raises: ValueError for a size below one number, or an unknown kind.
    """
    if n_bytes < 4 or kind not in KINDS:
        raise ValueError(f"{n_bytes=} must be at least 4, and {kind=} one of {', '.join(KINDS)}")
    vector = torch.empty(n_bytes // 4, device=ranks.place)
    correct = True

    def once() -> float:
        nonlocal correct
        vector.fill_(1.0)
        dist.barrier()
        started = time.perf_counter()
        KINDS[kind](vector)
        if ranks.place.type == "cuda":
            torch.cuda.synchronize()  # the call above returned before its work was done
        taken = time.perf_counter() - started
        correct &= bool((vector == ranks.n).all())
        return taken

    once()  # the first call opens connections
    worst = torch.tensor(once(), dtype=torch.float64, device=ranks.place)
    dist.all_reduce(worst, dist.ReduceOp.MAX)  # so that all ranks repeat equally often
    repeats = max(least, min(300, int(seconds / float(worst))))
    times = torch.tensor([once() for _ in range(repeats)], dtype=torch.float64, device=ranks.place)
    dist.all_reduce(times, dist.ReduceOp.MAX)
    samples = times.tolist()
    low, _, high = quantiles(samples, n=4)
    return {
        "kind": kind,
        "n_ranks": ranks.n,
        "n_bytes": vector.numel() * 4,
        "backend": dist.get_backend(),
        "median_s": median(samples),
        "low_s": low,
        "high_s": high,
        "samples_s": samples,
        "correct": correct,
    }


def measure_all_reduce(
    sizes: Sequence[int] = SIZES,
    n: int = 2,
    kinds: Sequence[str] = ("all_reduce",),
    seconds: float = 0.5,
    options: Sequence[str] = (),
) -> list[dict]:
    """Start `n` processes on this host, and return what `time_all_reduce` found for each size.

    options: of torchrun, as in `launch.torchrun`. Raises: RuntimeError where a process failed.
    """
    return run(program(sizes, kinds, seconds), n, options=options)


def program(
    sizes: Sequence[int] = SIZES, kinds: Sequence[str] = ("all_reduce",), seconds: float = 0.5
) -> list[str]:
    """This module with its arguments, as `launch.torchrun` takes a program."""
    of_sizes = ["--bytes", ",".join(map(str, sizes))]
    return ["-m", MODULE, *of_sizes, "--kinds", ",".join(kinds), "--seconds", str(seconds)]


def main(words: Sequence[str] | None = None) -> None:
    """Measure every kind and size, and print a JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", default=",".join(map(str, SIZES)), help="sizes, with commas")
    parser.add_argument("--kinds", default="all_reduce", help="all_reduce, ring, or both")
    parser.add_argument("--seconds", type=float, default=0.5, help="per size and kind")
    args = parser.parse_args(words)
    torch.set_num_threads(1)
    with joined() as ranks:
        for kind in args.kinds.split(","):
            for n_bytes in map(int, args.bytes.split(",")):
                found = time_all_reduce(ranks, n_bytes, kind, args.seconds)
                if ranks.is_first:
                    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
