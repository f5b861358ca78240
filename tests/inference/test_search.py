"""Search: the exact mode by enumeration, and what beams find and miss."""

import math

import pytest
from tiny_language import TinyStories, all_stories

from grooves.inference.search import Hypothesis, beam_search, greedy, most_probable_story
from grooves.language.grammar import Grammar
from grooves.language.stories import Stories
from grooves.training import lineage

LANGUAGE, TINY = Stories(), TinyStories()


def language_of(**stories):
    """A language of whole texts with their weights: {"a_b": 0.4} is the text "a b"."""
    tiny = TinyStories()
    texts = [(weight, text.replace("_", " ")) for text, weight in stories.items()]
    tiny.grammar = Grammar({"Story": texts}, {})
    words = sorted({word for _, text in texts for word in text.split()})
    tiny.vocabulary = ("<end>", *words)
    tiny.index = {word: i for i, word in enumerate(tiny.vocabulary)}
    return tiny


def test_the_most_probable_story_is_that_of_all_stories():
    exact = all_stories(TINY)
    best = most_probable_story(TINY)
    assert best.log_p == pytest.approx(math.log(max(exact.values())))
    assert exact[tuple(best.words(TINY))] == pytest.approx(max(exact.values()))


def test_the_most_probable_story_of_the_course_has_the_probability_that_is_stated():
    best = most_probable_story(LANGUAGE)
    words = best.words(LANGUAGE)
    assert LANGUAGE.parse(words).ok
    assert (
        LANGUAGE.score(words).sum()
        == pytest.approx(best.log_p)
        == pytest.approx(-34.3347, abs=1e-4)
    )
    sampled = [LANGUAGE.score(story).sum() for story in LANGUAGE.corpus(300, 5)]
    assert max(sampled) <= best.log_p + 1e-9


def test_each_story_has_one_derivation():
    """So the most probable derivation is the most probable story."""
    for story in LANGUAGE.corpus(100, 3):
        states = LANGUAGE.grammar.begin()
        for word in story:
            states = LANGUAGE.grammar.read(states, word)
        assert len(states) == 1


def test_a_beam_as_wide_as_the_language_finds_the_most_probable_stories():
    exact = sorted(all_stories(TINY).values(), reverse=True)
    search = beam_search(TINY, len(exact))
    assert [math.exp(h.log_p) for h in search.found] == pytest.approx(exact)
    assert all(h.finished and TINY.parse(h.words(TINY)).ok for h in search.found)


def test_a_beam_of_one_is_greedy():
    for language in (TINY, LANGUAGE):
        one, plain = beam_search(language, 1), greedy(language)
        assert one.best.tokens == plain.best.tokens
        assert one.best.log_p == pytest.approx(plain.best.log_p)
        assert one.words_read == plain.words_read == plain.best.length


def test_a_finished_text_does_not_stop_a_more_probable_longer_one():
    """`a` ends first; `b c d` has the greater probability and is found only if search goes on."""
    language = language_of(a=0.4, b_c_d=0.6)
    search = beam_search(language, 2)
    assert search.best.words(language) == ["b", "c", "d"]
    assert [math.exp(h.log_p) for h in search.found] == pytest.approx([0.6, 0.4])


def test_length_normalisation_compares_log_probabilities_per_word():
    language = language_of(a=0.55, b_c_d_e=0.45)
    assert beam_search(language, 2).best.words(language) == ["a"]
    assert beam_search(language, 2, length_exponent=1).best.words(language) == ["b", "c", "d", "e"]
    assert Hypothesis((1, 2, 3), -8.0, True).score(0.5) == -4.0


def test_a_search_that_runs_out_of_words_says_so():
    for search in (greedy(TINY, max_words=4), beam_search(TINY, 2, max_words=4)):
        assert not search.best.finished
        assert len(search.best.tokens) == 4
        assert search.best.log_p == pytest.approx(TINY.score(search.best.words(TINY))[:4].sum())
    with pytest.raises(ValueError, match="a beam of width=0 holds nothing"):
        beam_search(TINY, 0)


def test_no_beam_finds_the_mode_and_wide_ones_find_the_empty_story():
    """On the language the search errs; on the model the most probable text is no story."""
    mode = most_probable_story(LANGUAGE).log_p
    assert beam_search(LANGUAGE, 16).best.log_p < mode - 1
    base = lineage.base().cpu()
    narrow, wide = beam_search(base, 8).best, beam_search(base, 24).best
    assert LANGUAGE.parse(narrow.words(LANGUAGE)).ok
    assert wide.tokens == () and wide.log_p > narrow.log_p + 20
