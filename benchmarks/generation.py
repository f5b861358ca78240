"""What each way of generating buys: samplers, best of n, self-reflection with controls, beams.

Every way is tried with a perfect model (the language's own probabilities), the base model and one
that was trained too briefly, and compared with the language's exact probabilities. All samplers
draw equally many stories, and so nearly equally many words, with five seeds. Takes about twelve
minutes of one core; `--part` runs one part and leaves the others as they were recorded.
"""

from __future__ import annotations

import json
import math
from statistics import mean, stdev

import numpy as np
import report

from grooves.inference import best_of_n, calibration, distance, reflection
from grooves.inference.sampled import draw_texts, score_words
from grooves.inference.sampling import Sampler
from grooves.inference.search import beam_search, most_probable_story
from grooves.language.stories import Stories
from grooves.training import lineage

SEEDS = (1, 2, 3, 4, 5)
STORIES = 200  # drawn with each seed and sampler; five times as many for the other parts
SAMPLERS = (
    Sampler(),
    *(Sampler(temperature=t) for t in (0.5, 0.7, 0.8, 0.9, 1.1, 1.2)),
    *(Sampler(top_k=k) for k in (5, 10, 20)),
    *(Sampler(top_p=p) for p in (0.8, 0.9, 0.95, 0.99)),
    *(Sampler(min_p=m) for m in (0.02, 0.05, 0.1, 0.3)),
    *(Sampler(epsilon=e) for e in (0.002, 0.005, 0.02)),
    Sampler(repetition_penalty=1.2),
)
COUNTS = (1, 2, 4, 8, 16, 32, 64)
WIDTHS = (1, 2, 4, 8, 16, 24, 32, 64)
DIGITS = 5


def models(language: Stories) -> dict:
    """The three models by name."""
    return {
        "perfect": language,
        "base": lineage.base().cpu(),
        "short-trained": lineage.short_trained().cpu(),
    }


def finite(value: float) -> float | None:
    """A number as JSON can hold it: None for infinity."""
    return round(float(value), DIGITS) if math.isfinite(value) else None


def samplers_of(name: str, model, stick: distance.Yardstick) -> list[dict]:
    """One row for each sampler: means over seeds, and the standard error of each mean."""
    rows = []
    for sampler in SAMPLERS:
        along = stick.along_truth(model, sampler)
        runs = []
        for seed in SEEDS:
            drawn = draw_texts(model, STORIES, sampler, seed, keep_q=True)
            runs.append(vars(stick.compare(model, sampler, drawn, along)))
        row = {"model": name, "sampler": str(sampler)}
        for key in ("accepted", "jensen_shannon", "total_variation", "entropy", "impossible"):
            values = [run[key] for run in runs]
            row[key] = finite(mean(values))
            row[f"{key}_error"] = finite(stdev(values) / math.sqrt(len(values)))
        for key in ("kl_from_language", "kl_to_language", "cut"):
            row[key] = finite(mean(run[key] for run in runs))
        row["words"] = sum(run["words_drawn"] for run in runs)
        rows.append(row)
        print(row["model"], row["sampler"], row["accepted"], row["jensen_shannon"], flush=True)
    return rows


def best_of(name: str, model, language: Stories) -> list[dict]:
    """Accepted share, exact log-probability and plots of the best of n, by each score."""
    rows = []
    for seed in SEEDS:
        pool, judged = (draw_texts(model, 5 * STORIES, seed=seed + more) for more in (0, 100))
        words, verdict = score_words(model, pool), best_of_n.verified(pool, language)
        verifier = best_of_n.LearnedVerifier(
            score_words(model, judged), best_of_n.verified(judged, language)
        )
        reading = distance.read_exactly(language, pool.tokens, pool.ended)
        log_p = np.where(reading.accepted, reading.log_p, 0.0)
        plots = best_of_n.plots_of(pool.words(language))
        scores = {
            "total log-probability": best_of_n.total_log_p(words),
            "mean log-probability": best_of_n.mean_log_p(words),
            "least ratio": best_of_n.least_log_ratio(words),
            "learned verifier": verifier(words),
            "parser": verdict,
        }
        for score, values in scores.items():
            for n in COUNTS:
                weights = best_of_n.best_of_n_weights(values, n)
                accepted = float(weights @ verdict)
                row = {"model": name, "score": score, "n": n, "seed": seed}
                row |= {
                    "accepted": finite(accepted),
                    "log_p": finite(weights @ log_p / max(accepted, 1e-12)),
                    "plot_entropy": finite(best_of_n.entropy_of(plots, weights)),
                    "words_per_story": finite(n * pool.words_drawn / len(pool)),
                    "words_of_winner": finite(weights @ pool.lengths),
                }
                rows.append(row)
        print(name, "best of n", seed, float(verdict.mean()), flush=True)
    return rows


