"""Three customers and their hardware: the planning problem of the lab's challenge.

Key idea: a plan is valid or it is not, and among valid ones the cheapest is known, because all of
them can be searched. So a plan's score is the optimum's cost over its own: 1 for the best plan.
Chapter: 15.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.hardware.choosing.cheapest import Offer, Plan, Workload, cheapest, plan
from grooves.hardware.choosing.servers import fits, part_of, server
from grooves.hardware.many_devices.dense import Dense, from_published
from grooves.hardware.prices import in_euros, price

PRECISIONS = (16, 8)  # bits per weight that are offered


@dataclass(frozen=True)
class Customer:
    """A customer: a model of `grooves/models/published.toml` and a workload.

    least_bits: the lowest precision, in bits per weight, at which the quality is good enough.
    """

    name: str
    model: str
    work: Workload
    least_bits: int = 8

    @property
    def precisions(self) -> tuple[int, ...]:
        """The offered bits per weight that the quality allows."""
        return tuple(bits for bits in PRECISIONS if bits >= self.least_bits)

    @property
    def dense(self) -> Dense:
        """The model, for a context that holds a request."""
        return from_published(self.model, self.work.tokens_in + self.work.tokens_out)


@dataclass(frozen=True)
class Decision:
    """What a student decides for one customer."""

    offer: str
    copies: int
    bits: float
    users: int


CUSTOMERS = (
    Customer("law firm", "Llama 3.1 70B", Workload(2_000, 6_000, 400, 0.1, 5.0, 4.0)),
    Customer("web shop", "Llama 3.1 8B", Workload(1_000_000, 500, 150, 0.1, 1.0, 3.0)),
    Customer("voice assistant", "Llama 3.1 8B", Workload(50_000, 300, 80, 0.02, 0.3, 6.0)),
)


def rented_offers() -> list[Offer]:
    """Machines that `prices.toml` rents, at 1, 2, 4 and all 8 devices where a device is priced.

    So many devices cost so many times the price of one.
    """
    found = []
    for name in ("T4 on demand", "L4 on demand", "A100 80 GB on demand", "H100 on demand",
                 "H100 reserved for a year"):  # fmt: skip
        one = price(name)
        whole = server(one.machine)
        for n in (1, 2, 4, 8):
            if n <= whole.n_devices:
                label = f"{n} × {name}" if n > 1 else name
                found.append(Offer(label, part_of(whole, n), in_euros(one) * n / one.count))
    return found


def decide(customer: Customer, offers: list[Offer], decision: Decision) -> tuple[Plan | None, str]:
    """The plan that a decision makes, and why it is not valid: empty where it is.

    Raises: ValueError for an offer that does not exist.
    """
    named = {offer.name: offer for offer in offers}
    if decision.offer not in named:
        raise ValueError(f"{decision.offer!r} is not one of the offers: {', '.join(named)}")
    if decision.bits not in PRECISIONS:
        return None, f"{customer.name}: {decision.bits} bits are not offered; take 8 or 16."
    if decision.bits < customer.least_bits:
        return None, (
            f"{customer.name}: {decision.bits} bits are too few; the quality demands at least "
            f"{customer.least_bits} (customer.least_bits)."
        )
    offer, work, model = named[decision.offer], customer.work, customer.dense
    tokens = work.tokens_in + work.tokens_out
    if decision.copies < 1 or decision.users < 1:
        return None, f"{customer.name}: take at least one copy and one user."
    if decision.copies % 1 or decision.users % 1:
        return None, (
            f"{customer.name}: copies={decision.copies} and users={decision.users} must be "
            "integers."
        )
    if not fits(offer.server, model, decision.bits, decision.users, tokens):
        return None, (
            f"{customer.name}: {customer.model} at {decision.bits} bits with {decision.users} "
            f"users does not fit into {offer.name}."
        )
    one = plan(offer, model, work, decision.bits, decision.users, decision.copies)
    reason = one.why_not(work)
    return one, f"{customer.name}: {reason}" if reason else ""


def optimum(offers: list[Offer], customers: tuple[Customer, ...] = CUSTOMERS) -> dict[str, Plan]:
    """The cheapest plan of each customer. Raises: ValueError where a customer has none."""
    found = {}
    for one in customers:
        best = cheapest(offers, one.dense, one.work, precisions=one.precisions)
        if best is None:
            raise ValueError(f"no offer meets the goals of the {one.name}; loosen them")
        found[one.name] = best
    return found


def plan_score(
    decisions: dict[str, Decision],
    offers: list[Offer],
    customers: tuple[Customer, ...] = CUSTOMERS,
) -> tuple[float, list[str]]:
    """The optimum's cost over that of the decisions, 0 where one is not valid; and the reasons.

    decisions: one for each customer, by name.
    """
    reasons, total = [], 0.0
    for one in customers:
        if one.name not in decisions:
            reasons.append(f"{one.name}: there is no decision.")
            continue
        made, reason = decide(one, offers, decisions[one.name])
        if reason:
            reasons.append(reason)
        total += made.eur_per_day if made else 0.0
    if reasons:
        return 0.0, reasons
    best = sum(found.eur_per_day for found in optimum(offers, customers).values())
    return best / total, []
