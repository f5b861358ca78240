"""Check of lab 11, fourth part: seconds before anything is measured (chapter 11).

Key idea: within an operation arithmetic and memory work side by side, so the longer one counts;
operations come one after the other, each with its call, so these add up. Both parts of the answer
are looked at, the seconds and where they go.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.arrays import by_hand
from grooves.checks.compare import Mistake
from grooves.checks.cpu_gpu.rules import LAB, Case, judge, seconds, show

CAUSES = ("launch", "memory", "arithmetic")
# Operations as (FLOPs, bytes), then peak, bandwidth and launch.
CASES = (
    ([(3.2e7, 3.2e7), (6.4e7, 6.4e7), (3e10, 2e7)], 3e14, 2e12, 8e-6),
    ([(2e9, 12e6), (2e6, 4e6), (1e6, 8e6)], 90e9, 25e9, 3e-6),
    ([(4096, 5000), (8192, 9000), (0, 2000), (640, 3000)], 19.5e12, 1.5e12, 10e-6),
    ([(5e11, 1e9)], 6e13, 3e12, 0.0),
    ([(1, 0.9)] * 3 + [(0, 2)], 1.0, 1.0, 0.1),  # with what is hidden memory would have most
    (
        [(1, 0.1), (0.1, 1.1), (1.05, 0.2)],
        1.0,
        1.0,
        0.95,
    ),  # of most in no operation, of most altogether
    ([(1, 6), (2, 1), (0, 1)], 1.0, 2.0, 0.2),
    ([(0, 0), (300, 1), (0, 0), (40, 7)], 700.0, 20.0, 0.25),  # what does nothing is called too
    ([(0, 40), (0, 70), (5000, 3)], 1000.0, 20.0, 0.125),
    ([(8, 4), (1, 0.1)], 2.0, 1.0, 20.0),  # arithmetic and memory take equally long
    ([(3, 0), (2, 0)], 1.0, 5.0, 0.5),
    ([(5, 40)] * 97 + [(3000, 2)], 1.0, 10.0, 1e-6),  # equal ones, and many
    ([(7, 30)] * 131, 3, 4, 2),
    ([(0, 0.5)] * 5, 1.0, 1.0, 0.6),  # one launch is less than all memory, and more than each
)
NAMES = ("the seconds", "the cause")


def right(operations, peak, bandwidth, launch_s) -> tuple[float, str]:
    """Seconds of all operations, and the cause of most of them."""
    spent = dict.fromkeys(CAUSES, 0.0)
    for flops, n_bytes in operations:
        spent["launch"] += launch_s
        in_memory, in_units = n_bytes / bandwidth, flops / peak
        spent["memory" if in_memory > in_units else "arithmetic"] += max(in_memory, in_units)
    return sum(spent.values()), max(spent, key=spent.get)


def _seconds(name, of_all, says):
    """A mistake of the seconds, with the right cause or with hidden time counted in it."""
    return [
        Mistake(name, lambda *inputs, cause=cause: (of_all(*inputs), cause(*inputs)), says)
        for cause in (lambda *inputs: right(*inputs)[1], _hidden_too)
    ]


def _each(name, of_one, says):
    """The same, from the seconds of one operation: arithmetic, memory, launch."""
    return _seconds(name, lambda o, p, w, t: sum(of_one(f / p, b / w, t) for f, b in o), says)


def _cause(of_all):
    """A mistake of the cause alone."""
    return lambda o, p, w, t: (right(o, p, w, t)[0], of_all(o, p, w, t))


def _vote(o, p, w, t):
    votes = [max(zip((t, b / w, f / p), CAUSES, strict=True))[1] for f, b in o]
    return max(CAUSES, key=votes.count)


def _hidden_too(o, p, w, t):
    units, memory = sum(f for f, _ in o) / p, sum(b for _, b in o) / w
    return max(zip((t * len(o), memory, units), CAUSES, strict=True))[1]


def _winner_takes_all(o, p, w, t):
    spent = dict.fromkeys(CAUSES, 0.0)
    for f, b in o:
        spent[_vote([(f, b)], p, w, t)] += t + max(f / p, b / w)
    return max(spent, key=spent.get)


def _one_launch(o, p, w, t):
    return right([*o, (0, 0)], p, w, 0.0)[1] if t < _longest(o, p, w) else "launch"


def _longest(o, p, w) -> float:
    """Seconds of memory or of arithmetic, whichever take longer in all, without what is hidden."""
    pairs = [(f / p, b / w) for f, b in o]
    return max(
        sum(units for units, memory in pairs if units >= memory),
        sum(memory for units, memory in pairs if memory > units),
    )


def _last(o, p, w, t):
    return right(o[-1:], p, w, t)[1]


MISTAKES = (
    *_each(
        "both_added",
        lambda units, memory, t: t + units + memory,
        "you add arithmetic and memory. Within an operation they work at the same time: the longer "
        "one counts.",
    ),
    *_seconds(
        "longer_of_the_sums",
        lambda o, p, w, t: t * len(o) + max(sum(f for f, _ in o) / p, sum(b for _, b in o) / w),
        "you add up first and take the longer one at the end. That lets one operation's arithmetic "
        "hide another's memory; but they come one after the other.",
    ),
    *_each(
        "launch_forgotten",
        lambda units, memory, t: max(units, memory),
        "the calls are missing: each operation is launched.",
    ),
    *_seconds(
        "one_launch",
        lambda o, p, w, t: t + sum(max(f / p, b / w) for f, b in o),
        "you count one launch. Each operation has its own.",
    ),
    Mistake("one_launch", _cause(_one_launch), "you count one launch. Each operation has its own."),
    *_each(
        "launch_hidden",
        lambda units, memory, t: max(t, units, memory),
        "you let the launch overlap with the work. Here the work begins when the call is done: add "
        "it.",
    ),
    *_each(
        "shorter_one",
        lambda units, memory, t: t + min(units, memory),
        "the shorter of the two times is hidden behind the longer one, not the other way round.",
    ),
    *_each(
        "arithmetic_alone",
        lambda units, memory, t: t + units,
        "only the arithmetic is counted. The numbers must also come from memory.",
    ),
    *_each(
        "memory_alone",
        lambda units, memory, t: t + memory,
        "only the memory is counted. The arithmetic may take longer.",
    ),
    *_seconds(
        "copies_skipped",
        lambda o, p, w, t: right([one for one in o if one[0]], p, w, t)[0],
        "operations without arithmetic are left out. They are called, and memory moves.",
    ),
    Mistake(
        "empty_skipped",
        lambda o, p, w, t: right([one for one in o if any(one)], p, w, t),
        "operations that do nothing are left out. Each is called all the same: its launch counts.",
    ),
    Mistake(
        "limits_exchanged",
        lambda o, p, w, t: right(o, w, p, t),
        "FLOPs are divided by the bandwidth, and bytes by the peak.",
    ),
    Mistake(
        "one_intensity",
        _cause(lambda o, p, w, t: right([tuple(map(sum, zip(*o, strict=True)))], p, w, 0)[1]),
        "you take one intensity for the whole list. Each operation is held back by its own limit.",
    ),
    Mistake(
        "launch_as_cause_forgotten",
        _cause(lambda o, p, w, t: right(o, p, w, 0.0)[1]),
        "the launches together may be the greatest part of the time.",
    ),
    Mistake(
        "votes_counted",
        _cause(_vote),
        "you count operations. Count their seconds: one large operation may outweigh many.",
    ),
    Mistake(
        "hidden_counted",
        _cause(_hidden_too),
        "you count memory that is hidden behind arithmetic, or the other way round. In each "
        "operation only the longer of the two takes time.",
    ),
    Mistake(
        "winner_takes_all",
        _cause(_winner_takes_all),
        "you give an operation's whole time to its greatest cause. Its launch belongs to the "
        "launches, whatever else it does.",
    ),
    Mistake(
        "always_one_word",
        _cause(lambda o, p, w, t: max(CAUSES)),
        "you say 'memory' whatever the operations are. `max` of a dict of sums compares the words, "
        "by the alphabet, unless it is told a key.",
    ),
    Mistake("last_operation", _cause(_last), "that is the cause for the last operation alone."),
)


@check(lab=LAB, exercise="predict_time", returns=(tuple, list))
def predict_time(answer):
    """predict_time(operations, peak, bandwidth, launch_s) -> seconds, and their main cause."""
    cases = [
        Case(inputs, dict(zip(NAMES, right(*inputs), strict=True)), _given(*inputs), CAUSES)
        for inputs in CASES
    ]
    judge(by_hand(answer), cases, MISTAKES, ("s",))


def _given(operations, peak, bandwidth, launch_s) -> str:
    pairs = ", ".join(f"({flops:g}, {n_bytes:g})" for flops, n_bytes in operations)
    return (
        f"operations = [{pairs}], peak = {show(peak, 'FLOP/s')}, "
        f"bandwidth = {show(bandwidth, 'bytes/s')}, launch_s = {seconds(launch_s)}"
    )
