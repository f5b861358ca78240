"""Check of lab 13: how many worker processes feed a device (chapter 13).

Key idea: loaders that wait and loaders that compute; loads shorter and longer than a step; few
cores and many. A formula that rounds otherwise, or leaves out what carrying costs, differs
somewhere.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# kind, load_s, step_s, carry_s, cores
CASES = (
    ("waiting", 0.050, 0.010, 0.002, 2),
    ("waiting", 0.004, 0.010, 0.001, 2),
    ("waiting", 0.001, 0.010, 0.002, 4),  # carrying costs more than fetching
    ("waiting", 0.048, 0.010, 0.002, 2),  # a whole number of steps
    ("computing", 0.010, 0.010, 0.002, 2),
    ("computing", 0.050, 0.010, 0.002, 4),
    ("computing", 0.050, 0.010, 0.002, 16),
    ("computing", 0.030, 0.010, 0.001, 1),
    ("computing", 0.003, 0.020, 0.004, 2),
    ("computing", 0.120, 0.025, 0.003, 8),
)
MOST = 64


def seconds(
    kind, load_s, step_s, carry_s, cores, workers, carried=True, shared=True, model=True,
    computed=True, alone=None,
):  # fmt: skip
    """Time from batch to batch, with a place for each mistake.

    carried, computed: whether carrying is a part of the step, and of what the cores compute.
    alone: the time without workers.
    """
    if workers == 0:
        return (load_s + step_s) if alone is None else alone(load_s, step_s)
    found = max(load_s / workers, step_s + carried * carry_s)
    if kind == "computing" and shared:
        found = max(found, (load_s + model * (step_s + computed * carry_s)) / cores)
    return found


def right(kind, load_s, step_s, carry_s, cores, first=0, last=MOST, pick=None, **changes):
    """The fewest workers of the shortest time, and that time, with a place for each mistake."""
    times = {
        w: seconds(kind, load_s, step_s, carry_s, cores, w, **changes)
        for w in range(first, last + 1)
    }
    best = min(times.values())
    fitting = [w for w, t in times.items() if t <= best * (1 + 1e-9)]
    workers = fitting[0] if pick is None else pick(fitting)
    return workers, times[workers]


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _workers(count):
    """Workers by a formula, with the time that they have."""

    def compute(*inputs):
        workers = count(*inputs)
        return workers, seconds(*inputs, workers)

    return compute


MISTAKES = (
    *in_forms(
        "carrying_forgotten",
        "a worker's batch must be carried to the model's process, which takes carry_s in each "
        "step.",
        _with(carried=False, computed=False),
        _with(carried=False),
        _with(computed=False),
    ),
    *in_forms(
        "overlap_without_workers",
        "without a worker, fetching and the step follow one another: load_s + step_s.",
        _with(alone=max),
    ),
    *in_forms(
        "none_never_considered",
        "no worker at all may be best: where fetching takes less time than carrying, a worker "
        "costs more than it brings.",
        _with(first=1),
    ),
    *in_forms(
        "cores_ignored",
        "workers that compute share the cores with each other and with the model: a step cannot "
        "take less than all the computing divided by the cores.",
        _with(shared=False),
    ),
    *in_forms(
        "model_needs_no_core",
        "the model computes too. The cores have to do load_s and the step itself.",
        _with(model=False),
    ),
    *in_forms(
        "waiting_needs_cores",
        'a worker that waits needs no core. Only for "computing" are the cores shared.',
        lambda kind, *rest: right("computing", *rest),
    ),
    *in_forms(
        "at_most_one_per_core",
        "there may be more workers than cores. For waiting they are useful, too.",
        lambda kind, load, step, carry, cores: right(kind, load, step, carry, cores, last=cores),
        lambda kind, load, step, carry, cores: right(
            kind, load, step, carry, cores, last=max(cores - 1, 0)
        ),
    ),
    *in_forms(
        "one_per_core",
        "you start a worker per core. How many are needed depends on the two times.",
        _workers(lambda kind, load, step, carry, cores: cores),
        _workers(lambda kind, load, step, carry, cores: max(cores - 1, 1)),
    ),
    *in_forms(
        "ratio_rounded",
        "the number of workers is not simply load_s over the step's time, rounded. Compute the "
        "time for each number of workers, and take the fewest with the shortest.",
        _workers(lambda kind, load, step, carry, cores: math.ceil(load / step)),
        _workers(lambda kind, load, step, carry, cores: math.floor(load / step)),
        _workers(lambda kind, load, step, carry, cores: round(load / step)),
        _workers(lambda kind, load, step, carry, cores: math.ceil(load / (step + carry) - 1e-9)),
        _workers(lambda kind, load, step, carry, cores: math.floor(load / (step + carry) + 1e-9)),
    ),
    *in_forms(
        "too_many",
        "fewer workers are as fast. The fewest are asked for.",
        _with(pick=max),
        _with(pick=lambda fitting: fitting[0] + (len(fitting) > 1)),
    ),
    Mistake(
        "times_added",
        lambda kind, load, step, carry, cores: (
            right(kind, load, step, carry, cores)[0],
            load + step + carry if right(kind, load, step, carry, cores)[0] else load + step,
        ),
        "with workers, fetching and the step happen at the same time: the longer one counts.",
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "the workers come first."),
)


@check(lab=LAB, exercise="loader_workers", returns=(tuple, list))
def loader_workers(answer):
    """loader_workers(kind, load_s, step_s, carry_s, cores) -> workers, seconds per batch."""
    names = ("kind", "load_s", "step_s", "carry_s", "cores")
    parts = ("the workers", "the time per batch")
    judge_figures(answer, names, CASES, right, parts, MISTAKES, ("workers", "s"))
