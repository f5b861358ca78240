"""Check of lab 15: millijoules per token, idle time and cooling included (chapter 15).

Key idea: busy and idle powers far apart, utilisations far from one half, and cooling that is more
than nothing, so that each part that is left out shows.
"""

from __future__ import annotations

from grooves.checks import check
from grooves.checks.choosing.rules import LAB, judge_figures
from grooves.checks.mistakes import in_forms

# tokens_per_s, busy_w, idle_w, utilisation, pue
CASES = (
    (2_000, 700, 100, 0.2, 1.0),
    (26_322, 10_200, 2_500, 0.1, 1.3),
    (155, 650, 80, 0.75, 1.12),
    (40, 30, 6, 1.0, 1.0),
    (910, 300, 60, 0.03, 1.5),
    (900_000, 310, 60, 0.55, 1.1),
)


def right(tokens_per_s, busy_w, idle_w, utilisation, pue, milli=1000, idle=True, cooled=True):
    """Millijoules per token, with a place for each mistake."""
    watts = busy_w * utilisation + idle * idle_w * (1 - utilisation)
    return watts * (pue if cooled else 1) / (tokens_per_s * utilisation) * milli


def _with(**changes):
    return lambda *inputs: right(*inputs, **changes)


MISTAKES = (
    *in_forms(
        "idle_left_out",
        "the idle hours are left out. The machine draws power then, too, and generates nothing.",
        _with(idle=False),
        lambda t, b, i, u, p: b * p / t * 1000,
    ),
    *in_forms(
        "always_at_its_maximum",
        "you let the machine draw its full power all the time. When idle it draws idle_w.",
        lambda t, b, i, u, p: right(t, b, b, u, p),
    ),
    *in_forms(
        "tokens_all_the_time",
        "you divide by the rate while it works. Over the whole time it generates only the "
        "utilisation's part of that.",
        lambda t, b, i, u, p: right(t, b, i, u, p) * u,
    ),
    *in_forms(
        "idle_always",
        "idle_w is drawn while the machine is idle, and not on top of busy_w.",
        lambda t, b, i, u, p: (b * u + i) * p / (t * u) * 1000,
        lambda t, b, i, u, p: (b + i) * p / t * 1000,
    ),
    *in_forms(
        "mean_of_both",
        "you average the two powers. Weigh each by the time in which it is drawn.",
        lambda t, b, i, u, p: (b + i) / 2 * p / (t * u) * 1000,
        lambda t, b, i, u, p: (b * (1 - u) + i * u) * p / (t * u) * 1000,
    ),
    *in_forms(
        "no_cooling",
        "the cooling is left out: all electricity is pue times the machine's own.",
        _with(cooled=False),
    ),
    *in_forms(
        "busy_time_cooled",
        "you multiply only the busy part by pue. All of the machine's electricity is multiplied.",
        lambda t, b, i, u, p: (b * u * p + i * (1 - u)) / (t * u) * 1000,
    ),
    *in_forms(
        "cooling_divided",
        "pue is a factor of at least 1 by which the machine's own electricity is multiplied.",
        lambda t, b, i, u, p: right(t, b, i, u, 1 / p),
        lambda t, b, i, u, p: right(t, b, i, u, 1 + p),
    ),
    *in_forms(
        "joules",
        "millijoules are asked for; a watt is a joule per second.",
        _with(milli=1),
        _with(milli=1e6),
        lambda *inputs: right(*inputs) / 3600,
        lambda *inputs: right(*inputs) / 3.6e6,
    ),
)


@check(lab=LAB, exercise="energy_per_token")
def energy_per_token(answer):
    """energy_per_token(tokens_per_s, busy_w, idle_w, utilisation, pue) -> millijoules."""
    names = ("tokens_per_s", "busy_w", "idle_w", "utilisation", "pue")
    judge_figures(answer, names, CASES, right, ("the energy",), MISTAKES, ("mJ",))
