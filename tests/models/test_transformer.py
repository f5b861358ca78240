"""The transformer against PyTorch's own layers, NumPy loops, and what the theory says must hold."""

import math
import warnings

import numpy as np
import pytest
import torch
from tiny_models import INGREDIENTS, VOCABULARY, some_ids, tiny

from grooves.inference.kv_cache import KVCache
from grooves.models.transformer import (
    Config,
    Transformer,
    count_parameters,
    norm,
    previous,
    rotate,
    rotation_angles,
    squared_relu,
)

every_ingredient = pytest.mark.parametrize("changes", INGREDIENTS.values(), ids=INGREDIENTS.keys())
PLAIN = INGREDIENTS["plain"]


# ---- the parts ---------------------------------------------------------------------------------


def test_plain_attention_equals_pytorchs():
    model = tiny(**PLAIN)
    ours = model.blocks[0].attention
    theirs = torch.nn.MultiheadAttention(16, 2, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.out_proj.weight.copy_(ours.out.weight)
    x = torch.randn(3, 11, 16, generator=torch.Generator().manual_seed(1))
    future = torch.ones(11, 11, dtype=torch.bool).triu(1)
    with torch.no_grad():
        expected, _ = theirs(x, x, x, attn_mask=future, need_weights=False)
        assert torch.allclose(ours(x, None), expected, atol=1e-5)


def test_a_plain_block_equals_pytorchs():
    model = tiny(**PLAIN)
    ours = model.blocks[0]
    theirs = torch.nn.TransformerEncoderLayer(
        16,
        2,
        64,
        dropout=0.0,
        activation=lambda x: x.relu().square(),
        batch_first=True,
        norm_first=True,
        bias=False,
    )
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(ours.attention.qkv.weight)
        theirs.self_attn.out_proj.weight.copy_(ours.attention.out.weight)
        theirs.linear1.weight.copy_(ours.mlp.up.weight)
        theirs.linear2.weight.copy_(ours.mlp.down.weight)
        x = torch.randn(3, 11, 16, generator=torch.Generator().manual_seed(1))
        mask = torch.nn.Transformer.generate_square_subsequent_mask(11)
        expected = theirs(x, src_mask=mask, is_causal=True)
        assert torch.allclose(ours(x, None), expected, atol=1e-5)


def test_attention_equals_its_definition_word_by_word():
    """Loops in NumPy: norm, rotate by cosines and sines, weigh, average."""
    model = tiny()
    attention = model.blocks[0].attention
    T, H, D = 7, 2, 8
    x = torch.randn(1, T, 16, generator=torch.Generator().manual_seed(2))
    qkv = x[0].double().numpy() @ attention.qkv.weight.detach().double().numpy().T
    q, k, v = qkv.reshape(T, 3, H, D).transpose(1, 2, 0, 3)

    def normed(a):
        return (a - a.mean()) / math.sqrt(a.var() + 1e-5)

    def turned(a, t):
        out = a.copy()
        for i in range(0, D, 2):
            angle = t * 1000.0 ** (-i / D)
            out[i] = a[i] * math.cos(angle) - a[i + 1] * math.sin(angle)
            out[i + 1] = a[i] * math.sin(angle) + a[i + 1] * math.cos(angle)
        return out

    together = np.zeros((T, H * D))
    for h in range(H):
        for t in range(T):
            query = turned(normed(q[h, t]), t)
            fits = [query @ turned(normed(k[h, s]), s) / math.sqrt(D) for s in range(t + 1)]
            weights = np.exp(fits) / np.exp(fits).sum()
            together[t, h * D : (h + 1) * D] = weights @ v[h, : t + 1]
    expected = together @ attention.out.weight.detach().double().numpy().T
    with torch.no_grad():
        found = attention(x, model.rotation[:T])[0].double().numpy()
    assert np.allclose(found, expected, atol=1e-4)


def test_norm_gives_every_word_mean_zero_and_variance_one():
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(3)) * 7 + 3
    y = norm(x)
    assert torch.allclose(y.mean(-1), torch.zeros(2, 5), atol=1e-5)
    assert torch.allclose(y.var(-1, correction=0), torch.ones(2, 5), atol=1e-3)


