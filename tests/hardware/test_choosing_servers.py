"""Servers hold what their devices hold, and answer within the bounds of memory and arithmetic."""

from itertools import pairwise

import pytest

from grooves.hardware import devices
from grooves.hardware.choosing import answers
from grooves.hardware.choosing.servers import (
    fits,
    most_users,
    needed_bytes,
    part_of,
    server,
    servers,
    servers_needed,
)
from grooves.hardware.many_devices.dense import Dense, from_published

TINY = Dense(n_layer=2, width=8, n_head=2, vocabulary=10, context=16)


def test_eight_h100_reach_the_claimed_petaflops_only_with_sparsity():
    hgx = server("G593-ZD2")
    assert hgx.peak_flops_per_s(8, sparsity=True) == pytest.approx(8 * 3958e12)
    assert hgx.peak_flops_per_s(8) == pytest.approx(8 * 1979e12)
    assert hgx.peak_flops_per_s(8, sparsity=True) < 32e15


def test_a_server_has_its_devices_figures_as_they_are_published():
    known = devices.published()
    for one in servers().values():
        if one.device in known and one.device != "Two-core laptop CPU":
            device = known[one.device]
            assert one.memory_gib == device.memory_gib
            assert one.bandwidth_gb_per_s == device.bandwidth_gb_per_s
            assert one.peak_16 == device.peak_tflops["fp16"]
            assert one.peak_8 == device.peak_tflops["int8"]


def test_wu_dao_needs_six_dgx_a100_and_gpt_3_needs_350_gb():
    assert servers_needed(1.75e12 * 2, 640e9) == 6
    assert needed_bytes(from_published("GPT-3 175B", 2048), 16) == pytest.approx(350e9, rel=0.01)


def test_memory_is_weights_and_caches_at_the_same_bits():
    # 2 layers of 12 · 8² weights and an output matrix of 80; a token caches 2 · 2 · 8 numbers
    assert needed_bytes(TINY, 16) == 2 * (2 * 12 * 64 + 80)
    assert needed_bytes(TINY, 8, users=3, tokens=5) == 2 * 12 * 64 + 80 + 3 * 5 * 32


def test_the_most_users_fit_and_one_more_does_not():
    model = from_published("Llama 3.1 70B", 2048)
    for one in (server("G593-ZD2"), server("G293-Z43")):
        most = most_users(one, model, 8, 2048)
        assert most > 0
        assert fits(one, model, 8, most, 2048) and not fits(one, model, 8, most + 1, 2048)
    assert most_users(server("One L4"), model, 8, 2048) == 0


def test_a_single_user_is_bound_by_bandwidth():
    model, laptop = from_published("Llama 3.1 8B", 64), server("Laptop")
    rate = answers.rates(laptop, model, 16, 1, 1, of_peak=1, of_bandwidth=1)
    weights = model.n_layer * model.layer_parameters + model.head_parameters
    cached = 2 * model.n_layer * model.kv_width
    assert rate.token_s == pytest.approx((weights + cached) * 2 / 34.1e9)


def test_a_prompt_is_bound_by_arithmetic_at_two_flops_per_weight():
    model = from_published("Llama 3.1 8B", 64)
    rate = answers.rates(server("One L4"), model, 8, 1, 64, of_peak=1)
    weights = model.n_layer * model.layer_parameters + model.head_parameters
    assert rate.prefill == pytest.approx(242.5e12 / (2 * weights))


def test_more_users_answer_more_in_all_and_each_one_no_faster():
    model, one = from_published("Llama 3.1 8B", 2048), server("DGX A100 640 GB")
    found = [
        answers.rates(one, model, 16, n, 2048) for n in answers.user_counts(one, model, 16, 2048)
    ]
    for fewer, more in pairwise(found):
        assert more.decode > fewer.decode and more.token_s >= fewer.token_s


def test_a_part_of_a_server_is_a_part_of_everything():
    half = part_of(server("G593-ZD2"), 4)
    assert half.memory_bytes * 2 == server("G593-ZD2").memory_bytes
    assert half.power_w * 2 == server("G593-ZD2").power_w


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: server("DGX"), "'DGX' is not one of the servers: G593-ZD2"),
        (lambda: part_of(server("G593-ZD2"), 3), "n_devices=3 must divide the 8 devices"),
        (
            lambda: answers.rates(server("One T4"), from_published("Llama 3.1 70B", 64)),
            "does not fit",
        ),
        (lambda: answers.rates(server("One T4"), TINY, of_peak=2), "of_peak=2"),
        (lambda: needed_bytes(TINY, 0), "bits=0 must be positive"),
    ],
)
def test_what_no_server_can_do_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
