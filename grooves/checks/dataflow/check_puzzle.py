"""Check of lab 14: the shortest schedule of twelve operations (chapter 14).

Key idea: in each of these puzzles every rule that starts what is ready misses the shortest
schedule, and so does the best of all schedules in which no unit ever waits on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.dataflow.check_two_units import SIX
from grooves.checks.dataflow.rules import LAB, Operation, Schedule, end_of, read_schedule
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note
from grooves.hardware.dataflow.puzzle import (
    PUZZLE,
    Task,
    greedy,
    longest_path_first,
    paths_behind,
    program_order,
    random_puzzle,
    shortest_first,
)

UNITS = ("matrix", "vector", "switch")
# Seed and number of units of random puzzles in which no rule finds an optimum.
DRAWN = ((180, 2), (377, 3), (397, 2), (455, 2))
SHORTEST = (13, 24, 25, 19, 29, 28)  # of SIX, PUZZLE and these; a test searches all schedules


def operations_of(tasks: Sequence[Task]) -> list[Operation]:
    """A puzzle of the package as the lab's operations, whose latency begins at their start."""
    names = "abcdefghijklmnopqrstuvwxyz"
    return [
        (names[i], UNITS[one.unit], one.occupies, one.length, tuple(names[j] for j in one.after))
        for i, one in enumerate(tasks)
    ]


def tasks_of(operations: Sequence[Operation]) -> list[Task]:
    """The reverse: operations are listed so that a value is computed before it is read."""
    place = {name: i for i, (name, *_) in enumerate(operations)}
    return [
        Task(UNITS.index(unit), occupies, latency - occupies, tuple(place[r] for r in reads))
        for _, unit, occupies, latency, reads in operations
    ]


def cases() -> list[tuple[list[Operation], int]]:
    """The puzzles, and the earliest cycle in which all results can be there."""
    drawn = [operations_of(random_puzzle(seed, units=units)) for seed, units in DRAWN]
    return list(zip([list(SIX), operations_of(PUZZLE), *drawn], SHORTEST, strict=True))


def _named(operations, starts: Sequence[int]) -> Schedule:
    return {name: start for (name, *_), start in zip(operations, starts, strict=True)}


def _by(rule: Callable, change: Callable = lambda task: task) -> Callable:
    """Whatever is ready starts, in the order of a rule. change: of what holds for a task."""

    def compute(operations) -> Schedule:
        return _named(operations, greedy([change(one) for one in tasks_of(operations)], rule))

    return compute


def _until_landed(task: Task) -> Task:
    return replace(task, occupies=task.length, latency=0)


def _alone(task: Task) -> Task:
    return replace(_until_landed(task), unit=0)


def never_waiting(operations) -> Schedule:
    """The best schedule in which no unit waits while it could start something."""
    tasks = tasks_of(operations)
    behind, best = paths_behind(tasks), (math.inf, [])

    def extend(starts: dict[int, int], free: dict[int, int]) -> None:
        nonlocal best
        if len(starts) == len(tasks):
            end = max(starts[i] + one.length for i, one in enumerate(tasks))
            best = min(best, (end, [starts[i] for i in range(len(tasks))]))
            return
        ready = {}
        for i, one in enumerate(tasks):
            if i not in starts and all(j in starts for j in one.after):
                landed = [starts[j] + tasks[j].length for j in one.after]
                ready[i] = max([free.get(one.unit, 0), *landed])
                if ready[i] + behind[i] >= best[0]:
                    return
        first, unit = min((start, tasks[i].unit) for i, start in ready.items())
        for i, start in ready.items():
            if start == first and tasks[i].unit == unit:
                extend({**starts, i: start}, {**free, unit: start + tasks[i].occupies})

    extend({}, {})
    return _named(operations, best[1])


def in_order_of_the_list(operations) -> Schedule:
    """Each operation as early as it can, placed one after the other in the order of the list."""
    starts, free, lands = {}, {}, {}
    for name, unit, occupies, latency, reads in operations:
        starts[name] = max([free.get(unit, 0), *(lands[value] for value in reads)])
        free[unit], lands[name] = starts[name] + occupies, starts[name] + latency
    return starts


