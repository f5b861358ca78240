"""The cheapest plan that meets a latency goal, by a search over all plans.

Key idea: more users on a machine lower the cost per token and raise the time between two tokens. So
the goal decides how full a machine may be, this decides how many are needed, and only then does the
price per hour decide. The winner changes with the load and with the goal. Chapter: 15.
Source: Little 1961, Operations Research 9(3), for the time that a request takes on a full machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from grooves.hardware.choosing.answers import rates, user_counts
from grooves.hardware.choosing.servers import Server, most_users
from grooves.hardware.many_devices.dense import Dense

DAY_S = 86_400
FULL = 0.8  # of a machine's capacity at most, at the peak; an assumption, so that queues stay short


@dataclass(frozen=True)
class Workload:
    """What is to be answered, and how fast.

    token_s, first_token_s: the goals, seconds at most. peak: requests per second at the busiest
    time, over their mean. Raises: ValueError where one of them is not positive, or peak is below 1.
    """

    requests_per_day: float
    tokens_in: int
    tokens_out: int
    token_s: float = 0.1
    first_token_s: float = 2.0
    peak: float = 3.0

    def __post_init__(self):
        for name in ("requests_per_day", "tokens_in", "tokens_out", "token_s", "first_token_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be positive")
        if self.peak < 1:
            raise ValueError(f"peak={self.peak} must be at least 1: no peak is below the mean")


@dataclass(frozen=True)
class Offer:
    """A server at a price. eur_per_hour: for every hour, rented or bought."""

    name: str
    server: Server
    eur_per_hour: float


@dataclass(frozen=True)
class Plan:
    """So many copies of an offer, each with at most `users` at once, weights and caches at `bits`.

    token_s, first_token_s: predicted on a full machine. load: of the machines, at the peak.
    utilisation: the same on average.
    """

    offer: str
    copies: int
    bits: float
    users: int
    token_s: float
    first_token_s: float
    load: float
    utilisation: float
    eur_per_day: float

    def why_not(self, work: Workload) -> str:
        """Empty where the plan meets the workload's goals, otherwise the reason in one sentence."""
        if self.token_s > work.token_s:
            return f"A token takes {self.token_s:.3f} s, and the goal is {work.token_s} s."
        if self.first_token_s > work.first_token_s:
            return (
                f"The first token takes {self.first_token_s:.2f} s, and the goal is "
                f"{work.first_token_s} s."
            )
        if self.load > FULL * (1 + 1e-9):
            return f"At the peak the load is {self.load:.2f}; take more copies, for {FULL} at most."
        return ""


def plan(offer: Offer, model: Dense, work: Workload, bits: float, users: int, copies: int) -> Plan:
    """What one plan would do. A request takes tokens_in / prefill + tokens_out / decode of machine
    time; with all places taken, prompts of others interrupt an answer, so its tokens are `users`
    times this apart, over tokens_out.

    Raises: ValueError where the model does not fit, or there is no copy.
    """
    if copies < 1:
        raise ValueError(f"{copies=} must be at least 1")
    rate = rates(offer.server, model, bits, users, work.tokens_in + work.tokens_out)
    seconds = rate.seconds(work.tokens_in, work.tokens_out)
    token_s = users * seconds / work.tokens_out
    mean = work.requests_per_day / DAY_S * seconds / copies
    return Plan(
        offer.name, copies, bits, users, token_s, work.tokens_in / rate.prefill + token_s,
        mean * work.peak, mean, copies * offer.eur_per_hour * 24,
    )  # fmt: skip


def all_plans(
    offers: Iterable[Offer], model: Dense, work: Workload, precisions: tuple[float, ...] = (16, 8)
) -> list[Plan]:
    """For every offer, precision and some numbers of users, the plan with the fewest copies that
    bear the load, whether it meets the latency goals or not.

    More copies would only cost more. Users: powers of two, as many as fit, and as many as the
    goals allow (`fullest`), so the cheapest plan of all is among them.
    """
    found = []
    for offer in offers:
        for bits in precisions:
            counts = user_counts(offer.server, model, bits, work.tokens_in + work.tokens_out)
            for users in sorted({*counts, fullest(offer, model, work, bits)} - {0}):
                one = plan(offer, model, work, bits, users, 1)
                copies = max(1, math.ceil(one.load / FULL - 1e-9))
                found.append(plan(offer, model, work, bits, users, copies))
    return found


def fullest(offer: Offer, model: Dense, work: Workload, bits: float) -> int:
    """The most users at once on a machine that still meets the latency goals; 0 if one is too many.

    With more users both latencies grow and the load of a machine never does, so no plan with fewer
    users is cheaper. Hence bisection finds the best number.
    """

    def meets(users: int) -> bool:
        one = plan(offer, model, work, bits, users, 1)
        return one.token_s <= work.token_s and one.first_token_s <= work.first_token_s

    low, high = 0, most_users(offer.server, model, bits, work.tokens_in + work.tokens_out) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def cheapest(offers: Iterable[Offer], model: Dense, work: Workload, **how) -> Plan | None:
    """The plan that meets every goal at the lowest cost, or None where there is no such plan.

    Of two that cost the same, the one with the shorter time per token. how: of `all_plans`.
    """
    valid = [one for one in all_plans(offers, model, work, **how) if not one.why_not(work)]
    return min(valid, key=lambda one: (one.eur_per_day, one.token_s), default=None)
