"""Check of lab 15: the hour at which buying has become cheaper than renting (chapter 15).

Key idea: machines that pay early, late, after the end of their life, and never; the last two are
the same answer for different reasons.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import in_forms

# price_eur, resale, life_years, rent_eur_per_hour, utilisation, power_eur_per_hour
CASES = (
    (30_000, 0.8, 3, 4.0, 0.5, 0.15),
    (267_000, 0.8, 4, 20.7, 1.0, 2.5),
    (267_000, 0.8, 4, 20.7, 0.3, 1.4),  # never: each hour costs more than the rent
    (4_000, 0.7, 4, 0.35, 0.5, 0.03),
    (50_000, 0.6, 2, 5.0, 0.4, 0.1),  # after the end of its life
    (1_000, 1.0, 5, 0.2, 0.6, 0.01),  # sold for its price on the first day
    (600, 0.5, 40, 30.0, 0.8, 0.5),  # pays in hours, even where its years are taken for hours
)
YEAR = 8_760


def right(
    price, resale, life, rent, used, power, year=YEAR, falls=True, drop=True, limit=YEAR,
    paid=None, electric=True, falling=None, at_once=None,
):  # fmt: skip
    """Hours until both have cost the same, or infinity, with a place for each mistake.

    limit: hours per year in the machine's life, or 0 for none. falling: the part of the price that
    is lost from hour to hour; at_once: the part that is lost on the first day.
    """
    at_once = price * (1 - resale if at_once is None else at_once) if drop else 0.0
    if not falls:
        at_once = price
    falling = resale if falling is None else falling
    per_hour = (price * falling / (life * year) if falls else 0.0) + electric * power
    saved = rent * (used if paid is None else paid) - per_hour
    if at_once == 0:
        return 0.0 if saved >= 0 else math.inf
    hours = at_once / saved if saved > 0 else math.inf
    return hours if not limit or hours <= life * limit else math.inf


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _negative(price, resale, life, rent, used, power):
    """The quotient, whatever its sign."""
    saved = rent * used - price * resale / (life * YEAR) - power
    return price * (1 - resale) / saved


MISTAKES = (
    *in_forms(
        "no_resale",
        "you count the whole price at once. The machine could be sold again, for less from hour to "
        "hour: what is lost on the first day is price times (1 - resale).",
        _with(falls=False),
        _with(falls=False, limit=0),
    ),
    *in_forms(
        "rented_all_the_time",
        "rent is paid for used hours only.",
        _with(paid=1.0),
        _with(paid=1.0, limit=0),
    ),
    *in_forms(
        "power_forgotten",
        "the bought machine's electricity is left out.",
        _with(electric=False),
    ),
    *in_forms(
        "power_for_used_hours",
        "you multiply power_eur_per_hour by the utilisation. It is paid for each hour of owning.",
        lambda p, r, life, rent, u, w: right(p, r, life, rent, u, w * u),
    ),
    *in_forms(
        "life_in_hours",
        "life_years counts years. The machine's life has life_years * 8760 hours.",
        _with(year=1),
        _with(year=1, limit=1),
        _with(limit=1),
    ),
    *in_forms(
        "negative_hours",
        "where each hour of the bought machine costs more than the rent, it never pays: return "
        "math.inf, and no negative number.",
        _negative,
        lambda *i: _negative(*i) if _negative(*i) <= i[2] * YEAR else math.inf,
    ),
    *in_forms(
        "after_its_life",
        "the machine is worth nothing and replaced after life_years. A break-even after that is "
        "none: return math.inf.",
        _with(limit=0),
    ),
    *in_forms(
        "value_does_not_fall",
        "the machine loses its value over its life, and not only on the first day.",
        lambda p, r, life, rent, u, w: _flat(p, r, life, rent, u, w),
    ),
    *in_forms(
        "years_for_hours",
        "hours are asked for, and a year has 8,760 of them.",
        lambda *i: right(*i) / YEAR,
        lambda *i: right(*i) / 24,
        lambda *i: right(*i) / (YEAR / 12),
        _with(year=8_640, limit=8_640),
        _with(year=8_766, limit=8_766),
    ),
    *in_forms(
        "wrong_part_falls",
        "what the machine loses from hour to hour is what it could be sold for on the first day, "
        "price * resale, spread over its life.",
        lambda p, r, life, rent, u, w: right(p, r, life, rent, u, w, falling=1 - r),
        _with(falling=1),
    ),
    *in_forms(
        "resale_lost_at_once",
        "you count price * resale as lost on the first day. For that much the machine could still "
        "be sold then: the rest is lost.",
        lambda p, r, life, rent, u, w: right(p, r, life, rent, u, w, at_once=r),
    ),
    *in_forms(
        "resale_for_loss",
        "resale is what a dealer pays on the first day, as a fraction of the price. Lost is the "
        "rest.",
        lambda p, r, life, rent, u, w: right(p, 1 - r, life, rent, u, w),
    ),
)


def _flat(price, resale, life, rent, used, power):
    saved = rent * used - power
    hours = price * (1 - resale) / saved if saved > 0 else math.inf
    return hours if hours <= life * YEAR else math.inf


@check(lab=LAB, exercise="break_even")
def break_even(answer):
    """break_even(price_eur, resale, life_years, rent_eur_per_hour, utilisation, ...) -> hours."""
    names = (
        "price_eur", "resale", "life_years", "rent_eur_per_hour", "utilisation",
        "power_eur_per_hour",
    )  # fmt: skip
    judge_figures(answer, names, CASES, right, ("the break-even",), MISTAKES, ("hours",))
