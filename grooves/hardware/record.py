"""Recordings: what a device was measured to do, with everything a reader needs to judge it.

Key idea: a figure is worth what is written beside it. `grooves record` runs the experiments of
`grooves.hardware.microbench` and writes one JSON a device: the device, its driver, the versions,
the date, the precision, the threads, how busy the machine was, and every sample. Recordings that
were committed are drawn beside the student's own machine. Chapters: 11, 12.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from grooves import __version__, assets, cache_dir, device
from grooves.hardware import latency, microbench, workloads
from grooves.hardware.machine import processor
from grooves.hardware.microbench import CPU, Measurement

FOLDER = assets.RECORDINGS
FORMAT = 1
SIZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 10_000)
COPIES = tuple(2**k for k in range(14, 29, 2))  # bytes: 16 kB to 268 MB, beyond any cache
WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)  # channels of the story model
RINGS = tuple(n // latency.LINE_BYTES for n in COPIES)  # lines


@dataclass(frozen=True)
class Recording:
    """The experiments on one device, and where and when they were made."""

    device: dict  # "kind" ("cpu", "cuda", "mps"), "name", "driver"
    versions: dict
    date: str
    threads: int
    cores: int
    load: float | None  # of the machine when it began: processes that wanted a core
    shared: bool  # others worked on the machine meanwhile
    rows: tuple[Measurement, ...]

    @property
    def name(self) -> str:
        """The device in a few words, with the threads where it is a CPU."""
        if self.device["kind"] != "cpu":
            return self.device["name"]
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        model = re.sub(r"\((R|TM)\)| (CPU|Processor)\b.*", "", self.device["name"])
        return f"{model.strip()}, {threads}"

    def of(self, kind: str, precision: str | None = None) -> list[Measurement]:
        """The experiments of one kind, and of one precision where it is given."""
        return [m for m in self.rows if m.kind == kind and precision in (None, m.precision)]

    def peak_flops_per_s(self, precision: str = "fp32") -> float:
        """The greatest rate of any product at this precision, in its least disturbed run.

        Raises: ValueError where no product was recorded at it.
        """
        products = self.of("matmul", precision)
        if not products:
            known = ", ".join(dict.fromkeys(m.precision for m in self.of("matmul")))
            raise ValueError(f"{self.name}: no products at {precision=} were recorded, but {known}")
        return max(m.best_flops_per_s for m in products)

    def bandwidth_bytes_per_s(self) -> float:
        """What memory delivers where no cache helps: the largest copy's least disturbed run."""
        return max(self.of("copy"), key=lambda m: m.size).best_bytes_per_s

    def to_dict(self) -> dict:
        """Plain data for a JSON file."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        rows = [row.to_dict() for row in self.rows]
        return {"format": FORMAT} | fields | {"rows": rows}


def describe(place: torch.device) -> dict:
    """A device in words: its kind, its name, its driver where it has one."""
    if place.type == "cuda":
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
            driver = said.stdout.strip().splitlines()[0]
        except (OSError, subprocess.SubprocessError, IndexError):
            driver = None
        return {"kind": "cuda", "name": torch.cuda.get_device_name(place), "driver": driver}
    if place.type == "mps":
        return {"kind": "mps", "name": processor(), "driver": platform.mac_ver()[0]}
    instructions = torch.backends.cpu.get_cpu_capability()
    return {"kind": "cpu", "name": processor(), "driver": None, "instructions": instructions}


def make(
    place: torch.device,
    precisions: tuple[str, ...] = tuple(microbench.PRECISIONS),
    sizes: tuple[int, ...] = SIZES,
    budget_s: float = 0.5,
    shared: bool = False,
) -> Recording:
    """Run all experiments on one device: half a minute on a CPU with the settings as they are.

    precisions: those that the device does not offer are left out. budget_s: no product is tried
    that would take longer. shared: whether others worked on the machine meanwhile.
    Raises: ValueError for a precision that does not exist.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    rows: list[Measurement] = []
    for precision in precisions:
        if microbench.offers(place, precision):
            rows += microbench.matmuls(sizes, precision, place, budget_s)
            rows += microbench.matvecs((256, 1024, 4096), precision, place)
    rows += [*microbench.copies(COPIES, place), *microbench.launches(place).values()]
    rows += microbench.transfers((2**12, 2**20, 2**26), place)
    if place.type == "cpu":
        for n_lines in RINGS:
            rows += [latency.pointer_chase(n_lines), latency.scattered(n_lines)]
    rows += [workloads.digits_forward(1, place), workloads.digits_forward(64, place)]
    rows += [*workloads.story_words(place), workloads.training_step(place)]
    rows += workloads.wider_steps(WIDTHS, place, budget_s)
    versions = {"grooves": __version__, "python": platform.python_version()}
    versions |= {"torch": torch.__version__, "system": f"{platform.system()} {platform.machine()}"}
    if place.type == "cuda":
        versions["cuda"] = torch.version.cuda
    return Recording(
        device=describe(place),
        versions=versions,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        threads=torch.get_num_threads(),
        cores=os.cpu_count() or 1,
        load=load,
        shared=shared,
        rows=tuple(rows),
    )


