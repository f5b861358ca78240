"""The exact optima against searches, and best of n against every pair of draws."""

import math

import pytest
import torch

from grooves.fine_tuning.kl_estimators import exact_kl
from grooves.fine_tuning.optimum import (
    best_of,
    best_of_n_kl,
    beta_at_kl,
    expected_reward,
    k3_optimum,
    optimum,
)


def problem(size=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    log_ref = torch.randn(size, dtype=torch.float64, generator=generator).log_softmax(0)
    return log_ref, torch.rand(size, dtype=torch.float64, generator=generator)


def climb(objective, log_ref, steps=1200):
    """The best distribution, found by gradient ascent on its logits."""
    logits = log_ref.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (-objective(logits.log_softmax(0))).backward()
        optimizer.step()
    return logits.detach().log_softmax(0)


def test_no_distribution_has_a_better_objective_than_the_optimum():
    log_ref, reward = problem()
    objective = lambda p: (p.exp() * reward).sum() - 0.3 * exact_kl(p, log_ref)  # noqa: E731
    found, exact = climb(objective, log_ref), optimum(log_ref, reward, 0.3)
    assert exact_kl(found, exact).item() < 1e-5
    assert objective(exact) >= objective(found)


def test_k3_in_the_loss_leads_to_the_optimum_of_the_other_divergence():
    log_ref, reward = problem()
    objective = lambda p: (p.exp() * reward).sum() - 0.3 * exact_kl(log_ref, p)  # noqa: E731
    found, exact = climb(objective, log_ref), k3_optimum(log_ref, reward, 0.3)
    assert exact_kl(found, exact).item() < 1e-5
    assert exact.exp().sum().item() == pytest.approx(1)
    assert exact_kl(exact, optimum(log_ref, reward, 0.3)).item() > 0.005


def test_the_beta_of_a_distance_gives_that_distance():
    log_ref, reward = problem()
    beta = beta_at_kl(log_ref, reward, 0.2)
    assert exact_kl(optimum(log_ref, reward, beta), log_ref).item() == pytest.approx(0.2, abs=1e-9)
    with pytest.raises(ValueError, match="kl=50"):
        beta_at_kl(log_ref, reward, 50)


def test_the_best_of_two_is_what_all_pairs_of_draws_give():
    log_ref, reward = problem(8)
    reward[3] = reward[5] = reward[6]  # ties
    p = log_ref.exp()
    expected = torch.zeros(8, dtype=torch.float64)
    for i in range(8):
        for j in range(8):
            expected[i if reward[i] >= reward[j] else j] += p[i] * p[j]
    found = best_of(log_ref, reward, 2).exp()
    assert torch.allclose(found, expected, atol=1e-12)


def test_the_formula_for_best_of_n_holds_without_ties_and_not_with_them():
    log_ref = torch.zeros(20_000, dtype=torch.float64).log_softmax(0)
    ranks = torch.arange(20_000, dtype=torch.float64)
    assert exact_kl(best_of(log_ref, ranks, 8), log_ref).item() == pytest.approx(
        best_of_n_kl(8), abs=1e-3
    )
    halves = (ranks < 9_800).double()  # 1 with probability 0.49, as a happy ending
    win = 1 - 0.51**4
    expected = win * math.log(win / 0.49) + (1 - win) * math.log((1 - win) / 0.51)
    assert exact_kl(best_of(log_ref, halves, 4), log_ref).item() == pytest.approx(expected)
    assert best_of_n_kl(4) > expected + 0.1


def test_an_expected_reward_is_a_weighted_mean():
    log_p = torch.tensor([0.25, 0.75]).log()
    assert expected_reward(log_p, torch.tensor([4.0, 8.0])) == pytest.approx(7)


@pytest.mark.parametrize("function", [optimum, k3_optimum])
def test_a_beta_of_zero_and_a_best_of_none_are_refused(function):
    with pytest.raises(ValueError, match="beta=0"):
        function(*problem(), 0)
    for bad in (lambda: best_of(*problem(), 0), lambda: best_of_n_kl(0)):
        with pytest.raises(ValueError, match="n=0"):
            bad()
