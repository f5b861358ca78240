"""Reflection: which words are suspect, what is rewritten, and that the controls are controls."""

import numpy as np
import pytest
from tiny_language import TinyStories, other_weights
from tiny_models import tiny

from grooves.inference import reflection
from grooves.inference.reflection import reflect, suspect_places
from grooves.inference.sampled import WordScores, draw_texts, score_words
from grooves.inference.sampling import Sampler

LANGUAGE = TinyStories()


def model():
    return tiny(seed=1, vocabulary_size=len(LANGUAGE.vocabulary))


def draft(n=40):
    return draw_texts(LANGUAGE, n, seed=1)


def test_the_most_suspect_word_is_the_one_with_the_least_ratio():
    texts = [[0, -2.5, -3], [0, -2.29, -0.1], [-2.31, 0, 0]]
    words = [WordScores(np.zeros(3), np.array(ratios), np.zeros(3)) for ratios in texts]
    assert suspect_places(words) == [2, None, 0], "ln 0.1 is -2.303"
    assert suspect_places(words, ratio=0.5) == [2, 1, 0]
    with pytest.raises(ValueError, match="ratio=0 must be above 0 and at most 1"):
        suspect_places(words, 0)


def test_suspect_texts_are_rewritten_from_the_suspect_word_and_others_stay():
    before = draft()
    words = score_words(model(), before)
    ratio = float(np.exp(np.median([w.log_ratio.min() for w in words])))  # half are suspect
    places = suspect_places(words, ratio)
    first, second = reflect(
        model(), before, n_rounds=1, ratio=ratio, sampler=Sampler(top_k=3), seed=2
    )
    assert first.texts is before and first.extra_words == 0
    rows = [row for row, place in enumerate(places) if place is not None]
    assert 15 < len(rows) == second.rewritten < 25
    drawn = 0
    for row, place in enumerate(places):
        old, new = before.tokens[row], second.texts.tokens[row]
        if place is None:
            assert new == old and second.texts.log_q[row] == before.log_q[row]
        else:
            assert new[:place] == old[:place]
            assert np.isnan(second.texts.log_q[row]), "it is no longer the sampler's probability"
            drawn += second.texts.lengths[row] - place
    assert second.extra_words == drawn
    assert second.texts.words_drawn == before.words_drawn + drawn
    changed = [second.texts.tokens[row] != before.tokens[row] for row in rows]
    assert np.mean(changed) > 0.5


@pytest.mark.parametrize("way", reflection.WAYS)
def test_each_control_rewrites_as_many_texts(way, monkeypatch):
    asked = []

    def watched(model, n, sampler, seed, prefixes):
        asked.append(prefixes)
        return draw_texts(model, n, sampler, seed, prefixes)

    before = draft()
    words = score_words(model(), before)
    suspects = [
        (row, place) for row, place in enumerate(suspect_places(words)) if place is not None
    ]
    monkeypatch.setattr(reflection, "draw_texts", watched)
    rounds = reflect(model(), before, way, n_rounds=1, seed=3)
    assert rounds[1].rewritten == len(asked[0]) == len(suspects)
    from_suspects = [before.tokens[row][:place] for row, place in suspects]
    same_texts = all(
        p == before.tokens[r][: len(p)] for p, (r, _) in zip(asked[0], suspects, strict=True)
    )
    if way == "suspect word":
        assert asked[0] == from_suspects
    elif way == "from the start":
        assert asked[0] == [[]] * len(suspects)
    elif way == "random place":
        assert same_texts and asked[0] != from_suspects
    else:
        assert not same_texts
        lengths = [place for _, place in suspects]
        assert sum(map(len, asked[0])) == pytest.approx(sum(lengths), rel=0.3)


def test_the_better_text_is_kept_where_that_is_asked_for():
    before = draft()
    least = [w.log_ratio.min() for w in score_words(model(), before)]
    for seed in range(3):
        after = reflect(model(), before, n_rounds=2, keep_better=True, seed=seed)[-1].texts
        found = [w.log_ratio.min() for w in score_words(model(), after)]
        assert all(new >= old - 1e-4 for old, new in zip(least, found, strict=True))
        assert np.mean(found) > np.mean(least)


def test_a_model_that_suspects_nothing_rewrites_nothing():
    rounds = reflect(LANGUAGE, draft(), ratio=1e-6, n_rounds=2)
    assert [r.rewritten for r in rounds] == [0, 0, 0]
    assert rounds[-1].texts.tokens == draft().tokens
    with pytest.raises(ValueError, match="way='luck' is not one of suspect word"):
        reflect(other_weights(), draft(), "luck")
