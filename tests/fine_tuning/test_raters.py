"""Simulated raters against what their three numbers promise."""

import numpy as np
import pytest

from grooves.fine_tuning.raters import Raters, flipped

GOOD, BAD, LONG = [1, 2], [3, 4], [3] * 42


def taste(texts):
    """Likes texts that begin with token 1."""
    return np.array([text[0] == 1 for text in texts])


def test_the_chance_follows_taste_length_and_carelessness():
    plain = Raters(taste, strength=4.0, per_ten_words=0.0, careless=0.0)
    assert plain.chance([GOOD, BAD], [BAD, BAD]) == pytest.approx([1 / (1 + np.exp(-4)), 0.5])
    biased = Raters(taste, strength=4.0, per_ten_words=0.5, careless=0.0)
    assert biased.chance([GOOD], [LONG]) == pytest.approx([1 / (1 + np.exp(-2))])
    careless = Raters(taste, strength=100.0, per_ten_words=0.0, careless=0.2)
    assert careless.chance([GOOD, BAD], [BAD, GOOD]) == pytest.approx([0.9, 0.1])


def test_ratings_are_drawn_with_that_chance_and_nobody_agrees_more_often_than_the_best():
    raters, n = Raters(taste, strength=2.0, per_ten_words=0.0), 20_000
    sides = [GOOD] * n, [BAD] * n
    p = raters.chance(*sides)[0]
    rated = raters.compare(*sides, seed=1)
    assert set(rated.tolist()) == {0, 1}
    assert rated.mean() == pytest.approx(p, abs=0.01)
    assert raters.best_agreement(*sides) == pytest.approx(p)
    assert raters.best_agreement(*sides[::-1]) == pytest.approx(p)


def test_exactly_the_given_share_of_pairs_is_turned_round():
    chosen, rejected = [[i] for i in range(10)], [[-i - 1] for i in range(10)]
    first, second = flipped(chosen, rejected, 0.2, seed=3)
    turned = [i for i in range(10) if first[i] != chosen[i]]
    assert len(turned) == 2
    assert all(first[i] == rejected[i] and second[i] == chosen[i] for i in turned)
    assert flipped(chosen, rejected, 0.2, seed=4)[0] != first


def test_a_share_of_careless_raters_above_1_is_refused():
    with pytest.raises(ValueError, match=r"careless=1.2 must be a share"):
        Raters(careless=1.2)
