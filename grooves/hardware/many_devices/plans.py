"""The fastest way to divide a model: try all of them.

Key idea: data, tensor and pipeline parallelism multiply to the number of devices, so there are few
plans, and a model of the step tells each one's time and memory in microseconds. The search is only
as good as that model, which is why its predictions are compared with published runs first.
Chapters: 13, 15.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from grooves.hardware.many_devices.cluster import (
    Cluster,
    Step,
    server,
    training_step,
    why_invalid,
)
from grooves.hardware.many_devices.dense import Dense, from_published
from grooves.hardware.many_devices.memory import Plan


@dataclass(frozen=True)
class Scored:
    """A plan with its predicted step."""

    plan: Plan
    step: Step


def all_plans(
    model: Dense,
    cluster: Cluster,
    batch: int,
    zero: tuple[int, ...] = (0, 1, 2, 3),
    recompute: tuple[str, ...] = ("selective", "full"),
    chunks: tuple[int, ...] = (1,),
) -> Iterator[Plan]:
    """Every plan that can be executed, whatever memory it needs.

    batch: sequences of a step; a micro-batch has at least one. Tensor parallelism stays within a
    server. ZeRO needs several data-parallel devices, and beyond stage 1 no pipeline, since it would
    communicate for each micro-batch of each stage.
    """
    for tensor in divisors(cluster.n_devices):
        if tensor > cluster.per_server:
            continue
        for pipeline in divisors(cluster.n_devices // tensor):
            data = cluster.n_devices // tensor // pipeline
            if batch % data:
                continue
            stages = [z for z in zero if z == 0 or (data > 1 and (z == 1 or pipeline == 1))]
            for micro_batches in divisors(batch // data):
                how = product(stages, recompute, chunks if pipeline > 1 else (1,))
                for stage, again, parts in how:
                    plan = Plan(data, tensor, pipeline, micro_batches, stage, again, parts)
                    if why_invalid(model, cluster, plan, batch) is None:
                        yield plan


def ranked(
    model: Dense, cluster: Cluster, batch: int, memory_bytes: float | None = None, **which
) -> list[Scored]:
    """All valid plans, the fastest first.

    memory_bytes: that a device may use; all that it has, if None. which: as in `all_plans`.
    """
    limit = cluster.memory_bytes if memory_bytes is None else memory_bytes
    scored = [
        Scored(plan, training_step(model, cluster, plan, batch))
        for plan in all_plans(model, cluster, batch, **which)
    ]
    fitting = [one for one in scored if one.step.memory_bytes <= limit]
    return sorted(fitting, key=lambda one: (one.step.seconds, one.step.memory_bytes))


def fastest(
    model: Dense, cluster: Cluster, batch: int, memory_bytes: float | None = None, **which
) -> Scored:
    """The fastest plan whose fullest device has room.

    Raises: ValueError where none fits, with the memory that the most frugal one needs.
    """
    found = ranked(model, cluster, batch, memory_bytes, **which)
    if found:
        return found[0]
    every = ranked(model, cluster, batch, float("inf"), **which)
    if not every:
        raise ValueError(
            f"no plan divides a batch of {batch} between {cluster.n_devices} devices: choose a "
            "batch that is a multiple of a divisor of their number"
        )
    least = min(one.step.memory_bytes for one in every)
    limit = cluster.memory_bytes if memory_bytes is None else memory_bytes
    raise ValueError(
        f"no plan fits into {limit / 2**30:.1f} GiB per device: the most frugal needs "
        f"{least / 2**30:.1f} GiB, so take more devices or a smaller batch"
    )


def sizes() -> dict[str, Dense]:
    """Models of 0.1 to 70 billion parameters, for a table of what one server does with them."""
    return {
        "GPT-2 124M": from_published("GPT-2 124M", 1024),
        "nanochat d20": Dense(20, 1280, 10, 65536, 2048, tied=False),
        "nanochat d32": Dense(32, 2048, 16, 65536, 2048, tied=False),
        "Llama 3.1 8B": from_published("Llama 3.1 8B", 8192),
        "MPT 30B": Dense(48, 7168, 56, 50368, 2048),
        "Llama 3.1 70B": from_published("Llama 3.1 70B", 8192),
    }


def server_table(
    links: tuple[str, ...] = ("NVLink 4", "PCIe 5 x16"), batch_tokens: int = 2**19
) -> list[dict]:
    """What a server of eight H100 does with models of many sizes, over each link.

    Returns: rows of model, parameters, link, and of the fastest plan: plan, seconds, mfu,
    tokens_per_s, memory_gib, and speedup over one such GPU with the same batch, which is None where
    the model does not fit on one. Where no plan fits, `plan` is None and the rest is left out.
    """
    rows = []
    for name, model in sizes().items():
        batch = max(8, batch_tokens // model.context)
        for link in links:
            row = {"model": name, "parameters": model.parameters, "link": link, "plan": None}
            rows.append(row)
            if not (found := ranked(model, server(link=link), batch)):
                continue
            best, alone = found[0], ranked(model, server(link=link, n=1), batch)
            row |= {
                "plan": best.plan,
                "seconds": best.step.seconds,
                "mfu": best.step.mfu,
                "tokens_per_s": best.step.tokens_per_s,
                "memory_gib": best.step.memory_bytes / 2**30,
                "speedup": alone[0].step.seconds / best.step.seconds if alone else None,
            }
    return rows


def divisors(n: int) -> list[int]:
    """All divisors of n, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]
