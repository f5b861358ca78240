"""Calibration: bins and errors worked by hand, and questions whose answer is known."""

from itertools import combinations

import numpy as np
import pytest

from grooves.inference import calibration
from grooves.inference.calibration import (
    answer_home_questions,
    expected_calibration_error,
    home_questions,
    pass_at_k,
    reliability,
)
from grooves.language.stories import Stories
from grooves.training import lineage

LANGUAGE = Stories()


def test_bins_and_their_error_are_those_worked_out_by_hand():
    confidence = [0.1, 0.3, 0.5, 0.5, 1.0, 0.9]
    correct = [0, 1, 1, 0, 1, 1]
    bins = reliability(confidence, correct, edges=2)
    assert [(b.low, b.high, b.count) for b in bins] == [(0, 0.5, 2), (0.5, 1, 4)]
    assert [b.confidence for b in bins] == pytest.approx([0.2, 0.725])
    assert [b.accuracy for b in bins] == pytest.approx([0.5, 0.75])
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.3 + 4 * 0.025) / 6)
    uneven = reliability(confidence, correct, edges=[0, 0.2, 0.95, 1])
    assert [b.count for b in uneven] == [1, 4, 1]
    assert len(reliability(confidence, correct, edges=20)) == 5, "empty bins are left out"


def test_a_model_that_says_what_is_true_is_calibrated():
    rng = np.random.default_rng(0)
    confidence = rng.random(100_000)
    correct = rng.random(100_000) < confidence
    assert expected_calibration_error(reliability(confidence, correct)) < 0.01
    assert expected_calibration_error(reliability(confidence**0.5, correct)) > 0.1


def test_what_cannot_be_binned_is_refused():
    with pytest.raises(ValueError, match="one of each per prediction"):
        reliability([0.5, 0.5], [1])
    with pytest.raises(ValueError, match="at least one"):
        reliability([], [])
    with pytest.raises(ValueError, match=r"a confidence of 1\.5 is no probability"):
        reliability([0.5, 1.5], [1, 0])


@pytest.mark.parametrize("n_correct", range(7))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n_correct):
    right = [1] * n_correct + [0] * (6 - n_correct)
    for k in range(1, 7):
        expected = np.mean([any(subset) for subset in combinations(right, k)])
        assert pass_at_k(6, n_correct, k) == pytest.approx(expected)
    with pytest.raises(ValueError, match="k=7 do not fit n=6 samples"):
        pass_at_k(6, n_correct, 7)


def test_pass_at_k_is_unbiased_where_the_plain_formula_is_not():
    p, n, k = 0.3, 8, 4
    counts = np.random.default_rng(0).binomial(n, p, 40_000)
    values = np.array([pass_at_k(n, c, k) for c in range(n + 1)])[counts]
    plain = 1 - (1 - counts / n) ** k
    exact = 1 - (1 - p) ** k
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - exact) < 4 * error
    assert abs(plain.mean() - exact) > 10 * error


def test_questions_end_where_the_home_is_recalled():
    """The language is certain of it where the home was told, and the word is absent otherwise."""
    for question in home_questions(LANGUAGE, 20):
        words = [LANGUAGE.vocabulary[token] for token in question.tokens]
        assert LANGUAGE.next_word(words)[LANGUAGE.index[question.told]] == 1
    for told, removed in zip(
        home_questions(LANGUAGE, 20), home_questions(LANGUAGE, 20, "removed"), strict=True
    ):
        words = [LANGUAGE.vocabulary[token] for token in removed.tokens]
        assert told.told == removed.told not in words
        assert len(told.tokens) > len(removed.tokens)
    for question in home_questions(LANGUAGE, 20, "contradicted"):
        words = [LANGUAGE.vocabulary[token] for token in question.tokens]
        assert words.index(question.told) < words.index(question.contradiction)
        assert question.contradiction in calibration.home_words(LANGUAGE)
    with pytest.raises(ValueError, match="change='lost' is not one of told"):
        home_questions(LANGUAGE, 1, "lost")


def test_the_base_model_is_sure_only_where_it_was_told():
    """The claim of chapter 8: confidence tells a missing fact, but not a contradiction."""
    base = lineage.base().cpu()
    told, removed, contradicted = (
        answer_home_questions(base, LANGUAGE, home_questions(LANGUAGE, 150, change))
        for change in calibration.CHANGES
    )
    assert told.is_told.mean() == 1 and told.names_home.all()
    assert calibration.refusals(told.confidence, 0.9) <= 0.01
    assert calibration.refusals(removed.confidence, 0.9) >= 0.95
    assert removed.entropy.mean() > 1 > told.entropy.mean()
    assert 0.2 < calibration.refusals(contradicted.confidence, 0.9) < 0.8
    assert (contradicted.is_told | contradicted.is_contradiction).mean() > 0.8
