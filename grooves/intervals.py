"""How sure a mean is: the interval around it that few measurements allow.

Key idea: compare within pairs. Two ways of learning from the same draw of labels share that draw's
luck, so their difference varies less than either, and a few draws can tell whether it is real.
Chapter 03.
"""

from __future__ import annotations

import math

import numpy as np


def interval(differences, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of differences, and the ends of its interval by Student's t.

    differences: (n,), n of 2 or more, independent of each other, such as one a draw of labels.
    Source: Student 1908, "The probable error of a mean".
    """
    differences = np.asarray(differences, dtype=float)
    n, middle = len(differences), differences.mean()
    half = t_quantile((1 + level) / 2, n - 1) * differences.std(ddof=1) / math.sqrt(n)
    return float(middle), float(middle - half), float(middle + half)


def t_quantile(share: float, freedom: int) -> float:
    """Where Student's t with `freedom` degrees of freedom has `share` of itself below. share > 0.5.

    The area under its density, summed in small steps until the share is reached.
    """
    x, step = np.linspace(0, 100, 200_001, retstep=True)
    log_density = -(freedom + 1) / 2 * np.log1p(x**2 / freedom)
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    density = np.exp(log_density + log_scale) / math.sqrt(freedom * math.pi)
    below = 0.5 + np.concatenate(([0], np.cumsum((density[1:] + density[:-1]) / 2 * step)))
    return float(np.interp(share, below, x))
