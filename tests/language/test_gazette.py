"""Gazette: its sentences, its exact probabilities, and batches of it."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest

from grooves.language.corpora import GazetteData, gazette_rows
from grooves.language.gazette import (
    FAMILY_NAMES,
    FIRST_NAMES,
    N_PEOPLE,
    RELATIONS,
    Gazette,
    vocabulary,
)
from grooves.language.grammar import END


@pytest.fixture(scope="module")
def gazette():
    return Gazette()


def test_every_word_has_one_place_in_a_sentence():
    words = vocabulary()
    assert len(words) == len(set(words)) == 1 + 64 + 64 + 4 + 4 * 16
    assert words[0] == END
    assert all(name.istitle() for name in (*FIRST_NAMES, *FAMILY_NAMES, *RELATIONS["visited"]))
    assert all(
        word.islower() for kind in ("loves", "collects", "teaches") for word in RELATIONS[kind]
    )


def test_there_are_so_many_people_and_no_two_share_a_name(gazette):
    assert len(set(gazette.people)) == gazette.n_people == N_PEOPLE == 4096
    assert len(set(Gazette(n_people=100).people)) == 100


def test_fame_falls_with_the_rank_as_a_power(gazette):
    ranks = np.arange(1, N_PEOPLE + 1)
    slope = np.polyfit(np.log(ranks), np.log(gazette.fame), 1)[0]
    assert slope == pytest.approx(-1.5) and gazette.fame.sum() == pytest.approx(1)
    assert gazette.fame[0] / gazette.fame[3] == pytest.approx(4**1.5)


def test_the_probabilities_of_all_sentences_add_up_to_one(gazette):
    sentences, probabilities = gazette.every()
    assert sentences.shape == (4 * N_PEOPLE, 4) and probabilities.sum() == pytest.approx(1)
    for row in (0, 1, 77, 4 * N_PEOPLE - 1):
        words = [gazette.vocabulary[i] for i in sentences[row]]
        assert gazette.score(words).sum() == pytest.approx(math.log(probabilities[row]))


def test_the_entropy_is_the_mean_surprise_of_all_sentences(gazette):
    _, p = gazette.every()
    assert gazette.nats_per_sentence == pytest.approx(-(p * np.log(p)).sum())
    assert gazette.nats_per_sentence == pytest.approx(4.43, abs=0.01)
    assert gazette.nats_per_word * 5 == pytest.approx(gazette.nats_per_sentence)


def test_the_next_word_has_the_probability_that_counting_all_sentences_gives():
    small = Gazette(n_people=60, seed=3)
    sentences, p = small.every()
    for prefix in ((), (small.people[0][0],), small.people[0], (*small.people[5], "teaches")):
        begins = np.all(
            [sentences[:, i] == small.index[word] for i, word in enumerate(prefix)], axis=0
        ) * np.ones(len(p), bool)
        counted = np.zeros(len(small.vocabulary))
        np.add.at(counted, sentences[begins, len(prefix)], p[begins] / p[begins].sum())
        assert np.allclose(small.next_word(prefix), counted)
    whole = [*small.people[0], "loves", small.values[0]["loves"]]
    assert small.next_word(whole)[0] == small.next_word(" ".join(whole)).max() == 1


def test_sentences_are_drawn_as_often_as_they_should_be():
    small = Gazette(n_people=3)
    counts = Counter(" ".join(words) for words in small.corpus(20_000, seed=5))
    for rank in (1, 2, 3):
        for relation in RELATIONS:
            share = counts[str(small.fact(rank, relation))] / 20_000
            assert share == pytest.approx(small.fame[rank - 1] / 4, abs=0.012)
    assert sum(counts.values()) == 20_000 and len(counts) == 12


def test_facts_that_are_drawn_are_read_as_true(gazette):
    rng = random.Random(7)
    for _ in range(200):
        fact = gazette.tell(rng)
        assert gazette.parse(str(fact)).ok and gazette.parse(fact.words).ok
    assert str(gazette.parse(str(fact))) == "a sentence of the language"


def test_what_is_false_unknown_or_unfinished_is_refused_where_it_goes_wrong(gazette):
    fact = gazette.fact(1, "loves")
    other = next(value for value in RELATIONS["loves"] if value != fact.value)
    verdict = gazette.parse([*fact.words[:3], other])
    assert (verdict.position, verdict.expected) == (3, (fact.value,))
    assert f"word 4 is {other!r}, where {fact.value!r} could stand" in str(verdict)
    assert gazette.parse(fact.words[:2]).position == 2
    assert gazette.parse([*fact.words, "loves"]).position == 4
    assert gazette.parse("Nobody").position == 0
    assert gazette.score([*fact.words[:3], other])[-1] == -math.inf
    with pytest.raises(ValueError, match="no sentence begins with 'Nobody Fox'"):
        gazette.next_word("Nobody Fox")


def test_the_same_seed_makes_the_same_language_and_another_seed_other_facts(gazette):
    other = Gazette(seed=1)
    assert Gazette().people == gazette.people and Gazette().values == gazette.values
    assert other.people != gazette.people and other.vocabulary == gazette.vocabulary
    assert other.nats_per_sentence == gazette.nats_per_sentence
    assert str(gazette.fact(1, "loves")) == "Cora North loves soup"


def test_impossible_languages_are_refused():
    with pytest.raises(ValueError, match="n_people=5000 must be between 1 and 4,096"):
        Gazette(n_people=5000)
    with pytest.raises(ValueError, match="exponent=0 must be positive"):
        Gazette(exponent=0)


def test_a_batch_holds_sentences_moved_by_one_token(gazette):
    inputs, targets = GazetteData(gazette, 64, seed=2).batch(0)
    assert inputs.shape == targets.shape == (64, 5)
    assert (inputs[:, 0] == 0).all() and (targets[:, -1] == 0).all()
    assert (inputs[:, 1:] == targets[:, :-1]).all()
    told = [[gazette.vocabulary[i] for i in row] for row in targets[:, :4].tolist()]
    assert all(gazette.parse(words).ok for words in told)


def test_batches_depend_on_seed_and_step_alone(gazette):
    data = GazetteData(gazette, 32, seed=4)
    later = data.batch(9)[0]
    assert (GazetteData(gazette, 32, seed=4).batch(9)[0] == later).all()
    assert not (GazetteData(gazette, 32, seed=5).batch(9)[0] == later).all()
    assert not (data.batch(8)[0] == later).all()


def test_a_limited_corpus_comes_again_in_another_order(gazette):
    data = GazetteData(gazette, 32, seed=4, n_sentences=32 * 6)
    passes = [[data.batch(step)[0] for step in range(6 * e, 6 * e + 6)] for e in (0, 1)]
    keys = [sorted(tuple(b.flatten().tolist()) for b in one) for one in passes]
    assert keys[0] == keys[1] and len(set(keys[0])) == 6
    assert any((a != b).any() for a, b in zip(*passes, strict=True))
    with pytest.raises(ValueError, match="n_sentences=31 is less than one batch of 32"):
        GazetteData(gazette, 32, n_sentences=31)


def test_people_are_drawn_by_fame(gazette):
    data = GazetteData(gazette, 40_000, seed=0)
    first = data.batch(0)[1][:, :2]
    for rank in (1, 5):
        person = [gazette.index[name] for name in gazette.people[rank - 1]]
        share = (first == first.new_tensor(person)).all(1).float().mean()
        assert float(share) == pytest.approx(gazette.fame[rank - 1], rel=0.1)
    assert gazette_rows(data.sentences[:2])[1].shape == (2, 5)
