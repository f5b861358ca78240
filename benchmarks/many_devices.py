"""What several processes and hosts cost and gain: wires, scaling, requests, kills, loaders.

Parts, of which `--parts` chooses: loopback and slow wire (alpha and beta fitted, other sizes and
training steps predicted), scaling (two processes against two threads and the course's own two
workers, flat buffer against tensor by tensor), requests (one user by two processes), kill (a worker,
on one host and across two), averaging (weights now and then, over the slow wire, in equal time),
loaders (waiting or computing), host (its work in a step). Notebook 13 shows what was recorded.
Takes about six minutes; an interrupted run goes on from `--progress`.
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
    alpha_beta,
    averaging,
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
from grooves.training.distributed import all_reduce_timing, kill_worker, launch
from grooves.training.optimizers import build_optimizers

PARTS = ("loopback", "slow_wire", "scaling", "requests", "kill", "averaging", "loaders", "host")
SLOW_SIZES = tuple(2**k for k in range(12, 21))  # 4 KiB to 1 MiB, every second one held out
STORIES = (6, 48, 192)
KILLS, KILLS_ACROSS = 20, 2


def fitted(rows: list[dict]) -> dict:
    """Alpha and beta from every second size, and the errors at the others."""
    rows = [{k: v for k, v in row.items() if k != "samples_s"} for row in rows]
    wire, predictions = alpha_beta.predict_held_out(
        [row["n_bytes"] for row in rows], [row["median_s"] for row in rows]
    )
    return {
        "alpha_s": wire.alpha_s,
        "beta_bytes_per_s": wire.beta_bytes_per_s,
        "half_bytes": wire.half_bytes,
        "typical_error": alpha_beta.typical_error(predictions),
        "worst_error": max(abs(row["error"]) for row in predictions if row["held_out"]),
        "sizes": [a | b for a, b in zip(rows, predictions, strict=True)],
    }


def steps_of(found: list[dict]) -> dict:
    """A wire's fit and its predicted steps, as `wire_steps.program` printed them."""
    wire, rows = wire_steps.predicted(found)
    for row in rows:
        row.pop("samples_s")
    alone = {row["model"]: row["step_s"] for row in found if row.get("way") == "alone"}
    return {
        "alpha_s": wire.alpha_s,
        "beta_bytes_per_s": wire.beta_bytes_per_s,
        "alone_s": alone,
        "steps": rows,
    }


def loopback(progress: report.Progress, quick: bool) -> dict:
    """Two processes on one host."""
    seconds, n = (0.05, 4) if quick else (0.5, 20)
    found = {
        kind: fitted(
            progress.get(
                f"loopback, {kind}",
                lambda k=kind: all_reduce_timing.measure_all_reduce(
                    tuple(2**p for p in range(10, 25, 2)), kinds=(k,), seconds=seconds
                ),
            )
        )
        for kind in ("all_reduce", "ring")
    }
    steps = progress.get("loopback, steps", lambda: launch.run(wire_steps.program(n, seconds)))
    return found | {"training": steps_of(steps)}


def slow_wire(progress: report.Progress, quick: bool) -> dict:
    """Two hosts, 2 ms and 100 Mbit/s apart."""
    if reason := hosts.why_not():
        return {"missing": reason}
    seconds, n = (0.1, 3) if quick else (0.6, 10)

    def sizes():
        with hosts.two_hosts() as pair:
            return pair.run(all_reduce_timing.program(SLOW_SIZES, seconds=seconds))[0]

    def steps():
        with hosts.two_hosts() as pair:
            return pair.run(wire_steps.program(n, seconds))[0]

    found = fitted(progress.get("slow wire, sizes", sizes))
    return {
        "wire": vars(hosts.Wire()),
        "all_reduce": found,
        "training": steps_of(progress.get("slow wire, steps", steps)),
    }


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
    steps, rounds = (3, 1) if quick else (12, 2)
    ways = ("alone", "flat", "naive", "ddp")
    rows = []
    for stories in STORIES[: 1 if quick else 3]:

        def measured(stories=stories):
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
                    wire_steps.program(steps, 0, ("96k",), 2 * n, ("flat",))
                )[0]["step_s"],
            ),
        }
        for small in rows
    ]
    return [{"strong": rows, "weak": weak}]


def requests(progress: report.Progress, quick: bool) -> list[dict]:
    """One token through one block, by two processes together or each for itself."""
    widths, seconds = ((64,), 0.1) if quick else (tensor_requests.WIDTHS, 1.0)
    program = tensor_requests.program(widths, seconds)
    return progress.get("requests", lambda: launch.run(program))


