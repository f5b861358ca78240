"""What several processes and hosts cost and gain: wires, scaling, requests, kills, loaders.

Parts, of which `--parts` chooses: loopback and slow wire (alpha and beta fitted, other sizes and
training steps predicted), scaling (two processes against two threads and the course's own two
workers, flat buffer against tensor by tensor), requests (one user by two processes), kill (workers
on one host and across two), averaging (weights now and then, over the slow wire, in equal time),
loaders (waiting or computing), host (its work in a step). Notebook 13 shows what was recorded.
Takes about six minutes; an interrupted run goes on from `--progress`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import report
from many_devices_parts import processes, wires
from many_devices_parts.summary import table_of

RUNS = {
    "loopback": wires.loopback,
    "slow_wire": wires.slow_wire,
    "scaling": processes.scaling,
    "requests": processes.requests,
    "kill": processes.kill,
    "averaging": wires.averaged,
    "loaders": processes.loading,
    "host": processes.hosting,
}


def main() -> None:
    """Measure the chosen parts and publish after each."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", default=",".join(RUNS), help="of these, with commas")
    parser.add_argument("--progress", default="_build/many_devices.json", help="finished runs")
    parsed = parser.parse_args()
    chosen = parsed.parts.split(",")
    if unknown := sorted(set(chosen) - set(RUNS)):
        parser.error(f"--parts {unknown[0]} is not one of {', '.join(RUNS)}")
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))
    found: dict = progress.found.setdefault("parts", {})
    for part in chosen:
        started = time.perf_counter()
        found[part] = RUNS[part](progress, parsed.quick)
        progress.path.write_text(json.dumps(progress.found))
        print(f"{part}: {time.perf_counter() - started:.0f} s", flush=True)
        notes = ["Wall time, since waiting is what is measured; the load of the machine matters."]
        title = "Many devices: wires, scaling, requests, kills, loaders"
        report.publish("many_devices", title, table_of(found), notes, parsed.out, parts=found)


if __name__ == "__main__":
    main()
