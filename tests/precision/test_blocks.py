"""Block formats: bits against PyTorch's and published tables, scales by their definitions."""

import math

import pytest
import torch
from tiny_models import tiny

from grooves.precision import blocks
from grooves.precision.formats import FP4_E2M1, FP6_E3M2, FP8_E4M3, decode_e8m0

# bitsandbytes, functional.py, create_normal_map and the table in its CUDA kernels
NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
)  # fmt: skip


def weights(rows=6, columns=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator) * torch.logspace(-3, 2, rows)[:, None]


def test_four_and_six_bits_mean_what_the_specification_says():
    assert [FP4_E2M1.decode(bits) for bits in range(8)] == [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    assert [FP4_E2M1.decode(bits) for bits in range(9, 16)] == [-0.5, -1, -1.5, -2, -3, -4, -6]
    assert (FP6_E3M2.largest, FP6_E3M2.smallest) == (28, 0.0625)
    assert FP4_E2M1.round(100) == 6 and FP4_E2M1.round(2.5) == 2 and FP4_E2M1.round(5) == 4
    with pytest.raises(ValueError, match="fp4 e2m1 cannot hold it"):
        FP4_E2M1.encode(math.nan)


def test_scales_of_e8m0_are_powers_of_two_as_in_torch():
    patterns = torch.arange(255, dtype=torch.uint8).view(torch.float8_e8m0fnu).double()
    assert [decode_e8m0(bits) for bits in range(255)] == patterns.tolist()
    assert math.isnan(decode_e8m0(255))
    with pytest.raises(ValueError, match="no pattern of e8m0"):
        decode_e8m0(256)


def test_the_levels_of_nf4_are_the_published_ones():
    assert blocks.nf4_levels() == pytest.approx(NF4, abs=1e-6)


@pytest.mark.parametrize("form", blocks.BLOCK_FORMATS.values(), ids=lambda form: form.name)
def test_each_weight_becomes_the_nearest_level_of_its_block(form):
    w = weights()
    stored = blocks.encode(w, form)
    back = blocks.decode(stored, form)
    factors = blocks.scale_values(stored.scales, form) * stored.tensor_scale
    levels = torch.tensor([level for level in form.levels if math.isfinite(level)])
    for group, new, factor in zip(
        w.view(-1, form.block), back.view(-1, form.block), factors, strict=True
    ):
        possible = factor * levels
        best = (group[:, None] - possible).abs().amin(1)
        assert torch.allclose((group - new).abs(), best, rtol=1e-4, atol=1e-12)


def test_the_scales_follow_the_definitions():
    w = weights()
    largest = w.view(-1, 32).abs().amax(1)
    for form, top in ((blocks.MXFP4, 2), (blocks.MXFP8, 8)):  # exponents of 4 and of 256
        scales = blocks.scale_values(blocks.encode(w, form).scales, form)
        assert torch.equal(scales, 2.0 ** (largest.log2().floor() - top))
    stored = blocks.encode(w, blocks.NVFP4)
    assert stored.tensor_scale == pytest.approx(float(w.abs().max()) / 6 / 448)
    wanted = w.view(-1, 16).abs().amax(1) / 6 / stored.tensor_scale
    found = blocks.scale_values(stored.scales, blocks.NVFP4).tolist()
    assert found == [FP8_E4M3.round(float(one)) for one in wanted]
    assert [f.bits_per_weight for f in blocks.BLOCK_FORMATS.values()] == [8.25, 4.25, 4.5, 4.25]


def test_zeros_stay_zeros_and_bad_weights_are_refused():
    for form in blocks.BLOCK_FORMATS.values():
        assert not blocks.rounded(torch.zeros(2, 64), form).any()
        with pytest.raises(ValueError, match="infinite or not a number"):
            blocks.encode(torch.full((1, 64), math.nan), form)
        with pytest.raises(ValueError, match="rows of 8 are not made of whole blocks"):
            blocks.encode(torch.ones(4, 8), form)


def test_a_rounded_copy_leaves_the_model_and_what_is_skipped_alone():
    model = tiny()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    other = blocks.with_rounded(model, lambda w: w * 2, ("embedding",))
    for name, p in other.named_parameters():
        twice = name.endswith("weight") and name != "embedding.weight"
        assert torch.equal(p, before[name] * (2 if twice else 1)), name
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
