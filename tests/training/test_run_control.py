"""A run under control: killed and resumed, paused, stopped, branched, and never lost sight of."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.training import checkpoint, run_control
from grooves.training.loop import train
from grooves.training.run_control import RunLog, StopTraining, ask, control_path, requested
from grooves.training.run_folder import branch, checkpoint_path, find_runs
from grooves.training.run_log import Header, read_run

TESTS = Path(__file__).resolve().parents[1]  # and its own folder, in the scripts
LIMIT_S = 120  # after which a test that waits has failed


class FewRows:
    """The same few rows at every turn, another order of words at each step."""

    def batch(self, step):
        ids = some_ids(4, 12, seed=step % 5)
        return ids, ids.roll(-1, 1)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over threads may be rounded in another order, and "bit for bit" would not hold."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def logged(path, steps, on_step=None, header=None, model=None, **arguments):
    """Train the tiny model, or the one given, with a record of every step."""
    model = model or tiny()
    header = header or (None if path.exists() else Header(path.name.split(".")[0]))
    with RunLog(path, header, every=0) as log:

        def watch(history, spent):
            if on_step is not None:
                on_step(history, spent)
            log.on_step(history, spent)

        arguments = {"progress": False, "optimizer": "adamw"} | arguments
        return train(model, FewRows(), steps=steps, on_step=watch, **arguments)


def states(path):
    """The states that a log names, one after the other, and the steps recorded between them."""
    whole = path.read_bytes().rpartition(b"\n")[0]  # the last line may be half written
    entries = [json.loads(line) for line in whole.split(b"\n")]
    return [entry.get("state", entry.get("step", "header")) for entry in entries]


def wait_for(condition, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def wait_for_state(path, state):
    def there():
        found = find_runs(path.parent).runs
        return any(run.path == path and run.state == state for run in found)

    wait_for(there)


def python(script, *arguments):
    """A script in a process of its own."""
    paths = f"import sys; sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / 'training')!r}]\n"
    command = [sys.executable, "-c", paths + script, *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


# ---- killed ------------------------------------------------------------------------------------

RECORDS = """
import os, signal
from grooves.training.run_control import RunLog
from grooves.training.run_log import Header
log = RunLog(sys.argv[1], Header("killed", floor=0.5), every=0)
for step in range(1, 6):
    log.record(step, 1 / step)
