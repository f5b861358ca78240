"""What a computation costs: seconds into watt-hours and euros.

Key idea: a cost is a measured time times two numbers that were not measured here. So both have
names, and stand where everyone can replace them. Chapters: 06, 16.
"""

from __future__ import annotations

# An assumption, not a measurement: what a processor of a desktop computer is made to give off in
# heat at full load. A laptop's draws less; a screen, a fan and a power supply add to it.
POWER_W = 65.0

# Households in the European Union, mean of the first half of 2025, taxes included.
# Source: Eurostat, Electricity price statistics, data set nrg_pc_204, read in November 2025.
PRICE_EUR_PER_KWH = 0.2872


def energy_wh(seconds: float, power_w: float = POWER_W) -> float:
    """Energy of a computation in watt-hours.

    seconds: how long it took on the whole processor. power_w: what that draws, in watts.
    Raises: ValueError where one of them is negative.
    """
    if seconds < 0 or power_w < 0:
        raise ValueError(f"{seconds=} and {power_w=} must not be negative")
    return seconds * power_w / 3600


def cost_eur(energy: float, price_eur_per_kwh: float = PRICE_EUR_PER_KWH) -> float:
    """Price of an energy in euros. energy: watt-hours."""
    return energy / 1000 * price_eur_per_kwh
