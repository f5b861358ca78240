"""The checks of lab 13 beyond what `test_checks_labs.py` asks of every lab's."""

import numpy as np
import pytest

from grooves.checks import many_devices as check
from grooves.checks.many_devices import (
    check_bytes_on_the_wire,
    check_checkpoint_interval,
    check_fit_alpha_beta,
    check_loader_workers,
    check_parallel_plan,
    check_pipeline_bubble,
    check_ring_all_reduce,
    check_zero_memory,
)
from grooves.hardware.many_devices import alpha_beta, failures, loaders, memory
from grooves.training.distributed import pipeline, ring

pytestmark = pytest.mark.usefixtures("own_progress")


# --- yardsticks -------------------------------------------------------------------------------


def test_the_yardsticks_are_what_the_course_computes():
    for n, bits, devices in check_bytes_on_the_wire.CASES:
        sent, _ = check_bytes_on_the_wire.right(n, bits, devices)
        assert sent == pytest.approx(ring.bytes_sent(n * bits / 8, devices))
    for stages, micro, f, b in check_pipeline_bubble.CASES:
        slots = pipeline.timetable("gpipe", stages, micro)
        seconds, bubble = check_pipeline_bubble.right(stages, micro, f, b)
        assert bubble == pytest.approx(pipeline.bubble(slots, stages), abs=1e-12)
        assert seconds == pytest.approx(max(slots.values()) / 2 * (f + b))
    for n, devices, stage in check_zero_memory.CASES:
        assert check_zero_memory.right(n, devices, stage) == pytest.approx(
            memory.state_bytes(n, devices, stage)
        )
    for sizes, times in check_fit_alpha_beta.CASES:
        link = alpha_beta.fit(sizes, times)
        found = check_fit_alpha_beta.right(sizes, times)
        assert found == pytest.approx((link.alpha_s, link.beta_bytes_per_s), rel=1e-6)
    for hours, devices, save_s, restart_s in check_checkpoint_interval.CASES:
        between = failures.mean_seconds_between(devices, hours)
        interval, lost = check_checkpoint_interval.right(hours, devices, save_s, restart_s)
        assert interval == pytest.approx(failures.young(save_s, between))
        assert lost == pytest.approx(
            1 - failures.goodput(interval, save_s, restart_s, between), abs=0.02
        )
    for kind, load, step, carry, cores in check_loader_workers.CASES:
        costs = loaders.Costs(step, carry, cores)
        for workers in (0, 1, 2, 5):
            way = f"{workers} workers" if workers else "none"
            assert check_loader_workers.seconds(
                kind, load, step, carry, cores, workers
            ) == pytest.approx(loaders.predicted_seconds(kind, load, way, costs))


def test_the_steps_of_the_ring_are_those_that_the_course_sends(monkeypatch):
    for n in (2, 3, 5):
        for rank in range(n):
            sent = []
            monkeypatch.setattr(ring.dist, "get_rank", lambda rank=rank: rank)
            monkeypatch.setattr(ring.dist, "get_world_size", lambda n=n: n)
            monkeypatch.setattr(
                ring, "exchange", lambda out, into, sent=sent: sent.append(int(out[0]))
            )
            chunks = tuple(np.full(1, i) for i in range(n))
            monkeypatch.setattr(ring.torch, "empty_like", np.zeros_like)
            ring.reduce_scatter(tuple(np.array(c) for c in chunks))
            ring.all_gather(chunks)
            assert sent == [step[0] for step in check_ring_all_reduce.right(rank, n)]


def test_the_bar_of_the_challenge_leaves_room_and_each_shortcut_misses_it_somewhere():
    for mistake in check_parallel_plan.MISTAKES:
        ratios = []
        for model, cluster, batch in check_parallel_plan.problems().values():
            best = check_parallel_plan.scored(model, cluster, batch)[0].step.seconds
            plan = mistake.compute(model, cluster, batch)
            step = check_parallel_plan.training_step(model, cluster, plan, batch)
            ratios.append(step.seconds / best)
        assert max(ratios) > 1.03, mistake.name
    for given in check_parallel_plan.problems().values():
        plans = check_parallel_plan.scored(*given)
        assert len(plans) > 20 and plans[0].step.memory_bytes <= given[1].memory_bytes


def test_the_race_scores_the_best_with_one(capsys):
    score = check.race(lambda *given: check_parallel_plan.scored(*given)[0].plan)
    assert score == pytest.approx(1) and "Score 1.000" in capsys.readouterr().out
