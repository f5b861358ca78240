"""Checks of lab 14: what they have in common (chapter 14).

Key idea: schedules, ranges and addresses are compared as plain Python values, so it does not matter
whether an answer uses lists, tuples or arrays. A message tells of the first entry that differs.

An operation is a tuple (name, unit, occupies, latency, reads): it occupies its unit for `occupies`
cycles, and its result lands `latency` cycles after its start. A value may be read from the cycle in
which it lands. A schedule is a dict from names to the cycles in which the operations start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from grooves.checks import CheckFailed, describe
from grooves.checks.compare import Mistake
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

LAB = "14_dataflow"
SHOULD = "it should be"
Operation = tuple[str, str, int, int, Sequence[str]]
Schedule = dict[str, int]


def judge_table(
    call: Callable,
    inputs: tuple,
    expected: dict,
    mistakes: Sequence[Mistake],
    given: str,
    entry: Callable = lambda value: value,
) -> None:
    """Call an answer on copies of the inputs and compare the dict that it returns.

    entry: brings a value of the dict into a form that can be compared with ==.
    Raises: CheckFailed with the hint "not_a_table" where the result is no such dict.
    """
    got = as_table(call(*deepcopy(inputs)), entry)
    told = "" if got == expected else f"for {given}, {_first_difference(got, expected)}"

    def agrees(mistake: Mistake) -> bool:
        return as_table(mistake.compute(*deepcopy(inputs)), entry) == got

    note(Finding(got != expected, told, mistakes, agrees, inputs=inputs))


def as_table(result, entry: Callable) -> dict:
    """A result as a dict from names to plain values. Raises: CheckFailed where it is none."""
    try:
        return {str(name): entry(value) for name, value in dict(result).items()}
    except (TypeError, ValueError):
        raise CheckFailed(
            "expected a dict from names to integers, or to pairs of integers where the exercise "
            f"says so. Your function returned {describe(result)}.",
            hint="not_a_table",
        ) from None


def integer(value) -> int:
    """A number without a fraction as an integer. Raises: ValueError, or TypeError."""
    if isinstance(value, (bool, str)) or int(value) != value:
        raise ValueError
    return int(value)


def _first_difference(got: dict, expected: dict) -> str:
    for name, right in expected.items():
        if name not in got:
            return f"your result has no entry for {name!r}; {SHOULD} {right}."
        if got[name] != right:
            return f"your result for {name!r} is {got[name]}; {SHOULD} {right}."
    unknown = next(name for name in got if name not in expected)
    return f"your result has an entry {unknown!r}, which is no value here."


def end_of(operations: Sequence[Operation], starts: Schedule) -> int:
    """The cycle in which the last result lands."""
    return max(starts[name] + latency for name, _, _, latency, _ in operations)


def read_schedule(result, operations: Sequence[Operation], given: str) -> Schedule:
    """A schedule that can be executed.

    Raises: CheckFailed with the hints "not_a_table", "missing", "unknown_name", "before_start",
    "unit_taken" or "too_early".
    """
    starts, names = as_table(result, integer), [name for name, *_ in operations]
    for name in names:
        if name not in starts:
            raise CheckFailed(
                f"for {given}, your result does not say when {name!r} starts.", hint="missing"
            )
    for name in starts:
        if name not in names:
            raise CheckFailed(
                f"for {given}, your result names {name!r}, which is no operation here.",
                hint="unknown_name",
            )
        if starts[name] < 0:
            raise CheckFailed(
                f"for {given}, your result starts {name!r} in cycle {starts[name]}. The first "
                "cycle is 0.",
                hint="before_start",
            )
    _judge_units(starts, operations, given)
    _judge_reads(starts, operations, given)
    return starts


def _judge_units(starts: Schedule, operations: Sequence[Operation], given: str) -> None:
    in_order = sorted(operations, key=lambda one: starts[one[0]])
    for i, (name, unit, occupies, *_) in enumerate(in_order):
        for other, its_unit, *_ in in_order[i + 1 :]:
            if unit == its_unit and starts[other] < starts[name] + occupies:
                raise CheckFailed(
                    f"for {given}, your result starts {other!r} in cycle {starts[other]}, but the "
                    f"{unit} unit is occupied by {name!r} until the end of cycle "
                    f"{starts[name] + occupies - 1}.\nLikely mistake: an operation occupies its "
                    "unit for `occupies` cycles. Another may start there in the cycle after the "
                    "last of them.",
                    hint="unit_taken",
                )


def _judge_reads(starts: Schedule, operations: Sequence[Operation], given: str) -> None:
    lands = {name: starts[name] + latency for name, _, _, latency, _ in operations}
    for name, _, _, _, reads in operations:
        for value in reads:
            if starts[name] < lands[value]:
                raise CheckFailed(
                    f"for {given}, your result starts {name!r} in cycle {starts[name]}, but it "
                    f"reads {value!r}, which lands in cycle {lands[value]}.\nLikely mistake: a "
                    "value can be read `latency` cycles after its operation has started, which is "
                    "later than the cycle in which the unit is free.",
                    hint="too_early",
                )


def timetable(operations: Sequence[Operation], starts: Schedule) -> str:
    """A schedule as text: a line per unit, a character per cycle, a letter where it is occupied."""
    end, lines = end_of(operations, starts), []
    for unit in sorted({unit for _, unit, *_ in operations}):
        line = ["·"] * end
        for name, its_unit, occupies, *_ in operations:
            if its_unit == unit:
                begin = starts[name]
                line[begin : begin + occupies] = name[0] * occupies
        lines.append(f"{unit:>7} {''.join(line)}")
    return "\n".join([*lines, f"all results are there in cycle {end}"])
