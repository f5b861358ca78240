"""Tokens and texts are two names of the same thing: nothing is lost either way."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grooves.language.stories import Stories, to_text
from grooves.language.tokenizers import ByteTokenizer, WordTokenizer

LANGUAGE = Stories()
WORDS = WordTokenizer(LANGUAGE.vocabulary)


def test_stories_survive_the_way_to_tokens_and_back():
    for story in LANGUAGE.corpus(100, seed=1):
        tokens = WORDS.encode(story)
        assert WORDS.decode_words(tokens) == story
        assert WORDS.decode(tokens) == to_text(story)
        assert WORDS.encode(to_text(story)) == tokens


def test_a_token_is_the_place_of_its_word_in_the_vocabulary():
    tokenizer = WordTokenizer(["<end>", "a", "cat", "."])
    assert len(tokenizer) == 4
    assert tokenizer.encode("a cat.") == [1, 2, 3]


def test_token_zero_ends_a_text_and_is_not_shown():
    assert WORDS.index["<end>"] == 0
    tokens = [0, *WORDS.encode("One day,"), 0]
    assert WORDS.decode_words(tokens) == ["One", "day", ","]
    assert WORDS.decode(tokens) == "One day,"


def test_an_unknown_word_is_named_with_its_nearest_neighbours():
    with pytest.raises(ValueError, match=r"'foxx' is not one of the \d+ words .* try 'fox'"):
        WORDS.encode("Once a foxx ate a qqqq.")
    with pytest.raises(ValueError, match=r"'qqqq' is not one of the .* knows$"):
        WORDS.encode("qqqq")


@given(st.text())
@example("naïve 🦊\x00\r\n")
def test_bytes_round_trip_any_text(text):
    tokenizer = ByteTokenizer()
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert len(tokens) == len(text.encode("utf-8"))
    assert all(0 < token < len(tokenizer) for token in tokens), "token 0 is the end mark"


def test_bytes_that_are_no_text_are_shown_as_a_replacement_mark():
    cut = ByteTokenizer().encode("é")[:1]
    assert ByteTokenizer().decode(cut) == "\N{REPLACEMENT CHARACTER}"
