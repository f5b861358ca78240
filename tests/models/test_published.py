"""Published models: each is counted from its sizes, and the count is the published one."""

from dataclasses import replace

import pytest

from grooves.models.published import (
    cache_numbers,
    counted_parameters,
    expert_parameters,
    models,
    read_models,
    stored_bytes,
)
from grooves.precision import memory

# How far a count may be from the published figure: those that are not here are exact.
ROUNDED = {
    "GPT-3 175B": 0.003,
    "Gemma 3 27B": 0.001,
    "gpt-oss-20b": 0.0005,
    "gpt-oss-120b": 0.0005,
    "DeepSeek-V3": 0.001,
    "Kimi K2.5": 0.03,  # "1T"
}
# What a token uses, as published, and whether the input embedding is among it.
ACTIVE = {
    "Qwen3 30B-A3B": (3.3, True, 0.06),
    "gpt-oss-20b": (3.61, False, 0.005),  # the model card says so
    "gpt-oss-120b": (5.13, False, 0.005),
    "DeepSeek-V3": (37, True, 0.6),
    "Kimi K2.5": (32, False, 0.5),
}


@pytest.mark.parametrize("name", models())
def test_the_number_of_weights_follows_from_a_models_sizes(name):
    model = models()[name]
    counted = counted_parameters(model)
    assert counted == pytest.approx(model.parameters, rel=ROUNDED.get(name, 1e-12))
    if model.positions:
        usual = (model.n_layer, model.width, model.vocabulary, model.positions)
        assert counted == memory.gpt_parameters(*usual)


@pytest.mark.parametrize("name", ACTIVE)
def test_what_a_token_uses_is_as_published(name):
    model, (published, embedding, off) = models()[name], ACTIVE[name]
    used = counted_parameters(model, active=True, input_embedding=embedding)
    assert used / 1e9 == pytest.approx(published, abs=off)
    assert model.active / 1e9 == pytest.approx(published)
    assert {m.name for m in models().values() if m.is_sparse} == ACTIVE.keys()


def test_files_in_few_bits_are_as_large_as_published():
    sizes = {name: stored_bytes(models()[name]) / 2**30 for name in ("gpt-oss-20b", "gpt-oss-120b")}
    assert {name: round(size, 1) for name, size in sizes.items()} == {
        "gpt-oss-20b": 12.8,
        "gpt-oss-120b": 60.8,
    }
    assert expert_parameters(models()["gpt-oss-120b"]) == 36 * 128 * 3 * 2880 * 2880
    # DeepSeek's file holds a module for multi-token prediction too: one more layer, a product that
    # joins two vectors, and copies of both embeddings.
    deepseek = models()["DeepSeek-V3"]
    C, V = deepseek.width, deepseek.vocabulary
    file = stored_bytes(replace(deepseek, n_layer=62)) + 2 * (2 * C * C + 2 * V * C)
    assert file == pytest.approx(688_586_727_753, rel=5e-5)
    # 594 GB is the file of Kimi K2 Thinking, the same model without images.
    assert round(stored_bytes(models()["Kimi K2.5"]) / 1e9) == 594


def test_what_a_token_reads_is_in_the_bits_of_the_file():
    deepseek, kimi = (models()[name] for name in ("DeepSeek-V3", "Kimi K2.5"))
    used = counted_parameters(deepseek, active=True, input_embedding=False)
    head_and_routers = deepseek.vocabulary * deepseek.width + 58 * 257 * deepseek.width
    read = stored_bytes(deepseek, active=True, input_embedding=False)
    assert read == pytest.approx(used + head_and_routers, rel=1e-3)
    few = 60 * 8 * 3 * 7168 * 2048
    assert expert_parameters(kimi, active=True) == few
    saved = 2 * counted_parameters(kimi, active=True) - stored_bytes(kimi, active=True)
    assert saved == pytest.approx(few * (16 - 4.5) / 8)


def test_the_cache_counts_shared_heads_windows_and_latents():
    llama, gemma, deepseek = (models()[n] for n in ("Llama 3.1 8B", "Gemma 3 27B", "DeepSeek-V3"))
    for n_tokens in (1, 5_000):
        sizes = (llama.n_layer, llama.n_kv_head, llama.head_dim, n_tokens, 2)
        assert 2 * cache_numbers(llama, n_tokens) == memory.kv_cache_bytes(*sizes)
        assert cache_numbers(deepseek, n_tokens) == 61 * 576 * n_tokens
    assert cache_numbers(gemma, 5_000) == 2 * 16 * 128 * (10 * 5_000 + 52 * 1_024)
    assert cache_numbers(gemma, 100) == 2 * 16 * 128 * 62 * 100


def test_every_model_has_a_month_and_a_makers_source():
    for model in models().values():
        year, month = map(int, model.released.split("-"))
        assert 2019 <= year <= 2026 and 1 <= month <= 12
        makers = ("arXiv:", "github.com/", "huggingface.co/")
        assert any(place in model.source for place in makers), model.name
    newest = {m.name for m in models().values() if m.released >= "2025"}
    assert len(newest) >= 5 and any(m.released >= "2026" for m in models().values())


def test_an_unknown_field_is_refused():
    entry = """
    [[model]]
    name = "Small"
    parameters = 1000
    n_layer = 2
    n_head = 4
    n_kv_head = 2
    head_dim = 8
    width = 32
    mlp_width = 128
    vocabulary = 50
    source = "a paper"
    read = 2026-11-25
    """
    assert read_models(entry)["Small"].width == 32
    with pytest.raises(ValueError, match="'Small' has an unknown field, 'n_expert'"):
        read_models(entry + "n_expert = 8\n")
