"""What the course's own runs and models cost: seconds, watt-hours, euros, and per nat gained.

Key idea: two ways of training can only be compared at equal quality. So their cost is divided by
what it bought: the nats by which a model came nearer to the language. Chapter: 15.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grooves.hardware.costs import POWER_W, PRICE_EUR_PER_KWH, cost_eur, energy_wh


@dataclass(frozen=True)
class RunCost:
    """What a run took: wall time in seconds, watt-hours and euros for electricity."""

    name: str
    seconds: float
    wh: float
    eur: float


def run_cost(
    name: str,
    seconds: float,
    power_w: float = POWER_W,
    eur_per_kwh: float = PRICE_EUR_PER_KWH,
    eur_per_hour: float = 0.0,
) -> RunCost:
    """The cost of a run of so many seconds.

    power_w: of the machine meanwhile; a thermal design power is an upper bound. eur_per_hour: of a
    rented machine, whose rent includes the electricity, so that `eur` is then the rent alone.
    Raises: ValueError where one of them is negative.
    """
    if eur_per_kwh < 0 or eur_per_hour < 0:
        raise ValueError(f"{eur_per_kwh=} and {eur_per_hour=} must not be negative")
    wh = energy_wh(seconds, power_w)
    eur = eur_per_hour * seconds / 3600 if eur_per_hour else cost_eur(wh, eur_per_kwh)
    return RunCost(name, seconds, wh, eur)


def together(runs: Iterable[RunCost]) -> RunCost:
    """The sum of several runs."""
    runs = list(runs)
    return RunCost(
        "together", sum(r.seconds for r in runs), sum(r.wh for r in runs), sum(r.eur for r in runs)
    )


def per_nat(run: RunCost, gap_before: float, gap_after: float) -> dict[str, float]:
    """Joules and euros per nat by which a model came nearer to the language.

    gap_before, gap_after: nats per word above the language's entropy.
    Raises: ValueError where the model came no nearer, since no cost per nat exists then.
    """
    gained = gap_before - gap_after
    if not gained > 0:
        raise ValueError(
            f"{run.name}: the gap went from {gap_before} to {gap_after} nats, so nothing was "
            "gained that a cost could be divided by"
        )
    return {"joules": run.wh * 3600 / gained, "eur": run.eur / gained, "nats": gained}


def cheapest_at_quality(runs: Iterable[tuple[RunCost, float]], gap: float) -> RunCost | None:
    """Of the runs that reached a gap of at most `gap` nats, the one with the lowest cost.

    runs: each with the gap that it reached. Returns: None where no run reached it. Of two that
    cost the same, the one that took less time.
    """
    good = [run for run, reached in runs if reached <= gap]
    return min(good, key=lambda run: (run.eur, run.seconds), default=None)
