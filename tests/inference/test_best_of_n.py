"""Best of n: the weights by enumeration, and what each score looks at."""

import math
import random
from itertools import combinations

import numpy as np
import pytest
from scipy import optimize

from grooves.inference import best_of_n
from grooves.inference.calibration import pass_at_k
from grooves.inference.sampled import Texts, WordScores
from grooves.language.stories import Stories

LANGUAGE = Stories()


def scores_of(log_p, log_ratio, entropy):
    return WordScores(*(np.array(x, dtype=float) for x in (log_p, log_ratio, entropy)))


def some_scores(n, seed=0):
    rng = np.random.default_rng(seed)
    return [
        scores_of(-rng.exponential(1, m), -rng.exponential(1, m), rng.exponential(1, m))
        for m in rng.integers(5, 20, n)
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
def test_the_weights_are_the_wins_over_all_subsets(n):
    scores = np.array([0.3, -1.0, 0.3, 2.0, 0.3, -1.0, 1.0])
    wins = np.zeros(7)
    subsets = list(combinations(range(7), n))
    for subset in subsets:
        best = max(scores[i] for i in subset)
        winners = [i for i in subset if scores[i] == best]
        wins[winners] += 1 / len(winners)
    assert best_of_n.best_of_n_weights(scores, n) == pytest.approx(wins / len(subsets))


def test_a_best_of_more_than_there_are_is_refused():
    for n in (0, 8):
        with pytest.raises(ValueError, match=f"the best of n={n} cannot be taken from 7 texts"):
            best_of_n.best_of_n_weights(np.zeros(7), n)


def test_with_the_verdict_as_score_the_accepted_share_is_pass_at_k():
    verdict = np.array([1.0] * 13 + [0.0] * 987)
    for n in (1, 4, 64, 990):
        share = best_of_n.best_of_n_weights(verdict, n) @ verdict
        assert share == pytest.approx(pass_at_k(1000, 13, n))


def test_scores_are_those_worked_out_by_hand():
    words = [scores_of([-1, -2], [0, -1], [1, 1]), scores_of([-1, -1, -1.5], [0, -3, 0], [1, 1, 1])]
    assert best_of_n.total_log_p(words).tolist() == [-3, -3.5]
    assert best_of_n.mean_log_p(words).tolist() == pytest.approx([-1.5, -3.5 / 3])
    assert best_of_n.least_log_ratio(words).tolist() == [-1, -3]


def test_the_parser_verifies_only_whole_stories():
    story = [LANGUAGE.index[word] for word in LANGUAGE.corpus(1, 3)[0]]
    tokens, ended = [story, story, story[:-1]], np.array([True, False, True])
    texts = Texts(tokens, ended, np.zeros(3), np.zeros(3), 0)
    assert best_of_n.verified(texts, LANGUAGE).tolist() == [1, 0, 0]


def test_the_learned_verifier_is_the_logistic_regression_with_least_loss():
    words = some_scores(200)
    rng = np.random.default_rng(1)
    odd = best_of_n.least_log_ratio(words)
    accepted = (rng.random(200) < 1 / (1 + np.exp(-(odd + 3)))).astype(float)
    verifier = best_of_n.LearnedVerifier(words, accepted)
    x = verifier._standardised(verifier._features(words))
    sign = 2 * accepted - 1

    def loss(weights):
        return np.logaddexp(0, -sign * (x @ weights)).sum() + weights @ weights / 2

    least = optimize.minimize(loss, np.zeros(x.shape[1]), tol=1e-10)
    assert verifier(words) == pytest.approx(x @ least.x, abs=1e-3)
    right, wrong = verifier(words)[accepted == 1], verifier(words)[accepted == 0]
    assert (right[:, None] > wrong).mean() > 0.7
    with pytest.raises(ValueError, match="needs accepted and rejected texts"):
        best_of_n.LearnedVerifier(words, np.ones(200))


def test_the_plot_of_a_story_is_the_one_that_the_language_chose():
    rng = random.Random(4)
    stories = [LANGUAGE.tell(rng) for _ in range(300)]
    assert best_of_n.plots_of([list(s.words) for s in stories]) == [s.plot for s in stories]
    assert best_of_n.plots_of([["Once"], []]) == [None, None]


def test_the_entropy_of_labels_is_that_worked_out_by_hand():
    labels = ["lost", "lost", None, "gift"]
    assert best_of_n.entropy_of(labels) == pytest.approx(1.5 * math.log(2))
    assert best_of_n.entropy_of(labels, np.array([1, 1, 0, 2.0])) == pytest.approx(math.log(2))
    assert best_of_n.entropy_of(["gift"]) == 0
