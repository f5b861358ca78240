"""Check of lab 10: which checkpoint to keep, by fresh judgements with their error (chapter 10).

Key idea: many small tables in which the reward's favourite, the judges' favourite, and the nearest
checkpoint that is as good within one standard error are different ones. Letter: S checkpoints.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

Table = tuple[Tensor, Tensor, Tensor, Tensor]


def case(seed: int, S: int, low: int = 40, high: int = 300, mixed: bool = False, unjudged=()):
    """Reward, KL, wins and comparisons of S checkpoints, (S,) each.

    low, high: comparisons at a checkpoint. mixed: not in the order of KL. unjudged: checkpoints
    without any comparison. Several checkpoints are within one standard error of the best, and none
    is near the border.
    """
    random = np.random.default_rng(seed)
    while True:
        kl = np.sort(random.uniform(0.1, 15, S))
        truth = 0.5 + 0.45 * np.sin(np.pi * (kl / 18) ** 0.6)
        compared = random.integers(low, high, S)
        compared[list(unjudged)] = 0
        wins = random.binomial(compared, np.clip(truth, 0, 1))
        rewards = np.sqrt(kl) + 0.4 * random.normal(size=S)
        order = random.permutation(S) if mixed else np.arange(S)
        made = tuple(torch.tensor(a[order]) for a in (rewards, kl, wins, compared))
        if _clear(made):
            return made


def _rates(wins: Tensor, compared: Tensor) -> np.ndarray:
    wins, compared = np.asarray(wins, float), np.asarray(compared, float)
    return np.where(compared > 0, wins / np.maximum(compared, 1), -1.0)


def _clear(made: Table) -> bool:
    """Whether one checkpoint is best, and none lies at the border of what is as good."""
    _, _, wins, compared = made
    rates = _rates(wins, compared)
    best = rates.argmax()
    error = math.sqrt(rates[best] * (1 - rates[best]) / float(compared[best]))
    distance = abs(rates - (rates[best] - error)).min()
    return (rates == rates[best]).sum() == 1 and bool(distance > 1e-4)


def _within(wins: Tensor, compared: Tensor, factor: float = 1.0) -> np.ndarray:
    """Which checkpoints are at most `factor` standard errors of the best below it: (S,)."""
    rates = _rates(wins, compared)
    best = rates.argmax()
    error = math.sqrt(rates[best] * (1 - rates[best]) / float(compared[best]))
    return rates >= rates[best] - factor * error


def _least_kl(kl: Tensor, kept: np.ndarray) -> int:
    return int(np.where(kept, np.asarray(kl), np.inf).argmin())


def right(rewards: Tensor, kl: Tensor, wins: Tensor, compared: Tensor) -> int:
    """The checkpoint to keep."""
    return _least_kl(kl, _within(wins, compared))


def _own_errors(rewards, kl, wins, compared) -> int:
    """A checkpoint is kept if the best is within its own standard error."""
    rates, n = _rates(wins, compared), np.maximum(np.asarray(compared), 1)
    errors = np.sqrt(np.maximum(rates * (1 - rates), 0) / n)
    return _least_kl(kl, rates + errors >= rates.max())


def _of_difference(rewards, kl, wins, compared) -> int:
    rates, n = _rates(wins, compared), np.maximum(np.asarray(compared), 1)
    variances = np.maximum(rates * (1 - rates), 0) / n
    error = np.sqrt(variances + variances[rates.argmax()])
    return _least_kl(kl, rates >= rates.max() - error)


def _by_allowance(allowance):
    """Checkpoints at most allowance(best rate, its comparisons) below the best."""

    def compute(rewards, kl, wins, compared) -> int:
        rates = _rates(wins, compared)
        best = rates.argmax()
        room = allowance(rates[best], float(compared[best]))
        return _least_kl(kl, rates >= rates[best] - room)

    return compute


def _by_counts(rewards, kl, wins, compared) -> int:
    """Wins are compared as numbers."""
    best = int(wins.argmax())
    rate, n = float(wins[best]) / float(compared[best]), float(compared[best])
    return _least_kl(kl, np.asarray(wins) >= float(wins[best]) - math.sqrt(n * rate * (1 - rate)))


def _most_kl(rewards, kl, wins, compared) -> int:
    return int(np.where(_within(wins, compared), np.asarray(kl), -np.inf).argmax())


def _highest_reward_within(rewards, kl, wins, compared) -> int:
    return int(np.where(_within(wins, compared), np.asarray(rewards), -np.inf).argmax())


def _unjudged_kept(rewards, kl, wins, compared) -> int:
    """0 / 0 counts as the best."""
    return int((compared == 0).int().argmax())


def _none_good(rewards, kl, wins, compared) -> int:
    """No share is as good as NaN, and `argmin` of infinities alone is 0."""
    return 0


def _where_unjudged(unjudged, otherwise):
    """One way where some checkpoint has no comparison, another way for all other tables."""
    return lambda r, k, w, n: (unjudged if bool((n == 0).any()) else otherwise)(r, k, w, n)


NAN = (
    "the share of a checkpoint that nobody judged is 0 / 0, which is NaN; `argmax` takes it for "
    "the largest, and no other share is at least NaN."
)
RAISED = (
    (
        r"ZeroDivisionError|empty sequence|numel\(\) == 0|argument is empty|is an empty sequence",
        "a checkpoint that nobody judged has the share 0 / 0. Leave such checkpoints out before "
        "you look for the best one.",
    ),
)

MISTAKES = (
    Mistake(
        "highest_reward",
        lambda r, k, w, n: int(r.argmax()),
        "you keep the checkpoint with the highest reward. That is what has been optimised, so it "
        "goes on rising after the stories have become worse.",
    ),
    Mistake(
        "highest_rate",
        lambda r, k, w, n: int(_rates(w, n).argmax()),
        "you keep the checkpoint with the highest share of wins. Others are as good within its "
        "standard error, and nearer to the reference.",
    ),
    *in_forms(
        "most_kl",
        "among checkpoints that are as good, you keep one that is farther from the reference. Take "
        "the one with the least KL.",
        _most_kl,
        _highest_reward_within,
        lambda r, k, w, n: int(np.flatnonzero(_within(w, n))[-1]),
    ),
    Mistake(
        "first_in_order",
        lambda r, k, w, n: int(_within(w, n).argmax()),
        "you keep the first checkpoint in the table that is good enough. The rows are in no order: "
        "take the one with the least KL.",
    ),
    Mistake(
        "least_kl",
        lambda r, k, w, n: int(np.where(np.asarray(n) > 0, np.asarray(k), np.inf).argmin()),
        "you keep the checkpoint nearest to the reference, however bad its stories are.",
    ),
    Mistake(
        "counts",
        _by_counts,
        "you compare numbers of wins. Checkpoints were compared a different number of times, so "
        "compare shares.",
    ),
    *in_forms(
        "another_error",
        "you use the standard errors of the other checkpoints. The allowance is that of the best "
        "one alone.",
        _own_errors,
        _of_difference,
    ),
    Mistake(
        "deviation",
        _by_allowance(lambda p, n: math.sqrt(p * (1 - p))),
        "you use the standard deviation of one comparison. The standard error of a share is "
        "sqrt(p (1 - p) / n).",
    ),
    Mistake(
        "variance",
        _by_allowance(lambda p, n: p * (1 - p) / n),
        "you use the variance of the share. The standard error is its square root.",
    ),
    *in_forms(
        "two_errors",
        "you allow two standard errors. Here it is one.",
        _by_allowance(lambda p, n: 2 * math.sqrt(p * (1 - p) / n)),
        _by_allowance(lambda p, n: 1.96 * math.sqrt(p * (1 - p) / n)),
    ),
    *in_forms(
        "unjudged",
        f"{NAN} Leave such checkpoints out before you look for the best one.",
        _where_unjudged(_unjudged_kept, right),
        _where_unjudged(_none_good, right),
    ),
    *in_forms(
        "another_error_and_unjudged",
        "there are two mistakes. You use the standard errors of the other checkpoints, but the "
        f"allowance is that of the best one alone. And {NAN} Leave such checkpoints out.",
        *(
            _where_unjudged(unjudged, otherwise)
            for unjudged in (_unjudged_kept, _none_good)
            for otherwise in (_own_errors, _of_difference)
        ),
    ),
)


@check(lab=LAB, exercise="when_to_stop", raised=RAISED)
def when_to_stop(answer):
    """when_to_stop(rewards, kl, wins, compared): (S,) each -> a row, int."""

    def ask(call, made, note=""):
        given = f"{len(made[0])} checkpoints{note}"
        judge(call, made, right(*made), MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, 8))
    for seed in range(2, 12):
        ask(answer, case(seed, 8))
    for seed in range(12, 24):
        ask(answer, case(seed, 12, low=20, high=400, mixed=True), ", in no order")
    for seed in range(24, 28):
        ask(answer, case(seed, 60, low=20, high=60, mixed=True), ", in no order")
    ask(answer, case(28, 1))
    for seed in range(29, 33):
        note = ", two of which nobody judged"
        ask(answer, case(seed, 9, mixed=True, unjudged=(0, 4)), note)
    near = _table(
        [2.0, 4, 3, 5, 6],
        [2.0, 5, 7, 9, 14],
        [40, 353, 1776, 1799, 90],
        [100, 400, 2000, 2000, 100],
    )
    ask(answer, near, ", two of them nearly equal")
    perfect = _table([1.0, 2, 3], [3.0, 2, 4], [18, 20, 27], [20, 20, 30])
    ask(answer, perfect, ", one of which won every comparison")


def _table(*columns: list) -> Table:
    return tuple(map(torch.tensor, columns))
