"""What big models need in memory: the papers' own numbers come out, and every row is a real one."""

import pytest

from grooves.budget import KEPT, PRECISIONS, budget, catalogue, fits, kv_cache_bytes
from grooves.budget import training_activation_bytes as kept_bytes

MODELS = {row["name"]: row for row in catalogue()["model"]}
GPT3 = MODELS["GPT-3 175B"]


def test_the_papers_numbers_come_out():
    """Figures that the sources print: GPT-3's 350 GB, 16 bytes a parameter, s b h (34 + 5 a s / h)."""
    assert budget(GPT3, "answer", n_tokens=1)["weights"] == 350e9
    train = budget(GPT3, "train", n_tokens=2048, kept="everything")
    assert sum(train[part] for part in ("weights", "gradients", "optimizer")) == 16 * 175e9
    s, h, a, layers, words = 2048, 12288, 96, 96, 50257
    assert 5 * a * s / h == 80, "the paper's own example for GPT-3"
    end = 4 * s * h * (1 + words / h)
    assert train["activations"] == layers * s * h * (34 + 80) + end
    assert kept_bytes(GPT3, s, 1, "no_scores") == layers * s * h * 34 + end
    assert kept_bytes(GPT3, s, 1, "inputs") == layers * 2 * s * h + 34 * s * h + end


def test_the_cache_is_what_tensors_of_its_shape_take():
    torch = pytest.importorskip("torch")
    model = MODELS["Llama 3.1 8B"]
    shape = (3, model["n_kv_head"], 50, model["head_dim"])
    layer = 2 * torch.empty(shape, dtype=torch.bfloat16, device="meta").nbytes
    assert kv_cache_bytes(model, 50, 3, 2) == model["n_layer"] * layer
    need = budget(model, "answer", n_tokens=50, batch=3)
    assert need["cache"] == model["n_layer"] * layer
    assert budget(model, "answer", n_tokens=50, batch=3, precision="int4")["cache"] == need["cache"]


def test_each_remedy_lowers_what_it_is_said_to_lower():
    model = MODELS["Mistral 7B"]
    weights = [budget(model, "answer", n_tokens=9, precision=p)["weights"] for p in PRECISIONS]
    assert weights == [8 * weights[-1], 4 * weights[-1], 2 * weights[-1], weights[-1]]
    kept = [kept_bytes(model, 8192, 4, each) for each in KEPT]
    assert kept[0] > 2 * kept[1] > 4 * kept[2]
    with pytest.raises(ValueError, match="kept='none'"):
        kept_bytes(model, 1, 1, "none")
    with pytest.raises(ValueError, match="task='sing'"):
        budget(model, "sing", n_tokens=1)


def test_a_tenth_of_the_device_stays_free():
    need = dict.fromkeys(("weights", "cache"), 36e9)
    assert fits(need, 80) and not fits(need, 79.9)


def test_every_model_has_the_parameters_that_its_layers_make():
    """Embedding, attention and MLP cannot be more than all, nor far less than half."""
    for name, row in MODELS.items():
        attention = 2 * row["width"] * row["head_dim"] * (row["n_head"] + row["n_kv_head"])
        known = row["vocabulary"] * row["width"] + row["n_layer"] * attention
        mlp = (row["parameters"] - known) / (row["n_layer"] * row["width"] ** 2)
        assert 7.9 < mlp < 18, f"{name}: MLPs of {mlp:.1f} squares of the width"
        assert row["source"].startswith("https://") and row["read"], name
