"""Two workers find what one finds, the same bits every time, and leave PyTorch's threads alone."""

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.training import data_parallel
from grooves.training.data_parallel import Team


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def batch():
    """Five texts of unequal length: the two workers get unequal shares of words."""
    ids = some_ids(5, 12)
    targets = ids.roll(-1, 1)
    for row, length in enumerate((3, 12, 5, 12, 9)):
        targets[row, length:] = -100
    return ids, targets


def gradients(model, inputs, targets):
    with Team(model) as team:
        loss = team.backward(inputs, targets)
    return team.n_workers, loss, [p.grad.clone() for p in model.parameters()]


def test_two_workers_find_the_loss_and_gradient_of_the_whole_batch(two_threads):
    inputs, targets = batch()
    n_workers, loss, found = gradients(tiny(), inputs, targets)
    alone = tiny()
    expected = alone.loss(inputs, targets)
    expected.backward()
    assert n_workers == 2
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for gradient, weight in zip(found, alone.parameters(), strict=True):
        assert torch.allclose(gradient, weight.grad, rtol=1e-4, atol=1e-6)


def test_two_workers_give_the_same_bits_every_time(two_threads):
    first, *others = (gradients(tiny(), *batch())[2] for _ in range(10))
    for other in others:
        assert all(map(torch.equal, first, other))


@pytest.mark.parametrize("left", ["one text", "one half is padding"])
def test_a_batch_that_cannot_be_divided_is_done_by_one(two_threads, left):
    inputs, targets = batch()
    if left == "one text":
        inputs, targets = inputs[:1], targets[:1]
    else:
        targets[:2] = -100
    _, loss, found = gradients(tiny(), inputs, targets)
    assert loss == pytest.approx(tiny().loss(inputs, targets).item(), rel=1e-5)
    assert all(gradient.isfinite().all() for gradient in found)


def test_a_small_model_has_one_thread_a_worker_and_gives_them_back(two_threads):
    with Team(tiny()):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="in the middle"), Team(tiny()):
        raise RuntimeError("in the middle")
    assert torch.get_num_threads() == 2


def test_a_large_model_keeps_pytorchs_own_threads(two_threads, monkeypatch):
    monkeypatch.setattr(data_parallel, "SMALL", 100)
    with Team(tiny()) as team:
        assert team.n_workers == 1
        assert torch.get_num_threads() == 2


def test_one_core_has_one_worker():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert gradients(tiny(), *batch())[0] == 1
    finally:
        torch.set_num_threads(before)


def test_what_goes_wrong_in_the_other_worker_is_raised(two_threads):
    inputs, targets = batch()
    inputs[0, 0] = 10**6  # no such word, and in the other worker's share
    with Team(tiny()) as team, pytest.raises(IndexError):
        team.backward(inputs, targets)
