"""Check of lab 15: the hardware of three customers, against a search over all plans (chapter 15).

Key idea: the customers of the lab and others that it does not show, so that only a method passes:
some need several copies, some 16 bits. A restricted search is a mistake with code: its plans cost
what the answer's cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from grooves.checks import CheckFailed, check, describe
from grooves.checks.choosing.rules import LAB
from grooves.checks.compare import watched
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note
from grooves.hardware.choosing.cheapest import FULL, Offer, Plan, plan
from grooves.hardware.choosing.customers import (
    CUSTOMERS,
    PRECISIONS,
    Customer,
    Decision,
    decide,
    rented_offers,
)
from grooves.hardware.choosing.servers import most_users

SLACK = 1.02  # times the cheapest plan's cost
MOST_USERS = 256  # at once on a machine; more are never needed here, as the exercise says
SEARCHES = {"all_plans", "cheapest", "fullest", "optimum"}


@cache
def customers() -> tuple[Customer, ...]:
    """The lab's customers, and six like them.

    The school and the translation service need several copies, and the latter's load of 3.9
    machines needs five of them; the hospital and the translation service have not tested 8 bits.
    """
    law, shop, voice = CUSTOMERS
    many = replace(shop.work, token_s=0.05)
    return (
        *CUSTOMERS,
        replace(law, name="insurance company", work=replace(law.work, requests_per_day=40_000)),
        replace(shop, name="newspaper", work=replace(shop.work, requests_per_day=8_000)),
        replace(voice, name="game", work=replace(voice.work, token_s=0.004)),
        replace(shop, name="school", work=replace(many, requests_per_day=100_000)),
        replace(voice, name="hospital", least_bits=16),
        replace(
            shop,
            name="translation service",
            work=replace(many, requests_per_day=4_000_000),
            least_bits=16,
        ),
    )


@cache
def offers() -> tuple[Offer, ...]:
    """The machines that can be rented."""
    return tuple(rented_offers())


@cache
def valid(customer: Customer) -> list[Plan]:
    """The valid plans of a customer with the fewest copies for each offer, precision and number of
    users, the cheapest first.
    """
    model, work, found = customer.dense, customer.work, []
    for offer in offers():
        for bits in customer.precisions:
            fit = most_users(offer.server, model, bits, work.tokens_in + work.tokens_out)
            for users in range(1, min(MOST_USERS, fit) + 1):
                load = plan(offer, model, work, bits, users, 1).load
                copies = max(1, math.ceil(load / FULL - 1e-9))
                found.append(plan(offer, model, work, bits, users, copies))
    found = [one for one in found if not one.why_not(work)]
    return sorted(found, key=lambda one: (one.eur_per_day, one.token_s))


def _search(customer: Customer, holds) -> Decision:
    """The cheapest valid plan of those that a restricted search would try; any if there is none."""
    best = next((p for p in valid(customer) if holds(p)), valid(customer)[0])
    return Decision(best.offer, best.copies, best.bits, best.users)


def _best(holds):
    return lambda customer, _offers: _search(customer, holds)


def _restricted(name: str, says: str, holds: Callable) -> tuple[Mistake, ...]:
    """A restricted search, for several sets of numbers of users that it may try."""
    return in_forms(
        name,
        says,
        *(_best(lambda p, tried=tried: holds(p) and p.users in tried) for tried in USERS),
    )


def _rounded_load(one: Plan) -> bool:
    """Whether as many copies as the load of one, rounded up, are not too full."""
    return one.copies == math.ceil(one.load * one.copies - 1e-9)


POWERS = {2**n for n in range(9)}
USERS = (range(1, 257), range(1, 129), POWERS, POWERS | {3 * n for n in POWERS})
MISTAKES = (
    *_restricted(
        "sixteen_bits_only",
        "your decision is the best one with 16 bits. Where the quality allows 8 bits, a machine "
        "holds more and reads less with them.",
        lambda p: p.bits == 16,
    ),
    *_restricted(
        "one_copy",
        "your decision is the best one with a single copy. Several copies of a small machine may "
        "cost less than one large machine.",
        lambda p: p.copies == 1,
    ),
    *_restricted(
        "load_not_over_0.8",
        "your decision is the best one of those whose copies are the load of one machine, rounded "
        "up. A machine may be filled to 0.8 only: divide the load by 0.8 before rounding up.",
        _rounded_load,
    ),
    Mistake(
        "one_user",
        _best(lambda p: p.users == 1),
        "your decision is the best one with one user per machine. As many users at once as the "
        "goals allow cost the same.",
    ),
    *in_forms(
        "few_numbers_of_users",
        "your decision is the best one for a few numbers of users. Others may meet the goals with "
        "fewer or cheaper machines: try more numbers between 1 and 256.",
        *(
            _best(lambda p, tried=tried: p.users in tried)
            for tried in (
                *((4, 64), (1, 4, 64), (1, 8, 64), (1, 10, 100)),
                *(range(1, 17), range(1, 33), range(1, 65)),
            )
        ),
    ),
    *_restricted(
        "never_reserved",
        "your decision is the best one without reserved machines, which are cheaper per hour.",
        lambda p: "reserved" not in p.offer,
    ),
    *_restricted(
        "single_devices",
        "your decision is the best one with single devices. Several devices can share the model.",
        lambda p: " × " not in p.offer,
    ),
    *_restricted(
        "servers_only",
        "your decision is the best one with whole servers. Fewer devices may be enough.",
        lambda p: p.offer.startswith("8 ×"),
    ),
    *_restricted(
        "one_maker_of_choice",
        "your decision is the best one with the fastest GPU. A slower one may be good enough.",
        lambda p: "H100" in p.offer,
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
        try:
            result, called = watched(answer, (customer, list(offers())), own_search)
        except CheckFailed as refused:
            if refused.hint != "returned_none" or not lines:
                raise
            raise none_found(customer) from None
        if called:
            raise CheckFailed(
                f"your code calls the course's own {called[0]}. Here the exercise is to write the "
                "search; `decide` may be called.",
                hint="course_code",
            )
        eur = cost_of(customer, result)
        best = cost_of(customer, _search(customer, lambda p: True))
        told = (
            f"for the {customer.name}, your decision, {result}, costs {eur:.2f} euros per day; "
            f"{best:.2f} is possible."
        )

        def agrees(mistake, customer=customer, eur=eur):
            return abs(cost_of(customer, mistake.compute(customer, offers())) / eur - 1) < 1e-9

        note(Finding(eur > SLACK * best, told, MISTAKES, agrees, inputs=(customer,)))
        lines.append(f"{customer.name} {eur:.0f}")
    return f"Euros per day: {', '.join(lines)}."


def none_found(customer: Customer) -> CheckFailed:
    """What is said where an answer found a decision for other customers and none for this one."""
    told = f"for the {customer.name}, your function returned None, but there is a valid decision."
    if customer.least_bits > min(PRECISIONS):
        told += f" The quality demands at least {customer.least_bits} bits (customer.least_bits)."
    return CheckFailed(told, hint="no_decision")


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
        raise CheckFailed(
            f"for the {customer.name}, your decision, {decision}, is not valid. "
            f"{reason.removeprefix(f'{customer.name}: ')}",
            hint="not_valid",
        )
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
