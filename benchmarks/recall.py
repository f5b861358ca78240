"""Who remembers over a distance: transformer and LSTM of equal size, and a ladder below them.

Both read the same stories in the same order for equally many steps of AdamW, each at the best
learning rate of a grid (chosen on a seed that is not reported). Measured are the gap and, at every
word that only the story's beginning tells, how often the model's first guess is right, by the
number of words in between. The n-gram models count the same stories.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import mean, median

import report
import torch

from grooves.language.corpora import StoryData, next_word_rows
from grooves.language.recalls import recalls
from grooves.language.stories import Stories
from grooves.models.lstm import LSTM
from grooves.models.ngram import NGram, gap_of
from grooves.models.transformer import count_parameters
from grooves.training.lineage import BATCH, gap, new_data, new_model
from grooves.training.loop import Divergence, train

EDGES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 100, 150)  # words between, bins closed on the left
ORDERS = (1, 2, 3, 4, 5, 6)
TUNING_SEED = 100
RATES = {"transformer": (0.005, 0.01, 0.02), "LSTM": (0.006, 0.012, 0.024)}  # AdamW for both


def fresh(name: str, language: Stories, seed: int):
    """An untrained contender."""
    transformer = new_model(language, seed=seed)
    return LSTM.like(transformer, seed).to("cpu") if name == "LSTM" else transformer


def trained(name: str, language: Stories, data: StoryData, rate: float, steps: int, seed: int):
    """A contender after `steps` steps; None where it diverged."""
    model = fresh(name, language, seed)
    try:
        train(model, data, steps=steps, progress=False, optimizer="adamw", lr=rate)
    except Divergence:
        return None
    return model


@torch.no_grad()
def hits(model, language: Stories, stories: list, places: list) -> list[tuple[int, str, bool]]:
    """Distance and kind of every recall, and whether the model's first guess is right."""
    found = []
    for start in range(0, len(stories), 50):
        some = stories[start : start + 50]
        rows, targets = next_word_rows([[language.index[w] for w in words] for words in some])
        right = model(rows).argmax(-1) == targets  # column t predicts word t
        for row, recalled in enumerate(places[start : start + 50]):
            found += [(r.distance, r.kind, bool(right[row, r.position])) for r in recalled]
    return found


def by_distance(found: list, kind: str | None = None) -> list[float | None]:
    """Share of first guesses that are right, for each bin of `EDGES`; None where it has few."""
    shares = []
    for low, high in pairwise(EDGES):
        some = [ok for d, k, ok in found if low <= d < high and kind in (None, k)]
        shares.append(mean(some) if len(some) >= 30 else None)
    return shares


def tuned(language: Stories, steps: int, progress: report.Progress) -> dict[str, dict[str, float]]:
    """The gap of each contender at each rate; a grid grows while its best rate is the largest."""
    tuning: dict[str, dict[str, float]] = {}
    data = new_data(language, seed=1 + TUNING_SEED)

    def gap_at(name: str, rate: float) -> float:
        model = trained(name, language, data, rate, steps, TUNING_SEED)
        return math.inf if model is None else gap(model, language)[0]

    for name, rates in RATES.items():
        tried, queue = tuning.setdefault(name, {}), list(rates)
        while queue:
            rate = queue.pop(0)
            key = f"tuning, {name}, {rate}"
            tried[str(rate)] = progress.get(key, lambda name=name, rate=rate: gap_at(name, rate))
            if not queue and min(tried, key=tried.get) == str(rate):
                queue.append(2 * rate)
    return tuning


def counted(language: Stories, order: int, n_stories: int) -> dict:
    """The gap of an n-gram model, and how many counts it stores."""
    texts = language.corpus(n_stories, seed=1)
    model = NGram(order, len(language.vocabulary))
    model.fit([[language.index[word] for word in words] for words in texts])
    return {"gap": gap_of(model, language)[0], "counts": model.n_counts}


def main() -> None:
    """Measure and publish, after each seed what there is."""
    parser = report.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=2_000, help="steps of each training")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--longer", type=int, default=4, help="how much longer one LSTM trains")
    parsed = parser.parse_args()
    report.one_thread()
    language = Stories()
    test = language.corpus(500, seed=424_242)
    places = [recalls(language, words) for words in test]
    progress = report.Progress(parsed.out / f"recall_progress_{parsed.steps}.json")

    def judged(name: str, rate: float, steps: int, seed: int) -> dict:
        data = new_data(language, seed=1 + seed)
        model = trained(name, language, data, rate, steps, seed)
        found = hits(model, language, test, places)
        return {
            "gap": gap(model, language)[0],
            "right": mean(ok for _, _, ok in found),
            "all": by_distance(found),
            "Home": by_distance(found, "Home"),
        }

    stories = BATCH * parsed.steps
    ladder = {
        str(n): progress.get(f"{n}-gram", lambda n=n: counted(language, n, stories)) for n in ORDERS
    }
    tuning = tuned(language, parsed.steps, progress)
    chosen = {name: float(min(tried, key=tried.get)) for name, tried in tuning.items()}
    runs: dict[str, list[dict]] = {name: [] for name in RATES}
    long_steps = parsed.longer * parsed.steps
    for seed in range(2 if parsed.quick else parsed.seeds):
        for name in RATES:
            measure = lambda n=name, s=seed: judged(n, chosen[n], parsed.steps, s)  # noqa: E731
            runs[name].append(progress.get(f"seed {seed}, {name}", measure))
        publish(language, parsed, places, tuning, chosen, runs, ladder)
    longer = progress.get("longer", lambda: judged("LSTM", chosen["LSTM"], long_steps, 0))
    runs[f"LSTM, {parsed.longer} times the steps"] = [longer]
    publish(language, parsed, places, tuning, chosen, runs, ladder)


def publish(language, parsed, places, tuning, chosen, runs, ladder) -> None:
    """The table and everything behind it."""
    rows = [
        {
            "model": name,
            "nats above": round(median(run["gap"] for run in found), 4),
            "recalls right": round(median(run["right"] for run in found), 3),
            "rate": chosen[name.partition(",")[0]],
        }
        for name, found in runs.items()
    ]
    model = new_model(language)
    lstm = LSTM.like(model)
    report.publish(
        "recall",
        "Who remembers over a distance",
        rows,
        [f"{parsed.steps:,} steps of {BATCH} stories, {len(runs['LSTM'])} seeds, medians."],
        parsed.out,
        steps=parsed.steps,
        longer=parsed.longer,
        batch=BATCH,
        parameters={"transformer": count_parameters(model), "LSTM": count_parameters(lstm)},
        state=2 * model.config.n_layer * lstm.embedding.embedding_dim,
        edges=EDGES,
        places=by_count(places),
        tuning=tuning,
        chosen=chosen,
        runs=runs,
        ladder=ladder,
    )


def by_count(places: list) -> list[int]:
    """How many recalls fall into each bin of `EDGES`."""
    distances = [r.distance for recalled in places for r in recalled]
    return [sum(low <= d < high for d in distances) for low, high in pairwise(EDGES)]


if __name__ == "__main__":
    main()
