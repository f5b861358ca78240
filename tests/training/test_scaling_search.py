"""Hyperparameter search: shared by processes, stopped early, killed and gone on with."""

from __future__ import annotations

import subprocess
import sys

import optuna
import pytest
from optuna.trial import TrialState

from grooves.language.gazette import Gazette
from grooves.training.loop import Divergence
from grooves.training.scaling.runs import Setting, run
from grooves.training.scaling.search import (
    CHECKS,
    MODULE,
    Space,
    give_back,
    open_study,
    search,
    summary,
    work,
)

SPACE = Space(Setting(8, 256, batch=32))


def made_up(gaps):
    """A training whose gaps at the checks are given, by the candidate's rate."""

    def train(setting, _gazette, checks, on_check):
        for check in range(1, checks + 1):
            on_check(check, gaps(setting, check))
        return {"gap": {"total": gaps(setting, checks)}}

    return train


def by_rate(setting, check):
    return abs(setting.lr - 0.01) + 1 / check


def test_candidates_are_the_same_for_every_worker_and_lie_in_the_space():
    some = SPACE.candidates(40)
    assert some == SPACE.candidates(40) != SPACE.candidates(40, seed=1)
    assert all(1e-3 <= one.matrix_lr <= 0.2 and 5e-4 <= one.lr <= 0.2 for one in some)
    assert 10 < sum(one.lr < 0.01 for one in some) < 30  # half of the logarithmic range
    with pytest.raises(ValueError, match="n=0 must be at least 1"):
        SPACE.candidates(0)
    with pytest.raises(ValueError, match=r"the range of lr, 1 to 0\.1, must grow"):
        Space(SPACE.base, lr=(1, 0.1)).candidates(3)


def test_two_workers_take_every_candidate_once_and_the_best_is_found(tmp_path):
    some = SPACE.candidates(10)
    first, second = (open_study(tmp_path / "journal", some, "none") for _ in range(2))
    taken = []

    def shared(setting, gazette, checks, on_check):
        taken.append(setting)
        if len(taken) == 3:  # the other worker comes while this one is busy
            work(second, some, gazette, made_up(by_rate))
        return made_up(by_rate)(setting, gazette, checks, on_check)

    assert work(first, some, None, shared) == 3
    found = summary(first)
    assert found["complete"] == 10 and found["work"] == 1 and found["ranks"] == [1] * CHECKS
    best = min(some, key=lambda one: by_rate(one, CHECKS))
    assert some[found["best"]] == best and found["gap"] == pytest.approx(by_rate(best, CHECKS))


def test_what_looks_hopeless_is_stopped_and_a_late_bloomer_is_missed(tmp_path):
    some = SPACE.candidates(16)
    last = max(some, key=lambda one: one.lr)

    def blooms(setting, check):
        return 0.0 if setting == last and check == CHECKS else by_rate(setting, check)

    results = {}
    for pruner in ("none", "halving"):
        study = open_study(tmp_path / pruner, some, pruner)
        work(study, some, None, made_up(blooms))
        results[pruner] = summary(study)
    assert some[results["none"]["best"]] == last and results["none"]["ranks"][-2] > 8
    assert some[results["halving"]["best"]] != last
    assert results["halving"]["pruned"] > 4 and results["halving"]["work"] < 0.7


def test_a_rate_that_diverges_costs_the_others_nothing(tmp_path):
    some = SPACE.candidates(6)

    def explodes(setting, *rest, **more):
        if setting == some[2]:
            raise Divergence("The loss is not a number at step 3")
        return made_up(by_rate)(setting, *rest, **more)

    study = open_study(tmp_path / "journal", some, "none")
    work(study, some, None, explodes)
    found = summary(study)
    assert (found["complete"], found["failed"]) == (5, 1)
    assert "not a number" in study.trials[2].user_attrs["failed"]


def test_a_killed_workers_candidate_is_taken_again(tmp_path):
    some, journal = SPACE.candidates(4), tmp_path / "journal"
    study = open_study(journal, some, "none")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        f"from {MODULE} import *\n"
        "some = Space(Setting(8, 256, batch=32)).candidates(4)\n"
        "def train(*_, **more): os.kill(os.getpid(), signal.SIGKILL)\n"
        "work(open_study(Path(sys.argv[1]), some, 'none'), some, None, train)\n"
    )
    dead = subprocess.run([sys.executable, "-c", program, str(journal)], check=False)
    assert dead.returncode < 0
    assert [t.state for t in study.trials].count(TrialState.RUNNING) == 1
    assert give_back(study) == 1 and give_back(study) == 0
    work(study, some, None, made_up(by_rate))
    done = {t.params["candidate"] for t in study.trials if t.state is TrialState.COMPLETE}
    assert done == {0, 1, 2, 3}


def test_a_real_search_by_two_processes(tmp_path):
    found = search(tmp_path / "journal", SPACE, 4, "none", workers=2)
    assert found["complete"] == 4 and found["workers"] == 2 and found["seconds"] > 0
    settings = SPACE.candidates(4)
    alone = [run(one, Gazette())["gap"]["total"] for one in settings]
    assert found["gap"] == pytest.approx(min(alone)) and alone[found["best"]] == min(alone)


def test_an_unknown_pruner_is_refused(tmp_path):
    with pytest.raises(ValueError, match="pruner='never' is not one of none, median, halving"):
        open_study(tmp_path / "journal", SPACE.candidates(2), "never")


def test_a_run_reports_its_gap_at_even_distances_and_can_be_ended_there():
    seen = []

    def note(check, gap):
        seen.append(gap)
        if check == 3:
            raise optuna.TrialPruned

    with pytest.raises(optuna.TrialPruned):
        run(Setting(8, 2_000, batch=32), Gazette(), checks=5, on_check=note)
    assert len(seen) == 3 and seen[0] > seen[2] > 0
