"""Power laws: fitted, with the floor known or left free, and read off budgets of equal compute.

Key idea: a loss is a floor plus what is still missing, L = E + A N^-a + B D^-b. Whoever does not
know the floor E has to fit it too, and a wrong floor bends every forecast. Chapter 5.
Source: Hoffmann et al. 2022, arXiv:2203.15556, sections 3.2 (budgets of equal compute) and 3.3 (the
form, the Huber loss on the logarithm, and many starts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import least_squares

HUBER = 0.03  # residuals of the logarithm beyond this count linearly


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent. r2: of the fit on logarithms; 1 is a perfect line."""

    factor: float
    exponent: float
    r2: float

    def __call__(self, x):
        return self.factor * np.asarray(x, float) ** self.exponent


def power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """A straight line through logarithms, by least squares.

    Raises: ValueError where a value is not positive, or there are fewer than two different x.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not (np.all(x > 0) and np.all(y > 0)):
        raise ValueError("a power law goes through logarithms, so all values must be positive")
    if len(np.unique(x)) < 2:
        raise ValueError(f"{len(x)} points with one value of x have no slope")
    exponent, offset = np.polyfit(np.log(x), np.log(y), 1)
    left = np.log(y) - (exponent * np.log(x) + offset)
    spread = np.log(y).var()
    return PowerLaw(float(np.exp(offset)), float(exponent), float(1 - left.var() / spread))


@dataclass(frozen=True)
class Surface:
    """loss = floor + A (N / n0) ** -a + B (D / d0) ** -b, in nats.

    known: whether the floor was given. error: of the fit, the root mean square of the logarithm of
    predicted over measured loss, so that fits with and without a floor can be compared.
    """

    floor: float
    A: float
    a: float
    B: float
    b: float
    n0: float
    d0: float
    known: bool
    error: float

    def gap(self, n_parameters, n_tokens):
        """What is predicted above this floor."""
        n, d = np.asarray(n_parameters, float), np.asarray(n_tokens, float)
        return self.A * (n / self.n0) ** -self.a + self.B * (d / self.d0) ** -self.b

    def loss(self, n_parameters, n_tokens):
        """What is predicted, the floor included."""
        return self.floor + self.gap(n_parameters, n_tokens)


def surface(
    n_parameters: Sequence[float],
    n_tokens: Sequence[float],
    losses: Sequence[float],
    floor: float | None = None,
) -> Surface:
    """Fit a surface to runs, with the exact floor where one is given, else with a fitted one.

    Raises: ValueError where a loss is not above the floor, or there are fewer runs than numbers to
    be fitted.
    """
    n, d, loss = (np.asarray(v, float) for v in (n_parameters, n_tokens, losses))
    if floor is not None and not np.all(loss > floor):
        raise ValueError(f"a loss of {loss.min():.4f} is not above the floor of {floor:.4f}")
    if len(loss) < (needed := 4 if floor is not None else 5):
        raise ValueError(f"{len(loss)} runs are too few for {needed} numbers")
    n0, d0 = float(np.exp(np.log(n).mean())), float(np.exp(np.log(d).mean()))

    def parts(t):
        A, a, B, b = np.exp(t[:4])
        gap = A * (n / n0) ** -a + B * (d / d0) ** -b
        return gap, floor if floor is not None else np.exp(t[4])

    def residuals(t):
        gap, base = parts(t)
        if floor is not None:
            return np.log(gap) - np.log(loss - floor)
        return np.log(base + gap) - np.log(loss)

    typical = float(np.median(loss - (floor if floor is not None else 0.9 * loss.min())))
    best = None
    for a, b, share in product((0.2, 0.5, 1.0), (0.2, 0.5, 1.0), (0.3, 0.7)):
        start = [typical * share, a, typical * (1 - share), b]
        start += [] if floor is not None else [0.8 * loss.min()]
        found = least_squares(residuals, np.log(start), loss="huber", f_scale=HUBER, max_nfev=2000)
        if best is None or found.cost < best.cost:
            best = found
    A, a, B, b = map(float, np.exp(best.x[:4]))
    base = floor if floor is not None else float(np.exp(best.x[4]))
    missing = np.log(base + parts(best.x)[0]) - np.log(loss)
    error = float(np.sqrt((missing**2).mean()))
    return Surface(base, A, a, B, b, n0, d0, floor is not None, error)


@dataclass(frozen=True)
class Minimum:
    """The best model of a budget. interior: whether both neighbours of the best run are worse."""

    n_parameters: float
    gap: float
    interior: bool


def minimum(n_parameters: Sequence[float], gaps: Sequence[float]) -> Minimum:
    """The lowest point of a parabola in log N and log gap.

    It is fitted to the best run and to the two runs on either side of it.

    Where the best run is the smallest or the largest, that run is returned and not interior.
    Raises: ValueError for fewer than three runs.
    """
    if len(gaps) < 3:
        raise ValueError(f"{len(gaps)} runs have no minimum between them: take at least 3")
    order = np.argsort(n_parameters)
    x, y = np.log(np.asarray(n_parameters, float)[order]), np.log(np.asarray(gaps, float)[order])
    best = int(np.argmin(y))
    if best in (0, len(y) - 1):
        return Minimum(float(np.exp(x[best])), float(np.exp(y[best])), False)
    near = slice(max(0, best - 2), best + 3)
    square, slope, offset = np.polyfit(x[near] - x[best], y[near], 2)
    at = -slope / (2 * square)
    return Minimum(
        float(np.exp(at + x[best])), float(np.exp(offset + slope * at + square * at**2)), True
    )
