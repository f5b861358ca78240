"""How near each way of learning from feedback comes to the exact optimum, and pairs of stories.

Three parts. `outcomes`: 400 outcomes with a known best policy; every method is given the same
number of drawn outcomes, its learning rate is chosen from one grid on a seed of its own, and it is
measured on other seeds. `pairs`: DPO, IPO and ordinary training on the preferred stories, from 500
pairs; learning rate and number of steps are chosen alike for all three, on pairs of their own.
`stories`: the KL estimators on whole stories.
"""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import report
import torch

from grooves.fine_tuning import judges
from grooves.fine_tuning.kl_estimators import ESTIMATORS, exact_kl, story_kl
from grooves.fine_tuning.optimum import best_of, k3_optimum, optimum
from grooves.fine_tuning.outcomes import COUNTED, DRAWN, Outcomes, Task, position, train_outcomes
from grooves.fine_tuning.preferences import Pairs, encode, fit_pairs, pair_up, token_log_probs
from grooves.inference.sampled import draw_texts
from grooves.training import lineage

RATES = (2e-3, 4e-3, 8e-3)  # of the methods on outcomes
PAIR_RATES = (3e-4, 1e-3)  # of the methods on pairs
PAIR_STEPS = (20, 40, 60, 80)  # at which a run on pairs is measured
PAIR_METHODS = ("dpo", "ipo", "ordinary")
TUNING_SEED = 100


class Bench:
    """The base model, the task with 400 outcomes, and what has been measured so far."""

    def __init__(self, progress: report.Progress, quick: bool):
        self.progress, self.quick = progress, quick
        self.base = lineage.base()
        self.outcomes, self._pairs = Outcomes(), {}
        with torch.no_grad():
            self.task = Task(self.outcomes.log_probs(self.base), self.outcomes.reward)

    # ---- 400 outcomes ----------------------------------------------------------------------

    def aim(self, method: str) -> torch.Tensor:
        """The distribution that a method would reach with endless data: (400,)."""
        given = self.task.log_ref, self.task.reward
        if method.startswith("k3"):
            return k3_optimum(*given, self.task.beta)
        if method.startswith("best of"):
            return best_of(*given, 16)
        return optimum(*given, self.task.beta)

    def outcome_run(self, method: str, lr: float, steps: int, seed: int) -> dict:
        """Train with one method and measure where it arrived."""
        model, started = copy.deepcopy(self.base), report.core_seconds()
        train_outcomes(model, self.outcomes, self.task, method, steps, lr, seed)
        seconds = report.core_seconds() - started
        with torch.no_grad():
            log_p = self.outcomes.log_probs(model)
        return {
            **asdict(position(log_p, self.task)),
            "to_aim": float(exact_kl(log_p, self.aim(method))),
            "outside": self.outcomes.outside(model),
            "seconds": seconds,
        }

    def outcome_methods(self, seeds: int) -> dict:
        """Every method: tuned on one seed, measured on others."""
        steps = 40 if self.quick else 600
        found: dict[str, dict] = {"counted": {}, "drawn": {}, "lr": {}}
        for method in COUNTED:
            found["counted"][method] = self.progress.get(
                f"counted: {method}",
                lambda m=method: self.outcome_run(m, 2e-3, 40 if self.quick else 1500, 0),
            )
        for method in DRAWN:
            tuned = {
                lr: self.progress.get(
                    f"tuning: {method} at {lr:g}",
                    lambda m=method, r=lr: self.outcome_run(m, r, steps, TUNING_SEED),
                )
                for lr in (RATES[1:2] if self.quick else RATES)
            }
            lr = min(tuned, key=lambda r: tuned[r]["to_aim"])
            found["lr"][method] = lr
            found["drawn"][method] = [
                self.progress.get(
                    f"{method} seed {seed}",
                    lambda m=method, r=lr, s=seed: self.outcome_run(m, r, steps, s),
                )
                for seed in range(seeds)
            ]
        return found

    # ---- pairs of stories --------------------------------------------------------------------

    def pairs(self, seed: int, n: int = 500) -> Pairs:
        """n pairs of the base's own stories, a happy one preferred to a sad one."""
        if (seed, n) not in self._pairs:
            drawn = draw_texts(self.base, int(2.6 * n), seed=1000 + seed)
            self._pairs[seed, n] = pair_up(drawn.tokens, judges.endings(drawn.tokens), n)
        return self._pairs[seed, n]

    def pair_run(self, method: str, lr: float, seed: int) -> dict:
        """One run, measured on the way: step -> what the model writes, and the curves."""
        model, on_the_way = copy.deepcopy(self.base), {}

        def measure(step: int, history) -> None:
            if step in PAIR_STEPS:
                found = judges.report(model, self.base, 60 if self.quick else 200, seed=500 + seed)
                on_the_way[str(step)] = found.to_dict()

        history = fit_pairs(
            model,
            self.base,
            self.pairs(seed, 60 if self.quick else 500),
            method,
            steps=40 if self.quick else max(PAIR_STEPS),
            lr=lr,
            seed=seed,
            on_step=measure,
        )
        curves = {name: [round(v, 4) for v in values] for name, values in asdict(history).items()}
        return {"steps": on_the_way, **curves}

    def pair_methods(self, seeds: int) -> dict:
        """DPO, IPO, ordinary training: tuned alike, then measured."""
        found: dict[str, dict] = {"runs": {}, "chosen": {}}
        for method in PAIR_METHODS:
            tuned = {
                lr: self.progress.get(
                    f"tuning: {method} at {lr:g}",
                    lambda m=method, r=lr: self.pair_run(m, r, TUNING_SEED),
                )
                for lr in (PAIR_RATES[:1] if self.quick else PAIR_RATES)
            }
            lr, step = best_setting(tuned)
            found["chosen"][method] = {"lr": lr, "steps": int(step)}
            found["runs"][method] = [
                self.progress.get(
                    f"{method} seed {seed}", lambda m=method, r=lr, s=seed: self.pair_run(m, r, s)
                )
                for seed in range(seeds)
            ]
        return found

    # ---- KL estimators on whole stories --------------------------------------------------------

    def story_estimators(self) -> dict:
        """Mean and standard deviation of one story's estimate, for models near and far."""
        runs = {"IPO, 40 steps": ("ipo", 40), "DPO, 60 steps": ("dpo", 60)}
        found = {}
        for name, (method, steps) in runs.items():
            found[name] = self.progress.get(
                f"estimators: {name}", lambda m=method, s=steps: self.estimates(m, s)
            )
        return found

    def estimates(self, method: str, steps: int) -> dict:
        """Each estimator over the stories of one trained model: its mean and spread in nats."""
        model = copy.deepcopy(self.base)
        fit_pairs(model, self.base, self.pairs(0, 60 if self.quick else 500), method, steps)
        drawn = draw_texts(model, 100 if self.quick else 1000, seed=4321)
        per_story: dict[str, list] = {"exact terms": []}
        per_story |= {f"{name} of the story": [] for name in ESTIMATORS}
        per_story |= {f"{name} word by word": [] for name in ("k2", "k3")}
        for i in range(0, len(drawn), 50):
            part, ended = drawn.tokens[i : i + 50], drawn.ended[i : i + 50]
            rows = encode(part, 0, ended, model.config.context)
            with torch.no_grad():
                log_p, log_q = (token_log_probs(m, *rows).double() for m in (model, self.base))
            d = log_q - log_p  # (B, T), 0 in the padding, where all estimators are 0
            per_story["exact terms"].append(story_kl(model, self.base, part, ended=ended))
            for name, estimator in ESTIMATORS.items():
                per_story[f"{name} of the story"].append(estimator(d.sum(1)))
            for name in ("k2", "k3"):
                per_story[f"{name} word by word"].append(ESTIMATORS[name](d).sum(1))
        values = {name: torch.cat(parts) for name, parts in per_story.items()}
        return {n: {"mean": float(v.mean()), "sd": float(v.std())} for n, v in values.items()}


