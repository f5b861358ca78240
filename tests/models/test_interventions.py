"""Interventions change what they name and nothing else."""

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.models.interventions import attention_blocked, head_replaced, mean_of_head

PLAIN = {"positions": "none", "mix": False}


@torch.no_grad()
def test_a_head_replaced_by_zero_equals_a_head_whose_output_weights_are_zero():
    model, cut, ids = tiny(), tiny(), some_ids(2, 9)
    D = model.config.n_embd // model.config.n_head
    cut.blocks[1].attention.out.weight[:, D : 2 * D] = 0
    with head_replaced(model, 1, 1):
        assert torch.allclose(model(ids), cut(ids), atol=1e-6)
    assert not torch.allclose(model(ids), cut(ids), atol=1e-3)  # and it is over afterwards


@torch.no_grad()
def test_the_mean_of_a_head_is_that_of_the_tokens_that_count():
    model, ids = tiny(), some_ids(2, 9)
    read = torch.ones(2, 9, dtype=torch.bool)
    read[1, 4:] = False
    attention, D = model.blocks[0].attention, model.config.n_embd // model.config.n_head
    given = []
    hook = attention.out.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    model(ids)
    hook.remove()
    expected = torch.cat((given[0][0], given[0][1, :4]))[:, D : 2 * D].mean(0)
    assert torch.allclose(mean_of_head(model, 0, 1, ids, read), expected, atol=1e-6)


@torch.no_grad()
def test_a_token_that_no_head_may_attend_to_might_as_well_be_absent():
    """In a model of one layer that knows no positions, blocking a token deletes it."""
    model = tiny(n_layer=1, mlp_from=0, n_head=1, **PLAIN)
    ids = some_ids(2, 9)
    blocked = torch.zeros(2, 9, 9, dtype=torch.bool)
    blocked[:, 8, 3] = True
    without = torch.cat((ids[:, :3], ids[:, 4:]), dim=1)
    with attention_blocked(model, 0, 0, blocked):
        found = model(ids)
    assert torch.allclose(found[:, -1], model(without)[:, -1], atol=1e-5)
    assert torch.allclose(found[:, :-1], model(ids)[:, :-1], atol=1e-5)  # other rows stay


@torch.no_grad()
def test_blocking_nothing_or_another_head_leaves_a_head_as_it_was():
    model, ids = tiny(), some_ids(2, 9)
    nothing = torch.zeros(2, 9, 9, dtype=torch.bool)
    with attention_blocked(model, 1, 0, nothing):
        assert torch.allclose(model(ids), model_output := model(ids))
    assert torch.allclose(model_output, model(ids), atol=1e-5)
    some = nothing.clone()
    some[:, 5:, 2] = True
    for block in model.blocks:  # a head whose result is not used
        block.attention.out.weight[:, : model.config.n_embd // 2] = 0
    unchanged = model(ids)
    with attention_blocked(model, 1, 0, some):
        assert torch.allclose(model(ids), unchanged, atol=1e-5)


def test_a_token_that_could_attend_to_nothing_is_refused():
    blocked = torch.zeros(1, 4, 4, dtype=torch.bool)
    blocked[0, 0, 0] = True
    refused = pytest.raises(ValueError, match="a token needs at least one")
    with refused, attention_blocked(tiny(), 0, 0, blocked):
        pass
