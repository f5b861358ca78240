"""Check of lab 11, fourth part: predicting the time (chapter 11).

Key idea: within an operation arithmetic and memory overlap, so the longer one counts; operations
run one after the other, each with its launch, so these add up. Both parts of the answer are
compared, the seconds and their main cause.
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


def _one_launch(o, p, w, t):
    return right([*o, (0, 0)], p, w, 0.0)[1] if t < _longest(o, p, w) else "launch"


def _longest(o, p, w) -> float:
    """Seconds of memory or of arithmetic, whichever take longer in all, without what is hidden."""
    pairs = [(f / p, b / w) for f, b in o]
    return max(
        sum(units for units, memory in pairs if units >= memory),
        sum(memory for units, memory in pairs if memory > units),
    )


MISTAKES = (
    *_each(
        "times_added",
        lambda units, memory, t: t + units + memory,
        "you add the times for arithmetic and memory. Within an operation they overlap, so only "
        "the longer one counts.",
    ),
    *_seconds(
        "maximum_of_sums",
        lambda o, p, w, t: t * len(o) + max(sum(f for f, _ in o) / p, sum(b for _, b in o) / w),
        "you sum over the operations first and take the maximum at the end. That lets the "
        "arithmetic of one operation hide the memory time of another, but the operations run one "
        "after the other.",
    ),
    *_each(
        "launch_forgotten",
        lambda units, memory, t: max(units, memory),
        "the launch times are missing. Every operation is launched.",
    ),
    *_seconds(
        "idle_not_launched",
        lambda o, p, w, t: right([pair for pair in o if any(pair)], p, w, t)[0],
        "you leave out operations that have nothing to do. They are launched too.",
    ),
    *_seconds(
        "one_launch",
        lambda o, p, w, t: t + sum(max(f / p, b / w) for f, b in o),
        "you count one launch. Each operation has its own.",
    ),
    Mistake("one_launch", _cause(_one_launch), "you count one launch. Each operation has its own."),
    *_each(
        "launch_overlapped",
        lambda units, memory, t: max(t, units, memory),
        "you let the launch overlap with the work. Here the work starts after the launch, so add "
        "the two.",
    ),
    *_each(
        "arithmetic_only",
        lambda units, memory, t: t + units,
        "you count the arithmetic only. The numbers must also be transferred from memory.",
    ),
    *_each(
        "memory_only",
        lambda units, memory, t: t + memory,
        "you count the memory time only. The arithmetic may take longer.",
    ),
    Mistake(
        "launch_cause_forgotten",
        _cause(lambda o, p, w, t: right(o, p, w, 0.0)[1]),
        "you never name the launches. Together they may take most of the time.",
    ),
    Mistake(
        "operations_counted",
        _cause(_vote),
        "you count the operations for each cause. Add up their seconds: one large operation may "
        "outweigh many small ones.",
    ),
    Mistake(
        "hidden_time_counted",
        _cause(_hidden_too),
        "you count memory time that is hidden behind arithmetic, or the other way round. Only the "
        "longer of the two takes time in each operation.",
    ),
    Mistake(
        "alphabetical_maximum",
        _cause(lambda o, p, w, t: max(CAUSES)),
        "you always return 'memory'. `max` of a dict compares its keys alphabetically unless you "
        "pass `key=`.",
    ),
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
        f"operations = [{pairs}], peak = {show(peak, 'FLOP/s')}, bandwidth = "
        f"{show(bandwidth, 'bytes/s')}, launch_s = {seconds(launch_s)}"
    )
