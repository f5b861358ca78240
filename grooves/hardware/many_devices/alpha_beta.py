"""How long a message takes: a latency, and its bytes over a bandwidth.

Key idea: two numbers describe a link. Alpha is the time that even an empty message takes, beta the
rate of a message so long that alpha does not matter. A message of alpha times beta bytes spends
half of its time on each, so it gets half the bandwidth; below that size, a faster link hardly
helps. Both are fitted to some sizes and must predict the others. Chapters: 13, 14.
Source: Hockney 1994, "The communication challenge for MPP: Intel Paragon and Meiko CS-2", Parallel
Computing 20(3); Thakur, Rabenseifner & Gropp 2005, "Optimization of collective communication
operations in MPICH", IJHPCA 19(1), for the ring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class AlphaBeta:
    """A link: seconds of latency per message, and bytes per second of a long message.

    Raises: ValueError for a negative latency, or a bandwidth that is not positive.
    """

    alpha_s: float
    beta_bytes_per_s: float

    def __post_init__(self):
        if not (self.alpha_s >= 0 and self.beta_bytes_per_s > 0):
            raise ValueError(
                f"alpha_s={self.alpha_s} must not be negative and "
                f"beta_bytes_per_s={self.beta_bytes_per_s} must be positive"
            )

    def seconds(self, n_bytes: float) -> float:
        """Time of one message: alpha + bytes / beta."""
        return self.alpha_s + n_bytes / self.beta_bytes_per_s

    def bandwidth_bytes_per_s(self, n_bytes: float) -> float:
        """Effective bandwidth: the message's bytes over its whole time."""
        return n_bytes / self.seconds(n_bytes)

    @property
    def half_bytes(self) -> float:
        """The size at which a message gets half the bandwidth: alpha times beta."""
        return self.alpha_s * self.beta_bytes_per_s


def all_reduce_seconds(link: AlphaBeta, n_bytes: float, n_devices: int) -> float:
    """Time of a ring all-reduce: 2 (N - 1) messages, one after another, of a chunk each.

    n_bytes: of the whole vector. Each device sends 2 (N - 1) / N times the vector.
    """
    steps = 2 * (_positive(n_devices) - 1)
    return steps * link.seconds(n_bytes / n_devices)


def all_gather_seconds(link: AlphaBeta, n_bytes: float, n_devices: int) -> float:
    """Time of a ring all-gather, or of a reduce-scatter: half of an all-reduce.

    n_bytes: of the whole vector, of which each device holds 1 / N.
    """
    return all_reduce_seconds(link, n_bytes, n_devices) / 2


def bandwidth_needed(n_bytes: float, alpha_s: float, rival: AlphaBeta) -> float:
    """Bandwidth at which a link with another latency is as fast as `rival` for messages of a size.

    Returns: bytes per second; infinity where the latency alone takes as long as the rival's whole
    message, so that no bandwidth is enough.
    """
    left_s = rival.seconds(n_bytes) - alpha_s
    return n_bytes / left_s if left_s > 0 else math.inf


def size_of_factor(factor: float, alpha_s: float, rival: AlphaBeta) -> float:
    """The message size at which a link of latency `alpha_s` needs `factor` times rival's bandwidth.

    Solves n / (rival.seconds(n) - alpha) = factor times beta for n. With the sentence "needs three
    times the bandwidth" a source must therefore say for which size: it is true of one.
    Raises: ValueError where the factor is not above 1, or the latency not above the rival's.
    """
    if not (factor > 1 and alpha_s > rival.alpha_s):
        raise ValueError(
            f"{factor=} must be above 1 and {alpha_s=} above the rival's {rival.alpha_s}"
        )
    return factor / (factor - 1) * rival.beta_bytes_per_s * (alpha_s - rival.alpha_s)


# ---- fitting ------------------------------------------------------------------------------------


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> AlphaBeta:
    """Alpha and beta by least squares on relative errors.

    Each point's error is divided by its own time, since otherwise the longest message, which takes
    thousands of times as long as the shortest, would decide alone and alpha would be noise. Where
    the best alpha is negative, which noise can bring about, it is 0 and beta is fitted alone.
    sizes: in bytes. seconds: measured, one per size.
    Raises: ValueError for fewer than two different sizes, times that are not positive, or times
    that do not grow with the size.
    """
    if len(set(sizes)) < 2 or len(sizes) != len(seconds) or min(seconds) <= 0:
        raise ValueError(
            f"a fit needs two different sizes and as many positive times: {list(sizes)} bytes, "
            f"{list(seconds)} s"
        )
    # Minimise the sum of (alpha u + gamma v - 1)^2 with u = 1 / t, v = bytes / t, gamma = 1 / beta.
    u = [1 / t for t in seconds]
    v = [n / t for n, t in zip(sizes, seconds, strict=True)]
    uu, uv, vv = _dot(u, u), _dot(u, v), _dot(v, v)
    determinant = uu * vv - uv * uv
    alpha = (sum(u) * vv - sum(v) * uv) / determinant
    gamma = (sum(v) * uu - sum(u) * uv) / determinant
    if alpha < 0:
        alpha, gamma = 0.0, sum(v) / vv
    if gamma <= 0:
        raise ValueError(
            f"{list(seconds)} s do not grow with {list(sizes)} bytes: measure longer messages"
        )
    return AlphaBeta(alpha, 1 / gamma)


def fit_all_reduce(
    sizes: Sequence[float], seconds: Sequence[float], n_devices: int = 2
) -> AlphaBeta:
    """The link whose ring all-reduces take these times; per message, not per all-reduce."""
    whole, steps = fit(sizes, seconds), 2 * (_positive(n_devices) - 1)
    return AlphaBeta(whole.alpha_s / steps, whole.beta_bytes_per_s * steps / n_devices)


def predict_held_out(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[AlphaBeta, list]:
    """Fit to every second size, the first among them, and predict all.

    Returns: the fit, and for each size a dictionary of n_bytes, measured_s, predicted_s, error
    (predicted / measured - 1) and held_out.
    """
    pairs = sorted(zip(sizes, seconds, strict=True))
    link = fit(*zip(*pairs[::2], strict=True))
    rows = []
    for i, (n_bytes, measured) in enumerate(pairs):
        predicted = link.seconds(n_bytes)
        rows.append(
            {
                "n_bytes": n_bytes,
                "measured_s": measured,
                "predicted_s": predicted,
                "error": predicted / measured - 1,
                "held_out": i % 2 == 1,
            }
        )
    return link, rows


def typical_error(rows: Sequence[dict]) -> float:
    """Median of the absolute errors of the held-out sizes."""
    return median(abs(row["error"]) for row in rows if row["held_out"])


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _positive(n_devices: int) -> int:
    if n_devices < 1:
        raise ValueError(f"{n_devices=} must be at least 1")
    return n_devices
