"""Training loses nothing: not to Ctrl-C, not to a killed process, not to a loss that explodes."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_models import VOCABULARY, some_ids, tiny
from torch import nn

from grooves.models.lstm import LSTM
from grooves.models.transformer import Config
from grooves.training import checkpoint
from grooves.training.checkpoint import CheckpointError
from grooves.training.loop import Divergence, History, train

TESTS = Path(__file__).resolve().parents[1]  # and its own folder, in the script


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


def run(model, **arguments):
    return train(model, FewRows(), **({"progress": False} | arguments))


def stop_after(step):
    """Press Ctrl-C in the middle of training."""

    def on_step(history, _):
        if history.steps == step:
            signal.raise_signal(signal.SIGINT)

    return on_step


def same_weights(a, b):
    return all(map(torch.equal, a.parameters(), b.parameters()))


# ---- the loop ----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_training_lowers_the_loss_and_counts_what_it_does(optimizer):
    history = run(tiny(), steps=60, optimizer=optimizer)
    assert history.steps == len(history.losses) == 60
    assert history.words == 60 * 4 * 12
    assert history.words_per_s == history.words / history.seconds
    assert sum(history.losses[-5:]) < 0.7 * sum(history.losses[:5])
    assert not history.interrupted


def test_the_first_two_steps_are_the_plain_steps_of_their_optimizer():
    """Loss, backward, clip to length one, step: done again here by hand.

    The second step is the one that shows a length: AdamW's first is as long for any gradient.
    """
    model, by_hand = tiny(), tiny()
    run(model, steps=100, optimizer="adamw", lr=0.01, on_step=stop_after(2))
    weights = list(by_hand.parameters())
    adamw = torch.optim.AdamW(weights, betas=(0.9, 0.99), weight_decay=0.0)
    for step, share in enumerate((0.0, 0.01)):
        adamw.param_groups[0]["lr"] = 0.01 * (share + 1e-3) / 0.03  # the schedule's rise
        inputs, targets = FewRows().batch(step)
        logits = by_hand(inputs).flatten(0, 1)
        adamw.zero_grad()
        nn.functional.cross_entropy(logits, targets.flatten()).backward()
        length = math.sqrt(sum(float(w.grad.square().sum()) for w in weights))
        assert length > 1.1, "something to clip"
        for w in weights:
            w.grad /= length
        adamw.step()
    for a, b in zip(model.parameters(), weights, strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_padding_is_not_counted_as_words_read():
    class Padded(FewRows):
        def batch(self, step):
            ids, targets = super().batch(step)
            targets[:, 7:] = -100
            return ids, targets

    assert train(tiny(), Padded(), steps=3, progress=False).words == 3 * 4 * 7


def test_an_lstm_is_trained_by_the_same_loop():
    model = LSTM(Config(vocabulary_size=VOCABULARY), width=16)
    losses = run(model, steps=60).losses
    assert sum(losses[-5:]) < 0.95 * sum(losses[:5])


@pytest.mark.parametrize(
    "budget",
    [
        {},
        {"seconds": 1, "steps": 1},
        {"steps": 0},
        {"seconds": 0},
        {"steps": -3},
        {"seconds": -0.5},
        {"seconds": math.nan},
        {"seconds": math.inf},
    ],
)
def test_anything_but_one_positive_budget_is_refused(budget):
    model = tiny()
    with pytest.raises(ValueError, match="give one positive budget, not seconds="):
        run(model, **budget)
    assert same_weights(model, tiny())


def test_a_time_budget_ends_with_the_step_that_spends_it():
    shares, seconds = [], []

    def watch(history, share):
        shares.append(share)
        seconds.append(history.seconds)

    history = run(tiny(), seconds=0.3, on_step=watch)
    assert all(share < 1 for share in shares[:-1])
    assert shares[-1] == 1
    assert seconds[-2] < 0.3 <= seconds[-1] == history.seconds
    assert shares == sorted(shares)


def test_time_spent_looking_on_is_not_counted():
    history = run(tiny(), steps=4, on_step=lambda *_: time.sleep(0.2))
    assert history.seconds < 0.8


def test_the_bar_shows_the_loss_and_how_far_it_is_from_perfect(capsys):
    train(tiny(), FewRows(), steps=3, entropy=0.25)
    shown = re.findall(r"([\d.]+) nats a word, (-?[\d.]+) above the best", capsys.readouterr().err)
    assert shown
    assert all(float(loss) - float(above) == pytest.approx(0.25, abs=2e-3) for loss, above in shown)


def test_the_bar_of_a_timed_run_counts_its_seconds_once(capsys):
    train(tiny(), FewRows(), seconds=0.2)
    bar = capsys.readouterr().err.rpartition("\r")[2]
    assert re.search(r"\| 0\.2 of 0\.2 s, [\d.]+ nats a word", bar), bar
    assert "s/s" not in bar


# ---- nothing is lost ---------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("stops", [[1], [7], [11], [3, 4, 9]])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path, stops, optimizer):
    whole = tiny()
    expected = run(whole, steps=12, optimizer=optimizer, save_to=tmp_path / "whole.safetensors")
    path = tmp_path / "parts.safetensors"
    for stop in stops:
        history = run(tiny(), steps=12, optimizer=optimizer, save_to=path, on_step=stop_after(stop))
        assert history.interrupted
        assert history.steps == stop
    model = tiny(seed=99)  # whatever it was, the checkpoint decides
    history = run(model, steps=12, optimizer=optimizer, save_to=path)
    assert history.losses == expected.losses
    assert history.words == expected.words
    assert same_weights(model, whole)
    (a, _), (b, _) = (checkpoint.read(tmp_path / f"{n}.safetensors") for n in ("whole", "parts"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a), "the optimizers' memory too"


def test_a_finished_training_is_not_begun_again(tmp_path):
    path = tmp_path / "c.safetensors"
    done, model = tiny(), tiny(seed=99)
    first = run(done, steps=5, save_to=path)
    again = run(model, steps=5, save_to=path, on_step=lambda *_: pytest.fail("one more step"))
    assert again.losses == first.losses
    assert same_weights(model, done)
    longer = run(model, steps=8, save_to=path)
    assert longer.steps == 8
    assert longer.losses[:5] == first.losses
    fresh = tiny()
    assert run(fresh, steps=2, save_to=path, resume=False).steps == 2


def test_checkpoints_are_written_on_the_way(tmp_path):
    path, seen = tmp_path / "c.safetensors", []

    def look(history, _):
        seen.append(len(checkpoint.read(path)[0]["losses"]) if path.exists() else 0)

    run(tiny(), steps=10, save_to=path, save_every=4, on_step=look)
    assert seen == [0, 0, 0, 4, 4, 4, 4, 8, 8, 8]
    assert len(checkpoint.read(path)[0]["losses"]) == 10


def test_ctrl_c_finishes_the_step_and_gives_ctrl_c_back(capsys):
    before = signal.getsignal(signal.SIGINT)
    model = tiny()
    history = run(model, steps=50, on_step=stop_after(3))
    assert history.interrupted
    assert history.steps == 3
    assert capsys.readouterr().out == "Stopped after step 3; not saved.\n"
    assert signal.getsignal(signal.SIGINT) is before
    assert not model.training
    after_three = tiny()
    run(after_three, steps=50, on_step=stop_after(3))
    assert same_weights(model, after_three)


SCRIPT = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + '/training']
from test_train_loop import run
from tiny_models import tiny
say = lambda history, share: print(history.steps, flush=True)
run(tiny(), steps={steps}, save_to={path!r}, save_every={every}, on_step=say)
"""


