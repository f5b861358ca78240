"""What breaks in a large cluster, and how often to save.

Key idea: devices fail independently, so N of them fail N times as often as one. A checkpoint takes
time, and so does what is lost since the last one. Saving more often costs more of the first, less
of the second; the best interval is the square root of twice their product. Chapter 13.
Source: Young 1974, "A first order approximation to the optimum checkpoint interval", Communications
of the ACM 17(9); Daly 2006, "A higher order estimate of the optimum checkpoint interval for restart
dumps", Future Generation Computer Systems 22(3).
"""

from __future__ import annotations

import math

import numpy as np

HOUR_S = 3600.0


def mean_seconds_between(n_devices: int, device_hours: float) -> float:
    """Mean time between failures of a whole cluster, in seconds.

    device_hours: mean time between failures of one device with its part of the host and the
    network. Any failure stops a synchronous training.
    """
    _positive(n_devices=n_devices, device_hours=device_hours)
    return device_hours * HOUR_S / n_devices


def device_hours(n_devices: int, days: float, failures: int) -> float:
    """Mean time between failures of one device, in hours, from what a cluster reported."""
    _positive(n_devices=n_devices, days=days, failures=failures)
    return n_devices * days * 24 / failures


def young(save_s: float, failure_s: float) -> float:
    """Young's interval: seconds of training between two checkpoints, sqrt(2 save_s failure_s).

    save_s: during which training stands still. failure_s: mean time between failures.
    """
    _positive(save_s=save_s, failure_s=failure_s)
    return math.sqrt(2 * save_s * failure_s)


def daly(save_s: float, failure_s: float) -> float:
    """Daly's interval: Young's with two more terms, which matter where saving takes long.

    At save_s >= 2 failure_s it is failure_s.
    """
    x = save_s / (2 * failure_s)
    if x >= 1:
        return failure_s
    return young(save_s, failure_s) * (1 + math.sqrt(x) / 3 + x / 9) - save_s


def goodput(interval_s: float, save_s: float, restart_s: float, failure_s: float) -> float:
    """Expected fraction of the wall time that is training that is kept.

    Failures arrive at random at a constant rate 1 / M. One interval and its checkpoint take, with
    all repetitions, M e^(R / M) (e^((interval + save) / M) - 1) on average, where R is the time of
    a restart, during which a failure may come too (Daly 2006, equation 20).
    """
    _positive(interval_s=interval_s, save_s=save_s, failure_s=failure_s)
    exponent = (interval_s + save_s) / failure_s
    if exponent > 700:  # e to that is infinite
        return 0.0
    return interval_s / (failure_s * math.exp(restart_s / failure_s) * math.expm1(exponent))


def simulate(
    interval_s: float,
    save_s: float,
    restart_s: float,
    failure_s: float,
    intervals: int = 2000,
    seed: int = 0,
) -> float:
    """Goodput of a run that is simulated failure by failure.

    intervals: training stops after so many have been saved. seed: of the failures.
    Returns: kept training over wall time.
    Raises: ValueError where the interval is so long that it would hardly ever end.
    """
    need = interval_s + save_s
    if need > 10 * failure_s:
        raise ValueError(
            f"an interval of {interval_s} s hardly ever ends with a failure every {failure_s} s: "
            "save more often"
        )
    rng = np.random.default_rng(seed)
    clock, next_failure = 0.0, rng.exponential(failure_s)
    for _ in range(intervals):
        end = clock + need
        while next_failure < end:  # what was done since the last checkpoint is lost
            clock = next_failure
            next_failure = clock + rng.exponential(failure_s)
            while next_failure < clock + restart_s:  # and a restart can fail as well
                clock = next_failure
                next_failure = clock + rng.exponential(failure_s)
            clock += restart_s
            end = clock + need
        clock = end
    return intervals * interval_s / clock


def best_interval(save_s: float, restart_s: float, failure_s: float) -> float:
    """The interval of the greatest `goodput`, found by golden-section search, in seconds."""
    low, high = 1e-6 * failure_s, 10 * failure_s
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(100):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if goodput(a, save_s, restart_s, failure_s) > goodput(b, save_s, restart_s, failure_s):
            high = b
        else:
            low = a
    return (low + high) / 2


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}={value} must be positive")