def test_squared_relu_and_its_gradient_are_those_of_relu_squared():
    x = torch.randn(40, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    x.requires_grad_()
    assert torch.equal(squared_relu(x), x.relu() ** 2)
    assert torch.autograd.gradcheck(squared_relu, (x,))


def test_rotary_scores_depend_on_the_distance_alone():
    angles = rotation_angles(30, 8)
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(5))
    at = lambda x, t: rotate(x.view(1, 1, 1, 8), angles[t : t + 1]).flatten()  # noqa: E731
    for distance in (0, 1, 4, 11):
        scores = [float(at(q, t) @ at(k, t - distance)) for t in range(distance, 30)]
        assert max(scores) - min(scores) < 1e-4
    assert abs(float(at(q, 9) @ at(k, 9)) - float(at(q, 9) @ at(k, 8))) > 1e-2
    assert torch.allclose(at(q, 17).norm(), q.norm()), "a turn keeps the length"


def test_the_previous_word_comes_from_before_the_text_or_is_nothing():
    x = torch.arange(6.0).view(1, 3, 2)
    assert previous(x).tolist() == [[[0, 0], [0, 1], [2, 3]]]
    assert previous(x, torch.full((1, 1, 2), 9.0)).tolist() == [[[9, 9], [0, 1], [2, 3]]]


# ---- the whole ---------------------------------------------------------------------------------


@every_ingredient
@torch.no_grad()
def test_future_words_have_no_influence(changes):
    model, ids = tiny(**changes), some_ids(2, 20)
    before = model(ids)
    for place in (1, 7, 19):
        changed = ids.clone()
        changed[:, place] = ids[:, place] % (VOCABULARY - 1) + 1
        after = model(changed)
        assert torch.allclose(before[:, :place], after[:, :place], atol=1e-6)
        assert not torch.allclose(before[:, place], after[:, place], atol=1e-2)


@every_ingredient
@torch.no_grad()
def test_cached_decoding_matches_full_forward(changes):
    model, ids = tiny(**changes), some_ids(3, 40)
    expected = model(ids)
    for prompt in (1, 2, 9, 39):
        cache = KVCache(model, batch_size=3)
        found = [model(ids[:, :prompt], cache)]
        found += [model(ids[:, t : t + 1], cache) for t in range(prompt, 40)]
        assert torch.allclose(torch.cat(found, 1), expected, atol=1e-4), prompt
        assert len(cache) == 40


@torch.no_grad()
def test_without_positions_and_mixing_the_order_of_earlier_words_is_invisible():
    model, ids = tiny(**(PLAIN | {"n_layer": 1})), some_ids(1, 12)
    shuffled = ids[:, [*reversed(range(11)), 11]]
    assert torch.allclose(model(ids)[:, -1], model(shuffled)[:, -1], atol=1e-5)
    for changes in (dict(positions="learned"), dict(positions="rotary"), dict(mix=True)):
        seeing = tiny(**(PLAIN | changes | {"n_layer": 1}))
        assert not torch.allclose(seeing(ids)[:, -1], seeing(shuffled)[:, -1], atol=1e-2), changes


@torch.no_grad()
def test_attention_weights_average_exactly_what_attention_averages():
    model, ids = tiny(), some_ids(2, 13)
    weights = model.attention_weights(ids)
    assert weights.shape == (2, 2, 2, 13, 13)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 2, 2, 13), atol=1e-5)
    assert weights.triu(1).abs().max() == 0
    seen = []
    attention = model.blocks[1].attention
    hook = attention.register_forward_hook(lambda _, inputs, y: seen.append((inputs, y)))
    model(ids)
    hook.remove()
    (inputs, expected), *_ = seen
    _, _, v = attention.split_heads(*inputs[:2])
    by_hand = attention.out((weights[1] @ v).transpose(1, 2).flatten(2))
    assert torch.allclose(by_hand, expected, atol=1e-4)


@torch.no_grad()
def test_loss_is_the_mean_surprise_at_the_targets_that_count():
    model, ids = tiny(), some_ids(2, 9)
    targets = ids.roll(-1, 1)
    targets[1, 5:] = -100
    p = model(ids).softmax(-1)
    counted = [(b, t) for b in range(2) for t in range(9) if targets[b, t] >= 0]
    by_hand = -sum(math.log(p[b, t, targets[b, t]]) for b, t in counted) / len(counted)
    assert model.loss(ids, targets).item() == pytest.approx(by_hand, rel=1e-5)


