"""The LSTM is a fair opponent: equal in size, right in its arithmetic, one word at a time."""

import math

import numpy as np
import pytest
import torch
from tiny_models import some_ids

from grooves.models.lstm import LSTM
from grooves.models.transformer import Config, Transformer, count_parameters


@pytest.mark.parametrize(
    "sizes", [{}, {"n_embd": 96}, {"n_embd": 128, "n_layer": 4}, {"n_layer": 1, "mlp_from": 0}]
)
def test_the_lstm_has_as_many_weights_as_the_transformer(sizes):
    transformer = Transformer(Config(vocabulary_size=436, **sizes))
    ratio = count_parameters(LSTM.like(transformer)) / count_parameters(transformer)
    assert 0.97 < ratio < 1.03
    assert LSTM.like(transformer).config == transformer.config


@torch.no_grad()
def test_an_lstm_word_by_word_equals_its_equations():
    """Hochreiter & Schmidhuber's gates in NumPy, one word and one layer after another."""
    model = LSTM(Config(vocabulary_size=11, n_layer=2), width=6, seed=1)
    for p in model.parameters():
        p.mul_(4)  # far enough from zero for every curve to show
    weights = {name: p.double().numpy() for name, p in model.named_parameters()}
    ids = some_ids(1, 9, vocabulary=11)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    h, c = np.zeros((2, 6)), np.zeros((2, 6))
    found = model(ids)[0].double().numpy()
    for t, token in enumerate(ids[0].tolist()):
        x = weights["embedding.weight"][token]
        for layer in range(2):
            part = lambda name, i=layer: weights[f"layers.{name}_l{i}"]  # noqa: E731
            gates = part("weight_ih") @ x + part("bias_ih") + part("weight_hh") @ h[layer]
            i, f, g, o = np.split(gates + part("bias_hh"), 4)
            c[layer] = sigmoid(f) * c[layer] + sigmoid(i) * np.tanh(g)
            x = h[layer] = sigmoid(o) * np.tanh(c[layer])
        assert np.allclose(found[t], weights["embedding.weight"] @ x, atol=1e-5)


@torch.no_grad()
def test_going_on_from_a_state_equals_reading_it_all():
    model = LSTM(Config(vocabulary_size=11), width=8)
    ids = some_ids(3, 14, vocabulary=11)
    first, state = model(ids[:, :5], return_state=True)
    rest = model(ids[:, 5:], state)
    assert torch.allclose(torch.cat((first, rest), 1), model(ids), atol=1e-6)


@torch.no_grad()
def test_future_words_have_no_influence_on_an_lstm():
    model, ids = LSTM(Config(vocabulary_size=11), width=8), some_ids(2, 14, vocabulary=11)
    changed = ids.clone()
    changed[:, 6] = ids[:, 6] % 10 + 1
    assert torch.equal(model(ids)[:, :6], model(changed)[:, :6])
    assert not torch.allclose(model(ids)[:, 6], model(changed)[:, 6])


def test_forget_gates_start_open_and_the_seed_decides_the_rest():
    model = LSTM(Config(vocabulary_size=11), width=8, seed=3)
    for layer in range(2):
        bias = getattr(model.layers, f"bias_ih_l{layer}") + getattr(
            model.layers, f"bias_hh_l{layer}"
        )
        assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    same = LSTM(Config(vocabulary_size=11), width=8, seed=3)
    assert all(map(torch.equal, model.state_dict().values(), same.state_dict().values()))


def test_a_new_lstm_knows_nothing_and_learns():
    model, ids = LSTM(Config(vocabulary_size=300), width=32), some_ids(4, 30, vocabulary=300)
    loss = model.loss(ids, ids.roll(-1, 1))
    assert loss.item() == pytest.approx(math.log(300), rel=0.03)
    loss.backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())
