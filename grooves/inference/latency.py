"""Latency: how long requests take, and what queueing theory says about it.

Key idea: a server is described by the distribution of its latencies and not by their mean, because
users notice the slow answers. Percentiles are taken over all requests; a mean of percentiles is the
percentile of nothing.
Chapter 09. Sources: Little 1961, doi:10.1287/opre.9.3.383; Kleinrock 1975, Queueing Systems,
volume 1 (M/M/1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


def percentile(values: list[float], p: float) -> float:
    """The smallest value such that at least p % of all values are not above it (nearest rank).

    It is always one of the values. NumPy's default interpolates between two of them instead, which
    differs where values are few: of 1, 2, 3, 10 the 95th is 10 here and 8.95 there.
    p: above 0 and at most 100. Raises: ValueError for another p, or without values.
    Source: Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566, definition 1.
    """
    if not len(values) or not 0 < p <= 100:
        raise ValueError(
            f"{p=} must be above 0 and at most 100, and {len(values)} values 1 or more"
        )
    rank = math.ceil(p * len(values) / 100 - 1e-9)  # rounding must not raise a whole rank
    return sorted(values)[rank - 1]


@dataclass(frozen=True)
class Timing:
    """When one request arrived and when each of its tokens was written, in seconds.

    Raises: ValueError without tokens, or where the times do not increase.
    """

    arrival_s: float
    token_times_s: tuple[float, ...]

    def __post_init__(self):
        times = self.arrival_s, *self.token_times_s
        if len(times) < 2 or any(b < a for a, b in pairwise(times)):
            raise ValueError(f"{times=}: an arrival and one or more tokens after it, in order")

    @property
    def first_token_s(self) -> float:
        """Time to first token: from arrival to the first token."""
        return self.token_times_s[0] - self.arrival_s

    @property
    def between_tokens_s(self) -> list[float]:
        """Times between successive tokens; empty for one token."""
        return [after - before for before, after in pairwise(self.token_times_s)]

    @property
    def end_to_end_s(self) -> float:
        """From arrival to the last token."""
        return self.token_times_s[-1] - self.arrival_s


@dataclass(frozen=True)
class Goal:
    """A latency goal for every request, in seconds: its first token, and each gap after it."""

    first_token_s: float = math.inf
    between_tokens_s: float = math.inf

    def met_by(self, timing: Timing) -> bool:
        """Whether the first token and every gap are within the goal."""
        slowest = max(timing.between_tokens_s, default=0.0)
        return timing.first_token_s <= self.first_token_s and slowest <= self.between_tokens_s


@dataclass(frozen=True)
class Summary:
    """Latencies of finished requests: percentiles {50: s, 95: s, 99: s}, and rates per second.

    between_tokens_s is over all gaps of all requests. goodput_per_s: requests per second that met
    the goal; throughput_per_s counts all of them.
    """

    first_token_s: dict[int, float]
    between_tokens_s: dict[int, float]
    end_to_end_s: dict[int, float]
    throughput_per_s: float
    goodput_per_s: float
    tokens_per_s: float


def summarise(timings: list[Timing], goal: Goal | None = None, last_s: float | None = None):
    """The `Summary` of finished requests.

    last_s: the end of the measurement (default: the last token). It begins at the first arrival.
    Raises: ValueError without timings.
    """
    if not timings:
        raise ValueError("no request has finished: there is nothing to summarise")
    goal = goal or Goal()
    end_s = max(t.token_times_s[-1] for t in timings) if last_s is None else last_s
    duration_s = end_s - min(t.arrival_s for t in timings)
    gaps = [gap for t in timings for gap in t.between_tokens_s] or [0.0]
    several = [t.first_token_s for t in timings], gaps, [t.end_to_end_s for t in timings]
    counts = (
        len(timings),
        sum(map(goal.met_by, timings)),
        sum(len(t.token_times_s) for t in timings),
    )
    tables = ({p: percentile(values, p) for p in (50, 95, 99)} for values in several)
    return Summary(*tables, *(count / duration_s for count in counts))


def mean_in_system(arrivals_s: list[float], departures_s: list[float]) -> float:
    """The mean number of requests in the system, L, from the first arrival to the last departure.

    It is integrated event by event: +1 at each arrival, -1 at each departure. Little's law says
    that it equals the arrival rate times the mean time in the system.
    Raises: ValueError where the two have different lengths, or are empty.
    Source: Little 1961, doi:10.1287/opre.9.3.383.
    """
    if not arrivals_s or len(arrivals_s) != len(departures_s):
        raise ValueError(
            f"{len(arrivals_s)} arrivals and {len(departures_s)} departures: 1 or more"
        )
    first_s, last_s = min(arrivals_s), max(departures_s)
    events = sorted([(t, 1) for t in arrivals_s] + [(t, -1) for t in departures_s])
    area, inside = [], 0
    for (now, change), (after, _) in pairwise(events):
        inside += change
        area.append(inside * (after - now))
    return math.fsum(area) / (last_s - first_s)


def mm1_percentile(arrivals_per_s: float, served_per_s: float, p: float) -> float:
    """Percentile of the time in an M/M/1 queue, in seconds: -ln(1 - p / 100) / (mu - lambda).

    One server, Poisson arrivals, exponential service times, first come first served. A batching
    server is none: it serves many at once, and their service times depend on each other.
    Raises: ValueError unless 0 <= arrivals < served, and 0 < p < 100.
    Source: Kleinrock 1975, Queueing Systems, volume 1, chapter 5.
    """
    if not 0 <= arrivals_per_s < served_per_s or not 0 < p < 100:
        raise ValueError(
            f"{arrivals_per_s=} must be from 0 to below {served_per_s=}, and {p=} from 0 to 100"
        )
    return -math.log(1 - p / 100) / (served_per_s - arrivals_per_s)
