"""Hyperparameters: searched by several processes that share one journal file.

Key idea: the parameters of a model are learned; learning rates, widths and batches are given to the
training, and nobody knows the best ones beforehand. Each trial is a whole training, so trials run
side by side, and those that look hopeless are stopped early. What looks hopeless early need not be:
a high learning rate looks bad until it decays. Chapter 5.
Source: Akiba et al. 2019, arXiv:1907.10902 (Optuna, the library that is used); Jamieson & Talwalkar
2016, arXiv:1502.07943 (successive halving); Bergstra & Bengio 2012, JMLR 13 (random search).

    python -m grooves.training.scaling.search --journal FILE --trials 24 --workers 2

A second host that sees the same file joins with the same command.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
import psutil
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from grooves.language.gazette import Gazette
from grooves.training.scaling.runs import Setting, run

MODULE = "grooves.training.scaling.search"
CHECKS = 8  # of the gap in each training, at which it may be stopped
PRUNERS = {
    "none": optuna.pruners.NopPruner,
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=3),
    "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
}


@dataclass(frozen=True)
class Space:
    """Which rates are tried: both on a logarithmic scale, between these ends."""

    base: Setting
    matrix_lr: tuple[float, float] = (1e-3, 0.2)
    lr: tuple[float, float] = (5e-4, 0.2)

    def candidates(self, n: int, seed: int = 0) -> list[Setting]:
        """`n` random points of the space; the same seed gives the same ones in any order of work.

        Raises: ValueError where n is below 1, or a range is the wrong way round.
        """
        if n < 1:
            raise ValueError(f"{n=} must be at least 1")
        for name in ("matrix_lr", "lr"):
            low, high = getattr(self, name)
            if not 0 < low < high:
                raise ValueError(f"the range of {name}, {low} to {high}, must grow from above 0")
        rng = np.random.default_rng(seed)
        drawn = [
            {
                name: float(math.exp(rng.uniform(*map(math.log, getattr(self, name)))))
                for name in ("matrix_lr", "lr")
            }
            for _ in range(n)
        ]
        return [replace(self.base, **rates) for rates in drawn]


def storage(journal: Path | str) -> JournalStorage:
    """The journal file as Optuna's storage; it and its lock may lie on a shared disk."""
    path = Path(journal)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(path))
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def open_study(journal: Path | str, candidates: Sequence[Setting], pruner: str) -> optuna.Study:
    """The study of a journal file; whoever opens it first enters all candidates.

    pruner: "none", "median" or "halving". Raises: ValueError for another one.
    """
    if pruner not in PRUNERS:
        raise ValueError(f"{pruner=} is not one of {', '.join(PRUNERS)}")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = {"storage": storage(journal), "study_name": "search", "pruner": PRUNERS[pruner]()}
    try:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), **made)
    except optuna.exceptions.DuplicatedStudyError:
        return optuna.load_study(sampler=optuna.samplers.RandomSampler(seed=0), **made)
    for number in range(len(candidates)):
        study.enqueue_trial({"candidate": number})
    return study


def work(
    study: optuna.Study,
    candidates: Sequence[Setting],
    gazette: Gazette,
    train: Callable = run,
) -> int:
    """Take candidates from the study until none is waiting. Returns: how many this worker took.

    train: as `runs.run`; it reports the gap at several steps and may be stopped there.
    """
    taken = 0
    while any(t.state is TrialState.WAITING for t in study.get_trials(deepcopy=False)):
        trial = study.ask({"candidate": _choices(candidates)})
        trial.set_user_attr("worker", [platform.node(), os.getpid()])
        setting = candidates[trial.params["candidate"]]
        taken += 1
        try:
            found = train(setting, gazette, checks=CHECKS, on_check=_reporter(trial))
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except RuntimeError as error:  # diverged: a bad rate, and no reason to stop the others
            trial.set_user_attr("failed", str(error))
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, found["gap"]["total"])
    return taken


def give_back(study: optuna.Study) -> int:
    """Enter the trials of workers that died on this host again. Returns: how many there were."""
    lost = 0
    for trial in study.get_trials(deepcopy=False):
        host, process = trial.user_attrs.get("worker", (None, None))
        here = trial.state is TrialState.RUNNING and host == platform.node()
        if here and not psutil.pid_exists(process):
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial({"candidate": trial.params["candidate"]})
            lost += 1
    return lost


