"""Costs per token, rent against buy, its interval and its tornado table, worked by hand."""

import math
from dataclasses import replace

import pytest

from grooves.hardware.choosing import assumptions, own_runs, tokens
from grooves.hardware.choosing import rent_or_buy as rb
from grooves.hardware.choosing.answers import Rates

# No electricity to speak of, no upkeep, no interest; the machine halves its value in its one year.
PLAIN = rb.Choice(
    rent_eur_per_hour=1.0, price_eur=1000, utilisation=1.0, busy_w=0, idle_w=0, life_years=1,
    resale_now=1.0, residual=0.5, interest=0, upkeep=0,
)  # fmt: skip
REAL = rb.Choice(rent_eur_per_hour=20, price_eur=200_000, utilisation=0.8)
RANGES = {"utilisation": (0.1, 0.9), "price_eur": (150_000, 250_000), "pue": (1.1, 1.6)}


def test_a_million_tokens_cost_the_hours_that_they_take():
    # 100 tokens per second at 3.60 EUR per hour: 10,000 s, so 10 EUR; 40 EUR at a quarter of use
    assert tokens.cost_per_million(3.6, 100) == pytest.approx(10)
    assert tokens.cost_per_million(3.6, 100, 0.25) == pytest.approx(40)


def test_input_and_output_tokens_have_costs_of_their_own():
    cost_in, cost_out = tokens.input_and_output(
        3.6, Rates(4, prefill=1000, decode=100, token_s=0.04)
    )
    assert (cost_in, cost_out) == pytest.approx((1, 10))
    assert tokens.request_cost(2_000_000, 500_000, cost_in, cost_out) == pytest.approx(7)


def test_energy_per_token_counts_the_idle_time():
    # 100 W and 10 tokens per second are 10 J; idle three quarters at 20 W adds 60 J per 10 tokens
    assert tokens.energy_per_token_mj(10, 100) == pytest.approx(10_000)
    assert tokens.energy_per_token_mj(10, 100, 20, 0.25) == pytest.approx(16_000)


def test_the_parts_of_owning_are_worked_by_hand():
    case = replace(REAL, utilisation=0.5, busy_w=3000, idle_w=1000, pue=1.5, eur_per_kwh=0.2,
                   upkeep=0.05, interest=0.04)  # fmt: skip
    assert rb.energy_eur_per_hour(case) == pytest.approx(2 * 1.5 * 0.2)
    parts = rb.buying(case, rb.HOURS_PER_YEAR)
    assert parts["electricity"] == pytest.approx(0.6 * 8760)
    assert (parts["upkeep"], parts["interest"]) == pytest.approx((10_000, 8_000))
    assert rb.buying(case, case.life_hours)["depreciation"] == pytest.approx(200_000 * 0.9)


def test_on_demand_is_paid_when_used_and_a_reservation_always():
    half = replace(PLAIN, utilisation=0.5)
    assert rb.renting(half, 100) == 50
    assert rb.renting(replace(half, reserved=True), 100) == 100


def test_at_the_break_even_both_cost_the_same():
    hours = rb.break_even_hours(REAL)
    assert 0 < hours < REAL.life_hours
    assert rb.renting(REAL, hours) == pytest.approx(sum(rb.buying(REAL, hours).values()))
    assert rb.advantage(REAL, hours * 0.9) < 0 < rb.advantage(REAL, hours * 1.1)


def test_never_is_an_answer_and_so_is_at_once():
    assert rb.break_even_hours(replace(REAL, utilisation=0.05)) == rb.NEVER
    assert rb.break_even_hours(PLAIN) == 0  # it loses 500 EUR in 8,760 hours of 1 EUR each


def test_an_hour_of_owning_is_the_life_s_cost_over_its_hours():
    assert rb.owned_eur_per_hour(PLAIN) == pytest.approx(500 / 8760)


def test_an_interval_without_uncertainty_is_a_point():
    exact = assumptions.break_even_interval(REAL, {"pue": (1.3, 1.3)}, draws=20)
    assert exact.low == exact.median == exact.high == rb.break_even_hours(REAL)
    assert exact.never == 0


