"""The checks of lab 15 beyond what `test_checks_labs.py` asks of every lab's."""

import math
from fractions import Fraction

import pytest

from grooves.checks import CheckFailed
from grooves.checks import choosing as check
from grooves.checks.choosing import (
    check_break_even,
    check_cheapest_plan,
    check_energy_per_token,
    check_request_cost,
    check_stale_prices,
    check_three_customers,
    check_token_cost,
    check_total_cost,
    check_use_needed,
)
from grooves.hardware import prices
from grooves.hardware.choosing import customers, rent_or_buy, tokens

pytestmark = pytest.mark.usefixtures("own_progress")


# --- yardsticks -------------------------------------------------------------------------------


def test_the_yardsticks_are_what_the_course_computes():
    for inputs in check_token_cost.CASES:
        assert check_token_cost.right(*inputs) == pytest.approx(tokens.cost_per_million(*inputs))
    for i, c, o, eur_in, eur_cached, eur_out in check_request_cost.CASES:
        ours = tokens.request_cost(i - c, o, eur_in, eur_out) + c * eur_cached / 1e6
        assert check_request_cost.right(i, c, o, eur_in, eur_cached, eur_out) == pytest.approx(ours)
    for eur, rate, rival in check_use_needed.CASES:
        used = check_use_needed.right(eur, rate, rival)
        if used <= 1:
            assert tokens.cost_per_million(eur, rate, used) == pytest.approx(rival)
        else:
            assert tokens.cost_per_million(eur, rate) > rival
    for rate, busy, idle, used, pue in check_energy_per_token.CASES:
        ours = pue * tokens.energy_per_token_mj(rate, busy, idle, used)
        assert check_energy_per_token.right(rate, busy, idle, used, pue) == pytest.approx(ours)


def test_the_labs_break_even_is_where_two_costs_cross():
    for price, resale, life, rent, used, power in check_break_even.CASES:
        hours = check_break_even.right(price, resale, life, rent, used, power)

        def owned(t, price=price, resale=resale, life=life, power=power):
            left = price * resale * (1 - t / (life * 8760))
            return price - left + power * t

        if math.isinf(hours):
            assert all(owned(t) > rent * used * t for t in (1, life * 4380, life * 8760))
        else:
            assert owned(hours) == pytest.approx(rent * used * hours)
    assert sum(math.isinf(check_break_even.right(*c)) for c in check_break_even.CASES) == 2
    assert rent_or_buy.HOURS_PER_YEAR == check_break_even.YEAR == check_total_cost.YEAR


def test_stale_prices_are_those_of_the_course():
    def table(rows):
        return {n: type("Price", (), {"name": n, "date": day})() for n, day in rows}

    for rows, on, days in check_stale_prices.CASES:
        found = [one.name for one in prices.find_stale(on, days, table(rows))]
        assert check_stale_prices.right(rows, on, days) == found


def test_the_cheapest_plans_of_the_check_cost_what_the_courses_search_finds():
    ours = customers.optimum(
        list(check_three_customers.offers()), check_three_customers.customers()
    )
    for one in check_three_customers.customers():
        best = check_three_customers.valid(one)[0]
        assert best.eur_per_day == pytest.approx(ours[one.name].eur_per_day)
        assert best.bits >= one.least_bits
    assert max(plan.copies for plan in ours.values()) == 5
    assert {one.least_bits for one in check_three_customers.customers()} == {8, 16}


def test_a_rate_of_the_rounding_case_really_gives_more_than_an_integer():
    (machines, load, _) = check_cheapest_plan.CASES[-1]
    rate = machines[0][2][0][1]
    assert load / (0.8 * rate) == 7.000000000000001  # as hint 2 says
    assert Fraction("240.8") / (Fraction("0.8") * rate) == 7


def test_infinity_is_called_by_its_name():
    with pytest.raises(CheckFailed, match=r"your result is math\.inf; it should be 6,405"):
        check.break_even(lambda *inputs: math.inf)


def test_each_shortcut_of_the_challenge_costs_more_somewhere():
    for mistake in check_three_customers.MISTAKES:
        ratios = []
        for customer in check_three_customers.customers():
            least = check_three_customers.valid(customer)[0].eur_per_day
            decision = mistake.compute(customer, check_three_customers.offers())
            ratios.append(check_three_customers.cost_of(customer, decision) / least)
        assert max(ratios) > 1.1, mistake.name


def test_the_race_scores_the_best_with_one_and_what_is_not_valid_low(capsys):
    def best(customer, _):
        return check_three_customers._search(customer, lambda plan: True)

    assert check.race(best) == pytest.approx(1)
    worst = check.race(lambda customer, _: check_three_customers.Decision("no offer", 1, 8, 1))
    assert worst == pytest.approx(0.2) and "Score 0.200" in capsys.readouterr().out
