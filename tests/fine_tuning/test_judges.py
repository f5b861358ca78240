"""The judges against the language's own labels, and the report against sums by hand."""

import copy
import random

import numpy as np
import pytest
import torch

from grooves.fine_tuning import judges
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.training import lineage


def test_an_ending_is_the_one_that_the_language_chose():
    language, rng = Stories(), random.Random(4)
    stories = [language.tell(rng) for _ in range(60)]
    texts = [[language.index[word] for word in story.words] for story in stories]
    expected = [1 if story.ending == "happy" else -1 for story in stories]
    assert judges.endings(texts).tolist() == expected
    assert judges.happy(texts).tolist() == [e == 1 for e in expected]
    broken = [text[:40] + text[41:] for text in texts]
    verdicts = [language.parse([language.vocabulary[t] for t in text]).ok for text in broken]
    assert judges.accepted(broken).tolist() == verdicts
    assert not all(verdicts)


def test_a_report_is_what_the_drawn_stories_show():
    base = lineage.base()
    found = judges.report(base, base, n=60, seed=3)
    texts = draw_texts(base, 60, seed=3)
    parsed = [Stories().parse(words).ok for words in texts.words(Stories())]
    assert found.accepted == pytest.approx(np.mean(parsed))
    assert found.happy < found.accepted
    assert found.kl == pytest.approx(0, abs=1e-5)
    assert found.length == pytest.approx(np.mean([len(t) for t in texts.tokens]))
    assert 4.5 < found.plots <= 6
    assert 14 < found.names <= 20


def test_a_changed_model_is_seen_to_have_moved():
    base = lineage.base()
    model = copy.deepcopy(base)
    with torch.no_grad():
        model.embedding.weight.mul_(1.1)
    found = judges.report(model, base, n=30)
    assert found.kl > 3 * found.kl_error > 0


def test_variety_is_the_exponential_of_the_entropy():
    index = Stories().index
    texts = draw_texts(lineage.base(), 4, seed=0)
    texts.tokens[:] = [
        [index[word] for word in words] for words in (["Lily", "lost"], ["Tom", "food"]) * 2
    ]
    assert judges.varieties(texts) == pytest.approx((2.0, 2.0))
    texts.tokens[:] = [[index["the"]]] * 4
    assert judges.varieties(texts) == (0, 0)