with open(sys.argv[1], "rb+") as file:
    last = file.read().splitlines()[-1]
    file.write(last[: len(last) // 2])  # the worst moment
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_killed_run_is_found_again_and_resumed_without_loss(tmp_path):
    path = tmp_path / "killed.run.jsonl"
    process = python(RECORDS, path)
    assert process.wait() == -signal.SIGKILL
    (run,) = find_runs(tmp_path).runs
    assert (run.state, run.skipped, len(run)) == ("lost", 1, 5)
    assert run.header.floor == 0.5
    before = path.read_bytes()
    with RunLog(path, every=0) as log:
        assert log.header == run.header
        assert run.update() == 5 and run.state == "running"
        log.record(6, 0.125)
    assert path.read_bytes().startswith(before + b"\n")
    assert run.update() == 5 and (run.state, run.skipped, run.superseded) == ("finished", 1, 0)
    assert run.columns["loss"] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 8]
    assert run.columns["seconds"] == sorted(run.columns["seconds"]), "its clock goes on"


TRAINING = """
import os, signal
from pathlib import Path
from test_run_control import logged
def on_step(history, spent):
    if history.steps == 8:
        os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
logged(folder / "one.run.jsonl", 12, on_step, save_to=folder / "one.safetensors", save_every=5)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_killed_training_is_resumed_from_its_checkpoint_with_one_curve(tmp_path):
    process = python(TRAINING, tmp_path)
    assert process.wait() == -signal.SIGKILL
    (run,) = find_runs(tmp_path).runs
    assert (run.state, run.columns["step"][-1]) == ("lost", 7)
    logged(run.path, 12, save_to=tmp_path / "one.safetensors", save_every=5)
    assert run.update() == 5, "steps 6 and 7 are repeated"
    assert run.columns["step"] == list(range(1, 13)) and run.superseded == 2
    whole = train(tiny(), FewRows(), steps=12, progress=False, optimizer="adamw")
    assert run.columns["loss"] == whole.losses
    assert run.state == "finished"


@pytest.mark.parametrize("torn", [b"", b'{"kind":"run","form'])
def test_a_log_without_its_first_line_is_begun_again(tmp_path, torn):
    path = tmp_path / "one.run.jsonl"
    path.write_bytes(torn)
    with RunLog(path, Header("one"), every=0) as log:
        log.record(1, 2.0)
    run = read_run(path)
    assert (run.header, run.columns["loss"], run.skipped) == (log.header, [2.0], len(torn) > 0)


# ---- several runs ------------------------------------------------------------------------------

SIDE_BY_SIDE = """
import time
from pathlib import Path
from grooves.training.run_control import RunLog
from grooves.training.run_log import Header
path, other, factor = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
with RunLog(path, Header(path.name[0]), every=0) as log:
    for step in range(1, 51):
        log.record(step, factor * step)
        while step == 25 and not (other.exists() and other.read_bytes().count(b"\\n") > 20):
            time.sleep(0.01)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_two_runs_side_by_side_keep_apart_and_each_has_one_writer(tmp_path):
    a, b = tmp_path / "a.run.jsonl", tmp_path / "b.run.jsonl"
    scripts = [(a, b, 1), (b, a, -1)]
    paths = f"import sys; sys.path[:0] = [{str(TESTS)!r}]\n"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", paths + SIDE_BY_SIDE, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for arguments in scripts
    ]
    assert [process.stdout.readline() for process in processes] == ["written\n"] * 2
    runs = sorted(find_runs(tmp_path).runs, key=lambda run: run.header.name)
    assert [run.state for run in runs] == ["running"] * 2
    for run, factor in zip(runs, (1, -1), strict=True):
        assert run.columns["loss"] == [factor * step for step in range(1, 51)]
    assert runs[0].header.id != runs[1].header.id
    before = a.read_bytes()
    with pytest.raises(ValueError, match=f"process {processes[0].pid} is writing to .*a.run.jsonl"):
        RunLog(a)
    assert a.read_bytes() == before
    for process in processes:
        process.communicate("")
        assert process.returncode == 0
    assert [run.update() and run.state for run in runs] == ["finished"] * 2
    RunLog(a).end("stopped")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "two"}, "name='one', not 'two'"),
        ({"rates": {"lr": 0.1}}, r"rates=\{'lr': 0\.2\}, not \{'lr': 0\.1\}"),
        ({"optimizer": "muon"}, "optimizer='adamw', not 'muon'"),
        ({"seed": 4}, "seed=0, not 4"),
        ({"floor": 0.25}, "floor=0.5, not 0.25"),
    ],
)
def test_a_log_takes_no_records_of_another_run(tmp_path, changes, words):
    path = tmp_path / "one.run.jsonl"
    about = {"name": "one", "optimizer": "adamw", "rates": {"lr": 0.2}, "seed": 0, "floor": 0.5}
    first = Header(**about)
    RunLog(path, first).end("stopped")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"is the log of a run with {words}: give this run"):
        RunLog(path, Header(**(about | changes)))
    assert path.read_bytes() == before
    with RunLog(path, Header(**about)) as log, RunLog(tmp_path / "b.run.jsonl", Header("b")):
        assert log.header == first, "the same run, with the id that it has"
    with RunLog(path, Header("one")) as log:
        assert log.header.rates == {"lr": 0.2}


def test_what_makes_no_log_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'one\.jsonl' must end in \.run\.jsonl"):
        RunLog(tmp_path / "one.jsonl", Header("one"))
    with pytest.raises(ValueError, match="every=-1 must be a number of seconds"):
        RunLog(tmp_path / "one.run.jsonl", Header("one"), every=-1)
    with pytest.raises(ValueError, match=r"there is no log .* yet: give a header"):
        RunLog(tmp_path / "one.run.jsonl")
    (tmp_path / "two.run.jsonl").write_text("a diary\n{}\n")
    with pytest.raises(ValueError, match="is no log of a run"):
        RunLog(tmp_path / "two.run.jsonl", Header("two"))
    assert [path.name for path in tmp_path.iterdir()] == ["two.run.jsonl"]


# ---- pause, continue, stop ---------------------------------------------------------------------


def in_thread(path, **arguments):
    """A training that goes on until it is stopped, in a thread."""
    results = []
    thread = threading.Thread(
        target=lambda: results.append(logged(path, 1_000_000, **arguments)), daemon=True
    )
    thread.start()
    wait_for_state(path, "running")
    return thread, results


