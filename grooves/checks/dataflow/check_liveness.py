"""Check of lab 14: from which cycle to which a value is alive (chapter 14).

Key idea: operations that are listed out of order, values that are read several times, once, or
never, outputs that are read too, and inputs that nothing computes.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.dataflow.rules import LAB, integer, judge_table
from grooves.checks.mistakes import Mistake, in_forms

# Of each case: operations (name, start, latency, reads), and outputs.
CASES = (
    ([("a", 0, 2, ("x",)), ("b", 3, 4, ("a",)), ("c", 7, 1, ("a", "b"))], ["c"]),
    ([("a", 1, 2, ("x", "w")), ("b", 5, 3, ("x", "a")), ("c", 4, 5, ("a",))], ["b"]),
    (
        [("c", 9, 2, ("b", "a")), ("a", 0, 3, ("x",)), ("b", 4, 4, ("a", "w")), ("d", 6, 1, "a")],
        ["c", "b"],
    ),
    ([("a", 2, 1, ()), ("b", 3, 6, ("a",)), ("c", 4, 1, ("a", "x")), ("d", 5, 2, "c")], ["d", "b"]),
)


def random_case(seed: int) -> tuple[list, list]:
    """Eight operations in no order, each of which reads values that have landed."""
    rng = np.random.default_rng(seed)
    lands, operations = {"x": 0, "w": 0}, []
    for name in "abcdefgh":
        n_reads = min(int(rng.integers(1, 4)), len(lands))
        reads = [str(r) for r in rng.choice(list(lands), size=n_reads, replace=False)]
        start = max(lands[r] for r in reads) + int(rng.integers(0, 4))
        latency = int(rng.integers(1, 6))
        lands[name] = start + latency
        operations.append((name, start, latency, tuple(reads)))
    order = rng.permutation(len(operations))
    outputs = [str(name) for name in rng.choice(list("abcdefgh"), size=2, replace=False)]
    return [operations[i] for i in order], outputs


def right(
    operations, outputs, first="landing", reader="last", shift=0, until="start", end="landing",
    unread="landing", inputs="zero", with_outputs=True,
):  # fmt: skip
    """Ranges by name, with a place for each mistake."""
    starts = {name: start for name, start, _, _ in operations}
    lands = {name: start + latency for name, start, latency, _ in operations}
    finish = {"landing": max(lands.values()), "start": max(starts.values())}
    finish["behind"], finish["last"] = finish["landing"] + 1, lands[operations[-1][0]]
    read: dict[str, list[int]] = {}
    for name, start, _, reads in operations:
        for value in reads:
            read.setdefault(value, []).append(start if until == "start" else lands[name])
    ranges = {}
    for value in [*lands, *(value for value in read if value not in lands)]:
        if value not in lands and inputs == "missing":
            continue
        begin = (lands if first == "landing" else starts).get(value, 0)
        if value not in lands and inputs == "read":
            begin = min(read[value])
        cycles = read.get(value, [])
        if cycles:
            last = {"last": max(cycles), "first": min(cycles), "listed": cycles[-1]}[reader] + shift
        else:
            last = {"landing": begin, "end": finish["landing"], "none": None}[unread]
        if with_outputs and value in outputs:
            last = finish[end] if end in finish else max(begin, last or 0)
        if last is not None:
            ranges[value] = (begin, last)
    return ranges


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _first_is_start(operations, outputs):
    """The first cycle is that of the start; the last one is right, even of what nobody reads."""
    starts = {name: start for name, start, _, _ in operations}
    ranges = right(operations, outputs)
    return {name: (starts.get(name, first), last) for name, (first, last) in ranges.items()}


MISTAKES = (
    *in_forms(
        "from_start",
        "you begin where the operation starts. Its value exists `latency` cycles later, where it "
        "lands.",
        _with(first="start"),
        _first_is_start,
    ),
    *in_forms(
        "without_last_read",
        "you end before the last read, or after it. In the cycle in which it is read for the last "
        "time, a value is still alive, and after it no longer.",
        _with(shift=-1),
        _with(shift=1),
    ),
    Mistake(
        "until_reader_lands",
        _with(until="landing"),
        "you end where the reader's result lands. An operation reads in the cycle in which it "
        "starts.",
    ),
    Mistake(
        "first_read",
        _with(reader="first"),
        "you end at the first read. Several operations may read a value.",
    ),
    Mistake(
        "last_in_list",
        _with(reader="listed"),
        "you end at the read that comes last in the list. Operations are in no order, so take the "
        "latest cycle.",
    ),
    *in_forms(
        "outputs_forgotten",
        "the outputs end where they are read for the last time, or where they land. They must be "
        "there at the end of the program.",
        _with(with_outputs=False),
        _with(with_outputs=False, unread="none"),
    ),
    *in_forms(
        "wrong_end",
        "outputs are kept until another cycle than the last. The program ends in the cycle in "
        "which its last value lands, whichever value that is.",
        _with(end="start"),
        _with(end="behind"),
        _with(end="last"),
    ),
    *in_forms(
        "unread",
        "a value that nothing reads is left out, or kept until the end. It lands, so it takes its "
        "place for that one cycle.",
        _with(unread="none"),
        _with(unread="end"),
    ),
    *in_forms(
        "inputs",
        "values that no operation computes are left out, or begin where they are first read. They "
        "are in memory from cycle 0.",
        _with(inputs="missing"),
        _with(inputs="read"),
    ),
)


def pair(value) -> tuple[int, int]:
    """Two integers."""
    first, last = value
    return integer(first), integer(last)


@check(lab=LAB, exercise="liveness", returns=dict)
def liveness(answer):
    """liveness(operations, outputs) -> {name: (first, last)}, in cycles."""
    cases = [*CASES, *(random_case(seed) for seed in range(12))]
    for i, (operations, outputs) in enumerate(cases):
        given = f"operations = {operations} and outputs = {outputs}"
        call = by_hand(answer) if i == 0 else answer
        expected = right(operations, outputs)
        judge_table(call, (operations, outputs), expected, MISTAKES, given, pair)
