"""The shell game with and without written steps: accuracy against the number of swaps.

Four arms, five seeds, equal CPU seconds of training and the same games: the answer at once
("direct"), dots in place of steps, the places learned but not written ("supervised") and the steps
written. Besides: the direct arm trained longer, how soon the written steps suffice, and what
happens to the answer when one written step is changed. Notebook 08 shows what was recorded.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import report

from grooves.language.cups import ARMS, Cups, CupsData, accuracy, write_steps
from grooves.models.transformer import Config, Transformer
from grooves.training.loop import train

SECONDS, SHORT, LONG = 10, 3, 60  # of CPU time
SWAPS = range(1, 11)
RATES = {"direct": (0.0125, 0.025, 0.05)}  # of Muon: is the direct arm slow for its rate?
EDITED = 4  # the fifth of ten steps is changed


def trained(arm: str, seed: int, seconds: float, matrix_lr: float = 0.025):
    """A model of an arm after `seconds` of CPU time, and the steps that it took."""
    cups = Cups()
    model = Transformer(Config(vocabulary_size=cups.vocabulary_size, context=32), seed)
    data = CupsData(cups, arm, seed=seed + 1)
    # CPU seconds and not wall time, since other work may share the machine.
    train(model, data, steps=5, progress=False, matrix_lr=matrix_lr)  # the first are slower
    started = time.process_time()
    train(model, data, steps=20, progress=False, matrix_lr=matrix_lr)
    steps = round(20 * seconds / (time.process_time() - started))
    model = Transformer(Config(vocabulary_size=cups.vocabulary_size, context=32), seed)
    started = time.process_time()
    train(model, data, steps=steps, progress=False, matrix_lr=matrix_lr)
    return model.eval(), steps, time.process_time() - started


def measured(arm: str, seed: int, seconds: float, matrix_lr: float = 0.025) -> dict:
    """Steps, CPU seconds, and accuracy for each number of swaps."""
    model, steps, spent = trained(arm, seed, seconds, matrix_lr)
    cups = Cups()
    found = {"steps": steps, "core_seconds": round(spent, 2)}
    found["accuracy"] = [accuracy(model, cups, arm, k) for k in SWAPS]
    if arm == "steps":
        found |= edited(model, cups, seed)
    return found


def edited(model, cups: Cups, seed: int, n_games: int = 500) -> dict:
    """One written step is changed: does the answer follow the change, or the swaps as told?"""
    rng = np.random.default_rng((8, seed))
    game = cups.play(cups.n_swaps, n_games, rng)
    written = game.places[:, : EDITED + 1].copy()
    written[:, -1] = (written[:, -1] + rng.integers(1, cups.n_cups, n_games)) % cups.n_cups
    told = write_steps(model, cups, np.hstack((game.prompt, written)))[:, -1]
    followed = cups.follow(written[:, -1], game.prompt[:, 2 + EDITED : -1])[:, -1]
    return {
        "follows the change": float((told == followed).mean()),
        "true answer": float((told == game.answer).mean()),
    }


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--progress", default="_build/written_steps.json", help="finished runs")
    parsed = parser.parse_args()
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))
    seeds = range(1 if parsed.quick else parsed.seeds)
    plan = [
        (arm, seed, SHORT if parsed.quick else SECONDS, 0.025) for seed in seeds for arm in ARMS
    ]
    if not parsed.quick:
        plan += [("steps", seed, SHORT, 0.025) for seed in seeds]
        plan += [("direct", 0, SECONDS, rate) for rate in RATES["direct"] if rate != 0.025]
        plan += [("direct", seed, LONG, 0.025) for seed in (0, 1)]
        plan += [("supervised", 0, 3 * SECONDS, 0.025)]
    runs = []
    for arm, seed, seconds, rate in plan:
        key = f"{arm}, seed {seed}, {seconds} s, rate {rate}"
        found = progress.get(key, lambda a=arm, s=seed, t=seconds, r=rate: measured(a, s, t, r))
        runs.append({"arm": arm, "seed": seed, "seconds": seconds, "matrix_lr": rate} | found)
    rows = [
        {
            "arm": f"{run['arm']}, seed {run['seed']}, {run['seconds']} s, rate {run['matrix_lr']}",
            "steps": run["steps"],
            **{str(k): f"{value:.2f}" for k, value in zip(SWAPS, run["accuracy"], strict=True)},
        }
        for run in runs
    ]
    notes = [
        "Five cups, 1 to 10 swaps, 64 games a batch, the base model's recipe at width 64; accuracy "
        "on 500 new games for each number of swaps; seconds are CPU seconds of training.",
        f"Step {EDITED + 1} of ten changed in 500 games: see 'follows the change'.",
    ]
    report.publish("written_steps", "Written steps", rows, notes, parsed.out, runs=runs)


if __name__ == "__main__":
    main()