def kill(progress: report.Progress, quick: bool) -> dict:
    """kill -9 at a random step: on one host, and across two."""
    n, across = (1, 0) if quick else (KILLS, KILLS_ACROSS)
    rng = random.Random(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def whole():
            return kill_worker.undisturbed(Path(folder) / "whole")

        expected = progress.get("kill, digest of the whole run", whole)
        for i in range(n):
            at, victim = rng.randrange(1, kill_worker.STEPS * 3 // 4), rng.randrange(2)
            found = progress.get(
                f"kill {i + 1}",
                lambda i=i, at=at, victim=victim: kill_worker.train_and_kill(
                    Path(folder) / str(i), at, victim
                ),
            )
            rows.append({k: v for k, v in found.items() if k != "digest"})
            rows[-1]["same"] = found["digest"] == expected
    if reason := hosts.why_not():
        return {"one_host": rows, "missing": reason}

    def both():
        with hosts.two_hosts() as pair:
            return kill_across.repeat(pair, across)

    return {"one_host": rows, "two_hosts": progress.get("kill across", both) if across else []}


def averaged(progress: report.Progress, quick: bool) -> list[dict] | dict:
    """Equal time on the slow wire: three seeds, every mode."""
    if reason := hosts.why_not():
        return {"missing": reason}
    seconds, seeds, stories = (1, (0,), 10) if quick else (6, (0, 1, 2), 60)
    rows = []
    for seed in seeds:

        def run(seed=seed):
            with hosts.two_hosts() as pair:
                return pair.run(averaging.program(seconds, (seed,), stories=stories), 300)[0]

        rows += progress.get(f"averaging, seed {seed}", run)
    return rows


def loading(progress: report.Progress, quick: bool) -> list[dict]:
    """A loader that waits or computes, fed in four ways; and what the model of loaders says."""
    n, times = (12, (0.0, 0.01)) if quick else (60, (0.0, 0.002, 0.005, 0.01, 0.02))
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


RUNS = {
    "loopback": loopback,
    "slow_wire": slow_wire,
    "scaling": scaling,
    "requests": requests,
    "kill": kill,
    "averaging": averaged,
    "loaders": loading,
    "host": hosting,
}


def table_of(found: dict) -> list[dict]:
    """One row per part: what it found, in a number or two."""
    rows = []
    for part, result in found.items():
        if isinstance(result, dict) and "missing" in result:
            rows.append({"part": part, "figure": "not measured", "value": None})
    for part in ("loopback", "slow_wire"):
        if "all_reduce" in found.get(part, {}):
            fit, training = found[part]["all_reduce"], found[part]["training"]
            errors = [abs(row["error"]) for row in training["steps"]]
            rows += [
                {"part": part, "figure": "alpha, ms", "value": fit["alpha_s"] * 1e3},
                {"part": part, "figure": "beta, Mbit/s", "value": fit["beta_bytes_per_s"] * 8e-6},
                {"part": part, "figure": "typical error", "value": fit["typical_error"]},
                {"part": part, "figure": "worst error of a step", "value": max(errors)},
            ]
    for row in found["scaling"][0]["strong"] if "scaling" in found else []:
        what = f"{row['stories']} stories: two processes over "
        for rival in ("one_thread", "two_threads", "two_workers"):
            figure = what + rival.replace("_", " ")
            rows.append({"part": "scaling", "figure": figure, "value": row[f"over_{rival}"]})
        figure = f"{row['stories']} stories: flat over tensor by tensor"
        rows.append({"part": "scaling", "figure": figure, "value": row["flat_over_naive"]})
    for row in found.get("requests", []):
        figure = f"width {row['width']}: one user by two"
        rows.append({"part": "requests", "figure": figure, "value": row["speedup"]})
    for where, kills in found.get("kill", {}).items():
        if where != "missing" and kills:
            same = sum(row["same"] for row in kills)
            slowest = max(row["recovery_s"] for row in kills)
            rows.append({"part": "kill", "figure": f"{where}, same end of {len(kills)}",
                         "value": same})  # fmt: skip
            rows.append({"part": "kill", "figure": f"{where}, slowest, s", "value": slowest})
    if isinstance(found.get("averaging"), list):
        for mode in averaging.MODES:
            gaps = [row["gap"] for row in found["averaging"] if row["mode"] == mode]
            rows.append({"part": "averaging", "figure": f"{mode}, gap", "value": median(gaps)})
    if "host" in found:
        rows.append({"part": "host", "figure": "share of a step", "value": found["host"]["share"]})
    return rows


def main() -> None:
    """Measure the chosen parts and publish after each."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="of these, with commas")
    parser.add_argument("--progress", default="_build/many_devices.json", help="finished runs")
    parsed = parser.parse_args()
    chosen = parsed.parts.split(",")
    if unknown := sorted(set(chosen) - set(PARTS)):
        parser.error(f"--parts {unknown[0]} is not one of {', '.join(PARTS)}")
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))
    found: dict = progress.found.setdefault("parts", {})
    for part in chosen:
        started = time.perf_counter()
        found[part] = RUNS[part](progress, parsed.quick)
        print(f"{part}: {time.perf_counter() - started:.0f} s", flush=True)
        notes = ["Wall time, since waiting is what is measured; the load of the machine matters."]
        title = "Many devices: wires, scaling, requests, kills, loaders"
        report.publish("many_devices", title, table_of(found), notes, parsed.out, parts=found)


if __name__ == "__main__":
    main()
