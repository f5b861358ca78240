"""Run a notebook from a fresh kernel with the network cut; prints what happened as JSON.

Started by the tests as `unshare -rn python run_offline.py NOTEBOOK`: inside its own network
namespace nothing but the loopback device exists, and that one has to be switched on first,
because a kernel talks to its client through it. Without `unshare` the notebook runs all the same,
only with the network as it is.

With `--cache` a run without a fault is kept where the book's build looks for it, so that one run
serves both: what the book then shows is what ran here, offline.
"""

import argparse
import fcntl
import json
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x1 | 0x40


def loopback_up() -> None:
    """Switch the loopback device on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP_RUNNING))


def network_is_cut() -> bool:
    """Whether an address that is not this machine's cannot even be tried."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
        except OSError:
            return True
    return False


def what_nbval_swallows(cells) -> list[str]:
    """Faults that raise no exception: a magic that does not exist, an error that did not come."""
    faults = []
    for cell in cells:
        if cell.cell_type != "code":
            continue
        outputs = cell.outputs
        said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
        if "UsageError" in said:
            faults.append(f"cell {cell.id}: {said.strip()}")
        wanted = "raises-exception" in cell.metadata.get("tags", [])
        if wanted and not any(o.output_type == "error" for o in outputs):
            faults.append(f"cell {cell.id}: was to raise an exception and did not")
        if cell.execution_count is None and cell.source.strip():
            faults.append(f"cell {cell.id}: did not run")
    return faults


def keep(notebook, path: Path, seconds: float, cache: Path) -> None:
    """Put an executed notebook into a cache of jupyter-cache, as myst-nb would after running it."""
    cache.mkdir(parents=True, exist_ok=True)
    bundle = CacheBundleIn(notebook, str(path.resolve()), data={"execution_seconds": seconds})
    with FileLock(cache.with_name(f"{cache.name}.lock")):  # several runs may end at once
        get_cache(str(cache)).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def run(path: Path, allow_errors: bool, cache: Path | None) -> dict:
    """Execute in an empty folder, so that a notebook which leaves files behind is caught."""
    notebook = nbformat.read(path, 4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=240,
            allow_errors=allow_errors,
            resources={"metadata": {"path": folder}},
            kernel_name="python3",
            record_timing=False,  # the times would make it another notebook to the cache
        )
        started, error = time.perf_counter(), None
        try:
            client.execute()
        except CellExecutionError as failure:
            error = str(failure)[-2000:]
        seconds = time.perf_counter() - started
        left = sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*"))
    raised = {
        cell.id: next(o.ename for o in cell.outputs if o.output_type == "error")
        for cell in notebook.cells
        if cell.cell_type == "code" and any(o.output_type == "error" for o in cell.outputs)
    }
    swallowed = what_nbval_swallows(notebook.cells) if error is None else []
    if cache and not (error or raised or swallowed or left):
        keep(notebook, path, seconds, cache)
    return {
        "seconds": round(seconds, 1),
        "error": error,
        "raised": raised,
        "swallowed": swallowed,
        "left_behind": left,
    }


def main() -> int:
    """Run the notebook named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--cut", action="store_true", help="this process was started by unshare")
    parser.add_argument("--allow-errors", action="store_true")
    parser.add_argument("--cache", type=Path, help="keep a faultless run here, for the book")
    args = parser.parse_args()
    if args.cut:
        loopback_up()
    result = run(args.notebook, args.allow_errors, args.cache) | {"cut": network_is_cut()}
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
