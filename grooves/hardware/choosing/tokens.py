"""Cost and energy per token: a rate, a price, a power, and how much of the time is used.

Key idea: a machine is paid for every hour and answers in some of them. So the cost per token is the
price over the rate *times the utilisation*, and the energy includes what it draws while idle. Input
and output tokens have different rates, so they have different costs. Chapter: 15.
"""

from __future__ import annotations

import math

from grooves.hardware.choosing.answers import Rates

MILLION = 1_000_000


def cost_per_million(eur_per_hour: float, tokens_per_s: float, utilisation: float = 1.0) -> float:
    """Euros per million tokens.

    eur_per_hour: what the machine costs, used or not. tokens_per_s: while it answers.
    utilisation: the fraction of the hours in which it answers, above 0 and at most 1.
    Raises: ValueError for a utilisation outside, a rate that is not positive, or a negative price.
    """
    _fraction(utilisation)
    if not (tokens_per_s > 0 and math.isfinite(tokens_per_s)):
        raise ValueError(f"{tokens_per_s=} must be positive")
    if eur_per_hour < 0:
        raise ValueError(f"{eur_per_hour=} must not be negative")
    return eur_per_hour / 3600 / (tokens_per_s * utilisation) * MILLION


def input_and_output(
    eur_per_hour: float, rates: Rates, utilisation: float = 1.0
) -> tuple[float, float]:
    """Euros per million input tokens and per million output tokens, on the same machine."""
    return (
        cost_per_million(eur_per_hour, rates.prefill, utilisation),
        cost_per_million(eur_per_hour, rates.decode, utilisation),
    )


def request_cost(
    tokens_in: float, tokens_out: float, eur_per_million_in: float, eur_per_million_out: float
) -> float:
    """Euros for one request. Raises: ValueError where a number of tokens is negative."""
    if tokens_in < 0 or tokens_out < 0:
        raise ValueError(f"{tokens_in=} and {tokens_out=} must not be negative")
    return (tokens_in * eur_per_million_in + tokens_out * eur_per_million_out) / MILLION


def mean_power_w(busy_w: float, idle_w: float, utilisation: float = 1.0) -> float:
    """What a machine draws on average, in watts.

    Raises: ValueError where it draws more idle than busy, or the utilisation is outside (0, 1].
    """
    _fraction(utilisation)
    if not 0 <= idle_w <= busy_w:
        raise ValueError(f"{idle_w=} must lie between 0 and {busy_w=}")
    return busy_w * utilisation + idle_w * (1 - utilisation)


def energy_per_token_mj(
    tokens_per_s: float, busy_w: float, idle_w: float = 0.0, utilisation: float = 1.0
) -> float:
    """Millijoules per token, the idle time between the answers included.

    tokens_per_s: while it answers. busy_w: measured, or a thermal design power as an upper bound.
    Raises: ValueError as `mean_power_w`, or for a rate that is not positive.
    """
    if not tokens_per_s > 0:
        raise ValueError(f"{tokens_per_s=} must be positive")
    return mean_power_w(busy_w, idle_w, utilisation) / (tokens_per_s * utilisation) * 1000


def _fraction(utilisation: float) -> None:
    if not 0 < utilisation <= 1:
        raise ValueError(f"{utilisation=} must be above 0 and at most 1, such as 0.3")
