"""The language keeps every promise that the rest of the course builds on.

References: stories written out by hand from the rules, counts of samples against the weights in
the rules, and the choices that the sampler says it made.
"""

import hashlib
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from statistics import median

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grooves.language.grammar import END, Grammar
from grooves.language.stories import Stories, to_text, to_words
from grooves.language.story_rules import definition, dialects

LANGUAGE = Stories()
CORPUS = LANGUAGE.corpus(3_000, seed=11)
EVERY = [None, *dialects()]

# Of `corpus(1000, seed=7)`, one story a line. A change here changes every recorded figure.
CORPUS_SHA256 = "4c870232f2b177e8fdcb54609179f1331ac0a5902709b5f7cc2dd39b121ec0c1"

# Written by hand from the rules.
STORY = (
    "Once upon a time there was an odd owl named Ivy. She lived in an icy cave with her uncle. "
    "Ivy had an orange kite. One windy morning, she lost it near the hill. "
    'A fox named Pip came by. "My orange kite is gone, Pip," said Ivy. '
    "They looked under the leaves, but the kite was not there. "
    "Then Pip found it behind the wall! Ivy was so pleased. "
    "She carried the orange kite back to the cave and showed it to her uncle."
)


def chi_square_limit(freedom):
    """Far above what chance gives: the mean plus five standard deviations."""
    return freedom + 5 * math.sqrt(2 * freedom)


def chi_square(counts, expected):
    return sum((counts[key] - n) ** 2 / n for key, n in expected.items())


# ---- what samples are like ---------------------------------------------------------------------


def test_openings_names_plots_and_endings_come_as_often_as_the_rules_say():
    rng, n = random.Random(5), 12_000
    stories = [LANGUAGE.tell(rng) for _ in range(n)]
    opening = Counter(
        {"Once": "upon", "There": "once"}.get(story.words[0], "name") for story in stories
    )
    assert chi_square(opening, {"upon": n / 2, "once": n / 3, "name": n / 6}) < chi_square_limit(2)
    plots = Counter((story.plot, story.ending) for story in stories)
    assert len(plots) == 12, "six plots, each with a happy and a sad ending"
    assert chi_square(plots, dict.fromkeys(plots, n / 12)) < chi_square_limit(11)
    heroes = Counter(hero_of(story.words) for story in stories)
    assert len(heroes) == 20
    assert chi_square(heroes, dict.fromkeys(heroes, n / 20)) < chi_square_limit(19)


def hero_of(words):
    """The name after the first `named` or `called`, or the first word of all."""
    if words[0] in ("Once", "There"):
        return words[next(i for i, w in enumerate(words) if w in ("named", "called")) + 1]
    return words[0]


def test_every_word_comes_as_often_as_its_exact_probabilities_add_up_to():
    stories = LANGUAGE.corpus(250, seed=21)
    expected, variance, counts = (np.zeros(len(LANGUAGE.vocabulary)) for _ in range(3))
    for story in stories:
        table = LANGUAGE.next_word_table(story)
        expected += table.sum(0)
        variance += (table * (1 - table)).sum(0)
        for word in [*story, END]:
            counts[LANGUAGE.index[word]] += 1
    uncertain = variance > 2
    assert uncertain.sum() > 100
    z = (counts - expected)[uncertain] / np.sqrt(variance[uncertain])
    assert np.abs(z).max() < 5, LANGUAGE.vocabulary[np.flatnonzero(uncertain)[np.abs(z).argmax()]]
    assert np.allclose(counts[~uncertain], expected[~uncertain], atol=8)


@pytest.mark.parametrize("dialect", EVERY)
def test_every_sample_is_a_story_of_its_language(dialect):
    language = Stories(dialect)
    for story in language.corpus(120, seed=31):
        verdict = language.parse(story)
        assert verdict.ok, f"{to_text(story)}\n{verdict}"


def test_names_and_pronouns_agree_through_a_story():
    gender = dict(
        entry.split("=") for entry in re.search(r"Name: (.*)", _rules_text()).group(1).split()
    )
    for story in CORPUS:
        his, hers = {"he", "him", "his"}, {"she", "her"}
        pronouns = {word.lower() for word in story} & (his | hers)
        assert pronouns <= (his if gender[hero_of(story)] == "M" else hers), to_text(story)


