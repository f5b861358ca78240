"""A training step on many devices: memory, time, and what published runs reached."""

import math

import pytest

from grooves import assets
from grooves.hardware import record
from grooves.hardware.many_devices import cluster, dense, memory, published_runs
from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.hardware.many_devices.memory import Plan
from grooves.models import published

GPT = dense.Dense(24, 2048, 16, 50_368, 2048)


def test_zero_stores_what_its_paper_prints():
    """Rajbhandari et al. 2020, figure 1: 7.5 billion parameters on 64 devices."""
    printed = {0: 120, 1: 31.4, 2: 16.6, 3: 1.9}
    for stage, gigabytes in printed.items():
        found = memory.state_bytes(7.5e9, 64, stage) / 1e9
        assert found == pytest.approx(gigabytes, abs=0.06), stage


def test_a_published_model_has_the_parameters_that_are_published():
    for name in ("GPT-2 124M", "Llama 3.1 8B", "Llama 3.1 405B"):
        counted = dense.from_published(name, 1024).parameters
        assert counted == pytest.approx(published.models()[name].parameters, rel=0.01)
    with pytest.raises(ValueError, match="no dense transformer"):
        dense.from_published("DeepSeek-V3", 1024)


def test_flops_per_token_are_those_that_nanochat_prints():
    run = published_runs.published_runs()["nanochat d32"]
    assert run.model.model_flops_per_token == pytest.approx(1.207960e10, rel=1e-6)
    assert run.model.parameters == 1_879_048_192


def test_activations_follow_the_published_formula():
    """Korthikanti et al. 2022, GPT-3: 5 a s / h is 80, so recomputing scores saves 70 %."""
    gpt3 = dense.Dense(96, 12_288, 96, 50_257, 2048)
    sbh = 2048 * 12_288
    assert gpt3.activation_bytes(1, recompute="none") == sbh * (34 + 80)
    assert gpt3.activation_bytes(1, tensor=8) == sbh * 34 / 8
    assert gpt3.activation_bytes(3, recompute="full") == 3 * sbh * 2


def test_one_device_spends_its_time_on_products_and_memory():
    one = cluster.server(n=1)
    step = cluster.training_step(GPT, one, Plan(micro_batches=4), 8)
    tokens = 8 * 2048
    flops = tokens * (24 * (6 * 12 * 2048**2 + 4 * 4 * 2048 * 1024) + 6 * 50_368 * 2048)
    products = flops / (one.fraction * 989.5e12)
    moved = 4 * 34 * tokens * 2048 + 4 * 8 * 12 * 2048**2  # weights anew for each micro-batch
    traffic = 24 * moved / 3350e9
    assert step.compute_s == pytest.approx(products + traffic)
    assert (step.tensor_s, step.bubble_s, step.data_s) == (0, 0, 0)
    assert step.tokens_per_s == pytest.approx(tokens / step.seconds)


def test_the_bubble_is_that_of_the_pipelines_timetable():
    from grooves.training.distributed.pipeline import bubble, timetable

    quick = AlphaBeta(0.0, 1e18)
    eight = cluster.Cluster("NVIDIA H100 SXM", 8, quick, quick)
    step = cluster.training_step(GPT, eight, Plan(pipeline=8, micro_batches=4), 8)
    idle = step.bubble_s / (step.compute_s + step.bubble_s)
    assert idle == pytest.approx(bubble(timetable("1f1b", 8, 4), 8))
    halved = cluster.training_step(GPT, eight, Plan(pipeline=8, micro_batches=4, chunks=2), 8)
    assert halved.bubble_s == pytest.approx(step.bubble_s / 2, rel=1e-6)


def test_a_sum_between_servers_takes_as_long_as_its_slowest_part():
    many = cluster.Cluster("NVIDIA H100 SXM", 16, AlphaBeta(0, 400e9), AlphaBeta(0, 40e9))
    inside = 7 / 8 * 8e9 / 400e9
    between = 1 / 2 * 1e9 / 40e9  # each of the eight has an eighth of the vector
    assert many.all_reduce_seconds(8e9, 16) == pytest.approx(2 * (inside + between))
    apart = many.all_reduce_seconds(8e9, 2, stride=8)  # one device in each server
    assert apart == pytest.approx(2 * (1 / 2 * 8e9 / 40e9))


def test_gradients_hide_behind_the_backward_pass_as_far_as_it_lasts():
    fast, slow = cluster.server(), cluster.servers(64, inside="NVLink 4")
    hidden = cluster.training_step(GPT, fast, Plan(data=8), 64)
    assert hidden.data_s == pytest.approx(hidden.hidden_s / 23)  # the first of 24 layers
    ethernet = cluster.servers(64, between="10 Gbit/s Ethernet")
    exposed = cluster.training_step(GPT, ethernet, Plan(data=64), 64)
    assert exposed.data_s > 0
    assert exposed.seconds > cluster.training_step(GPT, slow, Plan(data=64), 64).seconds
    both = exposed.data_s + exposed.hidden_s
    parameters = 24 * GPT.layer_parameters + GPT.head_parameters
    assert both == pytest.approx(ethernet.all_reduce_seconds(2 * parameters, 64))


