"""Bytes that leave the chip, with and without passing results on, and what they cost."""

import pytest
import torch

from grooves.hardware.chips import energies
from grooves.hardware.dataflow import fusion
from grooves.hardware.roofline import tallied
from grooves.models.transformer import Block, Config

CONFIG = Config(470)


def test_the_list_counts_no_more_than_pytorch_moves():
    block = Block(CONFIG, index=1)
    x = torch.zeros(1, 128, 64)
    rotation = torch.ones(128, 16, dtype=torch.complex64)
    with torch.inference_mode():
        moved = tallied("block", lambda: block(x, rotation)).n_bytes
    listed = fusion.unfused(CONFIG, 128, 128, bytes_per_number=4).total
    assert listed < moved < 2 * listed  # PyTorch copies, converts and masks besides


def test_weights_are_those_of_the_block():
    block = Block(CONFIG, index=1)
    n = sum(p.numel() for p in block.parameters())
    assert fusion.unfused(CONFIG, 1, 1, 2).weights == fusion.fused(CONFIG, 1, 1, 2).weights == 2 * n
    assert fusion.weights_on_chip(CONFIG, 1, 1).weights == 0


def test_fusing_gains_little_for_one_token_and_much_for_a_text():
    one = [f(CONFIG, 1, 128).total for f in (fusion.unfused, fusion.fused)]
    text = [f(CONFIG, 128, 128).total for f in (fusion.unfused, fusion.fused)]
    assert 1 < one[0] / one[1] < 1.1  # nearly all bytes are weights and cache
    assert text[0] / text[1] > 6
    assert one[0] / fusion.weights_on_chip(CONFIG, 1, 128).total > 500


def test_energy_is_bytes_times_their_price_and_operations_times_theirs():
    traffic = fusion.fused(CONFIG, 1, 128)
    assert traffic.joules("HBM2") == pytest.approx(traffic.total * 31.4e-12)
    parts = fusion.block_joules(CONFIG, 1, 128, traffic)
    macs = 12 * 64 * 64 + 2 * 128 * 64
    assert fusion.multiply_adds(CONFIG, 1, 128) == macs
    assert parts["arithmetic"] == pytest.approx(macs * energies()["fp16 multiply-add"].joules)
    assert parts["outside"] > 100 * parts["arithmetic"]  # one token: the bytes decide


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="context=193"):
        fusion.unfused(CONFIG, 1, 193)
    with pytest.raises(ValueError, match="n_new=9"):
        fusion.fused(CONFIG, 9, 8)
