"""Speculative decoding: that the law of the text is the target's, and what it will cost."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_models import VOCABULARY, some_ids, tiny

from grooves.inference.acceptance import (
    acceptance,
    geometric_words_per_call,
    next_words,
    predict,
    renewal,
)
from grooves.inference.sampled import draw_texts
from grooves.inference.sampling import Sampler, draw
from grooves.inference.search import greedy
from grooves.inference.speculative import (
    VERIFIERS,
    speculate,
    verify_coupled,
    verify_exact,
    verify_greedy,
)
from grooves.language.stories import Stories
from grooves.models.ngram import NGram
from grooves.training import lineage

N_DRAWS = 20_000
PREFIXES = ["Once upon a time there was a clever", "One day , Tom built a yellow"]


@pytest.fixture(scope="module")
def story_models():
    """The course's model as the target, and n-gram drafts of 3,000 stories by their order."""
    language = Stories()
    corpus = [[language.index[word] for word in story] for story in language.corpus(3000, 1)]
    size = len(language.vocabulary)
    return language, lineage.base().cpu(), {n: NGram(n, size).fit(corpus) for n in (2, 3)}


def chi_square(words, p):
    """The probability of so large a deviation of `words` from the law p (V,), by chi-square.

    Words that are expected fewer than five times are counted together.
    """
    counts, expected = np.bincount(words, minlength=len(p)), p * len(words)
    big = expected >= 5
    observed = [*counts[big], counts[~big].sum()]
    expected = np.array([*expected[big], max(expected[~big].sum(), 1e-9)])
    return stats.chisquare(observed, expected / expected.sum() * len(words)).pvalue


def first_words(verify, p, q, seed=0):
    """N_DRAWS first words after one draft: p (2, V), the target there and after it; q (V,)."""
    generator, words, kept = torch.Generator().manual_seed(seed), [], []
    for _ in range(4):
        n = N_DRAWS // 4
        drafts = draw(q.expand(n, -1), generator)[:, None]
        m, after = verify(p.expand(n, -1, -1), q.expand(n, 1, -1), drafts, generator)
        words += torch.where(m == 1, drafts[:, 0], after).tolist()
        kept += m.tolist()
    return np.array(words), np.array(kept)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_only_right_verifiers_keep_the_law_of_the_next_word(story_models, prefix):
    language, target, drafts = story_models
    ids = [language.index[word] for word in prefix.split()]
    p, q = (torch.from_numpy(next_words(m, [ids])[0][-1:]) for m in (target, drafts[2]))
    p_value = {}
    for name, verify in VERIFIERS.items():
        words, _ = first_words(verify, p.expand(2, -1), q[0])
        p_value[name] = chi_square(words, p[0].numpy())
    assert p_value["exact"] > 1e-4 < p_value["coupled"]
    assert p_value["greedy"] < 1e-12 > p_value["without residual"]


def test_a_draft_is_accepted_with_one_minus_the_total_variation_distance():
    p, q = torch.from_numpy(np.random.default_rng(3).dirichlet([0.4] * 9, (2, 1)))  # (1, 9) each
    _, kept = first_words(verify_exact, p.expand(2, -1), q[0])
    predicted = float(1 - (p - q).abs().sum() / 2)
    assert kept.mean() == pytest.approx(predicted, abs=0.016)  # 4.5 standard errors at most
    assert acceptance(p.numpy(), q.numpy()) == pytest.approx(predicted)
    _, kept = first_words(verify_coupled, p.expand(2, -1), q[0])
    assert kept.mean() == pytest.approx(float((p * q).sum()), abs=0.016)


@pytest.mark.parametrize("kind", ["n-gram", "transformer"])
def test_several_words_over_several_calls_have_the_targets_law(kind):
    target, counted = tiny(), NGram(2, VOCABULARY).fit(some_ids(20, 30, seed=3).tolist())
    draft = counted if kind == "n-gram" else tiny(seed=8)
    texts = speculate(target, draft, 4000, 2, seed=5, max_calls=3).tokens
    texts = [(*text, 0) for text in texts]  # three words, or an end before
    place = ()
    for _ in range(3):  # the law of the next word, given that all before were the likeliest
        law = next_words(target, [list(place)])[0][-1]
        words = [text[len(place)] for text in texts if text[: len(place)] == place]
        assert len(words) > 100 and chi_square(words, law) > 1e-4
        place = (*place, int(law[1:].argmax()) + 1)


