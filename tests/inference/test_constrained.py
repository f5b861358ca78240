"""Constrained decoding: every text is a story, and no mask leads into a dead end."""

import pytest
import torch
from tiny_language import TinyStories, all_stories
from tiny_models import tiny

from grooves.inference.constrained import (
    Completion,
    ConstrainedReader,
    StoryMask,
    draw_stories,
)
from grooves.inference.sampled import draw_texts
from grooves.inference.sampling import Sampler
from grooves.language.stories import Stories

LANGUAGE, TINY = Stories(), TinyStories()


@pytest.mark.parametrize("room", [8, 9, 10, 11, 13, 40])
def test_the_mask_allows_what_some_story_that_fits_goes_on_with(room):
    stories = [(*story, "<end>") for story in all_stories(TINY) if len(story) < room]
    prefixes = {story[:t] for story in stories for t in range(len(story))}
    for prefix in prefixes:
        mask = StoryMask(TINY, 1, room)
        for word in prefix:
            mask.read(torch.tensor([TINY.index[word]]))
        expected = {s[len(prefix)] for s in stories if s[: len(prefix)] == prefix}
        allowed = mask.allowed()[0].nonzero().flatten().tolist()
        assert {TINY.vocabulary[token] for token in allowed} == expected, prefix


def test_the_shortest_story_is_that_of_all_stories():
    assert Completion(TINY).shortest() == min(map(len, all_stories(TINY))) + 1
    assert Completion(LANGUAGE).shortest() == min(map(len, LANGUAGE.corpus(3000, 1))) + 1
    with pytest.raises(ValueError, match="no story fits into 7 words: the shortest has 8"):
        StoryMask(TINY, 1, 7)


def test_even_an_untrained_model_writes_stories_within_the_mask():
    model = tiny(vocabulary_size=len(LANGUAGE.vocabulary), context=192)
    free = draw_texts(model, 10, Sampler(temperature=3), seed=1)
    assert not any(LANGUAGE.parse(words).ok for words in free.words(LANGUAGE))
    for max_words in (None, 95):
        drawn = draw_stories(model, LANGUAGE, 10, Sampler(temperature=3), 1, max_words)
        assert all(LANGUAGE.parse(words).ok for words in drawn.words(LANGUAGE))
        assert drawn.ended.all()
        assert max_words is None or max(drawn.lengths) <= max_words


def test_the_mask_changes_nothing_about_a_perfect_model():
    free = draw_texts(TINY, 30, seed=5)
    constrained = draw_stories(TINY, TINY, 30, seed=5)
    assert free.tokens == constrained.tokens
    assert free.log_q == pytest.approx(constrained.log_q)


def test_texts_of_a_mask_can_be_selected_and_end():
    prompt = torch.zeros((2, 1), dtype=torch.long)
    reader = ConstrainedReader(TINY, prompt, TINY)
    reader.read(torch.tensor([TINY.index["Ann"], TINY.index["A"]]))
    reader.select(torch.tensor([1, 0, 1]))
    names = [
        {TINY.vocabulary[token] for token in row.nonzero().flatten().tolist()}
        for row in reader.logits.isfinite()
    ]
    assert names == [{"ball"}, {"sat"}, {"ball"}]
    with pytest.raises(ValueError, match="'Bo' cannot follow in text 1"):
        reader.read(torch.tensor([TINY.index["ball"], TINY.index["Bo"], TINY.index["ball"]]))
    mask = StoryMask(TINY, 1, 40)
    for word in ("Ann", "sat", ".", "Bo", "left", "Ann", ".", "<end>", "Ann"):
        mask.read(torch.tensor([TINY.index[word]]))
    assert mask.allowed()[0].nonzero().tolist() == [[0]], "after the end only padding follows"
