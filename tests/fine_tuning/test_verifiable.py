"""A judge that corrects word by word: what it forbids, and what it leaves to the model."""

import numpy as np
import pytest
import torch
from tiny_language import TinyStories
from tiny_models import tiny

from grooves.fine_tuning import own_samples, verifiable
from grooves.fine_tuning.verifiable import (
    OwnStories,
    accepted_given,
    beginnings_of,
    correct_by_word,
    standing,
    train_on_beginnings,
    train_on_corrected,
)
from grooves.inference.feedback_file import weights_hash
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.training import lineage

LANGUAGE = TinyStories()
SIZE = len(LANGUAGE.vocabulary)


def words_of(texts):
    """Tokens as words."""
    return [[LANGUAGE.vocabulary[token] for token in text] for text in texts]


def accepted(texts):
    """Share of texts that are stories of the tiny language."""
    return np.mean([LANGUAGE.parse(words).ok for words in words_of(texts)])


def test_every_corrected_story_is_accepted_and_none_is_drawn_twice(monkeypatch):
    monkeypatch.setattr(verifiable, "CHUNK", 20)
    model = tiny(vocabulary_size=SIZE)
    assert accepted(draw_texts(model, 50, seed=1).tokens) < 0.1
    stories = correct_by_word(model, LANGUAGE, 50, seed=1)
    assert len(stories) == 50
    assert accepted(stories) == 1
    assert stories[:20] != stories[20:40]
    assert stories == correct_by_word(model, LANGUAGE, 50, seed=1)
    assert stories != correct_by_word(model, LANGUAGE, 50, seed=2)


def test_what_the_judge_allows_is_as_frequent_as_in_the_model():
    model = tiny(vocabulary_size=SIZE)
    first = [text[0] for text in correct_by_word(model, LANGUAGE, 1_000)]
    p = model(torch.zeros((1, 1), dtype=torch.long))[0, 0].softmax(-1).detach().numpy()
    allowed = [LANGUAGE.index[w] for w in LANGUAGE.grammar.next_words(LANGUAGE.grammar.begin())]
    expected = p[allowed] / p[allowed].sum()
    assert expected.max() > 10 * expected.min(), "the model has a preference"
    found = [first.count(word) / len(first) for word in allowed]
    assert found == pytest.approx(expected, abs=0.05)


def test_every_story_is_seen_once_in_each_pass():
    stories = [[word] * (3 + word % 4) for word in range(1, 13)]
    data = OwnStories(stories, batch_size=4, seed=3)
    passes = []
    for epoch in range(2):
        inputs = [data.batch(3 * epoch + step)[0] for step in range(3)]
        passes.append([rows[:, 1].tolist() for rows in inputs])
        assert sorted(word for rows in passes[-1] for word in rows) == list(range(1, 13))
    assert passes[0] != passes[1]
    with pytest.raises(ValueError, match="3 stories are less than one batch of 4"):
        OwnStories(stories[:3], batch_size=4)


def test_training_on_corrected_stories_teaches_what_the_judge_knows():
    model = tiny(vocabulary_size=SIZE)
    train_on_corrected(model, LANGUAGE, n_stories=120, steps=150)
    texts = draw_texts(model, 100, seed=1).tokens
    assert accepted(texts) > 0.5
    assert len({words[0] for words in words_of(texts)}) >= 3, "the first words are still varied"


def test_own_stories_are_trained_on_once_for_each_beginning_of_the_start(monkeypatch):
    start, model, seen = tiny(), tiny(), []
    real = own_samples.encode

    def encode(texts, *settings):
        seen.extend(texts)
        return real(texts, *settings)

    monkeypatch.setattr(own_samples, "encode", encode)

    def even(texts):
        return [bool(text) and text[0] % 2 == 0 for text in texts]

    rest = dict(rounds=2, per_round=96, tries=4, words=3, lr=1e-2)
    shares = train_on_beginnings(model, start, even, **rest)
    assert len(shares) == 2
    n_accepted, n_beginnings = round(96 * sum(shares)), 2 * 96 // 4
    assert 0 < len(seen) <= n_beginnings < n_accepted < 2 * 96
    assert all(even(seen))
    assert weights_hash(model) != weights_hash(start) == weights_hash(tiny())


def test_given_beginnings_show_whether_a_model_can_end_what_it_did_not_choose():
    base = lineage.base()
    beginnings = beginnings_of(base, Stories(), 40, words=30)
    assert [len(text) for text in beginnings] == [30] * 40
    assert accepted_given(base, beginnings) > 0.8
    assert accepted_given(lineage.short_trained(700), beginnings) < 0.2
    wrong = [[*text[:29], 1] for text in beginnings]
    assert accepted_given(base, wrong) < 0.2


def test_acceptance_is_reported_with_variety_among_the_accepted(monkeypatch):
    base = lineage.base()
    found = standing(base, base, n=60)
    assert found.accepted > 0.8
    assert 4.5 < found.plots <= 6
    assert 8 < found.names <= 20
    assert found.kl == pytest.approx(0, abs=1e-4)
    assert found.gap == pytest.approx(lineage.gap(base)[0])
    monkeypatch.setattr(verifiable.judges, "accepted", lambda texts: np.arange(len(texts)) < 1)
    alone = standing(base, base, n=60)
    assert (alone.plots, alone.names) == pytest.approx((1, 1))
