"""Check of lab 15: the hardware of three customers, against a search over all plans (chapter 15).

Key idea: the customers of the lab and others that it does not show, so that only a method passes. A
restricted search is a mistake with code: its plans cost what the answer's cost.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from grooves.checks import CheckFailed, check, describe
from grooves.checks.choosing.rules import LAB
from grooves.checks.compare import watched
from grooves.checks.mistakes import Mistake
from grooves.checks.survey import Finding
from grooves.checks.verdict import note
from grooves.hardware.choosing.cheapest import Offer, Plan, all_plans
from grooves.hardware.choosing.customers import CUSTOMERS, Customer, Decision, decide, rented_offers

SLACK = 1.02  # times the cheapest plan's cost
SEARCHES = {"all_plans", "cheapest", "fullest", "optimum"}


@cache
def customers() -> tuple[Customer, ...]:
    """The lab's customers, and three like them."""
    law, shop, voice = CUSTOMERS
    return (
        *CUSTOMERS,
        replace(law, name="hospital", work=replace(law.work, requests_per_day=40_000)),
        replace(shop, name="newspaper", work=replace(shop.work, requests_per_day=8_000)),
        replace(voice, name="game", work=replace(voice.work, token_s=0.004)),
    )


@cache
def offers() -> tuple[Offer, ...]:
    """The machines that can be rented."""
    return tuple(rented_offers())


@cache
def valid(customer: Customer) -> list[Plan]:
    """All valid plans of a customer, the cheapest first."""
    plans = all_plans(offers(), customer.dense, customer.work)
    return sorted(
        (p for p in plans if not p.why_not(customer.work)), key=lambda p: (p.eur_per_day, p.token_s)
    )


def _search(customer: Customer, holds) -> Decision:
    """The cheapest valid plan of those that a restricted search would try; any if there is none."""
    best = next((p for p in valid(customer) if holds(p)), valid(customer)[0])
    return Decision(best.offer, best.copies, best.bits, best.users)


def _best(holds):
    return lambda customer, _offers: _search(customer, holds)


MISTAKES = (
    Mistake(
        "sixteen_bits_only",
        _best(lambda p: p.bits == 16),
        "you never use 8 bits, with which a machine holds more and reads less.",
    ),
    Mistake(
        "one_user",
        _best(lambda p: p.users == 1),
        "you let each machine answer one user at a time. As many at once as the goals allow cost "
        "the same.",
    ),
    Mistake(
        "never_reserved",
        _best(lambda p: "reserved" not in p.offer),
        "you never take the reserved machines, which are cheaper per hour.",
    ),
    Mistake(
        "single_devices",
        _best(lambda p: " × " not in p.offer),
        "you never take several devices that share the model.",
    ),
    Mistake(
        "servers_only",
        _best(lambda p: p.offer.startswith("8 ×")),
        "you take whole servers only.",
    ),
    Mistake(
        "one_maker_of_choice",
        _best(lambda p: "H100" in p.offer),
        "you look at the fastest GPU only. A slower one may be good enough.",
    ),
)


@check(lab=LAB, exercise="three_customers", returns=Decision)
def three_customers(answer):
    """three_customers(customer, offers) -> Decision, at most 2% above the cheapest valid plan."""

    def own_search(module: str, code) -> str | None:
        ours = module.startswith("grooves.hardware.choosing.") and code.co_name in SEARCHES
        return f"{module}.{code.co_name}" if ours else None

    lines = []
    for customer in customers():
        valid(customer)  # searched before the answer is watched
        result, called = watched(answer, (customer, list(offers())), own_search)
        if called:
            raise CheckFailed(
                f"your code calls the course's own {called[0]}. Here the exercise is to write the "
                "search; `decide` may be called.",
                hint="course_code",
            )
        eur = cost_of(customer, result)
        best = cost_of(customer, _search(customer, lambda p: True))
        told = (
            f"for the {customer.name}, your plan costs {eur:.2f} euros per day; {best:.2f} is "
            f"possible: {result}."
        )

        def agrees(mistake, customer=customer, eur=eur):
            return abs(cost_of(customer, mistake.compute(customer, offers())) / eur - 1) < 1e-9

        note(Finding(eur > SLACK * best, told, MISTAKES, agrees, inputs=(customer,)))
        lines.append(f"{customer.name} {eur:.0f}")
    return f"Euros per day: {', '.join(lines)}."


def cost_of(customer: Customer, decision: Decision) -> float:
    """Euros per day of a valid decision. Raises: CheckFailed where it is none."""
    if not isinstance(decision, Decision):
        raise CheckFailed(
            f"for the {customer.name}, expected a Decision. Your function returned "
            f"{describe(decision)}.",
            hint="not_a_decision",
        )
    try:
        plan, reason = decide(customer, list(offers()), decision)
    except (ValueError, TypeError) as error:
        plan, reason = None, str(error)
    if plan is None or reason:
        raise CheckFailed(f"your plan is not valid. {reason}", hint="not_valid")
    return plan.eur_per_day


def race(answer) -> float:
    """Score a planner on customers with random workloads; prints and returns its score.

    Returns: the cost of the cheapest plans over that of its plans, 1 at best; a plan that is not
    valid counts as five times the cheapest.
    """
    best = ours = 0.0
    law, shop, voice = CUSTOMERS
    for one in (law, shop, voice):
        for factor in (0.1, 3.0, 30.0):
            work = replace(one.work, requests_per_day=one.work.requests_per_day * factor)
            customer = replace(one, work=work)
            least = cost_of(customer, _search(customer, lambda p: True))
            try:
                eur = cost_of(customer, answer(customer, list(offers())))
            except CheckFailed:
                eur = 5 * least
            best, ours = best + least, ours + eur
            print(f"{one.name}, {work.requests_per_day:,.0f} requests: {eur / least:.3f}")
    print(f"Score {best / ours:.3f} (1 is the best possible)")
    return best / ours
