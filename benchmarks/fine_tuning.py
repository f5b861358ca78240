"""How far examples go in four ways of learning a dialect, and what is forgotten: five seeds.

`--sweep` comes first: for some numbers of examples of one dialect it tries learning rates and
numbers of steps, on a draw of their own. LoRA and full fine-tuning get the same grid and the same
optimizer, AdamW. Where LoRA was still improving, with 2,000 stories, it gets more steps besides.
The last layer has a coarser grid of its own, and so has from scratch, which keeps the optimizers of
pre-training. The best by the loss on other stories are the RECIPES of
`grooves/fine_tuning/recipes.py`. So no recipe is chosen by what it is judged by here; but choosing
took stories that a user with five examples would not have, the same for every way.

Without `--sweep` every way runs with its recipe for every number of examples, each run with its own
examples and initialisation. `--methods` repeats some ways and keeps what `--out` holds of the
others: from scratch, the last layer and LoRA were recorded on 2026-11-25.
"""

from __future__ import annotations

import json
import math
from itertools import product
from statistics import mean

import report
import torch

from grooves.fine_tuning import recipes
from grooves.language.corpora import next_word_rows
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage
from grooves.training.loop import Divergence

COUNTS = (5, 20, 50, 500, 2000)
SCRATCH_COUNTS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # for what examples are worth
FIRST_SEED = 100
DIALECT, SWEEP_SEED = "narrator", 77
RATES = (0.001, 0.003, 0.01, 0.03)
MORE_RATES = (0.0003, 0.1)  # tried on the side at which the best rate lies, where it is an edge
STEPS = {5: (100, 300), 20: (100, 300), 50: (100, 300), 500: (300,), 2000: (600,)}
GRID = {n: list(product(RATES, steps)) for n, steps in STEPS.items()}
ALSO = {("LoRA", 2000): [(0.03, 1500)]}
LAST_LAYER = {
    5: [(0.01, 30), (0.01, 100), (0.003, 100), (0.003, 300)],
    20: [(0.003, 300), (0.01, 100), (0.01, 300)],
    50: [(0.1, 100), (0.03, 100), (0.03, 300), (0.01, 300)],
    500: [(0.1, 100), (0.1, 300), (0.03, 300)],
    2000: [(0.03, 300), (0.03, 600), (0.1, 600)],
}
SCRATCH = {  # learning rate and steps; 0.02 is the rate that trained the base model
    5: [(lr, n) for lr in (0.02, 0.01, 0.005) for n in (10, 30, 100, 300)],
    20: [(0.005, 100), (0.005, 300), (0.01, 100), (0.02, 100)],
    50: [(lr, n) for lr in (0.02, 0.01, 0.005) for n in (30, 100, 300)],
    100: [(0.02, 100), (0.02, 300), (0.01, 300)],
    200: [(0.02, 100), (0.02, 300), (0.02, 600)],
    500: [(0.02, n) for n in (100, 300, 600, 1500)] + [(0.01, 100), (0.01, 300)],
    1000: [(0.02, 600), (0.02, 1500)],
    2000: [(0.02, 600), (0.02, 1500)],
}
TRIED = {"from scratch": SCRATCH, "last layer": LAST_LAYER, "LoRA": GRID, "full": GRID}


@torch.no_grad()
def other_loss(model, language: Stories) -> float:
    """Loss in nats a word on 100 stories that are neither learned from nor judged by."""
    encode = WordTokenizer(language.vocabulary).encode
    inputs, targets = next_word_rows([encode(s) for s in language.corpus(100, seed=4_242)])
    return model.loss(inputs, targets).item()


def one_try(method: str, n: int, lr: float, steps: int) -> dict:
    """The loss after one recipe; null where the run diverged."""
    language = Stories(DIALECT)
    run = {"method": method, "n": n, "lr": lr, "steps": steps, "loss": None}
    try:
        model, _ = recipes.fine_tune(method, language, n, SWEEP_SEED, lr=lr, steps=steps)
        loss = other_loss(model, language)
        run["loss"] = round(loss, 4) if math.isfinite(loss) else None
    except Divergence:
        pass
    print(f"  {run}", flush=True)
    return run


def best_of(runs: list[dict]) -> dict:
    """The run with the lowest loss; one that diverged has none."""
    return min((r for r in runs if r["loss"] is not None), key=lambda run: run["loss"])


