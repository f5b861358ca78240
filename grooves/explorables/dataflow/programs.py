"""The programs that the explorable `dataflow` shows: operations as the compiler has placed them.

Key idea: the page schedules the same operations again with other latencies, so a program is kept
without cycles: units, inputs, and for each pause between two operations its reason, from which the
pause follows. What stays as compiled is which matrix lies in which plane. Chapter 14.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from grooves.hardware.dataflow import Chip, Operation, Program, compile, paths_to_end
from grooves.hardware.dataflow.addresses import makes_vector
from grooves.hardware.dataflow.cached_machine import Work, work_of
from grooves.hardware.dataflow.chip import TRANSCENDENTAL, UNITS
from grooves.hardware.dataflow.planes import first_displaced
from grooves.hardware.dataflow.shorter import STEPS
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage

PATH = Path(__file__).with_name("programs.json")
DEFAULTS = {"inputs": [], "after": {}, "lanes": 0, "occupies": 1, "plane": -1, "tile": ""}
DEFAULTS |= {"reads": "", "bytes": 0, "per_token": 0, "values": []}
SHOWN = 4
STORY = "Once upon a time there was a brave fox named Lily."


def recorded() -> dict[str, list[dict]]:
    """The operations of each program, by its name, from the longest path to the shortest.

    What equals `DEFAULTS` is left out of each operation; see `encoded`.
    """
    return json.loads(PATH.read_text(encoding="utf-8"))


def compiled(model, names: Iterable[str] = tuple(STEPS)) -> dict[str, Program]:
    """What the compiler makes of a model's step, in the forms that `shorter.STEPS` lists."""
    return {name: compile(STEPS[name](model)) for name in names}


def write() -> None:
    """Record the programs of the course's own model again: one line an operation."""
    words, texts = story_words(), []
    for name, program in compiled(lineage.base()).items():
        rows = encoded(program, values(program, words))
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        texts.append(f'"{name}": [\n{lines}\n]')
    PATH.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")


def shortest(programs: dict[str, list[dict]], chip: Chip) -> str:
    """The name of the recorded program with the shortest critical path."""
    left = {name: paths_to_end(operations_of(rows, chip), chip) for name, rows in programs.items()}
    return min(left, key=lambda name: max(left[name].values()))


def chip_facts(chip: Chip | None = None) -> dict:
    """What the page has to know of a chip."""
    chip = chip or Chip()
    return {
        "latencies": dict(chip.latency_cycles),
        "units": {unit: chip.count(unit) for unit in UNITS},
        "transcendental": sorted(TRANSCENDENTAL),
        "clock_hz": chip.clock_hz,
    }


def story_words() -> list[int]:
    """The words of `STORY` as the model reads them, after the mark that begins a story."""
    return [0, *WordTokenizer(Stories().vocabulary).encode(STORY)]


def values(program: Program, words: Sequence[int]) -> dict[str, list[float]]:
    """The first `SHOWN` values that each operation makes for the last one of some words.

    Of the lanes that a later operation reads; the first of these lanes stands before the values,
    and how many lanes they are.
    """
    simulator = program.simulator(1)
    for position, word in enumerate(words):
        simulator.word(np.array([word]), position)
    found = {}
    for o, lanes in _used_lanes(program).items():
        lands = program.schedule.start[o.name] + o.duration(program.chip)
        history = simulator.vectors[o.home, *program.addresses[o.name]]
        (vector,) = (value[0] for landed, value in history if landed == lands)
        shown = [float(f"{vector[lane]:.3g}") for lane in lanes[:SHOWN]]
        found[o.name] = [lanes[0], len(lanes), *shown]
    return found


