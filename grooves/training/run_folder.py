"""All runs of a folder: find them, and branch from one.

Key idea: the files are the only memory. Whatever shows runs can be closed or killed at any time,
and finds them again by reading the folder. Chapter 05.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from grooves.training.run_control import first_line, state_line
from grooves.training.run_log import STOPPED, SUFFIX, Header, Run, now, read_run


@dataclass(frozen=True)
class Found:
    """What a folder holds: its runs, oldest first, and the logs that cannot be read, with why."""

    runs: list[Run]
    broken: list[tuple[Path, str]]


def find_runs(folder: Path | str, known: Iterable[Run] = ()) -> Found:
    """Every run below a folder. A log that cannot be read does not hide the others.

    known: the runs that were found before; they are updated, which reads only what is new.
    """
    runs, broken, before = [], [], {run.path: run for run in known}
    for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
        try:
            run = before[path] if path in before else read_run(path)
            run.update()
            runs.append(run)
        except (OSError, ValueError) as error:
            broken.append((path, str(error)))
    return Found(sorted(runs, key=lambda run: started_at(run.header.started)), broken)


def branch(run: Run, checkpoint: Path | str, folder: Path | str, changes: dict) -> Path:
    """Prepare a new run that continues from a checkpoint of another run.

    checkpoint: a file that `train(save_to=...)` wrote. changes: fields of the new header that
    differ, such as {"name": "slower", "rates": {"lr": 0.01}}; a name is required, and becomes the
    name of the files. The new run is stopped until it is resumed with
    `RunLog(log)` and `train(..., save_to=log's checkpoint_path)`.
    Returns: the path of the new log, `folder/NAME.run.jsonl`.
    Raises: ValueError for a field that cannot be changed, a name that is taken or is no file
    name, and a checkpoint that cannot be used or holds no training.
    """
    from grooves.training.checkpoint import read

    if unknown := sorted(changes.keys() - _CHANGEABLE):
        raise ValueError(f"{unknown[0]!r} cannot be changed: {', '.join(sorted(_CHANGEABLE))} can")
    name = changes.get("name")
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{name=} must be the name of the new run, and fit into a file name")
    log = Path(folder) / f"{name}{SUFFIX}"
    for path in (log, checkpoint_path(log)):
        if path.exists():
            raise ValueError(f"{path} exists already: give the new run another name")
    losses = read(checkpoint)[0].get("losses")
    if losses is None:
        raise ValueError(f"{checkpoint} holds a model, but no training to continue")
    about = {"id": "", "started": now(), "parent": run.header.id, "parent_step": len(losses)}
    header = replace(run.header, **changes, **about)
    log.parent.mkdir(parents=True, exist_ok=True)
    write_whole(checkpoint_path(log), lambda part: shutil.copyfile(checkpoint, part))
    lines = first_line(header, {}) + state_line(STOPPED)
    write_whole(log, lambda part: part.write_bytes(lines))
    return log


_CHANGEABLE = {each.name for each in fields(Header)} - {"id", "started", "parent", "parent_step"}


def checkpoint_path(log: Path | str) -> Path:
    """Where the checkpoint of a branched run lies: beside its log, under the same name."""
    return Path(str(log).removesuffix(SUFFIX) + ".safetensors")


def write_whole(path: Path, fill) -> None:
    """Make a file that appears under its name only when it is complete."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        fill(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def started_at(started: str) -> float:
    return datetime.fromisoformat(started).timestamp()
