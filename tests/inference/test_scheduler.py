"""Scheduling, in simulated time: who computes what, what it gains, and that nobody is lost."""

import numpy as np
import pytest
from tiny_models import some_ids, tiny

from grooves.inference.latency import mean_in_system, mm1_percentile, percentile, summarise
from grooves.inference.paged_cache import PagedCache
from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Request, Scheduler
from grooves.inference.serving_simulation import (
    ModelEngine,
    SimulatedEngine,
    StepCost,
    allowed_gain,
    poisson_requests,
    simulate,
)

AT_ONCE = float("inf")


def served(requests, static=False, max_running=16, token_budget=None, n_blocks=400, cost=None):
    """The trace of simulated requests; no block may be left in use."""
    tables = BlockTables(BlockPool(n_blocks, 16))
    scheduler = Scheduler(tables, max_running, token_budget, static)
    trace = simulate(requests, scheduler, SimulatedEngine(tables, cost))
    tables.check()
    assert tables.pool.n_used == 0 and len(trace.finished) == len(requests)
    assert all(len(r.token_times_s) == r.max_new for r in requests)
    return trace


def mixed(rate_per_s, n=480, seed=0):
    """Requests of very different lengths."""
    rng = np.random.default_rng(seed)
    new = np.clip(np.exp(rng.normal(3.6, 0.8, n)), 2, 190).astype(int).tolist()
    return poisson_requests(rate_per_s, rng.integers(4, 40, n).tolist(), new, seed), new


def test_static_and_continuous_batching_by_hand():
    lengths = [5, 1, 2, 3, 1]
    ends = {}
    for static in (True, False):
        requests = poisson_requests(AT_ONCE, [2] * 5, lengths)
        trace = served(requests, static, max_running=2, cost=StepCost(1.0, 0.0))
        ends[static] = [r.token_times_s[-1] for r in requests]
        assert [r.token_times_s[0] for r in requests][:2] == [1.0, 1.0]
        assert [s.n_padding for s in trace.steps] == (
            [0, 1, 1, 1, 1, 0, 0, 1, 0] if static else [0] * 6
        )
    assert ends == {True: [5, 1, 7, 8, 9], False: [5, 1, 3, 6, 6]}


def test_continuous_batching_gains_what_the_lengths_allow_at_no_worse_latency():
    backlog, lengths = mixed(AT_ONCE)
    allowed = allowed_gain(lengths, 16)
    static, continuous = (served(mixed(AT_ONCE)[0], static) for static in (True, False))
    gain = static.duration_s / continuous.duration_s
    assert allowed >= 2 and 0.85 * allowed <= gain <= 1.01 * allowed
    rate = 0.8 * len(backlog) / static.duration_s  # 80 % of what static batching can serve
    late = [summarise(served(mixed(rate)[0], s).timings).end_to_end_s for s in (True, False)]
    assert all(late[1][p] <= late[0][p] for p in (50, 95, 99))
    assert static.padding > 0.4 and continuous.padding == 0


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("n_blocks", [26, 400])  # the smaller pool preempts
def test_littles_law_holds_exactly(static, n_blocks):
    trace = served(mixed(30.0, n=200)[0], static, n_blocks=n_blocks)
    assert any(r.n_preempted for r in trace.finished) == (n_blocks == 26)
    arrivals = [r.arrival_s for r in trace.finished]
    departures = [r.token_times_s[-1] for r in trace.finished]
    rate = len(arrivals) / (max(departures) - min(arrivals))
    mean_s = np.mean([timing.end_to_end_s for timing in trace.timings])
    assert mean_in_system(arrivals, departures) == pytest.approx(rate * mean_s, rel=1e-10)
    busy = sum((s.n_running + s.n_waiting) * (s.end_s - s.start_s) for s in trace.steps)
    inside = sum(t.end_to_end_s for t in trace.timings)  # who arrives within a step is not in busy
    assert busy == pytest.approx(inside - waiting_within_steps(trace), rel=1e-10)


def waiting_within_steps(trace):
    """Seconds that requests spent between their arrival and the end of the step then running."""
    ends = np.array([step.end_s for step in trace.steps])
    starts = np.array([step.start_s for step in trace.steps])
    total = 0.0
    for request in trace.finished:
        step = np.searchsorted(ends, request.arrival_s)
        if starts[step] < request.arrival_s < ends[step]:
            total += ends[step] - request.arrival_s
    return total


def test_one_text_at_a_time_with_exponential_lengths_is_an_mm1_queue_and_a_batch_is_not():
    rng = np.random.default_rng(5)
    lengths = rng.geometric(1 / 12, 3000).tolist()
    cost = StepCost(1.0, 0.0)
    late = {}
    for slots in (1, 4):
        rate = 0.5 / 12  # half of what one slot can serve
        trace = served(poisson_requests(rate, [1] * 3000, lengths, 1), False, slots, cost=cost)
        late[slots] = percentile([t.end_to_end_s for t in trace.timings], 95)
    assert late[1] == pytest.approx(
        mm1_percentile(rate, 1 / 12, 95), rel=0.2
    )  # 20 seeds: 0.84 to 1.13 of it
    assert late[4] < 0.7 * mm1_percentile(rate, 1 / 12, 95)


