"""The scheduling puzzle: schedules are checked, rules lose something, the optimum is one."""

import itertools

import pytest

from grooves.hardware.dataflow import puzzle
from grooves.hardware.dataflow.puzzle import PUZZLE, Task, check, greedy, optimal


def by_enumeration(tasks):
    """The least end over all orders of the tasks; each begins as early as its order allows."""
    least = float("inf")
    for order in itertools.permutations(range(len(tasks))):
        starts, free = {}, {}
        for i in order:
            if any(j not in starts for j in tasks[i].after):
                break
            inputs = [starts[j] + tasks[j].length for j in tasks[i].after]
            starts[i] = max([free.get(tasks[i].unit, 0), *inputs])
            free[tasks[i].unit] = starts[i] + tasks[i].occupies
        else:
            least = min(least, max(s + tasks[i].length for i, s in starts.items()))
    return least


def test_the_rule_ends_in_cycle_28_and_the_optimum_in_24():
    assert check(PUZZLE, greedy(PUZZLE)) == 28
    assert check(PUZZLE, optimal(PUZZLE)) == 24


def test_branch_and_bound_finds_what_enumeration_finds():
    for seed in range(30):
        tasks = puzzle.random_puzzle(seed, 7, units=1 + seed % 3)
        assert check(tasks, optimal(tasks)) == by_enumeration(tasks), seed


def test_every_rule_gives_a_schedule_that_holds_and_none_beats_the_optimum():
    lost = dict.fromkeys(puzzle.RULES, 0)
    for seed in range(40):
        tasks = puzzle.random_puzzle(seed)
        least = check(tasks, optimal(tasks))
        for name, rule in puzzle.RULES.items():
            lost[name] += check(tasks, greedy(tasks, rule)) - least
    assert 0 < lost["longest path first"] < lost["program order"] < lost["shortest first"]


@pytest.mark.parametrize(
    ("starts", "says"),
    [
        ([0, 2, 9], r"cycle 2, unit 0: task 1 begins while task 0 is in it"),
        (
            [0, 3, 5],
            r"cycle 5, unit 1: task 2 reads the result of task 1, which is there from cycle 6",
        ),
        ([-1, 3, 9], r"task 0 begins before cycle 0"),
        ([0, 3], r"2 starts for 3 tasks"),
    ],
)
def test_a_schedule_with_a_hazard_is_refused_with_its_cycle_and_unit(starts, says):
    tasks = (Task(0, 3, 1), Task(0, 2, 1), Task(1, 1, 1, (0, 1)))
    assert check(tasks, [0, 3, 6]) == 8
    with pytest.raises(ValueError, match=says):
        check(tasks, starts)


def test_a_puzzle_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="30 tasks are too many"):
        optimal(puzzle.random_puzzle(0, 30), most_nodes=50)
