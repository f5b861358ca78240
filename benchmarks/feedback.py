"""Few thumbs, a learned proxy, and a verifiable reward: what feedback does to the story model.

Parts. `thumbs`: 5 to 40 pairs, five sets of pairs, with direct fitting at equal cost, wrong thumbs
and other tastes as controls. `proxy`: reward models from simulated raters, and policies optimised
on one of them with and without a KL penalty. `selection`: ratings of served stories only.
`verifiable`: the parser as judge of a model of which 4 % are accepted. `variety`: the same with
beginnings from the start model. Costs are fixed in steps and stories, so that a busy machine
changes nothing; CPU seconds are recorded beside them. Notebook 10 shows what was recorded.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import report

from grooves.fine_tuning import judges
from grooves.fine_tuning.kl_estimators import story_kl
from grooves.fine_tuning.learn import learn_from_pairs
from grooves.fine_tuning.policy_gradient import policy_gradient
from grooves.fine_tuning.preferences import Pairs, fit_pairs, pair_up
from grooves.fine_tuning.raters import Raters, flipped
from grooves.fine_tuning.reward_model import RewardModel, bag_of_words
from grooves.inference.best_of_n import plots_of
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.training import lineage

LANGUAGE = Stories()
SETS = range(5)  # of pairs, and seeds of what is compared
SIZES = (10, 40, 5, 20)  # pairs
DRAWN = 300  # stories by which a model is measured: standard error at most 0.03
DIRECT = ("ipo", "dpo", "ordinary")
DIRECT_RATES = (3e-4, 1e-3)
DIRECT_STEPS = (10, 20, 40)  # the most costs about what the reward model and its policy cost


def words_of(texts) -> list[list[str]]:
    """Tokens as words."""
    return [[LANGUAGE.vocabulary[token] for token in text] for text in texts]


def accepted_and(liked):
    """A taste that likes only stories of the language, where `liked` is true for their words."""

    def taste(texts) -> np.ndarray:
        return judges.accepted(texts) & np.array([liked(words) for words in words_of(texts)])

    return taste


TASTES = {
    "happy": judges.happy,
    "a girl": accepted_and(lambda words: "she" in words or "She" in words),
    "short": accepted_and(lambda words: len(words) <= 104),
    "lost or build": accepted_and(lambda words: plots_of([words])[0] in ("lost", "build")),
}


def shares(model, base, taste="happy") -> dict:
    """Share of the taste, accepted share, KL and its error of a model's own stories."""
    drawn = draw_texts(model, DRAWN, seed=9)
    kl = story_kl(model, base, drawn.tokens, ended=drawn.ended)
    return {
        "liked": float(TASTES[taste](drawn.tokens).mean()),
        "accepted": float(judges.accepted(drawn.tokens).mean()),
        "kl": float(kl.mean()),
        "kl_error": float(kl.std()) / DRAWN**0.5,
    }


# ---- few thumbs --------------------------------------------------------------------------------