def _rules_text():
    from grooves.language import story_rules

    return story_rules._WORDS


def test_the_home_and_the_relative_are_recalled_a_long_way_off():
    homes = set(LANGUAGE.grammar.lexicon["Home"])
    relatives = set(LANGUAGE.grammar.lexicon["Relative"])
    for entries in (homes, relatives):
        words = {entry.words[0] for entry in entries}
        distances = []
        for story in CORPUS:
            story = to_words(to_text(story).replace("tree house", "tree"))  # a thing, no home
            places = [i for i, word in enumerate(story) if word in words]
            assert len({story[i] for i in places}) == 1, "one home and one relative a story"
            distances.append(places[-1] - places[0])
        assert min(distances) > 50
        assert median(distances) > 70


def test_a_before_consonants_and_an_before_vowels():
    seen = Counter()
    for dialect in EVERY:
        for story in Stories(dialect).corpus(500, seed=41):
            for article, word in pairwise(story):
                if article.lower() in ("a", "an"):
                    assert not re.match("hour|honest|heir|uni|use|eu|one", word), "sound decides"
                    assert (article.lower() == "an") == (word[0] in "aeiou"), (article, word)
                    seen[article.lower()] += 1
    assert seen["an"] > 500


def test_quotes_are_closed_and_sentences_begin_with_a_capital():
    for story in CORPUS:
        assert story.count('"') % 2 == 0
        assert story[-1] in ".!?"
        text = to_text(story)
        for start in re.findall(r'(?:^|[.!?]"? )"?(\w)', text):
            assert start.isupper() or re.search(r'[!?]" (asked|said)', text), text


# ---- one seed, one corpus ----------------------------------------------------------------------


def test_the_same_seed_gives_the_same_corpus_on_every_platform():
    text = "\n".join(" ".join(story) for story in LANGUAGE.corpus(1_000, seed=7))
    assert hashlib.sha256(text.encode()).hexdigest() == CORPUS_SHA256
    assert LANGUAGE.corpus(5, seed=7) != LANGUAGE.corpus(5, seed=8)


def test_nothing_depends_on_the_order_of_a_set():
    """A set's order changes from one Python to the next; vocabulary and corpus may not."""
    script = (
        "from grooves.language.stories import Stories; L = Stories('names');"
        "print(hash(()), *L.vocabulary, *L.corpus(1, 3)[0], *L.parse('He was').expected)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


# ---- the parser --------------------------------------------------------------------------------


def test_a_story_written_by_hand_is_accepted():
    assert LANGUAGE.parse(STORY).ok, LANGUAGE.parse(STORY)
    assert str(LANGUAGE.parse(STORY)) == "a story of the language"


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),  # | stands before the word that must be refused
    [
        ("to her uncle.", "to her |aunt.", {"uncle"}),
        ("back to the cave", "back to the |nest", {"cave"}),
        ("She carried", "|He carried", {"She"}),
        ("carried the orange", "carried the |blue", {"orange"}),
        ("an odd owl", "a |odd owl", None),
        ("an odd owl", "an |brave owl", {"eager", "odd", "old"}),
        ("said Ivy. They", "said |Pip. They", {"Ivy"}),
        ("it behind the wall", "it under the |leaves", {"bench", "big"}),
        ("it behind the wall", "it |near the wall", {"behind", "in", "next", "under"}),
        ("she lost it", "she lost |her kite", {"it"}),
        ("My orange kite", "My |kite", {"orange"}),
        ("is gone, Pip", "is gone, |pip", {"Pip"}),
        ("wall! Ivy", "wall! |Pip", {"Ivy"}),
        ("but the kite", "but |kite", {"the"}),
        ("the hill. A", "the hill|! A", {"."}),
        ("to her uncle.", "to her uncle|", {"."}),
        ("to her uncle.", "to her uncle. |Once", {END}),
        ("Once upon", "|Twice upon", None),
    ],
)
def test_a_corrupted_story_is_refused_at_the_right_word(right, wrong, expected):
    assert STORY.count(right) == 1
    good, _, bad = STORY.replace(right, wrong).partition("|")
    verdict = LANGUAGE.parse(good + bad)
    assert not verdict.ok
    assert verdict.position == len(to_words(good))
    assert verdict.word == (to_words(bad) or [END])[0]
    assert repr(verdict.word) in str(verdict)
    assert f"word {verdict.position + 1} " in str(verdict)
    if expected:
        assert set(verdict.expected) == expected
        assert all(repr(word) in str(verdict) for word in expected)


