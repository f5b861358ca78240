"""Log-probabilities, pairs and losses against values worked out apart from the code."""

import copy
import math

import pytest
import torch
from tiny_models import some_ids, tiny

from grooves.fine_tuning.preferences import (
    Pairs,
    bradley_terry_loss,
    dpo_loss,
    encode,
    fit_pairs,
    ipo_loss,
    pair_up,
    story_log_probs,
    token_log_probs,
)

TEXTS = [[3, 7, 2], [5, 5, 9, 1, 4], [8]]


def by_hand(model, text, n_prompt=0, ended=True):
    """The sum of log-probabilities, one forward pass for each token."""
    tokens, total = [*text, 0] if ended else text, 0.0
    for place in range(n_prompt, len(tokens)):
        logits = model(torch.tensor([[0, *tokens[:place]]])).detach()[0, -1].double()
        total += float(logits.log_softmax(-1)[tokens[place]])
    return total


@pytest.mark.parametrize("n_prompt", [0, 1, [2, 3, 0]])
def test_a_texts_log_probability_is_the_sum_over_what_was_written(n_prompt):
    model, ended = tiny(), [True, False, True]
    prompts = [n_prompt] * 3 if isinstance(n_prompt, int) else n_prompt
    expected = [by_hand(model, *some) for some in zip(TEXTS, prompts, ended, strict=True)]
    found = story_log_probs(model, TEXTS, n_prompt, ended)
    assert found.tolist() == pytest.approx(expected, abs=1e-4)


def test_long_lists_are_read_in_parts_with_the_same_result():
    model = tiny()
    texts = [some_ids(1, 3 + i % 5, seed=i)[0].tolist() for i in range(120)]
    prompts, ended = [i % 3 for i in range(120)], [i % 2 == 0 for i in range(120)]
    with torch.no_grad():
        found = story_log_probs(model, texts, prompts, ended)
    whole = token_log_probs(model, *encode(texts, prompts, ended)).sum(1)
    assert torch.allclose(found, whole, atol=1e-4)


def test_a_text_that_fills_the_context_is_cut_there():
    model = tiny(context=6)
    assert encode([[4] * 9], context=6)[0].shape == (1, 6)
    expected = by_hand(model, [4] * 6, ended=False)
    assert story_log_probs(model, [[4] * 9]).item() == pytest.approx(expected, abs=1e-4)


def test_a_prompt_longer_than_its_text_is_refused():
    with pytest.raises(ValueError, match="prompt of 4 tokens"):
        encode(TEXTS, 4)


@pytest.mark.parametrize(
    ("chosen", "rejected", "n_prompt", "message"),
    [
        ([[1]], [], 0, "1 chosen and 0 rejected"),
        ([], [], 0, "at least one pair"),
        ([[1, 2], [3]], [[1, 3], [3]], 0, "pair 1 holds the same text twice"),
        ([[1, 2]], [[3, 2]], 1, "different prompts"),
    ],
)
def test_what_are_no_pairs_is_refused(chosen, rejected, n_prompt, message):
    with pytest.raises(ValueError, match=message):
        Pairs(chosen, rejected, n_prompt)


def test_some_pairs_keep_their_texts_and_prompts_together():
    pairs = Pairs([[1, 2], [3, 4], [5]], [[1, 9], [3, 8], [7]], (1, 1, 0))
    some = pairs.take([2, 0])
    assert (some.chosen, some.rejected, some.prompts) == ([[5], [1, 2]], [[7], [1, 9]], [0, 1])
    model = tiny()
    chosen, rejected = some.log_probs(model)
    assert chosen.tolist() == pytest.approx([by_hand(model, [5]), by_hand(model, [1, 2], 1)], 1e-4)
    assert rejected[1].item() == pytest.approx(by_hand(model, [1, 9], 1), abs=1e-4)


def test_rated_texts_become_pairs_of_one_liked_and_one_disliked():
    texts, ratings = [[1], [2], [3], [4], [5], [6]], [1, 0, -1, 1, -1, 1]
    pairs = pair_up(texts, ratings)
    assert (pairs.chosen, pairs.rejected) == ([[1], [4]], [[3], [5]])
    assert len(pair_up(texts, ratings, n=1)) == 1


def test_the_losses_are_those_worked_out_by_hand():
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    chosen, rejected = torch.tensor([2.0, 0.5]), torch.tensor([1.0, 1.5])
    expected = -(math.log(sigmoid(1.0)) + math.log(sigmoid(-1.0))) / 2
    assert bradley_terry_loss(chosen, rejected).item() == pytest.approx(expected)
    ref = torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0])
    # gained: chosen 1, -0.5; rejected -1, 1.5; so h is 2 and -2
    expected = -(math.log(sigmoid(0.6)) + math.log(sigmoid(-0.6))) / 2
    assert dpo_loss(chosen, rejected, *ref, beta=0.3).item() == pytest.approx(expected)
    expected = ((2 / 4 - 1) ** 2 + (-2 / 4 - 1) ** 2) / 2
    assert ipo_loss(chosen, rejected, *ref, margin=4.0).item() == pytest.approx(expected)


def test_a_beta_or_margin_of_zero_and_an_unknown_method_are_refused():
    some = (torch.zeros(2),) * 4
    with pytest.raises(ValueError, match="beta=0"):
        dpo_loss(*some, beta=0)
    with pytest.raises(ValueError, match="margin=-1"):
        ipo_loss(*some, margin=-1)
    with pytest.raises(ValueError, match="one of dpo, ipo, ordinary"):
        fit_pairs(tiny(), tiny(), Pairs([[1]], [[2]]), "ppo")


@pytest.mark.parametrize("method", ["dpo", "ipo", "ordinary"])
def test_fitting_makes_the_chosen_texts_likelier_than_the_rejected_ones(method):
    model, reference = tiny(), tiny()
    before = copy.deepcopy(reference.state_dict())
    texts = some_ids(8, 6)
    pairs = Pairs(texts[:4].tolist(), texts[4:].tolist())
    history = fit_pairs(model, reference, pairs, method, steps=20, lr=3e-3, batch=4)
    with torch.no_grad():
        gains = [
            (now - then).mean().item()
            for now, then in zip(pairs.log_probs(model), pairs.log_probs(reference), strict=True)
        ]
    assert gains[0] - gains[1] > 0.5
    assert history.losses[-1] < history.losses[0]
    assert history.chosen[0] == pytest.approx(0, abs=1e-5)  # nothing is gained before a step
    assert history.chosen[-1] - history.rejected[-1] == pytest.approx(gains[0] - gains[1], rel=0.5)
    assert not model.training
    for name, weight in reference.state_dict().items():
        assert torch.equal(weight, before[name]), "the reference has changed"


def test_ordinary_training_sees_nothing_of_the_rejected_texts():
    texts, models = some_ids(12, 6), []
    for others in (texts[4:8], texts[8:]):
        model = tiny()
        pairs = Pairs(texts[:4].tolist(), others.tolist())
        fit_pairs(model, tiny(), pairs, "ordinary", steps=3, batch=4)
        models.append(model)
    one, two = models
    assert torch.allclose(one.embedding.weight, two.embedding.weight, atol=1e-6)
