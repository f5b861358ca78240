"""Few thumbs: 5 to 40 pairs, with direct fitting, wrong thumbs and other tastes as controls."""

from __future__ import annotations

import copy

import numpy as np
import report

from grooves.fine_tuning import judges
from grooves.fine_tuning.kl_estimators import story_kl
from grooves.fine_tuning.learn import learn_from_pairs
from grooves.fine_tuning.preferences import Pairs, fit_pairs, pair_up
from grooves.fine_tuning.raters import flipped
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

    def direct(self, method: str, n: int, part: int, lr: float, at: tuple[int, ...]) -> dict:
        """DPO, IPO or ordinary training on the pairs themselves, measured at some steps."""
        tuned, found, begun = copy.deepcopy(self.base), {}, report.core_seconds()

        def look(step: int, history) -> None:
            nonlocal begun
            if step in at:
                seconds = report.core_seconds() - begun
                tuned.eval()
                found[str(step)] = shares(tuned, self.base) | {"seconds": seconds}
                begun = report.core_seconds() - seconds

        pairs = self.pairs(n, part)
        fit_pairs(tuned, self.base, pairs, method, max(at), lr, seed=part, on_step=look)
        return found

    def tuned(self, method: str) -> tuple[float, int]:
        """The rate and the number of steps with the most happy stories, on a set of their own."""
        found = {}
        for lr in DIRECT_RATES:
            run = self.progress.get(
                f"thumbs, tuning {method}, {lr:g}",
                lambda lr=lr: self.direct(method, 10, 5, lr, DIRECT_STEPS),
            )
            found |= {(lr, int(step)): one["liked"] for step, one in run.items()}
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
                        lambda m=method, n=n, p=part, r=recipe: self.direct(m, n, p, r[0], r[1:]),
                    )
        for taste in list(TASTES)[1:]:
            for n in (10, 40):
                for part in SETS:
                    get(
                        f"thumbs, taste {taste}, {n}, {part}",
                        lambda t=taste, n=n, p=part: self.learn(n, p, t),
                    )
            publish()
