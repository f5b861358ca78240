"""Training a model that draws: what a step does, the average of the weights, and going on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from grooves.images import flow
from grooves.images.drawer import Config, Drawer
from grooves.images.picture_language import PictureLanguage
from grooves.images.render import PictureData
from grooves.images.training import Average, train_drawer
from grooves.training.checkpoint import CheckpointError
from grooves.training.loop import Divergence
from grooves.training.run_control import StopTraining

TINY = Config(n_layer=1, n_head=2, n_embd=32, text_layer=1, text_head=2, text_embd=16)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over threads may be rounded in another order, and "bit for bit" would not hold."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def data(batch_size=16, seed=0):
    return PictureData(PictureLanguage(), batch_size=batch_size, seed=seed)


def same_weights(a, b):
    return all(map(torch.equal, a.parameters(), b.parameters()))


def stop_after(step):
    def on_step(history, _):
        if history.steps == step:
            raise StopTraining

    return on_step


def test_training_lowers_the_loss_far_below_that_of_the_mean_picture():
    _, history = train_drawer(Drawer(TINY), data(), steps=120)
    first, last = np.mean(history.losses[:5]), np.mean(history.losses[-20:])
    assert history.steps == 120 and last < 0.75 * first
    assert history.words > 120 * 16 * 8  # most sentences have ten words
    assert history.seconds > 0 and not history.interrupted


def test_the_sentence_becomes_useful():
    """On one batch again and again, a prediction with the right sentence is the better one."""
    batch = data(32).batch(0)

    class OneBatch:
        def batch(self, step):
            return batch

    model, _ = train_drawer(Drawer(TINY), OneBatch(), steps=250)
    pictures, tokens, _ = batch
    noise, t = flow.noise_like(pictures, np.random.default_rng(0)), torch.full((32,), 0.05)
    right, wrong, none = (
        float(flow.loss(model, pictures, noise, t, each))
        for each in (tokens, tokens.roll(1, 0), torch.zeros_like(tokens))
    )
    assert right < 0.9 * none < none < wrong


def test_the_first_steps_are_those_of_adamw_on_the_flow_loss():
    by_hand, model = Drawer(TINY), Drawer(TINY)
    train_drawer(model, data(), steps=2, lr=1e-3, seed=7)
    optimizer = torch.optim.AdamW(by_hand.parameters(), betas=(0.9, 0.99), weight_decay=0.01)
    for step in range(2):
        pictures, tokens, _ = data().batch(step)
        rng = np.random.default_rng((7, step, 1))
        noise, t = flow.noise_like(pictures, rng), flow.times(16, rng)
        optimizer.param_groups[0]["lr"] = 1e-3 * (1e-3 / 0.03, 1 - (0.1 / 0.6) ** 0.5)[step]
        optimizer.zero_grad()
        flow.loss(by_hand, pictures, noise, t, flow.without_sentences(tokens, rng)).backward()
        nn.utils.clip_grad_norm_(by_hand.parameters(), 1.0)
        optimizer.step()
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_the_average_follows_the_weights_slowly():
    model = nn.Linear(1, 1, bias=False)
    average, wanted = Average(model, decay=0.5), float(model.weight.detach())
    for step in range(1, 21):
        model.weight.data.fill_(step % 3)
        average.update(model, step)
        d = min(0.5, (1 + step) / (10 + step))
        wanted = d * wanted + (1 - d) * (step % 3)
        assert float(average.model.weight) == pytest.approx(wanted, abs=1e-6)
    assert float(model.weight) == 20 % 3 and not average.model.weight.requires_grad
    with pytest.raises(ValueError, match=r"decay=1.0 must be from 0 to below 1"):
        Average(model, decay=1.0)


def test_the_average_of_the_weights_is_what_is_returned():
    model = Drawer(TINY)
    seen = []
    found, _ = train_drawer(
        model, data(), steps=6, on_step=lambda *_: seen.append(model.position.detach().clone())
    )
    wanted = Drawer(TINY).position.detach()
    for step, position in enumerate(seen, 1):
        d = (1 + step) / (10 + step)
        wanted = d * wanted + (1 - d) * position
    assert torch.allclose(found.position, wanted, atol=1e-6)
    assert torch.equal(model.position, seen[-1]) and not torch.equal(found.position, seen[-1])
    assert not found.training


def test_the_same_seed_trains_the_same_model():
    def trained(seed):
        return train_drawer(Drawer(TINY), data(), steps=3, seed=seed)[0]

    one, again, other = map(trained, (0, 0, 1))
    assert same_weights(one, again) and not same_weights(one, other)


def test_an_interrupted_training_continues_as_if_nothing_had_happened(tmp_path):
    whole, model = Drawer(TINY), Drawer(TINY)
    average, history = train_drawer(whole, data(), steps=8)
    place = tmp_path / "run.safetensors"
    _, part = train_drawer(model, data(), steps=8, save_to=place, on_step=stop_after(3))
    assert part.steps == 3 and part.interrupted
    other = Drawer(TINY, seed=9)  # its weights come from the file
    resumed, rest = train_drawer(other, data(), steps=8, save_to=place)
    assert rest.losses == history.losses and rest.words == history.words
    assert same_weights(other, whole) and same_weights(resumed, average)
    assert rest.seconds > part.seconds and not rest.interrupted
    with pytest.raises(CheckpointError, match="from a model of another size"):
        train_drawer(
            Drawer(Config(**TINY.to_dict() | {"n_layer": 1, "n_embd": 16})),
            data(),
            steps=9,
            save_to=place,
        )


def test_a_checkpoint_is_written_every_so_many_steps(tmp_path):
    place, there = tmp_path / "run.safetensors", []
    train_drawer(
        Drawer(TINY),
        data(),
        steps=5,
        save_to=place,
        save_every=3,
        on_step=lambda *_: there.append(place.exists()),
    )
    assert there == [False, False, True, True, True]


def test_each_step_is_reported_with_the_share_of_the_budget():
    seen = []
    train_drawer(
        Drawer(TINY), data(), steps=4, on_step=lambda h, done: seen.append((h.steps, done))
    )
    assert seen == [(1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)]
    seen.clear()
    _, history = train_drawer(
        Drawer(TINY), data(), seconds=0.2, on_step=lambda h, done: seen.append(done)
    )
    assert history.steps > 1 and history.seconds >= 0.2 and seen == sorted(seen) and seen[-1] == 1


@pytest.mark.parametrize("budget", [{}, {"steps": 1, "seconds": 1.0}, {"steps": 0}])
def test_exactly_one_budget_is_needed(budget):
    with pytest.raises(ValueError, match="give one positive budget"):
        train_drawer(Drawer(TINY), data(), **budget)


def test_a_loss_that_is_no_number_stops_training():
    model = Drawer(TINY)
    model.position.data.fill_(float("nan"))
    with pytest.raises(Divergence, match="the loss is not a number after step 1: try a third"):
        train_drawer(model, data(), steps=3)
