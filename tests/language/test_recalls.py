"""Recalls are what they claim: certain, named before, and that many words ago."""

import pytest

from grooves.language.recalls import Recall, kinds_of_words, recalls
from grooves.language.stories import Stories, to_words

LANGUAGE = Stories()


def test_the_recalls_of_a_story_read_by_hand():
    """Mia is named again where "she" could have stood, so the raft alone is certain."""
    words = to_words(
        "There once was a shy duck called Mia. She lived in a snug hut with her uncle. One day, "
        "Mia built a red raft out of wood near the lake. It took her all day. Then a storm came, "
        "and the raft"
    )
    assert recalls(LANGUAGE, words) == [Recall(len(words) - 1, 21, "Thing")]


def test_every_recall_is_certain_and_was_named_before():
    stories = LANGUAGE.corpus(20, seed=3)
    found = [(words, r) for words in stories for r in recalls(LANGUAGE, words)]
    assert len(found) > 100
    for words, r in found:
        word = words[r.position]
        assert LANGUAGE.next_word(words[: r.position])[LANGUAGE.index[word]] > 0.99
        assert word not in words[r.position - r.distance + 1 : r.position]
        assert words[r.position - r.distance] == word


def test_a_word_of_two_classes_is_no_recall():
    kinds = kinds_of_words(LANGUAGE)
    assert kinds["hut"] == "Home" and kinds["Pip"] == "Friend"
    assert "old" not in kinds  # a look of homes, and a temper of heroes
    assert "house" not in kinds  # a home, and the end of a tree house


def test_a_text_of_no_story_has_no_recalls():
    with pytest.raises(ValueError, match="no story goes on with 'hut'"):
        recalls(LANGUAGE, ["hut"])
