"""Check of lab 15: the cheapest machine for a load and a latency goal (chapter 15).

Key idea: loads at which another machine wins, loads that fill the last copy exactly, goals that
rule out the cheapest setting of a machine, and one that nothing meets; machines that cost the same,
and a quotient that is rounded to a little more than an integer.
"""

from __future__ import annotations

import math
from copy import deepcopy

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import by_hand
from grooves.checks.choosing.rules import LAB
from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

# name, euros per hour, settings (users at once, tokens per second of all, seconds per token)
MACHINES = (
    ("small", 0.7, ((1, 14, 0.07), (8, 100, 0.08), (16, 180, 0.09))),
    ("middle", 2.6, ((1, 155, 0.0065), (16, 2_100, 0.0076), (64, 6_300, 0.010))),
    ("large", 20.0, ((1, 680, 0.0015), (64, 26_000, 0.0025), (256, 60_000, 0.0043))),
)
LOADS = (
    (20, 0.1), (144, 0.1), (145, 0.1), (432, 0.1), (600, 0.1), (3_000, 0.05), (5_040, 0.01),
    (5_041, 0.01), (500, 0.008), (1_000, 0.007), (100_000, 0.1), (100, 0.002), (10, 0.001),
)  # fmt: skip
# two of the one and one of the other bear a load of 160 and cost the same
HALF, WHOLE = ("half", 1.5, ((8, 100, 0.05),)), ("whole", 3.0, ((8, 200, 0.05),))
ROUNDED = ("small", 0.7, ((4, 43, 0.09),))  # 240.8 / (0.8 * 43) gives 7.000000000000001
CASES = (
    *((list(MACHINES), load, goal) for load, goal in LOADS),
    ([WHOLE, HALF], 160, 0.1),
    ([HALF, WHOLE], 160, 0.1),
    ([ROUNDED], 240.8, 0.1),
)
FULL = 0.8


def right(
    machines, load, goal, full=FULL, round_=math.ceil, keep=None, score=None, slack=1e-9, tie=None
):
    """Name and copies of the cheapest plan, or "none" and 0, with a place for each mistake.

    keep: which settings may be used. score: what is minimised. slack: subtracted before rounding.
    tie: what decides between two plans that cost the same, given name and copies; else the first.
    """
    best = None
    for name, eur, settings in machines:
        for users, rate, token_s in settings:
            if not (keep or (lambda u, r, t: t <= goal))(users, rate, token_s):
                continue
            copies = max(1, round_(load / (full * rate) - slack))
            cost = copies * eur if score is None else score(copies, eur, rate, token_s)
            key = cost, tie(name, copies) if tie else 0
            if best is None or key < best[0]:
                best = key, name, copies
    return best[1:] if best else ("none", 0)


def _last(machines, load, goal):
    """The last of two plans that cost the same."""
    return right([(n, eur, settings[::-1]) for n, eur, settings in machines[::-1]], load, goal)


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "goal_ignored",
        "you take settings whose tokens come slower than the goal allows. token_s may be at most "
        "goal_s.",
        lambda m, load, goal: right(m, load, goal, keep=lambda u, r, t: True),
        lambda m, load, goal: right(m, load, goal, keep=lambda u, r, t: t >= goal),
    ),
    *in_forms(
        "no_room",
        "you fill the machines too far. At most 0.8 of a rate may be planned with, so that queues "
        "stay short: divide the load by 0.8 * tokens_per_s.",
        _with(full=1.0),
        _with(full=1 / FULL),
    ),
    *in_forms(
        "rounded_down",
        "round the copies up: a load that is a little too large needs one more.",
        _with(round_=math.floor),
        _with(round_=round),
    ),
    *in_forms(
        "one_too_many",
        "where the load fills the copies exactly, you take one too many. Use `math.ceil`, and "
        "subtract 1e-9 first, because a quotient may come out a little above an integer.",
        _with(slack=0),
        _with(round_=lambda x: int(x) + 1, slack=0),
        lambda m, load, goal: right(
            [(n, e, [(u, FULL * r, t) for u, r, t in s]) for n, e, s in m],
            load,
            goal,
            full=1.0,
            round_=lambda x: int(x // 1) + 1,
            slack=0,
        ),
    ),
    *in_forms(
        "not_the_first",
        "of two plans that cost the same, take the first one in the lists: compare the costs "
        "alone, and replace the best plan only by one that costs less.",
        _last,
        _with(tie=lambda name, copies: name),
        _with(tie=lambda name, copies: copies),
    ),
    Mistake(
        "one_copy",
        lambda m, load, goal: right(m, load, goal, round_=lambda x: 1),
        "you take one copy, whatever the load.",
    ),
    Mistake(
        "cheapest_per_hour",
        lambda m, load, goal: right(m, load, goal, score=lambda c, e, r, t: e),
        "you take the machine with the lowest price per hour. What all copies together cost is "
        "what counts.",
    ),
    Mistake(
        "cheapest_per_token",
        lambda m, load, goal: right(m, load, goal, score=lambda c, e, r, t: e / r),
        "you take the machine with the lowest cost per token if it is full. Yours may be mostly "
        "idle: compare what the copies cost per hour.",
    ),
    Mistake(
        "fewest_copies",
        lambda m, load, goal: right(m, load, goal, score=lambda c, e, r, t: (c, e)),
        "you take the fewest copies. Several small machines may cost less than one large one.",
    ),
    Mistake(
        "fastest",
        lambda m, load, goal: right(m, load, goal, score=lambda c, e, r, t: t),
        "you take the fastest setting. It is enough that a token comes within the goal.",
    ),
    *in_forms(
        "one_user_only",
        "you use the setting with one user only. With more users at once a machine does more.",
        lambda m, load, goal: right(m, load, goal, keep=lambda u, r, t: t <= goal and u == 1),
    ),
    *in_forms(
        "largest_setting_only",
        "you look at each machine's fullest setting only. Where that misses the goal, one with "
        "fewer users may meet it.",
        lambda m, load, goal: right([(n, e, s[-1:]) for n, e, s in m], load, goal),
    ),
)


def read(result, given: str):
    """An answer as a name and a number of copies. Raises: CheckFailed."""
    try:
        name, copies = result
        if not isinstance(name, str) or isinstance(copies, (bool, str)):
            raise ValueError
        copies = float(copies)
    except (TypeError, ValueError):
        raise CheckFailed(
            f"for {given}, expected a name and a number of copies. Your function returned "
            f"{describe(result)}.",
            hint="not_a_plan",
        ) from None
    if not copies.is_integer():
        raise CheckFailed(
            f"for {given}, the number of copies must be an integer. Yours is {copies:g}.",
            hint="not_an_integer",
        )
    return name, int(copies)


def _given(machines, load, goal) -> str:
    """The inputs in words; machines only where they are not the usual ones."""
    these = "" if machines == list(MACHINES) else f"machines = {machines}, "
    return f"{these}load = {load:,} and goal_s = {goal}"


@check(lab=LAB, exercise="cheapest_plan", returns=(tuple, list))
def cheapest_plan(answer):
    """cheapest_plan(machines, load, goal_s) -> (name, copies), or ("none", 0)."""
    call = by_hand(answer)
    for machines, load, goal in CASES:
        given = _given(machines, load, goal)
        got = read(call(*deepcopy((machines, load, goal))), given)
        expected = right(machines, load, goal)

        def agrees(mistake, got=got, inputs=(machines, load, goal)):
            return mistake.compute(*inputs) == got

        told = f"for {given}, your result is {got}; it should be {expected}."
        note(Finding(got != expected, told, MISTAKES, agrees, inputs=(machines, load, goal)))
