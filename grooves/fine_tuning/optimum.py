"""The best policy that a reward and a KL penalty allow, exactly.

Key idea: of all distributions, the one with the highest expected reward minus beta times
KL(pi || ref) is pi* = ref exp(r / beta) / Z. Where all outcomes can be listed, it can be computed,
and every method that aims at it can be measured by its distance to it.
Chapter 10.
Source: Peters and Schaal 2007, ICML (reward-weighted regression); Rafailov et al. 2023,
arXiv:2305.18290, eq. 4.

Distributions are vectors of log-probabilities (K,), float64; rewards are (K,).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.fine_tuning.kl_estimators import exact_kl


def optimum(log_ref: Tensor, reward: Tensor, beta: float) -> Tensor:
    """pi* = ref exp(r / beta) / Z, (K,): the maximum of E[r] - beta KL(pi || ref).

    Raises: ValueError unless beta is positive.
    """
    _positive(beta)
    return (log_ref + reward / beta).log_softmax(0)


def k3_optimum(log_ref: Tensor, reward: Tensor, beta: float, n_halvings: int = 200) -> Tensor:
    """beta ref / (lambda - r), (K,): where a policy gradient with k3 in its loss ends.

    The mean gradient of k3 over texts drawn from pi is that of KL(ref || pi), the other direction,
    so it maximises E[r] - beta KL(ref || pi). Setting the derivative to zero gives
    r + beta ref / pi = lambda. lambda makes the sum 1; it is found by halving an interval.
    Raises: ValueError unless beta is positive.
    Source: derived here; Liu et al. 2025, arXiv:2510.01555, section 3, on k3 in the loss.
    """
    _positive(beta)
    ref, highest = log_ref.exp(), float(reward.max())
    low, high = 0.0, 10 * beta + 10.0  # lambda minus the highest reward
    for _ in range(n_halvings):
        middle = (low + high) / 2
        total = (beta * ref / (highest - reward + middle)).sum()
        low, high = (middle, high) if total > 1 else (low, middle)
    return (beta * ref / (highest - reward + high)).log().log_softmax(0)


def beta_at_kl(log_ref: Tensor, reward: Tensor, kl: float, n_halvings: int = 80) -> float:
    """The beta whose optimum is `kl` nats from the reference; a larger beta stays nearer.

    Raises: ValueError for a KL that is not positive, or that no beta from 0.001 to 1,000 reaches.
    """
    low, high = math.log(1e-3), math.log(1e3)
    distance = lambda log_beta: float(  # noqa: E731
        exact_kl(optimum(log_ref, reward, math.exp(log_beta)), log_ref)
    )
    if not distance(high) < kl < distance(low):
        raise ValueError(f"{kl=} must be between {distance(high):.2g} and {distance(low):.3g} nats")
    for _ in range(n_halvings):
        middle = (low + high) / 2
        low, high = (middle, high) if distance(middle) > kl else (low, middle)
    return math.exp((low + high) / 2)


def best_of(log_ref: Tensor, reward: Tensor, n: int) -> Tensor:
    """The distribution of the best of n draws from the reference, (K,); the first of ties is kept.

    P(best = x) = F(x)^n - F(x-)^n, where F(x) is the probability of a draw with a reward of at most
    r(x). Outcomes with equal rewards share what their group wins in proportion to ref.
    Raises: ValueError unless n is at least 1.
    Source: Beirami et al. 2024, arXiv:2401.01879, lemma 1.
    """
    if n < 1:
        raise ValueError(f"the best of {n=} does not exist: draw 1 or more")
    ref = log_ref.exp()
    _, group = torch.unique(reward, return_inverse=True)  # ascending
    mass = torch.zeros(int(group.max()) + 1, dtype=ref.dtype).index_add(0, group, ref)
    up_to = mass.cumsum(0).clamp(max=1.0)
    up_to[-1] = 1.0
    below = torch.cat((up_to.new_zeros(1), up_to[:-1]))
    return log_ref + ((up_to**n - below**n) / mass).log()[group]


def best_of_n_kl(n: int) -> float:
    """ln n - (n - 1) / n: KL(best of n || reference) in nats, where no two outcomes tie.

    With ties the true value is smaller, because the best of n is then often no choice at all.
    Source: Stiennon et al. 2020, arXiv:2009.01325, appendix G.3; Beirami et al. 2024,
    arXiv:2401.01879 (an upper bound in general).
    """
    if n < 1:
        raise ValueError(f"the best of {n=} does not exist: draw 1 or more")
    return math.log(n) - (n - 1) / n


def expected_reward(log_p: Tensor, reward: Tensor) -> float:
    """E[r] under p."""
    return float((log_p.exp() * reward).sum())


def _positive(beta: float) -> None:
    if not beta > 0:
        raise ValueError(f"{beta=} must be positive: without a penalty there is no optimum but max")