def _used_lanes(program: Program) -> dict[Operation, list[int]]:
    """Of each vector, the lanes that some operation reads."""
    used: dict[str, set[int]] = {}
    made = [o for o in program.operations if makes_vector(o)]
    for o in reversed(program.operations):
        mine = used.setdefault(o.name, set()) or set(range(o.lanes))
        if o.kind == "multiply":
            mine = program.lowered.tiles[o.tile].rows
        elif o.kind == "move":
            mine = o.data["source"].tolist()
        elif o.kind in ("append", "write"):
            mine = o.data["lanes"].tolist()
        if o.kind != "install":
            for name in o.inputs:
                used.setdefault(name, set()).update(mine)
    return {o: sorted(used[o.name]) for o in made if used[o.name]}


def encoded(program: Program, made: dict[str, list[float]] | None = None) -> list[dict]:
    """The operations of a compiled program, ready for JSON.

    made: of `values`.

    inputs: numbers of operations, or names of what lies in memory before the program begins.
    after: by reason, numbers of operations to be issued before. lanes: values in the result.
    reads, bytes, per_token: of the matrix that a product reads on a machine with a cache.
    Raises: ValueError for a program that was split over several chips.
    """
    if program.n_chips > 1:
        raise ValueError(f"a program for {program.n_chips} chips has no single timetable: use one")
    index = {o.name: i for i, o in enumerate(program.operations)}
    works = {work.name: work for work in work_of(program)}
    made = made or {}
    return [_encoded(o, index, works.get(o.name), made.get(o.name, [])) for o in program.operations]


def _encoded(o: Operation, index: dict[str, int], work: Work | None, made: list) -> dict:
    after: dict[str, list[int]] = {}
    for name, cycles in o.after:
        reason = "append" if o.kind == "append" else "next" if cycles == 1 else "displaced"
        after.setdefault(reason, []).append(index[name])
    found = {
        "inputs": [index.get(name, name) for name in o.inputs],
        "after": after,
        "lanes": o.lanes,
        "occupies": o.occupies,
        "plane": o.plane,
        "tile": o.tile,
        "values": made,
    }
    if work is not None:
        found |= {"reads": work.reads, "bytes": work.n_bytes, "per_token": work.bytes_per_token}
    kept = {key: value for key, value in found.items() if value != DEFAULTS[key]}
    return {"name": o.name, "unit": o.unit, "kind": o.kind} | kept


def operations_of(rows: list[dict], chip: Chip) -> list[Operation]:
    """Recorded rows as operations for a chip, whose latencies may differ from the compiled ones."""
    gaps = {
        "displaced": first_displaced(chip),
        "next": 1,
        "append": 1 - chip.latency("memory", "append") - chip.travel("memory", "weights"),
    }

    def names(inputs: Iterable) -> tuple[str, ...]:
        return tuple(rows[i]["name"] if isinstance(i, int) else i for i in inputs)

    def operation(row: dict) -> Operation:
        pairs = [(gaps[reason], i) for reason, before in row["after"].items() for i in before]
        after = tuple((rows[i]["name"], gap) for gap, i in pairs)
        return Operation(
            row["name"],
            row["unit"],
            row["kind"],
            names(row["inputs"]),
            row["lanes"],
            after,
            row["occupies"],
            row["tile"],
            row["plane"],
        )

    return [operation(DEFAULTS | row) for row in rows]


def works_of(rows: list[dict], chip: Chip) -> list[Work]:
    """Recorded rows as the machine with a cache runs them, as `cached_machine.work_of` has them."""
    index: list[tuple[int, ...]] = []  # of each row, what waiting for it means
    found: list[Work] = []
    for row in (DEFAULTS | row for row in rows):
        inputs = {i for j in row["inputs"] if isinstance(j, int) for i in index[j]}
        if row["kind"] == "install":
            index.append(tuple(sorted(inputs)))
            continue
        index.append((len(found),))
        latency = chip.latency(row["unit"], row["kind"]) + chip.latency_cycles["near"]
        order, read = tuple(sorted(inputs)), (row["reads"], row["bytes"], row["per_token"])
        found.append(Work(row["name"], row["unit"], order, latency, row["occupies"], *read))
    return found
