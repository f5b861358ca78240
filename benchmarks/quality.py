"""How good the story model is after 15 and after 60 seconds of training on this machine.

Each budget is spent from five different initialisations on five different sets of stories, on as
many cores as training uses. Judged are the gap to the exact entropy and the share of stories that
the parser accepts. Beside them, at equal steps: the settings of Muon that its source proposes.
"""

from __future__ import annotations

import math
from statistics import median

import report
import torch
import train_speed

from grooves.inference.evaluation import evaluate
from grooves.language.stories import Stories
from grooves.training.lineage import new_data, new_model
from grooves.training.loop import train
from grooves.training.optimizers import Muon, build_optimizers

SEEDS = range(5)
TARGETS = {15: (0.008, 0.65), 60: (0.003, 0.85)}  # seconds: nats above the entropy, share accepted
STEPS = 1_300  # about 15 seconds, for the comparison of settings
SETTINGS = {"momentum 0.85, 3 iterations": (0.85, 3), "momentum 0.95, 5 iterations": (0.95, 5)}


def learn(language: Stories, seed: int, seconds: float) -> dict:
    """One training with a budget of seconds, judged."""
    model = new_model(language, seed=seed)
    data = new_data(language, seed=1 + seed)
    history = train(model, data, seconds=seconds, progress=False)
    return _result(language, model, history.steps, history.words_per_s)


def learn_with(language: Stories, seed: int, momentum: float, n_iterations: int) -> dict:
    """One training of `STEPS` steps on one core with these settings of Muon, judged."""
    model = new_model(language, seed=seed)
    data = new_data(language, seed=1 + seed)
    optimizers = build_optimizers(model)
    for group in (g for o in optimizers if isinstance(o, Muon) for g in o.param_groups):
        group |= {"momentum": momentum, "n_iterations": n_iterations}
    run = train_speed.learn(
        "Muon", model, optimizers, train_speed.as_the_course, data, STEPS, math.inf, STEPS
    )
    return _result(language, model, STEPS, run.words_per_s)


def _result(language: Stories, model, steps: int, words_per_s: float) -> dict:
    score = evaluate(model, language, n=400)
    print(f"  {steps} steps: {score}", flush=True)
    return {
        "steps": steps,
        "words/s": words_per_s,
        "nats above": score.gap_nats,
        "accepted": score.accepted,
    }


def row(name: str, runs: list[dict]) -> dict:
    """One line of the table: medians, and the range of what matters."""
    gaps, shares = [r["nats above"] for r in runs], [r["accepted"] for r in runs]
    return {
        "training": name,
        "steps": int(median(r["steps"] for r in runs)),
        "words/s": median(r["words/s"] for r in runs),
        "nats above": round(median(gaps), 4),
        "from … to": f"{min(gaps):.4f} … {max(gaps):.4f}",
        "accepted": f"{median(shares):.0%}",
        "least … most": f"{min(shares):.0%} … {max(shares):.0%}",
    }


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seconds", type=int, nargs="*", default=list(TARGETS), help="budgets")
    parsed = parser.parse_args()
    language = Stories()
    seeds = SEEDS[:2] if parsed.quick else SEEDS
    rows, notes = [], []
    for seconds in parsed.seconds:
        runs = [learn(language, seed, seconds) for seed in seeds]
        rows.append(row(f"{seconds} s", runs))
        if seconds in TARGETS:
            gap, share = TARGETS[seconds]
            reached = (
                median(r["nats above"] for r in runs) <= gap
                and median(r["accepted"] for r in runs) >= share
            )
            verdict = "reached" if reached else "not reached"
            notes.append(f"Target after {seconds} s: {gap} nats and {share:.0%}: {verdict}.")
    threads = torch.get_num_threads()
    report.one_thread()
    for name, (momentum, n_iterations) in SETTINGS.items():
        runs = [learn_with(language, seed, momentum, n_iterations) for seed in seeds]
        rows.append(row(f"{STEPS:,} steps, {name}", runs))
    notes.append(
        f"Medians of {len(seeds)} seeds; {threads} threads for the budgets, one for the settings."
    )
    report.publish("quality", "The story model after a short training", rows, notes, parsed.out)


if __name__ == "__main__":
    main()
