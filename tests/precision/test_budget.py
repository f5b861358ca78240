"""What big models need in memory: the papers' own numbers come out."""

import pytest
import torch

from grooves.models.published import models
from grooves.precision.budget import (
    KEPT,
    PRECISIONS,
    RECIPES,
    budget,
    fits,
    training_activation_bytes,
)

GPT3 = models()["GPT-3 175B"]
MISTRAL = models()["Mistral 7B v0.3"]


def test_the_papers_numbers_come_out():
    """GPT-3's 350 GB, 16 bytes a parameter, and s b h (34 + 5 a s / h)."""
    assert budget(GPT3, "answer", n_tokens=1)["weights"] == 350e9
    train = budget(GPT3, "train", n_tokens=2048, kept="everything")
    assert sum(train[part] for part in ("weights", "gradients", "optimizer")) == 16 * 175e9
    s, h, a, layers, words = 2048, 12288, 96, 96, 50257
    assert 5 * a * s / h == 80, "the paper's own example for GPT-3"
    end = 4 * s * h * (1 + words / h)
    assert train["activations"] == layers * s * h * (34 + 80) + end
    assert training_activation_bytes(GPT3, s) == layers * s * h * 34 + end
    checkpointed = training_activation_bytes(GPT3, s, kept="inputs")
    assert checkpointed == layers * 2 * s * h + 34 * s * h + end


def test_the_cache_is_what_tensors_of_its_shape_take():
    shape = (3, MISTRAL.n_kv_head, 50, MISTRAL.head_dim)
    layer = 2 * torch.empty(shape, dtype=torch.bfloat16, device="meta").nbytes
    need = budget(MISTRAL, "answer", n_tokens=50, batch=3)
    assert need["cache"] == MISTRAL.n_layer * layer
    four = budget(MISTRAL, "answer", n_tokens=50, batch=3, precision="int4")
    assert four["cache"] == need["cache"], "the weights are small, and the cache is not"
    small = budget(MISTRAL, "answer", n_tokens=50, batch=3, small_cache=True)
    assert small["cache"] == need["cache"] / 2
    full = budget(MISTRAL, "answer", n_tokens=50, batch=3, precision="fp32")
    assert full["cache"] == 2 * need["cache"]


def test_each_remedy_lowers_what_it_is_said_to_lower():
    weights = [budget(MISTRAL, "answer", n_tokens=9, precision=p)["weights"] for p in PRECISIONS]
    assert [each / weights[-1] for each in weights] == [8, 4, 2, 1]
    kept = [training_activation_bytes(MISTRAL, 8192, 4, each) for each in KEPT]
    assert kept[0] > 2 * kept[1] > 4 * kept[2]
    whole, mixed, half = (budget(MISTRAL, "train", n_tokens=9, recipe=r) for r in RECIPES)
    states = [
        sum(need[part] for part in ("weights", "gradients", "optimizer"))
        for need in (whole, mixed, half)
    ]
    assert [each / MISTRAL.parameters for each in states] == [16, 16, 8]
    assert 1.6 < whole["activations"] / mixed["activations"] < 2
    with pytest.raises(ValueError, match="kept='none'"):
        training_activation_bytes(MISTRAL, 1, kept="none")
    with pytest.raises(ValueError, match="task='sing'"):
        budget(MISTRAL, "sing", n_tokens=1)


def test_a_tenth_of_the_device_stays_free():
    need = dict.fromkeys(("weights", "cache"), 36e9)
    gib = 80e9 / 2**30  # 72 GB are nine tenths of it
    assert fits(need, gib * 1.001) and not fits(need, gib * 0.999)
