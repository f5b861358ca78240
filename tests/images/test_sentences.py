"""Sentences about two digits: how they are read, and how captions are graded."""

from __future__ import annotations

import numpy as np
import pytest

from grooves.images.held_out import COLOURS, DIGITS, SIZES
from grooves.images.sentences import (
    UNSAID,
    Scene,
    Sentence,
    Thing,
    agreement,
    grade,
    read,
    scene_of,
    vocabulary,
)
from grooves.language.grammar import END

SCENE = Scene(Thing(3, "red", "small"), "left of", Thing(7, "blue", "large"))


def test_the_vocabulary_has_every_word_once():
    words = vocabulary()
    assert len(words) == len(set(words)) == 28 and words[0] == END
    assert {*DIGITS, *COLOURS, *SIZES, "a", "digit", "left", "right", "of"} < set(words)


def test_a_sentence_is_read_as_what_it_says():
    verdict, sentence = read("a small red three left of a large blue seven")
    assert verdict.ok and str(verdict) == "a sentence of the language"
    assert sentence == Sentence(SCENE.first, "left of", SCENE.second)
    assert sentence.row == SCENE.row == (0, 3, 0, 0, 7, 5, 1)
    assert scene_of(SCENE.row) == SCENE


def test_the_same_scene_can_be_named_from_the_other_thing():
    assert read("a large blue seven right of a small red three")[1].row == SCENE.row
    above, below = (read(f"a red one {word} a red two")[1].row for word in ("above", "below"))
    assert above[0] == below[0] == 1 and above[1:4] == below[4:]


def test_what_is_left_out_is_read_as_not_mentioned():
    _, sentence = read("a red digit above a seven")
    assert sentence.first == Thing(None, "red", None) and sentence.second == Thing(7)
    assert sentence.row == (1, UNSAID, 0, UNSAID, 7, UNSAID, UNSAID)
    assert str(sentence) == "a red digit above a seven"


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("", 0, "a"),
        ("a red small three above a one", 2, "three"),
        ("a three left a one", 3, "of"),
        ("a three above of a one", 3, "a"),
        ("a three left of a", 5, "small"),
        ("a three left of a one above a two", 6, END),
        ("a red left of a one", 2, "digit"),
        ("a pink three above a one", 1, "red"),
    ],
)
def test_what_is_no_sentence_is_refused_where_it_goes_wrong(words, position, expected):
    verdict, sentence = read(words)
    assert not verdict.ok and sentence is None
    assert verdict.position == position and expected in verdict.expected
    assert verdict.word == ([*words.split(), END])[position]


def test_end_marks_after_a_sentence_are_ignored():
    assert read(["a", "three", "above", "a", "one", END, END])[0].ok
    assert not read(["a", "three", END, "above", "a", "one"])[0].ok


def test_a_scene_needs_all_attributes_and_begins_on_the_left_or_above():
    with pytest.raises(ValueError, match="'right of' is neither 'left of' nor 'above'"):
        Scene(SCENE.second, "right of", SCENE.first)
    with pytest.raises(ValueError, match="needs a digit from 0 to 9, a colour and a size"):
        Scene(Thing(3, "red"), "above", SCENE.second)


def test_a_caption_is_graded_attribute_by_attribute():
    found = grade("a small red four left of a blue seven", SCENE)
    wrong = [name for name, right in found.right.items() if right is False]
    unsaid = [name for name, right in found.right.items() if right is None]
    assert wrong == ["first digit"] and unsaid == ["second size"] and not found.true
    assert grade("a red digit left of a digit", SCENE).true
    assert not grade("a red digit left of a digit", SCENE).complete
    assert grade("a large blue seven right of a small red three", SCENE).complete
    assert grade("a red", SCENE).right == {} and not grade("a red", SCENE).true


def test_things_in_each_others_place_are_one_wrong_relation():
    found = grade("a small red three right of a large blue seven", SCENE)
    assert [name for name, right in found.right.items() if not right] == ["relation"]
    other = grade("a small red three above a large blue seven", SCENE)
    assert [name for name, right in other.right.items() if not right] == ["relation"]


def test_colours_in_each_others_place_are_wrong_colours():
    found = grade("a small blue three left of a large red seven", SCENE)
    wrong = [name for name, right in found.right.items() if not right]
    assert wrong == ["first colour", "second colour"]


def test_many_sentences_are_compared_as_one_by_one():
    rng = np.random.default_rng(1)
    scenes = rng.integers(0, (2, 3, 2, 2, 3, 2, 2), size=(200, 7))
    said = np.where(rng.random((200, 7)) < 0.2, UNSAID, scenes[rng.permutation(200)])
    said[:, 0] = scenes[:, 0]
    found = agreement(said, scenes)
    for row, truth, right in zip(said, scenes, found, strict=True):
        things = [Thing(*part) for part in _names(row)]
        caption = Sentence(things[0], ("left of", "above")[row[0]], things[1]).words
        one = grade(caption, scene_of(truth)).right
        assert [value is not False for value in one.values()] == right.tolist()


def _names(row):
    for digit, colour, size in (row[1:4], row[4:]):
        yield (
            None if digit == UNSAID else int(digit),
            None if colour == UNSAID else COLOURS[colour],
            None if size == UNSAID else SIZES[size],
        )
