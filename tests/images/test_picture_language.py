"""The picture language: sentences drawn, and every probability of theirs."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from grooves.images.held_out import ATTRIBUTES, COLOURS, KINDS, SIZES
from grooves.images.picture_language import LONGEST, PictureLanguage
from grooves.images.sentences import Scene, Sentence, Thing, scene_of
from grooves.language.grammar import END


@pytest.fixture(scope="module")
def language():
    return PictureLanguage()


def texts(language, tokens):
    return [" ".join(language.vocabulary[i] for i in row if i) for row in tokens]


def test_a_sampled_sentence_is_true_of_its_scene(language):
    rng = np.random.default_rng(0)
    for _ in range(300):
        scene, words = language.sample(rng)
        assert language.parse(words).ok and language.grade(words, scene).true
        assert language.splits.kind(scene.row) == "seen"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_scene_can_be_asked_for(kind):
    language = PictureLanguage(kind)
    rows, tokens = language.batch(200, np.random.default_rng(3))
    assert {language.splits.kind(row) for row in rows} == {kind}
    for text, row in zip(texts(language, tokens), rows, strict=True):
        said = language.read(text).row
        assert all(value in (-1, true) for value, true in zip(said, row, strict=True))


def test_sentences_are_tokens_filled_up_with_the_end_mark(language):
    rows, tokens = language.batch(500, np.random.default_rng(1))
    assert rows.shape == (500, 7) and tokens.shape == (500, LONGEST) == (500, 10)
    ends = tokens == language.index[END]
    assert (ends[:, 1:] >= ends[:, :-1]).all() and (~ends).all(axis=1).any()


def test_a_scene_is_told_in_either_order_and_with_what_is_left_out(language):
    row = np.array([[1, 3, 0, 0, 7, 5, 1]])
    unsaid = np.array([[True, False, False, False, True, True]])
    (whole,) = texts(language, language.tokens(row))
    (turned,) = texts(language, language.tokens(row, np.array([True]), unsaid))
    assert whole == "a small red three above a large blue seven"
    assert turned == "a seven below a small red digit"


def test_attributes_are_left_out_as_often_as_stated(language):
    rows, tokens = language.batch(5000, np.random.default_rng(2))
    said = np.array([language.read(text).row for text in texts(language, tokens)])
    assert (said[:, 1:] == -1).mean(axis=0) == pytest.approx(np.full(6, 0.1), abs=0.02)
    assert (tokens == language.index["right"]).any(axis=1).mean() == pytest.approx(0.25, abs=0.03)


def test_the_probabilities_of_all_first_things_add_up_to_that_of_the_rest(language):
    """All 297 things that can be left of a blue seven: the sum is worked out from the scenes."""
    second = Thing(7, "blue", None)
    forms = product([*range(10), None], [*COLOURS, None], [*SIZES, None])
    total = sum(
        math.exp(language.log_probability(Sentence(Thing(*form), "left of", second).words))
        for form in forms
    )
    scenes = language.scenes
    fitting = (scenes[:, [0, 4, 5]] == (0, 7, COLOURS.index("blue"))).all(axis=1).mean()
    assert total == pytest.approx(fitting * 0.5 * 0.9**2 * 0.1)


def test_a_sentence_is_as_probable_as_its_scenes_make_it(language):
    words = "a large red digit above a small digit"
    by_scene = [
        math.exp(language.log_probability_given(words, scene))
        for scene in map(scene_of, language.scenes)
        if scene.relation == "above" and scene.first.colour == "red"
    ]
    total = sum(by_scene) / len(language.scenes)
    assert language.log_probability(words) == pytest.approx(math.log(total))
    assert language.log_probability("a red above") == -math.inf


def test_a_sentence_has_a_probability_given_its_scene_only_where_it_is_true(language):
    scene = Scene(Thing(3, "red", "small"), "left of", Thing(7, "blue", "large"))
    whole = language.log_probability_given("a small red three left of a large blue seven", scene)
    assert whole == pytest.approx(math.log(0.5 * 0.9**6))
    part = language.log_probability_given("a large blue seven right of a digit", scene)
    assert part == pytest.approx(math.log(0.5 * 0.9**3 * 0.1**3))
    assert language.log_probability_given("a three right of a seven", scene) == -math.inf
    assert language.log_probability_given("a three of", scene) == -math.inf


def test_what_is_held_out_is_impossible_in_the_language_of_training(language):
    colour, digit = np.argwhere(~language.splits.pairs)[0]
    words = Sentence(Thing(int(digit), COLOURS[colour]), "above", Thing()).words
    assert language.parse(words).ok and language.log_probability(words) == -math.inf
    assert PictureLanguage("new pair").log_probability(words) > -math.inf


@pytest.mark.parametrize("kind", ["seen", "both new", "any"])
def test_the_entropy_is_the_mean_negative_log_probability(kind):
    language = PictureLanguage(kind, left_out=0.2)
    rng, n = np.random.default_rng(4), 4000
    drawn = [language.sample(rng) for _ in range(n)]
    nats = np.array([-language.log_probability(words) for _, words in drawn])
    assert abs(nats.mean() - language.nats_per_sentence) < 4 * nats.std() / n**0.5
    given = np.array([-language.log_probability_given(words, scene) for scene, words in drawn])
    assert abs(given.mean() - language.nats_given_scene) < 4 * given.std() / n**0.5


def test_without_omissions_the_entropy_is_that_of_the_scene_and_the_order():
    language = PictureLanguage("any", left_out=0)
    assert language.nats_per_sentence == pytest.approx(math.log(2 * 51_200))
    assert language.nats_given_scene == pytest.approx(math.log(2))


def test_what_is_not_mentioned_has_the_distribution_of_the_scenes_that_fit(language):
    found = language.unmentioned("a large three left of a large blue digit")
    assert set(found) == {"first colour", "second digit"}
    scenes = language.scenes
    fitting = scenes[(scenes[:, [0, 1, 3, 5, 6]] == (0, 3, 1, 5, 1)).all(axis=1)]
    for name, n in (("first colour", 8), ("second digit", 10)):
        counts = Counter(fitting[:, ATTRIBUTES.index(name)].tolist())
        assert found[name] == pytest.approx([counts[i] / len(fitting) for i in range(n)])
    held_out = ~language.splits.pairs[:, 3]
    assert (found["first colour"][held_out] == 0).all() and held_out.any()


def test_a_sentence_that_says_all_leaves_nothing_open(language):
    scene, _ = language.sample(np.random.default_rng(0))
    assert language.unmentioned(Sentence(scene.first, scene.relation, scene.second).words) == {}


def test_bad_input_is_refused_in_a_sentence(language):
    with pytest.raises(ValueError, match="left_out=1 must be a probability below 1"):
        PictureLanguage(left_out=1)
    with pytest.raises(ValueError, match="not a sentence: word 1 is 'three'"):
        language.read("three three")
    colour, digit = np.argwhere(~language.splits.pairs)[0]
    words = Sentence(Thing(int(digit), COLOURS[colour]), "above", Thing()).words
    with pytest.raises(ValueError, match="no scene of the kind 'seen' fits"):
        language.unmentioned(words)