# ---- exact probabilities -----------------------------------------------------------------------


@pytest.mark.parametrize("dialect", EVERY)
def test_word_by_word_probabilities_multiply_to_that_of_the_derivation(dialect):
    language, rng = Stories(dialect), random.Random(51)
    for _ in range(60):
        choices = []
        story = language.grammar.sample(rng, choices=choices)
        derivation = sum(math.log(p[index]) for index, p in choices)
        scores = language.score(story)
        assert len(scores) == len(story) + 1
        assert scores.sum() == pytest.approx(derivation, abs=1e-9)


def test_next_word_probabilities_sum_to_one_everywhere():
    for story in LANGUAGE.corpus(60, seed=61):
        table = LANGUAGE.next_word_table(story)
        assert table.shape == (len(story) + 1, len(LANGUAGE.vocabulary))
        assert table.min() >= 0
        assert np.allclose(table.sum(1), 1, atol=1e-12)
        assert np.array_equal(table[40], LANGUAGE.next_word(story[:40]))


def test_a_score_is_the_logarithm_of_the_next_word_table():
    story = to_words(STORY)
    table = LANGUAGE.next_word_table(story)
    picked = [table[i, LANGUAGE.index[word]] for i, word in enumerate([*story, END])]
    assert np.allclose(LANGUAGE.score(STORY), np.log(picked))


def test_a_score_stops_at_minus_infinity_where_the_story_breaks():
    words = to_words(STORY.replace("to her uncle.", "to her aunt."))
    scores = LANGUAGE.score(words)
    assert len(scores) == len(words) - 1
    assert np.isneginf(scores[-1])
    assert np.isfinite(scores[:-1]).all()


def test_probabilities_worked_out_by_hand():
    p = LANGUAGE.next_word([])
    assert p[LANGUAGE.index["Once"]] == pytest.approx(3 / 6)
    assert p[LANGUAGE.index["There"]] == pytest.approx(2 / 6)
    assert p[LANGUAGE.index["Ivy"]] == pytest.approx(1 / 6 / 20)
    tempers = LANGUAGE.grammar.lexicon["Temper"]
    vowels = sum(entry.words[0][0] in "aeiou" for entry in tempers)
    p = LANGUAGE.next_word("Once upon a time there was")
    assert p[LANGUAGE.index["an"]] == pytest.approx(vowels / len(tempers))
    p = LANGUAGE.next_word("Once upon a time there was an")
    assert p[LANGUAGE.index["odd"]] == pytest.approx(1 / vowels)
    p = LANGUAGE.next_word(STORY.rpartition(" uncle")[0])
    assert p[LANGUAGE.index["uncle"]] == pytest.approx(1)
    assert LANGUAGE.next_word(STORY)[LANGUAGE.index[END]] == pytest.approx(1)


def test_a_prefix_of_no_story_has_no_next_word():
    with pytest.raises(ValueError, match="no story goes on with 'kite' as word 3"):
        LANGUAGE.next_word("Once upon kite")


# ---- entropy -----------------------------------------------------------------------------------


def test_the_entropy_is_known_to_a_thousandth():
    assert 0 < LANGUAGE.entropy().standard_error <= 0.001


