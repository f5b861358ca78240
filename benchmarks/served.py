"""A server under measurement: started as a process of its own, asked, and watched from outside.

Key idea: server and worker are processes, so their CPU time and memory can be read apart, and a CPU
second means the same on a busy machine as on an idle one. Wall-clock figures are ratios of runs
that alternate.
"""

from __future__ import annotations

import asyncio
import pstats
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from grooves.inference.load import (
    Run,
    closed_loop,
    http_client,
    open_loop,
    plan_requests,
    served_model,
)
from grooves.inference.load_client import Client
from grooves.inference.load_report import Report


@dataclass
class Server:
    """A running `grooves serve`, with its two processes: HTTP and the model."""

    url: str
    http: psutil.Process
    worker: psutil.Process

    def cpu_s(self) -> tuple[float, float]:
        """CPU seconds so far of the HTTP process and of the worker."""
        times = (process.cpu_times() for process in (self.http, self.worker))
        return tuple(t.user + t.system for t in times)

    def memory(self) -> tuple[int, int]:
        """Bytes that the HTTP process and the worker hold in memory."""
        return self.http.memory_info().rss, self.worker.memory_info().rss


@dataclass
class Measured:
    """A run with its clocks. seconds: wall-clock. cpu_s: of HTTP, worker and this client."""

    run: Run
    seconds: float
    cpu_s: tuple[float, float, float]

    @property
    def n_tokens(self) -> int:
        """Tokens of all whole answers."""
        return sum(o.n_tokens for o in self.run.outcomes if o.ok)

    @property
    def tokens_per_s(self) -> float:
        """Tokens per second of wall-clock time."""
        return self.n_tokens / self.seconds

    def report(self, rate: float | None = None, goal=None) -> Report:
        """What `grooves load` would print."""
        return Report.of(self.run.outcomes, self.run.unsent, goal, rate)


@contextmanager
def serving(*options: str, profile: Path | None = None) -> Iterator[Server]:
    """A server on a free port of this machine, until the block ends.

    profile: file for what cProfile finds about the HTTP process.
    Raises: RuntimeError with the server's own words where it does not start.
    """
    watch = [] if profile is None else ["-m", "cProfile", "-o", str(profile)]
    command = [sys.executable, *watch, "-m", "grooves", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if not (found := re.search(r"http://\S+", line)):
            raise RuntimeError(f"{' '.join(command)} did not start: {process.stderr.read()}")
        http = psutil.Process(process.pid)
        worker = max(http.children(recursive=True), key=lambda p: p.memory_info().rss)
        yield Server(found.group(), http, worker)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def load(
    server: Server,
    n: int,
    max_tokens,
    users: int | None = None,
    rate: float | None = None,
    stream: bool = True,
    seed: int = 0,
) -> Measured:
    """Send n requests: by `users` in a closed loop, or at a rate in an open one."""

    async def go() -> Run:
        async with http_client() as http:
            model = await served_model(http, server.url)
            client = Client(http, server.url, model, stream=stream)
            if users is not None:
                return await closed_loop(client, plan, users)
            return await open_loop(client, plan)

    plan = plan_requests(rate or 1.0, n, seed, max_tokens)
    before, own, start_s = server.cpu_s(), time.process_time(), time.perf_counter()
    run = asyncio.run(go())
    seconds, own = time.perf_counter() - start_s, time.process_time() - own
    spent = (after - b for after, b in zip(server.cpu_s(), before, strict=True))
    return Measured(run, seconds, (*spent, own))


KINDS = {
    "sockets (the operating system)": ("_socket.socket", "select.epoll"),
    "HTTP (uvicorn, h11 or httptools, starlette)": ("uvicorn", "h11", "httptools", "starlette"),
    "asyncio": ("asyncio", "_contextvars", "_asyncio"),
    "JSON (answers, and the worker's messages)": ("json", "_struct"),
    "our server": ("grooves/inference",),
}


def shares(profile: Path, idle: Path) -> dict[str, float]:
    """Share of the profiled time in each kind of function; waiting is left out.

    idle: of a server that only started and stopped, which is subtracted. The profiler makes small
    Python functions look more expensive than they are.
    """
    seconds, starting = dict.fromkeys([*KINDS, "other"], 0.0), pstats.Stats(str(idle)).stats
    for function, (_, _, own_s, _, _) in pstats.Stats(str(profile)).stats.items():
        file, _, name = function
        where = f"{file} {name}".replace("\\", "/")
        if "poll" in name and "select" in where:
            continue  # this is where it waits
        found = (kind for kind, parts in KINDS.items() if any(p in where for p in parts))
        seconds[next(found, "other")] += own_s - starting.get(function, [0.0] * 3)[2]
    total = sum(seconds.values())
    return {kind: s / total for kind, s in seconds.items()}
