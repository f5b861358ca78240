"""400 outcomes that a story model can be made to choose among, all of them in one forward pass.

Key idea: after "There once was a little" a model writes an animal, "called", and a name: 20 x 20
outcomes. Their probabilities are exact, so a reward over them has an exact optimum, and so has
everything that a method of learning from feedback does on average. Each method below is a loss, in
which either every outcome counts with its probability, or outcomes are drawn.
Chapter 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.fine_tuning.kl_estimators import exact_kl, k2, k3
from grooves.fine_tuning.optimum import beta_at_kl, expected_reward, optimum
from grooves.fine_tuning.updates import Updater, device_of
from grooves.language.stories import Stories
from grooves.language.story_rules import definition

OPENING = "There once was a little"
BETWEEN = "called"
RATER_SCALE = 4.0  # a rater prefers the better of two outcomes with sigmoid(4 (r1 - r2))


class Outcomes:
    """The 400 outcomes with their reward, and the probabilities that a model gives them.

    reward: (400,), float64: 1 where the animal and the name begin with the same letter (a mole
    called Milo), plus up to 0.52 for the name and the animal, and at most four millionths that make
    no two outcomes equal.
    """

    def __init__(self):
        language, lexicon = Stories(), definition()[1]
        self.animals = [entry.split()[0] for entry in lexicon["Animal"]]
        self.names = [entry.split("=")[0].split()[0] for entry in lexicon["Name"]]
        index = language.index
        opening = [0, *(index[word] for word in OPENING.split())]
        self._animals = torch.tensor([index[word] for word in self.animals])
        self._names = torch.tensor([index[word] for word in self.names])
        self._between = index[BETWEEN]
        start = torch.tensor(opening).expand(len(self.animals), -1)
        between = torch.full((len(self.animals), 1), self._between)
        self._ids = torch.cat((start, self._animals[:, None], between), 1)  # (20, T)
        rng = np.random.default_rng(0)
        of_name, of_animal = rng.permutation(20) / 40, rng.permutation(20) / 400
        table = [
            [
                float(a[0] == n[0].lower()) + of_name[j] + of_animal[i]
                for j, n in enumerate(self.names)
            ]
            for i, a in enumerate(self.animals)
        ]
        reward = torch.tensor(table, dtype=torch.float64).flatten()
        self.reward = reward + 1e-8 * torch.arange(len(reward))

    def __len__(self) -> int:
        return len(self.animals) * len(self.names)

    def texts(self) -> list[str]:
        """Every outcome in words."""
        return [f"{OPENING} {a} {BETWEEN} {n}" for a in self.animals for n in self.names]

    def log_probs(self, model: nn.Module) -> Tensor:
        """Log-probabilities of the outcomes, normalised over them: (400,), with a gradient."""
        return self.all_log_probs(model).log_softmax(0)

    @torch.no_grad()
    def outside(self, model: nn.Module) -> float:
        """Probability that the model writes something else."""
        return float(1 - self.all_log_probs(model).exp().sum())

    def all_log_probs(self, model: nn.Module) -> Tensor:
        """Log-probabilities of the outcomes among all texts, not normalised: (400,)."""
        log_p = model(self._ids.to(device_of(model)))[:, -3:].cpu().double().log_softmax(-1)
        animals = log_p[0, 0, self._animals]  # (20,): all rows begin alike
        table = animals[:, None] + log_p[:, 1, self._between, None] + log_p[:, 2][:, self._names]
        return table.flatten()


# ---- methods: each makes a loss of the outcomes' log-probabilities -------------------------------


@dataclass(frozen=True)
class Task:
    """What every method is given: the reference, the reward, beta, how many outcomes to draw."""

    log_ref: Tensor
    reward: Tensor
    beta: float = 0.25
    n_drawn: int = 256

    def draw(self, log_p: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """n outcomes drawn from a distribution: (n,) indices."""
        return torch.multinomial(log_p.detach().exp(), n, True, generator=generator)


Loss = Callable[[Task, Tensor, torch.Generator], Tensor]


def _objective(task: Task, log_p: Tensor, generator) -> Tensor:
    """E[r] - beta KL(pi || ref), every outcome counted, divided by -beta."""
    return exact_kl(log_p, task.log_ref) - (log_p.exp() * task.reward).sum() / task.beta


def _policy_gradient(penalty: str, counted: bool) -> Loss:
    """A policy gradient with the KL in the reward (k1) or in the loss (k2, k3)."""

    def loss(task: Task, log_p: Tensor, generator) -> Tensor:
        if counted:
            taken, weight, d = log_p, log_p.detach().exp(), task.log_ref - log_p
            reward = task.reward
        else:
            rows = task.draw(log_p, task.n_drawn, generator)
            taken, weight = log_p[rows], log_p.new_full((len(rows),), 1 / len(rows))
            d, reward = task.log_ref[rows] - taken, task.reward[rows]
        if penalty == "k1":
            reward = reward + task.beta * d.detach()
        advantage = reward - (weight * reward).sum()
        gain = (weight * advantage * taken).sum()
        if penalty == "k1":
            return -gain
        return task.beta * (weight * (k2(d) if penalty == "k2" else k3(d))).sum() - gain

    return loss


def _dpo(source: str) -> Loss:
    """DPO on pairs that raters judged: every pair of the reference, or pairs drawn from a model.

    DPO's beta is RATER_SCALE * beta, because its optimum is the one of the raters' rewards, which
    are RATER_SCALE times ours.
    """

    def loss(task: Task, log_p: Tensor, generator) -> Tensor:
        scale, gained = RATER_SCALE * task.beta, log_p - task.log_ref
        if source == "all":
            better = (RATER_SCALE * (task.reward[:, None] - task.reward)).sigmoid()
            p = task.log_ref.exp()
            margin = F.logsigmoid(scale * (gained[:, None] - gained))
            return -2 * (p[:, None] * p * better * margin).sum()
        drawn_from = task.log_ref if source == "reference" else log_p
        one, two = task.draw(drawn_from, task.n_drawn, generator).view(2, -1)
        better = (RATER_SCALE * (task.reward[one] - task.reward[two])).sigmoid()
        sign = 2.0 * (torch.rand(len(one), generator=generator) < better) - 1
        return -F.logsigmoid(scale * sign * (gained[one] - gained[two])).mean()

    return loss


def _weighted(task: Task, log_p: Tensor, generator) -> Tensor:
    """Ordinary training on outcomes of the reference, weighted by exp(r / beta)."""
    rows = task.draw(task.log_ref, task.n_drawn, generator)
    return -((task.reward[rows] / task.beta).softmax(0) * log_p[rows]).sum()


def _best_of(n: int) -> Loss:
    """Ordinary training on the best of n outcomes of the reference (best-of-n distillation)."""

    def loss(task: Task, log_p: Tensor, generator) -> Tensor:
        rows = task.draw(task.log_ref, task.n_drawn, generator).view(-1, n)
        best = rows.gather(1, task.reward[rows].argmax(1, keepdim=True))[:, 0]
        return -log_p[best].mean()

    return loss


COUNTED: dict[str, Loss] = {
    "exact objective": _objective,
    "k1 in the reward, counted": _policy_gradient("k1", counted=True),
    "k2 in the loss, counted": _policy_gradient("k2", counted=True),
    "k3 in the loss, counted": _policy_gradient("k3", counted=True),
    "DPO, every pair": _dpo("all"),
}
DRAWN: dict[str, Loss] = {
    "k1 in the reward": _policy_gradient("k1", counted=False),
    "k2 in the loss": _policy_gradient("k2", counted=False),
    "k3 in the loss": _policy_gradient("k3", counted=False),
    "weighted by exp(r / beta)": _weighted,
    "DPO, own pairs": _dpo("model"),
    "DPO, pairs of the reference": _dpo("reference"),
    "best of 16, distilled": _best_of(16),
}
METHODS = COUNTED | DRAWN


def train_outcomes(
    model: nn.Module, outcomes: Outcomes, task: Task, method: str, steps=1200, lr=2e-3, seed=0
) -> None:
    """Train a model with one method, in place: a warm-up, then a linear decay from the half on.

    Beside the method's own loss, minus the logarithm of the probability of all 400 together keeps
    the model from writing something else, on which no method has any influence.
    Raises: ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"{method=} is not one of {', '.join(METHODS)}")
    updater, loss = Updater(model, "adamw", lr, warmup=10), METHODS[method]
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for step in range(1, steps + 1):
        factor = min(1.0, 2 * (1 - step / steps) + 1e-3)
        log_p = outcomes.all_log_probs(model)
        inside = log_p.logsumexp(0)
        updater.step(loss(task, log_p - inside, generator) - inside, factor)
    model.eval()


@dataclass(frozen=True)
class Position:
    """Where a policy is: nats from the reference, its reward, and how far from what is best.

    best_reward, distance: reward of the optimum at the same KL from the reference, and KL to it.
    to_target: KL(pi || pi*) at the task's beta.
    """

    kl: float
    reward: float
    best_reward: float
    distance: float
    to_target: float


def position(log_p: Tensor, task: Task) -> Position:
    """Measure a policy (400,) against the exact optima."""
    kl = float(exact_kl(log_p, task.log_ref))
    at_kl = log_p
    if kl > 1e-6:
        at_kl = optimum(task.log_ref, task.reward, beta_at_kl(task.log_ref, task.reward, kl))
    target = optimum(task.log_ref, task.reward, task.beta)
    return Position(
        kl,
        expected_reward(log_p, task.reward),
        expected_reward(at_kl, task.reward),
        float(exact_kl(log_p, at_kl)),
        float(exact_kl(log_p, target)),
    )
