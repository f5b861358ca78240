"""Memory: the formulas against what PyTorch allocates, and against published figures."""

import math

import pytest
import torch

from grooves import device
from grooves.inference.kv_cache import KVCache
from grooves.models.transformer import Config, Transformer, count_parameters
from grooves.precision import memory
from grooves.training.optimizers import build_optimizers

# The course's model, a wider and deeper one, and one with a network in every block.
SHAPES = {
    "ours": ({}, 6, 128),
    "deeper": (dict(n_embd=128, n_layer=4, n_head=4), 6, 96),
    "narrow": (dict(n_embd=32, n_layer=3, mlp_from=0, n_head=1), 4, 60),
}


def built(name, kind="muon"):
    """A model, a batch, its optimizers after one step, a training step, and the formula's sizes."""
    changes, B, T = SHAPES[name]
    model = Transformer(Config(vocabulary_size=470, **changes)).to(device())
    c = model.config
    ids = torch.randint(0, 470, (B, T), generator=torch.Generator().manual_seed(0)).to(device())
    optimizers = build_optimizers(model, kind)

    def step():
        model.loss(ids, ids).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    step()
    shape = (B, T, c.n_layer, c.n_layer - c.mlp_from, c.n_embd, c.n_head, c.vocabulary_size)
    return model, ids, optimizers, step, shape


@pytest.mark.parametrize("name", SHAPES)
def test_the_formula_for_activations_is_what_the_way_back_keeps(name):
    model, ids, _, _, shape = built(name)
    saved = memory.saved_bytes(lambda: model.loss(ids, ids), model)
    foretold = memory.own_activation_bytes(*shape)
    if device().type == "cpu":
        assert abs(saved - foretold) <= 8  # one number, a count of words
    assert math.isclose(saved, foretold, rel_tol=0.1)  # another device keeps a little else


@pytest.mark.parametrize("kind", ["muon", "adam"])
@pytest.mark.parametrize("name", SHAPES)
def test_weights_gradients_and_state_are_counted_as_they_lie_in_memory(name, kind):
    model, ids, optimizers, _, shape = built(name, "adamw" if kind == "adam" else kind)
    parts = memory.own_training_bytes(*shape, optimizer=kind)
    assert (
        parts["weights"] == memory.tensor_bytes(model.parameters()) == 4 * count_parameters(model)
    )
    assert math.isclose(parts["optimizer"], memory.state_bytes(optimizers), rel_tol=1e-3)
    model.loss(ids, ids).backward()
    gradients = memory.tensor_bytes(p.grad for p in model.parameters())
    assert gradients == memory.weight_bytes(count_parameters(model), 32)


@pytest.mark.parametrize("name", SHAPES)
def test_the_peak_of_a_training_step_is_foretold_within_a_tenth(name):
    *_, step, shape = built(name)
    parts = memory.own_training_bytes(*shape)
    foretold = parts["activations"] + parts["loss"]
    assert math.isclose(memory.peak_bytes(step), foretold, rel_tol=0.1)


def test_the_watch_sees_what_the_profiler_sees():
    model, ids, _, _, _ = built("ours")
    model, ids = model.cpu(), ids.cpu()

    def both_ways():
        model.loss(ids, ids).backward()
        model.zero_grad(set_to_none=True)

    watched = memory.watched_peak_bytes(both_ways)
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        both_ways()
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    assert math.isclose(watched, peak, rel_tol=0.02)


def test_the_watch_counts_a_tensor_once_and_until_its_end():
    def three_then_one():
        a = torch.ones(1000)  # 4,000 bytes
        b = a * 2
        c = b.view(10, 100)[2:]  # no memory of its own
        del a, b
        d = torch.ones(1500)  # where two are left
        del c
        return d + 1  # and here, two of 6,000

    given = torch.ones(10_000)
    assert memory.watched_peak_bytes(three_then_one) == 12_000
    assert memory.watched_peak_bytes(lambda: given.view(100, 100).mul_(2)) == 0


def test_the_cache_is_counted_as_it_lies_in_memory():
    config = Config(vocabulary_size=50, context=40, n_layer=3, n_head=4, n_embd=32)
    cache = KVCache(Transformer(config), batch_size=5)
    assert memory.kv_cache_bytes(3, 4, 8, 40, 4, n_sequences=5) == cache.nbytes


def test_published_figures_come_out():
    assert round(memory.gpt_parameters(96, 12288, 50257, 2048) / 1e9) == 175  # GPT-3
    assert memory.gpt_parameters(12, 768, 50257, 1024) == 124_439_808  # GPT-2, the smallest
    assert memory.weight_bytes(175e9, 16) == 350e9
    # ZeRO's 16 bytes a weight, for its example of 7.5 billion: 120 GB (arXiv:1910.02054, fig. 1)
    parts = memory.training_bytes(7.5e9, 16, 1, 1, 1)
    assert parts["weights"] + parts["gradients"] + parts["optimizer"] == 120e9
    assert memory.optimizer_bytes(1e9, "adam", 32) == 8e9
    # Llama 3.1 8B: 32 layers, 8 key-value heads of 128: 128 KiB a token at 16 bits
    assert memory.weight_bytes(8.03e9, 4) == 8.03e9 / 2
    assert memory.kv_cache_bytes(32, 8, 128, 8192, 2) == 2**30
    assert memory.activation_bytes(2, 100, 10, 3, "all") == 2 * 2 * 100 * 10 * 3
    assert memory.training_bytes(1e6, 32, 2, 100, 10)["activations"] == 68 * 2 * 100 * 10


def test_arguments_that_make_no_sense_are_named():
    for call, message in (
        (lambda: memory.kv_cache_bytes(1, 0, 1, 1, 2), "n_kv_heads=0 must be positive"),
        (lambda: memory.weight_bytes(-1, 8), "n_parameters=-1 must be positive"),
        (lambda: memory.optimizer_bytes(1, "lion"), "optimizer='lion' must be one of"),
        (lambda: memory.activation_bytes(1, 1, 1, 1, "some"), "recompute='some' must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
