"""The log of a training run: its format, one JSON object per line, and a reader that follows it.

Key idea: the log is only ever appended to, one line in one write, so a process that is killed
spoils at most the line it was writing. The file alone says whether the run is still going on, and
any program can write it, whatever it trains with.
Chapter 05.

The format is JSON Lines (jsonlines.org) in UTF-8, in a file `NAME.run.jsonl`. `kind` says what a
line holds. Unknown kinds and fields are ignored, null stands for an unknown number, and every
field marked * may be missing.

"run", the first line, says what is trained:

    format           1
    id, name         a unique id, and the name that readers see
    started          ISO 8601 in UTC: "2026-11-30T17:05:12+00:00"
    parameters*      number of trained parameters
    optimizer*       such as "muon"
    rates*           peak learning rates by name: {"lr": 0.02, "matrix_lr": 0.025}
    seed*            of the data and the weights
    floor*           exact entropy of the data in nats per word, the lowest possible loss
    planned_steps*   number of steps after which the run is finished
    parent*, parent_step*   id of the run that this one branched from, and at which step
    process*, process_started*, host*   id of the process that writes, the Unix time at which it
                     was started, and the name of its host: readers need them to notice its death

"record", one line every half a second or so:

    step             steps done, counted from 1
    loss*            nats per word, the mean of the steps since the record before
    learning_rate*   in the last step; AdamW's where Muon is used beside it
    gradient_norm*   in the last step, before clipping
    words_per_s*     since the record before
    memory_bytes*    resident memory of the process
    processors*      processors that the process kept busy since the record before (1.5: one and
                     a half)
    seconds*         of training since the run started, without pauses
    any other field with a number becomes a column of its own

"state", whenever the state changes:

    state            running (a run was resumed), paused, or one of the three that end a run:
                     finished, stopped, failed
    time             ISO 8601 in UTC
    message*         why it failed
    process*, process_started*, host*   as above, where another process resumed the run
"""

from __future__ import annotations

import json
import math
import socket
import uuid
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

import psutil

SUFFIX = ".run.jsonl"
FORMAT = 1
RUNNING, PAUSED = "running", "paused"
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
LOST = "lost"  # never written: the process is gone and has not said how the run ended
REQUIRED = ("name", "id", "started")
NUMBERS = ("parameters", "seed", "floor", "planned_steps", "parent_step")
STATES = (RUNNING, PAUSED, FINISHED, STOPPED, FAILED)
SAME_START_S = 5.0  # start times of one process differ by less when the clock is corrected


@dataclass(frozen=True)
class Header:
    """What is trained: the first line of a log, described above. Empty id and started are filled.

    Raises: ValueError that names the field which is wrong.
    """

    name: str
    id: str = ""
    started: str = ""
    parameters: int | None = None
    optimizer: str | None = None
    rates: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    floor: float | None = None
    planned_steps: int | None = None
    parent: str | None = None
    parent_step: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "id", self.id or uuid.uuid4().hex[:12])
        object.__setattr__(self, "started", self.started or now())
        for name in ("name", "id", "started", "optimizer", "parent"):
            value = getattr(self, name)
            if not (isinstance(value, str) and value) and (value is not None or name in REQUIRED):
                raise ValueError(f"{name}={value!r} must be text that is not empty")
        try:
            offset = datetime.fromisoformat(self.started).utcoffset()
        except ValueError:
            offset = None
        if offset is None:
            raise ValueError(f"started={self.started!r} must be ISO 8601 with a time zone")
        numbers = {n: getattr(self, n) for n in NUMBERS if getattr(self, n) is not None}
        if not isinstance(self.rates, dict):
            raise ValueError(f"rates={self.rates!r} must be numbers by name")
        for name, value in (numbers | self.rates).items():
            if not is_number(value) or not math.isfinite(value):
                raise ValueError(f"{name}={value!r} must be a finite number")


