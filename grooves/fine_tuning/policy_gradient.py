"""Policy gradient: draw texts, reward them, make the better ones likelier.

Key idea: the gradient of the expected reward is the mean of reward times gradient of the text's
log-probability, so a reward needs no gradient of its own: it may come from a person, a parser or a
reward model. Subtracting the mean reward of texts with the same prompt (a group) changes nothing on
average and removes most of the noise. A KL penalty keeps the model near where it began.
Chapter 10.
Source: Williams 1992, Machine Learning 8 (REINFORCE); Shao et al. 2024, arXiv:2402.03300 (GRPO),
without its clipping: each batch is used for one step only, so the policy that drew the texts is the
one that learns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from grooves.fine_tuning.kl_estimators import k2, k3
from grooves.fine_tuning.preferences import encode, token_log_probs
from grooves.fine_tuning.updates import Updater
from grooves.inference.sampled import draw_texts

PENALTIES = ("k1", "k2", "k3")
TYPICAL_LENGTH = 100  # words of a story, by which the loss is divided


def group_advantages(
    rewards: Tensor, groups: Tensor | Sequence[int], divide_by_spread: bool = False
) -> Tensor:
    """Reward minus the mean reward of its group: (N,) -> (N,).

    groups: (N,), the number of the prompt that each text answers, in any order. divide_by_spread:
    also divide by the group's standard deviation, as GRPO does; a group of equal rewards then
    stays 0. It gives groups in which nearly all texts are equal more weight (Liu et al. 2025,
    arXiv:2503.20783), so it is off by default.
    Raises: ValueError where the shapes differ.
    Source: Shao et al. 2024, arXiv:2402.03300, section 4.1.2.
    """
    rewards = torch.as_tensor(rewards, dtype=torch.float32)
    groups = torch.as_tensor(groups)
    if rewards.shape != groups.shape or rewards.ndim != 1:
        raise ValueError(
            f"rewards {tuple(rewards.shape)} and groups {tuple(groups.shape)} must both be (N,)"
        )
    _, index, sizes = torch.unique(groups, return_inverse=True, return_counts=True)
    mean = torch.zeros(len(sizes)).index_add(0, index, rewards) / sizes
    centred = rewards - mean[index]
    if not divide_by_spread:
        return centred
    variance = torch.zeros(len(sizes)).index_add(0, index, centred.square()) / sizes
    return centred / (variance.sqrt()[index] + 1e-4)


@dataclass
class PolicyHistory:
    """Mean reward of the texts drawn at each step, texts drawn in all, and CPU seconds spent."""

    rewards: list[float] = field(default_factory=list)
    texts: int = 0
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.rewards)


def policy_gradient(
    model: nn.Module,
    reward: Callable[[list[list[int]]], Sequence[float]],
    steps: int | None = None,
    seconds: float | None = None,
    beta: float = 0.0,
    penalty: str = "k1",
    reference: nn.Module | None = None,
    prompts: Callable[[int, int], list[list[int]]] | None = None,
    n_groups: int = 4,
    group: int = 16,
    lr: float = 3e-3,
    optimizer: str = "muon",
    divide_by_spread: bool = False,
    seed: int = 0,
    on_step: Callable[[PolicyHistory], None] | None = None,
) -> PolicyHistory:
    """Train a model on a reward, in place; a group baseline, and a KL penalty if beta > 0.

    reward: token lists (with their prompts) -> one number each. steps, seconds (CPU): give one.
    penalty: where the KL goes: "k1" into the reward, per text; "k2" or "k3" into the loss, per
    word ("k3" is GRPO's, whose optimum is another one). reference: the model to stay near.
    prompts(n, seed): n token lists to continue; default: n empty ones. n_groups x group texts are
    drawn for each step. on_step: called after each step; its time does not count.
    Raises: ValueError for a wrong budget or penalty, or where beta > 0 has no reference.
    """
    if (steps is None) == (seconds is None):
        raise ValueError(f"give one budget, not {steps=} and {seconds=}")
    if penalty not in PENALTIES:
        raise ValueError(f"{penalty=} is not one of {', '.join(PENALTIES)}")
    if beta and reference is None:
        raise ValueError(f"{beta=} needs the reference to stay near: pass `reference`")
    updater, history = Updater(model, optimizer, lr), PolicyHistory()
    groups = torch.arange(n_groups).repeat_interleave(group)
    while history.steps < steps if steps is not None else history.seconds < seconds:
        started = time.process_time()
        draw_seed = seed * 100_003 + history.steps
        given = prompts(n_groups, draw_seed) if prompts else [[]] * n_groups
        given = [given[g] for g in groups.tolist()]
        model.eval()
        drawn = draw_texts(model, len(given), seed=draw_seed, prefixes=given)
        rewards = torch.as_tensor(reward(drawn.tokens), dtype=torch.float32)
        rows = encode(drawn.tokens, [len(g) for g in given], drawn.ended, model.config.context)
        loss = _loss(model, reference, rows, rewards, groups, beta, penalty, divide_by_spread)
        if loss is not None:
            updater.step(loss)
        history.rewards.append(rewards.mean().item())
        history.texts += len(given)
        history.seconds += time.process_time() - started
        if on_step is not None:
            on_step(history)
    model.eval()
    return history


def _loss(model, reference, rows, rewards, groups, beta, penalty, divide_by_spread):
    """The loss of one batch; None where every advantage is 0 and there is no penalty."""
    n = len(rewards)
    if not beta:
        advantages = group_advantages(rewards, groups, divide_by_spread)
        kept = advantages.abs() > 1e-6  # the others have no gradient: they need not be read
        if not kept.any():
            return None
        rows, advantages = [side[kept] for side in rows], advantages[kept]
    model.train()
    log_p = token_log_probs(model, *rows)  # (N, T)
    extra: Tensor | float = 0.0
    if beta:
        with torch.no_grad():
            log_ref = token_log_probs(reference, *rows)
        d = log_ref - log_p
        if penalty == "k1":
            rewards = rewards + beta * d.detach().sum(1).cpu()
        else:
            extra = beta * (k2(d) if penalty == "k2" else k3(d)).sum()
        advantages = group_advantages(rewards, groups, divide_by_spread)
    gain = (advantages.to(log_p.device) * log_p.sum(1)).sum()
    return (extra - gain) / n / TYPICAL_LENGTH
