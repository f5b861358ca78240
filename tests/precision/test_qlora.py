"""QLoRA: the same function and gradients as LoRA beside the rounded matrix, in less memory."""

import copy

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.fine_tuning.lora import LoRALinear, add_lora, trainable_parameters
from grooves.precision import memory, qlora
from grooves.precision.quantize import Scheme, dequantize, quantize, stored_bytes

SCHEME = Scheme("int4", 16)


def lora():
    """A tiny model with LoRA that has learned something."""
    model = add_lora(tiny(), rank=2)
    generator = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, LoRALinear):
            with torch.no_grad():
                layer.B += 0.3 * torch.randn(layer.B.shape, generator=generator)
    return model


def rounded(model):
    """The same model with matrices as 4 bits leave them, kept at 32."""
    model = copy.deepcopy(model)
    for layer in model.modules():
        if isinstance(layer, LoRALinear):
            with torch.no_grad():
                layer.weight.copy_(dequantize(*quantize(layer.weight, SCHEME), layer.weight.shape))
    return model


def test_it_computes_and_learns_as_lora_beside_the_rounded_matrix():
    model = lora()
    expected, small = rounded(model), qlora.quantize_base(copy.deepcopy(model), SCHEME)
    ids, targets = some_ids(2, 9), some_ids(2, 9)
    with torch.no_grad():
        assert (expected(ids) - model(ids)).abs().max() > 1e-3, "rounding changed nothing"
        assert torch.allclose(small(ids), expected(ids), atol=1e-5)
    for one in (expected, small):
        one.loss(ids, targets).backward()
    grads = [{n: w.grad for n, w in one.named_parameters() if w.grad is not None}
             for one in (expected, small)]  # fmt: skip
    assert grads[0].keys() == grads[1].keys() and len(grads[0]) == 2 * 6
    for name, gradient in grads[0].items():
        assert torch.allclose(gradient, grads[1][name], atol=1e-6), name


def test_no_dequantized_matrix_is_kept_for_the_backward_pass():
    model = lora()
    small = qlora.quantize_base(copy.deepcopy(model), SCHEME)
    ids, targets = some_ids(2, 9), some_ids(2, 9)
    kept = [memory.saved_bytes(lambda m=m: m.loss(ids, targets), m) for m in (model, small)]
    assert kept[1] <= kept[0]
    assert stored_bytes(small) < 0.7 * stored_bytes(model)
    assert trainable_parameters(small) == trainable_parameters(model)


def test_a_model_without_lora_is_refused():
    with pytest.raises(ValueError, match="no LoRA: add_lora comes first"):
        qlora.quantize_base(tiny())
