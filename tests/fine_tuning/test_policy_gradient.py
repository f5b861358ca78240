"""Policy gradients: advantages by hand, and where a tiny model ends."""

import copy
import time

import pytest
import torch
from tiny_models import tiny

from grooves.fine_tuning.kl_estimators import exact_kl
from grooves.fine_tuning.optimum import k3_optimum, optimum
from grooves.fine_tuning.policy_gradient import group_advantages, policy_gradient

FAVOURITE = 7


def favours(texts):
    """A reward: the share of the favourite token."""
    return [text.count(FAVOURITE) / max(len(text), 1) for text in texts]


def test_advantages_are_measured_within_their_own_group():
    rewards = torch.tensor([1.0, 10.0, 3.0, 20.0, 5.0])
    found = group_advantages(rewards, [4, 2, 4, 2, 4])
    assert found.tolist() == pytest.approx([-2, -5, 0, 5, 2])
    scaled = group_advantages(rewards, [4, 2, 4, 2, 4], divide_by_spread=True)
    assert scaled.tolist() == pytest.approx([-1.2247, -1, 0, 1, 1.2247], abs=1e-3)
    assert group_advantages([3.0, 3.0], [1, 1], True).tolist() == [0, 0]


def test_rewards_without_a_group_each_are_refused():
    with pytest.raises(ValueError, match=r"rewards \(3,\) and groups \(2,\)"):
        group_advantages([1.0, 2.0, 3.0], [0, 1])


def test_the_reward_rises_and_only_what_was_written_counts():
    seen = []

    def reward(texts):
        seen.extend(texts)
        return favours(texts)

    prompts = lambda n, seed: [[3, 5]] * n  # noqa: E731
    history = policy_gradient(
        tiny(context=10), reward, steps=25, prompts=prompts, n_groups=2, group=16, lr=0.01
    )
    assert sum(history.rewards[-3:]) / 3 > history.rewards[0] + 0.2
    assert (history.steps, history.texts) == (25, 800)
    assert all(text[:2] == [3, 5] for text in seen)


def test_equal_rewards_change_nothing():
    model = tiny(context=8)
    before = copy.deepcopy(model.state_dict())
    policy_gradient(model, lambda texts: [1.0] * len(texts), steps=2, n_groups=1, group=4)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize(("penalty", "its"), [("k1", optimum), ("k2", optimum), ("k3", k3_optimum)])
def test_each_penalty_leads_to_its_own_optimum(penalty, its):
    """Texts of one token, the end mark forced by the context: 23 outcomes, enumerated."""
    model, reference = tiny(context=1), tiny(context=1)
    worth = torch.linspace(0, 1, 23, dtype=torch.float64)
    first = lambda m: m(torch.zeros(1, 1, dtype=torch.long)).detach()[0, 0].double()  # noqa: E731
    log_ref = first(reference).log_softmax(0)
    policy_gradient(
        model,
        lambda texts: [float(worth[text[0]]) if text else float(worth[0]) for text in texts],
        steps=150,
        beta=0.2,
        penalty=penalty,
        reference=reference,
        n_groups=1,
        group=128,
        lr=0.02,
        optimizer="adamw",
    )
    log_p = first(model).log_softmax(0)
    theirs = k3_optimum if its is optimum else optimum
    aims = [function(log_ref, worth, 0.2) for function in (its, theirs)]
    own, other = (float(exact_kl(log_p, aim)) for aim in aims)
    assert own < 0.03
    assert own < other / 2


def test_a_budget_in_seconds_counts_no_measuring():
    def measure(history):
        begin = time.process_time()
        while time.process_time() < begin + 0.05:
            pass

    history = policy_gradient(
        tiny(context=6), favours, seconds=0.1, n_groups=1, group=4, on_step=measure
    )
    assert history.steps > 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one budget"),
        ({"steps": 1, "seconds": 1}, "one budget"),
        ({"steps": 1, "penalty": "k4"}, "one of k1, k2, k3"),
        ({"steps": 1, "beta": 0.1}, "pass `reference`"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        policy_gradient(tiny(), favours, **arguments)
