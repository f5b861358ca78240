"""What serving costs: batching, the HTTP server, streams, latency against load, and a soak.

Every figure is a ratio of things measured in one run, in turns, or of CPU time of one process, so
that a busy machine changes it little; the load of the machine stands in the record. Latencies are
wall-clock times and do depend on it. `--parts` chooses what is measured.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import opponent
import report
import torch
from batches import SLOTS, PaddedEngine, real, simulated
from rivals import slow_model, theirs
from served import Measured, Server, load, serving, shares

from grooves.inference.generate import generate
from grooves.inference.latency import Goal, mm1_percentile, percentile
from grooves.inference.serving_simulation import ModelEngine, allowed_gain
from grooves.training.checkpoint import save_model
from grooves.training.lineage import base

WORDS = 80  # of an answer: fewer than any story has, so that none ends early
MIX = (16, 64, 160)  # max_tokens where latencies are measured
GOAL = Goal(first_token_s=0.2, between_tokens_s=0.1)
MB = 1e6


class Record:
    """The rows of the report, and the details of each part."""

    def __init__(self, quick: bool):
        self.quick, self.rows, self.parts = quick, [], {}

    def add(self, part: str, figure: str, values, bar: float | None = None, at_most=False) -> None:
        """One row: the median of the values, their quartiles, and whether the bar is reached."""
        values = list(values) if isinstance(values, list | tuple) else [values]
        middle = median(values)
        low, high = report.spread(values)[1:] if len(values) > 1 else (None, None)
        reached = None if bar is None else (middle <= bar if at_most else middle >= bar)
        row = {"part": part, "figure": figure, "value": float(middle), "bar": bar}
        row["reached"] = {None: None, True: "yes", False: "no"}[reached]
        row["half between"] = None if low is None else f"{low:.3g} and {high:.3g}"
        self.rows.append(row)
        print(f"  {part}: {figure}: {middle:.4g}", flush=True)


# ---- static and continuous batching ------------------------------------------------------------


def batching(record: Record) -> None:
    """Throughput of continuous over static batching, and p95, on texts of very different length."""
    rng = np.random.default_rng(0)
    n = 20 * SLOTS
    lengths = np.clip(np.exp(rng.normal(3.2, 1.0, n)), 2, 110).astype(int).tolist()
    traces = {static: simulated(lengths, static) for static in (False, True)}
    compare(record, "batching, simulated", [traces], 0.85)
    model, rounds = base(), 3 if record.quick else 5
    for part, engine, bar in (
        ("batching, real model", PaddedEngine, 0.85),
        ("batching, static without ended texts", ModelEngine, None),
    ):
        found = [
            {static: real(model, lengths, static, engine) for static in (turn % 2, 1 - turn % 2)}
            for turn in range(rounds)
        ]
        compare(record, part, found, bar)


def compare(record: Record, part: str, rounds: list[dict], bar: float | None) -> None:
    """Rows for traces {static: (trace, seconds)}, a dict per round."""
    written = {r.name: len(r.written) for r in rounds[0][False][0].finished}
    allowed = allowed_gain([written[name] for name in sorted(written)], SLOTS)
    gains = [found[True][1] / found[False][1] for found in rounds]
    late = {
        s: [percentile([t.end_to_end_s for t in found[s][0].timings], 95) for found in rounds]
        for s in (False, True)
    }
    record.add(part, "longest over mean in a batch", allowed, 2.0)
    record.add(part, "throughput, continuous over static", gains)
    record.add(part, "share of what the lengths allow", [g / allowed for g in gains], bar)
    ratios = [a / b for a, b in zip(late[False], late[True], strict=True)]
    record.add(part, "p95, continuous over static", ratios, 1.0, at_most=True)


# ---- whole answers through HTTP ----------------------------------------------------------------


def whole(record: Record) -> None:
    """Whole answers of 16 requests at once, beside the bare decoder with the same batch."""
    compare_with_bare(record, "whole answers, base model", base(), None, 0.5)
    model, step_s = slow_model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slow.safetensors"
        save_model(model, path)
        part = f"whole answers, a step of {1e3 * step_s:.1f} ms"
        compare_with_bare(record, part, model, path, 0.9)


def compare_with_bare(record: Record, part: str, model, path, bar: float) -> None:
    """Tokens per second by HTTP over those of `generate`, in turns.

    With as many users as slots, a slot is empty from an answer to the user's next request. With
    twice as many, the next request waits already.
    """
    prompt = torch.zeros((SLOTS, 1), dtype=torch.long)
    rounds, size = (2, 2) if record.quick else (5, 6 if path is None else 2)
    found: dict[int, list] = {SLOTS: [], 2 * SLOTS: []}  # by the number of users
    bare = []
    with serving(*([] if path is None else ["--model", str(path)])) as server:
        load(server, SLOTS, [WORDS], users=SLOTS, stream=False)
        for turn in range(rounds):
            wall, cpu = time.perf_counter(), report.core_seconds()
            for k in range(size):
                generate(model, prompt, WORDS, seed=turn * size + k, end=None)
            n = SLOTS * size
            bare.append(
                (
                    n * WORDS / (time.perf_counter() - wall),
                    n * WORDS / (report.core_seconds() - cpu),
                )
            )
            for users, runs in found.items():
                seed = users + turn
                runs.append(load(server, n, [WORDS], users=users, stream=False, seed=seed))
    for users, runs in found.items():
        by_http = [f.tokens_per_s / rate for f, (rate, _) in zip(runs, bare, strict=True)]
        alone = [f.n_tokens / f.cpu_s[1] / rate for f, (_, rate) in zip(runs, bare, strict=True)]
        figure = f"{users} users: tokens per second by HTTP over the bare decoder"
        record.add(part, figure, by_http, bar)
        record.add(part, f"{users} users: the same per CPU second of the worker", alone, bar)
    own = [[1e6 * s / f.n_tokens for s in f.cpu_s] for f in found[2 * SLOTS]]
    shares_of_time(record, part, own, "token")


def shares_of_time(record: Record, part: str, own: list, unit: str) -> None:
    """Rows with the CPU microseconds of each process."""
    for who, values in zip(("HTTP", "worker", "client"), zip(*own, strict=True), strict=True):
        record.add(part, f"CPU µs per {unit}, {who}", list(values))


# ---- streams -----------------------------------------------------------------------------------


def stream(record: Record) -> None:
    """Events per CPU second of the HTTP process, with 16 and 64 streams, and where time goes."""
    rounds, n = (2, 64) if record.quick else (3, 128)
    with serving("--queue", "200") as server:
        load(server, 64, [WORDS], users=64)
        for users in (16, 64):
            found = [load(server, n, [WORDS], users, seed=users + t) for t in range(rounds)]
            part = f"{users} streams"
            rates = [f.n_tokens / f.cpu_s[0] for f in found]
            record.add(part, "events per CPU second of the HTTP process", rates, 15_000)
            own = [[1e6 * s / f.n_tokens for s in f.cpu_s] for f in found]
            shares_of_time(record, part, own, "event")
            record.add(part, "events per second, wall-clock", [f.tokens_per_s for f in found])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile"
        with serving(profile=Path(folder) / "idle"):
            pass
        with serving("--queue", "200", profile=path) as server:
            load(server, n, [WORDS], users=64)
        for kind, share in shares(path, Path(folder) / "idle").items():
            record.add("64 streams", f"share of the HTTP process's time, {kind}", share)


# ---- beside Hugging Face -----------------------------------------------------------------------


def transformers(record: Record) -> None:
    """Tokens per second of streams by HTTP over Hugging Face's `generate`, at equal size."""
    rival = opponent.Opponent.like(base()).eval()
    rounds = 2 if record.quick else 5
    with serving() as server:
        for streams in (1, SLOTS):
            prompt, ratios, of_worker = torch.zeros((streams, 1), dtype=torch.long), [], []
            each = 4 if streams == 1 else 3
            load(server, streams, [WORDS], users=streams)
            theirs(rival, prompt, WORDS)
            for turn in range(rounds):
                wall, cpu = time.perf_counter(), report.core_seconds()
                theirs(rival, prompt, WORDS)
                wall, cpu = time.perf_counter() - wall, report.core_seconds() - cpu
                found = load(server, each * streams, [WORDS], streams, seed=turn + 1)
                ratios.append(found.tokens_per_s / (streams * WORDS / wall))
                of_worker.append(found.n_tokens / found.cpu_s[1] / (streams * WORDS / cpu))
            part = f"beside transformers, {streams} stream{'s' if streams > 1 else ''}"
            record.add(part, "tokens per second by HTTP over `generate`", ratios, 3.0)
            record.add(part, "the same per CPU second of the worker", of_worker, 3.0)


