"""Check of lab 13: the fastest valid way to divide a model (chapter 13).

Key idea: four problems in which different ways of dividing win, and a search over all plans as the
standard. A restricted search is a mistake with code: its plan is as fast as the answer's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import watched
from grooves.checks.many_devices.rules import LAB
from grooves.checks.mistakes import in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note
from grooves.hardware.many_devices import plans
from grooves.hardware.many_devices.cluster import (
    Cluster,
    server,
    servers,
    training_step,
    why_invalid,
)
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.memory import Plan

SLACK = 1.01  # times the fastest plan's seconds
SEARCH = "grooves.hardware.many_devices.plans"


@cache
def problems() -> dict[str, tuple[Dense, Cluster, int]]:
    """Model, cluster and batch (in sequences) of each problem."""
    sizes = plans.sizes()
    slow = "10 Gbit/s Ethernet"
    return {
        "30 billion parameters on eight H100 with PCIe": (
            sizes["MPT 30B"], server(link="PCIe 5 x16"), 256,
        ),
        "70 billion parameters on 64 H100": (sizes["Llama 3.1 70B"], servers(64), 256),
        "30 billion parameters on 32 H100 with slow Ethernet": (
            sizes["MPT 30B"], servers(32, between=slow), 256,
        ),
        "8 billion parameters on eight H100 with NVLink": (sizes["Llama 3.1 8B"], server(), 32),
    }  # fmt: skip


@cache
def scored(model: Dense, cluster: Cluster, batch: int) -> list[plans.Scored]:
    """All plans that fit, the fastest first."""
    return plans.ranked(model, cluster, batch)


def _best(holds: Callable) -> Callable:
    """A search that tries only plans for which `holds(plan, batch)`; others if there are none."""

    def search(model, cluster, batch) -> Plan:
        every = [one.plan for one in scored(model, cluster, batch)]
        return next((plan for plan in every if holds(plan, batch)), every[0])

    return search


def _smallest(model, cluster, batch) -> Plan:
    return min(scored(model, cluster, batch), key=lambda one: one.step.memory_bytes).plan


MISTAKES = (
    *in_forms(
        "batch_only",
        "your plan is the best one that divides the batch only. A large model is faster, or fits "
        "better, if its matrices or layers are divided as well.",
        _best(lambda p, _: p.tensor == p.pipeline == 1),
    ),
    *in_forms(
        "never_recomputed",
        "your plan is the best one that does not recompute everything. Recomputing all costs a "
        "forward pass, and frees memory for larger micro-batches or for less dividing.",
        _best(lambda p, _: p.recompute == "selective"),
    ),
    *in_forms(
        "always_recomputed",
        "your plan is the best one that recomputes everything. Where the activations have room, "
        "that is not necessary.",
        _best(lambda p, _: p.recompute == "full"),
    ),
    *in_forms(
        "no_zero",
        "your plan is the best one without ZeRO. Stage 1 costs hardly anything and frees most of "
        "the optimizer's memory.",
        _best(lambda p, _: p.zero == 0),
    ),
    *in_forms(
        "no_zero_3",
        "your plan is the best one without ZeRO's higher stages. Stage 3 may allow plans that "
        "would not fit.",
        _best(lambda p, _: p.zero <= 1),
        _best(lambda p, _: p.zero <= 2),
    ),
    *in_forms(
        "always_zero_3",
        "your plan is the best one with ZeRO 3, which fetches all weights for every micro-batch.",
        _best(lambda p, _: p.zero == 3),
    ),
    *in_forms(
        "no_pipeline",
        "your plan is the best one without a pipeline. Between servers a pipeline sends the least.",
        _best(lambda p, _: p.pipeline == 1),
    ),
    *in_forms(
        "no_tensor",
        "your plan is the best one that does not divide the matrices. Within a server with fast "
        "links that is worth a try.",
        _best(lambda p, _: p.tensor == 1),
    ),
    *in_forms(
        "least_memory",
        "your plan is the one that needs the least memory. Memory that stays free is of no use: "
        "the fastest plan that fits is asked for.",
        _smallest,
    ),
)


def read(result, problem: str) -> Plan:
    """An answer as a plan that can be executed and fits. Raises: CheckFailed."""
    model, cluster, batch = problems()[problem]
    if not isinstance(result, Plan):
        raise CheckFailed(
            f"for {problem}, expected a Plan. Your function returned {describe(result)}.",
            hint="not_a_plan",
        )
    try:
        reason = why_invalid(model, cluster, result, batch)
        step = None if reason else training_step(model, cluster, result, batch)
    except (ValueError, ZeroDivisionError, TypeError) as error:
        reason = str(error)
    reason = reason or _against_the_rules(result, cluster)
    if reason:
        raise CheckFailed(
            f"for {problem}, your plan cannot be executed: {reason}.", hint="not_valid"
        )
    if step.memory_bytes > cluster.memory_bytes:
        raise CheckFailed(
            f"for {problem}, your plan needs {step.memory_bytes / 2**30:.1f} GiB per device, which "
            f"has {cluster.memory_bytes / 2**30:.1f}. Divide more, recompute, or make the "
            "micro-batches smaller.",
            hint="does_not_fit",
        )
    return result


def _against_the_rules(plan: Plan, cluster: Cluster) -> str | None:
    """Why a plan that could be executed is not allowed here, or None."""
    if plan.tensor > cluster.per_server:
        return f"tensor={plan.tensor} is more than the {cluster.per_server} devices of a server"
    if plan.zero and plan.data == 1:
        return f"zero={plan.zero} divides between devices that divide the batch, and data=1"
    if plan.zero > 1 and plan.pipeline > 1:
        return f"zero={plan.zero} with pipeline={plan.pipeline}; with a pipeline, zero is 0 or 1"
    return None


def _search(module: str, code) -> str | None:
    """The name of the course's own search, where code belongs to it."""
    return f"{module}.{code.co_qualname}" if module == SEARCH else None


