"""Back ends of PyTorch: named as PyTorch names them, and the same step on each that is here."""

import pytest
import torch

from grooves.hardware import backends


def test_every_back_end_is_a_device_that_pytorch_knows():
    for one in backends.BACKENDS:
        name = {"privateuse1": torch._C._get_privateuse1_backend_name()}.get(one.device, one.device)
        assert torch.device(name).type == name
    with pytest.raises(RuntimeError):
        torch.device("npu2")


def test_what_is_here_was_built_in_or_came_as_a_package():
    built = backends.built_in()
    assert backends.here()[0] == "cpu" and built["cpu"]
    known = {one.device for one in backends.BACKENDS}
    assert set(built) <= known
    for device in backends.here():
        assert built.get(device, True)


def test_a_step_of_training_lowers_the_loss_and_repeats():
    before, after = backends.training_step("cpu")
    assert after < before
    assert backends.training_step("cpu") == (before, after)
    assert backends.training_step("cpu", seed=1) != (before, after)


def test_a_device_that_computes_something_else_is_noticed(monkeypatch):
    assert all(off <= backends.TOLERANCE for off in backends.compared().values())
    step = backends.training_step
    monkeypatch.setattr(backends, "here", lambda: ["cpu", "other"])
    monkeypatch.setattr(backends, "training_step", lambda d: step("cpu", seed=int(d == "other")))
    found = backends.compared()
    assert found["cpu"] == 0 and found["other"] > backends.TOLERANCE
