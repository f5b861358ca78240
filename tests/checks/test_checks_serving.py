"""The checks of lab 9 beyond what `test_checks_labs.py` asks of every lab's."""

import ast
import functools
import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from answers.serving import ANSWERS, policy
from test_checks_labs import refusal
from torch.nn import functional as F

from grooves.checks import serving as check
from grooves.checks.serving import (
    check_block_table,
    check_cached_attention,
    check_goodput,
    check_littles_law,
    check_percentile,
    check_plan_step,
    check_read_stream,
    check_verify,
    simulated,
    streams,
)
from grooves.checks.serving.simulated import PolicyScheduler
from grooves.inference.latency import mean_in_system
from grooves.inference.paging import BlockPool, BlockTables
from grooves.inference.scheduler import Scheduler
from grooves.inference.serving_simulation import poisson_requests

pytestmark = pytest.mark.usefixtures("own_progress")
said = functools.partial(refusal, ANSWERS.lab)


def _lines(chunks, whole=True, strip=False, empty=False, breaks=False, joined="\n"):
    """Events, with the habits of a first answer."""
    buffer, data = b"", []
    for chunk in chunks:
        *lines, buffer = ((buffer if whole else b"") + chunk).split(b"\n")
        for line in lines if whole else [*lines, buffer]:
            line = line.decode(errors="ignore").removesuffix("\r")
            if line.startswith("data:"):
                data.append(line[5:].strip() if strip else line[5:].removeprefix(" "))
            elif line == "" and (data or empty):
                if data == ["[DONE]"]:
                    if breaks:
                        break
                    return
                yield joined.join(data)
                data = []


@pytest.mark.parametrize(
    ("hint", "answer"),
    [
        ("chunk_alone", lambda chunks: _lines(chunks, whole=False, strip=True)),
        ("too_late", lambda chunks: _lines(iter([b"".join(chunks)]), strip=True)),
        ("no_event", lambda chunks: _lines(chunks, empty=True, joined=" ")),
        ("reads_on", lambda chunks: _lines(chunks, breaks=True, strip=True)),
    ],
)
def test_of_two_mistakes_with_a_stream_the_one_that_shows_first_is_named(hint, answer):
    assert said("read_stream", answer).hint == hint


def test_a_rank_taken_as_an_index_is_told_where_it_leads_beyond_the_list():
    def answer(groups, p):
        values = sorted(value for group in groups for value in group)
        return values[math.ceil(len(values) * p / 100)]

    assert "rank r is at index r - 1" in said("percentile", answer).message


def test_a_name_that_nobody_has_cannot_be_dropped():
    def answer(server):
        server.drop("Mary")
        return {}

    failure = said("goodput", answer)
    assert failure.hint == "unknown_name" and "drops the text 'Mary'" in failure.message


# --- yardsticks -------------------------------------------------------------------------------


def test_the_attention_of_the_check_is_pytorchs():
    for sizes in check_cached_attention.CASES:
        q, k, v, k_cache, v_cache = check_cached_attention.case(*sizes)
        out, keys, values = check_cached_attention.full_pass(q, k, v, k_cache, v_cache)
        T, n, group = q.size(1), keys.size(1), len(q) // len(k)
        wide = (x.repeat_interleave(group, 0) for x in (keys, values))
        seen = torch.ones(T, n).tril(n - T).bool()
        expected = F.scaled_dot_product_attention(q, *wide, attn_mask=seen)
        assert torch.allclose(out, expected, atol=1e-5)


def test_the_block_tables_of_the_check_are_those_of_the_course():
    for texts, size in (*check_block_table.CASES, *check_block_table.random_cases()):
        course = BlockTables(BlockPool(200, size))
        for i, text in enumerate(texts):
            known = course.open(i, [*text, 0])  # the course never takes the last token from memory
            course.append(i, text[known:])
            course.publish(i)
        tables, slots = check_block_table.tables_of(texts, size)
        assert tables == list(course.blocks.values())
        assert [len(row) for row in slots] == [len(text) for text in texts]