# ---- latency against load ----------------------------------------------------------------------

STEP_MS = 5


def capacity(server: Server, record: Record) -> float:
    """Requests per second that the server answers if there are always enough of them."""
    n = 100 if record.quick else 300
    load(server, n // 2, MIX, users=3 * SLOTS, seed=90)
    return n / load(server, n, MIX, users=3 * SLOTS, seed=91).seconds


def latency(record: Record) -> None:
    """Latencies at 50, 80 and 95 % of the measured capacity; an open loop, then a closed one.

    A step takes 5 ms, so that the generator, which shares the processor, can keep to its plan.
    """
    seconds = 4 if record.quick else 25
    with serving("--queue", "2000", "--step-ms", f"{STEP_MS}") as server:
        most_per_s = capacity(server, record)
        record.add("latency", "capacity, requests per second", most_per_s)
        tables = {}
        for share in (0.5, 0.8, 0.95):
            rate = share * most_per_s
            n = max(100, int(rate * seconds))
            found = load(server, n, MIX, rate=rate, seed=int(100 * share))
            predicted = mm1_percentile(rate, most_per_s, 99)
            tables[f"open loop, {share:.0%}"] = latency_rows(
                record, f"open loop, {share:.0%} load", found, rate, predicted
            )
        n = max(100, int(most_per_s * seconds / 2))
        found = load(server, n, MIX, users=SLOTS, seed=99)
        tables["closed loop"] = latency_rows(record, f"closed loop, {SLOTS} users", found)
        record.parts["latency"] = {
            "step_ms": STEP_MS,
            "capacity_per_s": most_per_s,
            "loads": tables,
        }


def latency_rows(record: Record, part: str, found: Measured, rate=None, predicted=None) -> dict:
    """Rows of one load, and its details."""
    told = found.report(rate, GOAL)
    for name, table in told.latencies.items():
        for p, value in table.items():
            record.add(part, f"{name}, p{p}, ms", 1e3 * value)
    record.add(part, "goodput over throughput", told.goodput_per_s / told.throughput_per_s)
    record.add(part, "requests without an answer", sum(told.errors.values()), 0, at_most=True)
    record.add(part, "generator late, p99, ms", 1e3 * told.late_s[99])
    if predicted is not None:
        record.add(part, "p99 that M/M/1 would predict, ms", 1e3 * predicted)
    details = {"rate_per_s": rate, "mm1_p99_s": predicted, "latencies": told.latencies}
    return details | {"errors": told.errors, "late_s": told.late_s}


# ---- soak --------------------------------------------------------------------------------------


def soak(record: Record) -> None:
    """A minute at 80 % of the capacity: errors, and memory at the beginning and the end."""
    seconds, pieces = (12 if record.quick else 60), 12
    with serving("--queue", "2000") as server:
        rate = 0.8 * capacity(server, record)
        memory, errors, n_requests = [], 0, 0
        for piece in range(pieces):
            n = max(10, int(rate * seconds / pieces))
            found = load(server, n, MIX, rate=rate, seed=500 + piece)
            errors += sum(not o.ok for o in found.run.outcomes)
            n_requests += len(found.run.outcomes)
            memory.append(server.memory())
    record.add("soak", "requests", n_requests)
    record.add("soak", "requests without an answer", errors, 0, at_most=True)
    for who, values in zip(("HTTP", "worker"), zip(*memory, strict=True), strict=True):
        early, late = median(values[: pieces // 3]), median(values[-pieces // 3 :])
        record.add("soak", f"memory of {who}, MB", early / MB)
        record.add("soak", f"memory of {who}, end over beginning", late / early, 1.02, at_most=True)
    record.parts["soak"] = {"memory_bytes": memory, "rate_per_s": rate}


PARTS = {  # in this order
    f.__name__: f for f in (batching, whole, stream, transformers, latency, soak)
}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parsed = parser.parse_args()
    report.one_thread()
    record, started, busy = Record(parsed.quick), time.perf_counter(), [os.getloadavg()]
    for name in parsed.parts:
        print(f"{name} ({time.perf_counter() - started:.0f} s)", flush=True)
        PARTS[name](record)
        busy.append(os.getloadavg())
    notes = [
        f"Load average of the machine ({os.cpu_count()} cores) over the last minute, before each "
        f"part and at the end: {', '.join(f'{one:.1f}' for one, _, _ in busy)}. What ran besides "
        "the benchmark makes wall-clock figures worse.",
        "A bar is what the course wants to reach; 'half between' are the quartiles of the rounds.",
    ]
    title = "Serving: ratios in one run, and latencies of one server"
    record.parts["load_average"] = busy
    report.publish("serving", title, record.rows, notes, parsed.out, parts=record.parts)


if __name__ == "__main__":
    main()
