"""A verifiable reward: the parser as judge of a model that was trained too briefly."""

from __future__ import annotations

import copy

import report

from feedback_parts.thumbs import LANGUAGE, SETS
from grooves.fine_tuning import judges
from grooves.fine_tuning.own_samples import train_on_accepted
from grooves.fine_tuning.policy_gradient import policy_gradient
from grooves.fine_tuning.verifiable import (
    accepted_given,
    beginnings_of,
    standing,
    train_on_beginnings,
    train_on_corrected,
)
from grooves.training import lineage
from grooves.training.loop import train

START_STEPS = 860  # of pre-training: about 4 % of this model's stories are accepted
TOLD = 4_864  # stories that every arm may draw: 76 steps of 64, or 19 rounds of 256
ARM_RATES = (1e-3, 3e-3, 1e-2)
ARMS = ("policy gradient", "policy gradient, KL", "own accepted", "control", "supervised")
ARM_SEEDS = range(3)
KL_PRICE = 0.03
SUPERVISED_STEPS = 1_300
BETTER_ROUNDS = 12  # of 256 stories, from the model of 1,100 steps


class Verifiable:
    """The parser as judge of a model that was trained too briefly."""

    def __init__(self, progress: report.Progress):
        self.progress = progress
        self._start, self._beginnings = None, None

    @property
    def start(self):
        """The start model, trained once."""
        if self._start is None:
            self._start = lineage.new_model()
            train(self._start, lineage.new_data(), steps=START_STEPS, progress=False)
        return self._start

    def arm(self, name: str, lr: float, seed: int, told: int = TOLD) -> dict:
        """One way of learning from the judge, or from true stories."""
        model, begun = copy.deepcopy(self.start), report.core_seconds()
        if name.startswith("policy"):
            beta = KL_PRICE if "KL" in name else 0.0
            policy_gradient(
                model, judges.accepted, steps=told // 64, lr=lr, seed=seed, beta=beta,
                penalty="k3", reference=self.start,
            )  # fmt: skip
        elif name == "supervised":
            steps = SUPERVISED_STEPS * told // TOLD
            train(model, lineage.new_data(seed=5 + seed), steps=steps, progress=False)
        else:
            train_on_accepted(
                model, judges.accepted, rounds=told // 256, lr=lr, seed=seed,
                control=name == "control",
            )  # fmt: skip
        seconds = report.core_seconds() - begun
        return self.look(model) | {"seconds": seconds, "lr": lr}

    def corrected(self, seed: int) -> dict:
        """The start's own stories, corrected word by word, then ordinary training."""
        model, begun = copy.deepcopy(self.start), report.core_seconds()
        train_on_corrected(model, LANGUAGE, seed=seed)
        seconds = report.core_seconds() - begun
        return self.look(model) | {"seconds": seconds}

    def from_better(self, name: str, seed: int) -> dict:
        """A yes or no alone, from a model of which most stories are accepted."""
        start, begun = lineage.short_trained(), report.core_seconds()
        model = copy.deepcopy(start)
        if name == "own accepted":
            train_on_accepted(model, judges.accepted, rounds=BETTER_ROUNDS, seed=seed)
        elif name == "beginnings":
            train_on_beginnings(model, start, judges.accepted, BETTER_ROUNDS, seed=seed)
        seconds = report.core_seconds() - begun
        return standing(model, start).to_dict() | {"seconds": seconds}

    def look(self, model, n: int = 400) -> dict:
        """`standing`, and the accepted share of what continues the start's own beginnings."""
        if self._beginnings is None:
            self._beginnings = beginnings_of(self.start, LANGUAGE, 300)
        found = standing(model, self.start, n).to_dict()
        return found | {"accepted_given": accepted_given(model, self._beginnings)}

    def rate(self, name: str) -> float:
        """The rate at which an arm reaches the highest accepted share, on a seed of its own."""
        if name == "supervised":
            return 0.02  # the lineage's own
        if name == "control":
            return self.rate("own accepted")  # matched
        found = {
            lr: self.progress.get(
                f"verifiable, tuning {name}, {lr:g}",
                lambda lr=lr: self.arm(name, lr, seed=100, told=TOLD // 2),
            )["accepted"]
            for lr in ARM_RATES
        }
        return max(found, key=found.get)

    def measure(self, publish) -> None:
        """Every arm, three seeds; what keeps variety, five."""
        get = self.progress.get
        get("verifiable, start", lambda: self.look(self.start, 2_000))
        for seed in SETS:
            get(f"verifiable, corrected, {seed}", lambda s=seed: self.corrected(s))
        publish()
        for seed in SETS:
            for name in ("start", "own accepted", "beginnings")[seed > 0 :]:
                get(f"better start, {name}, {seed}", lambda n=name, s=seed: self.from_better(n, s))
        publish()
        for seed in ARM_SEEDS:
            for name in ARMS:
                lr = self.rate(name.removesuffix(", KL"))
                get(f"verifiable, {name}, {seed}", lambda n=name, r=lr, s=seed: self.arm(n, r, s))
            publish()
