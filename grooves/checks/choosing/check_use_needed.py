"""Check of lab 15: the utilisation from which an own machine is cheaper (chapter 15).

Key idea: rivals that are met at a small utilisation, at nearly all of it, at all of it, and never.
"""

from __future__ import annotations

import math

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# eur_per_hour, tokens_per_s, rival_eur
CASES = (
    (2.0, 1_000, 2.0),
    (24.0, 8_000, 1.5),
    (3.0, 100, 9.0),
    (3.0, 100, 8.0),  # never
    (0.5, 20, 0.3),  # never
    (12.5, 26_000, 4.0),
    (18.0, 2_500, 2.0),  # exactly 1, in whatever order the figures are multiplied and divided
)


def right(eur_per_hour, tokens_per_s, rival_eur, hour=3600, million=1e6, never=math.inf):
    """The utilisation at which both cost the same, or `never` above 1."""
    needed = eur_per_hour / hour / tokens_per_s * million / rival_eur
    return needed if needed <= 1 else never


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


def _unlimited(eur_per_hour, tokens_per_s, rival_eur):
    return eur_per_hour / 3600 / tokens_per_s * 1e6 / rival_eur


MISTAKES = (
    *in_forms(
        "above_one",
        "a machine cannot be used for more than all of the time: where more than 1 would be "
        "needed, return math.inf.",
        _unlimited,
    ),
    Mistake(
        "one_excluded",
        lambda *inputs: _unlimited(*inputs) if _unlimited(*inputs) < 1 else math.inf,
        "at a utilisation of exactly 1 both cost the same, so 1 is the result and not math.inf.",
    ),
    *in_forms(
        "cut_off_at_one",
        "a utilisation of 1 is not enough there. Return math.inf, which says that it never pays.",
        _with(never=1.0),
        _with(never=0.0),
        _with(never=-1.0),
        _with(never=math.nan),
    ),
    *in_forms(
        "inverted",
        "your quotient is the wrong way round: the cheaper the rival, the more the own machine "
        "must be used.",
        lambda *inputs: 1 / _unlimited(*inputs),
        lambda *inputs: 1 / _unlimited(*inputs) if _unlimited(*inputs) >= 1 else math.inf,
    ),
    *in_forms(
        "idle_fraction",
        "that is the fraction of the time in which the machine may be idle.",
        lambda *inputs: 1 - _unlimited(*inputs),
        lambda *inputs: 1 - _unlimited(*inputs) if _unlimited(*inputs) <= 1 else math.inf,
    ),
    *in_forms(
        "hours_for_seconds",
        "the price is per hour and the rate per second.",
        _with(hour=1),
        _with(hour=60),
    ),
    *in_forms(
        "not_a_million",
        "the rival's price is per million tokens.",
        _with(million=1),
        _with(million=1e3),
    ),
    *in_forms(
        "in_percent",
        "a fraction between 0 and 1 is asked for.",
        lambda *inputs: 100 * right(*inputs),
        lambda *inputs: 100 * _unlimited(*inputs),
    ),
    Mistake(
        "euros",
        lambda e, t, r: e / 3600 / t * 1e6,
        "that is what a million tokens cost if the machine is always used. Compare it with the "
        "rival's price.",
    ),
)


@check(lab=LAB, exercise="use_needed")
def use_needed(answer):
    """use_needed(eur_per_hour, tokens_per_s, rival_eur) -> fraction, or math.inf."""
    names = ("eur_per_hour", "tokens_per_s", "rival_eur")
    judge_figures(answer, names, CASES, right, ("the utilisation",), MISTAKES)
