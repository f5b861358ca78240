"""How far examples go by four ways of fine-tuning, and what is forgotten: two dialects, many runs.

`--sweep` comes first: for some numbers of examples of one dialect it tries learning rates and
numbers of steps for each way, on a draw of their own. The best by the loss on other stories are the
RECIPES of `grooves/fine_tuning/recipes.py`. So no recipe is chosen by what it is judged by here;
but choosing took stories that a user with five examples would not have, the same for every way.

Without `--sweep` every way runs with its recipe for every number of examples, each run with its own
examples and first weights; and full fine-tuning once more with old stories mixed in. The second
dialect, for which no recipe was chosen, is tried with fewer numbers of examples.
"""

from __future__ import annotations

from itertools import product
from statistics import mean

import report
import torch

from grooves.fine_tuning import recipes
from grooves.language.corpora import next_word_rows
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage

COUNTS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
FEWER = (5, 50, 500)
DIALECTS = {"narrator": COUNTS, "names": FEWER}
REPLAYS = (1, 5)  # old stories beside the five new ones of each step
FIRST_SEED = 100
SWEEP_DIALECT, SWEEP_SEED = "narrator", 77
TRIED = {  # learning rate and steps; 0.02 is the rate that trained the base model
    "from scratch": {
        5: [(lr, n) for lr in (0.02, 0.01, 0.005) for n in (10, 30, 100, 300)],
        20: [(0.005, 100), (0.005, 300), (0.01, 100), (0.02, 100)],
        50: [(lr, n) for lr in (0.02, 0.01, 0.005) for n in (30, 100, 300)],
        100: [(0.02, 100), (0.02, 300), (0.01, 300)],
        200: [(0.02, 100), (0.02, 300), (0.02, 600)],
        500: [(0.02, n) for n in (100, 300, 600, 1500)] + [(0.01, 100), (0.01, 300)],
        1000: [(0.02, 600), (0.02, 1500)],
        2000: [(0.02, 600), (0.02, 1500)],
    },
    "head only": {
        5: [(0.01, 30), (0.01, 100), (0.003, 100), (0.003, 300)],
        20: [(0.003, 300), (0.01, 100), (0.01, 300)],
        50: [(0.1, 100), (0.03, 100), (0.03, 300), (0.01, 300)],
        200: [(0.03, 100), (0.03, 300), (0.01, 300)],
        500: [(0.1, 100), (0.1, 300), (0.03, 300)],
        2000: [(0.03, 300), (0.03, 600), (0.1, 600)],
    },
    "LoRA": {
        5: [(0.01, 30), (0.003, 30), (0.003, 100), (0.001, 100)],
        20: [(0.003, 100), (0.003, 300), (0.01, 100), (0.01, 300)],
        50: [(0.03, 100), (0.01, 100), (0.01, 300), (0.003, 300)],
        200: [(0.03, 100), (0.03, 300), (0.01, 300)],
        500: [(0.03, 100), (0.03, 300), (0.01, 300)],
        2000: [(0.03, 300), (0.03, 600), (0.03, 1500)],
    },
    "full": {
        5: [(lr, n) for lr in (0.02, 0.01, 0.005, 0.002) for n in (10, 30, 100, 300)],
        20: [(0.002, 100), (0.005, 100), (0.01, 30), (0.01, 100)],
        50: [
            (0.02, 30),
            (0.02, 100),
            (0.02, 300),
            (0.01, 30),
            (0.01, 100),
            (0.005, 100),
            (0.005, 300),
        ],
        200: [(0.02, 100), (0.01, 100), (0.01, 300)],
        500: [(0.02, 100), (0.02, 300), (0.01, 300)],
        2000: [(0.02, 300), (0.01, 300), (0.02, 600), (0.01, 600)],
    },
}


@torch.no_grad()
def other_loss(model, language: Stories) -> float:
    """Loss in nats a word on 100 stories that are neither learned from nor judged by."""
    encode = WordTokenizer(language.vocabulary).encode
    inputs, targets = next_word_rows([encode(s) for s in language.corpus(100, seed=4_242)])
    return model.loss(inputs, targets).item()


