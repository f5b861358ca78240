"""The language's reader in the browser is the reader of the course."""

import random

import numpy as np
import pytest

from grooves.language.stories import to_text, to_words
from grooves.language.tokenizers import WordTokenizer

NEXT_WORD = """
async ([grammar, prefixes]) => {
  const { Oracle } = await import("/shared/oracle.mjs");
  const oracle = new Oracle(grammar);
  return prefixes.map((words) => {
    try { return [...oracle.nextWord(words)]; } catch (error) { return error.message; }
  });
}
"""


def prefixes_of(language, n, seed):
    """Random starts of random stories; every fourth has one of its words replaced."""
    rng = random.Random(seed)
    out = []
    for i in range(n):
        words = language.sample(rng)
        words = words[: rng.randrange(len(words) + 1)]
        if i % 4 == 0 and words:
            words[rng.randrange(len(words))] = rng.choice(language.vocabulary[1:])
        out.append(words)
    return out


def one_of_each(language):
    """A story of every plot and ending."""
    rng, found = random.Random(0), {}
    while len(found) < 12:
        story = language.tell(rng)
        found[story.plot, story.ending] = story.words
    return found.values()


def test_next_word_probabilities_and_refusals_equal_the_languages(modules, language):
    prefixes = prefixes_of(language, 100, seed=4)
    refused = 0
    answers = modules.evaluate(NEXT_WORD, [language.to_json(), prefixes])
    for words, answer in zip(prefixes, answers, strict=True):
        try:
            expected = language.next_word(words)
        except ValueError as error:
            refused += 1
            assert answer == str(error)
        else:
            np.testing.assert_allclose(answer, expected, rtol=1e-9, atol=1e-12)
    assert 10 < refused < 60
    for story in one_of_each(language):  # some rules count at a single place
        prefixes = [story[:place] for place in range(len(story) + 1)]
        answers = modules.evaluate(NEXT_WORD, [language.to_json(), prefixes])
        expected = language.next_word_table(story)
        np.testing.assert_allclose(answers, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dialect", ["names", "endings", "narrator"])
def test_dialects_are_read_as_the_course_reads_them(modules, dialect):
    from grooves.language.stories import Stories

    spoken = Stories(dialect)
    prefixes = prefixes_of(spoken, 20, seed=5)
    prefixes = [words for words in prefixes if _begins_a_story(spoken, words)]
    answers = modules.evaluate(NEXT_WORD, [spoken.to_json(), prefixes])
    for words, answer in zip(prefixes, answers, strict=True):
        assert not isinstance(answer, str), answer
        np.testing.assert_allclose(answer, spoken.next_word(words), rtol=1e-9, atol=1e-12)


def _begins_a_story(language, words):
    try:
        language.next_word(words)
    except ValueError:
        return False
    return True


def test_text_and_words_turn_into_each_other_as_in_python(modules, language):
    stories = language.corpus(50, seed=6)
    odd = ['"', "", 'Hi , " she said . " Oh ! "', "don't  stop-7 ", "Über alles"]
    texts = [to_text(story) for story in stories] + odd
    found = modules.evaluate(
        """async ([stories, texts]) => {
          const { toText, toWords } = await import("/shared/oracle.mjs");
          return [stories.map(toText), texts.map(toWords)];
        }""",
        [stories + [to_words(text) for text in odd], texts],
    )
    assert found[0] == [to_text(story) for story in stories] + [to_text(to_words(t)) for t in odd]
    assert found[1] == [to_words(text) for text in texts]


def test_a_misspelled_word_leads_to_the_word_that_was_meant(modules, language):
    meant = {"foxx": "fox", "grandmoter": "grandmother", "LILY": "Lily", "pupple": "purple"}
    found = modules.evaluate(
        """async ([words, vocabulary]) => {
          const { nearest } = await import("/shared/oracle.mjs");
          return words.map((word) => nearest(word, vocabulary)[0]);
        }""",
        [list(meant), list(language.vocabulary[1:])],
    )
    assert set(meant.values()) <= set(language.vocabulary)
    assert found == list(meant.values())
    with pytest.raises(ValueError, match="'grandmother'"):  # Python's tokenizer says so, too
        WordTokenizer(language.vocabulary).encode(["grandmoter"])
