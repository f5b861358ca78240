"""Static and continuous batches for `serving.py`: simulated, and with the model at work.

Key idea: a static batch in one tensor computes all its slots until the longest text has ended, as
`generate` does. Our scheduler leaves ended texts out, so the padding is computed here on purpose.
"""

from __future__ import annotations

import report

from grooves.inference.paged_decoder import PagedDecoder
from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Request, Scheduler, Step
from grooves.inference.serving_simulation import (
    ModelEngine,
    SimulatedEngine,
    StepCost,
    Trace,
    poisson_requests,
    simulate,
)

SLOTS = 16  # texts in a batch


class PaddedEngine(ModelEngine):
    """Computes the slots of ended texts too, as a static batch in one tensor does (`generate`)."""

    def compute(self, step: Step) -> tuple[dict, float]:
        """As `ModelEngine`, with a text of its own in each slot that has ended."""
        tables, pads = self.cache.tables, [f"ended {i}" for i in range(step.n_padding)]
        for pad in [name for name in tables.blocks if str(name).startswith("ended")]:
            if pad not in pads:
                tables.close(pad)  # a new batch has begun
        for pad in pads:
            if pad not in tables.blocks:
                tables.open(pad)
        return super().compute(Step(step.new | {pad: [1] for pad in pads}, step.drawing))


def simulated(lengths: list[int], static: bool) -> tuple[Trace, float]:
    """A trace in simulated time, whose duration is its own."""
    tables = BlockTables(BlockPool(400, 16))
    requests = poisson_requests(float("inf"), [8] * len(lengths), lengths)
    engine = SimulatedEngine(tables, StepCost(5e-3, 0.0))
    trace = simulate(requests, Scheduler(tables, SLOTS, static=static), engine)
    return trace, trace.duration_s


def real(model, lengths: list[int], static: bool, engine: type) -> tuple[Trace, float]:
    """A trace with the model's own words, and its CPU seconds."""
    cache = PagedDecoder(model, 400)
    engine, scheduler = engine(cache), Scheduler(cache.tables, SLOTS, static=bool(static))
    requests = [Request(i, 0.0, [0], n) for i, n in enumerate(lengths)]
    started = report.core_seconds()
    trace = simulate(requests, scheduler, engine)
    return trace, report.core_seconds() - started