@check(lab=LAB, exercise="parallel_plan", returns=Plan)
def parallel_plan(answer):
    """parallel_plan(model, cluster, batch) -> Plan, the fastest that fits."""
    lines = []
    for problem, given in problems().items():
        scored(*given)  # searched before the answer is watched
        result, called = watched(answer, given, _search)
        if called:
            raise CheckFailed(
                f"your code calls the course's own {called[0]}. Here the exercise is to write the "
                "search; `training_step` and `why_invalid` may be called.",
                hint="course_code",
            )
        plan = read(result, problem)
        took = training_step(*given[:2], plan, given[2]).seconds
        least = scored(*given)[0].step.seconds
        told = (
            f"for {problem}, a step of your plan, {plan}, takes {took:.3f} s; {least:.3f} s is "
            "possible."
        )

        def agrees(mistake, given=given, took=took):
            model, cluster, batch = given
            theirs = training_step(model, cluster, mistake.compute(*given), batch)
            return abs(theirs.seconds / took - 1) < 1e-9

        note(Finding(took > SLACK * least, told, MISTAKES, agrees, inputs=given))
        lines.append(f"{problem}: {took:.2f} s per step")
    return "; ".join(lines) + "."


def race(answer) -> float:
    """Score a plan finder on problems that the check does not have; prints and returns its score.

    Returns: the mean of its plans' seconds over the fastest plans' seconds, 1 at best.
    """
    sizes = plans.sizes()
    slow = "10 Gbit/s Ethernet"
    unknown = {
        "2 billion parameters on 16 H100 with slow Ethernet": (
            sizes["nanochat d32"], servers(16, between=slow), 64,
        ),
        "8 billion parameters on 16 H100 with slow Ethernet": (
            sizes["Llama 3.1 8B"], servers(16, between=slow), 64,
        ),
        "70 billion parameters on 128 H100": (sizes["Llama 3.1 70B"], servers(128), 512),
    }  # fmt: skip
    predicts = training_step.__code__
    ratios = []
    for name, (model, cluster, batch) in unknown.items():
        plan, predicted = watched(
            answer, (model, cluster, batch), lambda _, code: True if code is predicts else None
        )
        step = training_step(model, cluster, plan, batch)
        fits = step.memory_bytes <= cluster.memory_bytes
        best = plans.fastest(model, cluster, batch).step.seconds
        ratios.append(step.seconds / best if fits else 10.0)
        told = f"{step.seconds:.2f} s, {ratios[-1]:.3f} times the fastest"
        told = told if fits else "does not fit, which counts as 10"
        print(f"{name}: {told}, after {len(predicted)} predictions")
    score = sum(ratios) / len(ratios)
    print(f"Score {score:.3f} (1 is the best possible)")
    return score
