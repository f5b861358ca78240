"""Rent or buy: the total cost of each over time, and the hour at which they cross.

Key idea: renting costs nothing at first and the same for every hour; a bought machine costs most on
the first day, then electricity, upkeep and lost value. If the two cross within the machine's life,
buying pays from then on; if they do not, it never does. Chapter: 15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOURS_PER_YEAR = 365 * 24
NEVER = math.inf


@dataclass(frozen=True)
class Choice:
    """A machine that can be rented or bought, and everything that the comparison depends on.

    rent_eur_per_hour: of the whole machine. price_eur: to buy it. utilisation: the fraction of the
    hours in which it computes. busy_w, idle_w: what it draws then, and otherwise. pue: power usage
    effectiveness, all electricity over the machine's own, so cooling is in it. eur_per_kwh.
    life_years: after which it is replaced. resale_now, residual: what a dealer pays for it on the
    first day and at the end of its life, as fractions of the price. interest, upkeep: per year,
    as fractions of the price. reserved: rent is due for every hour and not only for used ones.
    Raises: ValueError for a figure that is out of its range.
    """

    rent_eur_per_hour: float
    price_eur: float
    utilisation: float = 0.5
    busy_w: float = 10_000
    idle_w: float = 2_500
    pue: float = 1.3
    eur_per_kwh: float = 0.19
    life_years: float = 4
    resale_now: float = 0.8
    residual: float = 0.1
    interest: float = 0.04
    upkeep: float = 0.05
    reserved: bool = False

    def __post_init__(self):
        positive = ("rent_eur_per_hour", "price_eur", "life_years", "residual", "eur_per_kwh")
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be positive")
        if not 0 < self.utilisation <= 1:
            raise ValueError(f"utilisation={self.utilisation} must be above 0 and at most 1")
        if not 0 <= self.idle_w <= self.busy_w:
            raise ValueError(f"idle_w={self.idle_w} must lie between 0 and busy_w={self.busy_w}")
        if self.pue < 1:
            raise ValueError(f"pue={self.pue} must be at least 1, which means no cooling at all")
        if not self.residual <= self.resale_now <= 1:
            raise ValueError(f"resale_now={self.resale_now} must lie between residual and 1")
        if self.interest < 0 or self.upkeep < 0:
            raise ValueError(f"{self.interest=} and {self.upkeep=} must not be negative")

    @property
    def life_hours(self) -> float:
        """Hours from the purchase to the replacement."""
        return self.life_years * HOURS_PER_YEAR


def renting(choice: Choice, hours: float) -> float:
    """Euros that renting has cost after so many hours of calendar time."""
    paid = 1 if choice.reserved else choice.utilisation
    return choice.rent_eur_per_hour * paid * _time(hours)


def energy_eur_per_hour(choice: Choice) -> float:
    """Electricity of the bought machine per hour of calendar time, idle and cooling included."""
    busy = choice.utilisation
    watts = choice.busy_w * busy + choice.idle_w * (1 - busy)
    return watts / 1000 * choice.pue * choice.eur_per_kwh


def value(choice: Choice, hours: float) -> float:
    """What the machine could be sold for after so many hours, in euros.

    It falls by the same fraction each year, from resale_now to residual at the end of its life.
    """
    passed = _time(hours) / choice.life_hours
    return choice.price_eur * choice.resale_now * (choice.residual / choice.resale_now) ** passed


def buying(choice: Choice, hours: float) -> dict[str, float]:
    """Euros that owning has cost after so many hours, by cause.

    Returns: depreciation (price less value), electricity, upkeep and interest (simple, on the
    price). Their sum is the total.
    """
    years = _time(hours) / HOURS_PER_YEAR
    return {
        "depreciation": choice.price_eur - value(choice, hours),
        "electricity": energy_eur_per_hour(choice) * hours,
        "upkeep": choice.price_eur * choice.upkeep * years,
        "interest": choice.price_eur * choice.interest * years,
    }


def advantage(choice: Choice, hours: float | None = None) -> float:
    """Euros that buying saves against renting after so many hours; by default, the whole life."""
    hours = choice.life_hours if hours is None else hours
    return renting(choice, hours) - sum(buying(choice, hours).values())


def break_even_hours(choice: Choice) -> float:
    """Hours of calendar time after which buying has cost as much as renting, or `NEVER`.

    The advantage of buying is convex in time, because a machine loses ever less value. So it
    crosses zero at most once upwards, and bisection finds where.
    """
    low, high = 0.0, choice.life_hours
    if advantage(choice, low) >= 0:
        return 0.0
    if advantage(choice, high) < 0:
        return NEVER
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if advantage(choice, middle) < 0 else (low, middle)
    return high


def owned_eur_per_hour(choice: Choice) -> float:
    """What a bought machine costs per hour of calendar time, over its whole life."""
    return sum(buying(choice, choice.life_hours).values()) / choice.life_hours


def _time(hours: float) -> float:
    if not hours >= 0:
        raise ValueError(f"{hours=} must not be negative")
    return hours