def save(recording: Recording, folder: Path | str) -> Path:
    """Write a recording as `kind-name-threads.json` into a folder, made where missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", f"{recording.device['kind']} {recording.name}".lower())
    path = folder / f"{slug.strip('-')}.json"
    text = json.dumps(_rounded(recording.to_dict()), indent=None, separators=(",", ":"))
    path.write_text(text.replace('{"kind":', '\n{"kind":') + "\n", encoding="utf-8")
    return path


def _rounded(tree):
    """Floats to six digits: no clock is better than that."""
    if isinstance(tree, dict):
        return {key: _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_rounded(value) for value in tree]
    return float(f"{tree:.6g}") if isinstance(tree, float) else tree


def load(path: Path | str) -> Recording:
    """Read a recording.

    Raises: ValueError where the file is no recording, or of a format that this version does not
    know.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        found = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError) as fault:
        raise ValueError(
            f"{path} is no recording ({fault}): make one with grooves record"
        ) from None
    if found != FORMAT:
        raise ValueError(f"{path} has format {found}, and this version reads {FORMAT}: record anew")
    try:
        rows = tuple(Measurement.from_dict(row) for row in content.pop("rows"))
        return Recording(**content, rows=rows)
    except (KeyError, TypeError) as fault:
        raise ValueError(f"{path} is a recording of another form ({fault}): record anew") from None


def recordings(folder: Path | str = FOLDER, kind: str | None = None) -> list[Recording]:
    """All recordings of a folder, those of one kind of device where it is given."""
    found = [load(path) for path in sorted(Path(folder).glob("*.json"))]
    return [r for r in found if kind in (None, r.device["kind"])]


# ---- the command --------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves record`."""
    parser.add_argument("--out", type=Path, help="folder (default: recordings in the cache folder)")
    parser.add_argument(
        "--precision", nargs="*", default=list(microbench.PRECISIONS), metavar="NAME"
    )
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="rows of the largest matrix")
    parser.add_argument("--budget", type=float, default=0.5, help="seconds for one product at most")
    parser.add_argument("--threads", type=int, help="threads of the CPU")
    parser.add_argument("--shared", action="store_true", help="others work on this machine now")


def main(args: argparse.Namespace) -> int:
    """`grooves record`: measure each device of this machine and write one file for each."""
    if args.threads is not None:
        if args.threads < 1:
            raise ValueError(f"--threads {args.threads} must be at least 1")
        torch.set_num_threads(args.threads)
    if unknown := sorted(set(args.precision) - set(microbench.PRECISIONS)):
        known = ", ".join(microbench.PRECISIONS)
        raise ValueError(f"--precision {' '.join(unknown)} is unknown: choose from {known}")
    sizes = tuple(n for n in SIZES if n <= args.largest)
    if not sizes or not args.budget > 0:
        raise ValueError(f"--largest {args.largest} must be at least {SIZES[0]}, --budget above 0")
    folder = args.out or cache_dir() / "recordings"
    for place in dict.fromkeys((CPU, device())):
        recording = make(place, tuple(args.precision), sizes, args.budget, args.shared)
        path = save(recording, folder)
        print(f"{recording.name}: {len(recording.rows)} experiments")
        for precision in dict.fromkeys(m.precision for m in recording.of("matmul")):
            print(f"  {precision}: {recording.peak_flops_per_s(precision) / 1e9:,.0f} GFLOP/s")
        print(f"  memory: {recording.bandwidth_bytes_per_s() / 1e9:,.1f} GB/s")
        print(f"  written to {path}")
    return 0
