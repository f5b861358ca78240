"""Check of lab 13: a step whose communication overlaps with the backward pass (chapter 13).

Key idea: buckets that wait for the wire and a wire that waits for buckets, in one list; a wire so
fast that computing decides, and one so slow that it does.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.many_devices.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices
CASES = (
    (0.010, 0.020, [0.008, 0.014, 0.020], [4e6, 8e6, 4e6], 1e-4, 4e9, 2),
    (0.010, 0.020, [0.005, 0.020], [40e6, 2e6], 1e-4, 2e9, 4),
    (0.004, 0.009, [0.009], [1e6], 1e-3, 1e8, 2),
    (0.030, 0.060, [0.01, 0.02, 0.03, 0.06], [10e6, 10e6, 10e6, 1e6], 5e-5, 1e10, 8),
    (0.001, 0.002, [0.001, 0.002], [1e5, 1e5], 5e-4, 1e9, 3),
    (0.020, 0.040, [0.01, 0.039, 0.040], [30e6, 1e6, 9e6], 2e-4, 5e9, 8),
    (0.005, 0.010, [0.004, 0.008], [8e6, 2e6], 1e-4, 1e9, 1),
    (0.006, 0.030, [0.010, 0.020], [1e6, 1e6], 1e-5, 1e10, 4),
)


def right(
    forward_s, backward_s, ready, sizes, alpha_s, beta, n, count=None, part=None, waits=True,
    queued=True, forward=True, at_least=True, free=0.0,
):  # fmt: skip
    """Seconds of a step, with a place for each mistake.

    count: messages of an all-reduce. part: of the bytes in each. waits: whether a bucket is sent
    only when it is ready. queued: whether it waits for the one before. at_least: whether the step
    lasts as long as the backward pass. free: when the wire is.
    """
    count = 2 * (n - 1) if count is None else count(n)
    part = 1 / n if part is None else part(n)
    end = 0.0
    for at, n_bytes in zip(ready, sizes, strict=True):
        begins = max(at if waits else 0.0, free if queued else 0.0)
        free = begins + count * (alpha_s + part * n_bytes / beta)
        end = max(end, free)
    return forward * forward_s + (max(backward_s, end) if at_least else end)


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _behind(forward_s, backward_s, ready, sizes, alpha_s, beta, n):
    """Nothing is sent before the backward pass has ended."""
    return right(forward_s, backward_s, [backward_s] * len(sizes), sizes, alpha_s, beta, n)


def _one_message(forward_s, backward_s, ready, sizes, alpha_s, beta, n):
    return right(forward_s, backward_s, ready[-1:], [sum(sizes)], alpha_s, beta, n)


MISTAKES = (
    Mistake(
        "nothing_overlaps",
        _behind,
        "you begin to send when the backward pass has ended. A bucket can be sent as soon as it is "
        "ready, while the backward pass computes the others.",
    ),
    *in_forms(
        "everything_overlaps",
        "you let the wire begin with the backward pass. A bucket cannot be sent before it is "
        "ready.",
        _with(waits=False),
    ),
    *in_forms(
        "wire_used_twice",
        "your buckets are sent at the same time. There is one wire: each waits until the one "
        "before it has been sent.",
        _with(queued=False),
    ),
    Mistake(
        "one_buffer",
        _one_message,
        "you send all buckets as one, when the last is ready.",
    ),
    *in_forms(
        "forward_forgotten",
        "the forward pass is missing. `ready` counts from the beginning of the backward pass.",
        _with(forward=False),
    ),
    *in_forms(
        "backward_forgotten",
        "the step cannot end before the backward pass does, even if there is nothing to send.",
        _with(at_least=False),
    ),
    *in_forms(
        "two_clocks",
        "you compare times from the beginning of the step with times from the beginning of the "
        "backward pass, from which `ready` counts. Add forward_s once, at the end.",
        lambda f, *rest: right(f, *rest, free=f),
        lambda f, b, *rest: max(f + b, right(f, b, *rest, forward=False, at_least=False)),
    ),
    Mistake(
        "both_added",
        lambda f, b, *rest: b + right(f, b, *rest, at_least=False),
        "the wire and the backward pass work at the same time: the later end counts, and not the "
        "sum.",
    ),
    *in_forms(
        "half_a_ring",
        "an all-reduce in a ring has 2 (n - 1) messages, one after another.",
        _with(count=lambda n: n - 1),
        _with(count=lambda n: n),
        _with(count=lambda n: 2 * n),
        _with(count=lambda n: 1 if n > 1 else 0),
        _with(count=lambda n: 1),
    ),
    *in_forms(
        "whole_bucket_each",
        "each message of the ring carries an n-th of the bucket.",
        _with(part=lambda n: 1.0),
        _with(part=lambda n: 1 / 2),
    ),
    Mistake(
        "latency_once",
        lambda f, b, ready, sizes, a, beta, n: right(
            f, b, ready, [s + a / max(2 * (n - 1), 1) * n * beta for s in sizes], 0.0, beta, n
        ),
        "you count the latency once per bucket. Each of the 2 (n - 1) messages has one.",
    ),
    Mistake(
        "no_latency",
        lambda f, b, ready, sizes, a, beta, n: right(f, b, ready, sizes, 0.0, beta, n),
        "the latency is missing.",
    ),
    *in_forms(
        "bits_for_bytes",
        "beta is in bytes per second, and the sizes are in bytes.",
        lambda f, b, ready, sizes, a, beta, n: right(f, b, ready, sizes, a, beta / 8, n),
        lambda f, b, ready, sizes, a, beta, n: right(f, b, ready, sizes, a, beta * 8, n),
    ),
    Mistake(
        "last_bucket_only",
        lambda f, b, ready, sizes, a, beta, n: right(f, b, ready[-1:], sizes[-1:], a, beta, n),
        "you count the last bucket only. If the buckets before it are large, it must wait for "
        "them.",
    ),
)


@check(lab=LAB, exercise="step_time")
def step_time(answer):
    """step_time(forward_s, backward_s, ready, sizes, alpha_s, beta, n_devices) -> seconds."""
    names = ("forward_s", "backward_s", "ready", "sizes", "alpha_s", "beta", "n_devices")
    judge_figures(answer, names, CASES, right, ("the time",), MISTAKES, ("s",))
