"""A scheduling puzzle: operations, units and dependences, a rule that is quick, and the optimum.

Key idea: a compiler schedules with a rule, such as "of the operations that are ready, first the one
with the longest path behind it", because to find the best schedule takes exponential time. On small
puzzles the optimum can be found by branch and bound, so that one sees what a rule loses.
Chapter 14. Sources: Graham 1969, doi:10.1137/0117039 (list scheduling and its bound); Giffler &
Thompson 1960, doi:10.1287/opre.8.4.487 (the schedules among which an optimum lies).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Task:
    """One operation: its unit, how long it occupies that, how late its result comes, its inputs.

    A unit can begin another task `occupies` cycles after it began this one; a task that needs the
    result can begin `latency` cycles after that. after: indices of tasks that come before it.
    """

    unit: int
    occupies: int
    latency: int
    after: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Cycles from its start until its result is there."""
        return self.occupies + self.latency


# Twelve operations on two units: the rule of the longest path ends in cycle 28, the optimum in 24.
PUZZLE = (
    Task(1, 3, 2),
    Task(1, 2, 1, (0,)),
    Task(0, 2, 1, (0, 1)),
    Task(1, 3, 1, (0,)),
    Task(1, 1, 2, (1,)),
    Task(1, 1, 4, (4,)),
    Task(0, 2, 4, (1, 4)),
    Task(1, 1, 2, (1, 3)),
    Task(1, 3, 1, (5, 7)),
    Task(1, 3, 2, (3,)),
    Task(1, 3, 1, (6, 7)),
    Task(0, 1, 1, (8,)),
)


def random_puzzle(seed: int, n: int = 12, units: int = 2, longest: int = 3) -> tuple[Task, ...]:
    """n tasks, each after at most two of the six before it; it occupies 1 to `longest` cycles."""
    rng, tasks = random.Random(seed), []
    for i in range(n):
        inputs = min(rng.choice([0, 1, 1, 2, 2]), i)
        after = tuple(sorted(rng.sample(range(max(0, i - 6), i), inputs)))
        tasks.append(
            Task(rng.randrange(units), rng.randint(1, longest), rng.choice([1, 2, 4, 6]), after)
        )
    return tuple(tasks)


def paths_behind(tasks: Sequence[Task]) -> list[int]:
    """Cycles from each task's start to the end of the longest path that begins with it."""
    longest = [0] * len(tasks)
    for i in reversed(range(len(tasks))):
        following = [longest[j] for j, task in enumerate(tasks) if i in task.after]
        longest[i] = tasks[i].length + max(following, default=0)
    return longest


def check(tasks: Sequence[Task], starts: Sequence[int]) -> int:
    """The cycle in which a schedule ends, if it is one: task i begins in cycle starts[i].

    Raises: ValueError for two tasks at a time on a unit, a task that begins before its inputs are
    there, a start before cycle 0, or another number of starts than tasks, with cycle and unit.
    """
    if len(starts) != len(tasks):
        raise ValueError(f"{len(starts)} starts for {len(tasks)} tasks")
    if starts and min(starts) < 0:
        raise ValueError(f"task {starts.index(min(starts))} begins before cycle 0")
    for i, (task, start) in enumerate(zip(tasks, starts, strict=True)):
        for j in task.after:
            if start < starts[j] + tasks[j].length:
                raise ValueError(
                    f"cycle {start}, unit {task.unit}: task {i} reads the result of task {j}, "
                    f"which is there from cycle {starts[j] + tasks[j].length} on"
                )
    order = sorted(range(len(tasks)), key=lambda i: (tasks[i].unit, starts[i]))
    for i, j in pairwise(order):
        if tasks[i].unit == tasks[j].unit and starts[j] < starts[i] + tasks[i].occupies:
            raise ValueError(
                f"cycle {starts[j]}, unit {tasks[j].unit}: task {j} begins while task {i} is in it"
            )
    return max((s + task.length for s, task in zip(starts, tasks, strict=True)), default=0)


# ---- rules -------------------------------------------------------------------------------------

Rule = Callable[[Sequence[Task]], list]  # a number per task; of the ready ones the least goes first


def longest_path_first(tasks: Sequence[Task]) -> list:
    """First what has most behind it."""
    return [-length for length in paths_behind(tasks)]


def program_order(tasks: Sequence[Task]) -> list:
    """As they stand in the list."""
    return list(range(len(tasks)))


