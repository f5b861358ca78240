"""Learning from a few thumbs: a reward model on frozen states, then a short policy gradient.

Key idea: ten pairs are far too few to fit the weights of a language model, but enough to fit one
direction in its states. So the pairs train a small reward model, and the reward model, which can
judge any number of new stories, trains the language model. `grooves learn FILE` does this with the
thumbs of a feedback file.
Chapter 10.
Source: Christiano et al. 2017, arXiv:1706.03741 (a reward model from few comparisons, then
reinforcement learning on it).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

from grooves.fine_tuning.policy_gradient import PolicyHistory, policy_gradient
from grooves.fine_tuning.preferences import Pairs
from grooves.fine_tuning.reward_model import RewardModel, mean_states

STEPS = 12  # of the policy gradient; each draws N_GROUPS * GROUP stories
N_GROUPS, GROUP = 4, 16
RATE = 4e-3  # of Muon and AdamW
LAST_WORDS = 20  # over which the states are averaged
PENALTY, FLOOR = 0.05, 1e-3  # of the reward model


def reward_from_pairs(reference: nn.Module, pairs: Pairs, last: int = LAST_WORDS) -> RewardModel:
    """A linear reward model on the reference's states, fitted to pairs.

    last: words at the end of a text over which the states are averaged. The reference must stay
    as it is: the reward model reads texts with it.
    """
    preferred = [1.0] * len(pairs)
    model = RewardModel(mean_states(reference, last))
    return model.fit(pairs.chosen, pairs.rejected, preferred, PENALTY, FLOOR)


def learn_from_pairs(
    model: nn.Module,
    pairs: Pairs,
    steps: int = STEPS,
    lr: float = RATE,
    last: int = LAST_WORDS,
    seed: int = 0,
    on_step: Callable[[PolicyHistory], None] | None = None,
) -> tuple[nn.Module, RewardModel]:
    """A tuned copy of a model, and the reward model that it was tuned on.

    The model itself is not changed: it goes on answering, and its states are what the reward model
    reads. Arguments as `reward_from_pairs` and `policy_gradient`.
    """
    reward = reward_from_pairs(model, pairs, last)
    tuned = copy.deepcopy(model)
    policy_gradient(
        tuned, reward, steps=steps, n_groups=N_GROUPS, group=GROUP, lr=lr, seed=seed,
        on_step=on_step,
    )  # fmt: skip
    return tuned, reward
