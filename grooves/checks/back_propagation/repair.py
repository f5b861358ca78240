"""Check of lab 02, eighth part: a network that learns badly (chapter 02).

Key idea: the network is judged by its behaviour. How far each weight has moved, divided by the
learning rate, is the gradient that the network used, and it is compared with PyTorch's, from the
last layer to the first. The check does not look at the student's code.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import draw
from grooves.checks.back_propagation.rules import LAB
from grooves.checks.back_propagation.symptoms import (
    N_PICTURES,
    NAMES,
    check_first_layer,
    check_last_layer,
    check_moves,
    check_scale,
    check_second_layer,
    check_second_step,
    fail,
    same,
)
from grooves.checks.compare import refuse_given_changed
from grooves.language.corpora import digits

N_IN, N_HIDDEN, N_OUT = 12, 7, 5
STEPS, BATCH, RATE = 200, 64, 0.3
SMALL_RATE = 0.04  # no usual rate is as many times as large as a batch has pictures
FAR = 1e-3  # relative to how far a parameter moves; single precision stays closer
BAR = 0.9  # a repaired network classifies about 97% of the test pictures correctly


@check(lab=LAB, exercise="mended")
def mended(answer):
    """mended(n_in, n_hidden, n_out, seed) -> a network of three layers whose `learn` is right."""
    net = answer(N_IN, N_HIDDEN, N_OUT, 0)
    _check_kind(net)
    begun = np.array(net.parameters["W1"])
    other = answer(N_IN, N_HIDDEN, N_OUT, 1)  # which must not change when the first one learns
    others = {name: np.array(p) for name, p in other.parameters.items()}
    for seed, name in enumerate(NAMES):  # biases of 0 would hide mistakes
        net.parameters[name] += draw(50 + seed, *net.parameters[name].shape, scale=0.1)
    first, second, one, nine = (
        (draw(60 + i, n, N_IN), (np.arange(n) * (i + 1) + i // 2) % N_OUT)
        for i, n in enumerate((N_PICTURES, N_PICTURES, 1, 9))
    )
    true, used, not_transposed, wrong_mask = _one_step(net, *first)
    check_moves(used)
    check_scale(used, true)
    check_last_layer(used, true)
    check_second_layer(used, true, wrong_mask)
    check_first_layer(used, true, not_transposed)

    then, now, *_ = _one_step(net, *second)
    check_second_step(now, then, true)
    for (x, labels), lr in ((one, 0.2), (nine, 0.02)):
        then, now, *_ = _one_step(net, x, labels, lr)
        _check_later_step(now, then, f"on a batch of {len(x)}, with a rate of {lr}")
    _check_blank_picture(net)
    if any(not np.array_equal(other.parameters[name], p) for name, p in others.items()):
        raise CheckFailed(
            "when one of two networks learns, the other changes too. Create everything that a "
            "network keeps in `__init__`, as attributes of `self`.",
            hint="shared",
        )
    if np.array_equal(begun, others["W1"]):
        raise CheckFailed(
            "with seed = 0 and with seed = 1 the network begins with the same weights. Pass the "
            "seed on.",
            hint="seed",
        )
    reached = _train(answer)
    refuse_given_changed(answer, "Broken")
    return f"After {STEPS} steps it classifies {reached:.1%} of the test pictures correctly."


# ---- one step ----------------------------------------------------------------------------------


def _one_step(net, x, labels, lr=SMALL_RATE):
    """Let the network learn once. Returns: the true gradients; those that it used; and those of W1
    with W2 not transposed, and of W2 with the first layer's mask on the second.

    Raises: CheckFailed where it returns another loss, or changes its batch.
    """
    before = {name: np.array(net.parameters[name], dtype=float) for name in NAMES}
    given = x.copy(), labels.copy()
    loss = net.learn(*given, lr)
    used = {name: (before[name] - np.array(net.parameters[name])) / lr for name in NAMES}
    leaves = {name: torch.tensor(before[name], requires_grad=True) for name in NAMES}
    W1, b1, W2, b2, W3, b3 = leaves.values()
    z1 = torch.from_numpy(x) @ W1 + b1
    z2 = F.relu(z1) @ W2 + b2
    logits = F.relu(z2) @ W3 + b3
    target = torch.from_numpy(labels)
    found = F.cross_entropy(logits, target)
    _check_loss(loss, found.item())
    if not (np.array_equal(given[0], x) and np.array_equal(given[1], labels)):
        raise CheckFailed("learn changed the batch that it was given.", hint="changed_input")
    gradients = torch.autograd.grad(found, list(leaves.values()))
    true = {name: g.numpy() for name, g in zip(NAMES, gradients, strict=True)}
    with torch.no_grad():
        g3 = (logits.softmax(-1) - F.one_hot(target, N_OUT)) / len(x)
        g2 = (g3 @ W3.T) * (z2 > 0)
        not_transposed = (torch.from_numpy(x).T @ ((g2 @ W2) * (z1 > 0))).numpy()
        other_mask = (F.relu(z1).T @ ((g3 @ W3.T) * (z1 > 0))).numpy()
    return true, used, not_transposed, other_mask


def _check_kind(net) -> None:
    if not (isinstance(getattr(net, "parameters", None), dict) and hasattr(net, "learn")):
        raise CheckFailed(
            f"mended returned {describe(net)}. It must return a network like Broken(...), with "
            "`parameters` and `learn`.",
            hint="wrong_type",
        )
    if missing := [name for name in NAMES if name not in net.parameters]:
        raise CheckFailed(
            f"the network has no parameter {missing[0]}. Keep the names W1, b1 to W3, b3.",
            hint="names",
        )


def _check_loss(told, true: float) -> None:
    if told is None:
        raise CheckFailed(
            "learn returned None. It must return the loss of its batch.", hint="no_loss"
        )
    if np.size(told) != 1 or not abs(float(np.ravel(told)[0]) - true) < 1e-4 * (1 + true):
        fail(
            "loss",
            f"learn returned a loss of {np.ravel(told)[0]:.4g} for a batch; PyTorch's is "
            f"{true:.4g}.",
            "you changed the *forward* pass, or return the loss after the step.",
        )


def _check_later_step(now, then, when: str) -> None:
    if wrong := [name for name in NAMES if not same(now[name], then[name])]:
        raise CheckFailed(
            f"two steps are right. In a later one, {when}, {wrong[0]} does not move by its "
            "gradient.",
            hint="later_step",
        )


def _check_blank_picture(net) -> None:
    """For a blank picture each z of the first layer is the bias alone; some are exactly 0."""
    for name, most in (
        ("b1", -0.1),
        ("b2", 0.1),
    ):  # the first layer is inactive, the second half active
        bias = net.parameters[name]
        bias[:] = np.linspace(most, 0.0, len(bias))
        bias[::3] = 0.0
    true, used, *_ = _one_step(net, np.zeros((1, N_IN)), np.array([2]))
    if wrong := [name for name in NAMES if not same(used[name], true[name])]:
        raise CheckFailed(
            f"two steps are right. For a blank picture, where some z are exactly 0, {wrong[0]} "
            "does not move by its gradient.\nLikely mistake: at z = 0 you pass the gradient on. By "
            "convention the slope there is 0.",
            hint="slope_at_zero",
        )


def _train(answer) -> float:
    data, rng = digits(), np.random.default_rng(70)
    net = answer(64, 32, 10, 1)
    begun = [np.array(net.parameters[name], dtype=float) for name in NAMES]
    right = [torch.tensor(p, requires_grad=True) for p in begun]
    for _ in range(STEPS):
        some = rng.choice(len(data.train_labels), BATCH, replace=False)
        net.learn(data.train_images[some], data.train_labels[some], RATE)
        _descend(right, *map(torch.from_numpy, (data.train_images[some], data.train_labels[some])))
    W1, b1, W2, b2, W3, b3 = (np.asarray(net.parameters[name]) for name in NAMES)
    hidden = np.maximum(np.maximum(data.test_images @ W1 + b1, 0) @ W2 + b2, 0)
    reached = float(((hidden @ W3 + b3).argmax(axis=1) == data.test_labels).mean())
    if not reached >= BAR:
        fail(
            "learns_badly",
            f"two steps are right, but after {STEPS} steps the accuracy is {reached:.0%}; a "
            f"correct network reaches more than {BAR:.0%}.",
            "something that changes over the steps: a rate, a counter, a gradient that is clipped.",
        )
    for name, p, start in zip(NAMES, right, begun, strict=True):
        way = p.detach().numpy()
        if not np.linalg.norm(net.parameters[name] - way) < FAR * np.linalg.norm(way - start):
            raise CheckFailed(
                f"the first steps are right, but after {STEPS} steps {name} is not where its "
                "gradients lead.\nLikely mistake: something changes over the steps: a rate, a "
                "counter, a step that is skipped.",
                hint="later_step",
            )
    return reached


def _descend(parameters, x, labels) -> None:
    """One step of PyTorch's for a network of three layers."""
    W1, b1, W2, b2, W3, b3 = parameters
    loss = F.cross_entropy(F.relu(F.relu(x @ W1 + b1) @ W2 + b2) @ W3 + b3, labels)
    with torch.no_grad():
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p -= RATE * g
