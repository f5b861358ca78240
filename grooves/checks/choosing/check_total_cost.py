"""Check of lab 15: what a bought machine has cost after some hours (chapter 15).

Key idea: hours from one to the whole life, so that what is paid once and what is paid per hour are
told apart.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# price_eur, residual, life_years, hours, utilisation, busy_w, idle_w, pue, eur_per_kwh
CASES = (
    (30_000, 0.1, 3, 8_760, 0.5, 1_000, 200, 1.25, 0.2),
    (267_000, 0.1, 4, 35_040, 0.7, 10_200, 2_500, 1.3, 0.19),
    (4_000, 0.25, 5, 2_000, 0.1, 600, 100, 1.0, 0.29),
    (1_000, 0.0, 4, 1, 1.0, 30, 6, 1.0, 0.3),
    (50_000, 0.2, 2, 400, 0.05, 2_000, 900, 1.5, 0.12),
)
YEAR = 8_760


def right(
    price, residual, life, hours, used, busy, idle, pue, kwh, year=YEAR, kilo=1000, idles=True,
    cooled=True, lost=None, energy=True,
):  # fmt: skip
    """Value lost and electricity, in euros, with a place for each mistake."""
    fallen = (
        price * (1 - residual) * hours / (life * year)
        if lost is None
        else lost(price, residual, life, hours)
    )
    watts = busy * used + idles * idle * (1 - used)
    return fallen, energy * watts / kilo * hours * kwh * (pue if cooled else 1)


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "whole_price",
        "you count the whole price. After some hours the machine has lost a part of its value "
        "only.",
        _with(lost=lambda p, r, life, h: p),
        _with(lost=lambda p, r, life, h: p * (1 - r)),
    ),
    *in_forms(
        "residual_forgotten",
        "at the end of its life the machine is still worth residual times its price.",
        _with(lost=lambda p, r, life, h: p * h / (life * YEAR)),
    ),
    *in_forms(
        "residual_for_loss",
        "residual is what is left of the price at the end, and not what is lost.",
        _with(lost=lambda p, r, life, h: p * r * h / (life * YEAR)),
    ),
    *in_forms(
        "used_hours_only",
        "the machine loses its value in every hour, whether it is used or not.",
        lambda *i: (right(*i)[0] * i[4], right(*i)[1]),
    ),
    *in_forms(
        "years_and_hours",
        "life_years is in years and hours in hours. A year has 8,760 hours.",
        _with(lost=lambda p, r, life, h: p * (1 - r) * h / life),
        _with(lost=lambda p, r, life, h: p * (1 - r) * h / (life * 8_766)),
        _with(lost=lambda p, r, life, h: p * (1 - r) * h / (life * 365)),
        _with(lost=lambda p, r, life, h: p * (1 - r) * h / (life * 8_640)),
    ),
    *in_forms(
        "idle_left_out",
        "the machine draws power when it is idle, too.",
        _with(idles=False),
        lambda *i: right(*i[:4], 1.0, *i[5:]),
    ),
    *in_forms(
        "idle_always",
        "idle_w is drawn while the machine is idle, and not on top of busy_w.",
        lambda *i: (
            right(*i)[0],
            (i[5] * i[4] + i[6]) / 1000 * i[3] * i[8] * i[7],
        ),
    ),
    *in_forms(
        "no_cooling",
        "the cooling is left out: all electricity is pue times the machine's own.",
        _with(cooled=False),
    ),
    *in_forms(
        "watts_for_kilowatts",
        "electricity is priced per kilowatt-hour.",
        _with(kilo=1),
        _with(kilo=1e6),
    ),
    Mistake("swapped", lambda *i: right(*i)[::-1], "the value lost comes first."),
    Mistake(
        "sum",
        lambda *i: (sum(right(*i)),) * 2,
        "two numbers are asked for, and not their sum.",
    ),
)


@check(lab=LAB, exercise="total_cost", returns=(tuple, list))
def total_cost(answer):
    """total_cost(price_eur, ..., eur_per_kwh) -> euros of value lost, euros of electricity."""
    names = (
        "price_eur", "residual", "life_years", "hours", "utilisation", "busy_w", "idle_w", "pue",
        "eur_per_kwh",
    )  # fmt: skip
    parts = ("the value lost", "the electricity")
    judge_figures(answer, names, CASES, right, parts, MISTAKES, ("euros", "euros"))
