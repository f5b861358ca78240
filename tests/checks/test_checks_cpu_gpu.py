"""The checks of lab 11 beyond those of every lab: no clock, honest yardsticks, the challenge."""

import math
import time

import numpy as np
import pytest
import torch
from answers.cpu_gpu import ANSWERS, slow_step, step, timer

from grooves.checks import CheckFailed
from grooves.checks import cpu_gpu as check
from grooves.checks.cpu_gpu import counts as cpu_gpu_counts
from grooves.checks.cpu_gpu import flight as cpu_gpu_flight
from grooves.checks.cpu_gpu import machine_plan as cpu_gpu_plan
from grooves.checks.cpu_gpu import roof as cpu_gpu_roof
from grooves.checks.cpu_gpu import step as cpu_gpu_step
from grooves.checks.cpu_gpu import time as cpu_gpu_time
from grooves.hardware import roofline
from grooves.language.corpora import digits

RIGHT, WRONG = ANSWERS.right_answers, ANSWERS.wrong_answers


pytestmark = pytest.mark.usefixtures("own_progress")


def test_no_check_asks_a_clock(monkeypatch):
    def stopped(*_):
        raise AssertionError("a check asked a clock")

    answers = {exercise: ANSWERS.reference(exercise) for exercise in RIGHT}
    for name in ("perf_counter", "perf_counter_ns", "monotonic", "process_time", "sleep"):
        monkeypatch.setattr(time, name, stopped)
    for exercise, answer in answers.items():
        getattr(check, exercise)(answer)


# --- the timer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("more", range(1, 8))
def test_a_timer_calls_the_work_as_often_as_it_is_told(more):
    for answer in (timer(warm=lambda w: w + more), timer(runs=lambda r: r + 2 * more)):
        with pytest.raises(CheckFailed) as refused:
            check.median_time(answer)
        assert refused.value.hint == "called_too_often"


# --- errors that usual mistakes raise -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("a maximum that starts at 0", "([-900.0, -903.5, -901.2], [4.0, 1.0, -6.0])", "-math.inf"),
        ("no maximum", "([700.3, 698.1], [3.0, 20.0])", "Subtract the greatest score so far"),
        ("a list of the pieces", "([0.5, -1.2, 2.0], [10.0, -3.0, 4.5])", "are overwritten"),
    ],
)
def test_an_error_of_a_usual_mistake_shows_the_pieces_and_names_the_mistake(name, given, says):
    answer, _ = ANSWERS.rare_answers["softmax_average"][name]
    with pytest.raises(CheckFailed) as refused:
        check.softmax_average(answer)
    arguments, mistake = refused.value.message.split("\nLikely mistake: ")
    assert f"softmax_average got pieces = [{given}" in arguments
    assert says in mistake


# --- the yardsticks ------------------------------------------------------------------------------


def test_the_yardsticks_are_those_of_the_courses_roofline():
    for operation, shape, width in cpu_gpu_counts.CASES:
        make = {"matmul": roofline.matmul, "matvec": roofline.matvec}.get(operation)
        if make:
            expected = make(*shape, width).intensity
            assert cpu_gpu_counts.right(operation, shape, width) == pytest.approx(expected)
    for i, *limits in cpu_gpu_roof.CASES:
        rate, ridge, limit = cpu_gpu_roof.right(i, *limits)
        assert rate == roofline.attainable(i, *limits) and ridge == roofline.ridge(*limits)
        assert (limit == "memory") == (rate < limits[0])
    for operations, *limits, launch_s in cpu_gpu_time.CASES:
        asked = [roofline.Operation("one", *pair) for pair in operations if pair[1]]
        expected = sum(roofline.least_seconds(one, *limits) for one in asked)
        expected += sum(flops / limits[0] for flops, n_bytes in operations if not n_bytes)
        expected += launch_s * len(operations)
        seconds, _ = cpu_gpu_time.right(operations, *limits, launch_s)
        assert seconds == pytest.approx(expected)
    causes = {cpu_gpu_time.right(*case)[1] for case in cpu_gpu_time.CASES}
    assert causes == set(cpu_gpu_time.CAUSES)
    for latency_s, bandwidth, bytes_each in cpu_gpu_flight.CASES:
        expected = roofline.bytes_in_flight(latency_s, bandwidth) / bytes_each
        assert cpu_gpu_flight.exactly(latency_s, bandwidth, bytes_each) == expected


def test_sums_and_copies_move_what_pytorch_moves():
    a, b = torch.ones(30, 7), torch.ones(30, 7)
    for operation, work in (("add", lambda: a + b), ("copy", lambda: a.clone())):
        moved = roofline.tallied(operation, work).n_bytes
        assert 4 * sum(cpu_gpu_counts.moved(operation, (30, 7))) == moved


def test_the_reference_step_does_what_the_labs_slow_step_does():
    images = torch.tensor(digits().train_images, dtype=torch.float32)
    labels, chosen = (
        torch.tensor(digits().train_labels),
        [torch.arange(i, i + 40) for i in range(3)],
    )
    slow, slow_weights, (slow_ops, *_) = cpu_gpu_step._run(slow_step, images, labels, chosen, 40)
    honest = cpu_gpu_step._run(cpu_gpu_step.reference_step, images, labels, chosen, 40)
    assert np.allclose(slow, honest[0]) and torch.allclose(slow_weights, honest[1])
    assert slow_ops["aten._local_scalar_dense"] == 2 * 40 + 1


