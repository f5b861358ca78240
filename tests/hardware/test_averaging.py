"""Weights that are averaged, steps that are predicted, one request by several processes."""

import pytest
import torch
from torch import nn

from grooves.hardware.many_devices import averaging, tensor_requests, wire_steps
from grooves.training.distributed.ranks import joined


@pytest.fixture
def alone():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with joined() as ranks:
        yield ranks
    torch.set_num_threads(before)


def ring_of(monkeypatch, other):
    """Let every all-reduce add another rank's vector."""
    monkeypatch.setattr(averaging.dist, "all_reduce", lambda vector: vector.add_(other))


def test_weights_become_the_average_of_all_ranks(monkeypatch):
    weights = [nn.Parameter(torch.tensor([1.0, 2.0])), nn.Parameter(torch.tensor([[3.0]]))]
    outer = averaging.Outer(weights, 2)
    ring_of(monkeypatch, torch.tensor([3.0, 4.0, 5.0, 0.8]))
    assert outer.average(0.4) == pytest.approx(0.6)  # the clocks' average
    assert weights[0].tolist() == [2.0, 3.0]
    assert weights[1].tolist() == [[4.0]]


def test_momentum_goes_on_in_the_direction_of_the_averaged_change(monkeypatch):
    """DiLoCo's outer step, twice, with rate 0.7 and Nesterov momentum 0.9."""
    weight = nn.Parameter(torch.tensor([10.0]))
    outer = averaging.Outer([weight], 2, momentum=0.9)
    weight.data[:] = 8.0
    ring_of(monkeypatch, torch.tensor([8.0, 0.0]))
    outer.average(0.0)  # a change of 2: velocity 2
    first = 10 - 0.7 * (2 + 0.9 * 2)
    assert weight.item() == pytest.approx(first)
    weight.data[:] = first - 1
    ring_of(monkeypatch, torch.tensor([first - 1, 0.0]))
    outer.average(0.0)  # a change of 1: velocity 0.9 * 2 + 1
    assert weight.item() == pytest.approx(first - 0.7 * (1 + 0.9 * 2.8))


def test_a_mode_says_how_often_ranks_meet():
    assert averaging.parse("alone") == (0, 0.0)
    assert averaging.parse("every step") == (1, 0.0)
    assert averaging.parse("every 64") == (64, 0.0)
    assert averaging.parse("every 16 with momentum") == (16, 0.9)
    assert {averaging.parse(mode)[0] for mode in averaging.MODES} == {0, 1, 16, 64}
    with pytest.raises(ValueError, match="mode='sometimes'"):
        averaging.parse("sometimes")


def test_a_training_that_averages_ends_with_a_meeting(alone):
    model, steps = averaging.train("every 4", 0.05, 0, alone, corpus=60)
    assert steps > 0 and steps % 4 == 0
    assert not model.training
    _, by_clock = averaging.train("every step", 0.02, 0, alone, corpus=60)
    assert by_clock >= 1


def test_a_step_is_predicted_from_its_computing_its_messages_and_its_bytes():
    wire = [
        {"kind": "all_reduce", "n_bytes": n, "median_s": 0.008 + n / 10e6}
        for n in (4096, 65536, 1048576)
    ]
    steps = [
        {"model": "m", "way": "alone", "n_bytes": 400_000, "messages": 0, "step_s": 0.010},
        {"model": "m", "way": "flat", "n_bytes": 400_000, "messages": 1, "step_s": 0.058},
        {"model": "m", "way": "naive", "n_bytes": 400_000, "messages": 8, "step_s": 0.200},
    ]
    found, rows = wire_steps.predicted(wire + steps)
    assert found.alpha_s == pytest.approx(0.008)
    assert [row["way"] for row in rows] == ["flat", "naive"]
    assert rows[0]["error"] == pytest.approx(0, abs=1e-6)
    assert rows[1]["predicted_s"] == pytest.approx(0.010 + 8 * 0.008 + 0.040)
    assert rows[1]["error"] == pytest.approx(0.114 / 0.200 - 1)


def test_steps_are_timed_with_the_messages_that_they_send(alone):
    rows = {way: wire_steps.time_steps(way, {}, alone, 1, 6) for way in wire_steps.WAYS}
    assert [rows[way]["messages"] for way in ("alone", "flat", "naive")] == [0, 1, 8]
    assert all(row["step_s"] > 0 and row["n_bytes"] == 382_720 for row in rows.values())


def test_a_token_by_both_is_the_token_by_one(alone):
    found = tensor_requests.measure(64, alone, 0.01)
    assert found["difference"] < 1e-5
    assert found["speedup"] == pytest.approx(found["alone_s"] / found["together_s"])
    assert found["throughput"] == pytest.approx(found["two_s"] / 2 / found["together_s"])
