"""Check of lab 11, last part: a job, a GPU and a plan (chapter 11).

Key idea: a simulated GPU is a roofline with a bus. Its seconds are computed and not measured, so
a plan has the same score everywhere. What is wrong with a plan is seen from its memory, its errors
and where its time goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import watched
from grooves.checks.cpu_gpu.rules import LAB, figure
from grooves.checks.cpu_gpu.rules import seconds as in_words

PARTS = ("batch", "kept", "small")


NEVER_CALLED = ("_filled", "_cheapest_small")  # they contain the solution


@dataclass(frozen=True)
class Job:
    """Rows that pass through layers, and the GPU that runs them.

    weights: numbers in each layer, two bytes each, or one where a layer is stored small. errors:
    what storing it small costs, of `allowed_error` altogether. row_bytes: memory for each row of a
    batch.
    """

    name: str
    n_rows: int
    row_bytes: float
    weights: tuple[float, ...]
    errors: tuple[float, ...]
    allowed_error: float
    memory_bytes: float
    bandwidth: float  # bytes per second, of the GPU's own memory
    bus: float  # bytes per second, from the host to the GPU
    peak: float  # FLOP/s
    launch_s: float
    bar_s: float  # a plan must take no longer


JOBS = (
    Job(
        "a model twice as large as the GPU memory", 500, 40e6,
        (3.1e9, 0.7e9, 1.9e9, 0.4e9, 2.3e9, 1.1e9, 0.3e9, 1.6e9, 0.9e9, 2.7e9),
        (0.9, 0.1, 0.3, 0.3, 0.9, 0.2, 0.1, 0.2, 0.4, 0.5),
        1.0, 16e9, 1.5e12, 32e9, 2e14, 10e-6, 1.3,
    ),
    Job(
        "a model that nearly fits, and few rows", 24, 60e6,
        (1.2e9, 0.5e9, 1.4e9, 0.2e9, 0.8e9, 1.3e9, 0.6e9, 1.1e9),
        (0.5, 0.1, 0.3, 0.2, 0.1, 0.6, 0.2, 0.3),
        0.6, 13e9, 2e12, 25e9, 1e14, 10e-6, 0.0126,
    ),
    Job(
        "a slow GPU, and many rows", 20_000, 2e6,
        (0.6e9, 0.1e9, 0.9e9, 0.3e9, 0.7e9, 0.2e9),
        (0.4, 0.1, 0.3, 0.2, 0.3, 0.1),
        0.3, 2e9, 0.3e12, 12e9, 1e13, 20e-6, 12.5,
    ),
)  # fmt: skip


@check(lab=LAB, exercise="plan", returns=dict)
def plan(answer):
    """plan(job) -> {"batch": rows at once, "kept": layers on the GPU, "small": 8-bit layers}."""
    reached = []
    for job in JOBS:
        chosen, called = watched(answer, (job,), _own_advice)
        if called:
            raise CheckFailed(
                f"your function calls the check's own {called[0]}. Choose yourself; seconds() may "
                "be called.",
                hint="course_code",
            )
        spent = seconds(job, chosen)
        if not spent <= job.bar_s:
            name, why = _why(job, chosen)
            raise CheckFailed(
                f"for {_given(job)}, your result takes {in_words(spent)}; the bar is "
                f"{in_words(job.bar_s)}.\nLikely mistake: {why}",
                hint=name,
            )
        reached.append(in_words(spent))
    return f"Your plans take {', '.join(reached)}."


def seconds(job: Job, plan: dict) -> float:
    """Simulated seconds of a job by a plan.

    A plan says: `batch`, rows at once; `kept`, layers whose weights stay on the GPU, by index;
    `small`, layers stored in one byte per weight. The others cross the bus for each batch.
    Raises: CheckFailed where it is no plan, or does not fit.
    """
    choices = _read(job, plan)
    _fits(job, *choices)
    return _all_passes(job, *choices)


def race(answer) -> float:
    """The mean factor, over the jobs, by which an answer's plans beat the baseline.

    The baseline: 32 rows at once, nothing kept, nothing small. The mean is geometric. Nothing is
    graded. Raises: CheckFailed where a plan cannot be used.
    """
    plain = {"batch": 32, "kept": [], "small": []}
    factors = [seconds(job, plain) / seconds(job, answer(job)) for job in JOBS]
    factor = math.prod(factors) ** (1 / len(factors))
    print(f"score {factor:.3f}: {', '.join(f'{f:.3f}' for f in factors)} times as fast.")
    return factor


# ---- the GPU ------------------------------------------------------------------------------------


def _pass(job: Job, rows: int, kept, small) -> float:
    """Seconds of one batch through all layers: a roofline with a bus."""
    total = 0.0
    for i, n_bytes in enumerate(_layer_bytes(job, small)):
        arithmetic = 2 * rows * job.weights[i] / job.peak
        bringing = 0.0 if i in kept else n_bytes / job.bus
        total += job.launch_s + max(arithmetic, n_bytes / job.bandwidth, bringing)
    return total


def _all_passes(job: Job, batch: int, kept, small) -> float:
    full, rest = divmod(job.n_rows, batch)
    return full * _pass(job, batch, kept, small) + (_pass(job, rest, kept, small) if rest else 0.0)


def _layer_bytes(job: Job, small) -> list[float]:
    return [w * (1 if i in small else 2) for i, w in enumerate(job.weights)]


def _room(job: Job, batch: int, kept, small) -> float:
    """Bytes of the GPU's memory that are left; negative where a plan does not fit."""
    by_layer = _layer_bytes(job, small)
    return job.memory_bytes - batch * job.row_bytes - sum(by_layer[i] for i in kept)


