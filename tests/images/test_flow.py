"""Flow matching: the path, the loss and its minimum, guidance, and where the sampler arrives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grooves.images import flow
from grooves.images.flow import (
    draw,
    euler_times,
    guided,
    noise_like,
    optimal_picture,
    path,
    predict,
    scale_of_strength,
    times,
    velocity,
    weight,
    without_sentences,
)


def some_pictures(n, seed=0):
    numbers = np.random.default_rng(seed).uniform(-1, 1, (n, 3, 16, 16))
    return torch.from_numpy(numbers.astype(np.float32))


def best(pictures):
    """The model with the smallest possible loss on these pictures; it ignores the sentence."""
    return lambda x, t, tokens: optimal_picture(x, t, pictures)


def sentences(n):
    """Sentence i consists of the token i + 1."""
    return torch.arange(1, n + 1)[:, None].expand(n, 10)


# ---- the path and the loss ---------------------------------------------------------------------


def test_the_path_goes_from_the_noise_to_the_picture_at_constant_velocity():
    pictures, noise = some_pictures(2), some_pictures(2, seed=1)
    assert torch.equal(path(pictures, noise, torch.zeros(2)), noise)
    assert torch.equal(path(pictures, noise, torch.ones(2)), pictures)
    for t, later in ((0.0, 0.3), (0.3, 0.8), (0.8, 0.9)):
        t, later = torch.tensor([t, t / 2]), torch.tensor([later, later / 2])
        x, then = path(pictures, noise, t), path(pictures, noise, later)
        moved = (then - x) / (later - t)[:, None, None, None]
        assert torch.allclose(velocity(pictures, x, t), moved, atol=1e-5)
        assert torch.allclose(moved, pictures - noise, atol=1e-5)


def test_the_loss_is_the_weighted_squared_error_of_the_picture():
    pictures, noise, t = some_pictures(2), some_pictures(2, seed=1), torch.tensor([0.25, 0.85])
    off = torch.tensor([0.1, 0.3])[:, None, None, None]
    found = flow.loss(lambda x, t, tokens: pictures + off, pictures, noise, t, sentences(2))
    assert float(found) == pytest.approx((0.1**2 / 1.0 + 0.3**2 / 0.4) / 2, rel=1e-5)
    grid = torch.linspace(0, 0.99, 50)
    assert (weight(grid).diff() > 0).all()
    assert (weight(grid)[25:] < 1 / (1 - grid[25:]) ** 2).all() and weight(torch.ones(1)) == 4


def test_the_model_is_shown_the_mixture_its_time_and_the_sentence():
    pictures, noise, t = some_pictures(2), some_pictures(2, seed=1), torch.tensor([0.25, 0.75])
    shown = []
    flow.loss(lambda *given: shown.extend(given) or pictures, pictures, noise, t, sentences(2))
    x, at, tokens = shown
    assert torch.equal(x[1], 0.25 * noise[1] + 0.75 * pictures[1])
    assert torch.equal(at, t) and torch.equal(tokens, sentences(2))


def test_times_are_the_squares_of_uniform_numbers():
    t = times(20_000, np.random.default_rng(0))
    assert t.min() >= 0 and t.max() < 1 and t.dtype == torch.float32
    for share in (0.1, 0.5, 0.9):
        assert float(t.quantile(share)) == pytest.approx(share**2, abs=0.02)


def test_noise_is_standard_normal_and_repeatable():
    like = torch.zeros(40, 3, 16, 16)
    noise = noise_like(like, np.random.default_rng(0))
    assert noise.shape == like.shape and noise.dtype == torch.float32
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert torch.equal(noise, noise_like(like, np.random.default_rng(0)))


def test_sentences_are_left_out_whole_or_not_at_all():
    tokens = sentences(5000)
    found = without_sentences(tokens, np.random.default_rng(0), share=0.1)
    empty, kept = (found == 0).all(1), (found == tokens).all(1)
    assert (empty | kept).all() and float(empty.float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(without_sentences(tokens, np.random.default_rng(0), 0.0), tokens)
    assert not without_sentences(tokens, np.random.default_rng(0), 1.0).any()
    with pytest.raises(ValueError, match=r"share=1.5 must be a probability"):
        without_sentences(tokens, np.random.default_rng(0), 1.5)


# ---- guidance ----------------------------------------------------------------------------------


def test_scale_one_is_the_prediction_with_the_sentence_and_zero_the_one_without():
    with_sentence, without = some_pictures(2), some_pictures(2, seed=1)
    assert torch.allclose(guided(with_sentence, without, 1), with_sentence)
    assert torch.equal(guided(with_sentence, without, 0), without)
    double = guided(with_sentence, without, 2)
    assert torch.allclose(double, 2 * with_sentence - without, atol=1e-6)


def test_the_other_convention_counts_from_zero():
    with_sentence, without = some_pictures(2), some_pictures(2, seed=1)
    assert scale_of_strength(0) == 1
    for w in (0.0, 0.5, 3.0):
        ho_and_salimans = (1 + w) * with_sentence - w * without
        ours = guided(with_sentence, without, scale_of_strength(w))
        assert torch.allclose(ours, ho_and_salimans, atol=1e-5)


def test_guidance_compares_with_the_empty_sentence():
    def model(x, t, tokens):
        assert len(x) == len(t) == len(tokens)
        return x + tokens[:, :1, None, None] + t[:, None, None, None]

    x, t = some_pictures(3), torch.tensor([0.0, 0.2, 0.4])
    for scale in (0.0, 1.0, 4.0):
        found = predict(model, x, t, sentences(3), scale) - x - t[:, None, None, None]
        wanted = scale * torch.tensor([1.0, 2.0, 3.0])[:, None, None, None]
        assert torch.allclose(found, wanted.expand_as(found), atol=1e-5)


# ---- the sampler -------------------------------------------------------------------------------


def test_steps_go_from_noise_to_picture_and_begin_small():
    for steps in (1, 4, 50):
        moments = euler_times(steps)
        assert len(moments) == steps + 1 and moments[0] == 0 and moments[-1] == 1
        lengths = moments.diff()
        assert (lengths > 0).all() and lengths[0] == lengths.min()
    with pytest.raises(ValueError, match="steps=0 must be at least 1"):
        draw(best(some_pictures(1)), sentences(1), steps=0)


@pytest.mark.parametrize("steps", [1, 3, 30])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_of_one_training_picture_the_sampler_draws_that_one(steps, scale):
    picture = some_pictures(1)
    found = draw(best(picture), sentences(5), steps, scale)
    assert torch.allclose(found, picture.expand_as(found), atol=1e-5)


def test_of_two_training_pictures_the_one_is_drawn_to_which_the_noise_is_nearer():
    """By symmetry the velocity never crosses the plane between two opposite pictures."""
    picture = some_pictures(1)
    points = draw(best(torch.cat((picture, -picture))), sentences(60), steps=30, keep_path=True)
    side = (points[0] * picture).sum((1, 2, 3)).sign()
    assert 10 < int((side > 0).sum()) < 50
    assert torch.allclose(points[-1], side[:, None, None, None] * picture, atol=1e-3)


def test_of_many_training_pictures_each_is_drawn_sometimes_and_nothing_else():
    pictures = some_pictures(8)
    found = draw(best(pictures), sentences(60), steps=30, scale=1.0)
    distance = (found[:, None] - pictures).abs().amax((2, 3, 4))
    assert float(distance.min(1).values.max()) < 1e-3
    assert len(distance.argmin(1).unique()) == 8


def test_guidance_draws_the_picture_that_belongs_to_the_sentence():
    """Sentence i belongs to picture i alone; without a sentence, all pictures are possible."""
    pictures = some_pictures(3)

    def model(x, t, tokens):
        anything = optimal_picture(x, t, pictures)
        own = pictures[(tokens[:, 0] - 1).clamp(min=0)]
        return torch.where(tokens[:, :1, None, None] > 0, own, anything)

    for scale in (1.0, 2.0):
        found = draw(model, sentences(3), steps=20, scale=scale)
        assert torch.allclose(found, pictures, atol=1e-3)


def test_the_same_seed_draws_the_same_picture_alone_and_among_others():
    model = best(some_pictures(4))
    one, other = (draw(model, sentences(6), 2, 1.0, seed=seed) for seed in (0, 1))
    assert torch.equal(one, draw(model, sentences(6), 2, 1.0, seed=0))
    assert not torch.allclose(one, other, atol=0.1)
    assert torch.allclose(draw(model, sentences(2), 2, 1.0, seed=0), one[:2], atol=1e-5)


def test_pictures_are_limited_to_their_range_and_the_path_is_not():
    far = lambda x, t, tokens: torch.full_like(x, 3.0)  # noqa: E731
    assert (draw(far, sentences(2), steps=2, size=24) == torch.ones(2, 3, 24, 24)).all()
    points = draw(far, sentences(2), steps=2, keep_path=True)
    assert points.shape == (3, 2, 3, 16, 16)
    assert torch.allclose(points[-1], torch.full((2, 3, 16, 16), 3.0), atol=1e-5)
    assert torch.allclose(points[1], path(points[-1], points[0], torch.full((2,), 0.25)), atol=1e-5)


# ---- the best possible -------------------------------------------------------------------------


def test_the_optimum_weights_pictures_by_the_density_of_the_noise():
    pictures = 0.05 * some_pictures(3)
    x, t = path(pictures[:1], some_pictures(1, seed=5), torch.tensor([0.4])), torch.tensor([0.4])
    noise = torch.distributions.Normal(0.4 * pictures, 0.6)
    density = noise.log_prob(x).double().sum((1, 2, 3))
    density = (density - density.max()).exp()  # relative: the densities themselves are tiny
    wanted = ((density / density.sum())[:, None, None, None] * pictures).sum(0).float()
    assert torch.allclose(optimal_picture(x, t, pictures)[0], wanted, atol=1e-6)
    assert torch.allclose(optimal_picture(x, torch.zeros(1), pictures)[0], pictures.mean(0))


def test_the_loss_of_the_optimum_is_the_one_that_theory_gives():
    """For two opposite pictures of length r the error is r**2 (1 - E tanh(s + sqrt(s) z)), with
    z normal and s = (t r / (1 - t))**2: an integral over one number instead of one over 48."""
    picture = 0.4 * some_pictures(1)[:, :, :4, :4]
    r = float(picture.norm())
    rng, t = np.random.default_rng(0), 0.3
    sides = torch.from_numpy(rng.choice([-1.0, 1.0], 40_000).astype(np.float32))
    pictures = sides[:, None, None, None] * picture
    at = torch.full((len(pictures),), t)
    model = best(torch.cat((picture, -picture)))
    found = flow.loss(model, pictures, noise_like(pictures, rng), at, sentences(40_000))
    z, share = np.polynomial.hermite_e.hermegauss(80)
    s = (t * r / (1 - t)) ** 2
    mean = (share * np.tanh(s + np.sqrt(s) * z)).sum() / share.sum()
    assert 0.2 < mean < 0.9  # neither hopeless nor easy
    wanted = r**2 * (1 - mean) / picture.numel() / (1.25 - t)
    assert float(found) == pytest.approx(wanted, rel=0.02)


def test_no_other_prediction_has_a_smaller_loss_than_the_optimum():
    pictures = 0.2 * some_pictures(5)
    rng = np.random.default_rng(1)
    drawn = pictures[torch.from_numpy(rng.integers(5, size=3000))]
    noise, t, tokens = noise_like(drawn, rng), times(3000, rng), sentences(3000)
    optimum = best(pictures)

    def nearest(x, t, tokens):
        scaled = x.flatten(1) / t.clamp(min=1e-3)[:, None]
        return pictures[torch.cdist(scaled, pictures.flatten(1)).argmin(1)]

    others = {
        "mean": lambda x, t, tokens: pictures.mean(0).expand_as(x),
        "nearest": nearest,
        "timid": lambda x, t, tokens: 0.9 * optimum(x, t, tokens) + 0.1 * pictures.mean(0),
        "sure": lambda x, t, tokens: 1.1 * optimum(x, t, tokens) - 0.1 * pictures.mean(0),
        "early": lambda x, t, tokens: optimum(x, 0.8 * t, tokens),
        "mixture": lambda x, t, tokens: x,
    }
    smallest = float(flow.loss(optimum, drawn, noise, t, tokens))
    for name, other in others.items():
        assert float(flow.loss(other, drawn, noise, t, tokens)) > 1.001 * smallest, name
