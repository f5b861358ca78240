"""What the explorable `serving` simulates: the course's scheduler, with speculation added.

Key idea: a speculative step is an ordinary one in which a text that writes also reads some drafted
words. They take what is left of the token budget and of the blocks, so they delay nobody's prompt;
but the forward pass computes all of them, whether they are accepted or not. `batching.mjs` computes
the same in the page. Chapter 09.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Request, Scheduler, Step
from grooves.inference.serving_simulation import (
    SimulatedEngine,
    StepCost,
    Trace,
    n_attended,
    simulate,
)

BLOCK_SIZE = 16  # tokens
DRAFT_SHARE = 0.1  # what a pass of the draft model costs, as a share of the target's
POLICIES = ("continuous", "static")


@dataclass(frozen=True)
class SpeculativeStep(Step):
    """A step whose last tokens of a text may be drafts: how many, by the request's name."""

    drafts: dict[object, int] = field(default_factory=dict)


class SpeculativeScheduler(Scheduler):
    """A scheduler that lets texts that write verify up to `n_drafts` drafted words per step."""

    def __init__(self, tables: BlockTables, n_drafts: int = 0, **choices):
        super().__init__(tables, **choices)
        self.n_drafts = n_drafts

    def plan(self) -> SpeculativeStep:
        """The scheduler's step, then drafts while budget and blocks last; texts in their order."""
        step = super().plan()
        new, drafts = dict(step.new), {}
        free = len(self.tables.pool.free)
        free -= sum(self.tables.n_needed(name, len(tokens)) for name, tokens in new.items())
        budget = float("inf") if self.token_budget is None else self.token_budget
        budget -= sum(map(len, new.values()))
        drawing = set(step.drawing)
        for request in self.running:
            name = request.name
            if name not in drawing or not request.written or len(new[name]) > 1:
                continue
            n = int(min(self.n_drafts, request.max_new - len(request.written) - 1, budget))
            needed = self.tables.n_needed(name, 1 + n) - self.tables.n_needed(name, 1)
            if n > 0 and needed <= free:
                new[name] = [*new[name], *[1] * n]
                drafts[name] = n
                budget, free = budget - n, free - needed
        return SpeculativeStep(new, step.drawing, step.n_padding, drafts)

    def record(self, step: Step, drawn: dict[object, list[int]], now_s: float) -> list[Request]:
        """Append the words of each text in `step.drawing`; returns who has finished."""
        for request in self.running:
            for word in drawn.get(request.name, ())[:-1]:
                request.written.append(word)
                request.token_times_s.append(now_s)
        return super().record(step, {name: words[-1] for name, words in drawn.items()}, now_s)


class SpeculativeEngine(SimulatedEngine):
    """Accepts the draft of a text's word i where `points[name][i]` is below `acceptance`.

    So the same words are accepted under every policy. points: uniform in [0, 1), for each request
    one per word. The draft model proposes one word of all texts per pass.
    """

    def __init__(
        self,
        tables: BlockTables,
        requests: Mapping[object, Request],
        points: Mapping[object, Sequence[float]],
        acceptance: float,
        cost: StepCost | None = None,
    ):
        super().__init__(tables, cost)
        self.requests, self.points, self.acceptance = requests, points, acceptance

    def compute(self, step: SpeculativeStep) -> tuple[dict[object, list[int]], float]:
        """The words of every text that draws, and how long the step took, in seconds."""
        attended = n_attended(self.tables, step)
        kept = {name: self._accepted(name, n) for name, n in step.drafts.items()}
        for name, tokens in step.new.items():
            self.tables.append(name, tokens)
            rejected = step.drafts.get(name, 0) - kept.get(name, 0)
            self.tables.cut(name, len(self.tables.tokens[name]) - rejected)
            self.tables.publish(name)
        seconds = self.cost.seconds(step.n_tokens, attended)
        if step.drafts:
            passes, drafted = max(step.drafts.values()), sum(step.drafts.values())
            draft_s = self.cost.fixed_s * passes + self.cost.per_token_s * drafted
            seconds += DRAFT_SHARE * draft_s
        return {name: [1] * (1 + kept.get(name, 0)) for name in step.drawing}, seconds

    def _accepted(self, name, n: int) -> int:
        """How many of the next n words' drafts are accepted before the first rejection."""
        first = len(self.requests[name].written)
        points = self.points[name][first : first + n]
        return next((i for i, point in enumerate(points) if point >= self.acceptance), n)


def served(
    requests: Sequence[Request],
    points: Mapping[object, Sequence[float]],
    cost: StepCost,
    *,
    policy: str = "continuous",
    batch: int = 16,
    blocks: int = 320,
    budget: int | None = None,
    drafts: int = 0,
    acceptance: float = 0.6,
) -> Trace:
    """The trace of a server with these settings; `requests` are changed.

    batch: slots. blocks: of `BLOCK_SIZE` tokens. budget: tokens per step, None for no limit.
    drafts: words that a draft model proposes per step and text. acceptance: of a draft.
    Raises: as `Scheduler` and its `add`.
    """
    tables = BlockTables(BlockPool(blocks, BLOCK_SIZE))
    static = policy == "static"
    scheduler = SpeculativeScheduler(
        tables, drafts, max_running=batch, token_budget=budget, static=static
    )
    by_name = {request.name: request for request in requests}
    engine = SpeculativeEngine(tables, by_name, points, acceptance, cost)
    return simulate(list(requests), scheduler, engine)