def test_the_entropy_is_that_of_the_exact_next_word_probabilities():
    """The same stories, weighed in two ways: by the sampler's choices, and word by word."""
    n, seed = 300, 71
    nats = words = 0
    for story in LANGUAGE.corpus(n, seed):
        p = LANGUAGE.next_word_table(story)
        nats -= (p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum()
        words += len(p)
    assert nats / words == pytest.approx(LANGUAGE.entropy(n, seed).nats_per_word, abs=1e-3)


def test_the_entropy_is_the_mean_surprise_at_the_words_that_came():
    entropy = LANGUAGE.entropy(n=3_000)
    scores = [LANGUAGE.score(story) for story in LANGUAGE.corpus(400, seed=71)]
    nats, words = np.array([-s.sum() for s in scores]), np.array([len(s) for s in scores])
    mean = nats.sum() / words.sum()
    error = (nats - mean * words).std(ddof=1) / math.sqrt(len(scores)) / words.mean()
    assert abs(mean - entropy.nats_per_word) < 4 * math.hypot(error, entropy.standard_error)
    assert error < 0.01, "or the comparison says nothing"


def test_the_standard_error_is_the_spread_of_independent_estimates():
    runs = [LANGUAGE.entropy(n=50, seed=seed) for seed in range(100)]
    spread = np.std([run.nats_per_word for run in runs], ddof=1)
    stated = np.mean([run.standard_error for run in runs])
    assert 0.8 < spread / stated < 1.2


# ---- dialects ----------------------------------------------------------------------------------


def test_dialects_share_one_vocabulary_and_its_first_word_is_the_end():
    for dialect in EVERY:
        language = Stories(dialect)
        assert language.vocabulary == LANGUAGE.vocabulary
        assert language.vocabulary[0] == END
        assert len(set(language.vocabulary)) == len(language.vocabulary)
        written = {word for story in language.corpus(400, seed=81) for word in story}
        assert written <= set(language.vocabulary)


@pytest.mark.parametrize("dialect", ["names", "narrator"])
def test_a_dialect_refuses_the_stories_of_the_base_language(dialect):
    other = Stories(dialect)
    assert not any(other.parse(story).ok for story in CORPUS[:150])
    assert not any(LANGUAGE.parse(story).ok for story in other.corpus(150, seed=91))


def test_other_endings_refuse_exactly_the_stories_that_end_as_only_the_base_does():
    gone = (
        "very glad",
        "so pleased",
        "very thankful",
        "cried",
        "cried all night",
        "could not sleep",
    )
    language = Stories("endings")
    for story in CORPUS[:150]:
        text = re.sub(r"near the \w+ and cried", "", " ".join(story))  # fixed, in one plot
        says_it = any(f" {ending} " in text for ending in gone)
        assert language.parse(story).ok == (not says_it), to_text(story)


def test_an_unknown_dialect_is_refused_by_name():
    with pytest.raises(ValueError, match=r"dialect='klingon' is not one of names, endings"):
        Stories("klingon")


# ---- text and words ----------------------------------------------------------------------------


def test_text_and_words_are_inverse():
    for dialect in EVERY:
        for story in Stories(dialect).corpus(300, seed=101):
            assert to_words(to_text(story)) == story
    assert to_text(to_words(STORY)) == STORY


@given(st.lists(st.sampled_from('.,!?"') | st.sampled_from(LANGUAGE.vocabulary[1:])))
@example(['"', "Hi", "Ivy", '"'])
def test_any_words_survive_being_written_as_text(words):
    assert to_words(to_text(words)) == words


def test_text_is_spaced_as_people_write():
    words = ["One", "day", ",", '"', "Hi", ",", "Ivy", "!", '"', "said", "Otto", ".", END]
    assert to_text(words) == 'One day, "Hi, Ivy!" said Otto.'


# ---- the copy for the browser ------------------------------------------------------------------


def test_the_copy_for_the_browser_holds_the_whole_grammar():
    for dialect in EVERY:
        data = Stories(dialect).to_json()
        grammar = Grammar(*definition(dialect))
        assert data["rules"].keys() == grammar.rules.keys()
        for name, alternatives in data["rules"].items():
            assert sum(p for p, _ in alternatives) == pytest.approx(1)
            assert [len(s) for _, s in alternatives] == [len(s) for _, s in grammar.rules[name]]
        for name, entries in data["lexicon"].items():
            assert [e[""] for e in entries] == [[*e.words] for e in grammar.lexicon[name]]
