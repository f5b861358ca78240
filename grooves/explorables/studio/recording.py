"""The runs of a folder as a recording, which a page shows without a kernel.

Key idea: a log says when everything happened, so a page that holds the whole log can show the
folder as it was at any time. Chapter 05.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from grooves.explorables.studio.rows import broken_rows, curve, data_row, rows
from grooves.explorables.studio.widget import Studio, named
from grooves.training.run_folder import find_runs, started_at
from grooves.training.run_log import LOST, RUNNING, STATES, Run, parse


def state(folder: Path | str, data: Mapping[str, Iterable] | Iterable | None = None) -> dict:
    """All that a page starts from which shows the runs below a folder, at the end of them.

    data: as for `Studio`. Raises: ValueError where there are no runs.
    """
    recorded = record(folder)
    return Studio.defaults() | {
        "live": False,
        "recording": recorded,
        "broken": recorded["broken"],
        "time": recorded["length"],
        "data_sets": [data_row(name, texts) for name, texts in named(data).items()],
    }


def record(folder: Path | str) -> dict:
    """The runs below a folder, with times in seconds since the first one started.

    Returns: length, when the last thing happened; broken, as in `Studio`; and runs: of each its
    last `row`, when it `begins`, its `states` [[when, state, message]], and its `curve`, with the
    column "when".
    Raises: ValueError where there are no runs.
    """
    found = find_runs(folder)
    if not found.runs:
        raise ValueError(f"there are no runs below {folder}: record at least one first")
    zero = started_at(found.runs[0].header.started)
    runs = []
    for run, row in zip(found.runs, rows(found, Path(folder)), strict=True):
        begins = started_at(run.header.started) - zero
        states, idle = changes(run, zero)
        when = times(run, begins, idle)
        if run.state == LOST:
            states.append([max([begins, *when[-1:]]), LOST, ""])
        runs.append(
            {"row": row, "begins": begins, "states": states, "curve": curve(run, when=when)}
        )
    ends = [max([one["begins"], *(s[0] for s in one["states"])]) for one in runs]
    ends += [one["curve"]["when"][-1] for one in runs if one["curve"]["when"]]
    return {"length": max(ends), "broken": broken_rows(found.broken, Path(folder)), "runs": runs}


def changes(run: Run, zero: float) -> tuple[list[list], list[tuple[float, float]]]:
    """The states of a run, [[when, state, message]], and how long it was idle after which step.

    zero: the Unix time from which `when` is counted.
    """
    states = [[started_at(run.header.started) - zero, RUNNING, ""]]
    idle, step = [], 0.0
    for entry in filter(None, map(parse, run.path.read_bytes().split(b"\n"))):
        if entry.get("kind") == "record":
            step = entry.get("step", step)
        if entry.get("kind") != "state" or entry.get("state") not in STATES:
            continue
        try:
            when = started_at(entry["time"]) - zero
        except (KeyError, TypeError, ValueError):
            when = states[-1][0]
        if entry["state"] == RUNNING and states[-1][1] != RUNNING:
            idle.append((step, when - states[-1][0]))
        states.append([when, entry["state"], str(entry.get("message", ""))])
    return states, idle


def times(run: Run, begins: float, idle: list[tuple[float, float]]) -> list[float]:
    """When each record of a run was written, in seconds; as near as the log says."""
    seconds = run.columns.get("seconds", [0.0] * len(run))
    latest, found = begins, []
    for step, spent in zip(run.columns["step"], seconds, strict=True):
        waited = sum(length for after, length in idle if step > after)
        latest = max(latest, begins + waited + (spent if spent == spent else 0.0))
        found.append(latest)
    return found
