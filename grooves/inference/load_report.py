"""What a load run found: percentiles, goodput, errors, and how late the generator itself was.

Key idea: a report must say what it cannot know. Percentiles are over whole answers, so requests
that were refused or lost are counted beside them; a percentile that no answer could have exceeded
is left out; and where the generator did not keep up with its plan, the figures describe it as much
as the server. Percentiles of several runs are never averaged: put the requests together instead.
Chapter 09. Source: Dean & Barroso 2013, "The tail at scale", doi:10.1145/2408776.2408794.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from grooves.inference.latency import Goal, percentile, summarise
from grooves.inference.load_client import Outcome

PERCENTILES = (50, 95, 99)
LATE_S = 0.01  # p99 of the generator's own delay that is worth a warning


@dataclass(frozen=True)
class Report:
    """A run in figures; times in seconds, rates per second.

    n_answers: whole ones. errors: how many requests had none, by reason. unsent: requests that an
    interruption left. n_empty: whole answers without any text, which have no first token. latencies
    {name: {percentile: seconds}}, without percentiles that need more answers. late_s: how much
    later than planned requests were sent. miscounted: answers whose chunks with text are not as
    many as the tokens in the server's `usage`.
    """

    n_requests: int
    n_answers: int
    n_empty: int
    errors: dict[str, int]
    unsent: int
    miscounted: int
    duration_s: float
    planned_rate_per_s: float | None
    goal: Goal
    latencies: dict[str, dict[int, float]]
    late_s: dict[int, float]
    throughput_per_s: float = 0.0
    goodput_per_s: float = 0.0
    tokens_per_s: float = 0.0

    @classmethod
    def of(cls, outcomes: list[Outcome], unsent=0, goal: Goal | None = None, rate=None) -> Report:
        """The report of a run. rate: the planned one; None for a closed loop."""
        goal = goal or Goal()
        whole = [o for o in outcomes if o.ok]
        timings = [o.timing for o in whole if o.timing is not None]
        ends = [o.end_s for o in outcomes if o.end_s is not None]
        first_s = min((o.request.due_s for o in outcomes), default=0.0)
        duration_s = max(ends, default=first_s) - first_s
        counts = (
            len(outcomes),
            len(whole),
            len(whole) - len(timings),
            dict(Counter(o.error or "unfinished" for o in outcomes if not o.ok).most_common()),
            unsent,
            sum(o.n_usage not in (None, len(o.token_times_s)) for o in whole if not o.in_one_piece),
        )
        late = {p: percentile([o.late_s for o in outcomes], p) for p in PERCENTILES if outcomes}
        if not timings or duration_s <= 0:
            return cls(*counts, duration_s, rate, goal, {}, late)
        summary = summarise(timings, goal, max(ends))
        tables = summary.first_token_s, summary.between_tokens_s, summary.end_to_end_s
        latencies = {
            name: {p: table[p] for p in PERCENTILES if enough(p, len(timings))}
            for name, table in zip(NAMES, tables, strict=True)
        }
        if all(o.in_one_piece for o in whole):
            latencies = {"end to end": latencies["end to end"]}
        rates = (len(whole), summary.goodput_per_s * duration_s, sum(o.n_tokens for o in whole))
        return cls(
            *counts, duration_s, rate, goal, latencies, late, *(r / duration_s for r in rates)
        )

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped the run."""
        return self.unsent > 0 or "interrupted" in self.errors

    @property
    def generator_was_late(self) -> bool:
        """Whether the generator did not keep up with its own plan."""
        return self.late_s.get(99, 0.0) > LATE_S

    def __str__(self) -> str:
        return "\n".join([*self._counts(), *self._table(), *self._warnings()])

    def _counts(self) -> list[str]:
        planned = "closed loop: users wait for answers, so queueing does not show"
        if self.planned_rate_per_s is not None:
            planned = f"{self.planned_rate_per_s:g} per second planned (open loop)"
        lines = [
            f"{self.n_requests} requests in {self.duration_s:.1f} s, {planned}; "
            f"{self.n_answers} whole answers",
            f"{self.throughput_per_s:.4g} answers and {self.tokens_per_s:,.0f} tokens per second; "
            f"goodput {self.goodput_per_s:.4g} answers per second (first token within "
            f"{self.goal.first_token_s:g} s, each gap within {self.goal.between_tokens_s:g} s)",
        ]
        lines += [f"  {n} without an answer: {reason}" for reason, n in self.errors.items()]
        return lines

    def _table(self) -> list[str]:
        if not self.latencies:
            return []
        heads = "".join(f"{f'p{p}':>10}" for p in PERCENTILES)
        rows = [f"{'milliseconds':16}{heads}"]
        for name, table in self.latencies.items():
            cells = (f"{1e3 * table[p]:10.1f}" if p in table else f"{'-':>10}" for p in PERCENTILES)
            rows.append(f"{name:16}{''.join(cells)}")
        return rows

    def _warnings(self) -> list[str]:
        found, n = [], self.n_answers - self.n_empty
        missing = [p for p in PERCENTILES if not enough(p, n)]
        if missing:
            names = " and ".join(f"p{p} ({least(p)})" for p in missing)
            found.append(f"Too few answers ({n}) for {names}: ask for more with --requests.")
        if self.errors:
            found.append(
                "Latencies are those of whole answers only; goodput counts the others as 0."
            )
        if self.generator_was_late:
            found.append(
                "The generator itself sent late, 1% of the requests by "
                f"{1e3 * self.late_s[99]:.0f} ms or more. Latencies include that, so they are "
                "upper bounds: choose a lower --rate."
            )
        if self.n_empty:
            found.append(f"{self.n_empty} answers had no text, and so no first token.")
        if self.latencies.get("between tokens", {50: 1.0}).get(50, 1.0) < BUNDLED_S:
            found.append(
                "Half of the gaps between tokens are below 0.1 ms: they were read several at a "
                "time, because the server is faster than this program, or the machine is busy. Try "
                "a server with `--step-ms 20`."
            )
        if self.miscounted:
            found.append(
                f"In {self.miscounted} answers the chunks with text are not as many as the tokens "
                "in `usage`: gaps there are between chunks."
            )
        if self.interrupted:
            found.append(f"Interrupted: {self.unsent} planned requests were not sent.")
        return found

    def save(self, path: Path, outcomes: list[Outcome], **more) -> None:
        """Write the report and every request as JSON, so that runs can be put together later."""
        requests = [
            asdict(o.request)
            | {"sent_s": o.sent_s, "end_s": o.end_s, "token_times_s": o.token_times_s}
            | {"error": o.error, "n_usage": o.n_usage, "finish_reason": o.finish_reason}
            for o in outcomes
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        content = more | {"report": asdict(self), "requests": requests}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


BUNDLED_S = 1e-4  # seconds; shorter gaps mean that words came in one piece
NAMES = ("first token", "between tokens", "end to end")


def least(p: int) -> str:
    """How many values a percentile needs, in words."""
    return f"from {-(-100 // (100 - p))} on"


def enough(p: int, n: int) -> bool:
    """Whether at least one of n values may lie above the percentile: 100 for p99."""
    return n * (100 - p) >= 100


def draw(report: Report, outcomes: list[Outcome], path: Path) -> None:
    """A picture: how the latencies are distributed, and each request over time.

    Raises: ValueError where no answer was whole, OSError where the file cannot be written.
    """
    from matplotlib.figure import Figure  # only where a picture is wanted

    timings = [o.timing for o in outcomes if o.ok and o.timing is not None]
    if not timings:
        raise ValueError("no answer was whole: there is nothing to draw")
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    gaps = [gap for t in timings for gap in t.between_tokens_s]
    series = [t.first_token_s for t in timings], gaps, [t.end_to_end_s for t in timings]
    for name, values, dash in zip(NAMES, series, ("-", ":", "--"), strict=True):
        if values:
            left.ecdf([1e3 * value for value in values], label=name, linestyle=dash)
    left.set(xscale="log", xlabel="milliseconds", ylabel="share of all values", ylim=(0, 1.02))
    for p in PERCENTILES[1:]:
        left.axhline(p / 100, color="0.8", linewidth=0.8)
        left.annotate(f"p{p}", (1, p / 100), xycoords=("axes fraction", "data"), fontsize=8)
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    ends = [(t.arrival_s, t.end_to_end_s) for t in timings]
    right.scatter(*zip(*ends, strict=True), s=8, alpha=0.6, label="whole answers")
    if lost := [o.request.due_s for o in outcomes if not o.ok]:
        right.scatter(lost, [0] * len(lost), s=20, marker="x", color="C3", label="no answer")
        right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    right.set(xlabel="planned arrival, s", ylabel="end to end, s")
    right.set_ylim(bottom=min(0, right.get_ylim()[0]))
    figure.suptitle(
        f"{report.n_answers} of {report.n_requests} answered, "
        f"{report.throughput_per_s:.3g} per second, goodput {report.goodput_per_s:.3g} per second"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, format="png")
