"""What several processes gain: in training, for one request, after a kill, and in loading data.

Key idea: two processes are compared with the best that one can do with two cores, not with one that
leaves a core idle.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from statistics import median

import report
import torch

from grooves.hardware.many_devices import (
    host_work,
    hosts,
    kill_across,
    loaders,
    tensor_requests,
    wire_steps,
)
from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.data_parallel import Team
from grooves.training.distributed import kill_worker, launch
from grooves.training.optimizers import build_optimizers

STORIES = (6, 48, 192)  # per step
KILLS, KILLS_ACROSS = 20, 20
KILLED_RUN = {"steps": 30, "every": 5}


def one_process(stories: int, threads: int, team: bool, steps: int) -> float:
    """Median time of a step of one process: with threads, or with the course's two workers."""
    torch.set_num_threads(threads)
    model = lineage.new_model()
    optimizers = build_optimizers(model)
    data = StoryData(Stories(), max(120, 4 * stories), stories, 1)
    times = []
    workers = Team(model)
    if not team:
        workers.n_workers, workers.small = 1, False
    with workers:
        for step in range(steps + 2):
            started = time.perf_counter()
            workers.backward(*data.batch(step))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            times.append(time.perf_counter() - started)
    torch.set_num_threads(1)
    return median(times[2:])


def scaling(progress: report.Progress, quick: bool) -> list[dict]:
    """Strong scaling (the same batch) and weak (the same batch per process), two rounds."""
    ways = ("alone", "flat", "naive", "ddp")
    rows = []
    for stories in STORIES[: 1 if quick else 3]:
        steps, rounds = (3, 1) if quick else (12, 2) if stories < 100 else (6, 1)

        def measured(stories=stories, steps=steps, rounds=rounds):
            found: dict = {}
            for _ in range(rounds):
                for name, threads, team in (
                    ("one thread", 1, False),
                    ("two threads", 2, False),
                    ("two workers", 2, True),
                ):
                    found.setdefault(name, []).append(one_process(stories, threads, team, steps))
                program = wire_steps.program(steps, 0, ("96k",), stories, ways)
                for row in launch.run(program):
                    found.setdefault(f"two processes, {row['way']}", []).append(row["step_s"])
            return {name: median(times) for name, times in found.items()}

        found = progress.get(f"scaling, {stories} stories", measured)
        best = min(found[f"two processes, {way}"] for way in ("flat", "ddp"))
        rows.append(
            {
                "stories": stories,
                "seconds": found,
                "over_one_thread": found["one thread"] / best,
                "over_two_threads": found["two threads"] / best,
                "over_two_workers": found["two workers"] / best,
                "flat_over_naive": found["two processes, naive"] / found["two processes, flat"],
            }
        )
    weak = [
        {
            "stories_per_process": small["stories"],
            "efficiency": small["seconds"]["one thread"]
            / progress.get(
                f"weak scaling, {small['stories']} stories per process",
                lambda n=small["stories"]: launch.run(
                    wire_steps.program(3 if quick else 12, 0, ("96k",), 2 * n, ("flat",))
                )[0]["step_s"],
            ),
        }
        for small in rows[:2]
    ]
    return [{"strong": rows, "weak": weak}]


def requests(progress: report.Progress, quick: bool) -> list[dict]:
    """One token through one block, by two processes together or each for itself."""
    widths, seconds = ((64,), 0.1) if quick else (tensor_requests.WIDTHS, 0.6)
    program = tensor_requests.program(widths, seconds)
    return progress.get("requests", lambda: launch.run(program))


def kill(progress: report.Progress, quick: bool) -> dict:
    """kill -9 at a random step: on one host, and across two."""
    n, across = (1, 0) if quick else (KILLS, KILLS_ACROSS)
    rng = random.Random(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def whole():
            return kill_worker.undisturbed(Path(folder) / "whole", **KILLED_RUN)

        expected = progress.get("kill, digest of the whole run", whole)
        for i in range(n):
            at, victim = rng.randrange(1, KILLED_RUN["steps"] * 3 // 4), rng.randrange(2)
            found = progress.get(
                f"kill {i + 1}",
                lambda i=i, at=at, victim=victim: kill_worker.train_and_kill(
                    Path(folder) / str(i), at, victim, **KILLED_RUN
                ),
            )
            rows.append({k: v for k, v in found.items() if k != "digest"})
            rows[-1]["same"] = found["digest"] == expected
    if reason := hosts.why_not():
        return {"one_host": rows, "missing": reason}

    def both():
        with hosts.two_hosts() as pair:
            return kill_across.repeat(pair, across, **KILLED_RUN)

    return {"one_host": rows, "two_hosts": progress.get("kill across", both) if across else []}


def loading(progress: report.Progress, quick: bool) -> list[dict]:
    """A loader that waits or computes, fed in four ways; and what the model of loaders says."""
    n, times = (12, (0.0, 0.01)) if quick else (30, (0.0, 0.005, 0.01, 0.02))
    rate = progress.get("loops of Python per second", loaders.python_loops_per_s)
    data = lineage.new_data(n_stories=600)
    rows = []
    for kind in ("waiting", "computing"):
        for load_s in times:
            for way in loaders.WAYS:
                rows.append(
                    progress.get(
                        f"loader, {kind} {load_s} s, {way}",
                        lambda k=kind, t=load_s, w=way: loaders.measure(k, t, w, n, rate, data),
                    )
                )
    base = {row["way"]: row["step_s"] for row in rows if row["load_s"] == 0}
    for row in rows:
        carried = max(0.0, base[row["way"]] - base["none"]) if "worker" in row["way"] else 0.0
        costs = loaders.Costs(base["none"], carried, row["cores"] or 2)
        row["predicted_s"] = loaders.predicted_seconds(
            row["kind"], row["load_s"], row["way"], costs
        )
    return rows


def hosting(progress: report.Progress, quick: bool) -> dict:
    """What the host does in a step."""
    how = {"min_s": 0.02, "min_runs": 3} if quick else {"min_s": 0.3, "min_runs": 9}
    rows = progress.get("host", lambda: host_work.parts(**how))
    return {"parts": rows, "share": host_work.host_share(rows)}
