"""Check of lab 15: euros per million tokens (chapter 15).

Key idea: prices, rates and utilisations that differ from each other by no simple factor, so that an
hour taken for a second, or a utilisation on the wrong side, gives a figure of its own.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import Mistake, in_forms

# eur_per_hour, tokens_per_s, utilisation
CASES = (
    (2.0, 1_000, 0.25),
    (24.8, 9_431, 0.6),
    (0.45, 14, 1.0),
    (3.1, 6_360, 0.07),
    (11.0, 350, 0.5),
)


def right(eur_per_hour, tokens_per_s, utilisation, hour=3600, million=1e6, used=None):
    """Euros per million tokens, with a place for each mistake."""
    used = utilisation if used is None else used(utilisation)
    return eur_per_hour / hour / (tokens_per_s * used) * million


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "utilisation_forgotten",
        "you let the machine generate all the time. It is paid for every hour and generates in a "
        "part of them: divide by the utilisation.",
        _with(used=lambda u: 1),
    ),
    *in_forms(
        "utilisation_on_the_wrong_side",
        "a machine that is used less costs more per token: divide by the utilisation, do not "
        "multiply by it.",
        _with(used=lambda u: 1 / u),
    ),
    *in_forms(
        "idle_fraction",
        "you use the fraction of the time in which the machine is idle.",
        _with(used=lambda u: 1 - u or 1),
        _with(used=lambda u: 1 / (2 - u)),
    ),
    *in_forms(
        "hours_for_seconds",
        "the price is per hour and the rate per second. An hour has 3,600 seconds.",
        _with(hour=1),
        _with(hour=60),
        _with(hour=1 / 3600),
    ),
    *in_forms(
        "not_a_million",
        "euros per million tokens are asked for.",
        _with(million=1),
        _with(million=1e3),
        _with(million=1e9),
    ),
    *in_forms(
        "tokens_per_euro",
        "that is how many tokens a euro buys. Euros per million tokens are asked for.",
        lambda *inputs: 1e6 / right(*inputs),
        lambda *inputs: 1e12 / right(*inputs),
        lambda *inputs: 1 / right(*inputs),
    ),
    Mistake(
        "cents",
        lambda *inputs: 100 * right(*inputs),
        "those are cents.",
    ),
)


@check(lab=LAB, exercise="token_cost")
def token_cost(answer):
    """token_cost(eur_per_hour, tokens_per_s, utilisation) -> euros per million tokens."""
    names = ("eur_per_hour", "tokens_per_s", "utilisation")
    judge_figures(answer, names, CASES, right, ("the cost",), MISTAKES, ("euros",))
