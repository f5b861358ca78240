"""What a device can do, measured: products, copies, launches, transfers.

Key idea: each figure is one small experiment, whose result keeps every sample, the precision and
the number of threads. The same experiments run on a CPU, on CUDA and on MPS, so that their results
can be drawn in one figure. Chapters: 11, 12.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch

from grooves.hardware import roofline
from grooves.hardware.roofline import Operation
from grooves.hardware.timing import Timing, measure

# Name -> PyTorch's type and bytes per value. tf32 is fp32 in memory; only products round.
PRECISIONS = {
    "fp64": (torch.float64, 8),
    "fp32": (torch.float32, 4),
    "tf32": (torch.float32, 4),
    "bf16": (torch.bfloat16, 2),
    "fp16": (torch.float16, 2),
}
CPU = torch.device("cpu")
PIECE = 500_000  # numbers that are copied at once on a CPU: 2 MB from here to there


@dataclass(frozen=True)
class Measurement:
    """One experiment: the operation, how it was run, and every sample of its time."""

    kind: str  # "matmul", "matvec", "copy", "launch" ...
    size: int  # rows of the square matrix, or bytes moved, as the kind says
    precision: str
    device: str  # "cpu", "cuda" or "mps"
    threads: int
    operation: Operation
    timing: Timing

    @property
    def flops_per_s(self) -> float:
        """The rate of the median run."""
        return self.operation.flops / self.timing.median_s

    @property
    def best_flops_per_s(self) -> float:
        """The rate of the least disturbed run."""
        return self.operation.flops / self.timing.best_s

    @property
    def bytes_per_s(self) -> float:
        """Bytes per second in the median run."""
        return self.operation.n_bytes / self.timing.median_s

    @property
    def best_bytes_per_s(self) -> float:
        """Bytes per second in the least disturbed run."""
        return self.operation.n_bytes / self.timing.best_s

    def to_dict(self) -> dict:
        """Plain data, from which `from_dict` makes the same again."""
        return asdict(self)

    @staticmethod
    def from_dict(entry: dict) -> Measurement:
        """Raises: ValueError where a field is missing or not known."""
        try:
            timing = entry["timing"] | {"samples": tuple(entry["timing"]["samples"])}
            parts = {"operation": Operation(**entry["operation"]), "timing": Timing(**timing)}
            return Measurement(**(entry | parts))
        except (KeyError, TypeError) as fault:
            raise ValueError(f"an experiment of another form ({fault}): {entry}") from None


def offers(place: torch.device, precision: str) -> bool:
    """Whether a device computes at this precision at all.

    Raises: ValueError for a precision that is not one of `PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"{precision=} is unknown: choose from {', '.join(PRECISIONS)}")
    if precision == "tf32":  # a way in which NVIDIA's matrix units multiply
        return place.type == "cuda" and torch.cuda.get_device_capability(place) >= (8, 0)
    return not (precision == "fp64" and place.type == "mps")


@contextmanager
def multiplying_in(precision: str):
    """Within the block products of float32 are rounded to tf32, or exactly not."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def values(shape: tuple[int, ...], precision: str, place: torch.device) -> torch.Tensor:
    """Numbers between 0 and 1: where all are alike, some devices draw less power and run faster."""
    if not offers(place, precision):
        raise ValueError(f"{precision=} is no format of {place.type}: see offers()")
    made = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return made.to(place, PRECISIONS[precision][0])


def time_operation(
    kind: str, size: int, precision: str, place, operation, function: Callable, **how
) -> Measurement:
    """Time one experiment; `how` goes to `grooves.hardware.timing.measure`."""
    settings = {"min_s": 0.05, "min_runs": 5, "max_s": 1.0, "max_runs": 200} | how
    timing = measure(function, place=place, **settings)
    threads = torch.get_num_threads()
    return Measurement(kind, size, precision, place.type, threads, operation, timing)


def matmuls(
    sizes: Iterable[int], precision: str, place: torch.device, budget_s: float = 0.3, **how
) -> list[Measurement]:
    """Square matrices times each other, size by size from the smallest.

    Small products are done many to a sample, so that looking at the clock costs nothing.
    budget_s: ends before the first size whose one product would take longer, as the last one
    lets expect.
    """
    found: list[Measurement] = []
    _, n_bytes = PRECISIONS[precision] if offers(place, precision) else (None, 0)
    for n in sorted(sizes):
        if found and found[-1].timing.median_s * (n / found[-1].size) ** 3 > budget_s:
            break
        a, b, c = (values((n, n), precision, place) for _ in range(3))
        with multiplying_in(precision):
            operation = roofline.matmul(n, n, n, n_bytes)
            multiply = lambda a=a, b=b, c=c: torch.mm(a, b, out=c)  # noqa: E731
            settings = {"repeat": max(1, int(3e6 / operation.flops))} | how
            timed = time_operation("matmul", n, precision, place, operation, multiply, **settings)
            found.append(timed)
    return found


def matvecs(sizes: Iterable[int], precision: str, place: torch.device, **how) -> list[Measurement]:
    """A row of n numbers times a matrix (n, n): a layer at batch 1."""
    found = []
    for n in sorted(sizes):
        x, w = values((1, n), precision, place), values((n, n), precision, place)
        operation = roofline.matvec(n, n, PRECISIONS[precision][1])
        with multiplying_in(precision):
            settings = {"repeat": max(1, int(3e6 / operation.flops))} | how
            multiply = lambda x=x, w=w: x @ w  # noqa: E731
            timed = time_operation("matvec", n, precision, place, operation, multiply, **settings)
            found.append(timed)
    return found


def copies(n_bytes: Iterable[int], place: torch.device, **how) -> list[Measurement]:
    """Copy so many bytes from one place of a device's memory to another of the same memory.

    `size` is the working set, source and target together: what a cache would have to hold. On a
    CPU a large one is copied piece by piece, a piece a sample, going on where the last one ended:
    short samples have a chance not to be interrupted, and no piece lies in a cache any more.
    """
    found = []
    for size in sorted(n_bytes):
        n = max(1, size // 8)  # two tensors of four bytes a number
        piece = min(n, PIECE) if place.type == "cpu" else n
        sources, targets = (torch.ones(n, device=place).split(piece) for _ in range(2))
        turn = itertools.cycle(range(n // piece))  # a shorter rest is left out

        def move(sources=sources, targets=targets, turn=turn):
            i = next(turn)
            targets[i].copy_(sources[i])

        settings = {"repeat": max(1, 1_000_000 // (8 * n))} | how
        operation = roofline.copy_of(piece)
        found.append(time_operation("copy", 8 * n, "fp32", place, operation, move, **settings))
    return found


def launches(place: torch.device, **how) -> dict[str, Measurement]:
    """Multiply two numbers: as little work as there is, so that what is left is the call.

    Returns: "waited", where each call waits for its result, and "queued", the mean of a thousand
    calls, each enqueued before the previous one need be done.
    """
    x, y = torch.rand(1, 1, device=place), torch.rand(1, 1, device=place)
    operation = roofline.matmul(1, 1, 1)
    ask = lambda name, **more: time_operation(  # noqa: E731
        name, 1, "fp32", place, operation, lambda: torch.mul(x, y), **(more | how)
    )
    return {"waited": ask("launch, waited"), "queued": ask("launch, queued", repeat=1000)}


def transfers(n_bytes: Iterable[int], place: torch.device, **how) -> list[Measurement]:
    """Transfer so many bytes from the host's memory to the device's.

    Returns: nothing for a CPU, which has no other memory to transfer them to.
    """
    if place.type == "cpu":
        return []
    found = []
    for size in sorted(n_bytes):
        source = torch.ones(max(1, size // 4))
        target = torch.empty_like(source, device=place)
        operation = Operation(f"transfer of {size}", 0, source.nbytes)
        for kind, origin in (("transfer", source), ("transfer, pinned", _pinned(source, place))):
            if origin is not None:
                move = lambda target=target, origin=origin: target.copy_(origin)  # noqa: E731
                timed = time_operation(kind, source.nbytes, "fp32", place, operation, move, **how)
                found.append(timed)
    return found


def _pinned(source: torch.Tensor, place: torch.device) -> torch.Tensor | None:
    return source.pin_memory() if place.type == "cuda" else None