def test_training_pauses_continues_and_stops_on_request(tmp_path, capsys, monkeypatch):
    path, kept = tmp_path / "one.run.jsonl", tmp_path / "c.safetensors"
    looks = []
    monkeypatch.setattr(run_control, "requested", lambda log: looks.append(log) or requested(log))
    thread, results = in_thread(path, save_to=kept)
    run = read_run(path)
    ask(run, "pause")
    wait_for_state(path, "paused")
    seen, looked = states(path), len(looks)
    wait_for(lambda: len(looks) > looked + 3)
    assert states(path) == seen and seen[-1] == "paused", "it still waits"
    ask(run, "continue")
    wait_for(lambda: states(path)[-1] not in ("paused", "running"))
    ask(run, "stop")
    thread.join(LIMIT_S)
    (history,) = results
    assert history.interrupted and f"Stopped after step {history.steps}" in capsys.readouterr().out
    expected = ["header", *range(1, history.steps + 1)]
    expected[len(seen) - 1 : len(seen) - 1] = ["paused", "running"]
    assert states(path) == [*expected, "stopped"], "one pause, and no step during it"
    run.update()
    assert run.state == "stopped" and requested(path) is None
    losses = checkpoint.read(kept)[0]["losses"].tolist()
    assert losses == run.columns["loss"] == history.losses
    longer = logged(path, history.steps + 3, save_to=kept)
    assert longer.losses[: history.steps] == losses and longer.steps == history.steps + 3
    run.update()
    assert (run.state, len(run), run.superseded) == ("finished", longer.steps, 0)


def test_a_paused_run_can_be_stopped(tmp_path):
    path = tmp_path / "one.run.jsonl"
    thread, results = in_thread(path)
    ask(read_run(path), "pause")
    wait_for_state(path, "paused")
    ask(read_run(path), "stop")
    thread.join(LIMIT_S)
    assert results[0].interrupted
    assert states(path)[-2:] == ["paused", "stopped"]


def test_ctrl_c_ends_a_pause_and_the_run(tmp_path):
    path, before = tmp_path / "one.run.jsonl", signal.getsignal(signal.SIGINT)

    def press():
        wait_for_state(path, "paused")
        os.kill(os.getpid(), signal.SIGINT)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: read_run(path).state != "paused", limit_s=20)
        control_path(path).unlink(missing_ok=True)  # or the test would never end

    def on_step(history, _):
        if history.steps == 2:
            ask(read_run(path), "pause")
            threading.Thread(target=press, daemon=True).start()

    history = logged(path, 5, on_step=on_step)
    assert history.interrupted and history.steps == 2
    assert states(path) == ["header", 1, 2, "paused", "stopped"], "it ended in the pause"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_pause_ends_where_its_request_is_taken_away_and_training_goes_on_as_before(tmp_path):
    path = tmp_path / "one.run.jsonl"

    def take_away():
        wait_for_state(path, "paused")
        control_path(path).unlink()

    def on_step(history, _):
        if history.steps == 2:
            ask(read_run(path), "pause")
            threading.Thread(target=take_away, daemon=True).start()
        if history.steps == 4:
            signal.raise_signal(signal.SIGINT)  # which means what it meant before the pause

    try:
        history = logged(path, 6, on_step=on_step)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C has another meaning after a pause")
    assert history.steps == 4
    assert states(path) == ["header", 1, 2, "paused", "running", 3, 4, "stopped"]
    assert control_path(path) == tmp_path / "one.run.control"


def test_any_other_loop_ends_quietly_when_it_is_stopped(tmp_path):
    path = tmp_path / "one.run.jsonl"
    with RunLog(path, Header("one"), every=0) as log:
        for step in range(1, 100):
            if step == 3:
                ask(read_run(path), "stop")
            log.record(step, 1.0)
    assert states(path) == ["header", 1, 2, 3, "stopped"]
    assert step == 3


def test_a_request_meant_for_an_earlier_process_is_not_obeyed(tmp_path):
    path = tmp_path / "one.run.jsonl"
    with RunLog(path, Header("one"), every=0) as log:
        ask(read_run(path), "stop")
        with pytest.raises(StopTraining):
            log.record(1, 1.0)
    assert not control_path(path).exists()
    control_path(path).write_text('{"request": "stop"}')
    assert logged(path, 4).steps == 4


def test_requests_that_nobody_would_act_on_are_refused(tmp_path):
    with RunLog(tmp_path / "one.run.jsonl", Header("one")) as log:
        run = read_run(log.path)
        with pytest.raises(ValueError, match="request='faster' is not one of pause, continue, st"):
            ask(run, "faster")
        ask(run, "pause")
        assert requested(log.path) == "pause"
    with pytest.raises(ValueError, match="the run 'one' is finished: resume it first"):
        ask(run, "pause")
    assert not control_path(log.path).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"request": 7}', '{"request": ["stop"]}', "7"])
