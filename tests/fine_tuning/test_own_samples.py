"""Training on one's own accepted texts, beside the control."""

import copy

import pytest
import torch
from tiny_models import tiny

from grooves.fine_tuning.own_samples import train_on_accepted

FAVOURITE = 7


def with_favourite(texts):
    """A judge: every text that holds the favourite token."""
    return [FAVOURITE in text for text in texts]


def settings(**more):
    return {"per_round": 64, "batch": 8, "rounds": 8, "lr": 0.01} | more


def test_the_accepted_share_rises_with_the_judge_and_not_without():
    ends = {}
    for control in (False, True):
        model = tiny(context=6)
        history = train_on_accepted(model, with_favourite, control=control, **settings())
        ends[control] = sum(history.rewards[-3:]) / 3 - history.rewards[0]
        assert (history.steps, history.texts) == (8, 512)
        assert not model.training
    assert ends[False] > 0.25
    assert ends[True] < ends[False] / 2


def test_where_nothing_is_accepted_the_model_stays_as_it_was():
    model = tiny(context=6)
    before = copy.deepcopy(model.state_dict())
    history = train_on_accepted(model, lambda texts: [False] * len(texts), **settings(rounds=2))
    assert history.rewards == [0, 0]
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_no_more_is_trained_on_than_asked_for(monkeypatch):
    from grooves.fine_tuning import own_samples

    sizes = []
    real = own_samples.encode
    monkeypatch.setattr(
        own_samples,
        "encode",
        lambda texts, *more: (sizes.append(len(texts)), real(texts, *more))[1],
    )
    everything = lambda texts: [True] * len(texts)  # noqa: E731
    train_on_accepted(tiny(context=6), everything, **settings(rounds=1, max_batches=3))
    assert sizes == [8, 8, 8]


@pytest.mark.parametrize("budget", [{"rounds": None}, {"seconds": 1.0}])
def test_one_budget_is_needed(budget):
    with pytest.raises(ValueError, match="give one budget"):
        train_on_accepted(tiny(), with_favourite, **settings(**budget))