DIE = """
import os, signal
from grooves.training import checkpoint
whole, writes = checkpoint.save_file, []
def save_file(tensors, target, metadata):
    whole(tensors, target, metadata)
    writes.append(target)
    if len(writes) == {at_write}:
        os.truncate(target, os.path.getsize(target) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save_file = save_file
"""


def start(path, steps, every, first=""):
    """The same training in a process of its own; it prints each step."""
    script = first + SCRIPT.format(tests=str(TESTS), path=str(path), steps=steps, every=every)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_interrupted_process_has_lost_no_step(tmp_path):
    path = tmp_path / "c.safetensors"
    process = start(path, steps=100_000, every=100_000)
    for line in process.stdout:
        if int(line) == 20:
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait() == 0
    said = re.search(r"Stopped after step (\d+); saved in (.*), the same call goes on", rest)
    assert said
    losses = checkpoint.read(path)[0]["losses"].tolist()
    assert len(losses) == int(said[1]) >= 20
    uninterrupted = run(tiny(), steps=100_000, on_step=stop_after(len(losses)))
    assert losses == uninterrupted.losses


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_killed_process_leaves_its_last_checkpoint_usable(tmp_path):
    """The worst moment: the process is gone when half of a checkpoint is written."""
    path, steps = tmp_path / "c.safetensors", 0
    for at_write in (5, 9):
        process = start(path, steps=100_000, every=1, first=DIE.format(at_write=at_write))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        losses = checkpoint.read(path)[0]["losses"].tolist()
        steps += at_write - 1
        assert len(losses) == steps
    assert losses == run(tiny(), steps=100_000, on_step=stop_after(steps)).losses


