"""A server in simulated time: requests arrive at random, and a step costs what a formula says.

Key idea: whether a schedule is good depends on the order of events and on what a step costs, not on
the machine that runs the experiment. So time is simulated: each step takes as long as a cost model
says, and the same seed gives the same latencies everywhere. With `ModelEngine` the words are real.
Arrivals are open-loop: users come whether the server keeps up or not. A closed loop, in which each
user waits for an answer before asking again, hides queueing, because users stop asking when the
server is slow.
Chapter 09. Sources: Yu et al. 2022 (Orca), OSDI 22; Schroeder et al. 2006, "Open versus closed: a
cautionary tale", NSDI 06.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from time import perf_counter

import numpy as np
import torch

from grooves.inference.latency import Timing
from grooves.inference.paged_cache import PagedCache
from grooves.inference.paging import BlockTables
from grooves.inference.sampling import Sampler, draw_each
from grooves.inference.scheduler import Request, Scheduler, Step


@dataclass(frozen=True)
class StepCost:
    """Seconds of one forward pass, linear in what it computes.

    fixed_s: reading the weights and calling the functions, whatever the batch. per_token_s: for
    each new token. per_context_s: for each stored token that a new one attends to. Decoding a few
    texts is nearly all `fixed_s`, which is why batching pays; a long prompt is nearly all
    `per_token_s`, which is why it delays the others.
    """

    fixed_s: float = 5e-3
    per_token_s: float = 50e-6
    per_context_s: float = 0.0

    def seconds(self, n_tokens: int, n_attended: int = 0) -> float:
        """Duration of a step with so many new tokens and pairs of tokens attended to."""
        return self.fixed_s + self.per_token_s * n_tokens + self.per_context_s * n_attended


class SimulatedEngine:
    """Computes nothing: every text writes the word 1 until its length is reached."""

    def __init__(self, tables: BlockTables, cost: StepCost | None = None):
        self.tables, self.cost = tables, cost or StepCost()

    def compute(self, step: Step) -> tuple[dict[object, int], float]:
        """The word of every text that draws one, and how long the step took, in seconds."""
        attended = n_attended(self.tables, step)
        for name, tokens in step.new.items():
            self.tables.append(name, tokens)
            self.tables.publish(name)
        return dict.fromkeys(step.drawing, 1), self.cost.seconds(step.n_tokens, attended)


class ModelEngine:
    """Computes the words with a model and a paged cache.

    sampler: for all texts. seed: a text's words depend on it and on the request's name, and not on
    who else is in the batch. cost: what a step takes; None measures the time of this machine.
    """

    def __init__(
        self,
        cache: PagedCache,
        sampler: Sampler | None = None,
        seed: int = 0,
        cost: StepCost | None = None,
    ):
        self.cache, self.sampler, self.seed, self.cost = cache, sampler or Sampler(), seed, cost
        self.generators: dict[object, Random] = {}

    def compute(self, step: Step) -> tuple[dict[object, int], float]:
        """The word of every text that draws one, and how long the step took, in seconds."""
        begin_s = perf_counter()
        if self.cost is not None:
            seconds = self.cost.seconds(step.n_tokens, n_attended(self.cache.tables, step))
        drawn = self._draw(step.drawing, self.cache.next_logits(step.new, step.drawing))
        return drawn, perf_counter() - begin_s if self.cost is None else seconds

    def _draw(self, names: list, logits: torch.Tensor) -> dict[object, int]:
        """One word for each text: n names, (n, V)."""
        if not names:
            return {}
        words = draw_each(self.sampler, logits.cpu(), [self._generator(name) for name in names])
        return dict(zip(names, words, strict=True))

    def _generator(self, name) -> Random:
        if name not in self.generators:
            self.generators[name] = Random(f"{self.seed} {name}")
        return self.generators[name]


def n_attended(tables: BlockTables, step: Step) -> int:
    """Pairs of a new token and a token that it attends to, itself included."""
    pairs = 0
    for name, tokens in step.new.items():
        start, n = len(tables.tokens[name]), len(tokens)
        pairs += n * start + n * (n + 1) // 2
    return pairs


@dataclass(frozen=True)
class StepRecord:
    """One step of a trace: when, how much was computed, and how full the server was.

    n_tokens, n_padding: computed tokens, of which padding. n_running, n_waiting: requests after
    planning. n_blocks: blocks in use after computing. waste: their share without a token.
    """

    start_s: float
    end_s: float
    n_tokens: int
    n_padding: int
    n_running: int
    n_waiting: int
    n_blocks: int
    waste: float


@dataclass
class Trace:
    """What happened: the finished requests, in the order of finishing, and every step."""

    finished: list[Request]
    steps: list[StepRecord]

    @property
    def timings(self) -> list[Timing]:
        """One `Timing` per finished request."""
        return [Timing(r.arrival_s, tuple(r.token_times_s)) for r in self.finished]

    @property
    def duration_s(self) -> float:
        """From the first arrival to the end of the last step."""
        return self.steps[-1].end_s - min(r.arrival_s for r in self.finished)

    @property
    def utilisation(self) -> float:
        """Share of the time in which a step was running."""
        return sum(step.end_s - step.start_s for step in self.steps) / self.duration_s

    @property
    def padding(self) -> float:
        """Share of the computed tokens that were padding."""
        return sum(s.n_padding for s in self.steps) / sum(s.n_tokens for s in self.steps)


def simulate(requests: list[Request], scheduler: Scheduler, engine) -> Trace:
    """Serve all requests, one step after another, and write down when each token was there.

    A step that has begun is finished before new arrivals are considered. engine: `SimulatedEngine`
    or `ModelEngine`, on the scheduler's tables.
    Raises: ValueError for a request that could never be served.
    """
    coming = sorted(requests, key=lambda r: r.arrival_s)[::-1]  # the next one is the last
    now_s, trace = 0.0, Trace([], [])
    while coming or scheduler.n_in_system:
        if not scheduler.n_in_system:
            now_s = max(now_s, coming[-1].arrival_s)  # nothing to do until then
        while coming and coming[-1].arrival_s <= now_s:
            scheduler.add(coming.pop())
        step = scheduler.plan()
        counts = len(scheduler.running), len(scheduler.waiting)
        drawn, seconds = engine.compute(step)
        used, waste = scheduler.tables.pool.n_used, scheduler.tables.waste
        times = now_s, now_s + seconds
        now_s += seconds
        trace.finished += scheduler.record(step, drawn, now_s)
        trace.steps.append(StepRecord(*times, step.n_tokens, step.n_padding, *counts, used, waste))
    return trace


def poisson_requests(
    rate_per_s: float,
    prompt_lengths: list[int],
    new_lengths: list[int],
    seed: int = 0,
    shared_prompt: list[int] = (),
) -> list[Request]:
    """One request per pair of lengths, with exponential times between arrivals (a Poisson process).

    rate_per_s: arrivals per second on average; infinity lets all arrive at once. new_lengths:
    tokens to be written for each. shared_prompt: tokens before every prompt, such as instructions;
    the rest of each prompt is random, so that no two begin alike.
    Raises: ValueError unless the rate is positive and the lengths are as many.
    """
    if not rate_per_s > 0:
        raise ValueError(f"{rate_per_s=} must be positive")
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1 / rate_per_s, len(prompt_lengths)))
    return [
        Request(i, float(t), [*shared_prompt, *rng.integers(1, 2**31, n).tolist()], int(n_new))
        for i, (t, n, n_new) in enumerate(zip(times, prompt_lengths, new_lengths, strict=True))
    ]


def allowed_gain(new_lengths: list[int], batch_size: int) -> float:
    """What the lengths allow continuous batching to gain over static: longest over mean in a batch.

    A static batch lasts as long as its longest text, a continuous one refills its slots at once.
    new_lengths: in the order of arrival; cut into batches of batch_size, the rest left out.
    Raises: ValueError where there is no full batch.
    """
    n_batches = len(new_lengths) // batch_size
    if n_batches == 0:
        raise ValueError(f"{len(new_lengths)} lengths make no batch of {batch_size}")
    batches = np.reshape(new_lengths[: n_batches * batch_size], (n_batches, batch_size))
    return float(batches.max(1).sum() / batches.mean(1).sum())
