"""Byte pairs: nothing is lost, and the merges are those that counting by hand gives."""

import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grooves.language.byte_pair import CHUNKS, FIRST_MERGE, BytePairTokenizer, merged
from grooves.language.corpora import english

TEXT = english()[:20_000]
TOKENIZER = BytePairTokenizer.train(TEXT, 120)


@given(st.text())
def test_any_text_survives_the_way_to_byte_pairs_and_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def slow_merges(text, n):
    """Byte-pair encoding as its paper puts it: count everything again after each merge."""
    words = [[byte + 1 for byte in chunk.encode()] for chunk in CHUNKS.findall(text)]
    merges = []
    for new in range(FIRST_MERGE, FIRST_MERGE + n):
        counts = Counter(pair for word in words for pair in pairwise(word))
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        words = [merged(word, best, new) for word in words]
    return merges, [token for word in words for token in word]


def test_merges_are_those_of_counting_everything_again():
    merges, tokens = slow_merges(TEXT, 120)
    assert list(TOKENIZER.rank) == merges
    assert TOKENIZER.encode(TEXT) == tokens


def test_a_worked_example_of_byte_pairs():
    """In "aba abab" the pair (a, b) occurs three times, and no other pair more than once."""
    tokenizer = BytePairTokenizer.train("aba abab", 5)
    assert tokenizer.pieces[FIRST_MERGE] == b"ab"
    assert len(tokenizer) == FIRST_MERGE + 1  # then no pair occurs twice
    assert tokenizer.encode("abba") == [FIRST_MERGE, ord("b") + 1, ord("a") + 1]
    assert merged([5, 5, 5], (5, 5), 9) == [9, 5]


def test_no_byte_pair_token_crosses_the_end_of_a_word():
    for piece in TOKENIZER.pieces[FIRST_MERGE:]:
        assert not re.search(rb"[a-z] ", piece), piece


def test_a_negative_number_of_merges_is_refused():
    with pytest.raises(ValueError, match="n_merges=-1 must be 0 or more"):
        BytePairTokenizer.train("text", -1)
