"""GPTQ against its definition: better outputs on its own inputs, and nearest where that is best."""

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.precision import calibrated
from grooves.precision.quantize import Scheme, dequantize, quantize


def problem(seed=0, rows=12, columns=32, n=400):
    """A matrix, and inputs that occur together: a few directions and some noise."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, columns, generator=generator)
    mixed = torch.randn(n, 6, generator=generator) @ torch.randn(6, columns, generator=generator)
    return weight, mixed + 0.1 * torch.randn(n, columns, generator=generator)


def nearest(weight, bits, group):
    scheme = Scheme(f"int{bits}", group or "row")
    return dequantize(*quantize(weight, scheme), weight.shape)


@pytest.mark.parametrize("group", [None, 8])
@pytest.mark.parametrize("bits", [3, 4])
def test_the_layers_output_changes_less_than_with_nearest_rounding(bits, group):
    for seed in range(5):
        weight, x = problem(seed)
        own = calibrated.gptq(weight, x, bits, group)
        off = ((own - weight) @ x.mT).norm() / (
            (nearest(weight, bits, group) - weight) @ x.mT
        ).norm()
        assert off < 0.75


def test_independent_inputs_leave_nothing_to_make_up_for():
    weight, _ = problem()
    orthogonal = torch.eye(32) * 5
    assert torch.allclose(calibrated.gptq(weight, orthogonal, 4), nearest(weight, 4, None))


def test_two_columns_as_worked_by_hand():
    # Both inputs are always equal, so only the sum of a row's weights matters. At 2 bits the scale
    # is 1: 0.4 becomes 0, and its 0.4 goes to the next weight, 1.0 - 0.6 = 0.4, which becomes 1.
    weight = torch.tensor([[1.0, 0.4, 0.4]])
    x = torch.ones(50, 3)
    assert calibrated.gptq(weight, x, 2).tolist() == [[1.0, 0.0, 1.0]]
    assert nearest(weight, 2, None).tolist() == [[1.0, 0.0, 0.0]]


def test_every_value_is_an_integer_times_a_scale_of_its_row():
    weight, x = problem(3)
    own = calibrated.gptq(weight, x, 3)
    scales = nearest(weight, 3, None).abs().amax(1, keepdim=True) / 3
    steps = own / scales
    assert torch.allclose(steps, steps.round(), atol=1e-4) and steps.abs().max() < 3.001


def test_a_model_is_calibrated_layer_by_layer_and_its_embedding_kept_in_8_bits():
    model, ids = tiny(), some_ids(6, 20)
    small = calibrated.calibrated(model, ids, 4)
    eight = calibrated.with_embedding_in_8_bits(model)
    assert torch.equal(small.embedding.weight, eight.embedding.weight)
    assert not torch.equal(model.embedding.weight, eight.embedding.weight)
    first = small.blocks[0].attention.qkv
    x = calibrated.layer_inputs(eight, eight.blocks[0].attention.qkv, ids)
    wanted = calibrated.gptq(model.blocks[0].attention.qkv.weight.detach(), x, 4)
    assert torch.allclose(first.weight, wanted, atol=1e-5)
    near = calibrated.nearest(model, 4)
    assert torch.equal(
        near.blocks[1].mlp.up.weight, nearest(model.blocks[1].mlp.up.weight, 4, None)
    )
