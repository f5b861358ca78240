"""LoRA against the matrix that it stands for, and what may learn against counts made by hand."""

import copy

import pytest
import torch
from tiny_models import INGREDIENTS, VOCABULARY, some_ids, tiny

from grooves.fine_tuning.lora import (
    LoRALinear,
    add_lora,
    freeze,
    last_layer_only,
    merge,
    trainable_parameters,
)
from grooves.models.transformer import count_parameters


def tuned(model, rank=3, seed=5, alpha=8.0):
    """The model with a LoRA in which A and B are both alive, as after some steps."""
    add_lora(model, rank, alpha)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoRALinear):
                layer.B.copy_(torch.randn(layer.B.shape, generator=generator) * 0.3)
    return model


@pytest.mark.parametrize("name", INGREDIENTS)
def test_a_fresh_lora_changes_no_logit(name):
    model, ids = tiny(**INGREDIENTS[name]), some_ids(2, 9)
    before = model(ids)
    assert torch.equal(add_lora(model, rank=2)(ids), before)


@pytest.mark.parametrize("rank", [1, 4])
@pytest.mark.parametrize(("dtype", "margin"), [(torch.float64, 1e-11), (torch.float32, 1e-3)])
def test_a_merged_model_gives_the_same_logits(rank, dtype, margin):
    plain, ids = tiny().to(dtype), some_ids(2, 9)
    start = plain(ids)
    model = tuned(plain, rank)
    before = model(ids)
    assert (before - start).abs().max() > 0.5, "the change is too small to be seen"
    after = merge(model)(ids)
    assert after.dtype == dtype
    assert torch.allclose(after, before, rtol=0, atol=margin)


def test_lora_is_the_scaled_product_of_its_factors_part_by_part():
    """Equation 3, matrix by matrix: queries, keys and values each have their own A and B."""
    model = tiny().double()
    layer = tuned(model, rank=3, alpha=6.0).blocks[1].attention.qkv
    x = torch.randn(2, 5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parts = [
        x @ W.T + 6.0 / 3 * (x @ A @ B)
        for W, A, B in zip(layer.weight.chunk(3), layer.A, layer.B, strict=True)
    ]
    assert torch.allclose(layer(x), torch.cat(parts, dim=-1), atol=1e-12)


def test_what_lora_adds_to_a_matrix_has_its_rank():
    before = tiny().double()
    after = merge(tuned(copy.deepcopy(before), rank=2))
    for old, new in zip(before.blocks, after.blocks, strict=True):
        change = new.attention.out.weight - old.attention.out.weight
        assert torch.linalg.matrix_rank(change) == 2
        for part in (new.attention.qkv.weight - old.attention.qkv.weight).chunk(3):
            assert torch.linalg.matrix_rank(part) == 2


def test_a_merged_model_is_as_it_was_in_size_and_may_learn_again():
    model = tiny()
    names = {n: (tuple(p.shape), p.requires_grad) for n, p in model.named_parameters()}
    merge(tuned(model))
    assert {n: (tuple(p.shape), p.requires_grad) for n, p in model.named_parameters()} == names
    assert model.head.weight is model.embedding.weight, "the tied weights have parted"
    assert not any(isinstance(layer, LoRALinear) for layer in model.modules())


def test_the_gradient_reaches_only_lora():
    model, ids = tuned(tiny()), some_ids(2, 9)
    model.loss(ids, ids).backward()
    for name, weight in model.named_parameters():
        moves = name.endswith((".A", ".B"))
        assert (weight.grad is not None and weight.grad.abs().max() > 0) == moves, name


def test_trainable_weights_are_as_counted_by_hand():
    """Width 16, 23 words: block 1 has Q, K, V and out of 16 x 16, block 2 also 16 x 64 twice."""
    model = tiny()
    assert trainable_parameters(model) == count_parameters(model)
    assert trainable_parameters(freeze(model)) == 0
    # A has 16 r numbers and B as many for each of 8 square matrices; 16 r + 64 r for two others.
    assert trainable_parameters(add_lora(tiny(), rank=3)) == 3 * (8 * (16 + 16) + 2 * (16 + 64))
    assert trainable_parameters(last_layer_only(tiny())) == VOCABULARY * 16


def test_a_head_that_learns_leaves_reading_as_it_was():
    model, ids = tiny(), some_ids(2, 9)
    before = model(ids)
    last_layer_only(model)
    assert torch.equal(model(ids), before)
    hidden = model.hidden(ids)
    with torch.no_grad():
        model.head.weight += 1
    assert torch.equal(model.hidden(ids), hidden)
    model.loss(ids, ids).backward()
    assert [n for n, p in model.named_parameters() if p.grad is not None] == ["head.weight"]


@pytest.mark.parametrize("rank", [0, -1, 17])
def test_a_rank_that_does_not_fit_is_refused_in_one_sentence_and_nothing_is_changed(rank):
    model = tiny()
    with pytest.raises(ValueError, match=f"rank={rank} must be from 1 to 16: .* larger rank"):
        add_lora(model, rank)
    assert trainable_parameters(model) == count_parameters(tiny())
    assert not any(isinstance(layer, LoRALinear) for layer in model.modules())


def test_lora_cannot_be_added_twice_nor_merged_where_there_is_none():
    model = add_lora(tiny())
    with pytest.raises(ValueError, match="has LoRA already: merge it first"):
        add_lora(model)
    with pytest.raises(ValueError, match="no LoRA to merge"):
        merge(merge(model))