class Thumbs:
    """Pairs of the base model's stories, and what is learned from a few of them."""

    def __init__(self, progress: report.Progress):
        self.progress, self.base = progress, lineage.base()
        self.pool = draw_texts(self.base, 1_600, seed=31).tokens
        self.fresh = draw_texts(self.base, 400, seed=888).tokens

    def pairs(self, n: int, part: int, taste: str = "happy", wrong: float = 0.0) -> Pairs:
        """n pairs of one set, one text of each pair to the taste; `wrong` of them turned round."""
        texts = self.pool[part * 266 : part * 266 + 266]
        liked = TASTES[taste](texts)
        against = judges.accepted(texts) & ~liked
        both = pair_up(texts, liked * 1 - against * 1, n)
        if len(both) < n:
            raise ValueError(f"set {part} has only {len(both)} pairs for {taste!r}, not {n}")
        return Pairs(*flipped(both.chosen, both.rejected, wrong, part)) if wrong else both

    def learn(self, n: int, part: int, taste="happy", wrong=0.0, last=20) -> dict:
        """A reward model on frozen states, then 12 steps of policy gradient."""
        started = report.core_seconds()
        tuned, reward = learn_from_pairs(
            self.base, self.pairs(n, part, taste, wrong), last=last, seed=part
        )
        seconds = report.core_seconds() - started
        liked = TASTES[taste](self.fresh)
        good = reward([t for t, ok in zip(self.fresh, liked, strict=True) if ok])
        against = judges.accepted(self.fresh) & ~liked
        bad = reward([t for t, ok in zip(self.fresh, against, strict=True) if ok])
        right = float((good[:, None] > bad[None]).mean())
        return shares(tuned, self.base, taste) | {"right": right, "seconds": seconds}

    def direct(self, method: str, n: int, part: int, lr: float, steps: int) -> dict:
        """DPO, IPO or ordinary training on the pairs themselves."""
        tuned, started = copy.deepcopy(self.base), report.core_seconds()
        fit_pairs(tuned, self.base, self.pairs(n, part), method, steps, lr, seed=part)
        seconds = report.core_seconds() - started
        return shares(tuned, self.base) | {"seconds": seconds}

    def tuned(self, method: str) -> tuple[float, int]:
        """The rate and the number of steps with the most happy stories, on a set of their own."""
        found = {
            (lr, steps): self.progress.get(
                f"thumbs, tuning {method}, {lr:g}, {steps} steps",
                lambda lr=lr, s=steps: self.direct(method, 10, 5, lr, s),
            )["liked"]
            for lr in DIRECT_RATES
            for steps in DIRECT_STEPS
        }
        return max(found, key=found.get)

    def measure(self, publish) -> None:
        """Everything about few thumbs."""
        get = self.progress.get
        get("thumbs, base", lambda: {t: shares(self.base, self.base, t)["liked"] for t in TASTES})
        for n in SIZES:
            for part in SETS:
                get(f"thumbs, learned, {n}, {part}", lambda n=n, p=part: self.learn(n, p))
        publish()
        for n in (10, 40):
            for part in SETS:
                get(f"thumbs, wrong, {n}, {part}", lambda n=n, p=part: self.learn(n, p, wrong=0.2))
        recipes = {method: self.tuned(method) for method in DIRECT}
        for n in SIZES[:2]:
            for method, recipe in recipes.items():
                for part in SETS:
                    get(
                        f"thumbs, {method}, {n}, {part}",
                        lambda m=method, n=n, p=part, r=recipe: self.direct(m, n, p, *r),
                    )
        for taste in list(TASTES)[1:]:
            for n in (10, 40):
                for part in SETS:
                    get(
                        f"thumbs, taste {taste}, {n}, {part}",
                        lambda t=taste, n=n, p=part: self.learn(n, p, t),
                    )
            publish()


# ---- a learned proxy ---------------------------------------------------------------------------

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
    base, n = lineage.base(), 300
    raters = Raters(per_ten_words=0.0)
    texts = draw_texts(base, 2_400, seed=2_000 + part).tokens
    plots = plots_of(words_of(texts))
    served = [t for t, plot in zip(texts, plots, strict=True) if plot in ("lost", "gift")]
    fresh = draw_texts(base, 2_000, seed=3_000 + part).tokens
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


PARTS = ("thumbs", "proxy", "selection")


def main() -> None:
    """Measure the parts that are asked for, and publish everything that has been found."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--progress", default="_build/feedback.json", help="finished runs")
    parsed = parser.parse_args()
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))

    def publish() -> None:
        found = progress.found
        rows = [
            {"run": key, **{k: v for k, v in one.items() if isinstance(v, float)}}
            for key, one in found.items()
            if "learned" in key
        ]
        notes = [f"{len(found)} runs. {DRAWN} stories a measurement."]
        report.publish(
            "feedback", "Learning from feedback", rows[:1], notes, parsed.out, runs=found
        )

    if "thumbs" in parsed.parts:
        Thumbs(progress).measure(publish)
    if "proxy" in parsed.parts:
        Proxy(progress).measure(publish)
    if "selection" in parsed.parts:
        for part in SETS:
            progress.get(f"selection, {part}", lambda p=part: selection(p))
    publish()


if __name__ == "__main__":
    sys.exit(main())
