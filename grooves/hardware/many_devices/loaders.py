"""A data loader that starves the model, and three ways to feed it.

Key idea: while a batch is fetched, the model stands still, unless somebody fetches the next one
meanwhile. A thread is enough if fetching is waiting (for a disk or a network), since a thread that
waits lets others work. If it is computing in Python, threads take turns, and only other processes
help; each batch must then be carried from one process to another, which costs something too.
Chapters: 11, 13.
Source: the PyTorch documentation, "torch.utils.data" (workers); Beazley 2010, "Understanding the
Python GIL" (turns).
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import torch
from torch.utils.data import DataLoader, Dataset

from grooves.language.corpora import StoryData
from grooves.training import lineage
from grooves.training.data_parallel import one_core
from grooves.training.optimizers import build_optimizers

WAYS = ("none", "thread", "1 worker", "2 workers")


class SlowBatches(Dataset):
    """Batches that take time to fetch: by waiting or by computing.

    kind: "waiting" (as for a disk) or "computing" (as a tokenizer in Python does).
    seconds: per batch. loops: of Python that take about so long, for "computing".
    Raises: ValueError for another kind.
    """

    def __init__(self, data: StoryData, n: int, kind: str, seconds: float, loops_per_s: float = 0):
        if kind not in ("waiting", "computing"):
            raise ValueError(f"{kind=} must be waiting or computing")
        self.data, self.n, self.kind, self.seconds = data, n, kind, seconds
        self.loops = int(seconds * (loops_per_s or python_loops_per_s()))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, step: int):
        if self.kind == "waiting":
            time.sleep(self.seconds)
        else:
            loop(self.loops)
        return self.data.batch(step)


def loop(n: int) -> int:
    """Count, in Python: a fixed amount of computing, whatever else the machine does."""
    total = 0
    for i in range(n):
        total += i
    return total


def python_loops_per_s(loops: int = 200_000) -> float:
    """How many rounds of `loop` one core of this machine does per second, at its best of five."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        loop(loops)
        best = min(best, time.perf_counter() - started)
    return loops / best


def prefetched(batches: Iterable, ahead: int = 2) -> Iterator:
    """The same batches, fetched by a thread while the consumer works.

    ahead: batches that may wait. An error of the source is raised here, at its place.
    """
    waiting: queue.Queue = queue.Queue(ahead)
    end = object()

    def fetch() -> None:
        try:
            for batch in batches:
                waiting.put((batch, None))
        except Exception as error:
            waiting.put((None, error))
        waiting.put((end, None))

    threading.Thread(target=fetch, daemon=True).start()
    while True:
        batch, error = waiting.get()
        if error is not None:
            raise error
        if batch is end:
            return
        yield batch


def in_order(dataset: Dataset) -> Iterator:
    """Batch by batch, each fetched when it is needed."""
    return (dataset[step] for step in range(len(dataset)))


def loader(dataset: Dataset, way: str) -> Iterator:
    """An iterator over a data set in one of WAYS. Raises: ValueError for another."""
    if way == "none":
        return in_order(dataset)
    if way == "thread":
        return prefetched(in_order(dataset))
    if way not in WAYS:
        raise ValueError(f"{way=} is not one of {', '.join(WAYS)}")
    # Each worker has its own thread pool, which would take the cores from the model.
    start = torch.set_num_threads
    return iter(
        DataLoader(
            dataset,
            batch_size=None,
            num_workers=int(way.split()[0]),
            worker_init_fn=lambda _: start(1),
        )
    )


@dataclass(frozen=True)
class Costs:
    """What the model of a loader needs: seconds of the model's step, and those that a way adds.

    cores: that all processes share. per_batch_s: of carrying a batch to the model's process.
    """

    step_s: float
    per_batch_s: float = 0.0
    cores: int = 2


def predicted_seconds(kind: str, load_s: float, way: str, costs: Costs) -> float:
    """Time of a step with a loader, once it runs.

    Without help, fetching and the step follow each other. A thread hides waiting up to a step's
    length, and no computing. W workers fetch W batches at once, if there are cores for them.
    """
    if way == "none" or (way == "thread" and kind == "computing"):
        return load_s + costs.step_s
    if way == "thread":
        return max(load_s, costs.step_s)
    workers, step = int(way.split()[0]), costs.step_s + costs.per_batch_s
    if kind == "waiting":
        return max(load_s / workers, step)
    return max(load_s / workers, step, (load_s + step) / costs.cores)


def pays_from(kind: str, way: str, costs: Costs, longest_s: float = 0.1) -> float | None:
    """The shortest fetching time from which a way is faster than none, in seconds; None if never.

    Found by bisection between 0 and `longest_s`.
    """

    def gain(load_s: float) -> float:
        alone = predicted_seconds(kind, load_s, "none", costs)
        return alone - predicted_seconds(kind, load_s, way, costs)

    if gain(longest_s) <= 0:
        return None
    low, high = 0.0, longest_s
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if gain(middle) > 0 else (middle, high)
    return high


def trainer(**changes) -> Callable:
    """A function that trains the lineage's model on one batch. changes: to its `Config`."""
    model = lineage.new_model(**changes)
    optimizers = build_optimizers(model)

    def step(batch) -> None:
        model.loss(*batch).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def measure(
    kind: str, load_s: float, way: str, n: int = 60, loops_per_s: float = 0, data=None
) -> dict:
    """Train for `n` steps with a loader.

    Returns: kind, load_s, way, first_s (until the first batch is there, the start of threads and
    processes included), step_s (median of the time from batch to batch, after ten).
    """
    data = data or lineage.new_data(n_stories=600)
    dataset, step = SlowBatches(data, n, kind, load_s, loops_per_s), trainer()
    with one_core():
        started = time.perf_counter()
        marks = []
        for batch in loader(dataset, way):
            marks.append(time.perf_counter())
            step(batch)
        marks.append(time.perf_counter())
    gaps = [b - a for a, b in pairwise(marks)]
    return {
        "kind": kind,
        "load_s": load_s,
        "way": way,
        "first_s": marks[0] - started,
        "step_s": median(gaps[min(10, n // 2) :]),
        "cores": os.cpu_count(),
    }
