"""Distances: against sums over all stories of a small language."""

import math

import numpy as np
import pytest
import torch
from tiny_language import TinyStories, all_stories, other_weights

from grooves.inference.distance import Yardstick, read_exactly
from grooves.inference.readers import next_logits
from grooves.inference.sampling import Sampler, seen_before
from grooves.language.stories import Stories
from grooves.training import lineage

TINY, OTHER = TinyStories(), other_weights()
STICK = Yardstick(TINY, n=1500, seed=1)


def exact_distances(sampler):
    """Jensen-Shannon, total variation, entropy and both KLs per word, over all stories."""
    p, free = all_stories(TINY), all_stories(OTHER)
    q = dict.fromkeys(p, 1.0)
    for story in p:
        table = OTHER.next_word_table(story)
        changed = sampler.probabilities(torch.from_numpy(table).log()).numpy()
        words = [*(OTHER.index[word] for word in story), 0]
        q[story] = float(np.prod(changed[np.arange(len(words)), words]))
    assert free.keys() == p.keys()
    a, b = np.array(list(p.values())), np.array(list(q.values()))
    lengths = np.array([len(story) + 1 for story in p])
    middle = (a + b) / 2

    def kl(x, y):
        inside = x > 0
        with np.errstate(divide="ignore"):
            return float((x[inside] * np.log(x[inside] / y[inside])).sum())

    return {
        "jensen_shannon": (kl(a, middle) + kl(b, middle)) / 2,
        "total_variation": np.abs(a - b).sum() / 2,
        "kl_from_language": kl(a, b) / (a @ lengths),
        "kl_to_language": kl(b, a) / (b @ lengths),
        "entropy": -float((b[b > 0] * np.log(b[b > 0])).sum()) / (b @ lengths),
    }


@pytest.mark.parametrize("sampler", [Sampler(), Sampler(temperature=0.6)], ids=str)
def test_distances_are_those_over_all_stories(sampler):
    found, exact = STICK.measure(OTHER, sampler), exact_distances(sampler)
    assert found.jensen_shannon == pytest.approx(
        exact["jensen_shannon"], abs=4 * found.jensen_shannon_error
    )
    assert found.total_variation == pytest.approx(
        exact["total_variation"], abs=4 * found.total_variation_error
    )
    assert found.entropy == pytest.approx(exact["entropy"], abs=4 * found.entropy_error)
    assert found.kl_from_language == pytest.approx(exact["kl_from_language"], rel=0.06)
    assert found.kl_to_language == pytest.approx(exact["kl_to_language"], rel=0.06)
    assert 0 < found.jensen_shannon_error < 0.02 and 0 < found.total_variation_error < 0.02
    assert found.accepted == 1 and found.cut == found.impossible == 0


def test_a_true_word_that_is_cut_makes_one_divergence_infinite():
    """Top-k 1 at the tiny language: what is cut can be counted along its stories."""
    sampler = Sampler(top_k=1)
    found = STICK.measure(TINY, sampler)
    assert math.isinf(found.kl_from_language) and math.isfinite(found.kl_to_language)
    assert found.jensen_shannon == pytest.approx(
        exact_js_of_mode(), abs=4 * found.jensen_shannon_error + 1e-9
    )
    cut = words = 0
    for story in TINY.corpus(1500, 1):
        table = TINY.next_word_table(story)
        cut += (1 - table.max(1)).sum()
        words += len(table)
    assert found.cut == pytest.approx(cut / words)
    assert found.entropy == 0


def exact_js_of_mode():
    """Jensen-Shannon divergence of the language from the one story that greedy decoding tells."""
    states, p = TINY.grammar.begin(), 1.0
    while True:
        table = TINY.grammar.next_words(states)
        first = min(TINY.index[w] for w in table if table[w] > max(table.values()) - 1e-12)
        word = TINY.vocabulary[first]
        p *= table[word]
        if word == "<end>":
            break
        states = TINY.grammar.read(states, word)
    middle = (p + 1) / 2
    return (p * math.log(p / middle) + (1 - p) * math.log(2) + math.log(1 / middle)) / 2


def test_an_impossible_word_makes_the_other_divergence_infinite():
    language = Stories()
    found = Yardstick(language, 30).measure(lineage.short_trained(700).cpu(), Sampler())
    assert math.isinf(found.kl_to_language) and math.isfinite(found.kl_from_language)
    assert found.accepted < 0.2 and found.impossible > 0.001
    assert found.jensen_shannon > 0.5


def test_the_perfect_model_is_at_no_distance():
    found = STICK.measure(TINY)
    for value in (found.jensen_shannon, found.total_variation, found.kl_from_language):
        assert value == pytest.approx(0, abs=1e-9)
    assert found.kl_to_language == pytest.approx(0, abs=1e-9)


def test_a_repetition_penalty_is_part_of_the_sampler_along_true_stories():
    sampler = Sampler(repetition_penalty=2.0)
    log_q, _, _ = STICK.along_truth(OTHER, sampler)
    for row in range(10):
        text = STICK.texts[row]
        seen = seen_before(text, len(TINY.vocabulary))
        table = sampler.log_probabilities(next_logits(OTHER, [text])[0], seen)
        expected = table[np.arange(len(text) + 1), [*text, 0]].sum()
        assert log_q[row] == pytest.approx(float(expected))


def test_reading_gives_what_parser_and_scores_give():
    language = Stories()
    stories = language.corpus(5, 2)
    stories[1][40] = "fox"
    stories[2] = stories[2][:50]
    texts = [[language.index[word] for word in story] for story in stories]
    reading = read_exactly(language, texts, ended=np.array([True, True, True, True, False]))
    verdicts = [language.parse(story) for story in stories]
    assert reading.accepted.tolist() == [v.ok for v in verdicts[:4]] + [False]
    for row in (0, 3):
        assert reading.log_p[row] == pytest.approx(language.score(stories[row]).sum())
        assert reading.lengths[row] == len(stories[row]) + 1
    assert reading.lengths[1] == verdicts[1].position + 1
    table = np.zeros((len(stories[0]) + 1, len(language.vocabulary)))
    mine = reading.text == 0
    table[reading.place[mine], reading.token[mine]] = reading.p[mine]
    assert np.allclose(table, language.next_word_table(stories[0]))
