"""The simulation of the explorable `serving`: the page serves step for step as Python does."""

from dataclasses import asdict

import numpy as np
import pytest

from grooves.explorables.serving.simulation import (
    BLOCK_SIZE,
    SpeculativeEngine,
    SpeculativeScheduler,
    served,
)
from grooves.explorables.serving.widget import COST
from grooves.inference.latency import percentile, summarise
from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Request, Scheduler
from grooves.inference.serving_simulation import SimulatedEngine, StepCost, simulate

PLAIN = {
    "policy": "continuous",
    "load": 0.8,
    "batch": 16,
    "blocks": 320,
    "budget": None,
    "drafts": 0,
    "acceptance": 0.6,
    "prompts": "short",
}
SETTINGS = [
    PLAIN,
    PLAIN | {"policy": "static"},
    PLAIN | {"blocks": 64},  # preempts
    PLAIN | {"policy": "static", "blocks": 64, "load": 1.2},
    PLAIN | {"prompts": "tenth", "budget": 64},
    PLAIN | {"prompts": "one", "budget": 32, "batch": 32, "load": 1.2, "blocks": 96},
    PLAIN | {"drafts": 4, "batch": 2, "acceptance": 0.95},
    PLAIN | {"drafts": 8, "batch": 32, "load": 0.95, "blocks": 48},
    PLAIN | {"drafts": 3, "budget": 32, "prompts": "tenth", "blocks": 96},
    PLAIN | {"drafts": 2, "policy": "static", "budget": 128, "acceptance": 0.3},
]

N = 90  # requests of the page's 300, to save time


SERVED = """async ([settings, seed, cost, n]) => {
  const { simulate } = await import("/serving/batching.mjs");
  const { arriving, capacity, drawn } = await import("/serving/requests.mjs");
  const { summary } = await import("/serving/latency.mjs");
  const requests = drawn(seed, settings.prompts);
  const rate = settings.load * capacity(requests, settings.batch, cost);
  const all = arriving(requests, rate).slice(0, n);
  const trace = simulate(all, settings, cost);
  return { requests: all, ...trace, summary: summary(trace, settings.batch) };
}"""


def in_page(modules, settings, seed=1, cost=COST, n=N):
    """What the page makes of its requests: requests, finished, steps, summary."""
    return modules.evaluate(SERVED, [settings, seed, asdict(cost), n])


def requests_of(found):
    """The page's requests with prompts that share no beginning, and the points of their drafts."""
    requests = [
        Request(
            one["name"],
            one["arrival"],
            [1000 * (one["name"] + 1) + i for i in range(one["nPrompt"])],
            one["nNew"],
        )
        for one in found["requests"]
    ]
    return requests, {one["name"]: one["points"] for one in found["requests"]}


def in_python(found, settings, cost=COST):
    """The same requests served by the course's scheduler."""
    requests, points = requests_of(found)
    chosen = {name: settings[name] for name in settings if name not in ("load", "prompts")}
    return served(requests, points, cost, **chosen)


# ---- speculation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["continuous", "static"])
def test_without_drafts_it_is_the_courses_simulation(policy):
    rng = np.random.default_rng(0)

    def requests():
        return [Request(i, i / 40, [i + 1, i, *range(20)], 5 + i % 30) for i in range(80)]

    tables = BlockTables(BlockPool(14, BLOCK_SIZE))
    scheduler = Scheduler(tables, max_running=8, token_budget=40, static=policy == "static")
    plain = simulate(requests(), scheduler, SimulatedEngine(tables, COST))
    points = {i: rng.random(40).tolist() for i in range(80)}
    ours = served(requests(), points, COST, policy=policy, batch=8, blocks=14, budget=40)
    assert ours.steps == plain.steps
    assert [r.token_times_s for r in ours.finished] == [r.token_times_s for r in plain.finished]
    assert any(r.n_preempted for r in ours.finished) == (policy == "continuous")


def test_drafts_are_kept_up_to_the_first_rejection_and_computed_all_the_same():
    request = Request(0, 0.0, [5, 6, 7], 8)
    # Word 0 comes with the prompt. Step 2: words 1 and 2 accepted, 3 rejected. Step 3: word 4
    # rejected. Step 4: 5, 6 accepted, and no draft for the last word, which is drawn anyway.
    points = [0.0, 0.1, 0.1, 0.9, 0.9, 0.1, 0.1, 0.9]
    cost = StepCost(fixed_s=1.0, per_token_s=0.01)
    trace = served([request], {0: points}, cost, batch=1, drafts=3, acceptance=0.5)
    assert [step.n_tokens for step in trace.steps] == [3, 4, 4, 3]
    drafted_s = [0, *(0.1 * (n * 1.0 + n * 0.01) for n in (3, 3, 2))]
    lasted = [1 + 0.01 * n + more for n, more in zip([3, 4, 4, 3], drafted_s, strict=True)]
    assert [step.end_s for step in trace.steps] == pytest.approx(np.cumsum(lasted))
    ends = np.cumsum(lasted)[[0, 1, 1, 1, 2, 3, 3, 3]]
    assert request.token_times_s == pytest.approx(ends)


def test_drafts_take_only_budget_and_blocks_that_are_left_and_lose_none():
    tables = BlockTables(BlockPool(7, BLOCK_SIZE))
    requests = [Request(i, 0.0, [100 * i + j for j in range(1, 11)], 30) for i in range(8)]
    scheduler = SpeculativeScheduler(tables, 6, max_running=8, token_budget=20)
    points = {i: [0.3] * 30 for i in range(8)}
    engine = SpeculativeEngine(tables, dict(enumerate(requests)), points, 0.5, COST)
    trace = simulate(requests, scheduler, engine)
    tables.check()
    assert tables.pool.n_used == 0
    assert max(step.n_tokens for step in trace.steps) == 20
    assert all(len(r.token_times_s) == 30 for r in requests)
    assert any(r.n_preempted for r in requests)


