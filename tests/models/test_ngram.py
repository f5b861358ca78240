"""Counting models against counts by hand, and their gap against the one of neural models."""

import math

import numpy as np
import pytest
import torch

from grooves.language.stories import Stories
from grooves.models.ngram import DISCOUNT, NGram, gap_of
from grooves.training.lineage import gap

LANGUAGE = Stories()


def test_an_n_gram_model_gives_the_probabilities_of_counting_by_hand():
    """The text 1 2 1 2 1 3 between end marks, four tokens: after 1 came 2, 2 and 3."""
    model = NGram(2, 4).fit([[1, 2, 1, 2, 1, 3]])
    d = DISCOUNT
    alone = [(1 - d) / 7, (3 - d) / 7, (2 - d) / 7, (1 - d) / 7]  # counts of 0, 1, 2, 3
    unigram = [p + d * 4 / 7 / 4 for p in alone]
    after_1 = [0, 0, (2 - d) / 3, (1 - d) / 3]
    expected = [p + d * 2 / 3 * q for p, q in zip(after_1, unigram, strict=True)]
    assert model.next_token([0, 1]) == pytest.approx(expected)
    assert NGram(1, 4).fit([[1, 2, 1, 2, 1, 3]]).next_token([0, 1]) == pytest.approx(unigram)


def test_the_probabilities_of_an_n_gram_model_sum_to_one_and_none_is_zero():
    counted = [[LANGUAGE.index[word] for word in words] for words in LANGUAGE.corpus(20, seed=1)]
    model = NGram(3, len(LANGUAGE.vocabulary)).fit(counted)
    for prefix in ([], [0], [0, 7], counted[0][:9], [400, 401, 402]):
        p = model.next_token(prefix)
        assert p.sum() == pytest.approx(1) and p.min() > 0


def test_an_unseen_context_backs_off_to_the_longest_one_that_was_seen():
    model = NGram(3, 5).fit([[1, 2, 3], [4, 2, 3]])
    assert model.next_token([0, 3, 2]) == pytest.approx(model.next_token([2]))
    assert NGram(3, 5).next_token([1, 2]) == pytest.approx([0.2] * 5)  # nothing was seen


class AsModel(torch.nn.Module):
    """A bigram model with the interface of the neural ones."""

    def __init__(self, ngram):
        super().__init__()
        rows = [ngram.next_token([token]) for token in range(ngram.vocabulary_size)]
        self.logits = torch.nn.Parameter(torch.from_numpy(np.array(rows)).log())

    def forward(self, ids):
        return self.logits[ids]


def test_the_gap_of_an_n_gram_model_is_measured_as_that_of_any_other():
    counted = [[LANGUAGE.index[word] for word in words] for words in LANGUAGE.corpus(200, seed=1)]
    model = NGram(2, len(LANGUAGE.vocabulary)).fit(counted)
    assert gap_of(model, LANGUAGE) == pytest.approx(gap(AsModel(model), LANGUAGE), rel=1e-4)


def test_an_n_gram_model_of_no_size_is_refused():
    with pytest.raises(ValueError, match="n=0 and vocabulary_size=4 must be at least 1"):
        NGram(0, 4)


def test_an_n_gram_model_says_how_much_it_stores():
    model = NGram(2, 4).fit([[1, 2, 1]])
    # 0, 1 and 2 alone; 0 then 1, 1 then 2 and 0, 2 then 1
    assert model.n_counts == 3 + 4
    assert math.isclose(model.next_token([0]).sum(), 1)
