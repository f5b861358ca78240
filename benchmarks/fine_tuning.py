"""How far examples go by four ways of fine-tuning, and what is forgotten: two dialects, many runs.

`--sweep` comes first: for some numbers of examples it tries learning rates and numbers of steps for
each way, on draws of their own, and the best by the loss on other stories of the dialect are the
RECIPES of `grooves/tuning.py`. So no recipe is chosen by what it is judged by here, but choosing
took stories that a user with five examples would not have, the same for every way.

Without `--sweep` every way runs with its recipe for every number of examples, each run with its own
examples and first weights; and full fine-tuning once more with old stories mixed in.
"""

from __future__ import annotations

from itertools import product
from statistics import mean

import report
import torch

from grooves import lineage, tuning
from grooves.data import next_word_rows
from grooves.stories import Stories
from grooves.tokenizer import WordTokenizer

DIALECTS = ("narrator", "names")
COUNTS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
REPLAY_COUNTS = (5, 20, 100, 500, 2000)
REPLAYS = (1, 5)  # old stories beside the five new ones of each step
FIRST_SEED = 100
SWEEP_COUNTS, SWEEP_SEED = (5, 20, 100, 500), 77
GRID = {  # learning rates and numbers of steps, all pairs
    "from scratch": ((0.02, 0.01), (30, 100, 300, 1000)),
    "head only": ((0.03, 0.01, 0.003), (30, 100, 300)),
    "LoRA": ((0.01, 0.003, 0.001), (30, 100, 300)),
    "full": ((0.02, 0.01, 0.005, 0.002), (30, 100, 300)),
}


@torch.no_grad()
def other_loss(model, language: Stories) -> float:
    """Loss in nats a word on 100 stories that are neither learned from nor judged by."""
    encode = WordTokenizer(language.vocabulary).encode
    inputs, targets = next_word_rows([encode(s) for s in language.corpus(100, seed=4_242)])
    return model.loss(inputs, targets).item()


def sweep(parsed) -> None:
    """Try every recipe of the grid, and publish the best of each way and number of examples."""
    runs, best = [], {}
    for method, n in product(tuning.METHODS, SWEEP_COUNTS):
        for lr, steps in product(*GRID[method]):
            if parsed.quick and steps > 100:
                continue
            losses = []
            for dialect in DIALECTS:
                language = Stories(dialect)
                model, _ = tuning.fine_tune(method, language, n, SWEEP_SEED, lr=lr, steps=steps)
                losses.append(round(other_loss(model, language), 4))
            row = {"method": method, "n": n, "lr": lr, "steps": steps, "losses": losses}
            runs.append(row)
            print(f"  {row}", flush=True)
        tried = [row for row in runs if (row["method"], row["n"]) == (method, n)]
        best[method, n] = min(tried, key=lambda row: sum(row["losses"]))
    rows = [
        {"method": method, "examples": n, "lr": row["lr"], "steps": row["steps"]}
        | dict(zip(DIALECTS, row["losses"], strict=True))
        for (method, n), row in best.items()
    ]
    notes = ["Best by the sum of the losses on 100 other stories of each dialect."]
    title = "Recipes of fine-tuning: learning rate and steps"
    report.publish("fine_tuning_sweep", title, rows, notes, parsed.out, runs=runs)


def one(method: str, dialect: str, n: int, seed: int, replay: int = 0) -> dict:
    """One fine-tuning, judged on both languages."""
    language = Stories(dialect)
    started = report.core_seconds()
    model, history = tuning.fine_tune(method, language, n, seed, replay)
    seconds = report.core_seconds() - started
    new, old = tuning.judge_both(model, language)
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


def curves(parsed, seeds) -> list[dict]:
    """All runs of some seeds; what is done is published after each, so that little is lost."""
    runs = []
    for done, seed in enumerate(seeds, start=1):
        for dialect in DIALECTS:
            runs += [one(m, dialect, n, seed) for n, m in product(COUNTS, tuning.METHODS)]
            cured = product(REPLAY_COUNTS, REPLAYS)
            runs += [one("full", dialect, n, seed, replay) for n, replay in cured]
            print(f"  seed {seed}, {dialect} done", flush=True)
        publish(runs, done, parsed)
    return runs


def publish(runs: list[dict], n_seeds: int, parsed) -> None:
    """The runs, and a table of their means."""
    old, _ = lineage.gap(lineage.base())
    before = {d: round(lineage.gap(lineage.base(), Stories(d))[0], 4) for d in DIALECTS}
    rows = []
    for dialect in DIALECTS:
        for name in dict.fromkeys(run["method"] for run in runs):
            row = {"dialect": dialect, "method": name}
            for n in COUNTS:
                some = [
                    r for r in runs if (r["dialect"], r["method"], r["n"]) == (dialect, name, n)
                ]
                row[f"{n:,}"] = f"{mean(r['new'] for r in some):.3f}" if some else "-"
            rows.append(row)
    notes = [f"Nats a word above the exact entropy of the dialect, mean of {n_seeds} runs."]
    more = {"counts": COUNTS, "replay_counts": REPLAY_COUNTS, "first_seed": FIRST_SEED}
    more |= {"base_old": round(old, 4), "base_new": before, "runs": runs}
    title = "Fine-tuning by number of examples and way"
    report.publish("fine_tuning", title, rows, notes, parsed.out, **more)


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--sweep", action="store_true", help="choose the recipes")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each")
    parsed = parser.parse_args()
    report.one_thread()
    if parsed.sweep:
        sweep(parsed)
    else:
        curves(parsed, range(FIRST_SEED, FIRST_SEED + (1 if parsed.quick else parsed.seeds)))


if __name__ == "__main__":
    main()
