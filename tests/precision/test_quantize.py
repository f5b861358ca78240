"""Weights in fewer bits: what is stored, how wrong it is, and that the model really uses it."""

import numpy as np
import pytest
import torch

from grooves.inference import evaluation
from grooves.models.transformer import Config, Transformer, count_parameters
from grooves.precision.formats import FORMATS
from grooves.precision.quantize import (
    FP8,
    SCALE,
    WHOLE,
    QuantizedLinear,
    QuantizedWeight,
    Scheme,
    dequantized,
    load,
    matrices,
    pack,
    quantize,
    quantized,
    save,
    stored_bytes,
    unpack,
)
from grooves.training import lineage
from grooves.training.checkpoint import CheckpointError, save_model


@pytest.fixture(scope="module")
def base():
    return lineage.base().cpu()


def drawn(rows=6, columns=64, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def step_of(scheme, weight):
    """The largest rounding error that each weight may have, by the definition of the scheme."""
    size = {"tensor": weight.numel(), "row": weight.size(1)}.get(scheme.group, scheme.group)
    largest = weight.reshape(-1, size).abs().amax(1, keepdim=True)
    scale = (largest / scheme.qmax).to(SCALE).float().expand(-1, size).reshape(weight.shape)
    half = 0.5 * scale
    if scheme.format in FP8:  # half of the spacing at the weight's own magnitude
        spacing = [FORMATS[scheme.format].spacing(v) for v in (weight / scale).flatten().tolist()]
        half = 0.5 * scale * torch.tensor(spacing).view(weight.shape)
    clipped = (weight.abs() - scheme.qmax * scale).clamp(min=0)  # where the scale rounded down
    return half + clipped + 1e-7


@pytest.mark.parametrize("group", ["tensor", "row", 16])
@pytest.mark.parametrize("form", ["int8", "int5", "int4", "int3", "int2", *FP8])
def test_no_weight_is_off_by_more_than_half_a_step_of_its_own_scale(form, group):
    weight = drawn() * torch.tensor([1e-3, 0.1, 1, 1, 10, 300])[:, None]
    scheme = Scheme(form, group)
    error = (QuantizedWeight(weight, scheme)() - weight).abs()
    bound = step_of(scheme, weight)
    assert (error <= bound).all()
    assert (error > 0.5 * bound).any()  # the bound is not a loose one


def test_plain_formats_round_as_torch_does_and_need_no_scale():
    weight = drawn()
    for form, dtype in (
        ("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)
    ):  # fmt: skip
        stored = QuantizedWeight(weight, Scheme(form))
        assert torch.equal(stored(), weight.to(dtype).float())
        assert sum(b.nbytes for b in stored.buffers()) == weight.numel() * dtype.itemsize


@pytest.mark.parametrize("bits", range(2, 9))
def test_packed_numbers_take_their_bits_and_come_back(bits):
    numbers = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 1001)
    codes = torch.from_numpy(numbers.astype(np.int8))
    packed = pack(codes, bits)
    assert packed.dtype == torch.uint8 and packed.numel() == -(-1001 * bits // 8)
    assert torch.equal(unpack(packed, bits, 1001), codes)
    number = sum((int(c) % 2**bits) << (i * bits) for i, c in enumerate(codes))  # one long integer
    assert bytes(packed.tolist()) == number.to_bytes(packed.numel(), "little")


def test_a_matrix_of_zeros_and_one_with_infinities():
    zeros = torch.zeros(2, 32)
    for form in ("int4", "fp8 e4m3"):  # 0 / 0 would stay in a float
        stored = QuantizedWeight(zeros, Scheme(form))
        assert torch.equal(stored(), zeros) and (stored.scales > 0).all()
    with pytest.raises(ValueError, match="not a number"):
        quantize(torch.tensor([[1.0, torch.inf]]), Scheme("int8"))


def test_wrong_schemes_are_refused():
    with pytest.raises(ValueError, match="'int9' is not a format"):
        Scheme("int9")
    for group in ("column", 0, 1.5):
        with pytest.raises(ValueError, match="'tensor', 'row' or a positive number"):
            Scheme("int4", group)
    with pytest.raises(ValueError, match="rows of 64 cannot be divided into int4 groups of 48"):
        quantize(drawn(), Scheme("int4", 48))


def test_a_quantized_model_computes_with_the_weights_it_stores(base):
    ids = torch.randint(0, 470, (2, 20), generator=torch.Generator().manual_seed(1))
    small = quantized(base, Scheme("int4", 32), {"blocks.0.attention.qkv": Scheme("int8")})
    with torch.no_grad():
        assert torch.allclose(small(ids), dequantized(small)(ids), atol=1e-5)
        small.embedding.stored.scales.zero_()  # the same bytes serve at both ends
        assert (small(ids) == 0).all()
    assert small.blocks[0].attention.qkv.stored.scheme == Scheme("int8")
    assert not torch.equal(base.embedding.weight, torch.zeros_like(base.embedding.weight))
    with pytest.raises(ValueError, match="no matrix is called 'blocks'"):
        quantized(base, Scheme("int8"), {"blocks": Scheme("int8")})


def test_bytes_are_counted_as_they_lie_in_memory_and_in_the_file(base, tmp_path):
    vectors = 4 * base.config.n_embd
    sizes = {name: w.shape for name, w in matrices(base).items()}
    n = sum(r * c for r, c in sizes.values())
    assert n + vectors // 4 == count_parameters(base)
    rows = sum(r for r, _ in sizes.values())
    expected = {
        Scheme("fp32"): 4 * n,
        Scheme("bf16"): 2 * n,
        Scheme("int8", "tensor"): n + 2 * len(sizes),
        Scheme("int8"): n + 2 * rows,
        Scheme("fp8 e4m3", 32): n + 2 * n // 32,
        Scheme("int4", 32): n // 2 + 2 * n // 32,
        Scheme("int3"): n * 3 // 8 + 2 * rows,
    }
    for scheme, size in expected.items():
        small = quantized(base, scheme)
        assert stored_bytes(small) == size + vectors
        in_file = save(small, tmp_path / "small.safetensors")
        assert size + vectors < in_file < size + vectors + 4_000  # names and notes


@pytest.mark.parametrize(
    "scheme", [Scheme("int3", 16), Scheme("fp8 e5m2"), Scheme("bf16")], ids=str
)
def test_what_was_saved_is_what_is_loaded(base, tmp_path, scheme):
    small = quantized(base, scheme, {"embedding": Scheme("int8")})
    small.mix.data += 1
    save(small, tmp_path / "small.safetensors")
    back = load(tmp_path / "small.safetensors")
    ids = torch.arange(40)[None]
    with torch.no_grad():
        assert torch.equal(back(ids), small(ids))
    assert back.embedding.stored is back.head.stored
    save_model(Transformer(Config(9)), tmp_path / "usual.safetensors")
    with pytest.raises(CheckpointError, match="holds no quantised model"):
        load(tmp_path / "usual.safetensors")


def test_an_outlier_costs_all_that_share_its_scale(base):
    weight = drawn(8, 64, seed=2)
    weight[3, 5] = 100.0
    others = torch.ones_like(weight, dtype=torch.bool)
    others[3, 5] = False
    errors = {}
    for group in ("tensor", "row", 16):
        wrong = (QuantizedWeight(weight, Scheme("int8", group))() - weight).abs()
        errors[group] = [wrong[others].mean(), wrong[0].mean(), wrong[3, 32:].mean()]
    assert errors["row"][1] < errors["tensor"][1] / 10  # another row is safe with a scale a row
    assert errors["row"][2] > 10 * errors[16][2]  # the same row only with groups
    assert errors[16][0] < errors["row"][0] < errors["tensor"][0]


def test_fewer_bits_lose_more_and_finer_scales_less(base):
    gaps = {
        scheme: lineage.gap(quantized(base, scheme), n_stories=25)[0]
        for scheme in map(Scheme, *zip(*[
            ("fp32", "row"), ("int8", "row"), ("int4", "tensor"), ("int4", "row"), ("int4", 16),
            ("int3", 16),
        ], strict=True))
    }  # fmt: skip
    lossless, eight, four_tensor, four_row, four_group, three = gaps.values()
    assert abs(eight - lossless) < 0.001
    assert lossless + 0.002 < four_group < four_row < four_tensor / 5
    assert four_group < three < four_tensor


def test_a_quantized_model_tells_stories_and_holds_no_matrix_to_train(base):
    small = quantized(base, Scheme("int8"))
    assert evaluation.accepted(small, n=4, seed=1) == 1.0
    assert [n for n, p in small.named_parameters() if p.ndim > 1] == []
    assert all(isinstance(b.attention.out, QuantizedLinear) for b in small.blocks)
    assert set(WHOLE.values()) == set(range(2, 9))
