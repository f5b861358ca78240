"""A linear reward model against the weights that made its data."""

import numpy as np
import pytest
import torch
from tiny_models import VOCABULARY, some_ids, tiny

from grooves.fine_tuning.reward_model import RewardModel, bag_of_words, mean_states
from grooves.models.transformer import norm


def rated(n, seed=0):
    """Pairs of texts and the winner of each, drawn from the Bradley-Terry model."""
    rng = np.random.default_rng(seed)
    texts = some_ids(2 * n, 5, seed).tolist()
    worth = np.linspace(-1, 1, VOCABULARY)
    rewards = np.array([worth[text].sum() for text in texts])
    first, second = texts[:n], texts[n:]
    wins = rng.random(n) < 1 / (1 + np.exp(rewards[n:] - rewards[:n]))
    return first, second, wins, worth


def test_words_are_counted_and_the_length_is_a_feature():
    found = bag_of_words(5)([[1, 1, 4], []])
    assert found.tolist() == [[0, 2, 0, 0, 1, pytest.approx(0.3)], [0, 0, 0, 0, 0, 0]]


def test_states_are_averaged_over_the_last_words_of_each_text():
    model, texts = tiny(), [[4, 9, 2, 7, 3], [8]]
    found = mean_states(model, last=3)(texts)
    with torch.no_grad():
        states = [norm(model.hidden(torch.tensor([[0, *text]])))[0].numpy() for text in texts]
    assert np.allclose(found[0], states[0][-3:].mean(0), atol=1e-4)
    assert np.allclose(found[1], states[1][-1], atol=1e-4)


def test_the_weights_that_made_the_ratings_are_found():
    first, second, wins, worth = rated(4000)
    model = RewardModel(bag_of_words(VOCABULARY)).fit(first, second, wins, penalty=1e-5)
    found = model.weights[1:VOCABULARY]
    assert np.corrcoef(found, worth[1:])[0, 1] > 0.97
    assert np.polyfit(worth[1:], found, 1)[0] == pytest.approx(1, abs=0.15)  # the scale too
    rewards = model(first + second)
    assert rewards.mean() == pytest.approx(0, abs=1e-4)
    assert rewards.std() == pytest.approx(1, abs=1e-4)


def test_agreement_counts_the_pairs_that_are_ordered_alike():
    first, second, wins, _ = rated(400)
    model = RewardModel(bag_of_words(VOCABULARY)).fit(first, second, wins)
    right = sum(
        (model([a])[0] > model([b])[0]) == win
        for a, b, win in zip(first, second, wins, strict=True)
    )
    assert model.agreement(first, second, wins) == pytest.approx(right / 400)
    assert right / 400 > 0.65


def test_a_reward_model_that_was_not_fitted_or_gets_no_pairs_says_so():
    model = RewardModel(bag_of_words(VOCABULARY))
    with pytest.raises(ValueError, match="call `fit` first"):
        model([[1]])
    with pytest.raises(ValueError, match="2 first texts, 1 second"):
        model.fit([[1], [2]], [[3]], np.array([1, 0]))
