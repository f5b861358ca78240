"""Chips and tokens per second for a model of 70 billion parameters, from published figures."""

import pytest

from grooves.hardware.chips import groqchip
from grooves.hardware.dataflow import ceilings
from grooves.hardware.dataflow.ceilings import LLAMA_2_70B
from grooves.hardware.devices import published
from grooves.models.published import counted_parameters

GROQ = groqchip()


def test_llama_2_has_as_many_parameters_as_its_sizes_give():
    assert counted_parameters(LLAMA_2_70B) == LLAMA_2_70B.parameters == 68_976_648_192


def test_chips_that_hold_a_model():
    assert ceilings.chips_for(140e9, 230e6) == 609
    assert ceilings.chips_for(70e9, 230e6) == 305
    assert ceilings.chips_for(140 * 2**30, 230e6) == 654  # GiB taken for GB
    weights = ceilings.weight_bytes(LLAMA_2_70B, 2)
    assert ceilings.chips_for(weights, GROQ.sram_bytes) == 599
    assert ceilings.chips_for(230e6, 230e6) == 1


def test_the_chips_that_are_said_to_be_used_cannot_hold_all_weights_in_16_bits():
    n = ceilings.SAID_CHIPS
    assert n * GROQ.sram_bytes / 1e9 == pytest.approx(132.9, abs=0.05)
    share = ceilings.least_share_in_8_bits(LLAMA_2_70B, n, GROQ)
    stored = LLAMA_2_70B.parameters * (2 - share)
    assert stored == pytest.approx(n * GROQ.sram_bytes)
    assert ceilings.least_share_in_8_bits(LLAMA_2_70B, n, GROQ, 4096) > share
    assert ceilings.least_share_in_8_bits(LLAMA_2_70B, 609, GROQ) == 0
    with pytest.raises(ValueError, match="too few"):
        ceilings.least_share_in_8_bits(LLAMA_2_70B, 200, GROQ)


def test_one_chip_at_a_time_is_limited_by_the_way_into_its_matrix_units():
    for n_bytes, printed, port in ((2, 580, 67), (1, 1160, 134)):
        weights = ceilings.weight_bytes(LLAMA_2_70B, n_bytes)
        assert round(ceilings.tokens_per_s(weights, GROQ.brief_bytes_per_s)) == printed
        assert round(ceilings.tokens_per_s(weights, GROQ.port_bytes_per_s)) == port


def test_eight_gpus_by_the_rate_of_their_memory():
    h100 = published()["NVIDIA H100 SXM"].bandwidth_bytes_per_s
    weights = ceilings.weight_bytes(LLAMA_2_70B, 2)
    assert round(ceilings.tokens_per_s(weights, h100, at_once=8)) == 194


def test_what_was_published_is_explained_by_chips_that_load_at_once():
    for change in (
        {},
        {"filled": 0.8},
        {"hop_cycles": 432, "chain_cycles": 1400},
        {"n_tokens": 1},
    ):
        estimate = ceilings.spread_over_chips(LLAMA_2_70B, 2, ceilings.SAID_CHIPS, **change)
        assert 1 < estimate.tokens_per_s / ceilings.SAID_TOKENS_PER_S < 1.5
    in_8_bits = ceilings.spread_over_chips(LLAMA_2_70B, 1, ceilings.SAID_CHIPS)
    assert in_8_bits.tokens_per_s / ceilings.SAID_TOKENS_PER_S > 2


def test_loading_takes_as_long_as_the_groups_need_one_after_the_other():
    estimate = ceilings.spread_over_chips(LLAMA_2_70B, 2, 160, n_tokens=1)
    filled = ceilings.lanes_filled(LLAMA_2_70B, 2, 320)
    alone = ceilings.weight_bytes(LLAMA_2_70B, 2) / GROQ.port_bytes_per_s / filled
    assert estimate.load_s == pytest.approx(alone / 2, rel=1e-4)
    with pytest.raises(ValueError, match="fewer than the 80 layers"):
        ceilings.spread_over_chips(LLAMA_2_70B, 2, 79)


def test_a_tile_that_is_not_full_takes_as_long_as_a_full_one():
    assert ceilings.lanes_filled(LLAMA_2_70B, 8, 320) == pytest.approx(0.98, abs=0.005)
    assert ceilings.lanes_filled(LLAMA_2_70B, 8, 256) == 1  # all sizes are multiples of 256
    assert ceilings.lanes_filled(LLAMA_2_70B, 8, 10**6) < 0.02


def test_a_sum_over_chips_crosses_two_links():
    slow = ceilings.exchange_s(GROQ, 8192, 8, hop_cycles=900)
    assert slow == pytest.approx(2 * (1e-6 + 2048 / 15e9))


def test_energy_is_shared_by_all_users():
    watts = 576 * GROQ.average_w
    one = ceilings.joules_per_token(watts, 300)
    assert round(one) == 355
    assert ceilings.joules_per_token(watts, 300, users=80) == pytest.approx(one / 80)
    with pytest.raises(ValueError, match="users=0"):
        ceilings.joules_per_token(watts, 300, users=0)
