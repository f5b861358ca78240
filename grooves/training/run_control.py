"""Log a run while it trains, and pause, continue or stop it from another process.

Key idea: the loop calls `RunLog` after each step. About twice a second it appends a record, and
reads the request that somebody may have left in a small file beside the log, so no step is
interrupted and the two processes need no connection. Chapter 05.

The request for `NAME.run.jsonl` stands in `NAME.run.control`, which is replaced atomically. It is
one JSON object, such as {"request": "pause"}, with one of these requests:

    pause      finish the step, then wait until the request is another one or the file is gone
    continue   go on after a pause
    stop       finish the step, save, and return, as after Ctrl-C

A file that holds anything else is ignored.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil

from grooves.training import run_log
from grooves.training.run_log import Header, Run, alive, is_number, read_run

PAUSE, CONTINUE, STOP = "pause", "continue", "stop"
REQUESTS = (PAUSE, CONTINUE, STOP)
POLL_S = 0.1  # between two looks at the request during a pause


class StopTraining(Exception):
    """Raised by an `on_step` to end a training run: `train` saves and returns, as after Ctrl-C."""


# ---- requests ----------------------------------------------------------------------------------


def ask(run: Run, request: str) -> None:
    """Leave a request for the process that trains a run, in place of an earlier one.

    Raises: ValueError where `request` is not one of REQUESTS, or no process trains the run.
    """
    if request not in REQUESTS:
        raise ValueError(f"{request=} is not one of {', '.join(REQUESTS)}")
    run.update()
    if not run.going_on:
        raise ValueError(f"the run {run.header.name!r} is {run.state}: resume it first")
    path = control_path(run.path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps({"request": request}) + "\n", "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def requested(log: Path | str) -> str | None:
    """The request that was left for a run, given the path of its log; None where there is none."""
    try:
        request = json.loads(control_path(log).read_bytes())["request"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return request if request in REQUESTS else None


def control_path(log: Path | str) -> Path:
    """The file in which requests for a run are left, given the path of its log."""
    return Path(log).with_suffix(".control")


# ---- the writer --------------------------------------------------------------------------------


class RunLog:
    """Writes the log of a run, and does what is requested of the run, in a `with` block:

        with RunLog("runs/first.run.jsonl", Header("first", seed=0)) as log:
            train(model, data, steps=1000, on_step=log.on_step)

    path: ends in `.run.jsonl`. Where it exists, the run is resumed and its lines are kept.
    header: needed for a new run; what it says of a resumed one must agree with the file.
    every: seconds between two records; the request is read as often.
    Where a later line cannot be written (a full disk), it is lost with a warning, and the run goes
    on. If the block is left by an error, the log says so.
    Raises: ValueError for another name, for a file that is no log or the log of another run, and
    where another process is writing to it; OSError where it cannot be opened.
    """

    def __init__(self, path: Path | str, header: Header | None = None, every: float = 0.5):
        self.path, self.every = Path(path), every
        if not self.path.name.endswith(run_log.SUFFIX):
            raise ValueError(f"{self.path.name!r} must end in {run_log.SUFFIX}, as each log does")
        if not every >= 0:
            raise ValueError(f"{every=} must be a number of seconds, 0 or more")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._history = self._latest = None
        self._done, self._spent, self._stopped, self._next = (0, 0, 0.0), 1.0, False, 0.0
        self._opened, self._busy = time.monotonic(), (time.monotonic(), time.process_time())
        there = self.path.read_bytes() if self.path.exists() else b""
        new = b"\n" not in there  # not even the first line was completed
        if new and header is None:
            raise ValueError(f"there is no log {self.path} yet: give a header for a new run")
        self.header = header if new else self._resumed(header)
        self._file = self.path.open("ab", buffering=0)  # each write appends, in one call
        control_path(self.path).unlink(missing_ok=True)  # it was meant for an earlier process
        self._process = psutil.Process()
        me = {
            "process": self._process.pid,
            "process_started": self._process.create_time(),
            "host": socket.gethostname(),
        }
        line = first_line(header, me) if new else state_line(run_log.RUNNING, process=me)
        cut = bool(there) and not there.endswith(b"\n")  # an unfinished line is left as it is
        self._torn = self._file.write(b"\n" * cut + line) < len(line) + cut

    def _resumed(self, header: Header | None) -> Header:
        """The header of the run that goes on; refuses a run that is not the same, or not idle."""
        run = read_run(self.path)
        other = run.writer.get("process")
        if run.going_on and alive(run.writer) and other != os.getpid():
            raise ValueError(
                f"process {other} is writing to {self.path}: stop that run, or give this one "
                "another file"
            )
        for name in ("name", "parameters", "optimizer", "rates", "seed", "floor"):
            old, new = getattr(run.header, name), getattr(header, name, None)
            if new not in (None, {}) and new != old:
                raise ValueError(
                    f"{self.path} is the log of a run with {name}={old!r}, not {new!r}: give "
                    "this run another file, or branch from that one"
                )
        if seconds := run.columns.get("seconds"):
            self._opened -= max(filter(math.isfinite, seconds), default=0.0)
        return run.header

    def on_step(self, history, spent: float) -> None:
        """Record a step of `grooves.training.loop.train`, and do what is requested.

        Raises: StopTraining where a stop is requested, which `train` treats like Ctrl-C.
        """
        if history is not self._history:
            self._history, self._done = history, (history.steps - 1, 0, 0.0)
        self._spent = spent
        if spent >= 1:
            self.flush()
        elif time.monotonic() >= self._next:
            self.flush()
            self._obey()

    def record(self, step: int, loss: float, **values: float) -> None:
        """Record a step of any other loop, with any further numbers, and do what is requested.

        Raises: StopTraining where a stop is requested; the `with` block ends quietly with it.
        """
        self._latest = {n: float(v) for n, v in {"step": step, "loss": loss, **values}.items()}
        if time.monotonic() >= self._next:
            self.flush()
            self._obey()

    def flush(self) -> None:
        """Write the newest step, unless it has been written."""
        if self._latest is None and self._history is not None:
            self._latest = self._since_last_record(self._history)
        if self._latest is None:
            return
        now, busy = time.monotonic(), time.process_time()
        measured = {
            "memory_bytes": self._process.memory_info().rss,
            "processors": (busy - self._busy[1]) / max(now - self._busy[0], 1e-9),
            "seconds": now - self._opened,
        }
        self._append(_line({"kind": "record"} | measured | self._latest))
        self._latest, self._busy, self._next = None, (now, busy), now + self.every

    def _since_last_record(self, history) -> dict | None:
        steps, words, seconds = self._done
        losses = history.losses[steps:]
        if not losses:
            return None
        self._done = history.steps, history.words, history.seconds
        return {
            "step": history.steps,
            "loss": sum(losses) / len(losses),
            "learning_rate": history.learning_rate,
            "gradient_norm": float(history.gradient_norm),
            "words_per_s": (history.words - words) / max(history.seconds - seconds, 1e-9),
            "seconds": history.seconds,
        }

    def _obey(self) -> None:
        request = requested(self.path)
        if request == PAUSE:
            began = time.monotonic()
            with _interrupt_stops(self._stop):
                self._append(state_line(run_log.PAUSED))
                while (request := requested(self.path)) == PAUSE:
                    time.sleep(POLL_S)
            now = time.monotonic()
            self._opened += now - began
            self._busy = now, time.process_time()
            if request != STOP:
                self._append(state_line(run_log.RUNNING))
        if request == STOP:
            self._stop()

    def _stop(self) -> None:
        self._stopped = True
        raise StopTraining

    def end(self, state: str, message: str = "") -> None:
        """Write the newest step and how the run ended: finished, stopped or failed."""
        self.flush()
        self._append(state_line(state, message))
        control_path(self.path).unlink(missing_ok=True)
        self._file.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind, error, _) -> bool:
        if kind is not None and not issubclass(kind, StopTraining | KeyboardInterrupt):
            self.end(run_log.FAILED, f"{kind.__name__}: {error}")
        else:
            done = kind is None and self._spent >= 1 and not self._stopped
            self.end(run_log.FINISHED if done else run_log.STOPPED)
        return kind is not None and issubclass(kind, StopTraining)

    def _append(self, line: bytes) -> None:
        line = b"\n" * self._torn + line
        try:
            self._torn = self._file.write(line) < len(line)
        except OSError as error:
            warnings.warn(f"a line of {self.path} is lost: {error}", RuntimeWarning, stacklevel=3)
            self._torn = True


def first_line(header: Header, process: dict) -> bytes:
    """The first line of a log. process: its fields process, process_started and host, if any."""
    return _line({"kind": "run", "format": run_log.FORMAT} | asdict(header) | process)


def state_line(state: str, message: str = "", process: dict | None = None) -> bytes:
    """A line that says that the state of the run has changed."""
    why = {"message": message} if message else {}
    when = {"kind": "state", "state": state, "time": run_log.now()}
    return _line(when | why | (process or {}))


def _line(entry: dict) -> bytes:
    known = {n: v if not is_number(v) or math.isfinite(v) else None for n, v in entry.items()}
    text = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"  # what UTF-8 lacks, as JSON escapes


@contextmanager
def _interrupt_stops(stop):
    """Let Ctrl-C end a pause: `train` only notes it, and nobody would look at the note."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        stop()
    finally:
        signal.signal(signal.SIGINT, before)
