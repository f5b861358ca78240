"""The checks of lab 2 beyond what `test_checks_labs.py` tests for every lab: rare mistakes, the
five bugs, each alone, and the open challenge."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers.back_propagation import (
    ANSWERS,
    backward_with,
    broken_with,
    moving_step,
    narrow,
)

from grooves.checks import CheckFailed
from grooves.checks import back_propagation as check
from grooves.checks.back_propagation import challenge as challenge
from grooves.checks.back_propagation.challenge import BAR, SEEDS, Recipe, Run, _read, _run, _why
from grooves.language.corpora import digits
from grooves.models.layers import new_network

RIGHT, WRONG = ANSWERS.right_answers["recipe"], ANSWERS.wrong_answers["recipe"]
TOO_SLOW = ("rate_too_large", "too_narrow")  # those that come closest to the bar


pytestmark = pytest.mark.usefixtures("own_progress")


def by_a_queue(result):
    found, waiting = {result: np.ones(result.shape)}, [result]
    while waiting:
        node = waiting.pop(0)
        for parent, local in node.parents:
            new = narrow(np.asarray(local(found[node])), parent.shape)
            found[parent] = found[parent] + new if parent in found else new
            waiting.append(parent)
    return found


def by_recursion_at_once(result):
    found = {result: np.ones(result.shape)}

    def go(node):
        for parent, local in node.parents:
            new = narrow(np.asarray(local(found[node])), parent.shape)
            found[parent] = found.get(parent, 0.0) + new
            go(parent)

    go(result)
    return found


def last_picture_kept(x, W, g):
    for picture, upstream in zip(x, g, strict=True):
        to_W = np.outer(picture, upstream)
    return g @ W.T, to_W


@pytest.mark.parametrize(
    ("exercise", "hint", "answer"),
    [
        ("backward", "passed_on_again", by_a_queue),
        ("backward", "passed_on_again", by_recursion_at_once),
        ("matmul_backward", "last_kept", last_picture_kept),
    ],
)
def test_a_mistake_written_in_another_way_is_the_same_mistake(exercise, hint, answer):
    with pytest.raises(CheckFailed) as caught:
        getattr(check, exercise)(answer)
    assert caught.value.hint == hint


def test_a_gradient_that_fails_on_the_long_chain_alone_is_refused():
    right = ANSWERS.reference("backward")

    def answer(result):
        found = right(result)
        cap = 2.0**30 if len(found) > 40 else np.inf
        return {node: np.minimum(g, cap) for node, g in found.items()}

    with pytest.raises(CheckFailed, match=r"a chain of 41 tensors"):
        check.backward(answer)


def test_a_recipe_that_misses_is_told_only_what_it_can_still_change(monkeypatch):
    runs = 5 * [Run(133, 0.97, 0.1)]
    monkeypatch.setattr(challenge, "_run", lambda chosen, seed: Run(400, 0.9, 0.1))
    hint, why = _why(Recipe("adam", lambda step: 0.1, 0.9, 64, 128, noise=0.5), runs)
    assert hint == "slow"
    assert "no noise" in why
    assert not any(word in why for word in ("batch", "wider", "decays"))
    hint, why = _why(Recipe(lr=0.5, batch_size=64, hidden=100), runs)
    assert "wider" in why and "decays" in why and "noise" not in why
    monkeypatch.setattr(challenge, "_run", lambda c, seed: Run(90 if c.lr == 1.0 else 400, 1, 0))
    hint, why = _why(Recipe(lr=0.5, batch_size=64, hidden=128), runs)
    assert (hint, "times 2 " in why) == ("rate_too_small", True)


@pytest.mark.parametrize(
    ("hint", "methods"),
    [
        ("nothing_moves", {"backward": backward_with()}),
        ("biases_small", {"step": moving_step, "backward": backward_with(biases=False)}),
        ("wrong_mask", {"step": moving_step, "backward": backward_with(mask=False)}),
        ("not_transposed", {"step": moving_step, "backward": backward_with(transposed=False)}),
        ("remembers", {"step": moving_step, "backward": backward_with(cleared=False)}),
    ],
)
def test_each_of_the_five_bugs_is_known_by_its_own_symptom(hint, methods):
    with pytest.raises(CheckFailed) as caught:
        check.mended(broken_with(**methods))
    assert caught.value.hint == hint


def test_there_is_no_sixth_bug():
    check.mended(broken_with(step=moving_step, backward=backward_with()))


def test_no_verdict_of_the_challenge_hangs_on_a_rounding():
    def score(answer):
        chosen = _read(answer(), 64, 128)
        return np.mean([_run(chosen, seed).steps for seed in SEEDS])

    for answer in (ANSWERS.reference("recipe"), *RIGHT.values()):
        assert score(answer) < BAR - 15
    for hint in TOO_SLOW:
        assert score(WRONG[hint]) > BAR + 30


def test_the_challenge_counts_the_steps_that_pytorch_counts():
    chosen = Recipe(optimizer="momentum", lr=0.1, batch_size=64, hidden=128, scale=1.5)
    for seed in (0, 1):
        net, rng, order = new_network((64, 128, 10), seed), np.random.default_rng(seed), []
        W1, W2 = (torch.tensor(1.5 * W, requires_grad=True) for W in net.weights)
        b1, b2 = (torch.tensor(b, requires_grad=True) for b in net.biases)
        optimizer = torch.optim.SGD([W1, b1, W2, b2], lr=0.1, momentum=0.9)
        train_x, test_x = map(torch.tensor, (digits().train_images, digits().test_images))
        train_y, test_y = map(torch.tensor, (digits().train_labels, digits().test_labels))

        def logits(x, W1=W1, b1=b1, W2=W2, b2=b2):
            return F.relu(x @ W1 + b1) @ W2 + b2

        steps = read = 0
        while read < 0.97:
            if len(order) < 64:
                order = rng.permutation(len(train_y))
            batch, order = order[:64], order[64:]
            optimizer.zero_grad()
            F.cross_entropy(logits(train_x[batch]), train_y[batch]).backward()
            optimizer.step()
            steps += 1
            with torch.no_grad():
                read = (logits(test_x).argmax(1) == test_y).double().mean()
        assert abs(_run(chosen, seed).steps - steps) <= 2


def test_the_race_allows_more_than_the_exercise_and_begins_elsewhere(capsys):
    def large():
        return {"optimizer": "adam", "lr": 0.01, "batch_size": 256, "hidden": 200}

    with pytest.raises(CheckFailed) as caught:
        check.recipe(large)
    assert caught.value.hint == "batch_size"
    score = check.race(large)
    same_seeds = np.mean([_run(Recipe(**large()), seed).steps for seed in SEEDS])
    assert 10 < score < BAR
    assert score != same_seeds
    assert f"score {score:.1f}" in capsys.readouterr().out
