"""Endings: masks leak nothing, and what can be known of an ending is exact."""

import random

import numpy as np
import pytest
import torch

from grooves.language.corpora import IGNORED, StoryData
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.linear_probe import (
    MaskedData,
    MaskedTransformer,
    chance_of_happy,
    ending_alone,
    evaluate_endings,
    last_states,
    told,
    word_counts,
    word_vectors,
)
from grooves.training.loop import train


@pytest.fixture(scope="module")
def language():
    return Stories()


@pytest.fixture(scope="module")
def data(language):
    return StoryData(language, n_stories=60, batch_size=6, seed=1)


def test_a_masked_model_looks_both_ways_and_the_other_does_not(language):
    V = len(language.vocabulary)
    ids = torch.arange(1, 13)[None]
    changed = ids.clone()
    changed[0, -1] = 40
    for model, sees_later in ((MaskedTransformer(V), True), (lineage.new_model(language), False)):
        model = model.cpu()
        torch.manual_seed(0)
        for block in model.blocks:  # at the start every block adds nothing
            torch.nn.init.normal_(block.attention.out.weight, std=0.1)
        moved = (model(ids) - model(changed)).abs().amax(-1)[0, :6]
        assert (moved > 1e-6).all() == sees_later and (moved > 1e-6).any() == sees_later


def test_masked_batches_hide_what_they_ask_for(data):
    masked = MaskedData(data, share=0.15)
    plain, next_words = data.batch(3)
    inputs, targets = masked.batch(3)
    asked = targets != IGNORED
    assert (inputs[asked] == masked.mask_id).all() and (targets[asked] == plain[asked]).all()
    assert (inputs[~asked] == plain[~asked]).all()
    assert not asked[next_words < 0].any(), "padding is asked for"
    assert asked.any(1).all() and 0.08 < asked[next_words >= 0].float().mean() < 0.22
    again = masked.batch(3)
    assert torch.equal(inputs, again[0]) and torch.equal(targets, again[1])


def test_batches_leave_the_stories_as_they_were(data):
    before = [rows.clone() for rows, _ in data.batches]
    for step in range(12):
        MaskedData(data, share=0.5).batch(step)
    assert all(torch.equal(a, b) for a, (b, _) in zip(before, data.batches, strict=True))


def test_a_masked_model_learns(language, data):
    torch.manual_seed(0)
    model = MaskedTransformer(len(language.vocabulary), n_embd=32, context=128)
    history = train(model, MaskedData(data, share=0.3), steps=60, progress=False)
    assert np.mean(history.losses[-10:]) < history.losses[0] - 2


def test_an_ending_is_unknown_until_one_word_and_certain_from_it_on(language):
    texts, labels = told(language, 40, seed=3)
    happy, sad = ending_alone("happy"), ending_alone("sad")
    assert set(labels) == {0, 1}
    for words, label in zip(texts, labels, strict=True):
        chance = chance_of_happy(words, happy, sad)
        assert len(chance) == len(words) + 1
        decided = int(np.argmax(chance != 0.5))
        assert (chance[:decided] == 0.5).all() and (chance[decided:] == label).all()
        assert 30 < decided < len(words)


def test_a_language_of_one_ending_writes_that_ending_alone(language):
    for ending in ("happy", "sad"):
        alone, rng = ending_alone(ending), random.Random(0)
        stories = [alone.tell(rng) for _ in range(30)]
        assert {story.ending for story in stories} == {ending}
        assert len({story.plot for story in stories}) == 6
        assert all(language.parse(story.words).ok for story in stories)


def test_word_counts_count_the_last_words():
    counts = word_counts([[1, 2, 2, 3], [3]], size=5, last=3)
    assert counts.tolist() == [[0, 0, 2, 1, 0], [0, 0, 0, 1, 0]]


def test_states_are_those_of_each_text_read_alone(language):
    model = MaskedTransformer(len(language.vocabulary))
    torch.nn.init.normal_(model.blocks[0].attention.out.weight, std=0.1)
    texts = [[0, 5, 6], [0, 7], [0, 8, 9], [0, 5, 6, 7]]
    together = last_states(model, texts)
    for text, state in zip(texts, together, strict=True):
        assert np.allclose(last_states(model, [text])[0], state, atol=1e-5)
    vectors = word_vectors(model)
    assert vectors.shape[0] == len(language.vocabulary) + 1
    assert np.allclose(vectors.std(1), 1, atol=1e-2)


def test_the_judge_learns_from_the_first_half_and_is_tested_on_the_second():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    features = rng.normal(size=(200, 5))
    features[:, 0] += 6 * labels
    good = evaluate_endings(features, labels, n_draws=5)
    assert good.shape == (5,) and good.min() > 0.95
    turned = features.copy()
    turned[100:, 0] *= -1  # what held in the first half is the other way round in the second
    turned[100:, 0] += 6
    assert evaluate_endings(turned, labels, n_draws=5).max() < 0.15
    assert abs(evaluate_endings(rng.normal(size=(200, 5)), labels, n_draws=10).mean() - 0.5) < 0.1


def test_the_judge_is_the_logistic_regression_of_the_books():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    features = rng.normal(size=(300, 40)) + 0.4 * labels[:, None] * rng.normal(size=40)
    scaled = (features - features.mean(0)) / features.std(0)
    found = evaluate_endings(features, labels, n_labels=30, n_draws=6)
    for draw, accuracy in enumerate(found):
        order = np.random.default_rng(draw).permutation(150)
        shown = np.concatenate([order[labels[order] == label][:15] for label in (0, 1)])
        judge = LogisticRegression(C=0.1).fit(scaled[shown], labels[shown])
        assert abs(judge.score(scaled[150:], labels[150:]) - accuracy) < 0.01