def shortest_first(tasks: Sequence[Task]) -> list:
    """First what occupies its unit shortest."""
    return [task.occupies for task in tasks]


RULES: dict[str, Rule] = {
    "longest path first": longest_path_first,
    "program order": program_order,
    "shortest first": shortest_first,
}


def greedy(tasks: Sequence[Task], rule: Rule = longest_path_first) -> list[int]:
    """List scheduling: in each cycle, each free unit takes the ready task that the rule prefers."""
    rank, starts, cycle = rule(tasks), {}, 0
    free: dict[int, int] = {}
    while len(starts) < len(tasks):
        ready = [
            i
            for i, task in enumerate(tasks)
            if i not in starts
            and all(j in starts and starts[j] + tasks[j].length <= cycle for j in task.after)
        ]
        for i in sorted(ready, key=lambda i: (rank[i], i)):
            if free.get(tasks[i].unit, 0) <= cycle:
                starts[i] = cycle
                free[tasks[i].unit] = cycle + tasks[i].occupies
        cycle += 1
    return [starts[i] for i in range(len(tasks))]


# ---- the optimum -------------------------------------------------------------------------------


def optimal(tasks: Sequence[Task], most_nodes: int = 400_000) -> list[int]:
    """A schedule that ends as early as any, by branch and bound.

    Branches: which task its unit takes next, among those that could begin before another of the
    same unit would be done (Giffler & Thompson). Bounds: the longest path behind each task, and the
    work that is left on each unit.
    Raises: ValueError after most_nodes branches, for a puzzle that is too large.
    """
    search = _Search(tuple(tasks), most_nodes)
    search.branch({}, {task.unit: 0 for task in tasks})
    return [search.best[i] for i in range(len(tasks))]


class _Search:
    def __init__(self, tasks: tuple[Task, ...], most_nodes: int):
        self.tasks, self.left = tasks, most_nodes
        self.behind = paths_behind(tasks)
        self.best = dict(enumerate(greedy(tasks)))
        self.end = check(tasks, list(self.best.values()))
        self.seen: set = set()

    def branch(self, starts: dict[int, int], free: dict[int, int]) -> None:
        """Every way to go on from here that can end before the best schedule so far."""
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"{len(self.tasks)} tasks are too many for an exact search")
        if len(starts) == len(self.tasks):
            end = max(start + self.tasks[i].length for i, start in starts.items())
            if end < self.end:
                self.best, self.end = dict(starts), end
            return
        earliest = self._earliest(starts, free)
        if self._bound(earliest) >= self.end or self._met_before(starts, free, earliest):
            return
        ready = [i for i in earliest if all(j in starts for j in self.tasks[i].after)]
        for i in sorted(ready, key=lambda i: (earliest[i], -self.behind[i])):
            task = self.tasks[i]
            rivals = [j for j in ready if self.tasks[j].unit == task.unit]
            if earliest[i] < min(earliest[j] + self.tasks[j].occupies for j in rivals):
                now = free | {task.unit: earliest[i] + task.occupies}
                self.branch(starts | {i: earliest[i]}, now)

    def _earliest(self, starts: dict[int, int], free: dict[int, int]) -> dict[int, int]:
        """The cycle in which each task that is left could begin, if no other came between."""
        found: dict[int, int] = {}
        for i, task in enumerate(self.tasks):
            if i not in starts:
                inputs = [starts.get(j, found.get(j, 0)) + self.tasks[j].length for j in task.after]
                found[i] = max([free[task.unit], *inputs])
        return found

    def _bound(self, earliest: dict[int, int]) -> int:
        """No schedule that goes on from here ends before this cycle."""
        bound = max(start + self.behind[i] for i, start in earliest.items())
        for unit in {self.tasks[i].unit for i in earliest}:
            own = [i for i in earliest if self.tasks[i].unit == unit]
            work = sum(self.tasks[i].occupies for i in own)
            after = min(self.behind[i] - self.tasks[i].occupies for i in own)
            bound = max(bound, min(earliest[i] for i in own) + work + after)
        return bound

    def _met_before(self, starts, free, earliest) -> bool:
        """Whether the search was in a place from which the same is left to do."""
        needed = {j for i in earliest for j in self.tasks[i].after if j in starts}
        place = (
            frozenset(earliest),
            tuple(sorted(free.items())),
            tuple(sorted((j, starts[j]) for j in needed)),
        )
        if place in self.seen:
            return True
        self.seen.add(place)
        return False