def parse(line: bytes) -> dict | None:
    """One line of a log as its fields; None where it is no JSON object, for example if cut off."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def header_of(entry: dict) -> Header:
    """The header in the first line of a log. Raises: ValueError where that line is none."""
    if entry.get("kind") != "run":
        raise ValueError('it does not begin with the description of a run ("kind": "run")')
    given = {each.name: entry.get(each.name) for each in fields(Header)}
    if missing := [name for name in REQUIRED if not given[name]]:
        raise ValueError(f"its first line has no {missing[0]}")
    return Header(**{name: value for name, value in given.items() if value is not None})


def alive(entry: dict) -> bool | None:
    """Whether the process that a line names still exists; None where this host cannot know."""
    number, started = entry.get("process"), entry.get("process_started")
    if entry.get("host") != socket.gethostname() or not isinstance(number, int) or number < 1:
        return None
    try:
        process = psutil.Process(number)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A later process may have been given the same number.
        return not is_number(started) or abs(process.create_time() - started) < SAME_START_S
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def is_number(value) -> bool:
    """Whether a value from a JSON file is a number that a float can hold; true is none."""
    if isinstance(value, int):
        return not isinstance(value, bool) and value.bit_length() < 64
    return isinstance(value, float)


def now() -> str:
    """The time in UTC as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Run:
    """A run as its log describes it. `update` reads what has been added since.

    header: what is trained. columns: name -> one float per record, NaN where a record has none;
    "step", which always rises, and "loss" are always there. message: why the run failed, or "".
    writer: the fields process, process_started and host of the process that wrote last.
    skipped: lines that could not be used, an unfinished last one among them. superseded: records
    that are left out of the columns, because the run was resumed from an earlier step.
    Raises: ValueError where the file is no log; OSError where it cannot be read.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self._forget()
        self.update()

    def _forget(self) -> None:
        self.header: Header | None = None
        self.columns: dict[str, list[float]] = {"step": [], "loss": []}
        self.message, self.superseded = "", 0
        self._state, self.writer = RUNNING, {}
        self._offset, self._unusable, self._cut = 0, 0, False

    def __len__(self) -> int:
        return len(self.columns["step"])

    @property
    def skipped(self) -> int:
        """Lines that could not be used so far."""
        return self._unusable + self._cut

    @property
    def state(self) -> str:
        """One of STATES, or LOST: nothing says how the run ended, and its process is gone.

        The death of a process on another host cannot be noticed here.
        """
        ended = self._state in (FINISHED, STOPPED, FAILED)
        return LOST if not ended and alive(self.writer) is False else self._state

    @property
    def going_on(self) -> bool:
        """Whether a process trains this run, or waits with it, as far as can be known."""
        return self.state in (RUNNING, PAUSED)

    @property
    def above_floor(self) -> list[float]:
        """The loss less the exact entropy, in nats per word; empty where that is unknown."""
        if self.header.floor is None:
            return []
        return [loss - self.header.floor for loss in self.columns["loss"]]

    def update(self) -> int:
        """Read the lines that are new. Returns: the first row of the columns that has changed.

        That is `len(run)` where there are no new records. A file that has become shorter is
        another one, and is read from its start.
        """
        with self.path.open("rb") as file:
            if file.seek(0, 2) < self._offset:
                self._forget()
            file.seek(self._offset)
            added = file.read()
        lines = added.split(b"\n")
        self._cut = bool(lines[-1])  # it may be finished the next time
        self._offset += len(added) - len(lines[-1])
        first = len(self)
        for line in filter(bytes.strip, lines[:-1]):
            entry = parse(line)
            if entry is None:
                self._unusable += 1
            elif self.header is None:
                self.header, self.writer = self._described(entry), entry
            elif entry.get("kind") == "record":
                first = min(first, self._add(entry))
            elif entry.get("kind") == "state":
                self._change(entry)
        if self.header is None:
            raise ValueError(f"{self.path} does not describe a run yet: its first line is missing")
        return first

    def _described(self, entry: dict) -> Header:
        try:
            return header_of(entry)
        except ValueError as error:
            raise ValueError(f"{self.path} is no log of a run: {error}") from None

    def _add(self, entry: dict) -> int:
        """Add a record to the columns. Returns: its row."""
        row = {name: float(value) for name, value in entry.items() if is_number(value)}
        if not math.isfinite(row.get("step", math.nan)):
            self._unusable += 1
            return len(self)
        keep = len(self)
        while keep and self.columns["step"][keep - 1] >= row["step"]:
            keep -= 1
        self.superseded += len(self) - keep
        for column in self.columns.values():
            del column[keep:]
        for name in row:
            self.columns.setdefault(name, [math.nan] * keep)
        for name, column in self.columns.items():
            column.append(row.get(name, math.nan))
        return keep

    def _change(self, entry: dict) -> None:
        """Take over a new state, and the process that writes from here on."""
        if entry.get("state") not in STATES:
            self._unusable += 1
            return
        self._state, self.message = entry["state"], str(entry.get("message", ""))
        if "process" in entry:
            self.writer = entry


def read_run(path: Path | str) -> Run:
    """The run that a log describes so far. Raises: as `Run`."""
    return Run(path)