def _choices(candidates: Sequence[Setting]):
    return optuna.distributions.IntDistribution(0, len(candidates) - 1)


def _reporter(trial: optuna.Trial) -> Callable[[int, float], None]:
    def report(check: int, gap: float) -> None:
        trial.report(gap, check)
        if trial.should_prune():
            raise optuna.TrialPruned

    return report


def summary(study: optuna.Study) -> dict:
    """What a study found: the best candidate, how many were pruned or failed, and the work done.

    work: the steps that were trained, over those of all candidates trained to the end. ranks: of
    the candidate that is the best in the end, its place among those trained to the end at each
    check.
    """
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials]
    checks = [len(t.intermediate_values) for t in trials]
    n_candidates = len({t.params["candidate"] for t in trials if t.params})
    best = study.best_trial
    finished = [t for t in trials if t.state is TrialState.COMPLETE]
    ranks = [
        1 + sum(t.intermediate_values[c] < best.intermediate_values[c] for t in finished)
        for c in sorted(best.intermediate_values)
    ]
    return {
        "best": best.params["candidate"],
        "gap": best.value,
        "complete": states.count(TrialState.COMPLETE),
        "pruned": states.count(TrialState.PRUNED),
        "failed": states.count(TrialState.FAIL),
        "work": sum(checks) / (CHECKS * n_candidates),
        "ranks": ranks,
    }


def search(journal: Path | str, space: Space, n_trials: int, pruner: str, workers: int = 1) -> dict:
    """Search with several processes of this machine, and wait for them.

    Returns: `summary`, with the wall seconds and how many processes there were.
    Raises: RuntimeError where a worker fails; what the others found stays in the journal.
    """
    candidates = space.candidates(n_trials)
    study = open_study(journal, candidates, pruner)
    give_back(study)
    base = space.base
    command = [
        *(sys.executable, "-m", MODULE),
        *("--journal", str(journal), "--trials", str(n_trials), "--pruner", pruner),
        *("--width", str(base.width), "--sentences", str(base.sentences)),
        *("--batch", str(base.batch), "--join"),
    ]
    started = time.perf_counter()
    running = [subprocess.Popen(command) for _ in range(workers)]
    codes = [one.wait() for one in running]
    if any(codes):
        raise RuntimeError(
            f"{sum(map(bool, codes))} of {workers} workers failed; {journal} keeps what is done, "
            "and the same search goes on from there"
        )
    return summary(study) | {"seconds": time.perf_counter() - started, "workers": workers}


def main(words: Sequence[str] | None = None) -> None:
    """Search, or join a search as one worker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--journal", type=Path, required=True, help="file that all workers share")
    parser.add_argument("--trials", type=int, default=24, help="candidates in all")
    parser.add_argument("--pruner", default="none", choices=PRUNERS, help="who is stopped early")
    parser.add_argument("--workers", type=int, default=2, help="processes on this machine")
    parser.add_argument("--width", type=int, default=24, help="of the model")
    parser.add_argument("--sentences", type=int, default=51_200, help="of each training")
    parser.add_argument("--batch", type=int, default=128, help="sentences of a step")
    parser.add_argument("--join", action="store_true", help="be one worker of a search that runs")
    asked = parser.parse_args(words)
    space = Space(Setting(asked.width, asked.sentences, batch=asked.batch))
    if asked.join:
        candidates = space.candidates(asked.trials)
        work(open_study(asked.journal, candidates, asked.pruner), candidates, Gazette())
        return
    found = search(asked.journal, space, asked.trials, asked.pruner, asked.workers)
    best = space.candidates(asked.trials)[found["best"]]
    print(
        f"best of {asked.trials}: matrix_lr {best.matrix_lr:.4f}, lr {best.lr:.4f}, gap "
        f"{found['gap']:.3f} nats per sentence; {found['pruned']} stopped early, {found['failed']} "
        f"diverged, {found['work']:.0%} of all steps trained in {found['seconds']:.0f} s"
    )


if __name__ == "__main__":
    main()
