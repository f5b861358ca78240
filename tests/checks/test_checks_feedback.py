"""The checks of lab 10 beyond what `test_checks_labs.py` asks of every lab's."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from test_checks_labs import refusal as refusal_in

from grooves.checks import CheckFailed
from grooves.checks import feedback as check
from grooves.checks.feedback import (
    check_best_of_n_kl,
    check_bradley_terry,
    check_cheated_reward,
    check_dpo,
    check_group_advantages,
    check_kl_estimators,
    check_selection_bias,
    check_self_training,
    check_story_logprob,
    check_when_to_stop,
)
from grooves.checks.feedback.parser_judge import Judge, judge_alone, language
from grooves.fine_tuning import kl_estimators, preferences
from grooves.fine_tuning.policy_gradient import group_advantages
from grooves.inference.sampled import draw_texts
from grooves.training import lineage

pytestmark = pytest.mark.usefixtures("own_progress")
refusal = functools.partial(refusal_in, "10_feedback")


# --- yardsticks -------------------------------------------------------------------------------


def test_losses_and_estimates_are_those_of_the_course():
    tokens, log_p, ref, n_prompt = check_dpo.case(71, 12, 20)
    inside = (tokens != -1) & (torch.arange(20) >= n_prompt[:, None, None])
    sums = [(x.double() * inside).sum(-1)[:, side] for x in (log_p, ref) for side in (0, 1)]
    expected = preferences.dpo_loss(*sums, 0.3)
    assert torch.isclose(check_dpo.right(tokens, log_p, ref, n_prompt, 0.3), expected)

    chosen, rejected = torch.tensor([3.0, -1, 90]), torch.tensor([1.0, 2, -90])
    expected = preferences.bradley_terry_loss(chosen, rejected).double()
    assert torch.isclose(check_bradley_terry.loss(chosen, rejected).mean(), expected)

    p, ref, drawn = check_kl_estimators.case(72, 9, 30)
    d = (ref - p)[drawn]
    found = check_kl_estimators.right(p, ref, drawn)
    expected = [kl_estimators.exact_kl(p, ref), *(k(d).mean() for k in (
        kl_estimators.k1, kl_estimators.k2, kl_estimators.k3))]  # fmt: skip
    assert np.allclose([float(x) for x in found], [float(x) for x in expected])

    rewards, groups = check_group_advantages.case(73, [5, 8, 3])
    expected = group_advantages(rewards, groups, divide_by_spread=True).double()
    assert torch.allclose(check_group_advantages.right(rewards, groups), expected, atol=2e-3)


def test_a_text_has_the_log_probability_that_the_course_gives_it():
    model = lineage.short_trained(700).cpu()
    texts = [[5, 9, 30], [7, 2, 11, 40, 3]]
    rows = torch.tensor([[0, *text, 0, *[0] * (5 - len(text))] for text in texts])
    with torch.no_grad():
        expected = preferences.story_log_probs(model, texts, [1, 2])
        logits = model(rows)
    found = check_story_logprob.right(logits, rows, torch.tensor([1, 2]), torch.tensor([3, 5]))
    assert torch.allclose(found, expected.double(), atol=1e-4)


def test_the_winner_of_n_is_that_of_all_sequences_of_draws():
    p, rewards = check_best_of_n_kl.case(74, 4, 2)
    q = torch.zeros(4).double()
    for draws in itertools.product(range(4), repeat=3):
        best = max(draws, key=lambda i: float(rewards[i]))  # the first of equals
        q[best] += math.prod(float(p[i]) for i in draws)
    assert torch.allclose(check_best_of_n_kl.winner(p, rewards, 3), q)


def test_a_partial_correlation_is_that_of_the_inverse_covariance():
    rewards, judged, features = check_cheated_reward.case(75, 50, 3)
    _, found = check_cheated_reward.right(rewards, judged, features)
    for i in range(3):
        three = np.stack((rewards, features[:, i], judged))
        inverse = np.linalg.inv(np.cov(three))
        expected = -inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1])
        assert math.isclose(found[i], expected, rel_tol=1e-6)


def test_no_checkpoint_is_at_the_border():
    for seed in range(20):
        *_, wins, compared = made = check_when_to_stop.case(seed, 12, mixed=True)
        row = check_when_to_stop.right(*made)
        for factor in (0.999, 1.001):
            kept = check_when_to_stop._within(wins, compared, factor)
            assert check_when_to_stop._least_kl(made[1], kept) == row
    for seed in range(300):
        *_, wins, compared = check_when_to_stop.case(seed, 12)
        rates = (wins / compared).numpy()
        best = rates.argmax()
        border = rates[best] - math.sqrt(rates[best] * (1 - rates[best]) / int(compared[best]))
        assert (rates == rates[best]).sum() == 1 and abs(rates - border).min() > 5e-5


def test_weighted_estimates_have_no_bias():
    rng = np.random.default_rng(76)
    chance = torch.from_numpy(rng.uniform(0.2, 0.9, 300))
    liked = rng.random(300) < 0.3 + 0.5 * chance.numpy()
    found = []
    for _ in range(400):
        seen = rng.random(300) < chance.numpy()
        thumbs = torch.from_numpy(np.where(seen, np.where(liked, 1, -1), 0))
        found.append([float(x) for x in check_selection_bias.right(thumbs, chance)])
    naive, weighted, normalised = np.mean(found, 0)
    assert abs(weighted - liked.mean()) < 0.01
    assert abs(normalised - liked.mean()) < 0.01
    assert naive > liked.mean() + 0.02


# --- the challenge ----------------------------------------------------------------------------


def test_few_stories_of_the_beginner_are_accepted_and_each_is_a_new_model():
    one, other = check.beginner(), check.beginner()
    drawn = draw_texts(one, 400, seed=3)
    share = check.judge()(drawn.tokens).mean()
    assert 0.01 < share < 0.1
    one.requires_grad_(False).get_parameter(next(iter(one.state_dict()))).zero_()
    assert all(bool(weight.any()) for weight in other.parameters())


def test_a_judge_counts_its_verdicts_and_says_what_the_parser_says():
    judge = Judge(3)
    story = [language().index[word] for word in language().corpus(1, seed=77)[0]]
    assert judge([story, torch.tensor(story[:-1])]).tolist() == [True, False]
    assert judge.left == 1
    with pytest.raises(CheckFailed, match="1 verdict was left"):
        judge([story, story])
    assert judge.left == 1
    with pytest.raises(CheckFailed, match="list of stories"):
        judge([[-1]])


def test_while_an_answer_runs_the_grammar_is_open_to_the_judge_alone():
    story = language().corpus(1, seed=77)[0]
    tokens = [language().index[word] for word in story]
    with judge_alone():
        assert Judge(1)([tokens]).all()
        for used in (lambda: language().parse(story), lambda: language().corpus(1, seed=1)):
            with pytest.raises(CheckFailed, match="grammar"):
                used()
        for loaded in (lineage.base, lineage.short_trained):
            with pytest.raises(CheckFailed, match="trained model"):
                loaded()
    assert language().parse(story).ok
    assert lineage.short_trained(700) is not None


def test_a_model_of_the_notebook_is_out_of_reach():
    notebook = {"__name__": "__lab__", "base": lineage.short_trained(700)}
    exec("def self_training(model, judge):\n    return base", notebook)
    failure = refusal("self_training", notebook["self_training"])
    assert failure.hint == "other_model"
    assert "base" in failure.message
    assert "base" in notebook


def test_the_race_adds_nothing_for_a_model_that_tells_one_plot(monkeypatch, capsys):
    monkeypatch.setattr(
        check_self_training, "told", lambda answer, seed: (0.9, 6 - seed % 2 * 2, 3)
    )
    assert check.race(lambda model, judge: model) == 0.45
    assert "90% accepted, 4.0 plots" in capsys.readouterr().out
