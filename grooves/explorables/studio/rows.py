"""What the page shows of a run: one row of a table, and curves of at most 300 points.

Key idea: a page that is sent what it can draw, and no more, stays quick however long a run takes.
Each point of a long run is the mean of as many records as that needs. Chapter 05.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from grooves.language.data_sets import DataSet, describe_data
from grooves.training.run_control import requested
from grooves.training.run_export import table
from grooves.training.run_folder import Found, checkpoint_path
from grooves.training.run_log import Run

POINTS = 300  # of a curve
LAST = ("step", "seconds")  # of which a point keeps the last number and not the mean
ONCE = 30  # words that occur once, as examples
TEXT = 300  # letters of a repeated text


def key_of(run: Run, folder: Path) -> str:
    """What the page calls a run: the path of its log below the folder."""
    return run.path.relative_to(folder).as_posix()


def row(run: Run, folder: Path, parent: str | None = None) -> dict:
    """A run as the page's table shows it, all of it JSON; None stands for what is not known.

    parent: the name of the run that this one branched from.
    """
    header, n = run.header, len(run)
    columns = table(run)
    return {
        "key": key_of(run, folder),
        "id": header.id,
        "name": header.name,
        "state": run.state,
        "message": run.message,
        "request": requested(run.path) if run.going_on else None,
        "planned": header.planned_steps,
        "parameters": header.parameters,
        "optimizer": header.optimizer,
        "rates": header.rates,
        "seed": header.seed,
        "floor": header.floor,
        "parent": parent or header.parent,
        "parent_step": header.parent_step,
        "checkpoint": checkpoint_path(run.path).exists(),
        "skipped": run.skipped,
        "superseded": run.superseded,
        "records": n,
        "latest": {name: known(column[-1]) for name, column in columns.items()} if n else {},
    }


def rows(found: Found, folder: Path) -> list[dict]:
    """All runs of a folder as rows, oldest first."""
    names = {run.header.id: run.header.name for run in found.runs}
    return [row(run, folder, names.get(run.header.parent)) for run in found.runs]


def broken_rows(broken: Sequence[tuple[Path, str]], folder: Path) -> list[dict]:
    """The logs that cannot be read: the path of each below the folder, and why, which names it."""
    names = [path.relative_to(folder).as_posix() for path, _ in broken]
    reasons = [why.replace(str(path), n) for n, (path, why) in zip(names, broken, strict=True)]
    return [
        {"path": name, "reason": why if name in why else f"{name}: {why}"}
        for name, why in zip(names, reasons, strict=True)
    ]


def curve(run: Run, **more: Sequence[float]) -> dict[str, list[float | None]]:
    """The columns of a run, and further ones of the same length, thinned to at most POINTS."""
    columns = table(run) | more
    size = 1
    while len(run) > POINTS * size:
        size *= 2  # a power of two: only the last point changes when the run goes on
    return {name: thinned(column, size, name in LAST) for name, column in columns.items()}


def thinned(column: Sequence[float], size: int, last: bool = False) -> list[float | None]:
    """Each `size` numbers as one: their mean without unknown ones, or the last of them."""
    if size == 1 or last:
        ends = [*range(size - 1, len(column), size)]
        if len(column) % size:
            ends.append(len(column) - 1)
        return [known(column[end]) for end in ends]
    padded = np.full((-(-len(column) // size), size), math.nan)
    padded.flat[: len(column)] = column
    finite = np.isfinite(padded)
    sums = np.where(finite, padded, 0.0).sum(axis=1)
    return [known(s / n) if n else None for s, n in zip(sums, finite.sum(axis=1), strict=True)]


def known(value: float) -> float | None:
    """A number as JSON knows it, with seven digits, or all of an integer; None if not finite."""
    if not math.isfinite(value):
        return None
    exact = abs(value) < 2**53 and float(value).is_integer()
    return int(value) if exact else float(f"{value:.7g}")


def data_row(name: str, texts: Iterable[str | Sequence]) -> dict:
    """A data set as the page shows it. Raises: as `describe_data`."""
    found: DataSet = describe_data(texts)
    return asdict(found) | {
        "name": name,
        "lengths": [[quantile, words] for quantile, words in found.lengths.items()],
        "most_repeated": [[text[:TEXT], n] for text, n in found.most_repeated],
        "once": len(found.once),
        "examples": found.once[:ONCE],
    }
