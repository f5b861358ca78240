"""Check of lab 13: time and bubble of a pipeline (chapter 13).

Key idea: numbers of stages and micro-batches that differ from each other and from 1, and passes of
different lengths.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# n_stages, n_micro, forward_s, backward_s
CASES = (
    (4, 8, 1.0, 2.0),
    (4, 1, 1.0, 2.0),
    (1, 6, 0.5, 1.0),
    (8, 32, 0.01, 0.02),
    (3, 5, 0.25, 0.75),
    (16, 16, 0.1, 0.3),
    (2, 100, 0.004, 0.007),
)


def right(n_stages, n_micro, forward_s, backward_s, slots=None, bubble=None, task=None):
    """Seconds of a step and the fraction that a stage is idle, with a place for each mistake."""
    slots = n_micro + n_stages - 1 if slots is None else slots
    task = forward_s + backward_s if task is None else task
    return slots * task, (n_stages - 1) / (n_micro + n_stages - 1) if bubble is None else bubble


def _slots(count):
    return lambda p, m, f, b: right(p, m, f, b, slots=count(p, m))


def _bubble(fraction):
    return lambda p, m, f, b: right(p, m, f, b, bubble=fraction(p, m))


def _bubble_of_one_pass(p, m, f, b):
    """Filled before the forward passes only."""
    taken = m * (f + b) + (p - 1) * f
    return taken, (p - 1) * f / taken


MISTAKES = (
    *in_forms(
        "no_pipeline",
        "you let one micro-batch leave the last stage before the next one enters the first. The "
        "stages work on different micro-batches at the same time.",
        _slots(lambda p, m: m * p),
    ),
    *in_forms(
        "no_filling",
        "a time in which the pipeline fills or empties is missing: the last stage begins its "
        "forward passes p - 1 slots after the first, and the first ends as much after the last.",
        _slots(lambda p, m: m),
        lambda p, m, f, b: (m * (f + b) + (p - 1) * f, right(p, m, f, b)[1]),
        lambda p, m, f, b: (m * (f + b) + (p - 1) * b, right(p, m, f, b)[1]),
        _bubble_of_one_pass,
    ),
    *in_forms(
        "off_by_one",
        "your number of slots is one or a few off. The last of m micro-batches enters in slot m, "
        "and passes p - 1 further stages.",
        _slots(lambda p, m: m + p),
        _slots(lambda p, m: m + p - 2),
        _slots(lambda p, m: m + 2 * (p - 1)),
    ),
    *in_forms(
        "one_pass",
        "each micro-batch takes a forward and a backward pass on each stage.",
        lambda p, m, f, b: right(p, m, f, b, task=f),
        lambda p, m, f, b: right(p, m, f, b, task=b),
        lambda p, m, f, b: right(p, m, f, b, task=max(f, b)),
        lambda p, m, f, b: right(p, m, f, b, task=2 * f),
        lambda p, m, f, b: right(p, m, f, b, task=(f + b) / 2),
    ),
    *in_forms(
        "idle_over_busy",
        "your bubble is the idle time over the busy time. The fraction of all time is asked for.",
        _bubble(lambda p, m: (p - 1) / m),
        _bubble(lambda p, m: p / m),
    ),
    *in_forms(
        "bubble_off",
        "a stage is idle for p - 1 of m + p - 1 slots.",
        _bubble(lambda p, m: (p - 1) / (m + p)),
        _bubble(lambda p, m: p / (m + p - 1)),
        _bubble(lambda p, m: p / (m + p)),
        _bubble(lambda p, m: 2 * (p - 1) / (m + p - 1)),
    ),
    *in_forms(
        "busy_fraction",
        "that is the fraction in which a stage works. The bubble is the rest.",
        _bubble(lambda p, m: m / (m + p - 1)),
    ),
    Mistake(
        "bubble_in_percent",
        lambda *inputs: (right(*inputs)[0], 100 * right(*inputs)[1]),
        "your bubble is in per cent. A fraction between 0 and 1 is asked for.",
    ),
    *in_forms(
        "bubble_in_seconds",
        "your bubble is a time. The fraction of the step is asked for.",
        lambda p, m, f, b: right(p, m, f, b, bubble=(p - 1) * (f + b)),
        lambda p, m, f, b: right(p, m, f, b, bubble=p - 1),
    ),
    Mistake(
        "exchanged",
        lambda p, m, f, b: right(m, p, f, b),
        "you take stages for micro-batches.",
    ),
    Mistake("swapped", lambda *inputs: right(*inputs)[::-1], "the seconds come first."),
)


@check(lab=LAB, exercise="pipeline_bubble", returns=(tuple, list))
def pipeline_bubble(answer):
    """pipeline_bubble(n_stages, n_micro, forward_s, backward_s) -> seconds of a step, bubble."""
    names = ("n_stages", "n_micro", "forward_s", "backward_s")
    judge_figures(answer, names, CASES, right, ("the time", "the bubble"), MISTAKES, ("s",))
