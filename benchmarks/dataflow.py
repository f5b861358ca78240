"""Beside the statically scheduled chip: a cached machine, this CPU, SCALE-Sim and a puzzle.

Utilisation of a matrix product at batch 1 and 64 on one core, in processor time; latencies of
tokens on a simulated machine with a cache, under several assumptions about other programs; the
latencies of the course's own decoder on this CPU; cycles of a systolic array beside those that
SCALE-Sim counts (`--scalesim PYTHON`, see `dataflow_parts/scalesim_cycles.py`); and what scheduling
rules lose against the optimum.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from statistics import mean, median

import report

from grooves.hardware.dataflow import puzzle, systolic
from grooves.hardware.dataflow.cached_machine import QUIET, CachedMachine, Machine, Noise, work_of
from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.compiler import compile
from grooves.hardware.dataflow.jitter import decoder_latencies, tail
from grooves.hardware.dataflow.product_rates import product_rates
from grooves.hardware.dataflow.shorter import STEPS
from grooves.training.lineage import base

CONTEXT = 120  # tokens of a text on the cached machine
MACHINES = [  # kB of cache, and what another program does between two tokens
    (1024, QUIET),
    (512, QUIET),
    (1024, Noise()),
    (768, Noise()),
    (640, Noise()),
    (512, Noise()),
    (256, Noise()),
    (1024, Noise(tail=2.0)),
    (1024, Noise(least=80.0)),
]
SHAPES = [  # rows, inner, columns of a product; height, width of the array
    (1, 64, 192, 320, 320),
    (1, 320, 320, 320, 320),
    (1, 64, 470, 320, 320),
    (64, 64, 192, 320, 320),
    (64, 640, 640, 320, 320),
    (1, 512, 2048, 320, 320),
    (4, 16, 16, 8, 8),
    (16, 40, 24, 8, 8),
    (100, 8, 8, 8, 8),
    (7, 13, 29, 16, 4),
]
PUZZLES = {12: 200, 18: 60, 24: 20}  # tasks, and how many puzzles


def utilisation(quick: bool) -> dict:
    """Rates of products with one matrix, the peak beside them, and the rate of reading."""
    rates = product_rates(1024 if quick else 4096, (1, 64), min_s=0.1 if quick else 0.3)
    peak = report.product_rate()
    for one in rates:
        print(f"  {one.precision}, batch {one.batch}: {one.ops_per_s / 1e9:.1f} Gop/s", flush=True)
    return {
        "rates": [asdict(one) for one in rates],
        "fp32_peak_flops_per_s": peak,
        "read_bytes_per_s": report.read_rate(64_000_000),
    }


def cached(quick: bool) -> dict:
    """Tails of the cached machine, one for each size of the cache and each noise."""
    name, step = list(STEPS.items())[-1]  # the shortest path
    program = compile(step(base()), Chip(), "fp16")
    work, n = work_of(program), 600 if quick else 5_000
    found = []
    for kilobytes, noise in MACHINES:
        machine = CachedMachine(work, Machine(cache_bytes=kilobytes * 1024), noise)
        tokens = machine.run(n + CONTEXT, CONTEXT)[CONTEXT:]  # the first text fills the cache
        one = tail([t.cycles for t in tokens], [t.position for t in tokens])
        misses = mean(t.misses for t in tokens)
        found.append({"cache_kb": kilobytes, "noise": asdict(noise), "misses": misses})
        found[-1] |= asdict(one)
        print(f"  {kilobytes} kB, {noise}: p99.9 {one.p99_9:.2f}", flush=True)
    own = {"step": name, "chip_cycles": program.cycles, "operations": len(work)}
    return own | {"context": CONTEXT, "tokens": n, "machines": found}


def real(quick: bool) -> dict:
    """The decoder on this CPU, by the ordinary clock and by that of the process.

    Window by window, since what other programs do changes from one second to the next.
    """
    n, windows, model, found = 2_000, 2 if quick else 10, base(), {}
    for name, clock in (("wall", time.perf_counter_ns), ("process", time.process_time_ns)):
        taken, positions = decoder_latencies(model, n * windows, clock=clock)
        parts = [slice(i * n, (i + 1) * n) for i in range(windows)]
        found[name] = asdict(tail(taken, positions))
        found[name]["median_ns"] = median(taken)
        found[name]["windows"] = [asdict(tail(taken[p], positions[p])) for p in parts]
        print(f"  decoder, {name} clock: p99.9 {found[name]['p99_9']:.2f}", flush=True)
    return found | {"load": os.getloadavg()[0], "cores": os.cpu_count()}


def against_scalesim(interpreter: Path | None) -> list[dict]:
    """Our cycles and SCALE-Sim's; the latter None without an interpreter that has it."""
    asked = [(*shape, flow) for shape in SHAPES for flow in ("ws", "os")]
    theirs = [None] * len(asked)
    if interpreter is not None:
        script = Path(__file__).parent / "dataflow_parts" / "scalesim_cycles.py"
        done = subprocess.run(
            [interpreter, script],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
        theirs = json.loads(done.stdout.splitlines()[-1])
    ways = {"ws": systolic.weight_stationary, "os": systolic.output_stationary}
    names = ("rows", "inner", "columns", "height", "width")
    return [
        dict(zip(names, one[:5], strict=True))
        | {"dataflow": one[5], "ours": ways[one[5]](*one[:5]).cycles, "scalesim": cycles}
        for one, cycles in zip(asked, theirs, strict=True)
    ]


def puzzles(quick: bool) -> list[dict]:
    """What each rule loses against the optimum, by the number of tasks."""
    found = []
    for n, many in PUZZLES.items():
        if quick and n > 12:
            continue
        tasks = [puzzle.random_puzzle(seed, n) for seed in range(many)]
        best = [puzzle.check(one, puzzle.optimal(one)) for one in tasks]
        for name, rule in puzzle.RULES.items():
            ends = [puzzle.check(one, puzzle.greedy(one, rule)) for one in tasks]
            gaps = [end / least - 1 for end, least in zip(ends, best, strict=True)]
            found.append(
                {
                    "tasks": n,
                    "puzzles": many,
                    "rule": name,
                    "mean_gap": mean(gaps),
                    "widest_gap": max(gaps),
                    "optimal": mean(gap == 0 for gap in gaps),
                }
            )
    return found


def rows_of(parts: dict) -> list[dict]:
    """The table: the figures that the chapter quotes."""
    rows = []
    add = lambda part, figure, value: rows.append(  # noqa: E731
        {"part": part, "figure": figure, "value": None if value is None else float(value)}
    )
    for one in parts["utilisation"]["rates"]:
        add("product", f"{one['precision']}, batch {one['batch']}, Gop/s", one["ops_per_s"] / 1e9)
    for one in parts["cached"]["machines"]:
        name = f"{one['cache_kb']} kB, least {one['noise']['least']:g}, tail {one['noise']['tail']}"
        add("cached machine", f"{name}: mean cycles", one["mean"])
        add("cached machine", f"{name}: p99.9 over the median", one["p99_9"])
    for clock in ("wall", "process"):
        one = parts["decoder"][clock]
        add("decoder", f"median µs, {clock} clock", one["median_ns"] / 1e3)
        add("decoder", f"p99.9 over the median, {clock} clock", one["p99_9"])
        calm, busy = (f(w["p99_9"] for w in one["windows"]) for f in (min, max))
        add("decoder", f"the same, {clock} clock, calmest window", calm)
        add("decoder", f"the same, {clock} clock, busiest window", busy)
    for one in parts["systolic"]:
        if one["scalesim"] is not None:
            shape = " × ".join(str(one[n]) for n in ("rows", "inner", "columns"))
            name = f"{shape} on {one['height']} × {one['width']}, {one['dataflow']}"
            add("systolic", f"{name}: ours less SCALE-Sim's cycles", one["ours"] - one["scalesim"])
    for one in parts["puzzles"]:
        add("puzzle", f"{one['tasks']} tasks, {one['rule']}: mean gap", one["mean_gap"])
    return rows


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--scalesim", type=Path, help="a Python interpreter that has scalesim")
    parser.add_argument("--again", help="measure this part alone, and keep the others in --out")
    parsed = parser.parse_args()
    report.one_thread()
    measure = {
        "utilisation": lambda: utilisation(parsed.quick),
        "cached": lambda: cached(parsed.quick),
        "decoder": lambda: real(parsed.quick),
        "systolic": lambda: against_scalesim(parsed.scalesim),
        "puzzles": lambda: puzzles(parsed.quick),
    }
    before = {}
    if parsed.again:
        before = json.loads((parsed.out / "dataflow.json").read_text())
        before = {name: before[name] for name in measure if name != parsed.again}
    parts = {name: before.get(name) or function() for name, function in measure.items()}
    notes = [
        f"Decoder: load average {parts['decoder']['load']:.1f} on {parts['decoder']['cores']} "
        "cores, so the ordinary clock counts other programs too.",
        "SCALE-Sim counts cycles from 0, hence one less.",
    ]
    report.publish("dataflow", "Beside the chip", rows_of(parts), notes, parsed.out, **parts)


if __name__ == "__main__":
    main()