@pytest.mark.parametrize(
    ("changes", "arguments", "words"),
    [
        ({"n_embd": 32}, {}, "is from a model of another size"),
        ({"mix": False}, {}, "is from another model"),
        ({}, {"optimizer": "adamw"}, "another optimizer"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_and_left_alone(
    tmp_path, changes, arguments, words
):
    path = tmp_path / "c.safetensors"
    run(tiny(), steps=2, save_to=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=words):
        run(tiny(**changes), steps=4, save_to=path, **arguments)
    assert path.read_bytes() == before


def test_a_model_without_its_training_is_no_training_to_go_on_from(tmp_path):
    checkpoint.save_model(tiny(), tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="holds a model, but no training to go on from"):
        run(tiny(), steps=4, save_to=tmp_path / "m.safetensors")


# ---- when it goes wrong ------------------------------------------------------------------------


class Scripted(nn.Module):
    """A model whose losses are given beforehand."""

    def __init__(self, losses):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.losses = iter(losses)

    def loss(self, inputs, targets):
        return self.weight.sum() * 0 + next(self.losses)


@pytest.mark.parametrize(
    ("losses", "sentence"),
    [
        (
            [3.0, 2.5, math.nan],
            r"The loss is not a number at step 3; the learning rates \(lr=0\.5, matrix_lr=0\.025\) "
            r"are the likely cause: try a third",
        ),
        (
            [3.0, 2.5, 2.0, 64.5],
            r"The loss rose from 3\.00 to 64\.50 at step 4; the learning rates \(lr=0\.5",
        ),
        ([math.inf], r"The loss is not a number at step 1; it was so before any step, so look at"),
    ],
)
def test_a_lost_loss_is_reported_with_the_step_and_the_likely_cause(tmp_path, losses, sentence):
    path = tmp_path / "c.safetensors"
    with pytest.raises(Divergence, match=sentence) as report:
        run(Scripted(losses), steps=9, optimizer="adamw", lr=0.5, save_to=path, save_every=1)
    assert "\n" not in str(report.value)
    kept = checkpoint.read(path)[0]["losses"].tolist() if path.exists() else []
    assert kept == losses[:-1], "the last good step is on the disk, the bad one is not"
    if kept:
        assert f"the last checkpoint in {path} is untouched" in str(report.value)


def test_a_real_explosion_is_caught():
    with pytest.raises(Divergence, match="try a third"):
        run(tiny(), steps=200, optimizer="adamw", lr=1e4)


def test_an_unlucky_batch_is_no_explosion():
    assert run(Scripted([3.0, 1.0, 5.0]), steps=3, optimizer="adamw").steps == 3


def test_a_history_without_steps_has_no_rate():
    assert History().words_per_s == 0.0
