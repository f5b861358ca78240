"""The widget `studio`: what it reads in a folder of runs, sends to the page, and does there."""

import csv
import json
import math
import os
import socket

import psutil
import pytest
import traitlets
from tiny_models import some_ids, tiny

from grooves.explorables.studio import recording
from grooves.explorables.studio.rows import POINTS, curve, thinned
from grooves.explorables.studio.widget import Studio
from grooves.training.loop import train
from grooves.training.run_control import RunLog, requested
from grooves.training.run_folder import checkpoint_path
from grooves.training.run_log import Header, read_run

LIMIT_S = 60  # after which a test that waits has failed
FLOOR = 0.75


class FewRows:
    """The same few rows at every turn, another order of words at each step."""

    def batch(self, step):
        ids = some_ids(4, 12, seed=step % 5)
        return ids, ids.roll(-1, 1)


def this_process(**changes):
    """What a log says of the process that writes it."""
    me = psutil.Process()
    return {"process": me.pid, "process_started": me.create_time()} | {
        "host": socket.gethostname(),
        **changes,
    }


def write_log(path, *entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(json.dumps(entry).encode() + b"\n" for entry in entries)
    return path


def header(name, minute, **more):
    started = f"2026-11-30T17:{minute:02}:00+00:00"
    return {"kind": "run", "id": name[:3], "name": name, "started": started} | more


def record(step, loss, **more):
    return {"kind": "record", "step": step, "loss": loss} | more


def measured(step, loss):
    """A record with every usual column."""
    return record(
        step,
        loss,
        learning_rate=0.02 / step,
        gradient_norm=1.5,
        words_per_s=51_234.5,
        memory_bytes=610e6,
        processors=1.26,
        seconds=0.5 * step,
    )


def said(state, time, **more):
    return {"kind": "state", "state": state, "time": f"2026-11-30T17:{time}+00:00"} | more


def some_runs(folder):
    """A folder with a run in each state, and two logs that cannot be read."""
    rates = {"lr": 0.02, "matrix_lr": 0.025}
    known = {"floor": FLOOR, "planned_steps": 40, "rates": rates, "optimizer": "muon"}
    losses = [measured(step, FLOOR + 2.0 / step) for step in range(1, 41)]
    write_log(folder / "base.run.jsonl", header("base", 1, **known), *losses)
    write_log(folder / "base.run.jsonl", said("finished", "01:20"))
    failed = said("failed", "02:05", message="Divergence: the loss rose to 41.2")
    write_log(folder / "fast.run.jsonl", header("fast", 2, **known), *losses[:10], failed)
    slow = header("slow", 3, parent="bas", parent_step=20, **known) | this_process()
    write_log(folder / "slow.run.jsonl", slow, *losses[:20], said("paused", "03:10"))
    checkpoint_path(folder / "slow.run.jsonl").write_bytes(b"not read here")
    others = [record(step, 3.0 / step) for step in (10, 20, 30)]
    write_log(folder / "letters.run.jsonl", header("letters", 4) | this_process(), *others)
    gone = this_process(process_started=psutil.Process().create_time() - 3600)
    write_log(folder / "sub" / "killed.run.jsonl", header("killed", 5, **known) | gone, losses[0])
    write_log(folder / "no-name.run.jsonl", {"kind": "run", "id": "x"})
    (folder / "sub" / "noise.run.jsonl").write_bytes(b"\x00\x01\n")
    return folder


def sent_by(studio, action):
    """The names of the traits that change, as often as they do, while something is done."""
    seen = []
    studio.observe(lambda change: seen.append(change["name"]), traitlets.All)
    action()
    studio.unobserve_all()
    return seen


def tell(studio, message):
    """Send what the page sends. Returns: the answers."""
    answers = []
    studio.send = answers.append
    studio._handle_custom_msg(message, [])
    return answers


def by_name(studio):
    return {row["name"]: row for row in studio.runs}


# ---- what the page gets --------------------------------------------------------------------------


def test_all_runs_of_a_folder_are_shown_with_their_latest_numbers(tmp_path):
    studio = Studio(some_runs(tmp_path))
    rows = by_name(studio)
    states = {name: row["state"] for name, row in rows.items()}
    assert states == {
        "base": "finished",
        "fast": "failed",
        "slow": "paused",
        "letters": "running",
        "killed": "lost",
    }
    base = rows["base"]
    assert base["latest"]["loss_above_floor"] == pytest.approx(2 / 40)
    assert (base["latest"]["step"], base["planned"], base["records"]) == (40, 40, 40)
    assert base["latest"]["memory_bytes"] == 610_000_000
    assert rows["letters"]["latest"] == {"step": 30, "loss": pytest.approx(0.1)}
    assert rows["fast"]["message"].startswith("Divergence")
    assert (rows["slow"]["parent"], rows["slow"]["parent_step"]) == ("base", 20)
    assert [name for name, row in rows.items() if row["checkpoint"]] == ["slow"]
    for name, row in rows.items():
        steps = getattr(studio, row["curve"])["step"]
        assert len(steps) == row["records"], name
        assert steps[-1] == row["latest"]["step"]


def test_logs_that_cannot_be_read_are_named_with_the_reason(tmp_path):
    studio = Studio(some_runs(tmp_path))
    assert {one["path"]: one["reason"] for one in studio.broken} == {
        "no-name.run.jsonl": "no-name.run.jsonl is no log of a run: its first line has no name",
        "sub/noise.run.jsonl": "sub/noise.run.jsonl does not describe a run yet: its first line is "
        "missing",
    }
    assert len(studio.runs) == 5
    assert Studio(tmp_path / "not there yet").runs == []


def test_only_what_has_changed_is_sent(tmp_path):
    studio = Studio(some_runs(tmp_path))
    assert sent_by(studio, studio.poll) == []
    rows = by_name(studio)
    write_log(tmp_path / "letters.run.jsonl", record(40, 0.05))
    assert sent_by(studio, studio.poll) == [rows["letters"]["curve"], "runs"]
    assert getattr(studio, rows["letters"]["curve"])["loss"][-1] == 0.05
    write_log(tmp_path / "letters.run.jsonl", said("finished", "09:00"))
    assert sent_by(studio, studio.poll) == ["runs"]
    write_log(tmp_path / "base.run.jsonl", said("running", "08:00"), measured(40, 9.0))
    assert rows["base"]["curve"] in sent_by(studio, studio.poll), "a record was replaced"
    assert getattr(studio, rows["base"]["curve"])["loss"][-1] == 9.0
    write_log(tmp_path / "new.run.jsonl", header("new", 30), record(1, 2.0))
    studio.poll()
    assert getattr(studio, by_name(studio)["new"]["curve"])["loss"] == [2]
    curves = [row["curve"] for row in studio.runs]
    assert len(set(curves)) == 6 and all(name in studio.keys for name in curves)


def test_a_long_run_is_thinned_to_means_of_its_records(tmp_path):
    losses = [None if step % 7 == 3 else 1.0 for step in range(1, 3_000)]
    records = [record(step, loss) for step, loss in enumerate(losses, start=1)]
    path = write_log(tmp_path / "long.run.jsonl", header("long", 1), *records)
    run = read_run(path)
    found = curve(run)
    assert {len(column) for column in found.values()} == {-(-2_999 // 16)}
    assert len(found["step"]) <= POINTS
    assert found["step"][:2] == [16, 32] and found["step"][-1] == 2_999
    assert set(found["loss"]) == {1}
    assert thinned([1.0, 2.0, math.nan, 3.0, 5.0], 4) == [2, 5]
    assert thinned([math.nan] * 4 + [math.inf, 2.0], 4) == [None, 2]
    studio = Studio(tmp_path)
    whole = {name: getattr(studio, name) for name in ("runs", "broken", "curve_0")}
    assert len(json.dumps(whole, allow_nan=False)) < 20_000


def test_the_data_sets_are_described(tmp_path):
    texts = ["a b c", "a b c", "a rose"]
    studio = Studio(tmp_path, {"small": texts, "rows": [["one", "word"]]})
    small, rows = studio.data_sets
    assert (small["name"], small["texts"], small["words"], small["distinct_words"]) == (
        "small", 3, 8, 4,
    )  # fmt: skip
    assert (small["duplicates"], small["most_repeated"]) == (1, [["a b c", 2]])
    assert (small["once"], small["examples"]) == (1, ["rose"])
    assert [small["lengths"][0], small["lengths"][-1]] == [[0.0, 2], [1.0, 3]]
    assert rows["words"] == 2
    assert [one["name"] for one in Studio(tmp_path, texts).data_sets] == ["data set"]
    with pytest.raises(ValueError, match="has no texts"):
        Studio(tmp_path, [])
    with pytest.raises(ValueError, match="every=0 must be a number of seconds"):
        Studio(tmp_path, every=0)


# ---- what the buttons do -------------------------------------------------------------------------


def test_a_button_leaves_its_request_for_the_chosen_run(tmp_path):
    studio = Studio(tmp_path)
    with RunLog(tmp_path / "one.run.jsonl", Header("one"), every=0) as log:
        log.record(1, 3.0)
        studio.poll()
        for request in ("pause", "continue", "stop"):
            (answer,) = tell(studio, {"do": request, "run": "one.run.jsonl"})
            assert requested(log.path) == request == studio.runs[0]["request"]
            assert answer == {
                "said": f"{request.capitalize()} requested of one.",
                "failed": False,
            }
        log.record(2, 2.0)
    assert read_run(log.path).state == "stopped" and len(read_run(log.path)) == 2
    for message, reason in (
        ({"do": "pause", "run": "one.run.jsonl"}, "the run 'one' is stopped"),
        ({"do": "pause", "run": "../x.run.jsonl"}, "there is no run '../x.run.jsonl'"),
        ({"do": "erase", "run": "one.run.jsonl"}, "'erase' is nothing that can be done"),
        ({"do": "branch", "run": "one.run.jsonl", "name": "two"}, "one.safetensors"),
    ):
        (answer,) = tell(studio, message)
        assert answer["failed"] and reason in answer["said"], answer


def test_a_run_is_branched_with_another_name_and_other_rates(tmp_path):
    log = tmp_path / "deep" / "one.run.jsonl"
    with RunLog(log, Header("one", rates={"lr": 0.01}), every=0) as writer:
        train(
            tiny(), FewRows(), steps=3, optimizer="adamw", lr=0.01, progress=False,
            on_step=writer.on_step, save_to=checkpoint_path(log),
        )  # fmt: skip
    studio = Studio(tmp_path)
    message = {"do": "branch", "run": "deep/one.run.jsonl", "name": "two", "rates": {"lr": 0.005}}
    (answer,) = tell(studio, message)
    assert not answer["failed"] and str(log.with_name("two.run.jsonl")) in answer["said"]
    two = by_name(studio)["two"]
    assert (two["state"], two["rates"], two["parent"]) == ("stopped", {"lr": 0.005}, "one")
    assert two["parent_step"] == 3 and two["checkpoint"] and two["key"] == "deep/two.run.jsonl"
    (again,) = tell(studio, message)
    assert again["failed"] and "give the new run another name" in again["said"]


def test_a_run_is_exported_below_the_folder(tmp_path):
    studio = Studio(some_runs(tmp_path))
    (answer,) = tell(studio, {"do": "csv", "run": "sub/killed.run.jsonl"})
    path = tmp_path / "exports" / "sub" / "killed.csv"
    assert answer == {"said": f"Exported to {path}.", "failed": False}
    with path.open(newline="", encoding="utf-8") as file:
        (only,) = csv.DictReader(file)
    assert float(only["loss_above_floor"]) == 2.0
    (answer,) = tell(studio, {"do": "tensorboard", "run": "base.run.jsonl"})
    (events,) = (tmp_path / "exports" / "base").iterdir()
    assert "tfevents" in events.name and str(events) in answer["said"]
    assert len(studio.runs) == 5, "what was exported is no run"


# ---- as long as it is seen -----------------------------------------------------------------------


def test_the_folder_is_read_in_a_thread_while_somebody_sees_the_widget(tmp_path):
    studio = Studio(tmp_path, every=0.01)
    assert not studio.watched and studio._thread is None
    read = []
    studio.observe(lambda change: read.append(len(change["new"])), "runs")
    write_log(tmp_path / "one.run.jsonl", header("one", 1))
    tell(studio, {"watched": True})
    assert read == [1], "it is up to date as soon as it is shown"
    thread = studio._thread
    assert thread.daemon and thread.is_alive() and studio.watched
    tell(studio, {"watched": True})
    assert studio._thread is thread
    studio._heard = -math.inf  # as after a long silence
    thread.join(LIMIT_S)
    assert not thread.is_alive() and not studio.watched
    tell(studio, {"watched": True})
    assert studio._thread is not thread and studio._thread.is_alive()
    studio.close()
    studio._thread.join(LIMIT_S)
    assert not studio._thread.is_alive()


def test_what_the_thread_cannot_read_is_said_and_does_not_end_it(tmp_path, monkeypatch):
    studio = Studio(tmp_path, every=0.01)
    calls = []

    def poll():
        calls.append(1)
        if len(calls) == 1:
            raise PermissionError(13, "Permission denied", "runs")
        studio._heard = -math.inf

    studio._heard = math.inf
    monkeypatch.setattr(studio, "poll", poll)
    studio._watch()
    assert len(calls) == 2
    assert studio.broken == [{"path": ".", "reason": "[Errno 13] Permission denied: 'runs'"}]


def test_a_new_studio_finds_everything_again(tmp_path):
    first = Studio(some_runs(tmp_path))
    first.close()
    write_log(tmp_path / "letters.run.jsonl", record(40, 0.05))
    again, both = Studio(tmp_path), ("runs", "broken")
    first.poll()
    assert {name: getattr(again, name) for name in both} == {
        name: getattr(first, name) for name in both
    }
    assert by_name(again)["letters"]["latest"]["step"] == 40
    assert again.curve_0 == first.curve_0


# ---- without a kernel ----------------------------------------------------------------------------


def test_a_recording_holds_the_whole_folder_with_its_times(tmp_path):
    recorded = recording.record(some_runs(tmp_path))
    rows = {one["row"]["name"]: one for one in recorded["runs"]}
    assert recorded["length"] == 240.5 and len(recorded["broken"]) == 2
    assert rows["fast"]["begins"] == 60
    assert rows["fast"]["states"][0] == [60, "running", ""]
    assert rows["fast"]["states"][1][:2] == [65, "failed"]
    assert rows["fast"]["curve"]["when"] == [60 + 0.5 * step for step in range(1, 11)]
    assert rows["killed"]["states"][-1] == [240.5, "lost", ""]
    alone = recording.state(tmp_path, ["a b"])
    assert set(alone) == {name for name in Studio.class_own_traits(sync=True) if name[0] != "_"}
    assert alone["live"] is False and alone["time"] == 240.5
    assert alone["data_sets"][0]["words"] == 2
    json.dumps(alone, allow_nan=False)
    with pytest.raises(ValueError, match="there are no runs below"):
        recording.record(tmp_path / "nothing")


def test_a_pause_and_a_later_process_take_time_in_a_recording(tmp_path):
    write_log(
        tmp_path / "one.run.jsonl",
        header("one", 0),
        *(record(step, 1.0, seconds=float(step)) for step in (1, 2, 3)),
        said("paused", "00:03"),
        said("running", "00:13"),
        record(4, 1.0, seconds=4.0),
        said("stopped", "00:14"),
        said("running", "01:14"),
        record(5, 1.0, seconds=5.0),
        {"kind": "state", "state": "stopped"},
    )
    (one,) = recording.record(tmp_path)["runs"]
    assert one["curve"]["when"] == [1, 2, 3, 14, 75]
    assert [state[1] for state in one["states"]] == [
        "running", "paused", "running", "stopped", "running", "stopped",
    ]  # fmt: skip
    assert os.listdir(tmp_path) == ["one.run.jsonl"]