def is_greedy(operations: Sequence[Operation], starts: Schedule) -> bool:
    """Whether no unit waits in a cycle in which an operation is ready for it."""
    lands = {name: starts[name] + latency for name, _, _, latency, _ in operations}
    for name, unit, _, _, reads in operations:
        for cycle in range(max((lands[value] for value in reads), default=0), starts[name]):
            if not any(
                its_unit == unit and starts[other] <= cycle < starts[other] + occupies
                for other, its_unit, occupies, *_ in operations
            ):
                return False
    return True


MISTAKES = (
    Mistake(
        "greedy_longest_path",
        _by(longest_path_first),
        "greedy: whatever is ready starts, the operation with the longest path to the end first. "
        "That is a good rule and no more, because sometimes a unit has to wait for an operation "
        "that is ready soon. The optimum needs a search that compares schedules and keeps the "
        "shortest.",
    ),
    Mistake(
        "in_order_of_the_list",
        in_order_of_the_list,
        "greedy: you place one operation after the other in the order of the list, each as early "
        "as it can start. The optimum needs a search over the orders.",
    ),
    *in_forms(
        "greedy_other",
        "greedy: whatever is ready starts, and no unit ever waits for a better operation. Whatever "
        "the rule by which you choose among those that are ready, the optimum needs a search that "
        "compares schedules and keeps the shortest.",
        _by(program_order),
        _by(shortest_first),
        _by(lambda tasks: [-one.occupies for one in tasks]),
        _by(lambda tasks: [one.length for one in tasks]),
        _by(lambda tasks: [-one.length for one in tasks]),
    ),
    *in_forms(
        "until_landed",
        "a unit waits until its result lands. After `occupies` cycles it is free.",
        _by(program_order, _until_landed),
        _by(longest_path_first, _until_landed),
    ),
    Mistake(
        "one_at_a_time",
        _by(program_order, _alone),
        "one operation runs at a time. Different units can work in the same cycle.",
    ),
    Mistake(
        "never_waiting",
        never_waiting,
        "you find the best schedule among those in which a unit never waits while it could start "
        "something. Some of the shortest schedules leave a unit idle on purpose: when you choose "
        "the next operation of a unit, consider also those that are ready before the first of them "
        "would be done.",
    ),
)


# The last form of "greedy_other": recognised by the schedule, whatever rule has made it.
ANY_RULE = Mistake(
    "greedy_other",
    _by(lambda tasks: [-i for i in range(len(tasks))]),
    next(mistake.says for mistake in MISTAKES if mistake.name == "greedy_other"),
)
MISTAKES = (*MISTAKES, ANY_RULE)


@check(lab=LAB, exercise="puzzle", returns=dict)
def puzzle(answer):
    """puzzle(operations) -> {name: start}, a schedule that no other one beats."""
    results = []
    for i, (operations, shortest) in enumerate(cases()):
        call = by_hand(answer) if i == 0 else answer
        given = f"{len(operations)} operations, {operations[0]}, {operations[1]} and so on"
        given = "the 6 operations of `two_units`" if i == 0 else given
        starts = read_schedule(call(list(operations)), operations, given)
        results.append((operations, shortest, given, starts))
    greedy_by_some_rule = all(is_greedy(operations, starts) for operations, _, _, starts in results)
    ends = [end_of(operations, starts) for operations, _, _, starts in results]

    def known() -> bool:
        """Whether a mistake with code of its own explains all results."""
        return any(
            all(
                end_of(operations, mistake.compute(operations)) == end
                for (operations, *_), end in zip(results, ends, strict=True)
            )
            for mistake in MISTAKES
            if mistake.name != ANY_RULE.name
        )

    unknown = greedy_by_some_rule and ends != list(SHORTEST) and not known()
    for (operations, shortest, given, _), end in zip(results, ends, strict=True):
        told = f"for {given}, your result ends in cycle {end}; {shortest} is possible."

        def agrees(mistake, operations=operations, end=end):
            if mistake is ANY_RULE:
                return unknown
            return end_of(operations, mistake.compute(operations)) == end

        note(Finding(end > shortest, told, MISTAKES, agrees, inputs=(operations,)))
    return f"No schedule of these {len(SHORTEST)} puzzles is shorter than yours."