def test_an_interval_counts_the_draws_in_which_buying_never_pays():
    # only the utilisation is drawn, so the draws below the one where buying starts to pay are never
    low, high = 0.1, 0.9
    while high - low > 1e-6:
        middle = (low + high) / 2
        pays = math.isfinite(rb.break_even_hours(replace(REAL, utilisation=middle)))
        low, high = (low, middle) if pays else (middle, high)
    found = assumptions.break_even_interval(REAL, {"utilisation": (0.1, 0.9)})
    assert found.never == pytest.approx((high - 0.1) / 0.8, abs=0.04)
    assert math.isinf(found.high) and "never" in str(found)


def test_the_same_seed_gives_the_same_interval():
    once = assumptions.break_even_interval(REAL, RANGES, 200, seed=1)
    assert once == assumptions.break_even_interval(REAL, RANGES, 200, seed=1)
    assert once != assumptions.break_even_interval(REAL, RANGES, 200, seed=2)


def test_a_tornado_moves_one_input_at_a_time_and_puts_the_widest_first():
    rows = assumptions.tornado(REAL, RANGES)
    assert [row["name"] for row in rows] == ["utilisation", "price_eur", "pue"]
    price = rows[1]  # 0.9 of the price is lost, and 9 % of it is paid in each of four years
    assert price["at_low"] - price["at_high"] == pytest.approx(100_000 * (0.9 + 4 * 0.09))


def test_a_tornado_of_break_evens_bears_never():
    rows = assumptions.tornado(REAL, RANGES, rb.break_even_hours)
    assert rows[0]["name"] == "utilisation" and rows[0]["effect"] == math.inf
    never = replace(REAL, utilisation=0.05)
    assert assumptions.tornado(never, {"pue": (1.1, 1.6)}, rb.break_even_hours)[0]["effect"] == 0


def test_a_run_costs_its_seconds_its_energy_and_its_euros():
    run = own_runs.run_cost("run", 3600, power_w=100, eur_per_kwh=0.3)
    assert (run.wh, run.eur) == pytest.approx((100, 0.03))
    assert own_runs.run_cost("run", 1800, eur_per_hour=2).eur == 1
    assert own_runs.together([run, run]).wh == 200


def test_a_nat_costs_the_run_over_what_it_gained():
    run = own_runs.run_cost("run", 100, power_w=50, eur_per_kwh=0.36)
    found = own_runs.per_nat(run, 0.7, 0.2)
    assert found["joules"] == pytest.approx(10_000)
    assert found["eur"] == pytest.approx(0.001)


def test_only_runs_that_reach_the_quality_are_compared():
    fast, slow = (own_runs.run_cost(name, s) for name, s in (("fast", 10), ("slow", 90)))
    runs = [(fast, 0.5), (slow, 0.1)]
    assert own_runs.cheapest_at_quality(runs, 0.2) is slow
    assert own_runs.cheapest_at_quality(runs, 0.6) is fast
    assert own_runs.cheapest_at_quality(runs, 0.05) is None


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tokens.cost_per_million(1, 1, 0), "utilisation=0 must be above 0 and at most 1"),
        (lambda: tokens.energy_per_token_mj(1, 10, 20), "idle_w=20 must lie between 0"),
        (lambda: replace(REAL, pue=0.9), "pue=0.9 must be at least 1"),
        (lambda: replace(REAL, utilisation=30), "utilisation=30 must be above 0"),
        (lambda: rb.renting(REAL, -1), "hours=-1 must not be negative"),
        (lambda: assumptions.tornado(REAL, {"cost": (1, 2)}), "'cost' is no input of a choice"),
        (lambda: assumptions.tornado(REAL, {"pue": (2, 1)}), "2 to 1, is the wrong way round"),
        (lambda: own_runs.per_nat(own_runs.run_cost("r", 1), 0.1, 0.2), "nothing was gained"),
    ],
)
def test_an_impossible_input_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