def test_tied_weights_are_counted_once():
    C, V, L = 16, VOCABULARY, 2
    attention, mlp = 4 * C * C, 2 * 4 * C * C
    expected = V * C + L * (attention + mlp)
    assert count_parameters(tiny(**PLAIN)) == expected
    assert count_parameters(tiny(**(PLAIN | {"positions": "learned"}))) == expected + 40 * C
    assert count_parameters(tiny(**(PLAIN | {"mlp_from": 1}))) == expected - mlp
    model = tiny()
    assert model.head.weight is model.embedding.weight


def test_a_new_model_is_sure_of_nothing():
    """Its loss is near that of a guess among all words, ln V; a careless start is far above."""
    model, ids = Transformer(Config(vocabulary_size=400)), some_ids(8, 60, vocabulary=400)
    with torch.no_grad():
        assert abs(model.loss(ids, ids.roll(-1, 1)).item() - math.log(400)) < 1


def test_the_same_seed_draws_the_same_weights():
    config = Config(vocabulary_size=50)
    one, same, other = (Transformer(config, seed) for seed in (1, 1, 2))
    for (name, a), b in zip(one.named_parameters(), same.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


def test_every_weight_learns():
    model, ids = tiny(), some_ids(4, 30)
    model.loss(ids, ids.roll(-1, 1)).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def test_gradients_equal_finite_differences():
    """Every weight is moved a little, the way that its gradient says is uphill."""
    model = tiny(n_embd=8, n_layer=2, context=6).double()
    ids = some_ids(1, 6)
    targets = ids.roll(-1, 1)
    model.loss(ids, targets).backward()
    step = 3e-3  # rotate() and loss() work in float32
    generator = torch.Generator().manual_seed(7)
    for name, weight in model.named_parameters():
        uphill = weight.grad.sign() * torch.rand(weight.shape, generator=generator)
        uphill[weight.grad == 0] = 1.0  # must make no difference
        uphill /= uphill.norm()
        kept, values = weight.detach().clone(), []
        with torch.no_grad():
            for sign in (1, -1):
                weight.copy_(kept + sign * step * uphill)
                values.append(model.loss(ids, targets).item())
            weight.copy_(kept)
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx((weight.grad * uphill).sum().item(), rel=0.003), name


# ---- clear words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size=0 must be at least 1"),
        ({"n_layer": -1}, "n_layer=-1 must be at least 1"),
        ({"mlp_from": 2}, "mlp_from=2 must name one of the 2 blocks"),
        ({"context": 0}, "context=0 must be at least 1"),
        ({"n_embd": 30, "n_head": 4}, r"n_embd=30 must be a multiple of 2 \* n_head=8"),
        ({"n_embd": 12, "n_head": 4}, r"n_embd=12 must be a multiple of 2 \* n_head=8"),
        ({"positions": "sinusoidal"}, "positions='sinusoidal' must be rotary, learned or none"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_their_values(sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Config(**({"vocabulary_size": 10} | sizes))


def test_a_text_longer_than_the_context_is_refused():
    model = tiny()
    with pytest.raises(ValueError, match="41 words do not fit into a context of 40"):
        model(some_ids(1, 41))
    cache = KVCache(model, 1)
    model(some_ids(1, 40), cache)
    with pytest.raises(ValueError, match="41 words do not fit into a context of 40"):
        model(some_ids(1, 1), cache)


def test_a_config_survives_being_written_as_plain_data():
    config = Config(vocabulary_size=10, n_head=2, positions="none", mix=False)
    assert Config(**config.to_dict()) == config


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_casting_the_weights_leaves_the_angles_as_they_are(dtype):
    model = Transformer(Config(vocabulary_size=20, n_embd=16, context=8))
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(generator=torch.Generator().manual_seed(weight.numel()))
    ids = torch.arange(8)[None]
    before, angles = model(ids), model.rotation.clone()
    with warnings.catch_warnings(action="error"):
        model.to(dtype)
    assert torch.equal(model.rotation, angles)
    assert model.embedding.weight.dtype == dtype
    off = (model(ids).float() - before).abs().max() / before.abs().max()
    assert off < (0.1 if dtype == torch.bfloat16 else 1e-5)