def test_a_control_file_that_makes_no_sense_is_ignored(tmp_path, text):
    path = tmp_path / "one.run.jsonl"

    def on_step(*_):
        control_path(path).write_text(text)

    assert logged(path, 3, on_step=on_step).steps == 3
    assert requested(path) is None


# ---- how runs end ------------------------------------------------------------------------------


def test_a_failed_run_says_why(tmp_path):
    def on_step(history, _):
        if history.steps == 3:
            raise RuntimeError("out of memory\nor worse")

    path = tmp_path / "one.run.jsonl"
    with pytest.raises(RuntimeError, match="out of memory"):
        logged(path, 5, on_step=on_step)
    run = read_run(path)
    assert (run.state, run.message) == ("failed", "RuntimeError: out of memory\nor worse")
    assert run.columns["step"] == [1, 2, 3], "the step was done before it went wrong"


def test_an_interrupted_run_is_stopped_and_not_finished(tmp_path):
    def on_step(history, _):
        if history.steps == 3:
            signal.raise_signal(signal.SIGINT)

    logged(tmp_path / "one.run.jsonl", 5, on_step=on_step)
    assert read_run(tmp_path / "one.run.jsonl").state == "stopped"
    with pytest.raises(KeyboardInterrupt), RunLog(tmp_path / "b.run.jsonl", Header("b")) as log:
        log.record(1, 1.0)
        raise KeyboardInterrupt
    assert read_run(log.path).state == "stopped"


# ---- branches ----------------------------------------------------------------------------------


def test_a_branch_continues_from_the_checkpoint_and_leaves_its_parent_alone(tmp_path):
    path, kept = tmp_path / "one.run.jsonl", tmp_path / "one.safetensors"
    header = Header("one", rates={"lr": 0.02}, optimizer="adamw", seed=0, floor=0.5)
    logged(path, 6, header=header, save_to=kept)
    parent, before = read_run(path), (path.read_bytes(), kept.read_bytes())
    changes = {"name": "slower", "rates": {"lr": 0.001}, "planned_steps": 9}
    log = branch(parent, kept, tmp_path / "new", changes)
    prepared = read_run(log)
    assert log == tmp_path / "new" / "slower.run.jsonl" and prepared.state == "stopped"
    assert (prepared.header.parent, prepared.header.parent_step) == (parent.header.id, 6)
    assert (prepared.header.floor, prepared.header.optimizer) == (0.5, "adamw")
    assert prepared.header.rates == {"lr": 0.001} and prepared.header.id != parent.header.id
    history = logged(log, 9, lr=0.001, save_to=checkpoint_path(log))
    assert history.losses[:6] == parent.columns["loss"] and history.steps == 9
    child = read_run(log)
    assert child.columns["step"] == [7, 8, 9] and child.state == "finished"
    assert child.columns["learning_rate"][0] < 0.001
    assert (path.read_bytes(), kept.read_bytes()) == before
    assert sorted(os.listdir(tmp_path / "new")) == ["slower.run.jsonl", "slower.safetensors"]


def test_a_branch_that_cannot_be_made_leaves_nothing_behind(tmp_path):
    path, kept = tmp_path / "one.run.jsonl", tmp_path / "one.safetensors"
    logged(path, 2, save_to=kept)
    checkpoint.save_model(tiny(), tmp_path / "model.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    run, before = read_run(path), sorted(os.listdir(tmp_path))
    for changes, file, words in (
        ({"name": "two", "colour": "red"}, kept, "'colour' cannot be changed: floor, name, opt"),
        ({"name": "two", "id": "a"}, kept, "'id' cannot be changed"),
        ({}, kept, "name=None must be the name of the new run"),
        ({"name": "a/b"}, kept, "name='a/b' must be the name of the new run, and fit into"),
        ({"name": ".."}, kept, "fit into a file name"),
        ({"name": "one"}, kept, r"one\.run\.jsonl exists already: give the new run another name"),
        ({"name": "noise"}, kept, r"noise\.safetensors exists already"),
        ({"name": "two", "floor": "low"}, kept, "floor='low' must be a finite number"),
        ({"name": "two"}, tmp_path / "none", "there is no checkpoint"),
        ({"name": "two"}, tmp_path / "noise.safetensors", "damaged"),
        ({"name": "two"}, tmp_path / "model.safetensors", "holds a model, but no training"),
    ):
        with pytest.raises(ValueError, match=words):
            branch(run, file, tmp_path, changes)
    assert sorted(os.listdir(tmp_path)) == before
    assert re.fullmatch("[0-9a-f]{12}", run.header.id)
