"""The programs that the explorable `dataflow` shows: operations as the compiler has placed them.

Key idea: the page schedules the same operations again with other latencies, so a program is kept
without cycles: units, inputs, and for each pause between two operations its reason, from which the
pause follows. What stays as compiled is which matrix lies in which plane. Chapter 14.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from grooves.hardware.dataflow import Chip, Operation, Program, TransformerStep, compile
from grooves.hardware.dataflow.cached_machine import Work, work_of
from grooves.hardware.dataflow.chip import TRANSCENDENTAL, UNITS
from grooves.hardware.dataflow.planes import first_displaced
from grooves.training import lineage

PATH = Path(__file__).with_name("programs.json")
STEPS = {"written": TransformerStep}


def recorded() -> dict[str, list[dict]]:
    """The operations of each program, by its name; see `encoded`."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def compiled() -> dict[str, list[dict]]:
    """What the compiler makes of the course's own model today: what `recorded` has kept."""
    model = lineage.base()
    return {name: encoded(compile(step(model))) for name, step in STEPS.items()}


def write() -> None:
    """Record the programs again: one line an operation."""
    programs = [
        f'"{name}": [\n' + ",\n".join(map(json.dumps, operations)) + "\n]"
        for name, operations in compiled().items()
    ]
    PATH.write_text("{\n" + ",\n".join(programs) + "\n}\n", encoding="utf-8")


def chip_facts(chip: Chip | None = None) -> dict:
    """What the page has to know of a chip."""
    chip = chip or Chip()
    return {
        "latencies": dict(chip.latency_cycles),
        "units": {unit: chip.count(unit) for unit in UNITS},
        "transcendental": sorted(TRANSCENDENTAL),
        "clock_hz": chip.clock_hz,
    }


def encoded(program: Program) -> list[dict]:
    """The operations of a compiled program, ready for JSON.

    inputs: numbers of operations, or names of what lies in memory before the program begins.
    after: by reason, numbers of operations to be issued before. lanes: values in the result.
    reads, bytes, per_token: of the matrix that a product reads on a machine with a cache.
    """
    index = {o.name: i for i, o in enumerate(program.operations)}
    works = {work.name: work for work in work_of(program)}
    return [_encoded(o, index, works.get(o.name)) for o in program.operations]


def _encoded(o: Operation, index: dict[str, int], work: Work | None) -> dict:
    after: dict[str, list[int]] = {}
    for name, cycles in o.after:
        reason = "append" if o.kind == "append" else "next" if cycles == 1 else "displaced"
        after.setdefault(reason, []).append(index[name])
    found = {
        "name": o.name,
        "unit": o.unit,
        "kind": o.kind,
        "inputs": [index.get(name, name) for name in o.inputs],
        "after": after,
        "lanes": o.lanes,
        "occupies": o.occupies,
        "plane": o.plane,
        "tile": o.tile,
    }
    if work is not None and work.reads:
        found |= {"reads": work.reads, "bytes": work.n_bytes, "per_token": work.bytes_per_token}
    return found


def operations_of(rows: list[dict], chip: Chip) -> list[Operation]:
    """Recorded rows as operations for a chip, whose latencies may differ from the compiled ones."""
    gaps = {
        "displaced": first_displaced(chip),
        "next": 1,
        "append": 1 - chip.latency("memory", "append") - chip.travel("memory", "weights"),
    }

    def names(inputs: Iterable) -> tuple[str, ...]:
        return tuple(rows[i]["name"] if isinstance(i, int) else i for i in inputs)

    return [
        Operation(
            row["name"],
            row["unit"],
            row["kind"],
            names(row["inputs"]),
            row["lanes"],
            tuple((rows[i]["name"], gaps[reason]) for reason, all_ in row["after"].items() for i in all_),
            row["occupies"],
            row["tile"],
            row["plane"],
        )
        for row in rows
    ]


def works_of(rows: list[dict], chip: Chip) -> list[Work]:
    """Recorded rows as the machine with a cache runs them, as `cached_machine.work_of` has them."""
    index: list[tuple[int, ...]] = []  # of each row, what waiting for it means
    found: list[Work] = []
    for row in rows:
        inputs = {i for j in row["inputs"] if isinstance(j, int) for i in index[j]}
        if row["kind"] == "install":
            index.append(tuple(sorted(inputs)))
            continue
        index.append((len(found),))
        latency = chip.latency(row["unit"], row["kind"]) + chip.latency_cycles["near"]
        read = (row.get("reads", ""), row.get("bytes", 0), row.get("per_token", 0))
        order = tuple(sorted(inputs))
        found.append(Work(row["name"], row["unit"], order, latency, row["occupies"], *read))
    return found
