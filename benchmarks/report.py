"""Shared by every benchmark: one thread, a clock of CPU time, and a report.

Key idea: a figure means little without its conditions. Each benchmark prints a table with the
machine, the versions, the date and the theoretical limit, and writes the same as JSON.
Run alone, it prints the machine and its limits.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import torch
from threadpoolctl import threadpool_limits

PACKAGES = ("torch", "numpy", "transformers")


def one_thread() -> None:
    """Use one thread, so that the CPU time of the process is the time of the work."""
    torch.set_num_threads(1)
    threadpool_limits(limits=1)


def core_seconds() -> float:
    """CPU seconds that this process has used; time spent waiting for a core does not count."""
    return time.process_time()


def in_turns(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each contender in each round, after one warm-up run of each.

    Every round runs all of them, in changing order, so that a slow minute affects all alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for function in contenders.values():
        function()
    for turn in range(rounds):
        names = list(contenders)
        for name in names if turn % 2 else reversed(names):
            started = core_seconds()
            contenders[name]()
            seconds[name].append(core_seconds() - started)
    return seconds


def spread(values) -> tuple[float, float, float]:
    """Median, lower and upper quartile."""
    low, _, high = quantiles(values, n=4)
    return median(values), low, high


def ratio(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """The speed-up: median and quartiles of the ratios within each round."""
    return spread([s / f for s, f in zip(slow, fast, strict=True)])


# ---- long runs ---------------------------------------------------------------------------------


class Progress:
    """What has been measured so far, in a file, so that an interrupted run goes on from there."""

    def __init__(self, path: Path):
        self.path = path
        self.found = json.loads(path.read_text()) if path.exists() else {}

    def get(self, key: str, measure):
        """A result by its key; measured, written down and told where it is not there yet."""
        if key not in self.found:
            self.found[key] = measure()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.found))
            print(f"  {key}: {told(self.found[key])}", flush=True)
        return self.found[key]


def told(result) -> str:
    """A result in a few words."""
    if isinstance(result, dict):
        numbers = {k: v for k, v in result.items() if isinstance(v, int | float)}
        return ", ".join(f"{k} {v:.4f}" for k, v in numbers.items())
    return f"{result:.4f}" if isinstance(result, int | float) else "measured"


# ---- the machine and its limits ----------------------------------------------------------------


def machine() -> dict:
    """The machine, versions and date that a reader needs to judge a figure."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        "threads": torch.get_num_threads(),
        "precision": "float32",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def product_rate(size: int = 768, rounds: int = 9) -> float:
    """FLOP/s of one core in a large float32 matrix product, the best of several rounds."""
    a = torch.ones(size, size)
    runs = in_turns({"product": lambda: a @ a}, rounds)["product"]
    return 2 * size**3 / min(runs)


def read_rate(n_bytes: int, rounds: int = 9) -> float:
    """Bytes per second at which one core rereads `n_bytes`, the best of several rounds.

    A few hundred kB stay in the caches, so this is the rate for reading weights of that size.
    """
    x = np.ones(max(1, n_bytes // 4), dtype=np.float32)
    repeats = max(1, 50_000_000 // x.nbytes)
    runs = in_turns({"read": lambda: [x.dot(x) for _ in range(repeats)]}, rounds)["read"]
    return repeats * x.nbytes / min(runs)


# ---- the report --------------------------------------------------------------------------------


def table(rows: list[dict]) -> str:
    """Rows as text: the keys of the first are the headings; figures are right-aligned."""
    if not rows:
        return ""
    heads = list(rows[0])
    cells = [heads, *([_show(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    numeric = [isinstance(rows[0][head], int | float) for head in heads]
    pads = [str.rjust if right else str.ljust for right in numeric]
    lines = [
        "  ".join(pad(cell, width) for pad, cell, width in zip(pads, line, widths, strict=True))
        for line in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _show(value) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def publish(name: str, title: str, rows: list[dict], notes: list[str], out: Path, **more) -> None:
    """Print a benchmark's table and notes, and write everything to `out`/`name`.json."""
    where = machine()
    print(f"\n{title}\n{', '.join(f'{key} {value}' for key, value in where.items())}\n")
    print(table(rows))
    for note in notes:
        print(note)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    content = {"title": title, "machine": where, "rows": rows, "notes": notes, **more}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {path}.")


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with the options of all benchmarks."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path("_build/benchmarks"), help="JSON folder")
    parser.add_argument("--quick", action="store_true", help="a first look, with fewer repeats")
    return parser


def main() -> None:
    """Print this machine and its limits."""
    parsed = arguments("What one core of this machine can do at most.").parse_args()
    one_thread()
    rows = [{"limit": "matrix product", "rate": product_rate() / 1e9, "unit": "GFLOP/s"}]
    for kilobytes in (64, 400, 4_000, 64_000):
        rate = read_rate(kilobytes * 1000) / 1e9
        rows.append({"limit": f"reading {kilobytes:,} kB", "rate": rate, "unit": "GB/s"})
    publish("machine", "The limits of one core", rows, [], parsed.out)


if __name__ == "__main__":
    main()
