"""Answers to lab 15, choosing: right ones in several ways, wrong ones by mistake."""

import math
from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import torch
from answers.lab import Answers, near

from grooves.checks.choosing.check_cheapest_plan import MACHINES
from grooves.hardware.choosing.cheapest import cheapest
from grooves.hardware.choosing.customers import CUSTOMERS, Decision, decide, rented_offers

ANSWERS = Answers(
    "15_choosing",
    plain_hints=(
        *("how_many", "not_names", "not_a_plan", "not_a_decision", "not_valid"),
        *("as_old_as_allowed", "the_fresh_ones", "future_counted", "newest_first", "not_sorted"),
        *("sorted_by_name", "months_of_thirty_days", "years_compared"),
        *("goal_ignored", "no_room", "rounded_down", "one_copy", "cheapest_per_hour"),
        *("cheapest_per_token", "fewest_copies", "fastest", "one_user_only"),
        *("largest_setting_only", "not_an_integer"),
    ),
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- 1 token_cost ------------------------------------------------------------------------------


@right("token_cost", "seconds of machine time per million tokens")
def _(eur_per_hour, tokens_per_s, utilisation):
    seconds = Fraction(10**6) / Fraction(tokens_per_s)
    return float(seconds) / utilisation / 3600 * eur_per_hour


@right("token_cost", "as a tensor")
def _(eur_per_hour, tokens_per_s, utilisation):
    rate = torch.tensor(tokens_per_s * utilisation, dtype=torch.float64)
    return eur_per_hour / 3.6e-3 / rate


@wrong("token_cost", "course_code")
def _(eur_per_hour, tokens_per_s, utilisation):
    from grooves.hardware.choosing.tokens import cost_per_million

    return cost_per_million(eur_per_hour, tokens_per_s, utilisation)


@wrong("token_cost", "wrong_type")
def _(eur_per_hour, tokens_per_s, utilisation):
    return "2.22 euros"


ANSWERS.by_hand(
    "token_cost",
    "so a million cost 2.22 euros.",
    lambda f: abs(f(2.0, 1000, 0.25) - 2.22) < 0.005,
)


# ---- 2 request_cost ----------------------------------------------------------------------------


@right("request_cost", "a discount on the cached part")
def _(tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out):
    full = tokens_in * eur_in + tokens_out * eur_out
    return (full - cached * (eur_in - eur_cached)) * 1e-6


@right("request_cost", "a dot product")
def _(tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out):
    return np.dot([tokens_in - cached, cached, tokens_out], [eur_in, eur_cached, eur_out]) / 1e6


@wrong("request_cost", "course_code")
def _(tokens_in, cached, tokens_out, eur_in, eur_cached, eur_out):
    from grooves.hardware.choosing.tokens import request_cost

    return request_cost(tokens_in - cached, tokens_out, eur_in, eur_out) + cached * eur_cached / 1e6


@wrong("request_cost", "wrong_type")
def _(*inputs):
    return [0.00625]


ANSWERS.by_hand(
    "request_cost",
    "6,250 millionths of a euro: 0.00625 euros.",
    lambda f: near(f(12_000, 10_000, 250, 1.25, 0.125, 10.0), 0.00625),
)


# ---- 3 use_needed ----------------------------------------------------------------------


@right("use_needed", "tokens that the rival sells for the machine's price")
def _(eur_per_hour, tokens_per_s, rival_eur):
    bought = eur_per_hour / rival_eur * 1e6
    made = 3600 * tokens_per_s
    return math.inf if bought > made else bought / made


@right("use_needed", "in NumPy")
def _(eur_per_hour, tokens_per_s, rival_eur):
    needed = np.float64(eur_per_hour) * 1e6 / (np.float64(3600) * tokens_per_s * rival_eur)
    return np.where(needed <= 1, needed, np.inf)


@wrong("use_needed", "course_code")
def _(eur_per_hour, tokens_per_s, rival_eur):
    from grooves.hardware.choosing.tokens import cost_per_million

    needed = cost_per_million(eur_per_hour, tokens_per_s) / rival_eur
    return needed if needed <= 1 else math.inf


@wrong("use_needed", "wrong_type")
def _(eur_per_hour, tokens_per_s, rival_eur):
    return None if eur_per_hour > 20 else "never"


ANSWERS.by_hand(
    "use_needed",
    "0.833 / u = 1.50 gives u = 0.556.",
    lambda f: abs(f(24.0, 8000, 1.5) - 0.556) < 0.0005,
)


# ---- 4 energy_per_token ------------------------------------------------------------------------


@right("energy_per_token", "joules of a day over tokens of a day")
def _(tokens_per_s, busy_w, idle_w, utilisation, pue):
    day = 86_400
    joules = day * (utilisation * busy_w + idle_w - utilisation * idle_w) * pue
    return joules / (day * utilisation * tokens_per_s) * 1e3


@right("energy_per_token", "busy energy, and the idle hours that belong to it")
def _(tokens_per_s, busy_w, idle_w, utilisation, pue):
    idle_per_busy = 1 / np.float64(utilisation) - 1
    return 1000 * pue * (busy_w + idle_w * idle_per_busy) / tokens_per_s


@wrong("energy_per_token", "course_code")
def _(tokens_per_s, busy_w, idle_w, utilisation, pue):
    from grooves.hardware.choosing.tokens import energy_per_token_mj

    return pue * energy_per_token_mj(tokens_per_s, busy_w, idle_w, utilisation)


@wrong("energy_per_token", "wrong_type")
def _(*inputs):
    return "550 mJ"


ANSWERS.by_hand(
    "energy_per_token",
    "0.55 J, 550 mJ per token.",
    lambda f: near(f(2000, 700, 100, 0.2, 1.0), 550),
)


# ---- 5 stale_prices ----------------------------------------------------------------------------


@right("stale_prices", "by ordinal, sorted in place")
def _(table, on, days):
    limit = date.fromisoformat(on).toordinal() - days
    rows = [(date(*map(int, day.split("-"))).toordinal(), name) for name, day in table]
    rows = [row for row in rows if row[0] < limit]
    rows.sort(key=lambda row: row[0])
    return [name for _, name in rows]


@right("stale_prices", "with NumPy's dates")
def _(table, on, days):
    if not table:
        return []
    names, stamps = zip(*table, strict=True)
    ages = (np.datetime64(on) - np.array(stamps, "datetime64[D]")).astype(int)
    order = np.argsort(-ages, kind="stable")
    return [names[i] for i in order if ages[i] > days]


@wrong("stale_prices", "not_names")
def _(table, on, days):
    return [pair for pair in table if pair[1] < on]


@wrong("stale_prices", "wrong_type")
def _(table, on, days):
    return {name for name, day in table if day < on}


@rare("stale_prices", "two faults: fresh ones, newest first")
def _(table, on, days):
    ages = {n: (date.fromisoformat(on) - date.fromisoformat(d)).days for n, d in table}
    return sorted((n for n in ages if ages[n] <= days), key=lambda n: -ages[n])[:2]


ANSWERS.by_hand(
    "stale_prices",
    "a price of 2025-12-01 is exactly 365 days old and still good, one of 2025-11-30 is too old.",
    lambda f: f([("a", "2025-12-01"), ("b", "2025-11-30")], "2026-12-01", 365) == ["b"],
)


# ---- 6 dense_peak ------------------------------------------------------------------------------


@right("dense_peak", "bits per second first")
def _(printed, printed_bits, sparse, wanted_bits):
    bits = printed * printed_bits
    return bits / wanted_bits / (1 + bool(sparse))


@right("dense_peak", "by powers of two")
def _(printed, printed_bits, sparse, wanted_bits):
    return printed * 2.0 ** (math.log2(printed_bits) - math.log2(wanted_bits) - int(sparse))


@wrong("dense_peak", "wrong_type")
def _(printed, printed_bits, sparse, wanted_bits):
    return f"{printed} PFLOP/s"


@wrong("dense_peak", "course_code")
def _(printed, printed_bits, sparse, wanted_bits):
    from grooves.hardware.choosing.servers import server

    scale = server("G593-ZD2").peak_flops_per_s(8, sparsity=True) / 31.664e15
    return scale * printed / (2 if sparse else 1) * printed_bits / wanted_bits


ANSWERS.by_hand(
    "dense_peak",
    "Dense it is half, 15.832; at 16 bits half of that, 7.916.",
    lambda f: near(f(31.664, 8, True, 16), 7.916),
)


# ---- 7 total_cost ------------------------------------------------------------------------------


@right("total_cost", "per hour first")
def _(price, residual, life, hours, used, busy, idle, pue, eur_per_kwh):
    value = (price - residual * price) / life / 365 / 24
    kw = (idle + used * (busy - idle)) * pue / 1e3
    return value * hours, kw * eur_per_kwh * hours


@right("total_cost", "busy and idle hours apart, as an array")
def _(price, residual, life, hours, used, busy, idle, pue, eur_per_kwh):
    kwh = np.array([busy, idle]) @ np.array([used * hours, hours - used * hours]) / 1000
    return [np.float64(price) * (1 - residual) * (hours / 8760) / life, kwh * pue * eur_per_kwh]


@wrong("total_cost", "how_many")
def _(price, residual, life, hours, *rest):
    return (price * (1 - residual) * hours / (life * 8760),)


@wrong("total_cost", "course_code")
def _(price, residual, life, hours, used, busy, idle, pue, eur_per_kwh):
    from grooves.hardware.choosing.tokens import mean_power_w

    watts = mean_power_w(busy, idle, used)
    return price * (1 - residual) * hours / (life * 8760), watts / 1000 * hours * pue * eur_per_kwh


ANSWERS.by_hand(
    "total_cost",
    "with pue 1.25 0.75 kW: 6,570 kWh, at 0.20 euros 1,314 euros.",
    lambda f: (
        near(f(30_000, 0.1, 3, 8760, 0.5, 1000, 200, 1.25, 0.2)[0], 9000)
        and near(f(30_000, 0.1, 3, 8760, 0.5, 1000, 200, 1.25, 0.2)[1], 1314)
    ),
)


# ---- 8 break_even ------------------------------------------------------------------------------


@right("break_even", "two lines that cross")
def _(price, resale, life, rent, used, power):
    hours = 8760 * life
    slope = price * resale / hours + power
    if rent * used <= slope:
        return math.inf
    cross = (price - price * resale) / (rent * used - slope)
    return math.inf if cross > hours else cross


@right("break_even", "in fractions")
def _(price, resale, life, rent, used, power):
    price, resale, rent, used, power = map(Fraction, (price, resale, rent, used, power))
    gained = rent * used - power - price * resale / (8760 * life)
    cross = price * (1 - resale) / gained if gained > 0 else None
    return math.inf if cross is None or cross > 8760 * life else float(cross)


@wrong("break_even", "course_code")
def _(price, resale, life, rent, used, power):
    from grooves.hardware.choosing.rent_or_buy import Choice, break_even_hours

    return break_even_hours(Choice(rent, price, utilisation=used, life_years=life))


@wrong("break_even", "wrong_type")
def _(*inputs):
    return "never"


@rare("break_even", "never, whatever it is given", hint="same_result_for_all")
def _(*inputs):
    return math.inf


ANSWERS.by_hand(
    "break_even",
    "after 6,000 / 0.937 = 6,405 hours buying has paid.",
    lambda f: abs(f(30_000, 0.8, 3, 4.0, 0.5, 0.15) - 6405) < 5,
)


# ---- 9 cheapest_plan ---------------------------------------------------------------------------


@right("cheapest_plan", "all plans, then the least")
def _(machines, load, goal_s):
    plans = [
        (-(-round(1e6 * load) // round(0.8e6 * rate)) * eur, i, (name, n))
        for i, (name, eur, settings) in enumerate(machines)
        for _, rate, token_s in settings
        if token_s <= goal_s
        for n in [max(1, -(-round(1e6 * load) // round(0.8e6 * rate)))]
    ]
    return min(plans, default=(0, 0, ("none", 0)), key=lambda plan: plan[:2])[2]


@right("cheapest_plan", "the best setting of each machine first")
def _(machines, load, goal_s):
    best = None
    for name, eur, settings in machines:
        rates = [rate for _, rate, token_s in settings if token_s <= goal_s]
        if not rates:
            continue
        copies = 1
        while copies * max(rates) * 0.8 < load * (1 - 1e-12):
            copies += 1
        if best is None or copies * eur < best[2]:
            best = name, copies, copies * eur
    return list(best[:2]) if best else ["none", 0]


@wrong("cheapest_plan", "not_a_plan")
def _(machines, load, goal_s):
    return ("small", "three")


@wrong("cheapest_plan", "not_an_integer")
def _(machines, load, goal_s):
    return machines[0][0], load / (0.8 * machines[0][2][-1][1])


@wrong("cheapest_plan", "wrong_type")
def _(machines, load, goal_s):
    return "small"


@rare("cheapest_plan", "the most expensive machine")
def _(machines, load, goal_s):
    return machines[-1][0], 7


ANSWERS.by_hand(
    "cheapest_plan",
    "so three are just enough and cost 2.10 euros per hour.",
    lambda f: tuple(f(list(MACHINES[:1]), 432, 0.1)) == ("small", 3),
)


# ---- 10 three_customers ------------------------------------------------------------------------


@right("three_customers", "more copies until the load is borne")
def _(customer, offers):
    best = None
    for offer in offers:
        for bits in (16, 8):
            for users in (*range(1, 17), *range(20, 129, 4)):
                for copies in (1, 2, 3, 4, 5, 8, 16):
                    decision = Decision(offer.name, copies, bits, users)
                    plan, reason = decide(customer, offers, decision)
                    if plan is None or not reason:
                        break
                if plan is None:
                    break
                if not reason and (best is None or plan.eur_per_day < best[0]):
                    best = plan.eur_per_day, decision
    return best[1]


@right("three_customers", "sorted by price")
def _(customer, offers):
    found = []
    for offer in offers:
        for bits in (8, 16):
            for users in sorted({2**n for n in range(9)} | {3, 6, 12, 24, 48}):
                plan, _ = decide(customer, offers, Decision(offer.name, 1, bits, users))
                if plan is not None:
                    copies = max(1, math.ceil(plan.load / 0.8 - 1e-9))
                    found.append(
                        (copies * offer.eur_per_hour, Decision(offer.name, copies, bits, users))
                    )
    found.sort(key=lambda pair: pair[0])
    return next(d for _, d in found if not decide(customer, offers, d)[1])


@wrong("three_customers", "course_code")
def _(customer, offers):
    plan = cheapest(offers, customer.dense, customer.work)
    return Decision(plan.offer, plan.copies, plan.bits, plan.users)


@wrong("three_customers", "wrong_type")
def _(customer, offers):
    return ("H100 on demand", 2, 8, 4)


@wrong("three_customers", "not_valid")
def _(customer, offers):
    return Decision("T4 on demand", 1, 16, 1)


def _search(customer, offers, bits=(8, 16), users=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256)):
    best = None
    for offer in offers:
        for b in bits:
            for n in users:
                plan, _ = decide(customer, offers, Decision(offer.name, 1, b, n))
                if plan is None:
                    continue
                decision = Decision(offer.name, math.ceil(plan.load / 0.8 - 1e-9), b, n)
                plan, reason = decide(customer, offers, decision)
                if not reason and (best is None or plan.eur_per_day < best[0]):
                    best = plan.eur_per_day, decision
    return best and best[1]


@rare("three_customers", "8 bits although 16 are demanded", hint="not_valid")
def _(customer, offers):
    if customer.least_bits == 16:
        customer = replace(customer, least_bits=8)
    return _search(customer, offers, bits=(8,))


@rare("three_customers", "8 bits only, and None where these are too few", hint="no_decision")
def _(customer, offers):
    return _search(customer, offers, bits=(8,))


@rare("three_customers", "two numbers of users", hint="few_numbers_of_users")
def _(customer, offers):
    return _search(customer, offers, users=(4, 64))


ANSWERS.by_hand(
    "three_customers",
    'For the law firm, `Decision("H100 on demand", 2, 8, 4)` is valid and costs 124 euros per day.',
    lambda f: (
        abs(
            decide(CUSTOMERS[0], rented_offers(), Decision("H100 on demand", 2, 8, 4))[
                0
            ].eur_per_day
            - 124
        )
        < 0.5
        and not decide(CUSTOMERS[0], rented_offers(), Decision("H100 on demand", 2, 8, 4))[1]
    ),
)