def test_the_plans_of_the_check_are_those_of_the_course():
    """On a server with blocks enough; the course preempts texts where there are too few."""
    rng = np.random.default_rng(9)
    sizes = rng.integers(1, 40, 40).tolist(), rng.integers(1, 20, 40).tolist()
    tables = BlockTables(BlockPool(1000, 4))
    scheduler = Scheduler(tables, max_running=5, token_budget=17)
    for request in poisson_requests(math.inf, *sizes):
        scheduler.add(request)
    n_chunks = 0
    while scheduler.n_in_system:
        seen = []
        for queue in (scheduler.running, scheduler.waiting):
            cached = [len(tables.tokens.get(r.name, ())) for r in queue]
            texts = zip(queue, cached, strict=True)
            seen.append(
                [{"name": r.name, "cached": n, "unread": len(r.tokens) - n} for r, n in texts]
            )
        new, drawing = check_plan_step.plan(*seen, 5, 17, len(tables.pool.free), 4)
        step = scheduler.plan()
        assert new == {name: len(tokens) for name, tokens in step.new.items()}
        assert sorted(drawing) == sorted(step.drawing)
        n_chunks += len(new) - len(drawing)
        for name, tokens in step.new.items():
            tables.append(name, tokens)
        scheduler.record(step, dict.fromkeys(step.drawing, 1), 0.0)
    assert n_chunks > 10


def test_the_verifier_of_the_check_leaves_the_targets_distribution():
    for sizes in check_verify.CASES:
        p, q, _, _ = check_verify.case(*sizes)
        law = np.zeros(p.shape[1])
        for x, proposed in enumerate(q[0]):
            accepted = min(1, p[0, x] / proposed)
            law[x] += proposed * accepted
            if accepted < 1:
                inputs = p[:2], q[:1], np.array([x]), np.array([0.999999])
                kept, after = check_verify.verified(*inputs)
                law += proposed * (1 - accepted) * after if kept == 0 else 0
        assert np.abs(law - p[0]).max() < 1e-5


def test_no_percentile_hangs_on_a_rounding():
    whole = 0
    for groups, p in check_percentile.CASES:
        n = sum(map(len, groups))
        exact = Fraction(p) * n / 100
        assert math.ceil(n * p / 100) == math.ceil(p / 100 * n) == math.ceil(exact)
        whole += exact.denominator == 1
    assert 3 < whole < len(check_percentile.CASES) - 3


def test_littles_law_agrees_with_counting():
    for inputs in (*check_littles_law.CASES, check_littles_law.drawn(7, 50, 16)):
        rate, stay, inside, blocks = check_littles_law.measured(*inputs)
        assert math.isclose(inside, mean_in_system(*inputs[:2]), rel_tol=1e-9)
        one_each = (*inputs[:2], [1] * len(inputs[0]), inputs[3])
        assert math.isclose(check_littles_law.measured(*one_each)[3], inside, rel_tol=1e-9)
        assert blocks >= inside


def test_how_a_stream_is_cut_changes_no_event():
    rng = np.random.default_rng(9)
    for said in streams.STREAMS.values():
        whole, _ = check_read_stream.events(streams.parsed, streams.cut(said, 10_000))
        for _ in range(5):
            chunks = streams.cut(said, *rng.integers(1, 9, 7).tolist())
            found, _ = check_read_stream.events(streams.parsed, chunks)
            assert [data for _, data in found] == [data for _, data in whole]
            assert b"".join(chunks).decode() == said


# --- the challenge ----------------------------------------------------------------------------


def test_the_solution_clears_the_bar_with_room_to_spare_and_the_baselines_miss_it():
    def mean(answer, seeds):
        return np.mean([check.served(answer, seed)["met"] for seed in seeds])

    for seeds, room in ((check_goodput.SEEDS, 4), (range(100, 120), 1)):
        assert mean(ANSWERS.reference("goodput"), seeds) > check_goodput.BAR + room
        assert mean(policy(256), seeds) < check_goodput.BAR - 8
        assert mean(policy(100_000), seeds) < 15


def test_every_request_of_the_challenge_is_met_late_or_dropped():
    counts = check.served(ANSWERS.reference("goodput"), 3)
    assert sum(counts.values()) == 50 and counts["dropped"] > 0
    counts = check.served(policy(100_000), 3)
    assert (
        sum(counts.values()) == 50 and min(counts["first token late"], counts["gap too long"]) > 5
    )


def test_the_race_runs_on_other_requests(capsys):
    score = check.race(ANSWERS.reference("goodput"), seeds=2)
    runs = [check.served(ANSWERS.reference("goodput"), seed)["met"] for seed in (100, 101)]
    assert score == sum(runs) / 2
    assert capsys.readouterr().out.count("of 50 requests met the goal") == 2


def test_a_step_that_takes_exactly_the_limit_meets_the_goal():
    """20 ms + 0.25 ms · 320 = 0.1 s, whatever the sums of such times round to."""
    at_limit, above = (check.served(policy(budget), 0) for budget in (320, 321))
    assert at_limit["gap too long"] == 0 < above["gap too long"]


def test_the_challenge_uses_nothing_private_of_the_courses_scheduler():
    """What begins with an underscore may change with no regard to the labs."""
    own = {name for name in vars(PolicyScheduler) if name.startswith("_")}
    private = {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(simulated)))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
    }
    assert private and private <= own
