"""What a data set contains, counted."""

from collections import Counter

import pytest
from tiny_models import some_ids

from grooves.language.data_sets import describe_data
from grooves.language.stories import Stories


def test_a_data_set_is_counted_as_by_hand():
    texts = ["a cat sat", "a cat sat", "the dog", "", "a cat sat", "the dog", "a long story of it"]
    data = describe_data(texts)
    assert (data.texts, data.words, data.distinct_words) == (7, 18, 9)
    assert data.lengths == {0.0: 0, 0.25: 2, 0.5: 3, 0.75: 3, 0.95: 5, 1.0: 5}
    assert data.duplicates == 3
    assert data.most_repeated == [("a cat sat", 3), ("the dog", 2)]
    assert data.once == ["it", "long", "of", "story"]
    assert describe_data([text.split() for text in texts]) == data


def test_stories_and_rows_of_tokens_are_data_sets_too():
    corpus = Stories().corpus(300, seed=1)
    data = describe_data(corpus)
    words = Counter(word for story in corpus for word in story)
    assert data.words == sum(map(len, corpus)) and data.distinct_words == len(words)
    assert data.lengths[1.0] == max(map(len, corpus))
    assert data.duplicates == 300 - len({" ".join(story) for story in corpus})
    rows = some_ids(5, 4)
    rows[3] = rows[0]
    numbers = describe_data(rows)
    assert (numbers.texts, numbers.words, numbers.duplicates) == (5, 20, 1)
    assert numbers.most_repeated == [(" ".join(map(str, rows[0].tolist())), 2)]


def test_no_texts_and_one_text_are_refused():
    with pytest.raises(ValueError, match="no texts: give at least one"):
        describe_data([])
    with pytest.raises(ValueError, match="texts is one string: put it into a list"):
        describe_data("once upon a time")