# ---- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_the_page_serves_step_for_step_as_python_does(modules, settings):
    cost = StepCost(9e-3, 0.17e-3, 0.3e-6)
    found = in_page(modules, settings, seed=3, cost=cost)
    trace = in_python(found, settings, cost)
    assert len(trace.finished) == len(found["finished"]) == N
    for ours, theirs in zip(trace.finished, found["finished"], strict=True):
        assert ours.name == theirs["name"]
        assert ours.token_times_s == theirs["times"], "the same times to the last bit"
        assert ours.n_preempted == len(theirs["preemptions"])
        assert len(theirs["admissions"]) == 1 + ours.n_preempted
    steps = [
        (s.start_s, s.end_s, s.n_tokens, s.n_padding, s.n_running, s.n_waiting, s.n_blocks)
        for s in trace.steps
    ]
    names = ("start", "end", "nTokens", "padding", "nRunning", "nWaiting", "nBlocks")
    assert [tuple(step[name] for name in names) for step in found["steps"]] == steps
    if settings["blocks"] == 64 and settings["policy"] == "continuous":
        assert sum(r.n_preempted for r in trace.finished) > 5


@pytest.mark.parametrize("settings", [SETTINGS[3], SETTINGS[7]], ids=[3, 7])
def test_the_page_sums_up_as_python_does(modules, settings):
    found = in_page(modules, settings)
    trace, shown = in_python(found, settings), found["summary"]
    whole = summarise(trace.timings)
    assert shown["firstMedian"] == pytest.approx(whole.first_token_s[50])
    assert shown["first99"] == pytest.approx(whole.first_token_s[99])
    assert shown["gap99"] == pytest.approx(whole.between_tokens_s[99])
    gaps = [gap for timing in trace.timings for gap in timing.between_tokens_s]
    assert shown["gapLongest"] == pytest.approx(percentile(gaps, 100))
    assert shown["totalMedian"] == pytest.approx(whole.end_to_end_s[50])
    assert shown["words"] == pytest.approx(whole.tokens_per_s)
    assert shown["requests"] == pytest.approx(whole.throughput_per_s)
    assert shown["padding"] == pytest.approx(trace.padding)
    assert shown["preemptions"] == sum(r.n_preempted for r in trace.finished)
    busy = sum(s.n_running * (s.end_s - s.start_s) for s in trace.steps)
    assert shown["slots"] == pytest.approx(busy / trace.duration_s / settings["batch"])


def test_capacity_is_what_a_full_server_serves_and_the_load_a_share_of_it(modules):
    batch = 16
    settings = PLAIN | {"batch": batch, "load": 0.5, "blocks": 640}
    found = in_page(modules, settings, n=300)
    rate = len(found["requests"]) / found["requests"][-1]["arrival"] / 0.5
    backlog, points = requests_of(found)
    for request in backlog:
        request.arrival_s = 0.0
    trace = served(backlog, points, COST, batch=batch, blocks=640)
    full = [s for s in trace.steps if s.n_running == batch]  # the end of it is not full
    words = sum(sum(t <= full[-1].end_s for t in r.token_times_s) for r in backlog)
    mean = np.mean([r.max_new for r in backlog])
    assert words / mean / full[-1].end_s == pytest.approx(rate, rel=0.03)


def test_every_experiment_comes_out_as_it_is_explained_for_any_requests(modules):
    found = modules.evaluate(
        """async (cost) => {
          const { EXPERIMENTS, START } = await import("/serving/experiments.mjs");
          const { place } = await import("/shared/before_after.mjs");
          const { simulate } = await import("/serving/batching.mjs");
          const { arriving, capacity, drawn } = await import("/serving/requests.mjs");
          const { summary } = await import("/serving/latency.mjs");
          const run = (changes, seed) => {
            const settings = { ...START, ...changes };
            const requests = drawn(seed, settings.prompts);
            const rate = settings.load * capacity(requests, settings.batch, cost);
            const trace = simulate(arriving(requests, rate), settings, cost);
            return { ...summary(trace, settings.batch), steps: trace.steps.length };
          };
          return Object.entries(EXPERIMENTS).map(([key, one]) => [key, [1, 2, 3, 4].map((seed) => {
            const [before, after] = [one.before, one.after].map((changes) => run(changes, seed));
            const ratio = after[one.measure] / before[one.measure];
            return { before, after, right: place(one.cuts, ratio) };
          })]);
        }""",
        asdict(COST),
    )
    right = {"static": 2, "load": 2, "chunk": 0, "few": 0, "many": 2, "memory": 2}
    assert [key for key, _ in found] == list(right)
    for key, runs in found:
        for one in runs:
            before, after = one["before"], one["after"]
            assert one["right"] == right[key], key
            if key == "static":
                assert after["padding"] > 0.3 and after["words"] < 0.7 * before["words"]
            if key == "chunk":
                assert after["firstMedian"] > 1.5 * before["firstMedian"]
            if key in ("few", "many"):  # steps are longer by a factor, and fewer by another
                longer = after["gap99"] / before["gap99"]
                fewer = before["steps"] / after["steps"]
                assert (longer > 1.4) == (key == "many") and 1.5 < fewer < 3.5
            if key == "memory":
                assert before["preemptions"] == 0 and after["preemptions"] > 20
