"""What each way of generating gains and costs: samplers, beams, best of n, self-reflection.

Three kinds of model tell stories with every setting, equally many: the language itself as a perfect
model, the base model, and models trained with the base model's recipe for `STEPS` steps, five
seeds. The short-trained models also search, choose the best of n, and rewrite what they suspect.
Notebook 08 shows what was recorded.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import report

from grooves.inference import best_of_n
from grooves.inference.distance import Yardstick, read_exactly
from grooves.inference.reflection import WAYS, reflect
from grooves.inference.sampled import draw_texts, score_words
from grooves.inference.sampling import Sampler
from grooves.inference.search import beam_search
from grooves.language.stories import Stories
from grooves.training import lineage
from grooves.training.loop import train

STEPS = 1_100
SETTINGS = {
    "temperature": [{"temperature": t} for t in (1.0, 0.5, 0.7, 0.9, 1.2)],
    "top-k": [{"top_k": k} for k in (5,)],
    "top-p": [{"top_p": p} for p in (0.9, 0.95, 0.99)],
    "min-p": [{"min_p": 0.05}],
    "epsilon": [{"epsilon": e} for e in (0.005,)],
    "repetition": [{"repetition_penalty": 1.1}],
    "Llama 3.1": [{"temperature": 0.6, "top_p": 0.9}],
    "Qwen3": [{"temperature": 0.6, "top_k": 20, "top_p": 0.95}],
    "DeepSeek-R1": [{"temperature": 0.6, "top_p": 0.95}],
}
BEAMS = (1, 2, 4, 8, 16, 24, 32, 64)
CHOICES = (1, 2, 4, 8, 16, 32, 64)
POOL, DRAFTS, ROUNDS = 800, 300, 2


def finite(found: dict) -> dict:
    """The same with None for infinite values, which JSON does not have."""
    return {k: v if math.isfinite(v) else None for k, v in found.items()}


@cache
def short_trained(language: Stories, seed: int):
    """A model of the lineage after `STEPS` steps; the committed one is that of seed 0."""
    if seed == 0:
        return lineage.short_trained(STEPS)
    model = lineage.new_model(language, seed=seed)
    train(model, lineage.new_data(language, seed=1 + seed), steps=STEPS, progress=False)
    return model.eval()


def swept(
    model, yardstick: Yardstick, progress: report.Progress, name: str, seed: int
) -> list[dict]:
    """Every setting: what `Distance` holds, at equally many stories. model: a function of nothing,
    so that nothing is trained where all is known."""
    rows = []
    for family, settings in SETTINGS.items():
        for chosen in settings:
            key = f"{name}, {family} {chosen}"
            found = progress.get(
                key,
                lambda c=chosen: finite(asdict(yardstick.measure(model(), Sampler(**c), 7 + seed))),
            )
            rows.append({"family": family, "setting": str(Sampler(**chosen))} | found)
    return rows


def searched(model, language: Stories, seed: int) -> list[dict]:
    """Beams of every width, and one that compares means per word."""
    rows = []
    for width, exponent in [*((width, 0.0) for width in BEAMS), (32, 1.0)]:
        search = beam_search(model, width, exponent)
        words = search.best.words(language)
        rows.append(
            {
                "exponent": exponent,
                "width": width,
                "log_p": search.best.log_p,
                "words": search.best.length,
                "accepted": language.parse(words).ok,
                "words_read": search.words_read,
            }
        )
    return rows


def chosen(model, language: Stories, seed: int) -> dict:
    """The best of n by several scores, from one pool of stories."""
    texts = draw_texts(model, POOL, seed=40 + seed)
    scored = score_words(model, texts)
    reading = read_exactly(language, texts.tokens, texts.ended)
    plots = best_of_n.plots_of(texts.words(language))
    judged = draw_texts(model, POOL // 3, seed=140 + seed)
    verifier = best_of_n.LearnedVerifier(
        score_words(model, judged), best_of_n.verified(judged, language)
    )
    scores = {
        "total log-probability": best_of_n.total_log_p(scored),
        "mean log-probability": best_of_n.mean_log_p(scored),
        "least ratio": best_of_n.least_log_ratio(scored),
        "learned verifier": verifier(scored),
        "parser": reading.accepted.astype(float),
    }
    found = {}
    for name, score in scores.items():
        rows = []
        for n in CHOICES:
            weights = best_of_n.best_of_n_weights(score, n)
            right = weights * reading.accepted
            rows.append(
                {
                    "n": n,
                    "accepted": float(right.sum()),
                    "plots": best_of_n.entropy_of(plots, weights),
                    "log_p": float((right * np.where(reading.accepted, reading.log_p, 0)).sum())
                    / float(right.sum()),
                    "words": float(weights @ texts.lengths),
                }
            )
        found[name] = rows
    return {"words_a_story": texts.words_drawn / len(texts), "scores": found}


def reflected(model, language: Stories, seed: int) -> dict:
    """Accepted share and extra words a story after each round, for every way of rewriting."""
    draft = draw_texts(model, DRAFTS, seed=60 + seed)
    found = {}
    for way in WAYS:
        rounds = reflect(model, draft, way, ROUNDS, seed=seed)
        found[way] = [
            {
                "accepted": float(best_of_n.verified(one.texts, language).mean()),
                "rewritten": one.rewritten,
                "extra_words": one.extra_words / DRAFTS,
            }
            for one in rounds
        ]
    return found


def main() -> None:
    """Measure and publish, after each model what there is."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--progress", default="_build/decoding.json", help="finished runs")
    parsed = parser.parse_args()
    report.one_thread()
    language = Stories()
    sizes = (20, 20, 20) if parsed.quick else (120, 400, 100)
    progress = report.Progress(Path(parsed.progress))
    short: list[dict] = []
    rest: dict = {}

    def publish():
        rows = [
            {
                "model": "short-trained, median",
                "setting": sweep[0]["setting"],
                "accepted": round(float(np.median([s["accepted"] for s in sweep])), 3),
                "Jensen-Shannon": round(float(np.median([s["jensen_shannon"] for s in sweep])), 3),
                "entropy": round(float(np.median([s["entropy"] for s in sweep])), 4),
            }
            for sweep in zip(*(one["sweep"] for one in short), strict=True)
        ]
        notes = [f"{len(short)} short-trained models of {STEPS:,} steps; stories: {sizes}."]
        title = "Samplers, beams, best of n and reflection"
        report.publish(
            "decoding", title, rows, notes, parsed.out, steps=STEPS, stories=sizes, short=short,
            pool=POOL, drafts=DRAFTS, **rest,
        )  # fmt: skip

    def measure_short(seed: int):
        name = f"short, seed {seed}"

        def model():
            return short_trained(language, seed)

        one = {"seed": seed, "sweep": swept(model, yardsticks[0], progress, name, seed)}
        for part, run in (("beams", searched), ("reflection", reflected), ("best_of_n", chosen)):
            one[part] = progress.get(f"{name}, {part}", lambda r=run: r(model(), language, seed))
        short.append(one)

    yardsticks = [Yardstick(language, size) for size in sizes]
    measure_short(0)
    whole = lineage.base()
    rest["base_beams"] = progress.get("base, beams", lambda: searched(whole, language, 0))
    rest["base"] = swept(lambda: whole, yardsticks[1], progress, "base", 0)
    rest["perfect"] = swept(lambda: language, yardsticks[2], progress, "perfect", 0)
    publish()
    for seed in range(1, 1 if parsed.quick else parsed.seeds):
        measure_short(seed)
        publish()


if __name__ == "__main__":
    main()
