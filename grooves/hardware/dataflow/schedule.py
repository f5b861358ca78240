"""A static schedule: which unit does what in which cycle, decided before the program runs.

Key idea: list scheduling. Whenever a unit is free, it gets the waiting operation from which the
longest path leads to the end of the program. The schedule cannot be shorter than its critical path;
where it is as long, more units would not help. Chapter 14.
Source: Graham 1969, doi:10.1137/0117039 (bound on list schedules).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from grooves.hardware.dataflow.chip import Chip
from grooves.hardware.dataflow.operations import Operation
from grooves.hardware.dataflow.planes import gaps, paths_to_end, requirements


class Hazard(ValueError):
    """A schedule that would compute something else. Names the cycle and the unit."""

    def __init__(self, cycle: int, unit: str, what: str):
        super().__init__(f"cycle {cycle}, {unit}: {what}")
        self.cycle, self.unit = cycle, unit


@dataclass
class Schedule:
    """A unit and a cycle for each operation.

    start: cycle of issue. number: which of the units of its kind, from 0.
    """

    operations: list[Operation]
    chip: Chip
    start: dict[str, int]
    number: dict[str, int]

    @property
    def cycles(self) -> int:
        """The cycle in which the last result lands: what the compiler promises."""
        return max(self.start[o.name] + o.duration(self.chip) for o in self.operations)

    @property
    def seconds(self) -> float:
        """Time of one word."""
        return self.cycles / self.chip.clock_hz

    def moved(self, name: str, cycles: int) -> Schedule:
        """The same schedule with one operation issued earlier (negative) or later."""
        start = dict(self.start)
        start[name] += cycles
        return Schedule(self.operations, self.chip, start, self.number)

    def as_rows(self) -> list[dict]:
        """One dictionary an operation, ready for JSON, in order of issue.

        Keys: unit ("vector 3"; "chip 1 vector 3" where there are several), start, end (the cycle
        in which the result lands), name, inputs (names of the vectors read).
        """
        several = len({o.chip for o in self.operations}) > 1
        rows = []
        for o in sorted(self.operations, key=lambda o: (self.start[o.name], o.name)):
            unit = f"{o.unit} {self.number[o.name]}"
            rows.append(
                {
                    "unit": f"chip {o.chip} {unit}" if several else unit,
                    "start": self.start[o.name],
                    "end": self.start[o.name] + o.duration(self.chip),
                    "name": o.name,
                    "inputs": list(o.inputs),
                }
            )
        return rows

    def utilisation(self) -> dict[str, float]:
        """Of each kind of unit, the part of all its cycles in which it begins something."""
        busy: dict[str, int] = {}
        for o in self.operations:
            busy[o.unit] = busy.get(o.unit, 0) + o.occupies
        chips = len({o.chip for o in self.operations})
        return {u: n / (self.cycles * self.chip.count(u) * chips) for u, n in busy.items()}


def schedule(operations: list[Operation], chip: Chip, order=None) -> Schedule:
    """List scheduling. order: operation -> priority (smallest first); default: longest path first.

    Raises: ValueError where operations wait for each other.
    """
    left = paths_to_end(operations, chip)
    order = order or (lambda o: -left[o.name])
    by_name = {o.name: o for o in operations}
    users: dict[str, list[tuple[int, int]]] = {}
    missing, ready_at = [0] * len(operations), [0] * len(operations)
    for k, o in enumerate(operations):
        for name, cycles in gaps(o, by_name, chip):
            if name in by_name:
                users.setdefault(name, []).append((k, cycles))
                missing[k] += 1
            else:
                ready_at[k] = max(ready_at[k], cycles)
    coming = [(ready_at[k], k) for k in range(len(operations)) if not missing[k]]
    heapq.heapify(coming)
    waiting: list[tuple] = []  # (priority, index): inputs are there, the unit is not
    start: dict[str, int] = {}
    number: dict[str, int] = {}
    free: dict[tuple[int, str], list[int]] = {}
    cycle = 0
    while coming or waiting:
        while coming and coming[0][0] <= cycle:
            k = heapq.heappop(coming)[1]
            heapq.heappush(waiting, (order(operations[k]), k))
        blocked = []
        while waiting:
            o = operations[(entry := heapq.heappop(waiting))[1]]
            units = free.setdefault((o.chip, o.unit), [0] * chip.count(o.unit))
            choices = [o.plane] if o.unit == "matrix" else range(len(units))
            unit = next((u for u in choices if units[u] <= cycle), None)
            if unit is None:
                blocked.append(entry)
                continue
            start[o.name], number[o.name] = cycle, unit
            units[unit] = cycle + o.occupies
            for k, cycles in users.get(o.name, ()):
                ready_at[k] = max(ready_at[k], cycle + cycles)
                missing[k] -= 1
                if not missing[k]:
                    heapq.heappush(coming, (ready_at[k], k))
        waiting = blocked
        heapq.heapify(waiting)
        cycle = cycle + 1 if waiting or not coming else max(cycle + 1, coming[0][0])
    if len(start) < len(operations):
        stuck = [o.name for o in operations if o.name not in start]
        raise ValueError(f"operations wait for each other: {', '.join(stuck[:4])}")
    return Schedule(operations, chip, start, number)


def critical_path(plan: Schedule) -> list[dict]:
    """The operations that no unit could begin earlier, from the first to the last.

    Each: name, unit, start, cycles (until the result leaves the unit) and travel (until the next
    one reads it, with any time in which it stood ready). Their sum is `plan.cycles`.
    """
    by_name = {o.name: o for o in plan.operations}
    chip, start = plan.chip, plan.start
    o = max(plan.operations, key=lambda o: start[o.name] + o.duration(chip))
    path, end = [], start[o.name] + o.duration(chip)
    while True:
        cycles = o.duration(chip)
        path.append(
            {
                "name": o.name,
                "unit": o.unit,
                "start": start[o.name],
                "cycles": min(cycles, end - start[o.name]),
                "travel": max(0, end - start[o.name] - cycles),
            }
        )
        reasons = [r for r in requirements(o, by_name, start, chip) if r[1] in by_name]
        if not reasons:
            return path[::-1]
        end = start[o.name]
        o = by_name[max(reasons)[1]]


def hazards(plan: Schedule):
    """Every `Hazard` of a schedule: units used twice, values read before they are there, weights
    displaced while a vector is still on its way through them."""
    by_name = {o.name: o for o in plan.operations}
    chip, start = plan.chip, plan.start
    busy: dict[tuple, str] = {}
    for o in sorted(plan.operations, key=lambda o: start[o.name]):
        at, unit = start[o.name], f"{o.unit} {plan.number[o.name]}"
        if at < 0:
            yield Hazard(at, unit, f"{o.name} begins before the program")
        for cycle in range(at, at + o.occupies):
            other = busy.setdefault((o.chip, unit, cycle), o.name)
            if other != o.name:
                yield Hazard(cycle, unit, f"{o.name} and {other} need it at once")
                break
        after = dict(o.after)
        for earliest, name in requirements(o, by_name, start, chip):
            if at >= earliest:
                continue
            if name in after and name not in o.inputs:
                yield Hazard(at, unit, f"{o.name} overwrites what {name} still needs: {earliest}")
            else:
                yield Hazard(at, unit, f"{o.name} reads {name}, which is there from {earliest}")


def check(plan: Schedule) -> None:
    """Raises: Hazard, the first of a schedule."""
    for hazard in hazards(plan):
        raise hazard
