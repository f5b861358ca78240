"""What a computation costs: seconds into watt-hours and euros.

Key idea: a cost is a measured time times two numbers that were not measured here. So both are
named constants that everyone can replace. The time is wall time, because the power is that of the
whole processor and not of one of its cores. Chapters: 06, 15.
"""

from __future__ import annotations

# An assumption, not a measurement: the thermal design power of a common desktop processor. A
# laptop's processor draws less; screen, fan and power supply draw more on top. It is an upper bound
# for a program that keeps only some of the cores busy.
POWER_W = 65.0

# Households in the European Union, mean of the first half of 2025, taxes included.
# Source: Eurostat, Electricity price statistics, data set nrg_pc_204, read in November 2025.
PRICE_EUR_PER_KWH = 0.2872


def energy_wh(seconds: float, power_w: float = POWER_W) -> float:
    """Energy of a computation in watt-hours.

    seconds: wall time. power_w: what the whole processor draws meanwhile, in watts.
    Raises: ValueError where one of them is negative.
    """
    if seconds < 0 or power_w < 0:
        raise ValueError(f"{seconds=} and {power_w=} must not be negative")
    return seconds * power_w / 3600


def cost_eur(energy: float, price_eur_per_kwh: float = PRICE_EUR_PER_KWH) -> float:
    """Price of an energy in euros. energy: watt-hours."""
    return energy / 1000 * price_eur_per_kwh
