"""Kill a worker of a training that runs on two hosts, and see what is lost.

Key idea: as on one host, with one difference. Each host has its own torchrun, and the one whose
worker still lives must hear of the other's loss: it does so by the rendezvous, over the wire, and
both start again together. Chapter 13.
"""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from grooves.hardware.many_devices.hosts import Hosts, read
from grooves.training.distributed.kill_worker import STEPS, digest, program

LOOK_S = 0.02  # between two looks at what was printed
LIMIT_S = 120


def train_and_kill(hosts: Hosts, folder: Path | str, kill_at: int, victim: int, **options) -> dict:
    """Train on two hosts, and kill -9 one's worker soon after its step `kill_at`.

    victim: its rank at the time. options: of `kill_worker.program`.
    Returns: as `kill_worker.train_and_kill`. Raises: RuntimeError where the run does not end well.
    """
    found: dict = {"victim": victim}
    killed_at_s = None
    with ExitStack() as stack:
        folder_of_output = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = [folder_of_output / name for name in ("out0", "err0", "out1", "err1")]
        files = [stack.enter_context(name.open("w+")) for name in names]
        job = f"kill{os.getpid()}-{random.getrandbits(32)}"
        running = hosts.start(program(folder, **options), job, files, max_restarts=1)
        readers = [stack.enter_context(names[i].open()) for i in (0, 2)]
        begun_s = time.monotonic()
        try:
            while time.monotonic() - begun_s < LIMIT_S:
                ended = all(process.poll() is not None for process in running)
                for step in (step for reader in readers for step in new_steps(reader)):
                    at_work = step["rank"] == victim and step["step"] >= kill_at
                    if killed_at_s is None and at_work:
                        killed_at_s = time.monotonic()
                        os.kill(step["pid"], signal.SIGKILL)
                        found["killed_after"] = step["step"]
                    elif step["restart"] and "resumed_from" not in found:
                        found["recovery_s"] = time.monotonic() - killed_at_s
                        found["resumed_from"] = step["step"] - 1
                if ended:
                    break
                time.sleep(LOOK_S)
        finally:
            for process in running:
                process.terminate()
                process.wait()
        codes = [process.returncode for process in running]
        if any(codes) or "resumed_from" not in found:
            errors = read(files[1])[-1000:] + read(files[3])[-1000:]
            raise RuntimeError(f"{found} and then exit codes {codes}: {errors}")
    return found | {"digest": digest(folder)}


def new_steps(reader) -> list[dict]:
    """The steps that were printed since the last look, whole lines only."""
    found = []
    while True:
        place = reader.tell()
        line = reader.readline()
        if not line.endswith("\n"):
            reader.seek(place)
            return found
        if line.startswith("{"):
            found.append(json.loads(line))


def repeat(hosts: Hosts, n: int = 3, seed: int = 0, **options) -> list[dict]:
    """Do it n times, at steps and for victims drawn at random, and once without killing anybody.

    Returns: what `train_and_kill` found, with `same`, whether the end was that of the whole run.
    """
    rng = random.Random(seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        hosts.run(program(whole, **options), LIMIT_S)
        for i in range(n):
            kill_at = rng.randrange(1, options.get("steps", STEPS) * 3 // 4)
            one = train_and_kill(hosts, Path(folder) / str(i), kill_at, rng.randrange(2), **options)
            rows.append(one | {"same": one.pop("digest") == digest(whole)})
    return rows