def _with_for(logits, y):
    n_right = 0
    for said, label in zip(logits.argmax(1).tolist(), y.tolist(), strict=True):
        n_right += said == label
    return n_right / len(y)


def _with_while(logits, y):
    said, labels, n_right = logits.argmax(1).tolist(), y.tolist(), 0
    while said:
        *said, one = said
        *labels, label = labels
        n_right += one == label
    return n_right / len(y)


def _with_a_list(logits, y):
    pairs = zip(logits.argmax(1).tolist(), y.tolist(), strict=True)
    return len([1 for said, label in pairs if said == label]) / len(y)


@pytest.mark.parametrize("score", [_with_for, _with_while, _with_a_list])
def test_a_loop_that_calls_nothing_is_found(score):
    """Calls alone would not show it; of one line or more, it is refused."""
    with pytest.raises(CheckFailed) as caught:
        check.mended_step(step(score=score))
    assert caught.value.hint == "python_loop"


def test_an_operation_that_is_named_like_a_part_is_told_too_where_it_is_added_to_the_part():
    with pytest.raises(CheckFailed) as caught:
        check.slowest_part(
            lambda rows, parts: max(parts, key=lambda p: sum(r[3] for r in rows if p in r[0]))
        )
    assert caught.value.hint == "substring"


def test_the_rows_of_a_profile_can_be_copied_from_the_message():
    with pytest.raises(CheckFailed) as caught:
        check.slowest_part(WRONG["slowest_part"]["own_time"])
    said = caught.value.message.removeprefix("for ").split(", your result")[0]
    copied: dict = {}
    exec(said.replace("\nand parts", "\nparts"), copied)
    assert ANSWERS.reference("slowest_part")(copied["rows"], copied["parts"]) == "augment"


def test_a_column_of_the_profile_misleads_each_time():
    """Every wrong column of the first profile leads to another part than the right one."""
    named = {
        hint: WRONG["slowest_part"][hint](
            cpu_gpu_profile_rows(),
            ("fetch", "augment", "forward", "loss", "backward", "update", "log"),
        )
        for hint in ("own_time", "most_calls", "longest_call", "rows_not_added")
    }
    assert len(set(named.values()) | {"augment"}) == len(named) + 1


def cpu_gpu_profile_rows():
    from grooves.checks.cpu_gpu import profile as cpu_gpu_profile

    return list(cpu_gpu_profile.FIRST)


def test_what_an_answer_does_to_its_lists_spoils_no_later_answer():
    def vandal(batches, seconds, share):
        batches.clear()
        return 1

    with pytest.raises(CheckFailed):
        check.busy_batch(vandal)
    check.busy_batch(ANSWERS.reference("busy_batch"))


# --- the challenge -------------------------------------------------------------------------------

LAZY = ("nothing_kept", "kept_too_little", "nothing_small", "batch_too_small", "batch_too_large")


def test_no_verdict_of_the_challenge_hangs_on_a_rounding():
    for answer in (ANSWERS.reference("plan"), *RIGHT["plan"].values()):
        for job in check.JOBS:
            assert check.seconds(job, answer(job)) < 0.95 * job.bar_s
    for hint in LAZY:
        late = [check.seconds(job, WRONG["plan"][hint](job)) / job.bar_s for job in check.JOBS]
        assert max(late) > 1.1


def test_each_job_is_held_back_by_something_else():
    """What helps most differs: a faster bus, nothing but room, and more arithmetic."""
    from dataclasses import replace

    best = [ANSWERS.reference("plan")(job) for job in check.JOBS]
    gains = []
    for job, plan in zip(check.JOBS, best, strict=True):
        before = check.seconds(job, plan)
        faster = [
            replace(job, **{name: 2 * getattr(job, name)}) for name in ("bus", "bandwidth", "peak")
        ]
        gains.append([before / check.seconds(one, plan) for one in faster])
    assert [int(np.argmax(gain)) for gain in gains] == [0, 1, 2]


def test_a_card_that_keeps_everything_is_a_roofline():
    job = cpu_gpu_plan.Job("all", 70, 1e6, (3e6, 5e6), (0, 0), 0, 1e9, 2e11, 1e9, 1e13, 3e-6, 1.0)
    expected = 0.0
    for rows in (32, 32, 6):
        for w in job.weights:
            n_bytes = 2 * w
            asked = roofline.Operation("layer", 2 * rows * w, n_bytes)
            expected += job.launch_s + roofline.least_seconds(asked, job.peak, job.bandwidth)
    found = check.seconds(job, {"batch": 32, "kept": [0, 1], "small": []})
    assert math.isclose(found, expected)


def test_the_race_is_the_geometric_mean_of_the_factors(capsys):
    score = check.race(ANSWERS.reference("plan"))
    said = capsys.readouterr().out
    factors = [float(f) for f in said.split(": ")[1].split(" times")[0].split(", ")]
    assert score == pytest.approx(math.prod(factors) ** (1 / 3), rel=1e-3)
    assert f"score {score:.3f}" in said and score > 10
