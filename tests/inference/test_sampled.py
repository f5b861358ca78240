"""Drawn texts: that the probability which is returned with each is the true one."""

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_language import TinyStories, all_stories
from tiny_models import tiny

from grooves.inference.readers import next_logits
from grooves.inference.sampled import draw_texts, score_words
from grooves.inference.sampling import Sampler, seen_before

LANGUAGE = TinyStories()
SIZE = len(LANGUAGE.vocabulary)
SAMPLERS = {
    "as it is": Sampler(temperature=2.0),
    "truncated": Sampler(temperature=1.5, top_p=0.8, epsilon=0.02),
    "penalised": Sampler(repetition_penalty=1.4, top_k=12),
}


def model():
    return tiny(vocabulary_size=SIZE)


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS.keys())
def test_each_text_has_the_probability_with_which_it_was_drawn(sampler):
    drawn = draw_texts(model(), 30, sampler, seed=4, keep_q=True)
    assert 0 < drawn.ended.sum() < 30, "some texts are cut at the context"
    tables = next_logits(model(), drawn.tokens)
    for row, (tokens, ended) in enumerate(zip(drawn.tokens, drawn.ended, strict=True)):
        log_q = sampler.log_probabilities(
            tables[row], seen_before(tokens, SIZE)[: len(tables[row])]
        )
        words = [*tokens, 0] if ended else tokens
        expected = log_q[torch.arange(len(words)), words].sum()
        assert drawn.log_q[row] == pytest.approx(float(expected), abs=2e-3)
        q = log_q.exp()[: len(words)]
        assert torch.allclose(drawn.q[row, : len(words)], q, atol=1e-4)
        entropy = stats.entropy(q.double(), axis=1).sum()
        assert drawn.entropy_nats[row] == pytest.approx(entropy, abs=2e-3)
    assert drawn.words_drawn == drawn.lengths.sum()


def test_a_perfect_model_draws_stories_as_often_as_they_are_likely():
    n, exact = 4000, all_stories(LANGUAGE)
    drawn = draw_texts(LANGUAGE, n, seed=1)
    counts = dict.fromkeys(exact, 0)
    for words, log_q in zip(drawn.words(LANGUAGE), drawn.log_q, strict=True):
        counts[tuple(words)] += 1
        assert log_q == pytest.approx(np.log(exact[tuple(words)]))
    expected = [n * p for p in exact.values()]
    assert stats.chisquare(list(counts.values()), expected).pvalue > 1e-4


def test_the_same_seed_draws_the_same_and_another_draws_another():
    one, same, other = (draw_texts(LANGUAGE, 20, seed=seed).tokens for seed in (1, 1, 2))
    assert one == same != other


def test_prefixes_are_kept_and_not_counted():
    prefixes = [LANGUAGE.vocabulary.index("Ann"), LANGUAGE.vocabulary.index("sat")]
    given = [prefixes, prefixes[:1], [], prefixes]
    drawn = draw_texts(LANGUAGE, 4, seed=3, prefixes=given)
    for words, prefix in zip(drawn.words(LANGUAGE), given, strict=True):
        assert words[: len(prefix)] == [LANGUAGE.vocabulary[token] for token in prefix]
        assert LANGUAGE.parse(words).ok
    assert drawn.words_drawn == drawn.lengths.sum() - 5
    for words, prefix, log_q in zip(drawn.words(LANGUAGE), given, drawn.log_q, strict=True):
        assert log_q == pytest.approx(LANGUAGE.score(words)[len(prefix) :].sum())


def test_prefixes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 prefixes were given for 3 texts"):
        draw_texts(LANGUAGE, 3, prefixes=[[1], [2]])
    with pytest.raises(ValueError, match="a prefix of 5 words leaves no room in 5"):
        draw_texts(LANGUAGE, 1, prefixes=[[1] * 5], max_words=5)


def test_words_are_scored_by_the_model_itself():
    drawn = draw_texts(model(), 8, Sampler(top_k=3), seed=2)
    for scores, tokens, ended in zip(
        score_words(model(), drawn), drawn.tokens, drawn.ended, strict=True
    ):
        p = next_logits(model(), [tokens])[0].double().softmax(-1).numpy()
        words = [*tokens, 0] if ended else tokens
        p = p[: len(words)]
        chosen = p[np.arange(len(words)), words]
        assert np.allclose(scores.log_p, np.log(chosen), atol=1e-4)
        assert np.allclose(scores.log_ratio, np.log(chosen / p.max(1)), atol=1e-4)
        assert np.allclose(scores.entropy, stats.entropy(p, axis=1), atol=1e-4)
    exact = score_words(LANGUAGE, draw_texts(LANGUAGE, 3))
    assert all(np.isfinite(scores.entropy).all() for scores in exact)