def tries(method: str, quick: bool = False) -> list[dict]:
    """The loss after every recipe that is tried for a method."""
    language, runs = Stories(SWEEP_DIALECT), []
    for n, tried in TRIED[method].items():
        for lr, steps in tried:
            if quick and steps > 100:
                continue
            model, _ = recipes.fine_tune(method, language, n, SWEEP_SEED, lr=lr, steps=steps)
            loss = round(other_loss(model, language), 4)
            runs.append({"method": method, "n": n, "lr": lr, "steps": steps, "loss": loss})
            print(f"  {runs[-1]}", flush=True)
    return runs


def publish_sweep(runs: list[dict], out) -> None:
    """All that was tried, and a table of the best of each way and number of examples."""
    best: dict[tuple, dict] = {}
    for run in runs:
        key = run["method"], run["n"]
        best[key] = min(best.get(key, run), run, key=lambda row: row["loss"])
    notes = [f"Best by the loss on 100 other stories of the dialect {SWEEP_DIALECT!r}."]
    title = "Recipes of fine-tuning: learning rate and steps"
    report.publish("fine_tuning_sweep", title, list(best.values()), notes, out, runs=runs)


def one(method: str, dialect: str, n: int, seed: int, replay: int = 0) -> dict:
    """One fine-tuning, judged on both languages."""
    language = Stories(dialect)
    started = report.core_seconds()
    model, history = recipes.fine_tune(method, language, n, seed, replay)
    seconds = report.core_seconds() - started
    new, old = recipes.evaluate_both(model, language)
    name = method if not replay else f"{method}, {replay} old"
    found = {"new": round(new, 4), "old": round(old, 4), "seconds": round(seconds, 2)}
    last = mean(history.losses[-5:])
    return {
        "method": name,
        "dialect": dialect,
        "n": n,
        "seed": seed,
        "loss": round(last, 4),
    } | found


def runs_of(seed: int) -> list[dict]:
    """All runs that share a seed."""
    runs = []
    for dialect, counts in DIALECTS.items():
        runs += [one(method, dialect, n, seed) for n, method in product(counts, recipes.METHODS)]
        cured = product(FEWER, REPLAYS) if dialect == SWEEP_DIALECT else ()
        runs += [one("full", dialect, n, seed, replay) for n, replay in cured]
        print(f"  seed {seed}, {dialect} done", flush=True)
    return runs


def publish(runs: list[dict], out) -> None:
    """The runs, and a table of their means."""
    old, _ = lineage.gap(lineage.base())
    n_seeds = len({run["seed"] for run in runs})
    before = {d: round(lineage.gap(lineage.base(), Stories(d))[0], 4) for d in DIALECTS}
    rows = []
    for dialect in DIALECTS:
        for name in dict.fromkeys(r["method"] for r in runs if r["dialect"] == dialect):
            row = {"dialect": dialect, "method": name}
            for n in COUNTS:
                some = [
                    r for r in runs if (r["dialect"], r["method"], r["n"]) == (dialect, name, n)
                ]
                row[f"{n:,}"] = f"{mean(r['new'] for r in some):.3f}" if some else "-"
            rows.append(row)
    notes = [f"Nats a word above the exact entropy of the dialect, mean of {n_seeds} runs."]
    more = {"counts": COUNTS, "fewer": FEWER, "first_seed": FIRST_SEED}
    more |= {"base_old": round(old, 4), "base_new": before, "runs": runs}
    title = "Fine-tuning by number of examples and way"
    report.publish("fine_tuning", title, rows, notes, out, **more)


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--sweep", action="store_true", help="choose the recipes")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each")
    parsed = parser.parse_args()
    report.one_thread()
    if parsed.sweep:
        runs = [run for method in recipes.METHODS for run in tries(method, parsed.quick)]
        publish_sweep(runs, parsed.out)
        return
    runs = []
    for seed in range(FIRST_SEED, FIRST_SEED + (1 if parsed.quick else parsed.seeds)):
        runs += runs_of(seed)
        publish(runs, parsed.out)  # after each seed, so that little is lost


if __name__ == "__main__":
    main()
