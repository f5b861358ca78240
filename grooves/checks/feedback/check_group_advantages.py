"""Check of lab 10: advantages within groups of texts that answer the same prompt (chapter 10).

Key idea: groups of several sizes, in mixed order, with numbers as they come; groups of equal
rewards whose mean is not exact; spreads small enough for any constant beside them to show.
Letter: N texts.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms


def case(seed: int, sizes: list[int], spread: float = 1.0, mixed: bool = True, equal: tuple = ()):
    """Rewards (N,) float32 and groups (N,), numbers that are not consecutive.

    mixed: whether the groups stand in mixed order. equal: groups all of whose rewards are 0.1.
    """
    random = np.random.default_rng(seed)
    names = random.permutation(90)[: len(sizes)] + 3
    groups = np.repeat(names, sizes)
    level = np.repeat(random.normal(size=len(sizes)), sizes)
    scale = np.repeat(random.uniform(0.5, 2, size=len(sizes)), sizes)
    rewards = level + spread * scale * random.normal(size=len(groups))
    for g in equal:
        rewards[groups == names[g]] = 0.1
    order = random.permutation(len(groups)) if mixed else np.arange(len(groups))
    return (
        torch.tensor(rewards[order], dtype=torch.float32),
        torch.tensor(groups[order]),
    )


def _by_group(rewards: Tensor, groups: Tensor, change) -> Tensor:
    """What `change` makes of the rewards of each group, at their places."""
    rewards = rewards.double()
    out = torch.zeros(len(rewards), dtype=torch.float64)
    for g in groups.unique():
        out[groups == g] = change(rewards[groups == g])
    return out


def _centred(r: Tensor) -> Tensor:
    return r - r.mean() if (r != r[0]).any() else torch.zeros_like(r)


def _standardised(r: Tensor) -> Tensor:
    centred = _centred(r)
    spread = centred.square().mean().sqrt()
    return centred / spread if spread > 0 else centred


def right(rewards: Tensor, groups: Tensor) -> Tensor:
    """Reward minus the group's mean, over the group's standard deviation: (N,)."""
    return _by_group(rewards, groups, _standardised)


def _sample(r: Tensor) -> Tensor:
    """With N - 1 in the standard deviation; 0 for a text that is alone."""
    spread = r.std() if len(r) > 1 else torch.zeros(())
    return _centred(r) / spread if spread > 0 else torch.zeros_like(r)


def _nan_alone(r: Tensor) -> Tensor:
    return (r - r.mean()) / r.std()


def _nan(r: Tensor) -> Tensor:
    return _centred(r) / _centred(r).square().mean().sqrt()


def _in_single(arrays: bool, sample: bool, epsilon: float | None = None):
    """As it is written without a thought of rounding, in single precision.

    arrays: with NumPy, whose means are rounded in another way than PyTorch's. sample: with N - 1.
    epsilon: beside the spread; None: a spread of exactly 0 is left out instead.
    """

    def change(r: Tensor) -> Tensor:
        own = r.float().numpy() if arrays else r.float()
        spread = own.std(ddof=int(sample)) if arrays else own.std(correction=int(sample))
        if epsilon is None:
            made = (own - own.mean()) / spread if spread > 0 else 0 * own
        else:
            made = (own - own.mean()) / (spread + epsilon)
        return torch.as_tensor(made).double()

    return lambda rewards, groups: _by_group(rewards, groups, change)


def _forms_in_single(sample: bool, *epsilons: float | None) -> list:
    return [_in_single(arrays, sample, each) for arrays in (False, True) for each in epsilons]


def _with_epsilon(epsilon: float, sample: bool):
    def change(r: Tensor) -> Tensor:
        spread = r.std(correction=int(sample)) if len(r) > sample else torch.zeros(())
        return _centred(r) / (spread + epsilon)

    return lambda rewards, groups: _by_group(rewards, groups, change)


def _strides(rewards: Tensor, groups: Tensor, each=_standardised) -> Tensor:
    """Groups cut from the batch as if they stood one after the other, all of one size."""
    n = len(groups.unique())
    return _by_group(rewards, torch.arange(len(rewards)) // (len(rewards) // n), each)


def _runs(rewards: Tensor, groups: Tensor) -> Tensor:
    """A new group begins wherever the number changes."""
    changes = torch.cat((torch.zeros(1, dtype=torch.bool), groups[1:] != groups[:-1]))
    return right(rewards, changes.cumsum(0))


def _whole(rewards: Tensor, groups: Tensor) -> Tensor:
    return _standardised(rewards.double())


def _batch_spread(rewards: Tensor, groups: Tensor, sample=False) -> Tensor:
    return _by_group(rewards, groups, _centred) / rewards.double().std(correction=int(sample))


UNNOTICED = (None, 0.0, 1e-12, 1e-10, 1e-9, 1e-8)  # beside a spread: too little to show
ADDED = tuple(10.0**-n for n in range(2, 8))  # enough to show

MISTAKES = (
    *in_forms(
        "whole_batch",
        "you use the mean and the spread of the whole batch. Texts are compared only with those "
        "that answer the same prompt.",
        _whole,
        lambda r, g: (r.double() - r.double().mean()) / r.double().std(),
    ),
    *in_forms(
        "batch_spread",
        "you divide by the spread of the whole batch. Each group has its own.",
        _batch_spread,
        lambda r, g: _batch_spread(r, g, sample=True),
    ),
    *in_forms(
        "groups_mixed",
        "you take neighbours for a group. The groups stand in mixed order and have several sizes, "
        "so look at the number of each text's group.",
        _strides,
        lambda r, g: _strides(r, g, _sample),
        _runs,
    ),
    *in_forms(
        "sample_spread",
        "you divide by n - 1 in the standard deviation, as PyTorch's `std` does by default. Divide "
        "by n, with `correction=0`.",
        lambda r, g: _by_group(r, g, _sample),
        lambda r, g: _by_group(r, g, _nan_alone),
    ),
    Mistake(
        "not_divided",
        lambda r, g: _by_group(r, g, _centred),
        "you subtract the mean, but do not divide by the group's standard deviation.",
    ),
    Mistake(
        "not_centred",
        lambda r, g: _by_group(r, g, lambda x: x / x.std(correction=0)),
        "you do not subtract the mean of the group.",
    ),
    *in_forms(
        "variance",
        "you divide by the variance. Take its square root.",
        lambda r, g: _by_group(
            r, g, lambda x: torch.nan_to_num(_centred(x) / x.var(correction=0), nan=0.0)
        ),
        lambda r, g: _by_group(r, g, lambda x: _centred(x) / x.var(correction=0)),
    ),
    Mistake(
        "equal_rewards",
        lambda r, g: _by_group(r, g, _nan),
        "in a group of equal rewards you compute 0 / 0, which is NaN. Such a group says nothing "
        "about which text is better, so its advantages are 0.",
    ),
    *in_forms(
        "rounding_divided",
        "in a group of equal rewards, the mean is rounded, and you divide what the rounding left "
        "by an equally small spread. Find such groups by comparing their rewards.",
        *_forms_in_single(False, *UNNOTICED),
    ),
    *in_forms(
        "sample_and_rounding",
        "there are two mistakes. You divide by n - 1 in the standard deviation, as PyTorch's `std` "
        "does by default; divide by n, with `correction=0`. And in a group of equal rewards, you "
        "divide what rounding left by an equally small spread; find such groups by comparing their "
        "rewards.",
        *_forms_in_single(True, *UNNOTICED),
    ),
    *in_forms(
        "constant_added",
        "a constant is added to the standard deviation, so the advantages of a group with a small "
        "spread are too small. Divide by the standard deviation itself.",
        *(_with_epsilon(10.0**-n, sample) for n in range(2, 8) for sample in (False, True)),
        *_forms_in_single(False, *ADDED),
        *_forms_in_single(True, *ADDED),
    ),
)


@check(lab=LAB, exercise="group_advantages", returns=(Tensor, np.ndarray, list))
def group_advantages(answer):
    """group_advantages(rewards, groups): (N,), (N,) -> (N,)."""

    def ask(call, made, note=""):
        given = f"{len(made[0])} texts in {len(made[1].unique())} groups{note}"
        judge(call, made, right(*made), MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, [4, 4, 4]))
    ask(answer, case(2, [4, 4, 4]))
    ask(answer, case(3, [2, 5, 3, 7]), " of several sizes")
    ask(answer, case(4, [3, 3], mixed=False), ", one after the other")
    ask(answer, case(5, [6]))
    ask(answer, case(6, [8, 3, 6], equal=(1,)), ", one of which has equal rewards")
    ask(answer, case(7, [5, 1, 4, 1]), ", two of which have one text")
    ask(answer, case(8, [9, 7, 3, 11], equal=(0, 1)), ", two of which have equal rewards")
    ask(answer, case(9, [16] * 20))
    ask(answer, case(10, [5, 4, 6], spread=0.001), ", whose rewards hardly differ")
    made = case(11, [6, 5, 9])
    ask(answer, ((made[0] > 0.5).float(), made[1]), ", with rewards of 0 or 1")
