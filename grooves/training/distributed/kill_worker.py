"""Kill a worker of a training run, and see what is lost.

Key idea: `kill -9` gives a process no chance to tidy up. torchrun notices that it is gone, stops
the others, which would wait for it for ever, and starts all again; they go on from the last
checkpoint. Lost are the steps since then and the seconds of starting, and nothing else: the weights
at the end are the same, bit for bit. Chapter 13.

    python -m grooves.training.distributed.kill_worker --repeat 20
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from grooves.training.distributed.launch import torchrun

STEPS = 60
EVERY = 10


def program(folder: Path | str, steps: int = STEPS, every: int = EVERY, way: str = "flat"):
    """The words of a short `grooves train` that says what it does, as `launch.torchrun` wants."""
    words = ["-m", "grooves", "train", "--json", "--corpus", "120", "--way", way]
    numbers = ["--steps", str(steps), "--every", str(every)]
    return [*words, *numbers, "--checkpoints", str(folder)]


def undisturbed(folder: Path | str, **options) -> str:
    """Train without killing anybody; returns the digest of the final checkpoint."""
    command = torchrun(program(folder, **options))
    subprocess.run(command, check=True, capture_output=True)
    return digest(folder)


def digest(folder: Path | str) -> str:
    """SHA-256 of the final checkpoint: weights, moments and losses of all steps."""
    return hashlib.sha256((Path(folder) / "training.safetensors").read_bytes()).hexdigest()


def train_and_kill(
    folder: Path | str, kill_at: int, victim: int, max_restarts: int = 1, **options
) -> dict:
    """Train with two processes, and kill -9 one of them soon after its step `kill_at`.

    victim: its rank. options: of `program`.
    Returns: victim, killed_after (the last step that it reported), resumed_from (step),
    recovery_s (from the kill to the first step after it), digest, and left_over, the names of files
    that a
    killed process left unfinished.
    Raises: RuntimeError where the run does not end well.
    """
    command = torchrun(program(folder, **options), max_restarts=max_restarts)
    found: dict = {"victim": victim}
    killed_at_s = None
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as run,
    ):
        for line in run.stdout:
            step = json.loads(line) if line.startswith("{") else {}
            if step and killed_at_s is None and step["rank"] == victim and step["step"] >= kill_at:
                killed_at_s = time.monotonic()
                os.kill(step["pid"], signal.SIGKILL)
                found["killed_after"] = step["step"]
            elif step.get("restart") and "resumed_from" not in found:
                found["recovery_s"] = time.monotonic() - killed_at_s
                found["resumed_from"] = step["step"] - 1
        if run.wait() or "resumed_from" not in found:
            errors.seek(0)
            raise RuntimeError(f"{found} and then exit code {run.returncode}: {errors.read()}")
    found["digest"] = digest(folder)
    found["left_over"] = sorted(path.name for path in Path(folder).glob(".*"))
    return found


def repeat(n: int = 20, seed: int = 0, **options) -> Iterator[dict]:
    """Do `train_and_kill` n times, at steps and for victims drawn at random.

    options: of `program`. Gives: its result, with `same`, whether the end was that of a run in
    which nobody was killed.
    """
    rng = random.Random(seed)
    steps = options.get("steps", STEPS)
    with tempfile.TemporaryDirectory() as folder:
        expected = undisturbed(Path(folder) / "whole", **options)
        for i in range(n):
            # so early that the victim is still at work when the signal reaches it
            kill_at = rng.randrange(1, steps * 3 // 4)
            found = train_and_kill(Path(folder) / str(i), kill_at, rng.randrange(2), **options)
            yield found | {"same": found.pop("digest") == expected}


def main(words: Sequence[str] | None = None) -> None:
    """Kill a worker as often as asked, each time at another step, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20, metavar="N", help="runs")
    parser.add_argument("--seed", type=int, default=0, help="of the steps and the victims")
    args = parser.parse_args(words)
    for found in repeat(args.repeat, args.seed):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
