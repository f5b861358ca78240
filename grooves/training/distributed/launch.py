"""Starting several processes from Python, as `torchrun` does from a shell.

Key idea: `torchrun` is a module, `torch.distributed.run`. It starts the processes, gives each its
rank, and if one dies, it stops the others and, up to `--max-restarts` times, starts all of them
again. Chapter 13.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence


def torchrun(
    program: Sequence[str], n: int = 2, max_restarts: int = 0, options: Sequence[str] = ()
) -> list[str]:
    """The command line that runs a program as `n` processes on this host.

    program: a script and its arguments, or "-m", a module and its arguments. options: more of
    torchrun's own, such as ["--nnodes=2", ...] for several hosts, which then also take the place of
    --standalone.
    """
    several_hosts = any(option.startswith("--nnodes") for option in options)
    where = list(options) if several_hosts else ["--standalone", *options]
    how_many = [f"--nproc-per-node={n}", f"--max-restarts={max_restarts}"]
    no_logs = f"--log-dir={os.devnull}"  # otherwise each start leaves a folder of logs in /tmp
    started = [sys.executable, "-m", "torch.distributed.run", *where, *how_many, no_logs]
    return [*started, *map(str, program)]


def run(program: Sequence[str], n: int = 2, timeout_s: float = 300, **more) -> list[dict]:
    """Run a program as `n` processes and return the JSON lines that they printed, as dictionaries.

    more: arguments of `torchrun`.
    Raises: RuntimeError with the end of what was printed, where a process failed.
    """
    command = torchrun(program, n, **more)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(f"torchrun ended with {done.returncode}: {done.stderr[-2000:]}")
    return json_lines(done.stdout)


def json_lines(text: str) -> list[dict]:
    """The lines of a text that are JSON objects."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