@pytest.mark.parametrize("order", [2, 3])
def test_the_predicted_acceptance_is_met(story_models, order):
    _, target, drafts = story_models
    expected = predict(target, drafts[order], draw_texts(target, 150, seed=31))
    drawn = speculate(target, drafts[order], 100, seed=1)
    assert drawn.acceptance == pytest.approx(expected.acceptance, abs=0.015)
    assert drawn.acceptance == pytest.approx(expected.renewal_acceptance, abs=0.015)
    assert drawn.words_per_call == pytest.approx(expected.renewal_words_per_call, rel=0.02)
    assert drawn.ended.all() and (drawn.accepted <= drawn.tested).all()


def test_a_draft_equal_to_the_target_is_always_accepted_and_no_draft_never():
    target = tiny()
    drawn = speculate(target, tiny(), 40, 3, seed=1, prefix=[5, 7])
    assert drawn.acceptance > 0.999
    assert drawn.words_per_call > 2
    alone = speculate(target, tiny(), 40, 0, seed=1, prefix=[5, 7])
    assert alone.words_per_call == 1 and (alone.calls == alone.words).all()
    assert all(text[:2] == [5, 7] for text in [*alone.tokens, *drawn.tokens])


def test_texts_end_at_the_end_mark_or_at_the_context():
    target, draft = tiny(), tiny(seed=8)
    drawn = speculate(target, draft, 300, 5, seed=2, prefix=[4] * 30)
    lengths = np.array([len(text) for text in drawn.tokens])
    assert all(0 not in text for text in drawn.tokens)
    assert 0 < drawn.ended.sum() < 300
    assert (lengths[~drawn.ended] == 40).all() and (lengths[drawn.ended] < 40).all()
    assert (drawn.words == lengths - 30 + drawn.ended).all()
    bound = drawn.calls.sum() + drawn.accepted.sum()  # an accepted end mark is followed by no word
    assert bound - drawn.ended.sum() <= drawn.words.sum() <= bound


def test_at_temperature_0_the_text_is_the_greedy_one():
    target, draft = tiny(), tiny(seed=8)
    likeliest = list(greedy(target).best.tokens)
    cold = speculate(target, draft, 2, 3, seed=2, sampler=Sampler(temperature=0))
    assert cold.tokens == [likeliest, likeliest]
    assert speculate(target, draft, 2, 3, verify=verify_greedy).tokens == cold.tokens


def test_the_geometric_formula():
    assert geometric_words_per_call(0.5, 3) == 1.875
    assert geometric_words_per_call(1, 4) == 5 and geometric_words_per_call(0, 4) == 1
    with pytest.raises(ValueError, match=r"alpha=1\.2"):
        geometric_words_per_call(1.2, 3)


@pytest.mark.parametrize("n_drafts", [0, 1, 3])
def test_the_renewal_prediction_equals_the_sum_over_all_outcomes(n_drafts):
    c = np.array([0.9, 0.2, 0.6, 1.0, 0.5, 0.7, 0.3])
    expected = np.zeros(3)
    for outcome in product((0, 1), repeat=len(c)):  # would a draft of each word be accepted?
        at, row = 0, np.zeros(3)
        while at < len(c):
            block = outcome[at : at + n_drafts]
            run = block.index(0) if 0 in block else len(block)
            row += 1, run, min(run + 1, len(block))
            at += run + 1
        expected += row * np.where(outcome, c, 1 - c).prod()
    assert renewal(c, n_drafts) == pytest.approx(expected)


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="n_drafts=-1"):
        speculate(tiny(), tiny(), 1, -1)
    with pytest.raises(ValueError, match="at most 40"):
        speculate(tiny(), tiny(), 1, prefix=[1] * 40)
