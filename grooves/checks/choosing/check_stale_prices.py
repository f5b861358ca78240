"""Check of lab 15: prices that are too old (chapter 15).

Key idea: prices exactly as old as allowed, one day older, of the future, and several of one day;
around leap years and ends of months, where a year of 360 days or months of 30 days differ.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.choosing.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

TABLE = (
    ("H100, per hour", "2026-05-31"),
    ("A100, per hour", "2025-12-01"),  # a year to the day
    ("L4, per hour", "2025-11-30"),  # a day more
    ("server", "2024-08-31"),
    ("electricity", "2025-10-29"),
    ("tokens, output", "2024-03-12"),
    ("tokens, input", "2024-03-12"),
    ("next year's card", "2027-02-01"),
)
LEAP = (("old", "2023-02-27"), ("new", "2023-03-01"), ("edge", "2023-02-28"))
CASES = (
    (list(TABLE), "2026-12-01", 365),
    (list(TABLE), "2026-12-01", 30),
    (list(TABLE), "2026-12-01", 900),
    (list(LEAP), "2024-02-28", 365),
    (list(LEAP), "2024-02-29", 365),  # 2024 has a 29 February
    ([("winter", "2026-01-30"), ("autumn", "2025-10-02")], "2026-03-01", 30),  # February is short
)


def _age(one, on: str) -> int:
    return (date.fromisoformat(on) - date.fromisoformat(one[1])).days


def right(table, on, days, older=None, key=None, reverse=False, age=_age):
    """Names of the stale prices, oldest first, with a place for each mistake."""
    older = older or (lambda a: a > days)
    found = [one for one in table if older(age(one, on))]
    if key is not None:
        found = key(found)
    else:
        found = sorted(found, key=lambda one: one[1], reverse=reverse)
    return [name for name, _ in found]


def _years(one, on: str) -> int:
    y, m, d = map(int, one[1].split("-"))
    yy, mm, dd = map(int, on.split("-"))
    return (yy - y) * 365 + (mm - m) * 30 + (dd - d)


MISTAKES = (
    Mistake(
        "as_old_as_allowed",
        lambda t, on, days: right(t, on, days, older=lambda a: a >= days),
        "a price that is exactly `days` days old is not yet too old.",
    ),
    Mistake(
        "the_fresh_ones",
        lambda t, on, days: right(t, on, days, older=lambda a: a <= days),
        "those are the prices that are not too old.",
    ),
    Mistake(
        "future_counted",
        lambda t, on, days: right(t, on, days, older=lambda a: abs(a) > days),
        "a price that is dated after the day is not old. Do not take the absolute difference.",
    ),
    *in_forms(
        "newest_first",
        "the oldest comes first.",
        lambda t, on, days: right(t, on, days, reverse=True),
        lambda t, on, days: right(t, on, days)[::-1],
    ),
    Mistake(
        "not_sorted",
        lambda t, on, days: right(t, on, days, key=list),
        "the list is in the order of the table. The oldest comes first.",
    ),
    Mistake(
        "sorted_by_name",
        lambda t, on, days: right(t, on, days, key=sorted),
        "the list is sorted by name. The oldest comes first.",
    ),
    Mistake(
        "one_day_by_name",
        lambda t, on, days: right(
            t, on, days, key=lambda found: sorted(found, key=lambda one: one[::-1])
        ),
        "prices of one day are sorted by name, as `sorted` does with pairs of day and name. They "
        "stay in the order of the table: sort by the day alone.",
    ),
    *in_forms(
        "months_of_thirty_days",
        "you count months as 30 days. Months and years have different lengths: subtract two "
        "`date` objects.",
        lambda t, on, days: right(t, on, days, age=_years),
    ),
    *in_forms(
        "years_compared",
        "you compare years. A price of last December is not a year old in January.",
        lambda t, on, days: right(
            t, on, days, age=lambda one, on: 365 * (int(on[:4]) - int(one[1][:4]))
        ),
        lambda t, on, days: right(
            t, on, days, age=lambda one, on: 366 * (int(on[:4]) > int(one[1][:4]))
        ),
    ),
)


@check(lab=LAB, exercise="stale_prices", returns=(list, tuple))
def stale_prices(answer):
    """stale_prices(table, on, days) -> names of the prices that are too old, oldest first."""
    call = by_hand(answer)
    for table, on, days in CASES:
        got = list(call(*deepcopy((table, on, days))))
        others = [one for one in got if not isinstance(one, str)]
        if others:
            pair = isinstance(others[0], (tuple, list)) and len(others[0]) == 2
            raise CheckFailed(
                f"for on = {on} and days = {days}, your list must hold names alone. It holds "
                + (f"pairs, such as {others[0]!r}." if pair else f"{describe(others[0])}."),
                hint="not_names",
            )
        expected = right(table, on, days)

        def agrees(mistake, got=got, inputs=(table, on, days)):
            return mistake.compute(*inputs) == got

        told = (
            f"for on = {on}, days = {days} and {len(table)} prices, your result is {got}; it "
            f"should be {expected}."
        )
        note(Finding(got != expected, told, MISTAKES, agrees, inputs=(table, on, days)))