def best_setting(tuned: dict[float, dict]) -> tuple[float, str]:
    """Rate and step with the most happy stories among those with 90 % accepted and KL up to 2.

    If no setting of a method fulfils both, the one with most happy stories.
    """
    cells = [(lr, step, cell) for lr, run in tuned.items() for step, cell in run["steps"].items()]
    sound = [c for c in cells if c[2]["accepted"] >= 0.9 and c[2]["kl"] <= 2]
    lr, step, _ = max(sound or cells, key=lambda c: c[2]["happy"])
    return lr, step


def told(method: str, pairs: dict) -> str:
    """What a method on pairs reached at its chosen setting, in one line."""
    chosen = pairs["chosen"][method]
    cells = [run["steps"][str(chosen["steps"])] for run in pairs["runs"][method]]
    happy, accepted, kl = (fmean(c[name] for c in cells) for name in ("happy", "accepted", "kl"))
    where = f"{method}, lr {chosen['lr']:g}, {chosen['steps']} steps"
    return f"{where}: happy {happy:.3f}, accepted {accepted:.3f}, KL {kl:.2f}"


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="runs of each method")
    parser.add_argument("--pair-seeds", type=int, default=5, help="sets of pairs for each method")
    parser.add_argument("--progress", type=Path, help="file from which an interrupted run goes on")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = 1 if parsed.quick else parsed.seeds
    progress = report.Progress(parsed.progress or parsed.out / "preferences_progress.json")
    bench = Bench(progress, parsed.quick)
    outcomes = bench.outcome_methods(seeds)
    pairs = bench.pair_methods(1 if parsed.quick else parsed.pair_seeds)
    stories = bench.story_estimators()
    keys = ("kl", "reward", "best_reward", "distance", "to_target", "to_aim", "outside", "seconds")
    rows = [
        {"what": name, **{key: fmean(run[key] for run in runs) for key in keys}}
        for name, runs in (
            *((name, [run]) for name, run in outcomes["counted"].items()),
            *outcomes["drawn"].items(),
        )
    ]
    notes = [
        f"Outcomes: mean over {seeds} seeds; 1,024 drawn outcomes a step for every method.",
        *(told(method, pairs) for method in PAIR_METHODS),
    ]
    more = {
        "seeds": seeds,
        "pair_seeds": parsed.pair_seeds,
        "outcomes": outcomes,
        "pairs": pairs,
        "stories": stories,
    }
    title = "Learning from feedback: distance to the exact optimum, and pairs of stories"
    report.publish("preferences", title, rows, notes, parsed.out, **more)


if __name__ == "__main__":
    main()