def test_a_zero_3_step_sends_half_as_much_again():
    ethernet = cluster.servers(64, between="10 Gbit/s Ethernet")
    steps = [cluster.training_step(GPT, ethernet, Plan(64, zero=z), 64) for z in (0, 1, 2, 3)]
    sent = [step.data_s + step.hidden_s for step in steps]
    assert sent[0] == pytest.approx(sent[1]) == pytest.approx(sent[2])
    assert sent[3] == pytest.approx(1.5 * sent[0])


def test_each_part_of_a_plan_divides_what_it_promises_to():
    whole = memory.memory_bytes(GPT, Plan(), 1)
    assert memory.memory_bytes(GPT, Plan(tensor=4), 1) == pytest.approx(whole / 4)
    staged = memory.memory_bytes(GPT, Plan(pipeline=4, micro_batches=8), 1)
    kept = 24 * GPT.activation_bytes(1)  # four micro-batches, a quarter of the layers each
    mine = 6 * GPT.layer_parameters + GPT.head_parameters
    assert staged == pytest.approx(16 * mine + kept)


def test_plans_that_cannot_be_executed_are_refused():
    one = cluster.server()
    with pytest.raises(ValueError, match="needs 4 devices"):
        cluster.training_step(GPT, one, Plan(data=4), 8)
    with pytest.raises(ValueError, match="does not divide"):
        cluster.training_step(GPT, one, Plan(data=8), 9)
    with pytest.raises(ValueError, match="zero=4"):
        memory.state_bytes(1, 1, 4)


def test_products_are_as_fast_as_the_recorded_ones():
    found = record.load(assets.RECORDINGS / "cuda-nvidia-h200.json")
    product = next(m for m in found.of("matmul", "bf16") if m.size == 4096)
    fraction = 2 * 4096**3 / product.timing.median_s / 989.5e12
    assert fraction == pytest.approx(cluster.PRODUCT_FRACTION, abs=0.005)


def test_the_fitted_number_predicts_the_run_that_it_was_fitted_to():
    fraction = published_runs.calibrate()
    assert fraction == pytest.approx(cluster.SUSTAINED_FRACTION, abs=0.005)
    run = published_runs.published_runs()["nanochat d32"]
    step = run.predict(fraction)
    assert step.mfu == pytest.approx(0.509, abs=1e-4)
    assert step.seconds == pytest.approx(run.step_s, rel=0.01)  # two figures of one log


def test_large_published_runs_are_predicted_and_small_ones_overestimated():
    rows = {row["name"]: row for row in published_runs.predictions()}
    large = [r["error"] for r in rows.values() if r["parameters"] > 25e9 and r["plan_known"]]
    assert len(large) == 4
    assert max(map(abs, large)) < 0.1
    assert rows["GPT-2 124M, 8 GPUs"]["error"] > 0.4


def test_every_published_run_has_a_source_and_fits_into_its_devices():
    for run in published_runs.published_runs().values():
        assert run.source
        assert run.checked in ("page", "quoted", "recalled")
        if run.plan_known:
            # 3 % more than there is: activations are counted without what can be freed early
            assert run.predict().memory_bytes < 1.03 * run.cluster().memory_bytes, run.name
    with pytest.raises(ValueError, match="must be below 1"):
        published_runs.read_runs(
            "[[run]]\n"
            + "\n".join(
                f"{key} = {value}"
                for key, value in {
                    "name": '"x"', "device": '"x"', "n_devices": 1, "inside": '"x"',
                    "between": '"x"', "n_layer": 1, "width": 1, "n_head": 1, "vocabulary": 1,
                    "context": 1, "batch": 1, "mfu": 43, "software": '""', "assumed": '""',
                    "source": '""', "checked": '""', "read": '""',
                }.items()
            )
        )  # fmt: skip


def test_more_devices_make_one_answer_faster_until_they_wait_for_each_other():
    from grooves.hardware.many_devices import requests

    llama = dense.from_published("Llama 3.1 8B", 8192)
    eight = requests.group("NVIDIA H100 SXM", "NVLink 4", 1)
    rows = requests.speedups(llama, eight)
    assert [row["n_devices"] for row in rows] == [1, 2, 4, 8]
    weights = llama.n_layer * llama.layer_parameters + llama.head_parameters
    cached = 2 * 32 * 1024 * 1024  # layers, keys and values of 1,024 tokens
    assert rows[0]["token_s"] == pytest.approx((weights + cached) * 2 / 3350e9)
    assert 1 < rows[1]["speedup"] < rows[2]["speedup"] < rows[3]["speedup"] < 8
    assert all(
        row["throughput"] == pytest.approx(row["speedup"] / row["n_devices"]) for row in rows
    )
    many = requests.speedups(llama, eight, (1, 2, 4, 8, 16, 32))
    assert many[-1]["speedup"] < max(row["speedup"] for row in many)


def test_amdahls_law_ends_at_the_serial_part():
    from grooves.hardware.many_devices.requests import amdahl

    assert amdahl(8, 0.5) == pytest.approx(1 / (0.5 + 0.5 / 8))
    assert amdahl(10**9, 0.1) == pytest.approx(10)
    best = max(range(1, 200), key=lambda n: amdahl(n, 0, 0.001))
    assert best == round(math.sqrt(1 / 0.001))
    with pytest.raises(ValueError, match="serial=2"):
        amdahl(2, 2)