def tries(method: str, quick: bool = False) -> list[dict]:
    """All recipes that are tried for a method: its grid, and one rate more beyond an edge."""
    runs = []
    for n, tried in TRIED[method].items():
        some = [one_try(method, n, lr, m) for lr, m in tried if not quick or m <= 100]
        if TRIED[method] is GRID and some:
            best = best_of(some)
            beyond = {RATES[0]: MORE_RATES[0], RATES[-1]: MORE_RATES[1]}.get(best["lr"])
            if beyond is not None:
                some += [one_try(method, n, beyond, m) for m in sorted({r["steps"] for r in some})]
        runs += some
    for (way, n), tried in ALSO.items():
        runs += [one_try(method, n, lr, m) for lr, m in tried if way == method and not quick]
    return runs


def publish_sweep(runs: list[dict], out) -> None:
    """All that was tried, and a table of the best of each way and number of examples."""
    keys = dict.fromkeys((run["method"], run["n"]) for run in runs)
    best = [best_of([r for r in runs if (r["method"], r["n"]) == key]) for key in keys]
    notes = [f"Best by the loss on 100 other stories of the dialect {DIALECT!r}."]
    title = "Recipes of fine-tuning: learning rate and steps"
    report.publish("fine_tuning_sweep", title, best, notes, out, runs=runs)


def kept(name: str, out, methods) -> list[dict]:
    """Recorded runs of the methods that are not repeated, in the order of their recording."""
    path = out / f"{name}.json"
    if set(methods) == set(recipes.METHODS) or not path.exists():
        return []
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return [r for r in runs if r["method"] in recipes.METHODS and r["method"] not in methods]


def one(method: str, n: int, seed: int) -> dict:
    """One fine-tuning, judged on both languages."""
    language = Stories(DIALECT)
    started = report.core_seconds()
    model, history = recipes.fine_tune(method, language, n, seed)
    seconds = report.core_seconds() - started
    new, old = recipes.evaluate_both(model, language)
    found = {"new": round(new, 4), "old": round(old, 4), "seconds": round(seconds, 2)}
    loss = round(mean(history.losses[-5:]), 4)
    return {"method": method, "dialect": DIALECT, "n": n, "seed": seed, "loss": loss} | found


def runs_of(seed: int, methods) -> list[dict]:
    """All runs that share a seed."""
    runs = []
    for method in methods:
        counts = SCRATCH_COUNTS if method == "from scratch" else COUNTS
        runs += [one(method, n, seed) for n in counts]
    print(f"  seed {seed} done", flush=True)
    return runs


def publish(runs: list[dict], out) -> None:
    """The runs, and a table of their means."""
    old, _ = lineage.gap(lineage.base())
    n_seeds = len({run["seed"] for run in runs})
    before = {DIALECT: round(lineage.gap(lineage.base(), Stories(DIALECT))[0], 4)}
    rows = []
    for name in recipes.METHODS:
        row = {"method": name}
        for n in COUNTS:
            some = [r["new"] for r in runs if (r["method"], r["n"]) == (name, n)]
            row[f"{n:,}"] = f"{mean(some):.3f}" if some else "-"
        rows.append(row)
    notes = [f"Nats per word above the exact entropy of the dialect, mean of {n_seeds} runs."]
    more = {"counts": COUNTS, "first_seed": FIRST_SEED}
    more |= {"base_old": round(old, 4), "base_new": before, "runs": runs}
    report.publish("fine_tuning", "Fine-tuning by number of examples", rows, notes, out, **more)


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--sweep", action="store_true", help="choose the recipes")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each")
    parser.add_argument("--methods", nargs="+", default=recipes.METHODS, help="ways to run")
    parsed = parser.parse_args()
    report.one_thread()
    name = "fine_tuning_sweep" if parsed.sweep else "fine_tuning"
    runs = kept(name, parsed.out, parsed.methods)
    if parsed.sweep:
        runs += [run for method in parsed.methods for run in tries(method, parsed.quick)]
        publish_sweep(runs, parsed.out)
        return
    for seed in range(FIRST_SEED, FIRST_SEED + (1 if parsed.quick else parsed.seeds)):
        runs += runs_of(seed, parsed.methods)
        publish(runs, parsed.out)  # after each seed, so that little is lost


if __name__ == "__main__":
    main()