def test_chunked_prefill_bounds_the_gaps_that_long_prompts_make():
    cost, budget = StepCost(5e-3, 2e-4), 32
    lengths = [10, 10, 10, 170] * 20
    gaps, tokens = {}, {}
    for chunk in (None, budget):
        requests = poisson_requests(8.0, lengths, [20] * len(lengths), seed=3)
        trace = served(requests, token_budget=chunk, cost=cost)
        gaps[chunk] = max(gap for t in trace.timings for gap in t.between_tokens_s)
        tokens[chunk] = sum(step.n_tokens for step in trace.steps)
        if chunk:
            assert max(step.n_tokens for step in trace.steps) <= budget
    assert gaps[budget] <= cost.seconds(budget) + 1e-9
    assert gaps[None] >= cost.seconds(170) > 2 * gaps[budget]
    assert tokens[None] == tokens[budget] == sum(lengths) + 19 * len(lengths)


def test_the_words_do_not_depend_on_who_else_is_served():
    model, shared = tiny(), some_ids(1, 9, seed=7)[0].tolist()
    prompts = [[*shared, *row[: 1 + i % 5]] for i, row in enumerate(some_ids(8, 6).tolist())]

    def words(n_blocks, together=True, seed=0, **changes):
        cache = PagedCache(model, n_blocks, 4)
        requests = [Request(i, 0.01 * i * together, p, 12) for i, p in enumerate(prompts)]
        groups = [requests] if together else [[request] for request in requests]
        for group in groups:
            engine = ModelEngine(cache, seed=seed, cost=StepCost())
            simulate(group, Scheduler(cache.tables, **changes), engine)
        cache.tables.check()
        assert cache.tables.pool.n_used == 0
        return [r.written for r in requests], sum(r.n_preempted for r in requests)

    alone, none = words(40, together=False)
    assert none == 0 and len(set(map(tuple, alone))) == 8
    assert words(80) == (alone, 0)
    assert words(80, max_running=3, static=True) == (alone, 0)
    assert words(80, max_running=4, token_budget=5) == (alone, 0)
    few, preempted = words(9, max_running=6, token_budget=6)
    assert few == alone and preempted > 0
    assert words(80, seed=1)[0] != alone


def test_requests_are_admitted_in_the_order_of_arrival():
    requests = mixed(60.0, n=150)[0]
    served(requests, max_running=4)
    first = [r.token_times_s[0] for r in requests]
    assert first == sorted(first) and first[-1] > 10 * requests[0].token_times_s[0]


@pytest.mark.parametrize("seed", range(3))
def test_cancelled_requests_leave_nothing_behind(seed):
    rng, tables = np.random.default_rng(seed), BlockTables(BlockPool(30, 16))
    scheduler = Scheduler(tables, 8, token_budget=24)
    engine, (coming, _) = SimulatedEngine(tables), mixed(AT_ONCE, n=60, seed=seed)
    for request in coming:
        scheduler.add(request)
    cancelled, now_s = set(), 0.0
    while scheduler.n_in_system:
        if rng.random() < 0.1:
            name = int(rng.integers(60))
            here = any(r.name == name for r in [*scheduler.waiting, *scheduler.running])
            assert scheduler.cancel(name) == here
            cancelled |= {name} if here else set()
            tables.check()
        step = scheduler.plan()
        drawn, seconds = engine.compute(step) if step.new else ({}, 0.0)
        now_s += seconds
        scheduler.record(step, drawn, now_s)
        assert tables.blocks.keys() == {r.name for r in scheduler.running}
    assert tables.pool.n_used == 0 and len(cancelled) > 10
    assert {r.name for r in coming if r.finished} == set(range(60)) - cancelled


def test_arrivals_are_poisson_and_repeatable():
    requests = poisson_requests(20.0, [3] * 4000, [5] * 4000, seed=2, shared_prompt=[9, 9])
    gaps = np.diff([0.0, *(r.arrival_s for r in requests)])
    assert gaps.mean() == pytest.approx(1 / 20, rel=0.07)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1)
    again = poisson_requests(20.0, [3] * 4000, [5] * 4000, seed=2)
    assert [r.arrival_s for r in again] == [r.arrival_s for r in requests]
    assert all(len(r.prompt) == 5 and r.prompt[:2] == [9, 9] for r in requests)


def test_requests_that_could_never_be_served_are_refused():
    scheduler = Scheduler(BlockTables(BlockPool(2, 4)), 2, 2)
    scheduler.add(Request("fits", 0.0, [1] * 5, 3))
    with pytest.raises(ValueError, match="may grow to 9 tokens, but all blocks together hold 8"):
        scheduler.add(Request("too long", 0.0, [1] * 5, 4))
    with pytest.raises(ValueError, match="request 'empty' needs a prompt"):
        scheduler.add(Request("empty", 0.0, [], 4))
    with pytest.raises(ValueError, match="max_running=3"):
        Scheduler(scheduler.tables, 3, 2)
    with pytest.raises(ValueError, match="rate_per_s=0"):
        poisson_requests(0, [1], [1])
    with pytest.raises(ValueError, match="3 lengths make no batch of 4"):
        allowed_gain([1, 2, 3], 4)
