"""A learned proxy, policies that are optimised on it, and ratings of served stories only."""

from __future__ import annotations

import copy

import report

from feedback_parts.thumbs import DRAWN, LANGUAGE, SETS, words_of
from grooves.fine_tuning import judges
from grooves.fine_tuning.kl_estimators import story_kl
from grooves.fine_tuning.policy_gradient import policy_gradient
from grooves.fine_tuning.raters import Raters
from grooves.fine_tuning.reward_model import RewardModel, bag_of_words
from grooves.inference.best_of_n import plots_of
from grooves.inference.sampled import draw_texts
from grooves.training import lineage

RATINGS = (500, 1_000, 2_000)
PROXY_STEPS = (0, 10, 20, 30, 40, 50, 60, 70, 80)
PROXY_RATE = 4e-3
BETAS = (0.0, 0.3)


class Proxy:
    """Reward models from simulated raters, and policies optimised on the one from 500 ratings."""

    def __init__(self, progress: report.Progress):
        self.progress, self.base, self.raters = progress, lineage.base(), Raters()
        self._models: dict[int, RewardModel] = {}

    def reward_model(self, n: int) -> RewardModel:
        """The reward model from n ratings, fitted once."""
        if n not in self._models:
            texts = draw_texts(self.base, 2 * n, seed=100 + n).tokens
            first, second = texts[:n], texts[n:]
            rated = self.raters.compare(first, second, 100 + n)
            self._models[n] = RewardModel(bag_of_words(len(LANGUAGE.vocabulary)))
            self._models[n].fit(first, second, rated)
        return self._models[n]

    def agreement(self, n: int) -> dict:
        """Agreement with new ratings, and how often it is right where the truth differs."""
        started = report.core_seconds()
        reward = self.reward_model(n)
        seconds = report.core_seconds() - started
        texts = draw_texts(self.base, 6_000, seed=999).tokens
        first, second = texts[:3_000], texts[3_000:]
        rated = self.raters.compare(first, second, 999)
        truth = [judges.happy(side) * 1 for side in (first, second)]
        differ = truth[0] != truth[1]
        ahead = reward(first) > reward(second)
        return {
            "agreement": float((ahead == (rated == 1)).mean()),
            "best": self.raters.best_agreement(first, second),
            "right": float((ahead == (truth[0] > truth[1]))[differ].mean()),
            "ten_words": float(reward.weights[-1] / reward.spread),
            "seconds": seconds,
        }

    def optimise(self, beta: float, seed: int) -> dict:
        """A policy optimised on the proxy, measured along the way."""
        model, reward, rows = copy.deepcopy(self.base), self.reward_model(500), []

        def look(history) -> None:
            if history and history.steps not in PROXY_STEPS:
                return
            model.eval()
            drawn = draw_texts(model, DRAWN, seed=555)
            kl = story_kl(model, self.base, drawn.tokens, ended=drawn.ended)
            rows.append(
                {
                    "step": history.steps if history else 0,
                    "seconds": round(history.seconds, 2) if history else 0.0,
                    "proxy": float(reward(drawn.tokens).mean()),
                    "true": float(judges.happy(drawn.tokens).mean()),
                    "accepted": float(judges.accepted(drawn.tokens).mean()),
                    "kl": float(kl.mean()),
                    "words": float(drawn.lengths.mean()),
                }
            )

        look(None)
        policy_gradient(
            model, reward, steps=PROXY_STEPS[-1], beta=beta, reference=self.base, lr=PROXY_RATE,
            seed=seed, on_step=look,
        )  # fmt: skip
        return {"beta": beta, "seed": seed, "peak": max(r["true"] for r in rows), "rows": rows}

    def measure(self, publish) -> None:
        """Everything about the proxy."""
        for n in RATINGS:
            self.progress.get(f"proxy, {n} ratings", lambda n=n: self.agreement(n))
        for seed in SETS:
            for beta in BETAS:
                self.progress.get(
                    f"proxy, beta {beta:g}, {seed}", lambda b=beta, s=seed: self.optimise(b, s)
                )
            publish()


# ---- selection: thumbs judge only what was served ----------------------------------------------


def selection(part: int) -> dict:
    """Reward models from ratings of all stories, and of those that one server chose to serve.

    The server serves only two plots, whatever its readers would think of the others.
    """
    base, n = lineage.base(), 200
    raters = Raters(per_ten_words=0.0)
    texts = draw_texts(base, 1_500, seed=2_000 + part).tokens
    plots = plots_of(words_of(texts))
    served = [t for t, plot in zip(texts, plots, strict=True) if plot in ("lost", "gift")]
    fresh = draw_texts(base, 1_200, seed=3_000 + part).tokens
    fresh_plots = plots_of(words_of(fresh))
    found = {}
    for name, shown in (("all", texts), ("served", served)):
        first, second = shown[:n], shown[n : 2 * n]
        reward = RewardModel(bag_of_words(len(LANGUAGE.vocabulary)))
        reward.fit(first, second, raters.compare(first, second, part))
        for where in ("served", "never served"):
            inside = [(p in ("lost", "gift")) == (where == "served") for p in fresh_plots]
            some = [t for t, keep in zip(fresh, inside, strict=True) if keep]
            half = len(some) // 2
            a, b = some[:half], some[half : 2 * half]
            truth = [judges.happy(side) * 1 for side in (a, b)]
            differ = truth[0] != truth[1]
            ahead = reward(a) > reward(b)
            found[f"{name}: right on {where}"] = float(
                (ahead == (truth[0] > truth[1]))[differ].mean()
            )
    return found
