"""The server of lab 9's challenge: a student's policy decides what every step reads (chapter 9).

Key idea: the simulation is the course's own (`grooves.inference.serving_simulation`), with a
scheduler that asks the policy. The policy sees copies, so nothing but its plan has an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from grooves.checks import CheckFailed, describe
from grooves.inference.latency import Goal
from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Request, Scheduler, Step
from grooves.inference.serving_simulation import (
    SimulatedEngine,
    StepCost,
    Trace,
    poisson_requests,
    simulate,
)

N_REQUESTS = 50
SLOTS = 8
GOAL = Goal(first_token_s=1.0, between_tokens_s=0.1)
COST = StepCost(fixed_s=20e-3, per_token_s=0.25e-3)
RATE_PER_S = 8.0
BLOCK_SIZE = 16


@dataclass
class Text:
    """A request as a policy sees it.

    n_prompt, n_new: tokens of its prompt, and tokens to be written. n_cached: tokens that are in
    the cache; unread: tokens that could be read now. n_written: tokens written so far. last_s: when
    the last of them was written; the arrival, before the first.
    """

    name: int
    arrival_s: float
    n_prompt: int
    n_new: int
    n_cached: int
    n_written: int
    last_s: float

    @property
    def unread(self) -> int:
        """The rest of the prompt, or 1 for a text that is being written."""
        return self.n_prompt + self.n_written - self.n_cached


@dataclass
class Server:
    """What a policy sees before each step.

    running: texts that hold a slot, in the order of admission. waiting: those that have none, in
    the order of arrival. seconds(n): how long a step with n tokens takes.
    """

    now_s: float
    running: list[Text]
    waiting: list[Text]
    max_running: int = SLOTS
    goal: Goal = GOAL
    dropped: list[int] = field(default_factory=list)

    def seconds(self, n_tokens: int) -> float:
        """Duration of a step that reads so many tokens."""
        return COST.seconds(n_tokens)

    def drop(self, name: int) -> None:
        """Refuse a request: it leaves the server, and counts as one that missed the goal."""
        self.running = [text for text in self.running if text.name != name]
        self.waiting = [text for text in self.waiting if text.name != name]
        self.dropped.append(name)


class PolicyScheduler(Scheduler):
    """A scheduler whose plans a policy makes.

    policy: Server -> dict from names to how many tokens each reads in this step.
    """

    def __init__(self, policy: Callable, requests: list[Request]):
        longest = max(len(r.prompt) + r.max_new for r in requests)
        pool = BlockPool((SLOTS + 1) * (longest // BLOCK_SIZE + 1), BLOCK_SIZE)
        super().__init__(BlockTables(pool), SLOTS)
        self.policy, self.now_s = policy, 0.0

    def add(self, request: Request) -> None:
        """Put a request at the end of the queue."""
        super().add(request)
        if not self.running and len(self.waiting) == 1:
            self.now_s = max(self.now_s, request.arrival_s)  # the server had nothing to do

    def plan(self) -> Step:
        """The policy's plan, refused where the server could not carry it out."""
        server = Server(
            self.now_s, [*map(self._seen, self.running)], [*map(self._seen, self.waiting)]
        )
        planned = self.policy(server)
        for name in server.dropped:
            self.cancel(name)
        reads = self._checked(planned)
        for request in [r for r in self.waiting if r.name in reads]:
            self.waiting.remove(request)
            self.running.append(request)
            self.tables.open(request.name)
        if len(self.running) > self.max_running:
            raise CheckFailed(
                f"at {self.now_s:.3f} s, your plan lets {len(self.running)} texts run, and there "
                f"are {self.max_running} slots.",
                hint="too_many_running",
            )
        new = {r.name: self._unread(r)[: reads[r.name]] for r in self.running if r.name in reads}
        drawing = [r.name for r in self.running if len(new.get(r.name, ())) == self._n_unread(r)]
        return Step(new, drawing)

    def record(self, step: Step, drawn: dict, now_s: float) -> list[Request]:
        """Append the drawn tokens; returns who has finished."""
        self.now_s = now_s
        return super().record(step, drawn, now_s)

    def _seen(self, request: Request) -> Text:
        cached = len(self.tables.tokens.get(request.name, ()))
        last_s = request.token_times_s[-1] if request.written else request.arrival_s
        sizes = len(request.prompt), request.max_new, cached, len(request.written)
        return Text(request.name, request.arrival_s, *sizes, last_s)

    def _checked(self, planned) -> dict[int, int]:
        """The plan without texts that read nothing.

        Raises: CheckFailed with the hint "not_a_plan", "unknown_name" or "nothing_read".
        """
        here = {r.name for r in (*self.running, *self.waiting)}
        try:
            reads = {int(name): int(n) for name, n in dict(planned).items()}
        except (TypeError, ValueError):
            raise CheckFailed(
                "expected a dict from names to numbers of tokens; your function returned "
                f"{describe(planned)}.",
                hint="not_a_plan",
            ) from None
        reads = {name: n for name, n in reads.items() if n > 0}
        if unknown := [name for name in reads if name not in here]:
            raise CheckFailed(
                f"at {self.now_s:.3f} s, your plan lets request {unknown[0]} read, which is not "
                "here: it has finished, or you dropped it.",
                hint="unknown_name",
            )
        if not reads and here:
            raise CheckFailed(
                f"at {self.now_s:.3f} s, no text reads anything, although {len(here)} "
                f"request{'s are' if len(here) > 1 else ' is'} here, so the server would stand "
                "still. Drop those that you do not want to serve.",
                hint="nothing_read",
            )
        return reads


def requests_of(seed: int) -> list[Request]:
    """50 requests: seven in ten with a short prompt, the others with a long one."""
    rng = np.random.default_rng(9000 + seed)
    long = rng.random(N_REQUESTS) < 0.3
    prompts = np.where(long, rng.integers(400, 1600, N_REQUESTS), rng.integers(20, 100, N_REQUESTS))
    new = rng.integers(10, 60, N_REQUESTS)
    return poisson_requests(RATE_PER_S, prompts.tolist(), new.tolist(), seed)


def run(policy: Callable, seed: int) -> tuple[Trace, int]:
    """Serve 50 requests by a policy: what happened, and how many met the goal."""
    requests = requests_of(seed)
    scheduler = PolicyScheduler(policy, requests)
    trace = simulate(requests, scheduler, SimulatedEngine(scheduler.tables, COST))
    return trace, sum(map(GOAL.met_by, trace.timings))
