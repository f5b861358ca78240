"""The compiler's driver: from a PyTorch step to a program that a simulated chip can run.

Key idea: five passes, each in its own module: lower (graph.py, lower.py), place matrices in planes
(planes.py), schedule (schedule.py), give addresses (addresses.py), write instructions
(simulate.py). Chapter 14.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from grooves.hardware.dataflow.addresses import address_hazards, allocate
from grooves.hardware.dataflow.chip import ASSUMED, BYTES, Chip
from grooves.hardware.dataflow.graph import Lowered, lower
from grooves.hardware.dataflow.numbers import Numbers
from grooves.hardware.dataflow.operations import Operation
from grooves.hardware.dataflow.planes import place
from grooves.hardware.dataflow.schedule import Schedule, check, schedule
from grooves.hardware.dataflow.simulate import Instruction, Simulator, instructions
from grooves.hardware.dataflow.steps import Step

ORDERS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of serving the planes: see planes.place


class TooLarge(ValueError):
    """The program needs more memory than one chip has. n_chips: how many would hold it."""

    def __init__(self, nbytes: int, chip: Chip):
        self.n_chips = math.ceil(nbytes / chip.memory_bytes)
        super().__init__(
            f"{nbytes:,} bytes of weights, tables and caches do not fit into {chip.memory_bytes:,} "
            f"bytes on the chip: at least {self.n_chips} chips are needed (see split.py)"
        )


@dataclass
class Program:
    """A compiled step. `cycles` is the promise; `run` executes it."""

    lowered: Lowered
    operations: list[Operation]
    plane_of: dict[str, int]
    resident: list[str]  # constant matrices that lie in a plane between two words
    schedule: Schedule
    addresses: dict[str, tuple[int, int]]
    instructions: list[Instruction]
    chip: Chip
    numbers: Numbers
    chip_of_tile: dict[str, int] = field(default_factory=dict)

    @property
    def cycles(self) -> int:
        """Cycles of one word, promised by the schedule."""
        return self.schedule.cycles

    @property
    def n_chips(self) -> int:
        """Chips that the program uses."""
        return 1 + max(o.chip for o in self.operations)

    def simulator(self, n_stories: int, program: list[Instruction] | None = None) -> Simulator:
        """A chip that holds this program, before the first word."""
        low = self.lowered
        resident = {t: (self.chip_of_tile.get(t, 0), self.plane_of[t]) for t in self.resident}
        return Simulator(
            self.instructions if program is None else program,
            self.chip,
            low.tiles,
            low.memory,
            low.caches,
            low.state,
            low.n_outputs,
            n_stories,
            resident,
            self.numbers.largest,
        )


@dataclass
class Result:
    """logits: (S, T, V) after each word. cycles: executed for each word, (T,)."""

    logits: np.ndarray
    cycles: list[int]


def memory_bytes(lowered: Lowered, numbers: Numbers) -> int:
    """Bytes that the program keeps on the chip: weights in their format, tables in fp32, caches."""
    weights = sum(t.nbytes for t in lowered.tiles.values() if t.weights is not None)
    tables = sum(4 * a.size for a in lowered.memory.values())
    cache = BYTES[numbers.of("cache", "")]
    return weights + tables + sum(T * n * cache for T, n in lowered.caches.values())


def compile(step: Step, chip: Chip | None = None, numbers: str | Numbers = "fp16") -> Program:
    """Compile one decoding step for one chip.

    numbers: "fp32", "fp16", "int8", "mixed" or a `Numbers`; the int8 formats need `calibrate`.
    Raises: TooLarge where the chip's memory does not hold the program; ValueError for a PyTorch
    operation without a rule.
    """
    numbers = Numbers(numbers) if isinstance(numbers, str) else numbers
    chip = (chip or Chip()).with_planes(numbers.name)
    lowered = lower(step, chip, numbers)
    if (needed := memory_bytes(lowered, numbers)) > chip.memory_bytes:
        raise TooLarge(needed, chip)
    return finish(lowered, chip, numbers)


def finish(lowered: Lowered, chip: Chip, numbers: Numbers) -> Program:
    """The passes after lowering.

    Raises: Hazard, which would be a fault of the compiler.
    """
    plan, (operations, plane_of, resident) = best_placement(lowered, chip)
    check(plan)
    addresses = allocate(plan)
    for hazard in address_hazards(plan, addresses):
        raise hazard
    listed = instructions(plan, addresses)
    on = {o.tile: o.chip for o in operations if o.tile}
    return Program(
        *(lowered, operations, plane_of, resident, plan, addresses, listed, chip, numbers, on)
    )


def best_placement(
    lowered: Lowered, chip: Chip, wanted: dict[str, int] | None = None
) -> tuple[Schedule, tuple]:
    """The shortest of a few programs that differ in the order in which planes serve their users.

    The effect of an order is known only after scheduling. wanted: planes that are chosen already.
    """
    attempts = []
    for late in ORDERS:
        placed = place(lowered.operations, lowered.tiles, chip, late, wanted)
        attempts.append((schedule(placed[0], chip), placed))
    return min(attempts, key=lambda attempt: attempt[0].cycles)


def sensitivity(program: Program, factors=(0.5, 1.0, 2.0)) -> dict[str, tuple[int, ...]]:
    """Cycles of a word when an assumed latency is multiplied: one at a time, and "all" together.

    No latency of a unit is published, so a figure that hangs on one of them is a figure about the
    assumption. The planes stay as they are; each chip gets a schedule of its own.
    """
    result = {}
    for name in (*ASSUMED, "all"):
        row = []
        for factor in factors:
            chip = program.chip
            for latency in ASSUMED if name == "all" else (name,):
                chip = chip.slower(latency, factor)
            plan = best_placement(program.lowered, chip, program.plane_of)[0]
            row.append(plan.cycles)
        result[name] = tuple(row)
    return result


def run(program: Program, words: np.ndarray, simulator: Simulator | None = None) -> Result:
    """Simulate stories side by side: words (S, T) -> logits (S, T, V) and executed cycles.

    Raises: ValueError where a story is longer than the context.
    """
    words = np.asarray(words)
    simulator = simulator or program.simulator(len(words))
    context = min((T for T, _ in program.lowered.caches.values()), default=words.shape[1])
    if words.shape[1] > context:
        raise ValueError(f"{words.shape[1]} words do not fit into a context of {context}")
    logits, cycles = [], []
    for position in range(words.shape[1]):
        out, executed = simulator.word(words[:, position], position)
        logits.append(out)
        cycles.append(executed)
    return Result(np.stack(logits, 1), cycles)


def calibrate(step: Step, words: np.ndarray, chip: Chip | None = None) -> dict[str, float]:
    """The largest absolute input of each product over some stories, for the scales of int8.

    words: (S, T) of stories other than those that are to be measured.
    """
    program = compile(step, chip, "fp16")
    simulator = program.simulator(len(words))
    simulator.seen_largest = {}
    run(program, words, simulator)
    return simulator.seen_largest
