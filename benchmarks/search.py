"""A search for hyperparameters: 24 pairs of learning rates, one worker and two, with pruning.

Each candidate is a training on *Gazette* of width 24; the same 24 for every way. "none" trains all
of them to the end, by one process and by two; the pruners stop early what looks worse than the
others. About three minutes on two idle cores; wall time is what is measured. Chapter 5.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import report

from grooves.training.scaling.runs import Setting
from grooves.training.scaling.search import Space, open_study, search

TRIALS = 24
WAYS = (("none", 1), ("none", 2), ("halving", 1), ("halving", 2), ("median", 1))
SPACE = Space(Setting(24, 51_200, batch=128))
QUICK = Space(Setting(8, 2_560, batch=128))


def main() -> None:
    """Search in every way and publish."""
    parsed = report.arguments(__doc__).parse_args()
    report.one_thread()
    space, trials = (QUICK, 6) if parsed.quick else (SPACE, TRIALS)
    candidates = space.candidates(trials)
    rows, gaps = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for pruner, workers in WAYS:
            journal = Path(folder) / f"{pruner}-{workers}"
            found = search(journal, space, trials, pruner, workers)
            best = candidates[found["best"]]
            rates = {"matrix lr": best.matrix_lr, "lr": best.lr}
            rows.append({"pruner": pruner, **found, **rates, "ranks": json.dumps(found["ranks"])})
            if pruner == "none":
                trained = open_study(journal, candidates, pruner).get_trials(deepcopy=False)
                gaps = {t.params["candidate"]: t.value for t in trained}
    notes = [
        f"{trials} candidates, the same for every way. work: steps trained, over those of all "
        "candidates to the end. ranks: of the candidate that is the best in the end, at each check."
    ]
    every = [asdict(one) | {"gap": gaps.get(i)} for i, one in enumerate(candidates)]
    report.publish("search", "Hyperparameters", rows, notes, parsed.out, candidates=every)


if __name__ == "__main__":
    main()