def reflected(name: str, model, language: Stories) -> list[dict]:
    """Accepted share and words after each round, for self-reflection and its controls."""
    rows = []
    for seed in SEEDS:
        draft = draw_texts(model, 5 * STORIES, seed=300 + seed)
        for way in reflection.WAYS:
            rounds = reflection.reflect(model, draft, way, seed=seed)
            for number, done in enumerate(rounds):
                accepted = best_of_n.verified(done.texts, language).mean()
                row = {"model": name, "way": way, "seed": seed, "round": number}
                row |= {"accepted": finite(accepted), "rewritten": done.rewritten}
                row["extra_words_per_story"] = finite(done.extra_words / len(draft))
                rows.append(row)
        print(name, "reflection", seed, flush=True)
    return rows


def beams(language: Stories) -> list[dict]:
    """What beams of each width find, by total and by mean log-probability."""
    rows = []
    for name, model in models(language).items():
        for exponent in (0.0, 1.0):
            for width in WIDTHS:
                search = beam_search(model, width, exponent)
                words = search.best.words(language)
                exact = language.score(words).sum()
                row = {"model": name, "width": width, "length_exponent": exponent}
                row |= {"log_p": finite(search.best.log_p), "exact_log_p": finite(exact)}
                row |= {"words": search.best.length, "accepted": language.parse(words).ok}
                rows.append(row | {"words_read": search.words_read})
    return rows


def homes(language: Stories) -> list[dict]:
    """How sure a model is of the home that was told, removed or contradicted."""
    rows = []
    for name, model in list(models(language).items())[1:]:
        for change in calibration.CHANGES:
            questions = calibration.home_questions(language, 300, change)
            answers = calibration.answer_home_questions(model, language, questions)
            row = {"model": name, "change": change, "questions": len(questions)}
            row["refused_below_0.9"] = finite(calibration.refusals(answers.confidence, 0.9))
            for key in ("confidence", "entropy", "names_home", "is_told", "is_contradiction"):
                row[key] = finite(getattr(answers, key).mean())
            rows.append(row)
    return rows


def main() -> None:
    """Measure every part, or one, and publish."""
    parser = report.arguments(__doc__)
    parts = ("samplers", "best_of_n", "reflection", "beams", "homes")
    parser.add_argument("--part", choices=parts, help="one part; others stay as recorded")
    parsed = parser.parse_args()
    report.one_thread()
    language = Stories()
    named = models(language)
    learned = {name: model for name, model in named.items() if name != "perfect"}
    if parsed.quick:
        globals()["SEEDS"], globals()["STORIES"] = (1, 2), 60
    found = (
        json.loads(path.read_text()) if (path := parsed.out / "generation.json").exists() else {}
    )
    mode = most_probable_story(language)
    more = {
        "seeds": list(SEEDS),
        "stories": STORIES,
        "mode_log_p": finite(mode.log_p),
        "entropy": finite(language.entropy().nats_per_word),
    }
    run = {
        "samplers": lambda: [
            row for n, m in named.items() for row in samplers_of(n, m, distance.Yardstick(language))
        ],
        "best_of_n": lambda: [row for n, m in learned.items() for row in best_of(n, m, language)],
        "reflection": lambda: [
            row for n, m in learned.items() for row in reflected(n, m, language)
        ],
        "beams": lambda: beams(language),
        "homes": lambda: homes(language),
    }
    for part in parts:
        kept = found.get("rows" if part == "samplers" else part, [])
        more[part] = kept if parsed.part not in (None, part) else run[part]()
    rows = more.pop("samplers")
    notes = [
        "Means over seeds. Jensen-Shannon and total variation: per story; KL and entropy: nats per",
        "word; empty where infinite. words: drawn with all seeds together.",
    ]
    report.publish(
        "generation", "What each way of generating buys", rows, notes, parsed.out, **more
    )


if __name__ == "__main__":
    main()
