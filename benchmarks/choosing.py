"""What a nat costs: seconds of training against the gap to the language, for three sizes.

Models of width 16, 32 and 64 are trained for a number of wall seconds, each with the learning rate
that `model_size.py` chose for its width, five seeds each. The machine must be idle, because a
budget is wall time: power and price are those of the machine and not of a process. About three
minutes. Chapter 15 turns the seconds into joules and euros per nat.
"""

from __future__ import annotations

import time

import report

from grooves.language.stories import Stories
from grooves.models.transformer import count_parameters
from grooves.training.lineage import gap, new_data, new_model
from grooves.training.loop import train

RATES = {16: 0.05, 32: 0.05, 64: 0.025}  # width: learning rate of Muon
BUDGETS_S = (2.5, 7.5)
SEEDS = 5
STORIES = 40


def measured(language: Stories, width: int, budget_s: float, seed: int) -> dict:
    """One run: wall seconds, steps, and the gap before and after, in nats per word."""
    model = new_model(language, seed=seed, n_embd=width)
    data = new_data(language, seed=1 + seed)
    before, _ = gap(model, language, STORIES)
    steps = 0

    def count(history, spent: float) -> None:
        nonlocal steps
        steps += 1

    started = time.perf_counter()
    train(model, data, seconds=budget_s, matrix_lr=RATES[width], progress=False, on_step=count)
    seconds = time.perf_counter() - started
    after, error = gap(model, language, STORIES)
    return {
        "width": width,
        "weights": count_parameters(model),
        "budget s": budget_s,
        "seed": seed,
        "seconds": seconds,
        "steps": steps,
        "gap before": before,
        "gap": after,
        "error": error,
    }


def main() -> None:
    """Measure and publish."""
    parsed = report.arguments(__doc__).parse_args()
    report.one_thread()
    budgets, seeds = ((0.5,), 1) if parsed.quick else (BUDGETS_S, SEEDS)
    language = Stories()
    for width in RATES:  # the first steps of a process are slow and are not measured
        train(new_model(language, n_embd=width), new_data(language), steps=2, progress=False)
    rows = [
        measured(language, width, budget, seed)
        for seed in range(seeds)
        for budget in budgets
        for width in RATES
    ]
    notes = [
        f"Wall seconds on one thread; gap in nats per word over {STORIES} held-out stories, before "
        "and after training. Power was not measured."
    ]
    report.publish("choosing", "What a nat costs", rows, notes, parsed.out)


if __name__ == "__main__":
    main()
