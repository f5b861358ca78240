"""The 400 outcomes: probabilities against the model's own, and methods against the optimum."""

import copy
import functools

import pytest
import torch

from grooves.fine_tuning.optimum import best_of, k3_optimum, optimum
from grooves.fine_tuning.outcomes import METHODS, Outcomes, Task, position, train_outcomes
from grooves.fine_tuning.preferences import story_log_probs
from grooves.language.stories import Stories, to_words
from grooves.training import lineage


@functools.cache
def given():
    """The base model, the outcomes, and the task on one core."""
    base, outcomes = lineage.base().cpu(), Outcomes()
    with torch.no_grad():
        return base, outcomes, Task(outcomes.log_probs(base), outcomes.reward)


def test_an_outcomes_probability_is_the_models_own():
    base, outcomes, task = given()
    index, texts = Stories().index, outcomes.texts()
    assert len(texts) == len(outcomes) == 400
    rows = [0, 37, 399]
    tokens = [[index[word] for word in to_words(texts[row])] for row in rows]
    with torch.no_grad():
        found = story_log_probs(base, tokens, n_prompt=5, ended=[False] * 3).double()
        inside = 1 - outcomes.outside(base)
    expected = task.log_ref[rows] + torch.tensor(inside).log()
    assert torch.allclose(found, expected, atol=1e-4)
    assert task.log_ref.exp().sum().item() == pytest.approx(1)


def test_no_two_outcomes_tie_and_equal_letters_are_worth_one_more():
    _, outcomes, _ = given()
    rewards = dict(zip(outcomes.texts(), outcomes.reward.tolist(), strict=True))
    assert len(set(rewards.values())) == 400
    called = {text.rsplit("little ")[1]: reward for text, reward in rewards.items()}
    assert called["mole called Milo"] - called["fox called Milo"] > 0.9
    assert abs(called["hen called Milo"] - called["fox called Milo"]) < 0.06


def test_the_exact_objective_leads_to_the_predicted_optimum():
    base, outcomes, task = given()
    model = copy.deepcopy(base)
    train_outcomes(model, outcomes, task, "exact objective", steps=250, lr=4e-3)
    with torch.no_grad():
        found = position(outcomes.log_probs(model), task)
    assert found.to_target < 0.05
    assert found.best_reward - found.reward < 0.02


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_has_the_gradient_of_its_own_optimum(method):
    """At its optimum, the mean gradient of a method is 0; at the reference it is not."""
    _, _, task = given()
    task = Task(task.log_ref, task.reward, 0.5, n_drawn=400_000)
    aim = optimum(task.log_ref, task.reward, 0.5)
    if method.startswith("k3"):
        aim = k3_optimum(task.log_ref, task.reward, 0.5)
    if method.startswith("best of"):
        aim = best_of(task.log_ref, task.reward, 16)
    sizes = []
    for start in (aim, task.log_ref):
        logits = start.clone().requires_grad_()
        loss = METHODS[method](task, logits.log_softmax(0), torch.Generator().manual_seed(0))
        loss.backward()
        sizes.append(logits.grad.norm().item())
    assert sizes[0] < sizes[1] / 4


def test_a_policys_position_is_measured_from_the_optimum_at_its_distance():
    _, _, task = given()
    found = position(optimum(task.log_ref, task.reward, 0.5), task)
    assert found.distance == pytest.approx(0, abs=1e-9)
    assert found.reward == pytest.approx(found.best_reward)
    assert found.to_target > 0.1
    at_start = position(task.log_ref, task)
    assert (at_start.kl, at_start.distance) == pytest.approx((0, 0), abs=1e-9)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'ppo' is not one of"):
        train_outcomes(None, None, None, "ppo")