# ---- what is wrong with a plan ------------------------------------------------------------------


def _given(job: Job) -> str:
    return f"{job.n_rows:,} rows of {job.name!r}"


def _read(job: Job, plan) -> tuple[int, list[int], list[int]]:
    """The three choices of a plan. Raises: CheckFailed where it is none."""
    given = _given(job)
    if not isinstance(plan, dict) or set(plan) != set(PARTS):
        said = ", ".join(map(str, plan)) if isinstance(plan, dict) else describe(plan)
        raise CheckFailed(
            f"for {given}, your result holds {said or 'nothing'}; a plan is a dict with batch, "
            "kept and small.",
            hint="other_choices",
        )
    batch = figure(plan["batch"], f"{given}: the batch")
    if not (batch >= 1 and batch == int(batch)):
        raise CheckFailed(
            f"for {given}, your result has a batch of {batch:g}; it must be an integer of at "
            "least 1.",
            hint="impossible_batch",
        )
    chosen = []
    for part in ("kept", "small"):
        layers = [int(figure(i, f"{given}: {part}")) for i in plan[part]]
        if odd := [i for i in layers if not 0 <= i < len(job.weights)]:
            raise CheckFailed(
                f"for {given}, your result has layer {odd[0]} in {part}; layers have the indices 0 "
                f"to {len(job.weights) - 1}.",
                hint="no_such_layer",
            )
        chosen.append(sorted(set(layers)))
    return int(batch), *chosen


def _fits(job: Job, batch: int, kept, small) -> None:
    """Raises: CheckFailed where a plan needs too much memory or loses too much."""
    if (room := _room(job, batch, kept, small)) < -1e-6 * job.memory_bytes:
        rows, held = batch * job.row_bytes / 1e9, (job.memory_bytes - room) / 1e9
        raise CheckFailed(
            f"for {_given(job)}, your result needs {held:.4g} GB, {rows:.4g} of them for the rows "
            f"of a batch; the GPU has {job.memory_bytes / 1e9:g} GB.",
            hint="too_much_memory",
        )
    error = sum(job.errors[i] for i in small)
    if error > job.allowed_error + 1e-9:
        raise CheckFailed(
            f"for {_given(job)}, your result stores {len(small)} layers small, with an error of "
            f"{error:.4g}; {job.allowed_error:g} is allowed.",
            hint="too_great_an_error",
        )


def _why(job: Job, chosen) -> tuple[str, str]:
    """Which of the three choices limits a plan most: the one whose change would gain most."""
    batch, kept, small = _read(job, chosen)
    smaller = _cheapest_small(job)
    fewest = max(1, math.ceil(job.n_rows * job.row_bytes / job.memory_bytes))
    batches = {math.ceil(job.n_rows / k) for k in range(fewest, fewest + 8)}
    best = min(batches, key=lambda b: _all_passes(job, b, _filled(job, b, small), small))
    gains = {
        "small": _all_passes(job, batch, _filled(job, batch, smaller), smaller),
        "kept": _all_passes(job, batch, _filled(job, batch, small), small),
        "batch": _all_passes(job, best, _filled(job, best, small), small),
    }
    least = min(gains.values())
    part = next(part for part in ("kept", "batch", "small") if gains[part] < 1.02 * least)
    better = f"With another choice of `{part}` it would take {in_words(gains[part])}."
    n_passes = math.ceil(job.n_rows / batch)
    if part == "batch":
        if batch < best:
            return "batch_too_small", (
                f"all weights are read {n_passes} times, once per batch. A larger batch reads them "
                f"less often, but leaves less memory for kept layers. {better}"
            )
        return "batch_too_large", (
            f"{n_passes} batches need not be so large: the last one is not full, and the memory "
            f"could hold layers. {better}"
        )
    if part == "kept":
        room = _room(job, batch, kept, small) / 1e9
        if not kept:
            return "nothing_kept", (
                f"every layer crosses the bus {n_passes} times, and {room:.3g} GB are unused. "
                + better
            )
        return "kept_too_little", (
            f"{room:.3g} GB are unused, or hold layers that save little. A kept layer saves the "
            f"transfer of its bytes over the bus, {n_passes} times. {better}"
        )
    if not small:
        return "nothing_small", (
            f"no layer is stored small, though an error of {job.allowed_error:g} is allowed. "
            f"{better}"
        )
    return "small_badly_chosen", f"other layers save more bytes for the same error. {better}"


def _filled(job: Job, batch: int, small) -> list[int]:
    """Layers that fill the memory beside a batch, the largest first."""
    by_layer, kept = _layer_bytes(job, small), []
    for i in sorted(range(len(by_layer)), key=lambda i: -by_layer[i]):
        if _room(job, batch, [*kept, i], small) >= 0:
            kept.append(i)
    return kept


def _cheapest_small(job: Job) -> list[int]:
    """Layers to store small, those first that save most bytes for their error."""
    small: list[int] = []
    for i in sorted(range(len(job.weights)), key=lambda i: job.errors[i] / job.weights[i]):
        if sum(job.errors[j] for j in [*small, i]) <= job.allowed_error + 1e-9:
            small.append(i)
    return small


def _own_advice(module: str, code) -> str | None:
    return code.co_name if module == __name__ and code.co_name in NEVER_CALLED else None
